//! # SoftmaxWithLoss: L = -1/D Σₙ ln y[n, lₙ], with y the softmax of x
//!
//! | blob        | shape                         | meaning                                       |
//! |-------------|-------------------------------|-----------------------------------------------|
//! | `bottom[0]` | N x C x .., classes on `axis` | x, a score for each class                     |
//! | `bottom[1]` | N x .. (N·.. values)          | l, the right class of each sample (and place) |
//! | `top[0]`    | `[]`                          | L, the loss                                   |
//! | `top[1]`    | as x, optional                | y, the probabilities                          |
//!
//! dx[n, c] = dL (y[n, c] - [c = lₙ]) / D: the probabilities, less one at the right class. The gradient of the pair
//! is this simple, and safe where a probability underflows; that is why softmax and loss are one layer. A label equal to
//! `loss_param { ignore_label }` adds nothing. D is the number of labels not ignored, or what `normalization` says:
//! FULL, VALID, BATCH_SIZE, NONE. `softmax_param { axis }` is 1 if not given.
//!
//! Where a layer above uses `top[1]`, Softmax's own dx = y (dy - Σ dy y) is added. Caffe does not: there the gradient that
//! comes from the probabilities is lost (and its last version cannot even set up the second top).

use super::groups::Groups;
use super::loss::{self, LossRule, Mean};
use super::softmax::EachGroup;
use crate::device::{Kernels, Refusal};
use crate::layer::*;
use crate::proto::{LayerParameter, loss_parameter::NormalizationMode};
use crate::{Blob, Device, Error, Result};

/// The cross entropy of the scores' softmax and the labels.
pub struct SoftmaxWithLoss {
    axis: i32,
    rule: LossRule,
    groups: Groups,
    softmax: EachGroup,
    /// y of the last forward, the data of a blob of its own.
    probability: Blob,
    mean: Mean,
    kernels: Kernels,
    refusal: Refusal,
}

impl Layer for SoftmaxWithLoss {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(SoftmaxWithLoss {
            axis: param.softmax_param.unwrap_or_default().axis(),
            rule: LossRule::new(param.loss_param.as_ref(), NormalizationMode::Valid),
            groups: Groups::default(),
            softmax: EachGroup::default(),
            probability: Blob::default(),
            mean: Mean::new(),
            kernels: Kernels::new(concat!(
                include_str!("../../kernels/loss.cu"),
                include_str!("../../kernels/softmax_loss.cu")
            )),
            refusal: Refusal::default(),
        })
    }

    fn arity(&self) -> Arity {
        Arity::loss(2..=2, 1..=2)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.groups = Groups::of(&bottom[0], self.axis).map_err(|e| e.field("softmax_param.axis"))?;
        loss::check_labels(&bottom[0], &bottom[1], self.groups.count())?;
        self.probability.reshape_like(&bottom[0])?;
        top[0].reshape(&[])?;
        top.get_mut(1).map_or(Ok(()), |top| top.reshape_like(&bottom[0]))
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, labels, y) = (&bottom[0].data, &bottom[1].data, &mut self.probability.data);
        let Groups { outer, n: classes, inner } = self.groups;
        self.softmax.forward(cx.device, self.groups, x, y)?;
        match cx.device {
            Device::Cpu(_) => {
                let (y, mut sum, mut valid) = (y.slice(), 0.0, 0);
                for (i, &label) in labels.slice().iter().enumerate().filter(|(_, label)| !self.rule.ignores(**label)) {
                    let l = loss::class(label, i, inner, classes, Some("loss_param"))?;
                    let p = y[self.groups.at(i, l)];
                    // The smallest normal f32 keeps the logarithm finite; a NaN stays one.
                    sum -= if p < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { p }.ln() as f64;
                    valid += 1;
                }
                self.mean.end(sum, self.rule.divisor(outer, self.groups.count(), valid), &mut top[0].data);
            }
            Device::Gpu(gpu) => {
                let (n, blocks) = (labels.count(), loss::blocks(labels.count()));
                let refusal = loss::class_on_card(&mut self.refusal, gpu, inner, classes, Some("loss_param"))?;
                let (ignored, partial) = (self.rule.ignored_on_card(), self.mean.partial(gpu, blocks)?);
                let (y, labels) = (y.card(gpu)?, labels.card(gpu)?);
                let args = &mut [n.into(), classes.into(), inner.into(), ignored, y, labels, refusal, partial];
                self.kernels.launch_blocks(gpu, "softmax_loss_forward", blocks, Kernels::BLOCK, args)?;
                let divisor = self.rule.divisor_on_card(outer, n);
                self.mean.end_on_card(&mut self.kernels, gpu, blocks, divisor, &mut top[0].data)?;
            }
        }
        top.get_mut(1).map_or(Ok(()), |top| top.data.copy_from(&self.probability.data))
    }

    fn backward(
        &mut self,
        cx: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        if !propagate_down[0] {
            return Ok(());
        }
        let [scores, labels] = bottom else { return Err(Error::shape("SoftmaxWithLoss has two bottoms")) };
        let (dx, labels, y, dl) = (&mut scores.diff, &labels.data, &self.probability.data, &top[0].diff);
        let Groups { n: classes, inner, .. } = self.groups;
        match cx.device {
            Device::Cpu(_) => {
                let (dx, scale) = (dx.slice_mut(), dl.scalar() / self.mean.divisor.scalar());
                for (dx, y) in dx.iter_mut().zip(y.slice()) {
                    *dx = scale * y;
                }
                for (i, &label) in labels.slice().iter().enumerate() {
                    let at = |class| self.groups.at(i, class);
                    if self.rule.ignores(label) {
                        (0..classes).for_each(|c| dx[at(c)] = 0.0);
                    } else {
                        dx[at(loss::class(label, i, inner, classes, Some("loss_param"))?)] -= scale;
                    }
                }
            }
            Device::Gpu(gpu) => {
                let (n, ignored, divisor) = (y.count(), self.rule.ignored_on_card(), self.mean.divisor.card(gpu)?);
                let refusal = loss::class_on_card(&mut self.refusal, gpu, inner, classes, Some("loss_param"))?;
                let (y, labels, dl, dx) = (y.card(gpu)?, labels.card(gpu)?, dl.card(gpu)?, dx.card_over(gpu)?);
                let args = &mut [n.into(), classes.into(), inner.into(), ignored, y, labels, dl, divisor, refusal, dx];
                self.kernels.launch(gpu, "softmax_loss_backward", n, args)?;
            }
        }
        match top.get(1) {
            Some(top) => self.softmax.backward(cx.device, self.groups, y, &top.diff, dx, true),
            None => Ok(()),
        }
    }

    /// The labels; the probabilities are its own.
    fn needs(&self) -> Needs {
        Needs::X
    }

    fn loss_weight(&self, top: usize) -> f32 {
        if top == 0 { 1.0 } else { 0.0 }
    }

    fn propagates(&self, bottom: usize) -> bool {
        bottom == 0
    }
}
