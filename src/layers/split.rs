//! # Split: y_i = x
//!
//! | blob        | shape | meaning                  |
//! |-------------|-------|--------------------------|
//! | `bottom[0]` | any   | x                        |
//! | `top[i]`    | as x  | y_i, one for each reader |
//!
//! dx = Σ dy_i, added in top order: the chain rule for a value that is used more than once. A net puts a Split behind
//! every blob that several layers read, so that each reader has a gradient of its own.

use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

/// A copy of its bottom for each reader.
pub struct Split {
    kernels: Kernels,
}

impl Layer for Split {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Split { kernels: Kernels::new(include_str!("../../kernels/split.cu")) })
    }

    fn arity(&self) -> Arity {
        Arity::range(1..=1, 1..=usize::MAX)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top.iter_mut().try_for_each(|y| y.reshape_like(&bottom[0]))
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let x = &bottom[0].data;
        top.iter_mut().try_for_each(|y| cx.device.copy(x, &mut y.data))
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
        let dx = &mut bottom[0].diff;
        match (cx.device, top) {
            (Device::Gpu(gpu), [y0, y1, more @ ..]) => {
                self.kernels.map(gpu, "split_backward", &[], &[&y0.diff, &y1.diff], dx)?;
                more.iter().try_for_each(|y| self.kernels.update(gpu, "split_backward_more", &[], &[&y.diff], dx))
            }
            _ => {
                cx.device.copy(&top[0].diff, dx)?;
                top[1..].iter().for_each(|y| dx.scaled_add(1.0, &y.diff));
                Ok(())
            }
        }
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
