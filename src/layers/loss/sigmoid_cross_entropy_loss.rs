//! # SigmoidCrossEntropyLoss: L = -1/D Σ (t ln y + (1 - t) ln(1 - y)), with y the sigmoid of x
//!
//! | blob        | shape  | meaning                                   |
//! |-------------|--------|-------------------------------------------|
//! | `bottom[0]` | N x .. | x, a score for each question of yes or no |
//! | `bottom[1]` | as x   | t, the answers, from 0 to 1               |
//! | `top[0]`    | `[]`   | L, the loss                               |
//!
//! dx = dL (y - t) / D. One term is computed as ln(1 + e^-|x|) + max(x, 0) - t x, which overflows for no x. A target
//! that without its fraction equals `loss_param { ignore_label }` adds nothing (so 0 ignores all targets below 1). D is
//! N, or what `normalization` says: FULL, VALID, BATCH_SIZE, NONE.

use super::formula::*;
use super::labels::{self, Ignored};
use crate::layers::activation::sigmoid::sigmoid;

/// The cross entropy of the scores' sigmoid and the targets.
pub type SigmoidCrossEntropyLoss = Loss<SigmoidCrossEntropy>;

/// The formula of [`SigmoidCrossEntropyLoss`].
pub struct SigmoidCrossEntropy {
    ignored: Ignored,
}

impl Formula for SigmoidCrossEntropy {
    const KERNELS: Passes = passes!("loss", "sigmoid_cross_entropy_loss");
    const TERMS: Terms = Terms::Values;
    const NORMALIZATION: Option<NormalizationMode> = Some(NormalizationMode::BatchSize);

    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(SigmoidCrossEntropy { ignored: Ignored(param.loss_param.and_then(|p| p.ignore_label)) })
    }

    fn reshape(&mut self, bottom: &[Blob]) -> Result<Groups> {
        labels::pair(bottom)
    }

    fn forward(&self, x: &[&Values]) -> Result<(f64, usize)> {
        let (mut sum, mut counted) = (0.0f64, 0);
        for (&x, &t) in x[0].slice().iter().zip(x[1].slice()).filter(|(_, t)| !self.ignored.is(**t)) {
            sum += ((-x.abs()).exp().ln_1p() + if x > 0.0 { x - t * x } else { -t * x }) as f64;
            counted += 1;
        }
        Ok((sum, counted))
    }

    fn backward(&self, x: &[&Values], scale: f32, dx: &mut [f32]) -> Result {
        for ((dx, &x), &t) in dx.iter_mut().zip(x[0].slice()).zip(x[1].slice()) {
            *dx = if self.ignored.is(t) { 0.0 } else { scale * (sigmoid(x) - t) };
        }
        Ok(())
    }

    fn args<'a>(&'a mut self, _: &Gpu, x: &[&'a Values]) -> Result<Vec<Arg<'a>>> {
        Ok(vec![self.ignored.on_card().arg(), x[0].arg(), x[1].arg()])
    }
}
