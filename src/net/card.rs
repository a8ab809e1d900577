//! What a training step on a GPU needs of a net: its data layers run first, on the host, and the rest can be replayed.

use super::Net;
use crate::blob::Values;
use crate::device::Gpu;
use crate::memory::Side;
use crate::{Device, Result};

impl Net {
    /// Begins a pass: the data layers fill their tops on the host, which are then copied to the card.
    pub(crate) fn feed(&mut self, gpu: &Gpu) -> Result {
        (self.pass, self.next_pass) = (self.next_pass, self.next_pass + 1);
        gpu.turn(self.seed, self.pass)?;
        for i in 0..self.steps.len() {
            if self.steps[i].layer.is_source() {
                self.forward_step_on_card(i)?;
                self.steps[i].top.iter().try_for_each(|&t| self.blobs[t].data.card(gpu).map(drop))?;
            }
        }
        Ok(())
    }

    /// Notes that all layers but the data layers have run forward and backward: a replay has done it.
    pub(crate) fn has_passed(&mut self) {
        for i in 0..self.steps.len() {
            if !self.steps[i].layer.is_source() {
                self.steps[i].forward_at = self.tick();
                self.note_forward(i);
            }
        }
        for i in (0..self.steps.len()).rev() {
            if self.steps[i].runs_backward {
                self.steps[i].backward_at = self.tick();
                self.note_backward(i);
            }
        }
    }

    /// Says of a layer that has left values on the host that it has no kernels; in the first pass on a card. A layer without
    /// bottoms has nothing to compute.
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

    /// The shapes of what the data layers fill.
    pub(crate) fn source_shapes(&self) -> Vec<Vec<usize>> {
        let sources = self.steps.iter().filter(|step| step.layer.is_source());
        sources.flat_map(|step| &step.top).map(|&t| self.blobs[t].shape().to_vec()).collect()
    }

    /// Every array of the net: the blobs' and the parameters', data and diffs.
    pub(crate) fn all_values(&mut self) -> impl Iterator<Item = &mut Values> {
        self.blobs.iter_mut().chain(&mut self.params.blobs).flat_map(|blob| [&mut blob.data, &mut blob.diff])
    }
}
