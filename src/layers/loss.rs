//! What losses share: labels, and by what the sum over a batch is divided.

use crate::device::{Arg, Gpu, Kernels, OnCard, Refusal};
use crate::proto::{LossParameter, loss_parameter::NormalizationMode};
use crate::{Blob, Error, Kind, Result, Values};

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

    /// The same for a kernel: 0 if it has to count the labels that are not ignored.
    pub fn divisor_on_card(&self, samples: usize, labels: usize) -> f32 {
        match self.normalization {
            NormalizationMode::Valid => 0.0,
            _ => self.divisor(samples, labels, 0),
        }
    }

    /// The label that a kernel ignores: NaN, which no label equals, if there is none.
    pub fn ignored_on_card(&self) -> Arg<'static> {
        ignored_on_card(self.ignore_label)
    }
}

/// See [`LossRule::ignored_on_card`].
pub(super) fn ignored_on_card(label: Option<i32>) -> Arg<'static> {
    label.map_or(f32::NAN, |label| label as f32).into()
}

/// L = sum / D: a loss from the sum of its terms.
///
/// On a card a sum takes two launches, of kernels/loss.cu: each block of the loss's own kernel leaves what it has added up,
/// then one block adds those. So L and D never leave the card, and the order is always the same.
pub(super) struct Mean {
    /// D of the last forward.
    pub divisor: Values,
    /// What each block has left.
    partial: OnCard<f32>,
}

impl Mean {
    /// Nothing was added up yet.
    pub fn new() -> Mean {
        let mut divisor = Values::default();
        divisor.fill(1.0);
        Mean { divisor, partial: OnCard::default() }
    }

    /// L on the CPU.
    pub fn end(&mut self, sum: f64, divisor: f32, loss: &mut Values) {
        self.divisor.fill(divisor);
        loss.fill((sum / divisor as f64) as f32);
    }

    /// The argument in which each of the loss's own blocks leaves its sum.
    pub fn partial(&mut self, gpu: &Gpu, blocks: usize) -> Result<Arg<'_>> {
        self.partial.over(gpu, 2 * blocks)
    }

    /// L on a card, of what `blocks` blocks have left; `divisor` is D, or 0 for the number of terms.
    pub fn end_on_card(
        &mut self,
        kernels: &mut Kernels,
        gpu: &Gpu,
        blocks: usize,
        divisor: f32,
        loss: &mut Values,
    ) -> Result {
        let (partial, d) = (self.partial.get()?, self.divisor.card_over(gpu)?);
        let args = &mut [blocks.into(), divisor.into(), partial, d, loss.card_over(gpu)?];
        kernels.launch_rows(gpu, "loss_total", 1, blocks, args)
    }
}

/// How many blocks share so many terms: their threads take a few each, and one block can add up what they leave.
pub(super) fn blocks(terms: usize) -> usize {
    terms.div_ceil(4 * Kernels::BLOCK).clamp(1, 4 * Kernels::BLOCK)
}

/// The class that label `i` of a blob means. `inner` is the number of labels of one sample.
///
/// # Errors
/// No class of 0..classes; see [`no_class`].
pub(super) fn class(label: f32, i: usize, inner: usize, classes: usize, param: Option<&str>) -> Result<usize> {
    if label > -1.0 && label < classes as f32 {
        return Ok(label as usize); // the fraction, if any, is cut off
    }
    Err(no_class(label, i, inner, classes, param))
}

/// The same for a kernel: where it complains of a label.
pub(super) fn class_on_card<'a>(
    refusal: &'a mut Refusal,
    gpu: &Gpu,
    inner: usize,
    classes: usize,
    param: Option<&'static str>,
) -> Result<Arg<'a>> {
    refusal.arg(gpu, move |i, label| no_class(label, i, inner, classes, param))
}

/// The error of a label that is no class: it names the sample, the place in it, and the value. `param` is the message in
/// which the layer's ignore_label stands, if it has one.
fn no_class(label: f32, i: usize, inner: usize, classes: usize, param: Option<&str>) -> Error {
    let place = if inner > 1 { format!(", position {}", i % inner) } else { String::new() };
    let range = match classes {
        0 => "there are no classes".to_string(),
        n => format!("the classes are 0 to {}", n - 1),
    };
    let e = Error::new(Kind::Value, format!("the label of sample {}{place} is {label}, and {range}", i / inner.max(1)))
        .hint("is num_output of the layer below as large as the number of classes? do the labels count from 0?");
    match param {
        Some(param) => e.hint(format!("labels that shall not count are named by {param} {{ ignore_label: .. }}")),
        None => e,
    }
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
