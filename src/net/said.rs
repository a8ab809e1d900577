//! What the log says of a net while it is built: Caffe's lines.

use super::Net;
use crate::log::number;

impl Net {
    /// The newest layer: what it reads, what it makes, and the memory so far.
    pub(super) fn say_last(&self) {
        let Some(step) = self.steps.last() else { return };
        let name = &step.name;
        for bottom in self.names_of(&step.bottom) {
            self.log.info(|| format!("{name} <- {bottom}"));
        }
        for top in self.names_of(&step.top) {
            let in_place = step.param.bottom.iter().any(|b| b == top);
            self.log.info(|| format!("{name} -> {top}{}", if in_place { " (in-place)" } else { "" }));
        }
        self.log.info(|| format!("Setting up {name}"));
        for (&top, &weight) in step.top.iter().zip(&step.loss_weight) {
            let blob = &self.blobs[top];
            let shape: String = blob.shape().iter().map(|d| format!("{d} ")).collect();
            self.log.info(|| format!("Top shape: {shape}({})", blob.count()));
            if weight != 0.0 {
                self.log.info(|| format!("    with loss weight {}", number(weight)));
            }
        }
        let bytes = || self.blobs.iter().map(|blob| 4 * blob.count() as u64).sum::<u64>();
        self.log.info(|| format!("Memory required for data: {}", bytes()));
    }

    /// The whole net: who runs backward, and what comes out.
    pub(super) fn say_done(&self) {
        for step in self.steps.iter().rev() {
            let needs = if step.runs_backward { "needs" } else { "does not need" };
            self.log.info(|| format!("{} {needs} backward computation.", step.name));
        }
        for name in self.outputs() {
            self.log.info(|| format!("This network produces output {name}"));
        }
        self.log.info(|| "Network initialization done.".into());
    }
}
