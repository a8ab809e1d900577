//! # TanH: y = tanh x
//!
//! | blob        | shape | meaning             |
//! |-------------|-------|---------------------|
//! | `bottom[0]` | any   | x                   |
//! | `top[0]`    | as x  | y, between -1 and 1 |
//!
//! dx = dy (1 - y²). No parameters.

use crate::device::cpu::PIECE;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Result};

/// y = tanh x, value by value.
pub struct Tanh;

impl Layer for Tanh {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Tanh)
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
        cx.device.host().pieces(y, PIECE, |start, y| {
            for (y, x) in y.iter_mut().zip(&x[start..]) {
                *y = x.tanh();
            }
        });
        Ok(())
    }

    fn backward(
        &mut self,
        _: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        if !propagate_down[0] {
            return Ok(());
        }
        let (y, dy, dx) = (top[0].data.slice(), top[0].diff.slice(), bottom[0].diff.slice_mut());
        for ((dx, dy), y) in dx.iter_mut().zip(dy).zip(y) {
            *dx = dy * (1.0 - y * y);
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::Y
    }

    fn is_flat(&self, _: f32, y: f32) -> bool {
        y * y == 1.0
    }
}
