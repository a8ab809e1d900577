//! # TanH: y = tanh x
//!
//! | blob        | shape | meaning             |
//! |-------------|-------|---------------------|
//! | `bottom[0]` | any   | x                   |
//! | `top[0]`    | as x  | y, between -1 and 1 |
//!
//! dx = dy (1 - y²). No parameters.

use super::pointwise;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

/// y = tanh x, value by value.
pub struct Tanh {
    kernels: Kernels,
}

impl Layer for Tanh {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Tanh { kernels: Kernels::new(include_str!("../../kernels/tanh.cu")) })
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
            Device::Cpu(cpu) => pointwise::forward(cpu, x, y, f32::tanh),
            Device::Gpu(gpu) => self.kernels.map(gpu, "tanh_forward", &[], &[x], y),
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
            Device::Cpu(cpu) => pointwise::backward(cpu, y, dy, dx, |y, dy| dy * (1.0 - y * y)),
            Device::Gpu(gpu) => self.kernels.map(gpu, "tanh_backward", &[], &[y, dy], dx),
        }
    }

    fn needs(&self) -> Needs {
        Needs::Y
    }

    fn is_flat(&self, _: f32, y: f32) -> bool {
        y * y == 1.0
    }
}
