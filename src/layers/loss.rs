//! What losses share: labels, and by what the sum over a batch is divided.

use crate::proto::{LossParameter, loss_parameter::NormalizationMode};
use crate::{Blob, Error, Kind, Result};

/// How a loss treats labels and makes a mean of a sum: `loss_param { ignore_label, normalization }`.
///
/// | normalization | the sum is divided by                       |
/// |---------------|---------------------------------------------|
/// | FULL          | the number of labels                        |
/// | VALID         | the number of labels that are not ignored   |
/// | BATCH_SIZE    | the number of samples                       |
/// | NONE          | 1                                           |
///
/// `normalize: true` is the old way to say VALID, `normalize: false` BATCH_SIZE.
#[derive(Clone, Copy, Debug)]
pub(super) struct LossRule {
    pub ignore_label: Option<i32>,
    pub normalization: NormalizationMode,
}

impl LossRule {
    /// Reads the rule; `default` is the layer's own normalization.
    pub fn new(p: Option<&LossParameter>, default: NormalizationMode) -> LossRule {
        let p = p.copied().unwrap_or_default();
        let normalization = match (p.normalization, p.normalize) {
            (Some(_), _) => p.normalization(),
            (None, Some(true)) => NormalizationMode::Valid,
            (None, Some(false)) => NormalizationMode::BatchSize,
            (None, None) => default,
        };
        LossRule { ignore_label: p.ignore_label, normalization }
    }

    /// Whether this label counts for nothing.
    pub fn ignores(&self, label: f32) -> bool {
        self.ignore_label.is_some_and(|ignored| label.trunc() == ignored as f32)
    }

    /// What the sum over `samples` with `labels` labels in all, `valid` of them not ignored, is divided by: at least 1,
    /// so that a batch in which everything is ignored has loss 0.
    pub fn divisor(&self, samples: usize, labels: usize, valid: usize) -> f32 {
        let divisor = match self.normalization {
            NormalizationMode::Full => labels,
            NormalizationMode::Valid => valid,
            NormalizationMode::BatchSize => samples,
            NormalizationMode::None => 1,
        };
        divisor.max(1) as f32
    }
}

/// The class that label `i` of a blob means. `inner` is the number of labels of one sample.
///
/// # Errors
/// No class of 0..classes; the message names the sample, the place in it, and the value. `param` is the message in which
/// the layer's ignore_label stands, if it has one.
pub(super) fn class(label: f32, i: usize, inner: usize, classes: usize, param: Option<&str>) -> Result<usize> {
    if label > -1.0 && label < classes as f32 {
        return Ok(label as usize); // the fraction, if any, is cut off
    }
    let place = if inner > 1 { format!(", position {}", i % inner) } else { String::new() };
    let range = match classes {
        0 => "there are no classes".to_string(),
        n => format!("the classes are 0 to {}", n - 1),
    };
    let e = Error::new(Kind::Value, format!("the label of sample {}{place} is {label}, and {range}", i / inner.max(1)))
        .hint("is num_output of the layer below as large as the number of classes? do the labels count from 0?");
    Err(match param {
        Some(param) => e.hint(format!("labels that shall not count are named by {param} {{ ignore_label: .. }}")),
        None => e,
    })
}

/// A probability whose logarithm is taken: at least 1e-20, as in Caffe; a NaN stays one.
pub(super) fn bounded(p: f32) -> f32 {
    if p < 1e-20 { 1e-20 } else { p }
}

/// Checks that there is one label for each of `wanted` predictions.
pub(super) fn check_labels(scores: &Blob, label: &Blob, wanted: usize) -> Result {
    if label.count() == wanted {
        return Ok(());
    }
    Err(Error::shape(format!(
        "the labels have shape {:?}, {} values, and the scores of shape {:?} ask for {wanted} labels",
        label.shape(),
        label.count(),
        scores.shape(),
    ))
    .hint("there is one label for each sample and place: the shape of the scores without the axis of the classes"))
}

/// Checks that two bottoms have as many samples, and as many values each.
pub(super) fn check_pair(a: &Blob, b: &Blob) -> Result {
    if a.num() == b.num() && a.count() == b.count() {
        return Ok(());
    }
    Err(Error::shape(format!("bottom[0] has shape {:?} and bottom[1] {:?}", a.shape(), b.shape()))
        .hint("both need as many samples, and as many values a sample"))
}
