//! # BNLL: y = ln(1 + eˣ)
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! The binomial normal log likelihood, a ReLU without the corner; others call it softplus. dx = dy σ(x), with
//! σ(x) = 1 / (1 + e⁻ˣ). Computed as y = max(x, 0) + ln(1 + e^-|x|), which overflows for no x. No parameters.

use super::pointwise;
use super::sigmoid::sigmoid;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

/// y = ln(1 + eˣ), value by value.
pub struct Bnll {
    kernels: Kernels,
}

impl Layer for Bnll {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Bnll { kernels: Kernels::new(include_str!("../../kernels/bnll.cu")) })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        match cx.device {
            Device::Cpu(cpu) => pointwise::forward(cpu, x, y, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
            Device::Gpu(gpu) => self.kernels.map(gpu, "bnll_forward", &[], &[x], y),
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
        match cx.device {
            Device::Cpu(cpu) => pointwise::backward(cpu, x, dy, dx, |x, dy| dy * sigmoid(x)),
            Device::Gpu(gpu) => self.kernels.map(gpu, "bnll_backward", &[], &[x, dy], dx),
        }
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
