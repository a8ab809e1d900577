//! What runs but is probably a mistake: the log warns of it once.

use super::{Net, Step};
use std::collections::HashSet;
use std::ops::Range;

impl Net {
    pub(super) fn warn_once(&mut self, message: String) {
        if self.warned.insert(message.clone()) {
            self.log.warning(|| message);
        }
    }

    pub(super) fn warn_before_backward(&mut self, steps: &Range<usize>) {
        self.warn_of_no_gradient(steps);
        self.warn_of_missing_branch(steps);
    }

    /// Warns if a backward through `steps` computes nothing, or begins with nothing but zeros.
    fn warn_of_no_gradient(&mut self, steps: &Range<usize>) {
        let running = self.steps[steps.clone()].iter().filter(|step| step.runs_backward);
        let Some(last) = running.clone().next_back() else {
            return self.warn_once(
                "backward computes nothing: no layer has a gradient to compute and a loss above it; give a top a loss_weight, \
                 or write force_backward: true into the net and put a gradient into a diff"
                    .into(),
            );
        };
        let is_written = |t: &usize| {
            let by_layer = self.reader(*t).is_some_and(|(n, _)| !steps.contains(&n) && self.steps[n].backward_at > 0);
            by_layer || self.names[self.owner[*t]].diff_by_hand > 0
        };
        // Seen from the end, where the losses are: this runs in every pass.
        if !running.rev().any(|step| step.loss_weight.iter().any(|w| *w != 0.0) || step.top.iter().any(is_written)) {
            let top = |&t: &usize| {
                format!("; write into net.diff_mut(\"{}\")? before, for example", self.names[self.owner[t]].name)
            };
            let example = last.top.first().map_or(String::new(), top);
            self.warn_once(format!(
                "backward starts from zeros: no top has a loss_weight, and nothing was put into a diff{example}"
            ));
        }
    }

    /// Warns if a forward through `steps` joins two branches in a layer but computes only one of them anew.
    pub(super) fn warn_of_stale_branch(&mut self, steps: &Range<usize>) {
        let old = |b: usize| self.writer(b).is_some_and(|(n, _)| n < steps.start);
        let mut reads: Vec<(usize, usize)> = Vec::new();
        for i in steps.clone() {
            let bottoms = self.steps[i].bottom.iter().filter(|&&b| old(b));
            reads.extend(bottoms.map(|&b| (i, self.original(b))));
        }
        let made = self.made_from(0..steps.start, &reads.iter().map(|&(_, b)| b).collect());
        if let Some(&(i, b)) = reads.iter().find(|(_, b)| made.contains(b)) {
            let [first, reader] = [steps.start, i].map(|i| &self.steps[i].name);
            let blob = &self.names[self.owner[b]].name;
            self.warn_once(format!(
                "forward from \"{first}\" leaves \"{blob}\" as it was, which \"{reader}\" reads and which depends on what the \
                 range reads; start at a layer before the branches, unless nothing has changed there"
            ));
        }
    }

    /// Warns if a backward through `steps` adds up the gradients of branches but computes only some of them anew.
    fn warn_of_missing_branch(&mut self, steps: &Range<usize>) {
        if *steps == (0..self.steps.len()) {
            return; // no branch is left out
        }
        let runs = |t: &usize| {
            self.reader(*t).filter(|&(n, k)| self.steps[n].runs_backward && self.steps[n].propagate_down[k])
        };
        for step in self.steps[steps.clone()].iter().filter(|step| step.kind == "Split") {
            let (within, out): (Vec<usize>, Vec<usize>) =
                step.top.iter().filter_map(runs).map(|(n, _)| n).partition(|n| steps.contains(n));
            if let (Some(_), Some(&out)) = (within.first(), out.first()) {
                let [first, out] = [steps.end - 1, out].map(|i| &self.steps[i].name);
                let blob = &self.names[self.owner[step.bottom[0]]].name;
                return self.warn_once(format!(
                    "backward from \"{first}\" adds to the gradient of \"{blob}\" what \"{out}\" left in an earlier pass; \
                     start at a layer above the branches"
                ));
            }
        }
    }

    /// Warns of layers whose weights are all 0 because the prototxt has no filler. A single such layer learns, as a
    /// linear model does. Two in a row give each other a gradient of 0.
    pub(super) fn warn_of_zero_weights(&self) {
        let learns = |&&p: &&usize| self.params.specs[p].lr_mult != 0.0 && self.params.blobs[p].shape().len() > 1;
        let learners: Vec<&Step> = self.steps.iter().filter(|step| step.params.iter().any(|p| learns(&p))).collect();
        let above = |step: &Step| {
            let tops = step.top.iter().copied().collect();
            &self.made_from(0..self.steps.len(), &tops) | &tops
        };
        for step in &learners {
            let zero = |&p: &usize| self.params.blobs[p].data.slice().iter().all(|w| *w == 0.0);
            let unfilled =
                step.params.iter().filter(learns).filter(|p| zero(p)).find_map(|&p| self.params.specs[p].unfilled);
            let Some((field, filler)) = unfilled.and_then(|field| field.split_once('.')) else { continue };
            let reads = |step: &Step, made: &HashSet<usize>| step.bottom.iter().any(|b| made.contains(b));
            let made = above(step);
            if learners.iter().any(|other| reads(other, &made) || reads(step, &above(other))) {
                self.log.warning(|| {
                    format!(
                        "the weights of layer \"{}\" are all 0: if they are not read from a file, it and the layers that learn \
                         before and after it have no gradient; add {field} {{ {filler} {{ type: \"xavier\" }} }}",
                        step.name
                    )
                });
            }
        }
    }

    /// What some of the steps make, directly or not, from some blobs.
    fn made_from(&self, steps: Range<usize>, blobs: &HashSet<usize>) -> HashSet<usize> {
        let mut made: HashSet<usize> = HashSet::new();
        for step in &self.steps[steps] {
            if step.bottom.iter().any(|b| blobs.contains(b) || made.contains(b)) {
                made.extend(&step.top);
            }
        }
        made
    }

    /// The blob that a Split copied to make `id`, or `id` itself.
    fn original(&self, id: usize) -> usize {
        match self.writer(id) {
            Some((n, _)) if self.steps[n].kind == "Split" => self.original(self.steps[n].bottom[0]),
            _ => id,
        }
    }
}
