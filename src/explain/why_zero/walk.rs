//! The walk upwards that finds the [`Cause`].

use super::Cause;
use crate::Result;
use crate::net::debug::mean_size;
use crate::net::{Net, Step};
use std::collections::HashSet;

/// A gradient has vanished below this share of its upstream size; where terms cancel, f32 leaves about 1e-7.
const VANISHED: f32 = 1e-6;

/// A cause, at a blob's version and a step.
pub(super) struct Found {
    pub id: usize,
    pub step: usize,
    pub cause: Cause,
}

/// A walk upwards. Without `values` it stops where backward runs; with them it goes on to the origin of the values.
pub(super) struct Walk<'a> {
    net: &'a Net,
    values: bool,
    /// The versions that depend on a parameter, and on one that learns.
    depending: HashSet<usize>,
    learning: HashSet<usize>,
    seen: HashSet<usize>,
}

impl<'a> Walk<'a> {
    pub fn new(net: &'a Net, values: bool) -> Walk<'a> {
        let above = |is_source: &dyn Fn(&Step) -> bool| {
            let mut above: HashSet<usize> = HashSet::new();
            for step in &net.steps {
                if is_source(step) || step.bottom.iter().any(|b| above.contains(b)) {
                    above.extend(&step.top);
                }
            }
            above
        };
        let learns = |step: &Step| step.params.iter().any(|&p| net.params.specs[p].lr_mult != 0.0);
        let (depending, learning) = (above(&|step| !step.params.is_empty()), above(&learns));
        Walk { net, values, depending, learning, seen: HashSet::new() }
    }

    /// Why version `id` gets no gradient.
    pub fn blob(&mut self, id: usize) -> Result<Option<Found>> {
        let net = self.net;
        if !self.seen.insert(id) {
            return Ok(None); // two paths led here, and the first gave the answer
        }
        let Some((n, k)) = net.reader(id) else { return Ok(self.end(id)) };
        let step = &net.steps[n];
        let found = |cause| Ok(Some(Found { id, step: n, cause }));
        if !step.layer.propagates(k) || step.top.is_empty() {
            return found(Cause::NoGradient);
        }
        if !step.propagate_down[k] {
            if step.asked_down.get(k) == Some(&false) {
                return found(Cause::PropagateDown);
            }
            // The gradient is needed: a layer below learns, or the prototxt asks for it. The cause is further up.
            if self.learning.contains(&id) || step.asked_down.get(k) == Some(&true) {
                return self.above(n);
            }
            // A label that a Split copies has no gradient.
            let shared = if step.kind == "Split" { self.above(n)? } else { None };
            return match shared.filter(|found| found.cause == Cause::NoGradient) {
                None => found(self.not_asked(id)),
                label => Ok(label),
            };
        }
        if !self.values {
            return Ok(None);
        }
        if self.is_stale(n) {
            return found(self.not_run(n));
        }
        if net.names[net.owner[id]].diff_by_hand > step.backward_at {
            return found(Cause::Cleared);
        }
        if self.gets_nothing(n)? {
            return self.above(n);
        }
        Ok(Some(self.swallowed(n, id)))
    }

    /// Why parameter `p` of step `n` gets no gradient.
    pub fn param(&mut self, n: usize, p: usize) -> Result<Option<Found>> {
        let (net, step) = (self.net, &self.net.steps[n]);
        let id = step.top.first().or(step.bottom.first()).copied().unwrap_or(0);
        let found = |cause| Ok(Some(Found { id, step: n, cause }));
        match () {
            () if net.params.specs[p].frozen => found(Cause::Frozen),
            () if !step.runs_backward => self.above(n),
            () if self.is_stale(n) => found(self.not_run(n)),
            () if net.cleared_at > step.backward_at => found(Cause::Cleared),
            () if self.gets_nothing(n)? => self.above(n),
            () => {
                let zero = step.bottom.iter().find(|&&b| self.constant(b) == Some(0.0));
                Ok(Some(match zero {
                    Some(&b) => self.lowest_constant(b, n),
                    None => Found { id, step: n, cause: Cause::Swallowed { size: self.size_above(n) } },
                }))
            }
        }
    }

    /// Where the gradient vanishes on the way up from version `id`, whose diff is not 0.
    pub fn vanishing(&self, mut id: usize) -> Option<Found> {
        let size = |id: usize| mean_size(&self.net.blobs[id].diff);
        loop {
            let (n, k) = self.net.reader(id)?;
            let step = &self.net.steps[n];
            let kept = step.top.iter().all(|&t| self.net.has_diff(t).is_ok());
            let ran = step.propagate_down[k] && step.backward_at > step.forward_at;
            let top = *step.top.iter().max_by(|a, b| size(**a).total_cmp(&size(**b))).filter(|_| kept && ran)?;
            if size(id) < VANISHED * size(top) {
                return Some(Found { id, step: n, cause: Cause::Vanishes { size: size(id), got: size(top) } });
            }
            id = top;
        }
    }

    /// The reason in the layers above step `n`; of several tops, that of the first that could have had a gradient.
    fn above(&mut self, n: usize) -> Result<Option<Found>> {
        let mut least = None;
        for &t in &self.net.steps[n].top {
            match self.blob(t)? {
                Some(found) if found.cause != Cause::NoGradient => return Ok(Some(found)),
                found => least = least.or(found),
            }
        }
        Ok(least)
    }

    /// Why version `id`, which no layer reads, has no gradient.
    fn end(&self, id: usize) -> Option<Found> {
        let (n, t) = self.net.writer(id)?;
        let step = &self.net.steps[n];
        let cause = match step.loss_weight[t] != 0.0 {
            true if !self.values => return None, // it has: its loss weight
            true => Cause::Cleared,
            false if step.layer.loss_weight(t) != 0.0 => Cause::LossWeightZero,
            false if !step.runs_backward => Cause::NoLoss,
            false if !self.values => return None, // forced: a gradient can be put there
            false => Cause::NotSeeded,
        };
        Some(Found { id, step: n, cause })
    }

    fn not_asked(&self, id: usize) -> Cause {
        let loss = self.net.steps.iter().flat_map(|s| &s.loss_weight).any(|w| *w != 0.0);
        Cause::NotAsked { frozen: self.depending.contains(&id), loss }
    }

    /// Whether step `n` has not run backward since its forward, or a layer above it has run since.
    fn is_stale(&self, n: usize) -> bool {
        let (step, above) = (&self.net.steps[n], &self.net.steps[n + 1..]);
        step.backward_at <= step.forward_at || above.iter().any(|s| s.backward_at > step.backward_at)
    }

    /// Why step `n`, which runs backward, did not do so in the last pass.
    fn not_run(&self, n: usize) -> Cause {
        let steps = &self.net.steps;
        let (forward, since) = (steps[n].forward_at > 0, steps[n].forward_at.max(steps[n].backward_at));
        let ran = |i: &usize| forward && steps[*i].backward_at > since;
        if let Some(i) = (n + 1..steps.len()).find(ran) {
            return Cause::EndedAbove { ended: steps[i].name.clone() };
        }
        match (0..n).rev().find(ran) {
            Some(i) => Cause::BeganBelow { began: steps[i].name.clone() },
            None => Cause::NotRun { forward },
        }
    }

    fn gets_nothing(&self, n: usize) -> Result<bool> {
        self.net.steps[n].top.iter().try_for_each(|&t| self.net.has_diff(t))?;
        Ok(self.size_above(n) == 0.0)
    }

    /// The largest of the tops' means of |diff|.
    fn size_above(&self, n: usize) -> f32 {
        let sizes = self.net.steps[n].top.iter().map(|&t| mean_size(&self.net.blobs[t].diff));
        sizes.fold(0.0, |most, size| if size > most || size.is_nan() { size } else { most })
    }

    /// Why step `n` passes nothing of its tops' diffs on to its bottom `id`.
    fn swallowed(&self, n: usize, id: usize) -> Found {
        let (net, step) = (self.net, &self.net.steps[n]);
        let found = |cause| Found { id, step: n, cause };
        let kept = |id: usize| net.has_data(id).is_ok().then(|| net.blobs[id].data.slice());
        let (x, y) = (kept(id), step.top.first().and_then(|&t| kept(t)));
        if let (Some(x), Some(y)) = (x, y) {
            let flat = |(x, y): &(&f32, &f32)| step.layer.is_flat(**x, **y);
            let n_flat = x.iter().zip(y).filter(flat).count();
            let share = n_flat as f32 / x.len().max(1) as f32;
            let dead = x.iter().zip(y).filter(flat).all(|(_, y)| *y == 0.0);
            match (n_flat, self.constant(id)) {
                (0, _) => {}
                (_, Some(_)) => return self.lowest_constant(id, n),
                _ if dead => return found(Cause::Dead { share }),
                _ => return found(Cause::Saturated { share }),
            }
        }
        let counts = step.top.iter().zip(&step.loss_weight).filter(|(_, w)| **w != 0.0);
        let losses: Vec<&[f32]> = counts.filter_map(|(&t, _)| kept(t)).collect();
        if !losses.is_empty() && losses.iter().all(|y| y.iter().all(|y| *y == 0.0)) {
            return found(Cause::LossIsZero);
        }
        if self.has_zero_weights(n) {
            return found(Cause::ZeroWeights);
        }
        match self.constant(id) {
            Some(_) => self.lowest_constant(id, n),
            None => found(Cause::Swallowed { size: self.size_above(n) }),
        }
    }

    /// The value that version `id` has everywhere, if it is one.
    fn constant(&self, id: usize) -> Option<f32> {
        let x = self.net.has_data(id).is_ok().then(|| self.net.blobs[id].data.slice())?;
        let first = *x.first()?;
        (x.len() > 1 && x.iter().all(|x| *x == first)).then_some(first)
    }

    fn has_zero_weights(&self, n: usize) -> bool {
        let params = &self.net.params;
        let first = self.net.steps[n].params.first().filter(|&&p| params.specs[p].lr_mult != 0.0);
        first.is_some_and(|&p| mean_size(&params.blobs[p].data) == 0.0)
    }

    /// Finds the origin of the constant version `id`, a bottom of step `n`.
    fn lowest_constant(&self, mut id: usize, mut n: usize) -> Found {
        while let Some((writer, _)) = self.net.writer(id) {
            n = writer;
            match self.net.steps[n].bottom.iter().find(|&&b| self.constant(b).is_some()) {
                Some(&below) => id = below,
                None => break,
            }
        }
        let overwritten = self.net.names[self.net.owner[id]].lost;
        let cause = match self.has_zero_weights(n) {
            true => Cause::ZeroWeights,
            false => Cause::Constant { value: self.constant(id).unwrap_or(0.0), overwritten },
        };
        Found { id, step: n, cause }
    }
}
