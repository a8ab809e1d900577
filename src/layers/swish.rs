//! # Swish: y = x σ(βx), with σ(t) = 1 / (1 + e⁻ᵗ)
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy (s + β x s (1 - s)), with s = σ(βx). `swish_param { beta }` is β, 1 if not given: 0 halves x, and the larger β is,
//! the nearer comes y to ReLU. Ramachandran, Zoph and Le 2017.

use super::pointwise;
use super::sigmoid::sigmoid;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

/// x, let through by its own sigmoid.
pub struct Swish {
    beta: f32,
    kernels: Kernels,
}

impl Layer for Swish {
    fn new(param: &LayerParameter) -> Result<Self> {
        let beta = param.swish_param.unwrap_or_default().beta();
        Ok(Swish { beta, kernels: Kernels::new(include_str!("../../kernels/swish.cu")) })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        let beta = self.beta;
        match cx.device {
            Device::Cpu(cpu) => pointwise::forward(cpu, x, y, |x| x * sigmoid(beta * x)),
            Device::Gpu(gpu) => self.kernels.map(gpu, "swish_forward", &[beta], &[x], y),
        }
    }

    fn backward(
        &mut self,
        cx: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        if !propagate_down[0] {
            return Ok(());
        }
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let dy = &top[0].diff;
        let beta = self.beta;
        match cx.device {
            Device::Cpu(cpu) => pointwise::backward(cpu, x, dy, dx, |x, dy| {
                let s = sigmoid(beta * x);
                dy * (s + beta * x * s * (1.0 - s))
            }),
            Device::Gpu(gpu) => self.kernels.map(gpu, "swish_backward", &[beta], &[x, dy], dx),
        }
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
