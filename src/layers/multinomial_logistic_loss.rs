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

use super::loss::{self, bounded};
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Error, Result};

/// The cross entropy of probabilities and labels.
pub struct MultinomialLogisticLoss;

impl Layer for MultinomialLogisticLoss {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(MultinomialLogisticLoss)
    }

    fn arity(&self) -> Arity {
        Arity::loss(2..=2, 1..=1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        loss::check_labels(&bottom[0], &bottom[1], bottom[0].num())?;
        top[0].reshape(&[])
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (y, labels, n) = (bottom[0].data.slice(), bottom[1].data.slice(), bottom[0].num().max(1));
        let classes = y.len() / n;
        let mut sum = 0.0f64;
        for (i, &label) in labels.iter().enumerate() {
            let l = loss::class(label, i, 1, classes, None)?;
            sum -= bounded(y[i * classes + l]).ln() as f64;
        }
        top[0].data.fill((sum / n as f64) as f32);
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
        let n = bottom[0].num().max(1);
        let [Blob { data: y, diff: dy }, labels] = bottom else {
            return Err(Error::shape("MultinomialLogisticLoss has two bottoms"));
        };
        let (y, dy, labels) = (y.slice(), dy.slice_mut(), labels.data.slice());
        let (classes, scale) = (y.len() / n, top[0].diff.scalar() / n as f32);
        dy.fill(0.0);
        for (i, &label) in labels.iter().enumerate() {
            let at = i * classes + loss::class(label, i, 1, classes, None)?;
            dy[at] = -scale / bounded(y[at]);
        }
        Ok(())
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
