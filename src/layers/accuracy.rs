//! # Accuracy: the share of samples whose right class is among the k highest scores
//!
//! | blob        | shape                         | meaning                                               |
//! |-------------|-------------------------------|-------------------------------------------------------|
//! | `bottom[0]` | N x C x .., classes on `axis` | a score for each class                                |
//! | `bottom[1]` | N x .. (N·.. values)          | the right class of each sample (and place)            |
//! | `top[0]`    | `[]`                          | the accuracy, 0 if there was nothing to count         |
//! | `top[1]`    | C, optional                   | the accuracy within each class, 0 if it has no sample |
//!
//! A sample is right if no more than k classes, itself among them, score at least as high as the right one: a tie counts
//! against it, and so does a NaN. `accuracy_param { top_k, axis, ignore_label }`: k and axis are 1 if not given.
//!
//! Nothing flows back: moved a little, scores change no rank. Under `force_backward`, too: Caffe stops there with an error,
//! where this layer leaves its bottoms' diffs alone.

use super::groups::Groups;
use super::loss;
use crate::device::{Kernels, OnCard, Refusal};
use crate::layer::*;
use crate::proto::{AccuracyParameter, LayerParameter};
use crate::{Blob, Device, Error, Result};

/// The share of samples that are right.
pub struct Accuracy {
    param: AccuracyParameter,
    groups: Groups,
    /// What each label comes to, on a card.
    outcome: OnCard<i32>,
    kernels: Kernels,
    refusal: Refusal,
}

impl Layer for Accuracy {
    fn new(param: &LayerParameter) -> Result<Self> {
        let param = param.accuracy_param.unwrap_or_default();
        if param.top_k() == 0 {
            return Err(Error::value("top_k is 0: no sample could be right").field("accuracy_param.top_k"));
        }
        Ok(Accuracy {
            param,
            groups: Groups::default(),
            outcome: OnCard::default(),
            kernels: Kernels::new(include_str!("../../kernels/accuracy.cu")),
            refusal: Refusal::default(),
        })
    }

    fn arity(&self) -> Arity {
        Arity::range(2..=2, 1..=2)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.groups = Groups::of(&bottom[0], self.param.axis()).map_err(|e| e.field("accuracy_param.axis"))?;
        loss::check_labels(&bottom[0], &bottom[1], self.groups.count())?;
        let (k, classes) = (self.param.top_k(), self.groups.n);
        if k as usize > classes {
            let shape = bottom[0].shape();
            return Err(Error::value(format!("top_k is {k}, and scores of shape {shape:?} have {classes} classes"))
                .field("accuracy_param.top_k")
                .hint(format!("make top_k {classes} or less")));
        }
        top[0].reshape(&[])?;
        top.get_mut(1).map_or(Ok(()), |top| top.reshape(&[classes]))
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (scores, labels, k) = (&bottom[0].data, &bottom[1].data, self.param.top_k() as usize);
        match cx.device {
            Device::Cpu(_) => self.count(scores.slice(), labels.slice(), k, top),
            Device::Gpu(gpu) => {
                let (Groups { n: classes, inner, .. }, count) = (self.groups, labels.count());
                let refusal = loss::class_on_card(&mut self.refusal, gpu, inner, classes, Some("accuracy_param"))?;
                let ignored = loss::ignored_on_card(self.param.ignore_label);
                let (scores, labels, outcome) = (scores.card(gpu)?, labels.card(gpu)?, self.outcome.over(gpu, count)?);
                let (n, inner) = (classes.into(), inner.into());
                let args = &mut [n, inner, k.into(), ignored, scores, labels, refusal, outcome];
                self.kernels.launch_rows(gpu, "accuracy_of_each", count, classes, args)?;
                for ((top, name), blocks) in
                    top.iter_mut().zip(["accuracy_total", "accuracy_by_class"]).zip([1, classes])
                {
                    let args = &mut [count.into(), self.outcome.get()?, top.data.card_over(gpu)?];
                    self.kernels.launch_rows(gpu, name, blocks, count, args)?;
                }
                Ok(())
            }
        }
    }

    /// Nothing to do: accuracy has no slope.
    fn backward(&mut self, _: &Cx, _: &mut [Blob], _: &[Blob], _: &[bool], _: &mut [Blob]) -> Result {
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn propagates(&self, _: usize) -> bool {
        false
    }
}

impl Accuracy {
    /// Counts how often the right class is among the k highest scores.
    fn count(&self, scores: &[f32], labels: &[f32], k: usize, top: &mut [Blob]) -> Result {
        let Groups { n: classes, inner, .. } = self.groups;
        let ignored = |label: f32| self.param.ignore_label.is_some_and(|i| label.trunc() == i as f32);
        let (mut right, mut all) = (vec![0usize; classes], vec![0usize; classes]);
        for (i, &label) in labels.iter().enumerate().filter(|(_, label)| !ignored(**label)) {
            let l = loss::class(label, i, inner, classes, Some("accuracy_param"))?;
            let score = |class| scores[self.groups.at(i, class)];
            let rank = (0..classes).filter(|&c| score(c) >= score(l) || score(c).is_nan()).count();
            right[l] += usize::from(rank <= k && !score(l).is_nan());
            all[l] += 1;
        }
        let share = |right: usize, all: usize| if all == 0 { 0.0 } else { right as f32 / all as f32 };
        top[0].data.fill(share(right.iter().sum(), all.iter().sum()));
        if let Some(top) = top.get_mut(1) {
            let classes = top.data.slice_mut().iter_mut().zip(right.iter().zip(&all));
            classes.for_each(|(y, (right, all))| *y = share(*right, *all));
        }
        Ok(())
    }
}
