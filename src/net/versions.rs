//! One name, several versions: what layers in place make of a blob, as if all were one buffer.
//!
//! A name means the data that forward wrote last and the diff that backward wrote last. If you start in the middle of a
//! net, or write a blob by hand, the next layer reads just these.

use super::Net;
use crate::Result;

impl Net {
    /// A name now means what this layer has written; what it has read needs no more care.
    pub(super) fn note_forward(&mut self, i: usize) {
        let Net { steps, names, owner, .. } = self;
        let tops = steps[i].top.iter().filter(|_| !steps[i].layer.is_input());
        tops.for_each(|&t| names[owner[t]].data = t);
        steps[i].bottom.iter().for_each(|&b| names[owner[b]].set_by_hand = false);
    }

    /// The same for diffs.
    pub(super) fn note_backward(&mut self, i: usize) {
        let Net { steps, names, owner, .. } = self;
        let written = steps[i].bottom.iter().zip(&steps[i].propagate_down).filter(|(_, down)| **down);
        written.for_each(|(&b, _)| names[owner[b]].diff = b);
    }

    /// In Caffe a Split's tops share its bottom's memory. Here they are copies, and stale if the bottom was set by hand
    /// and forward starts after the Split: so the Splits before the start run first.
    pub(super) fn refresh_splits(&mut self, start: usize) -> Result {
        for i in 0..start {
            let step = &self.steps[i];
            if step.kind == "Split" && step.bottom.iter().any(|&b| self.names[self.owner[b]].set_by_hand) {
                self.forward_step(i)?;
            }
        }
        Ok(())
    }

    /// A blob's versions act as one buffer: if the version that a layer is about to read is not the one written last
    /// (somebody started in the middle), it takes over the last one's values.
    pub(super) fn take_hand_written_data(&mut self, i: usize) -> Result {
        for k in 0..self.steps[i].bottom.len() {
            let id = self.steps[i].bottom[k];
            let last = self.names[self.owner[id]].data;
            // In a whole pass the version before an in-place layer is always the one written last.
            if last != id && self.blobs[last].shape() == self.blobs[id].shape() {
                self.has_data(last).map_err(|e| self.blame(e, i))?;
                if let Ok([from, to]) = self.blobs.get_disjoint_mut([last, id]) {
                    to.data.slice_mut().copy_from_slice(from.data.slice());
                }
                self.names[self.owner[id]].data = id;
            }
        }
        if self.steps[i].layer.is_source() {
            for k in 0..self.steps[i].top.len() {
                let versions = &mut self.names[self.owner[self.steps[i].top[k]]];
                if std::mem::take(&mut versions.set_by_hand) {
                    versions.lost = true;
                    let (blob, layer) = (versions.name.clone(), self.steps[i].name.clone());
                    self.log.warning(|| {
                        format!(
                            "the values put into \"{blob}\" are lost: forward starts at layer \"{layer}\", which fills it; \
                             start at the layer after it, or use an Input layer"
                        )
                    });
                }
            }
        }
        Ok(())
    }

    /// The same for the diffs that a layer's backward will read. A loss's diff is its weight, which nobody overwrites.
    pub(super) fn take_last_diffs(&mut self, i: usize) -> Result {
        for k in 0..self.steps[i].top.len() {
            let id = self.steps[i].top[k];
            let last = self.names[self.owner[id]].diff;
            let is_loss = self.steps[i].loss_weight[k] != 0.0;
            if last != id && !is_loss && self.blobs[last].shape() == self.blobs[id].shape() {
                self.has_diff(last).map_err(|e| self.blame(e, i))?;
                if let Ok([from, to]) = self.blobs.get_disjoint_mut([last, id]) {
                    to.diff.slice_mut().copy_from_slice(from.diff.slice());
                }
                self.names[self.owner[id]].diff = id;
            }
        }
        Ok(())
    }
}
