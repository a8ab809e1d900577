//! From gradients to new weights: clip, normalise, regularise, update, in that order as in Caffe.

use super::Solver;
use super::rules::{At, Rule};
use crate::device::cpu::{Cpu, PIECE};
use crate::{Blob, Error, Kind, Result};

/// How weights are kept small: by adding to the gradient λ w (L2) or λ sign(w) (L1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Regularization {
    L1,
    L2,
}

impl Solver {
    /// Turns the gradients in the parameters' diffs into steps and takes them: diff = step, data = data - diff.
    ///
    /// # Errors
    /// A gradient that is not finite, with the layer's name.
    pub fn apply_update(&mut self) -> Result {
        self.lend_to(None);
        if self.card()?.is_some() {
            return self.update_on_card();
        }
        let rate = self.rate()?;
        self.check_gradients()?;
        let scale = self.clip_scale();
        let (iter, cpu) = (self.iter, self.cpu.clone());
        let Solver { history, rule, param, regularization, .. } = self;
        let net = &mut self.net;
        let params = net.store_mut().len();
        for (i, (blob, spec)) in net.store_mut().iter_mut().enumerate() {
            let update = Update {
                at: At { lr: rate * spec.lr_mult, iter },
                scale: scale / param.iter_size() as f32,
                decay: param.weight_decay() * spec.decay_mult,
                regularization: *regularization,
                rule: &**rule,
            };
            let mut memory: Vec<&mut [f32]> =
                history.iter_mut().skip(i).step_by(params).map(|h| h.slice_mut()).collect();
            update.apply(&cpu, blob, &mut memory);
        }
        Ok(())
    }

    /// Refuses a gradient that is not finite, before it gets into any weight.
    pub(super) fn check_gradients(&self) -> Result {
        let bad = |(blob, _): &(&Blob, _)| !is_finite(blob.diff.slice());
        let Some((_, spec)) = self.net.store().iter().find(bad) else { return Ok(()) };
        let message = format!("the gradient of its parameter {} is not finite at iteration {}", spec.index, self.iter);
        Err(Error::new(Kind::NonFinite, message)
            .layer(&spec.layer)
            .hint("a smaller base_lr, clip_gradients or another filler usually helps"))
    }

    /// What to multiply all gradients with, so that their norm is at most `clip_gradients`.
    fn clip_scale(&self) -> f32 {
        let limit = self.param.clip_gradients();
        if limit < 0.0 {
            return 1.0;
        }
        let sumsq: f64 = self.net.store().iter().map(|(blob, _)| sumsq(blob)).sum();
        let norm = sumsq.sqrt() as f32;
        if norm > limit { limit / norm } else { 1.0 }
    }
}

fn sumsq(blob: &Blob) -> f64 {
    blob.diff.slice().iter().map(|&d| d as f64 * d as f64).sum()
}

/// Whether all values are finite: the exponent bits of infinities and NaN are all ones. A maximum of integers may be taken in
/// any order, so the loop runs in vectors.
fn is_finite(x: &[f32]) -> bool {
    x.iter().fold(0, |most, x| most.max(x.to_bits() & 0x7fff_ffff)) < f32::INFINITY.to_bits()
}

/// The update of one parameter, which is done in pieces: each piece is read and written once, while it is in the cache.
struct Update<'a> {
    at: At,
    scale: f32,
    decay: f32,
    regularization: Regularization,
    rule: &'a dyn Rule,
}

impl Update<'_> {
    fn apply(&self, cpu: &Cpu, blob: &mut Blob, memory: &mut [&mut [f32]]) {
        let (w, dw) = (blob.data.slice_mut().chunks_mut(PIECE), blob.diff.slice_mut().chunks_mut(PIECE));
        let mut memory: Vec<_> = memory.iter_mut().map(|m| m.chunks_mut(PIECE)).collect();
        let mut pieces: Vec<_> = w
            .zip(dw)
            .map(|(w, dw)| (w, dw, memory.iter_mut().filter_map(|m| m.next()).collect::<Vec<&mut [f32]>>()))
            .collect();
        cpu.pieces(&mut pieces, 1, |_, pieces| {
            for (w, dw, memory) in pieces {
                self.regularize(w, dw);
                self.rule.update(&self.at, w, dw, memory);
                for (w, step) in w.iter_mut().zip(dw.iter()) {
                    *w -= *step;
                }
            }
        });
    }

    /// dw = scale dw + λ w or λ sign(w).
    fn regularize(&self, w: &[f32], dw: &mut [f32]) {
        let (scale, decay) = (self.scale, self.decay);
        for (w, dw) in w.iter().zip(dw) {
            *dw = match self.regularization {
                Regularization::L2 => scale * *dw + decay * w,
                Regularization::L1 => scale * *dw + decay * sign(*w),
            };
        }
    }
}

/// -1, 0 or 1.
fn sign(w: f32) -> f32 {
    if w == 0.0 { 0.0 } else { w.signum() }
}
