//! From gradients to new weights: clip, normalise, regularise, update, in that order as in Caffe.

use super::Solver;
use super::rules::{At, HISTORY, Rule};
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
    /// A gradient that is not finite, with the layer's name; or, if the rule runs on the host, values that a GPU does
    /// not give back. No weight has changed then.
    pub fn apply_update(&mut self) -> Result {
        self.lend_to(None);
        if self.is_on_gpu()? {
            return self.update_on_card();
        }
        let rate = self.rate()?;
        // All that is to be changed is copied from a GPU first: if that fails, nothing has changed.
        let weights = self.net.store().iter().map(|(blob, _)| &blob.data);
        weights.chain(&self.history).try_for_each(|values| values.read().map(drop))?;
        self.check_gradients()?;
        let scale = self.clip_scale();
        let (iter, cpu) = (self.iter, self.cpu.clone());
        let Solver { net, history, rule, param, regularization, .. } = self;
        let params = net.store_mut().len();
        for (i, (blob, spec)) in net.store_mut().iter_mut().enumerate() {
            let update = Update {
                at: At { lr: rate * spec.lr_mult, iter },
                scale: scale / param.iter_size() as f32,
                decay: param.weight_decay() * spec.decay_mult,
                regularization: *regularization,
                rule: &**rule,
                learns: spec.lr_mult != 0.0,
            };
            let arrays = [blob.data.slice_mut(), blob.diff.slice_mut()].into_iter();
            let mut arrays = arrays.chain(history.iter_mut().skip(i).step_by(params).map(|h| h.slice_mut()));
            // The arrays of history that the rule does not ask for are empty.
            update.apply(&cpu, std::array::from_fn(|_| arrays.next().unwrap_or_default()));
        }
        Ok(())
    }

    /// Refuses a gradient that is not finite, before it gets into any weight.
    pub(super) fn check_gradients(&self) -> Result {
        self.net.store().iter().try_for_each(|(blob, _)| blob.diff.read().map(drop))?;
        let bad = |(blob, _): &(&Blob, _)| !self.cpu.all(blob.diff.slice(), PIECE, is_finite);
        let Some((_, spec)) = self.net.store().iter().find(bad) else { return Ok(()) };
        let message = format!("the gradient of its parameter {} is not finite at iteration {}", spec.index, self.iter);
        Err(Error::new(Kind::NonFinite, message)
            .layer(&spec.layer)
            .hint("a smaller base_lr, clip_gradients or another filler usually helps"))
    }

    /// What to multiply all gradients by, so that their norm is at most `clip_gradients`.
    fn clip_scale(&self) -> f32 {
        let limit = self.param.clip_gradients();
        if limit < 0.0 {
            return 1.0;
        }
        let sumsq: f64 = self.net.store().iter().map(|(blob, _)| blob.diff.sumsq_f64()).sum();
        let (norm, limit) = (sumsq.sqrt(), f64::from(limit)); // a norm may be beyond what an f32 holds
        if norm > limit { (limit / norm) as f32 } else { 1.0 }
    }
}

/// Whether all values are finite: the exponent bits of infinities and NaN are all ones. A maximum of integers may be
/// taken in any order, so the loop runs in vectors.
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
    /// If it does not, because its lr_mult is 0, only the history goes on, as in Caffe.
    learns: bool,
}

impl Update<'_> {
    /// Updates the weights, the first array, by the gradients, the second, and what the rule remembers, the others.
    fn apply(&self, cpu: &Cpu, arrays: [&mut [f32]; 2 + HISTORY]) {
        cpu.together(arrays, PIECE, &|[w, dw, mut memory @ ..]: [&mut [f32]; 2 + HISTORY]| {
            if self.learns {
                self.step(w, dw, &mut memory);
                w.iter_mut().zip(dw).for_each(|(w, step)| *w -= *step);
            } else {
                cpu.scratch(dw.len(), |untaken| {
                    untaken.copy_from_slice(dw);
                    self.step(w, untaken, &mut memory);
                });
            }
        });
    }

    /// Turns the gradient in `dw` into a step.
    fn step(&self, w: &[f32], dw: &mut [f32], memory: &mut [&mut [f32]; HISTORY]) {
        self.regularize(w, dw);
        self.rule.update(&self.at, w, dw, &mut memory[..self.rule.history()]);
    }

    /// dw = scale dw + λ w or λ sign(w).
    fn regularize(&self, w: &[f32], dw: &mut [f32]) {
        let (scale, decay) = (self.scale, self.decay);
        for (w, dw) in w.iter().zip(dw) {
            *dw = match self.regularization {
                Regularization::L2 => scale * *dw + decay * w,
                Regularization::L1 => scale * *dw + decay * if *w == 0.0 { 0.0 } else { w.signum() },
            };
        }
    }
}
