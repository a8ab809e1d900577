//! Which blobs keep their values: all, or only those that a backward pass will read.
//!
//! A net of [`Keep::Needed`] hands each array on to the next blob as soon as nobody will read it: data after its last
//! reader has run forward, unless some layer's backward [needs](crate::layer::Needs) it; a diff after the layer that
//! made the blob has run backward. Inputs, outputs and what data layers fill always stay.
//!
//! Only arrays on the host are handed on. On a GPU every blob keeps its memory, because a recorded pass knows its
//! address: there [`Keep::Needed`] saves memory only for layers that run on the CPU.

use super::{Net, Step};
use crate::blob::Values;
use crate::{Blob, Error, Kind, Result};
use std::collections::HashSet;

/// Which blobs keep their values after a pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Keep {
    /// All, every version: to look at.
    #[default]
    All,
    /// Those that backward reads: to save memory on the host. On a GPU it saves none.
    Needed,
}

/// What becomes of one blob's arrays under [`Keep::Needed`].
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Fate {
    /// The step after whose forward the data are handed on; none if they stay.
    data_until: Option<usize>,
    /// Whether the diff is handed on after its reader.
    diff_passes: bool,
    pub(super) data_gone: bool,
    pub(super) diff_gone: bool,
}

/// The fates of all blobs, and the arrays that nobody uses just now.
#[derive(Default)]
pub(super) struct Keeper {
    pub(super) fates: Vec<Fate>,
    free: Vec<Vec<f32>>,
}

impl Keeper {
    pub(super) fn new(keep: Keep, steps: &[Step], blobs: usize) -> Keeper {
        let mut fates = vec![Fate::default(); blobs];
        if keep == Keep::All {
            return Keeper { fates, free: Vec::new() };
        }
        for (i, step) in steps.iter().enumerate() {
            for &id in &step.bottom {
                fates[id].data_until = Some(i); // the last reader's wins; a blob without readers stays
            }
        }
        let held = inputs_and_their_versions(steps);
        // A diff that no layer writes (under an Accuracy, say) is zero and must stay so.
        let bottoms = steps.iter().flat_map(|step| step.bottom.iter().zip(&step.propagate_down));
        let written: HashSet<usize> = bottoms.filter(|(_, down)| **down).map(|(&id, _)| id).collect();
        for step in steps {
            // A layer without bottoms may fill its tops once and for all.
            let stays = step.bottom.is_empty() || step.top.iter().any(|t| held.contains(t));
            let needs = step.layer.needs();
            for &id in step.bottom.iter().filter(|_| step.runs_backward && needs.x) {
                fates[id].data_until = None;
            }
            for &id in step.top.iter().filter(|_| stays || (step.runs_backward && needs.y)) {
                fates[id].data_until = None;
            }
            for (&id, &weight) in step.top.iter().zip(&step.loss_weight) {
                fates[id].diff_passes = weight == 0.0 && step.runs_backward && !stays && written.contains(&id);
            }
        }
        // Arrays are handed on from the first pass on, rather than allocated.
        for fate in &mut fates {
            (fate.data_gone, fate.diff_gone) = (fate.data_until.is_some(), fate.diff_passes);
        }
        Keeper { fates, free: Vec::new() }
    }

    /// Before forward of a step: its tops get arrays if theirs were handed on.
    pub(super) fn before_forward(&mut self, step: &Step, blobs: &mut [Blob]) -> Result {
        if let Some(id) = step.bottom.iter().find(|&&id| self.fates[id].data_gone) {
            return Err(gone("data of bottom", *id, step));
        }
        for &id in &step.top {
            if std::mem::take(&mut self.fates[id].data_gone) {
                self.give(&mut blobs[id].data);
            }
        }
        Ok(())
    }

    /// After forward of step `i`: what it read last is free.
    pub(super) fn after_forward(&mut self, i: usize, step: &Step, blobs: &mut [Blob]) {
        for &id in &step.bottom {
            if self.fates[id].data_until == Some(i) {
                self.fates[id].data_gone = self.take(&mut blobs[id].data);
            }
        }
    }

    /// Before backward of a step: its bottoms get arrays for their diffs if they were handed on.
    pub(super) fn before_backward(&mut self, step: &Step, blobs: &mut [Blob]) -> Result {
        if let Some(id) = step.top.iter().find(|&&id| self.fates[id].diff_gone) {
            return Err(gone("diff of top", *id, step));
        }
        for (&id, _) in step.bottom.iter().zip(&step.propagate_down).filter(|(_, down)| **down) {
            if std::mem::take(&mut self.fates[id].diff_gone) {
                self.give(&mut blobs[id].diff);
            }
        }
        Ok(())
    }

    /// After backward of a step: its tops' diffs are free.
    pub(super) fn after_backward(&mut self, step: &Step, blobs: &mut [Blob]) {
        for &id in &step.top {
            if self.fates[id].diff_passes {
                self.fates[id].diff_gone = self.take(&mut blobs[id].diff);
            }
        }
    }

    /// Takes the array of `values`, if they have one on the host.
    fn take(&mut self, values: &mut Values) -> bool {
        match values.memory_mut().take_storage() {
            Some(array) => {
                self.free.push(array);
                true
            }
            None => false,
        }
    }

    /// Gives `values` the smallest free array that is long enough, or lets them allocate one.
    fn give(&mut self, values: &mut Values) {
        let fits = self.free.iter().enumerate().filter(|(_, a)| a.len() >= values.count());
        if let Some(i) = fits.min_by_key(|(_, a)| a.len()).map(|(i, _)| i) {
            values.memory_mut().put_storage(self.free.swap_remove(i));
        }
    }
}

/// What is set by hand: the inputs, and what is computed on them in place.
fn inputs_and_their_versions(steps: &[Step]) -> HashSet<usize> {
    let mut held = HashSet::new();
    for step in steps {
        let on_input = |name: &String| {
            let bottom = step.param.bottom.iter().position(|b| b == name);
            bottom.is_some_and(|b| held.contains(&step.bottom[b]))
        };
        let tops = step.top.iter().zip(&step.param.top);
        let new: Vec<usize> = tops.filter(|(_, t)| step.layer.is_input() || on_input(t)).map(|(&id, _)| id).collect();
        held.extend(new);
    }
    held
}

fn gone(what: &str, id: usize, step: &Step) -> Error {
    let names = if step.bottom.contains(&id) { &step.param.bottom } else { &step.param.top };
    let ids = if step.bottom.contains(&id) { &step.bottom } else { &step.top };
    let name = ids.iter().position(|&i| i == id).and_then(|i| names.get(i)).map_or("?", |n| n.as_str());
    not_kept(&format!("the {what} \"{name}\" were not kept"))
}

fn not_kept(message: &str) -> Error {
    Error::new(Kind::Net, message).hint("build the net with .keep(Keep::All) to look at it or to start in the middle")
}

impl Net {
    pub(crate) fn has_data(&self, id: usize) -> Result {
        match self.keeper.fates[id].data_gone {
            true => Err(not_kept(&format!("the data of \"{}\" were not kept", self.names[self.owner[id]].name))),
            false => Ok(()),
        }
    }

    pub(crate) fn has_diff(&self, id: usize) -> Result {
        match self.keeper.fates[id].diff_gone {
            true => Err(not_kept(&format!("the diff of \"{}\" was not kept", self.names[self.owner[id]].name))),
            false => Ok(()),
        }
    }
}
