//! # Split: y_i = x
//!
//! | blob        | shape | meaning                  |
//! |-------------|-------|--------------------------|
//! | `bottom[0]` | any   | x                        |
//! | `top[i]`    | as x  | y_i, one for each reader |
//!
//! dx = Σ dy_i, added in top order: the chain rule for a value that is used more than once. A net puts a Split behind
//! every blob that several layers read, so that each reader has a gradient of its own.

use crate::device::cpu::PIECE;
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
            (Device::Cpu(cpu), [y0, y1, more @ ..]) => {
                let (y0, y1) = (y0.diff.slice(), y1.diff.slice());
                cpu.pieces(dx.slice_mut(), PIECE, |start, dx| {
                    dx.iter_mut().zip(&y0[start..]).zip(&y1[start..]).for_each(|((dx, y0), y1)| *dx = y0 + y1);
                    for y in more {
                        dx.iter_mut().zip(&y.diff.slice()[start..]).for_each(|(dx, y)| *dx += y);
                    }
                });
                Ok(())
            }
            _ => cx.device.copy(&top[0].diff, dx),
        }
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
