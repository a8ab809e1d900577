//! # HingeLoss: L = 1/N Σₙ Σ_c max(0, 1 - t x[n, c])ᵖ, with t = 1 at the right class and -1 at the others
//!
//! | blob        | shape  | meaning                        |
//! |-------------|--------|--------------------------------|
//! | `bottom[0]` | N x .. | x, a score for each class      |
//! | `bottom[1]` | N      | the right class of each sample |
//! | `top[0]`    | `[]`   | L, the loss                    |
//!
//! The right class should score 1 or more, each of the others -1 or less; the shortfall, h = max(0, 1 - t x), is the
//! loss. `hinge_loss_param { norm }` is p: L1, if not given, or L2. dx = -dL/N t where h > 0, and 0 elsewhere; with L2
//! dx = -dL/N 2 t h. Every value of a sample is a class.

use super::formula::*;
use super::labels::Labels;
use crate::proto::hinge_loss_parameter::Norm;

/// How far each score falls short of its margin.
pub type HingeLoss = Loss<Hinge>;

/// The formula of [`HingeLoss`].
pub struct Hinge {
    norm: Norm,
    labels: Labels,
}

impl Formula for Hinge {
    const KERNELS: Passes = passes!("loss", "hinge_loss");
    const TERMS: Terms = Terms::Values;

    fn new(param: &LayerParameter) -> Result<Self> {
        let norm = param.hinge_loss_param.unwrap_or_default().norm();
        Ok(Hinge { norm, labels: Labels::default() })
    }

    fn reshape(&mut self, bottom: &[Blob]) -> Result<Groups> {
        self.labels.reshape_flat(bottom)
    }

    fn forward(&self, x: &[&Values]) -> Result<(f64, usize)> {
        let (labels, x, classes) = (x[1], x[0].slice(), self.labels.groups.n);
        self.labels.sum(labels, |sum, i, l| {
            for (c, x) in x[i * classes..][..classes].iter().enumerate() {
                let h = missing(c == l, *x) as f64;
                *sum += if self.norm == Norm::L1 { h } else { h * h };
            }
        })
    }

    fn backward(&self, x: &[&Values], scale: f32, dx: &mut [f32]) -> Result {
        let (labels, x, classes) = (x[1], x[0].slice(), self.labels.groups.n);
        self.labels.each(labels, |i, label| {
            let sample = i * classes..(i + 1) * classes;
            for (c, (dx, &x)) in dx[sample.clone()].iter_mut().zip(&x[sample]).enumerate() {
                let right = label == Some(c);
                let (t, h) = (if right { 1.0 } else { -1.0 }, missing(right, x));
                *dx = match self.norm {
                    Norm::L1 if h == 0.0 => 0.0,
                    Norm::L1 => -scale * t,
                    Norm::L2 => -scale * 2.0 * t * h,
                };
            }
        })
    }

    fn args<'a>(&'a mut self, gpu: &Gpu, x: &[&'a Values]) -> Result<Vec<Arg<'a>>> {
        let (n, p) = (self.labels.groups.n, if self.norm == Norm::L1 { 1 } else { 2 });
        Ok(vec![n.arg(), p.arg(), x[0].arg(), x[1].arg(), self.labels.refusal(gpu)?])
    }
}

/// h = max(0, 1 - t x); a NaN stays one.
fn missing(right: bool, x: f32) -> f32 {
    let h = if right { 1.0 - x } else { 1.0 + x };
    if h < 0.0 { 0.0 } else { h }
}
