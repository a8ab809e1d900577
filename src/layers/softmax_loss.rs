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
use super::loss::{self, LossRule};
use super::softmax::{add_slope, softmax};
use crate::layer::*;
use crate::proto::{LayerParameter, loss_parameter::NormalizationMode};
use crate::{Blob, Error, Result};

/// The cross entropy of the scores' softmax and the labels.
pub struct SoftmaxWithLoss {
    axis: i32,
    rule: LossRule,
    groups: Groups,
    /// y and D of the last forward.
    probability: Vec<f32>,
    divisor: f32,
}

impl Layer for SoftmaxWithLoss {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(SoftmaxWithLoss {
            axis: param.softmax_param.unwrap_or_default().axis(),
            rule: LossRule::new(param.loss_param.as_ref(), NormalizationMode::Valid),
            groups: Groups::default(),
            probability: Vec::new(),
            divisor: 1.0,
        })
    }

    fn arity(&self) -> Arity {
        Arity::loss(2..=2, 1..=2)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.groups = Groups::of(&bottom[0], self.axis).map_err(|e| e.field("softmax_param.axis"))?;
        loss::check_labels(&bottom[0], &bottom[1], self.groups.count())?;
        self.probability.resize(bottom[0].count(), 0.0);
        top[0].reshape(&[])?;
        top.get_mut(1).map_or(Ok(()), |top| top.reshape_like(&bottom[0]))
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, labels, y) = (bottom[0].data.slice(), bottom[1].data.slice(), &mut self.probability);
        let Groups { outer, n: classes, inner } = self.groups;
        softmax(&cx.device.host(), self.groups, x, y);
        let (mut sum, mut valid) = (0.0, 0);
        for (i, &label) in labels.iter().enumerate().filter(|(_, label)| !self.rule.ignores(**label)) {
            let l = loss::class(label, i, inner, classes, Some("loss_param"))?;
            let p = y[self.groups.at(i, l)];
            // The smallest normal f32 keeps the logarithm finite; a NaN stays one.
            sum -= if p < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { p }.ln() as f64;
            valid += 1;
        }
        self.divisor = self.rule.divisor(outer, self.groups.count(), valid);
        top[0].data.fill((sum / self.divisor as f64) as f32);
        if let Some(top) = top.get_mut(1) {
            top.data.slice_mut().copy_from_slice(y);
        }
        Ok(())
    }

    fn backward(
        &mut self,
        _: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        if !propagate_down[0] {
            return Ok(());
        }
        let [scores, labels] = bottom else { return Err(Error::shape("SoftmaxWithLoss has two bottoms")) };
        let (dx, labels, y) = (scores.diff.slice_mut(), labels.data.slice(), &self.probability);
        let Groups { n: classes, inner, .. } = self.groups;
        let scale = top[0].diff.scalar() / self.divisor;
        for (dx, y) in dx.iter_mut().zip(y) {
            *dx = scale * y;
        }
        for (i, &label) in labels.iter().enumerate() {
            let at = |class| self.groups.at(i, class);
            if self.rule.ignores(label) {
                (0..classes).for_each(|c| dx[at(c)] = 0.0);
            } else {
                dx[at(loss::class(label, i, inner, classes, Some("loss_param"))?)] -= scale;
            }
        }
        if let Some(probability) = top.get(1) {
            add_slope(self.groups, y, probability.diff.slice(), dx);
        }
        Ok(())
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
