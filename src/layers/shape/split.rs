//! # Split: y_i = x
//!
//! | blob        | shape | meaning                  |
//! |-------------|-------|--------------------------|
//! | `bottom[0]` | any   | x                        |
//! | `top[i]`    | as x  | y_i, one for each reader |
//!
//! dx = Σ dy_i, added in top order: the chain rule for a value that is used more than once. A net puts a Split behind
//! every blob that several layers read, so that each reader has a gradient of its own.

use crate::layer::*;

const KERNELS: Kernels = kernels!("split");

/// A copy of its bottom for each reader.
pub struct Split;

impl Layer for Split {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Split)
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

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dx, n) = (&mut bottom[0].diff, top[0].count());
        match (cx.device, top) {
            (Device::Gpu(gpu), [y0, y1, more @ ..]) => {
                KERNELS.launch(gpu, "split_backward", n, args![n, y0.diff, y1.diff, dx.over()])?;
                more.iter()
                    .try_for_each(|y| KERNELS.launch(gpu, "split_backward_more", n, args![n, y.diff, dx.updated()]))
            }
            _ => {
                cx.device.copy(&top[0].diff, dx)?;
                top[1..].iter().try_for_each(|y| dx.scaled_add(1.0, &y.diff))
            }
        }
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
