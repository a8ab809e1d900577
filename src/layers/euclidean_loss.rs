//! # EuclideanLoss: L = 1/(2N) Σ (a - b)²
//!
//! | blob        | shape  | meaning            |
//! |-------------|--------|--------------------|
//! | `bottom[0]` | N x .. | a, the predictions |
//! | `bottom[1]` | N x .. | b, the targets     |
//! | `top[0]`    | `[]`   | L, the loss        |
//!
//! da = dL (a - b) / N, and db = -da: unlike other losses it has a gradient for both bottoms, so that two nets can be
//! drawn towards each other. No parameters.

use super::loss;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Error, Result};

/// Half the mean squared distance.
pub struct EuclideanLoss;

impl Layer for EuclideanLoss {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(EuclideanLoss)
    }

    fn arity(&self) -> Arity {
        Arity::loss(2..=2, 1..=1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        loss::check_pair(&bottom[0], &bottom[1])?;
        top[0].reshape(&[])
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (a, b, n) = (bottom[0].data.slice(), bottom[1].data.slice(), bottom[0].num().max(1));
        let sum: f64 = a.iter().zip(b).map(|(a, b)| ((a - b) as f64).powi(2)).sum();
        top[0].data.fill((sum / (2 * n) as f64) as f32);
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
        let scale = top[0].diff.scalar() / bottom[0].num().max(1) as f32;
        let [Blob { data: a, diff: da }, Blob { data: b, diff: db }] = bottom else {
            return Err(Error::shape("EuclideanLoss has two bottoms"));
        };
        let (a, b) = (a.slice(), b.slice());
        for (d, scale, wanted) in [(da, scale, propagate_down[0]), (db, -scale, propagate_down[1])] {
            if wanted {
                for ((d, a), b) in d.slice_mut().iter_mut().zip(a).zip(b) {
                    *d = scale * (a - b);
                }
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }

    fn loss_weight(&self, _: usize) -> f32 {
        1.0
    }
}
