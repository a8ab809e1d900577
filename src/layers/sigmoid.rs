//! # Sigmoid: y = 1 / (1 + e⁻ˣ)
//!
//! | blob        | shape | meaning            |
//! |-------------|-------|--------------------|
//! | `bottom[0]` | any   | x                  |
//! | `top[0]`    | as x  | y, between 0 and 1 |
//!
//! dx = dy y (1 - y). Computed as y = tanh(x / 2) / 2 + 1 / 2, which overflows for no x. No parameters.

use super::pointwise;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

/// y = 1 / (1 + e⁻ˣ), value by value.
pub struct Sigmoid {
    kernels: Kernels,
}

impl Layer for Sigmoid {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Sigmoid { kernels: Kernels::new(include_str!("../../kernels/sigmoid.cu")) })
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
            Device::Cpu(cpu) => pointwise::forward(cpu, x, y, sigmoid),
            Device::Gpu(gpu) => self.kernels.map(gpu, "sigmoid_forward", &[], &[x], y),
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
        let (y, dy, dx) = (&top[0].data, &top[0].diff, &mut bottom[0].diff);
        match cx.device {
            Device::Cpu(cpu) => pointwise::backward(cpu, y, dy, dx, |y, dy| dy * y * (1.0 - y)),
            Device::Gpu(gpu) => self.kernels.map(gpu, "sigmoid_backward", &[], &[y, dy], dx),
        }
    }

    fn needs(&self) -> Needs {
        Needs::Y
    }

    fn is_flat(&self, _: f32, y: f32) -> bool {
        y * (1.0 - y) == 0.0
    }
}

/// 1 / (1 + e⁻ˣ).
pub(super) fn sigmoid(x: f32) -> f32 {
    0.5 * (0.5 * x).tanh() + 0.5
}
