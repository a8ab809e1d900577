//! # AbsVal: y = |x|
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy where x > 0, -dy where x < 0, and 0 at 0. No parameters.

use super::pointwise;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Result};

/// The size of a value without its sign.
pub struct AbsVal;

impl Layer for AbsVal {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(AbsVal)
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
        pointwise::forward(cx, x, y, f32::abs);
        Ok(())
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
        let (x, dx, dy) = (x.slice(), dx.slice_mut(), top[0].diff.slice());
        pointwise::backward(cx, x, dy, dx, |x, dy| match x {
            x if x > 0.0 => dy,
            x if x < 0.0 => -dy,
            _ => 0.0,
        });
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
