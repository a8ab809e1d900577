//! # HingeLoss: L = 1/N Σₙ Σ_c max(0, 1 - t x[n, c])ᵖ, with t = 1 at the right class and -1 at the others
//!
//! | blob        | shape  | meaning                        |
//! |-------------|--------|--------------------------------|
//! | `bottom[0]` | N x .. | x, a score for each class      |
//! | `bottom[1]` | N      | the right class of each sample |
//! | `top[0]`    | `[]`   | L, the loss                    |
//!
//! The right class shall score 1 or more, each of the others -1 or less; what is missing, h = max(0, 1 - t x), is the
//! loss. `hinge_loss_param { norm }` is p: L1, if not given, or L2. dx = -dL/N t where h > 0, and 0 elsewhere; with L2
//! dx = -dL/N 2 t h. Every value of a sample is a class.

use super::loss;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::proto::hinge_loss_parameter::Norm;
use crate::{Blob, Error, Result};

/// How much each score lacks to its margin.
pub struct HingeLoss {
    norm: Norm,
}

impl Layer for HingeLoss {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(HingeLoss { norm: param.hinge_loss_param.unwrap_or_default().norm() })
    }

    fn arity(&self) -> Arity {
        Arity::loss(2..=2, 1..=1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        loss::check_labels(&bottom[0], &bottom[1], bottom[0].num())?;
        top[0].reshape(&[])
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, labels) = (bottom[0].data.slice(), bottom[1].data.slice());
        let (n, classes) = sizes(&bottom[0]);
        let mut sum = 0.0f64;
        for (i, &label) in labels.iter().enumerate() {
            let l = loss::class(label, i, 1, classes, None)?;
            for (c, x) in x[i * classes..][..classes].iter().enumerate() {
                let h = missing(c == l, *x) as f64;
                sum += if self.norm == Norm::L1 { h } else { h * h };
            }
        }
        top[0].data.fill((sum / n as f64) as f32);
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
        let (n, classes) = sizes(&bottom[0]);
        let [Blob { data: x, diff: dx }, labels] = bottom else {
            return Err(Error::shape("HingeLoss has two bottoms"));
        };
        let (x, dx, labels) = (x.slice(), dx.slice_mut(), labels.data.slice());
        let scale = top[0].diff.scalar() / n as f32;
        for (i, &label) in labels.iter().enumerate() {
            let l = loss::class(label, i, 1, classes, None)?;
            let sample = i * classes..(i + 1) * classes;
            for (c, (dx, &x)) in dx[sample.clone()].iter_mut().zip(&x[sample]).enumerate() {
                let (t, h) = (if c == l { 1.0 } else { -1.0 }, missing(c == l, x));
                *dx = match self.norm {
                    Norm::L1 if h == 0.0 => 0.0,
                    Norm::L1 => -scale * t,
                    Norm::L2 => -scale * 2.0 * t * h,
                };
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

    fn propagates(&self, bottom: usize) -> bool {
        bottom == 0
    }
}

/// N, at least 1, and the number of classes.
fn sizes(x: &Blob) -> (usize, usize) {
    let n = x.num().max(1);
    (n, x.count() / n)
}

/// h = max(0, 1 - t x); a NaN stays one.
fn missing(right: bool, x: f32) -> f32 {
    let h = if right { 1.0 - x } else { 1.0 + x };
    if h < 0.0 { 0.0 } else { h }
}
