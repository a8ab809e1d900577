//! # AbsVal: y = |x|
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy where x > 0, -dy where x < 0, and 0 at 0. No parameters.

use super::pointwise;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

/// The size of a value without its sign.
pub struct AbsVal {
    kernels: Kernels,
}

impl Layer for AbsVal {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(AbsVal { kernels: Kernels::new(include_str!("../../kernels/absval.cu")) })
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
            Device::Cpu(cpu) => pointwise::forward(cpu, x, y, f32::abs),
            Device::Gpu(gpu) => self.kernels.map(gpu, "absval_forward", &[], &[x], y),
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
            Device::Cpu(cpu) => pointwise::backward(cpu, x, dy, dx, |x, dy| match x {
                x if x > 0.0 => dy,
                x if x < 0.0 => -dy,
                _ => 0.0,
            }),
            Device::Gpu(gpu) => self.kernels.map(gpu, "absval_backward", &[], &[x, dy], dx),
        }
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
