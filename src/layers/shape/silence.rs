//! # Silence: nothing
//!
//! | blob        | shape | meaning             |
//! |-------------|-------|---------------------|
//! | `bottom[i]` | any   | a blob nobody wants |
//!
//! It has no tops, so that a blob it takes is not one of the net's outputs. dx = 0.

use crate::layer::*;

/// Takes bottoms and makes nothing of them.
pub struct Silence;

impl Layer for Silence {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Silence)
    }

    fn arity(&self) -> Arity {
        Arity::range(1..=usize::MAX, 0..=0)
    }

    fn reshape(&mut self, _: &[Blob], _: &mut [Blob]) -> Result {
        Ok(())
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], _: &[Blob], _: &mut [Blob]) -> Result {
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], _: &[Blob], bottom: &mut [Blob]) -> Result {
        for (Blob { diff: dx, .. }, _) in bottom.iter_mut().zip(cx.propagate_down).filter(|(_, wanted)| **wanted) {
            cx.device.fill(0.0, dx)?;
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
