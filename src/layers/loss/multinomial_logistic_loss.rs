//! # MultinomialLogisticLoss: L = -1/N Σₙ ln y[n, lₙ]
//!
//! | blob        | shape  | meaning                           |
//! |-------------|--------|-----------------------------------|
//! | `bottom[0]` | N x .. | y, a probability for each class   |
//! | `bottom[1]` | N      | l, the right class of each sample |
//! | `top[0]`    | `[]`   | L, the loss                       |
//!
//! dy[n, lₙ] = -dL / (N y[n, lₙ]), and 0 for all other classes. A probability below 1e-20 counts as 1e-20 in both.
//! Every value of a sample is a class. What comes from a Softmax is better left to SoftmaxWithLoss: together they need
//! no logarithm of a number that may have vanished.

use super::formula::*;
use super::labels::{Labels, bounded};

/// The cross entropy of probabilities and labels.
pub type MultinomialLogisticLoss = Loss<MultinomialLogistic>;

/// The formula of [`MultinomialLogisticLoss`].
pub struct MultinomialLogistic {
    labels: Labels,
}

impl Formula for MultinomialLogistic {
    const KERNELS: Passes = passes!("loss", "multinomial_logistic_loss");
    const TERMS: Terms = Terms::Labels;

    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(MultinomialLogistic { labels: Labels::default() })
    }

    fn reshape(&mut self, bottom: &[Blob]) -> Result<Groups> {
        self.labels.reshape_flat(bottom)
    }

    fn forward(&self, x: &[&Values]) -> Result<(f64, usize)> {
        let (y, classes) = (x[0].slice(), self.labels.groups.n);
        self.labels.sum(x[1], |sum, i, l| *sum -= bounded(y[i * classes + l]).ln() as f64)
    }

    fn backward(&self, x: &[&Values], scale: f32, dy: &mut [f32]) -> Result {
        let (y, classes) = (x[0].slice(), self.labels.groups.n);
        dy.fill(0.0);
        self.labels.each(x[1], |i, label| {
            if let Some(k) = label.map(|l| i * classes + l) {
                dy[k] = -scale / bounded(y[k]);
            }
        })
    }

    fn args<'a>(&'a mut self, gpu: &Gpu, x: &[&'a Values]) -> Result<Vec<Arg<'a>>> {
        Ok(vec![self.labels.groups.n.arg(), x[0].arg(), x[1].arg(), self.labels.refusal(gpu)?])
    }
}
