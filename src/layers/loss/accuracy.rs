//! # Accuracy: the share of samples whose right class is among the k highest scores
//!
//! | blob        | shape                         | meaning                                               |
//! |-------------|-------------------------------|-------------------------------------------------------|
//! | `bottom[0]` | N x C x .., classes on `axis` | a score for each class                                |
//! | `bottom[1]` | N x .. (N·.. values)          | the right class of each sample (and place)            |
//! | `top[0]`    | `[]`                          | the accuracy, 0 if there was nothing to count         |
//! | `top[1]`    | C, optional                   | the accuracy within each class, 0 if it has no sample |
//!
//! A sample is right if no more than k classes, itself among them, score at least as high as the right one: a tie
//! counts against it, and so does a NaN. `accuracy_param { top_k, axis, ignore_label }`: k and axis are 1 if not given.
//!
//! Nothing flows back: a small change of the scores changes no rank. Under `force_backward` Caffe stops with an error;
//! this layer leaves its bottoms' diffs alone.

use super::labels::Labels;
use crate::device::OnCard;
use crate::layer::*;
use crate::layers::groups::Groups;
use crate::proto::AccuracyParameter;

const KERNELS: Kernels = kernels!("accuracy");

/// The share of samples that are right.
pub struct Accuracy {
    param: AccuracyParameter,
    labels: Labels,
    /// How often each class was right, and how often it was there.
    counts: Vec<[usize; 2]>,
    /// The outcome for each label, on a card.
    outcome: OnCard<i32>,
}

impl Layer for Accuracy {
    fn new(param: &LayerParameter) -> Result<Self> {
        let param = param.accuracy_param.unwrap_or_default();
        if param.top_k() == 0 {
            return Err(Error::value("top_k is 0: no sample could be right").field("accuracy_param.top_k"));
        }
        let labels = Labels::new("accuracy_param", param.ignore_label);
        Ok(Accuracy { param, labels, counts: Vec::new(), outcome: OnCard::default() })
    }

    fn arity(&self) -> Arity {
        Arity::range(2..=2, 1..=2)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let groups = Groups::of(&bottom[0], self.param.axis()).map_err(|e| e.field("accuracy_param.axis"))?;
        self.labels.reshape(bottom, groups)?;
        let (k, classes) = (self.param.top_k(), groups.n);
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
                let (Groups { n: classes, inner, .. }, count) = (self.labels.groups, labels.count());
                let (ignored, refusal) = (self.labels.ignored.on_card(), self.labels.refusal(gpu)?);
                let outcome = self.outcome.over(count);
                let args = args![classes, inner, k, ignored, scores, labels, refusal, outcome];
                KERNELS.launch_rows(gpu, "accuracy_of_each", count, classes, args)?;
                for ((top, name), blocks) in
                    top.iter_mut().zip(["accuracy_total", "accuracy_by_class"]).zip([1, classes])
                {
                    KERNELS.launch_rows(gpu, name, blocks, count, args![count, self.outcome, top.data.over()])?;
                }
                Ok(())
            }
        }
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
    fn count(&mut self, scores: &[f32], labels: &[f32], k: usize, top: &mut [Blob]) -> Result {
        let classes = self.labels.groups.n;
        self.counts.clear();
        self.counts.resize(classes, [0, 0]);
        for (i, &label) in labels.iter().enumerate() {
            let Some(l) = self.labels.class(i, label)? else { continue };
            let score = |class| scores[self.labels.groups.at(i, class)];
            let rank = (0..classes).filter(|&c| score(c) >= score(l) || score(c).is_nan()).count();
            let [right, all] = &mut self.counts[l];
            *right += usize::from(rank <= k && !score(l).is_nan());
            *all += 1;
        }
        let share = |[right, all]: [usize; 2]| if all == 0 { 0.0 } else { right as f32 / all as f32 };
        top[0].data.fill(share([0, 1].map(|i| self.counts.iter().map(|count| count[i]).sum())));
        if let Some(top) = top.get_mut(1) {
            top.data.slice_mut().iter_mut().zip(&self.counts).for_each(|(y, &count)| *y = share(count));
        }
        Ok(())
    }
}
