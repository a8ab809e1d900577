//! # SoftmaxWithLoss: L = -1/D Σₙ ln y[n, lₙ], with y the softmax of x
//!
//! | blob        | shape                         | meaning                                       |
//! |-------------|-------------------------------|-----------------------------------------------|
//! | `bottom[0]` | N x C x .., classes on `axis` | x, a score for each class                     |
//! | `bottom[1]` | N x .. (N·.. values)          | l, the right class of each sample (and place) |
//! | `top[0]`    | `[]`                          | L, the loss                                   |
//! | `top[1]`    | as x, optional                | y, the probabilities                          |
//!
//! dx[n, c] = dL (y[n, c] - [c = lₙ]) / D: the probabilities, less one at the right class. The gradient of the pair is
//! this simple, and safe where a probability underflows; that is why softmax and loss are one layer. A label equal to
//! `loss_param { ignore_label }` adds nothing. D is the number of labels not ignored, or what `normalization` says:
//! FULL, VALID, BATCH_SIZE, NONE. `softmax_param { axis }` is 1 if not given.
//!
//! Where a layer above uses `top[1]`, Softmax's own dx = y (dy - Σ dy y) is added. Caffe does not: there the gradient
//! that comes from the probabilities is lost (and its last version cannot even set up the second top).

use super::formula::*;
use super::labels::Labels;

/// The cross entropy of the scores' softmax and the labels.
pub type SoftmaxWithLoss = Loss<CrossEntropy>;

/// The formula of [`SoftmaxWithLoss`].
pub struct CrossEntropy {
    axis: i32,
    labels: Labels,
}

impl Formula for CrossEntropy {
    const KERNELS: Passes = passes!("loss", "softmax_loss");
    const TERMS: Terms = Terms::Labels;
    const NORMALIZATION: Option<NormalizationMode> = Some(NormalizationMode::Valid);
    const SOFTMAX: bool = true;

    fn new(param: &LayerParameter) -> Result<Self> {
        let axis = param.softmax_param.unwrap_or_default().axis();
        let labels = Labels::new("loss_param", param.loss_param.and_then(|p| p.ignore_label));
        Ok(CrossEntropy { axis, labels })
    }

    fn reshape(&mut self, bottom: &[Blob]) -> Result<Groups> {
        let groups = Groups::of(&bottom[0], self.axis).map_err(|e| e.field("softmax_param.axis"))?;
        self.labels.reshape(bottom, groups)
    }

    fn forward(&self, x: &[&Values]) -> Result<(f64, usize)> {
        let (y, groups) = (x[0].slice(), self.labels.groups);
        self.labels.sum(x[1], |sum, i, l| {
            let p = y[groups.at(i, l)];
            // The smallest normal f32 keeps the logarithm finite; a NaN stays one.
            *sum -= if p < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { p }.ln() as f64;
        })
    }

    fn backward(&self, x: &[&Values], scale: f32, dx: &mut [f32]) -> Result {
        let groups = self.labels.groups;
        for (dx, y) in dx.iter_mut().zip(x[0].slice()) {
            *dx = scale * y;
        }
        self.labels.each(x[1], |i, label| match label {
            Some(l) => dx[groups.at(i, l)] -= scale,
            None => (0..groups.n).for_each(|c| dx[groups.at(i, c)] = 0.0),
        })
    }

    fn args<'a>(&'a mut self, gpu: &Gpu, x: &[&'a Values]) -> Result<Vec<Arg<'a>>> {
        let (Groups { n, inner, .. }, ignored) = (self.labels.groups, self.labels.ignored.on_card());
        Ok(vec![n.arg(), inner.arg(), ignored.arg(), x[0].arg(), x[1].arg(), self.labels.refusal(gpu)?])
    }
}
