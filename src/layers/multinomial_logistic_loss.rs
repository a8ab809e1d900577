//! # MultinomialLogisticLoss: L = -1/N Σₙ ln y[n, lₙ]
//!
//! | blob        | shape  | meaning                           |
//! |-------------|--------|-----------------------------------|
//! | `bottom[0]` | N x .. | y, a probability for each class   |
//! | `bottom[1]` | N      | l, the right class of each sample |
//! | `top[0]`    | `[]`   | L, the loss                       |
//!
//! dy[n, lₙ] = -dL / (N y[n, lₙ]), and 0 for all other classes. A probability below 1e-20 counts as 1e-20 in both. Every value
//! of a sample is a class. What comes from a Softmax is better left to SoftmaxWithLoss: together they need no logarithm of
//! a number that may have vanished.

use super::loss::{self, Mean, bounded};
use crate::device::{Kernels, Refusal};
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Error, Result};

/// The cross entropy of probabilities and labels.
pub struct MultinomialLogisticLoss {
    mean: Mean,
    kernels: Kernels,
    refusal: Refusal,
}

impl Layer for MultinomialLogisticLoss {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(MultinomialLogisticLoss {
            mean: Mean::new(),
            kernels: Kernels::new(concat!(
                include_str!("../../kernels/loss.cu"),
                include_str!("../../kernels/multinomial_logistic_loss.cu")
            )),
            refusal: Refusal::default(),
        })
    }

    fn arity(&self) -> Arity {
        Arity::loss(2..=2, 1..=1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        loss::check_labels(&bottom[0], &bottom[1], bottom[0].num())?;
        top[0].reshape(&[])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (y, labels, n) = (&bottom[0].data, &bottom[1].data, bottom[0].num().max(1));
        let classes = y.count() / n;
        match cx.device {
            Device::Cpu(_) => {
                let (y, mut sum) = (y.slice(), 0.0f64);
                for (i, &label) in labels.slice().iter().enumerate() {
                    let l = loss::class(label, i, 1, classes, None)?;
                    sum -= bounded(y[i * classes + l]).ln() as f64;
                }
                top[0].data.fill((sum / n as f64) as f32);
                Ok(())
            }
            Device::Gpu(gpu) => {
                let (samples, blocks) = (labels.count(), loss::blocks(labels.count()));
                let refusal = loss::class_on_card(&mut self.refusal, gpu, 1, classes, None)?;
                let (y, labels, partial) = (y.card(gpu)?, labels.card(gpu)?, self.mean.partial(gpu, blocks)?);
                let args = &mut [samples.into(), classes.into(), y, labels, refusal, partial];
                self.kernels.launch_blocks(gpu, "multinomial_loss_forward", blocks, Kernels::BLOCK, args)?;
                self.mean.end_on_card(&mut self.kernels, gpu, blocks, n as f32, &mut top[0].data)
            }
        }
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
        let n = bottom[0].num().max(1);
        let [Blob { data: y, diff: dy }, labels] = bottom else {
            return Err(Error::shape("MultinomialLogisticLoss has two bottoms"));
        };
        let (labels, dl, classes) = (&labels.data, &top[0].diff, y.count() / n);
        match cx.device {
            Device::Cpu(_) => {
                let (y, dy, scale) = (y.slice(), dy.slice_mut(), dl.scalar() / n as f32);
                dy.fill(0.0);
                for (i, &label) in labels.slice().iter().enumerate() {
                    let at = i * classes + loss::class(label, i, 1, classes, None)?;
                    dy[at] = -scale / bounded(y[at]);
                }
                Ok(())
            }
            Device::Gpu(gpu) => {
                let count = y.count();
                let refusal = loss::class_on_card(&mut self.refusal, gpu, 1, classes, None)?;
                let (y, labels, dl, dy) = (y.card(gpu)?, labels.card(gpu)?, dl.card(gpu)?, dy.card_over(gpu)?);
                let args = &mut [count.into(), classes.into(), n.into(), y, labels, dl, refusal, dy];
                self.kernels.launch(gpu, "multinomial_loss_backward", count, args)
            }
        }
    }

    fn needs(&self) -> Needs {
        Needs::X
    }

    fn loss_weight(&self, _: usize) -> f32 {
        1.0
    }

    fn propagates(&self, bottom: usize) -> bool {
        bottom == 0
    }
}
