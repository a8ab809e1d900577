//! # Sigmoid: y = 1 / (1 + e⁻ˣ)
//!
//! | blob        | shape | meaning            |
//! |-------------|-------|--------------------|
//! | `bottom[0]` | any   | x                  |
//! | `top[0]`    | as x  | y, between 0 and 1 |
//!
//! dx = dy y (1 - y). Computed as y = tanh(x / 2) / 2 + 1 / 2, which overflows for no x. No parameters.

use crate::device::cpu::PIECE;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Result};

/// y = 1 / (1 + e⁻ˣ), value by value.
pub struct Sigmoid;

impl Layer for Sigmoid {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Sigmoid)
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
            for (y, &x) in y.iter_mut().zip(&x[start..]) {
                *y = sigmoid(x);
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
            *dx = dy * y * (1.0 - y);
        }
        Ok(())
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
