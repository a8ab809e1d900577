//! # InfogainLoss: L = -1/D Σₙ Σ_c H[lₙ, c] ln y[n, c], with y the softmax of x
//!
//! | blob        | shape                         | meaning                                       |
//! |-------------|-------------------------------|-----------------------------------------------|
//! | `bottom[0]` | N x C x .., classes on `axis` | x, a score for each class                     |
//! | `bottom[1]` | N x .. (N·.. values)          | l, the right class of each sample (and place) |
//! | `bottom[2]` | C·C values                    | H, row by row, if it is not in a file         |
//! | `top[0]`    | `[]`                          | L, the loss                                   |
//! | `top[1]`    | as x, optional                | y, the probabilities                          |
//!
//! H[l, c] is what it is worth to call an l a c. With ones on the diagonal and zeros elsewhere this is SoftmaxWithLoss; other
//! numbers on the diagonal weigh rare classes up, and others beside it forgive a confusion. H is `bottom[2]`, or the blob
//! in the file `infogain_loss_param { source }`, a .binaryproto. `infogain_loss_param { axis }` is 1 if not given;
//! `loss_param { ignore_label, normalization }` are SoftmaxWithLoss's. A probability below 1e-20 counts as 1e-20.
//!
//! dx[n, c] = dL/D (y[n, c] Σ_k H[lₙ, k] - H[lₙ, c]), and with `top[1]` Softmax's own dx is added, so that its diff is not
//! lost as in Caffe. No gradient flows to H.

use super::groups::Groups;
use super::loss::{self, LossRule, Mean, bounded};
use super::softmax::EachGroup;
use crate::data::binaryproto;
use crate::device::{Kernels, OnCard, Refusal};
use crate::layer::*;
use crate::proto::{InfogainLossParameter, LayerParameter, loss_parameter::NormalizationMode};
use crate::{Blob, Device, Error, Result, Values};

/// A cross entropy in which each confusion has its worth.
pub struct InfogainLoss {
    param: InfogainLossParameter,
    rule: LossRule,
    groups: Groups,
    /// H, if it came from a file.
    h: Values,
    softmax: EachGroup,
    /// y of the last forward, the data of a blob of its own.
    probability: Blob,
    mean: Mean,
    /// Σ_k H[l, k] for each l, on a card.
    row: OnCard<f32>,
    kernels: Kernels,
    refusal: Refusal,
}

