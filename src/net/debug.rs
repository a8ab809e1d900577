//! `debug_info: true`: what a pass makes of every blob, in the log and in Caffe's words.
//!
//! ```text
//!     [Forward] Layer conv1, top blob conv1 data: 0.0645037
//!     [Forward] Layer conv1, param blob 0 data: 0.00899114
//!     [Backward] Layer loss, bottom blob ip2 diff: 0.0124506
//!     [Backward] Layer ip2, param blob 0 diff: 0.0316217
//!     [Backward] All net params (data, diff): L1 norm = (2711.42, 7086.66); L2 norm = (6.11659, 4085.07)
//! ```
//!
//! Each number is the mean of |x|. A blob that dies or explodes on the way shows at once.

use super::Net;
use crate::blob::Values;
use crate::log::number;

impl Net {
    /// Whether each pass logs the mean sizes of what it makes.
    pub fn debug_info(&self) -> bool {
        self.debug_info
    }

    /// Has the passes to come log the mean sizes of what they make, or not.
    pub fn set_debug_info(&mut self, on: bool) {
        self.debug_info = on;
    }

    /// Logs what step `i` put into its tops, and its parameters.
    pub(super) fn log_forward(&self, i: usize) {
        if !self.debug_info {
            return;
        }
        let step = &self.steps[i];
        let say = |what: &str, name: &str, x: &Values| {
            self.log.info(|| {
                format!("    [Forward] Layer {}, {what} blob {name} data: {}", step.name, number(mean_size(x)))
            });
        };
        for &t in &step.top {
            say("top", &self.names[self.owner[t]].name, &self.blobs[t].data);
        }
        for (k, &p) in step.params.iter().enumerate() {
            let name = &self.params.specs[p].name;
            let name = if name.is_empty() { k.to_string() } else { name.clone() };
            say("param", &name, &self.params.blobs[p].data);
        }
    }

    /// Logs the gradients that step `i` computed.
    pub(super) fn log_backward(&self, i: usize) {
        if !self.debug_info {
            return;
        }
        let step = &self.steps[i];
        let say = |what: &str, name: &str, dx: &Values| {
            self.log.info(|| {
                format!("    [Backward] Layer {}, {what} blob {name} diff: {}", step.name, number(mean_size(dx)))
            });
        };
        for (&b, _) in step.bottom.iter().zip(&step.propagate_down).filter(|(_, down)| **down) {
            say("bottom", &self.names[self.owner[b]].name, &self.blobs[b].diff);
        }
        for (k, &p) in step.params.iter().enumerate().filter(|(_, p)| !self.params.specs[**p].frozen) {
            say("param", &k.to_string(), &self.params.blobs[p].diff);
        }
    }

    /// All parameters and all gradients, after a whole backward.
    pub(crate) fn log_params(&self) {
        if !self.debug_info {
            return;
        }
        let sum = |f: fn(&Values) -> f32, of: fn(&crate::Blob) -> &Values| {
            self.params.blobs.iter().map(|blob| f(of(blob)) as f64).sum::<f64>()
        };
        let both = |f: fn(&Values) -> f32| [sum(f, |b| &b.data), sum(f, |b| &b.diff)];
        let (l1, l2) = (both(Values::asum), both(Values::sumsq).map(f64::sqrt));
        let pair = |x: [f64; 2]| format!("({}, {})", number(x[0] as f32), number(x[1] as f32));
        self.log.info(|| {
            format!("    [Backward] All net params (data, diff): L1 norm = {}; L2 norm = {}", pair(l1), pair(l2))
        });
    }
}

/// The mean of |x|; 0 of nothing.
pub(crate) fn mean_size(x: &Values) -> f32 {
    x.asum() / x.count().max(1) as f32
}
