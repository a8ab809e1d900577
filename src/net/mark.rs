//! Which layers run backward, and into which bottoms.
//!
//! A gradient is worth computing where two things meet: something below can use it (a parameter with lr_mult != 0, or
//! an input under `force_backward`), and something above asks for it (a loss).

use super::Step;
use crate::layer::Phase;
use crate::{Error, Kind, Result};
use std::collections::HashSet;

/// Sets `runs_backward` and `propagate_down` of every step.
///
/// # Errors
/// In phase TRAIN, a loss whose gradient would have to go into its label, with the number of its step: the bottoms are
/// swapped, or `propagate_down` must say that no gradient is wanted.
pub(super) fn mark_backward(
    steps: &mut [Step],
    phase: Phase,
    learns: impl Fn(usize) -> bool,
    force: bool,
) -> Result<(), (usize, Error)> {
    // Upwards: which blobs depend on something that can use a gradient.
    let mut wanted: HashSet<usize> = HashSet::new();
    for step in steps.iter_mut() {
        let below = step.bottom.iter().any(|b| wanted.contains(b));
        step.runs_backward = below || step.params.iter().any(|&p| learns(p));
        for (i, b) in step.bottom.iter().enumerate() {
            let can = step.layer.propagates(i) && wanted.contains(b);
            step.propagate_down[i] = step.asked_down.get(i).copied().unwrap_or(can);
        }
        if step.runs_backward {
            wanted.extend(&step.top);
        }
    }
    // Downwards: which of them a loss depends on, by a path that nobody cut.
    let mut under_loss: HashSet<usize> = HashSet::new();
    let mut cut: HashSet<usize> = HashSet::new();
    for (number, step) in steps.iter_mut().enumerate().rev() {
        let counts = |i: usize, t: &usize| step.loss_weight[i] != 0.0 || under_loss.contains(t);
        let contributes = step.top.iter().enumerate().any(|(i, t)| counts(i, t));
        let reached = step.top.iter().any(|t| !cut.contains(t));
        step.runs_backward &= contributes && reached;
        for (i, b) in step.bottom.iter().enumerate() {
            let asked = contributes && wanted.contains(b) && step.asked_down.is_empty() && phase == Phase::Train;
            if asked && !step.layer.propagates(i) {
                let message = format!(
                    "{} has no gradient for its bottom \"{}\", which needs one",
                    step.kind, step.param.bottom[i]
                );
                let hint = "are the bottoms swapped? or say propagate_down: true, false to train without that gradient";
                return Err((number, Error::new(Kind::Net, message).field(format!("bottom[{i}]")).hint(hint)));
            }
        }
        for (b, down) in step.bottom.iter().zip(&mut step.propagate_down) {
            *down &= step.runs_backward;
            if contributes {
                under_loss.insert(*b);
            }
            if !*down {
                cut.insert(*b);
            }
        }
        step.runs_backward &= step.wants_gradient(&learns);
    }
    if force {
        for step in steps {
            step.propagate_down.iter_mut().enumerate().for_each(|(i, down)| *down |= step.layer.propagates(i));
            step.runs_backward = step.wants_gradient(|_| true);
        }
    }
    Ok(())
}

impl Step {
    /// Whether there is anything to compute backward: the diff of a bottom, or of a parameter that learns.
    fn wants_gradient(&self, learns: impl Fn(usize) -> bool) -> bool {
        self.propagate_down.contains(&true) || self.params.iter().any(|&p| learns(p))
    }
}