impl Layer for InfogainLoss {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(InfogainLoss {
            param: param.infogain_loss_param.clone().unwrap_or_default(),
            rule: LossRule::new(param.loss_param.as_ref(), NormalizationMode::Valid),
            groups: Groups::default(),
            h: Values::default(),
            softmax: EachGroup::default(),
            probability: Blob::default(),
            mean: Mean::new(),
            row: OnCard::default(),
            kernels: Kernels::new(concat!(
                include_str!("../../kernels/loss.cu"),
                include_str!("../../kernels/infogain_loss.cu")
            )),
            refusal: Refusal::default(),
        })
    }

    fn arity(&self) -> Arity {
        Arity::loss(2..=3, 1..=2)
    }

    fn setup(&mut self, _: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        if bottom.len() == 2 {
            if self.param.source().is_empty() {
                return Err(Error::value("InfogainLoss has no matrix H").field("infogain_loss_param").hint(
                    "name a file of it in infogain_loss_param { source: \"..\" }, or give it as a third bottom",
                ));
            }
            let hint = "H is a .binaryproto, as caffe.io.array_to_blobproto makes it";
            let h = binaryproto::read(self.param.source(), "the infogain matrix", hint);
            let (_, h) = h.map_err(|e| e.field("infogain_loss_param.source"))?;
            self.h = Values::new(&[h.len()])?;
            self.h.slice_mut().copy_from_slice(&h);
        }
        Ok(Vec::new())
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.groups = Groups::of(&bottom[0], self.param.axis()).map_err(|e| e.field("infogain_loss_param.axis"))?;
        loss::check_labels(&bottom[0], &bottom[1], self.groups.count())?;
        let (classes, values) = (self.groups.n, bottom.get(2).map_or(self.h.count(), Blob::count));
        if values != classes * classes {
            let shape = bottom[0].shape();
            return Err(Error::shape(format!(
                "H has {values} values, and scores of shape {shape:?} ask for {classes} x {classes}"
            ))
            .hint("H has a row for each right class, and in it a value for each class"));
        }
        self.probability.reshape_like(&bottom[0])?;
        top[0].reshape(&[])?;
        top.get_mut(1).map_or(Ok(()), |top| top.reshape_like(&bottom[0]))
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, labels, y) = (&bottom[0].data, &bottom[1].data, &mut self.probability.data);
        let h = bottom.get(2).map_or(&self.h, |h| &h.data);
        let Groups { outer, n: classes, inner } = self.groups;
        self.softmax.forward(cx.device, self.groups, x, y)?;
        match cx.device {
            Device::Cpu(_) => {
                let (y, h, mut sum, mut valid) = (y.slice(), h.slice(), 0.0f64, 0);
                for (i, &label) in labels.slice().iter().enumerate().filter(|(_, label)| !self.rule.ignores(**label)) {
                    let l = loss::class(label, i, inner, classes, Some("loss_param"))?;
                    for (c, h) in h[l * classes..][..classes].iter().enumerate() {
                        sum -= (h * bounded(y[self.groups.at(i, c)]).ln()) as f64;
                    }
                    valid += 1;
                }
                self.mean.end(sum, self.rule.divisor(outer, self.groups.count(), valid), &mut top[0].data);
            }
            Device::Gpu(gpu) => {
                let (n, blocks, divisor) =
                    (y.count(), loss::blocks(y.count()), self.rule.divisor_on_card(outer, labels.count()));
                let refusal = loss::class_on_card(&mut self.refusal, gpu, inner, classes, Some("loss_param"))?;
                let (ignored, partial) = (self.rule.ignored_on_card(), self.mean.partial(gpu, blocks)?);
                let (y, labels, h) = (y.card(gpu)?, labels.card(gpu)?, h.card(gpu)?);
                let args = &mut [n.into(), classes.into(), inner.into(), ignored, y, labels, h, refusal, partial];
                self.kernels.launch_blocks(gpu, "infogain_loss_forward", blocks, Kernels::BLOCK, args)?;
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
        let [scores, labels, h @ ..] = bottom else {
            return Err(Error::shape("InfogainLoss has two bottoms or three"));
        };
        let (dx, labels, y, dl) = (&mut scores.diff, &labels.data, &self.probability.data, &top[0].diff);
        let h = h.first().map_or(&self.h, |h| &h.data);
        let Groups { n: classes, inner, .. } = self.groups;
        match cx.device {
            Device::Cpu(_) => {
                let (y, h, dx) = (y.slice(), h.slice(), dx.slice_mut());
                let scale = dl.scalar() / self.mean.divisor.scalar();
                for (i, &label) in labels.slice().iter().enumerate() {
                    let at = |class| self.groups.at(i, class);
                    if self.rule.ignores(label) {
                        (0..classes).for_each(|c| dx[at(c)] = 0.0);
                        continue;
                    }
                    let l = loss::class(label, i, inner, classes, Some("loss_param"))?;
                    let h = &h[l * classes..][..classes];
                    let sum: f32 = h.iter().sum();
                    for (c, h) in h.iter().enumerate() {
                        dx[at(c)] = scale * (y[at(c)] * sum - h);
                    }
                }
            }
            Device::Gpu(gpu) => {
                let args = &mut [classes.into(), h.card(gpu)?, self.row.over(gpu, classes)?];
                self.kernels.launch_rows(gpu, "infogain_loss_rows", classes, classes, args)?;
                let (n, ignored, divisor) = (y.count(), self.rule.ignored_on_card(), self.mean.divisor.card(gpu)?);
                let refusal = loss::class_on_card(&mut self.refusal, gpu, inner, classes, Some("loss_param"))?;
                let (y, labels, h, row) = (y.card(gpu)?, labels.card(gpu)?, h.card(gpu)?, self.row.get()?);
                let (dl, dx) = (dl.card(gpu)?, dx.card_over(gpu)?);
                let (classes, inner) = (classes.into(), inner.into());
                let args = &mut [n.into(), classes, inner, ignored, y, labels, h, row, dl, divisor, refusal, dx];
                self.kernels.launch(gpu, "infogain_loss_backward", n, args)?;
            }
        }
        match top.get(1) {
            Some(top) => self.softmax.backward(cx.device, self.groups, y, &top.diff, dx, true),
            None => Ok(()),
        }
    }

    /// The labels and H; the probabilities are its own.
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
