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

use super::formula::*;
use super::labels;

/// Half the mean squared distance.
pub type EuclideanLoss = Loss<Euclidean>;

/// The formula of [`EuclideanLoss`].
pub struct Euclidean;

impl Formula for Euclidean {
    const KERNELS: Passes = passes!("loss", "euclidean_loss");
    const TERMS: Terms = Terms::Values;
    const GRADIENTS: usize = 2;

    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Euclidean)
    }

    fn reshape(&mut self, bottom: &[Blob]) -> Result<Groups> {
        labels::pair(bottom)
    }

    fn forward(&self, x: &[&Values]) -> Result<(f64, usize)> {
        let (a, b) = (x[0].slice(), x[1].slice());
        Ok((a.iter().zip(b).map(|(a, b)| ((a - b) as f64).powi(2) / 2.0).sum(), a.len()))
    }

    fn backward(&self, x: &[&Values], scale: f32, da: &mut [f32]) -> Result {
        let (a, b) = (x[0].slice(), x[1].slice());
        for ((da, a), b) in da.iter_mut().zip(a).zip(b) {
            *da = scale * (a - b);
        }
        Ok(())
    }

    fn args<'a>(&'a mut self, _: &Gpu, x: &[&'a Values]) -> Result<Vec<Arg<'a>>> {
        Ok(vec![x[0].arg(), x[1].arg()])
    }
}
