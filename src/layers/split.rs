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
use crate::proto::LayerParameter;
use crate::{Blob, Result};

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

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let x = &bottom[0].data;
        top.iter_mut().try_for_each(|y| y.data.copy_from(x))
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
        let dx = &mut bottom[0].diff;
        dx.copy_from(&top[0].diff)?;
        for y in &top[1..] {
            dx.scaled_add(1.0, &y.diff);
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
