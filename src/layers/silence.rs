//! # Silence: nothing
//!
//! | blob        | shape | meaning             |
//! |-------------|-------|---------------------|
//! | `bottom[i]` | any   | a blob nobody wants |
//!
//! It has no tops, so that a blob it takes is not one of the net's outputs. dx = 0.

use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

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

    fn backward(
        &mut self,
        cx: &Cx,
        _: &mut [Blob],
        _: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        for (Blob { diff: dx, .. }, _) in bottom.iter_mut().zip(propagate_down).filter(|(_, wanted)| **wanted) {
            match cx.device {
                Device::Cpu(_) => dx.fill(0.0),
                Device::Gpu(gpu) => {
                    let n = dx.count();
                    gpu.fill(dx.memory_mut().card_over(gpu)?, n, 0.0)?;
                }
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
