//! # SigmoidCrossEntropyLoss: L = -1/D Σ (t ln y + (1 - t) ln(1 - y)), with y the sigmoid of x
//!
//! | blob        | shape  | meaning                                   |
//! |-------------|--------|-------------------------------------------|
//! | `bottom[0]` | N x .. | x, a score for each question of yes or no |
//! | `bottom[1]` | as x   | t, the answers, from 0 to 1               |
//! | `top[0]`    | `[]`   | L, the loss                               |
//!
//! dx = dL (y - t) / D. One term is computed as ln(1 + e^-|x|) + max(x, 0) - t x, which overflows for no x. A target
//! that without its fraction equals `loss_param { ignore_label }` adds nothing (so 0 ignores all targets below 1). D is N,
//! or what `normalization` says: FULL, VALID, BATCH_SIZE, NONE.

use super::loss::{self, LossRule};
use super::sigmoid::sigmoid;
use crate::layer::*;
use crate::proto::{LayerParameter, loss_parameter::NormalizationMode};
use crate::{Blob, Error, Result};

/// The cross entropy of the scores' sigmoid and the targets.
pub struct SigmoidCrossEntropyLoss {
    rule: LossRule,
    /// D of the last forward.
    divisor: f32,
}

impl Layer for SigmoidCrossEntropyLoss {
    fn new(param: &LayerParameter) -> Result<Self> {
        let rule = LossRule::new(param.loss_param.as_ref(), NormalizationMode::BatchSize);
        Ok(SigmoidCrossEntropyLoss { rule, divisor: 1.0 })
    }

    fn arity(&self) -> Arity {
        Arity::loss(2..=2, 1..=1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        loss::check_pair(&bottom[0], &bottom[1])?;
        top[0].reshape(&[])
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, t) = (bottom[0].data.slice(), bottom[1].data.slice());
        let (mut sum, mut valid) = (0.0f64, 0);
        for (&x, &t) in x.iter().zip(t).filter(|(_, t)| !self.rule.ignores(**t)) {
            sum += ((-x.abs()).exp().ln_1p() + if x > 0.0 { x - t * x } else { -t * x }) as f64;
            valid += 1;
        }
        self.divisor = self.rule.divisor(bottom[0].num(), x.len(), valid);
        top[0].data.fill((sum / self.divisor as f64) as f32);
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
        let [scores, targets] = bottom else { return Err(Error::shape("SigmoidCrossEntropyLoss has two bottoms")) };
        let (x, dx, t) = (scores.data.slice(), scores.diff.slice_mut(), targets.data.slice());
        let scale = top[0].diff.scalar() / self.divisor;
        for ((dx, &x), &t) in dx.iter_mut().zip(x).zip(t) {
            *dx = if self.rule.ignores(t) { 0.0 } else { scale * (sigmoid(x) - t) };
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
