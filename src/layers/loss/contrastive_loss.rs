//! # ContrastiveLoss: L = 1/(2N) Σₙ (s d² + (1 - s) max(0, margin - d)²), with d = |a - b|
//!
//! | blob        | shape  | meaning                                       |
//! |-------------|--------|-----------------------------------------------|
//! | `bottom[0]` | N x .. | a                                             |
//! | `bottom[1]` | N x .. | b, each row the partner of a's                |
//! | `bottom[2]` | N      | s: 1 if the two of a pair are alike, 0 if not |
//! | `top[0]`    | `[]`   | L, the loss                                   |
//!
//! Pairs that are alike are drawn together, others pushed apart until they are `contrastive_loss_param { margin }`
//! away, 1 if not given (Hadsell, Chopra and LeCun 2006). da = dL/N f (a - b) and db = -da, with f = 1 for a pair that
//! is alike, and f = -max(0, margin - d) / (d + 1e-4) for one that is not; the 1e-4 is Caffe's and keeps f finite where
//! a = b. `legacy_version: true` takes max(0, margin - d²) for the second square, and f = -1 where that is not 0.

use super::formula::*;
use super::labels;
use crate::proto::ContrastiveLossParameter;

/// Draws pairs together, or pushes them apart.
pub type ContrastiveLoss = Loss<Contrastive>;

/// The formula of [`ContrastiveLoss`].
pub struct Contrastive {
    param: ContrastiveLossParameter,
}

impl Formula for Contrastive {
    const KERNELS: Passes = passes!("loss", "contrastive_loss");
    const TERMS: Terms = Terms::Samples;
    const GRADIENTS: usize = 2;
    const BOTTOMS: RangeInclusive<usize> = 3..=3;

    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Contrastive { param: param.contrastive_loss_param.unwrap_or_default() })
    }

    fn reshape(&mut self, bottom: &[Blob]) -> Result<Groups> {
        let groups = labels::pair(bottom)?;
        if bottom[2].count() != groups.outer {
            let (pairs, s) = (groups.outer, bottom[2].shape());
            return Err(Error::shape(format!("bottom[2] has shape {s:?}, and there are {pairs} pairs"))
                .hint("bottom[2] has one value for each pair: 1 if its two are alike, 0 if not"));
        }
        Ok(groups)
    }

    fn forward(&self, x: &[&Values]) -> Result<(f64, usize)> {
        let margin = self.param.margin() as f64;
        let terms = pairs(x).map(|(a, b, s)| {
            let d2 = distance_squared(a, b);
            let term = match (alike(s), self.param.legacy_version()) {
                (true, _) => d2,
                (false, true) => positive(margin - d2),
                (false, false) => positive(margin - d2.sqrt()).powi(2),
            };
            term / 2.0
        });
        Ok((terms.sum(), x[2].count()))
    }

    fn backward(&self, x: &[&Values], scale: f32, da: &mut [f32]) -> Result {
        let (margin, k) = (self.param.margin() as f64, x[0].count() / x[2].count().max(1));
        for ((a, b, s), da) in pairs(x).zip(da.chunks_exact_mut(k.max(1))) {
            let d2 = distance_squared(a, b);
            let f = match (alike(s), self.param.legacy_version()) {
                (true, _) => 1.0,
                (false, true) if d2 < margin => -1.0,
                (false, true) => 0.0,
                (false, false) => -positive(margin - d2.sqrt()) / (d2.sqrt() + 1e-4),
            };
            for ((da, a), b) in da.iter_mut().zip(a).zip(b) {
                *da = scale * f as f32 * (a - b);
            }
        }
        Ok(())
    }

    fn args<'a>(&'a mut self, _: &Gpu, x: &[&'a Values]) -> Result<Vec<Arg<'a>>> {
        let (margin, legacy) = (self.param.margin(), i32::from(self.param.legacy_version()));
        Ok(vec![margin.arg(), legacy.arg(), x[0].arg(), x[1].arg(), x[2].arg()])
    }
}

/// Each row of a with its partner of b, and their s.
fn pairs<'a>(x: &[&'a Values]) -> impl Iterator<Item = (&'a [f32], &'a [f32], f32)> {
    let (a, b, s) = (x[0].slice(), x[1].slice(), x[2].slice());
    let k = a.len() / s.len().max(1);
    s.iter().enumerate().map(move |(i, &s)| (&a[i * k..][..k], &b[i * k..][..k], s))
}

/// d² = |a - b|².
fn distance_squared(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| ((a - b) as f64).powi(2)).sum()
}

/// Whether s says that a pair is alike: like a label it has no fraction.
fn alike(s: f32) -> bool {
    s.trunc() != 0.0
}

/// max(0, x); a NaN stays one.
fn positive(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x }
}
