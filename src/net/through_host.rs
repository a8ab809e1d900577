//! Which layers of a net on a GPU take their values through the host: they cannot be recorded, and the log names them.

use super::Net;
use crate::device::Gpu;
use crate::memory::Side;
use crate::{Device, Result, Values};

/// What is noted of the layers while a pass runs.
#[derive(Default)]
pub(super) struct Watched {
    /// The first layer whose values go through the host, as a reason.
    pub through_host: Option<String>,
    /// How many things each step asked the card for, as the steps ran.
    asked: Vec<(usize, u64)>,
}

impl Watched {
    /// The step that asked for the k-th thing.
    pub fn step_of(&self, k: usize) -> Option<usize> {
        let mut sum = 0;
        let mut steps = self.asked.iter();
        steps.find_map(|(i, n)| {
            sum += n;
            (k < sum as usize).then_some(*i)
        })
    }
}

impl Net {
    /// In the first pass on a GPU, reports a layer that has left values on the host: it has no kernels. Without bottoms
    /// it has nothing to compute.
    pub(super) fn report_fallback(&self, i: usize) {
        let step = &self.steps[i];
        let on_cpu = matches!(self.device, Device::Cpu(_));
        if on_cpu || self.fallback_reported || step.bottom.is_empty() {
            return;
        }
        if step.top.iter().any(|&t| self.blobs[t].count() > 0 && self.blobs[t].data.side() == Side::Host) {
            let (name, kind) = (&step.name, &step.kind);
            self.log.info(|| format!("Layer \"{name}\" ({kind}) runs on the CPU: it has no kernel."));
        }
    }

    /// Runs a step, and notes whether values went between host and card.
    pub(super) fn watch(
        &mut self,
        gpu: &Gpu,
        i: usize,
        watched: Option<&mut Watched>,
        run: impl FnOnce(&mut Net) -> Result,
    ) -> Result {
        let Some(watched) = watched else { return run(self) };
        let (before, unread) = (gpu.counts(), self.unread_by(i));
        // A look from the host cannot return an error; here it is known whose look it was.
        let done = run(self).and_then(|()| self.device.check().map_err(|e| self.blame(e, i)));
        done.map_err(|e| match self.unread_by(i).iter().find(|id| !unread.contains(id)) {
            Some(&id) => e.hint(format!("the host asked for blob \"{}\"", self.names[self.owner[id]].name)),
            None => e,
        })?;
        let now = gpu.counts();
        watched.asked.push((i, now.asked() - before.asked()));
        if watched.through_host.is_none() {
            let copied = (before.uploads, before.downloads) != (now.uploads, now.downloads);
            watched.through_host = self.through_host(i, copied);
        }
        Ok(())
    }

    /// Why a step that has just run cannot be recorded: it has copied values, or left some on the host.
    fn through_host(&self, i: usize, copied: bool) -> Option<String> {
        let step = &self.steps[i];
        let on_host = |values: &Values| values.side() == Side::Host;
        let mut data = step.top.iter().filter(|t| on_host(&self.blobs[**t].data));
        let diffs = step.bottom.iter().zip(&step.propagate_down).filter(|(_, down)| **down);
        let mut diffs = diffs.map(|(b, _)| b).filter(|b| on_host(&self.blobs[**b].diff));
        let left = data.next().or_else(|| diffs.next());
        if !copied && (left.is_none() || step.bottom.is_empty()) {
            return None;
        }
        let blob = left.map_or(String::new(), |&id| format!(" \"{}\"", self.names[self.owner[id]].name));
        Some(format!("the values{blob} of layer \"{}\" ({}) go through the host", step.name, step.kind))
    }

    /// The blobs of a step whose values the host asked for and could not get.
    fn unread_by(&self, i: usize) -> Vec<usize> {
        let was_unread =
            |id: &usize| [&self.blobs[*id].data, &self.blobs[*id].diff].iter().any(|v| v.memory().was_unread());
        let step = &self.steps[i];
        step.bottom.iter().chain(&step.top).copied().filter(was_unread).collect()
    }
}
