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

use super::loss::{self, LossRule, Mean};
use super::sigmoid::sigmoid;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::{LayerParameter, loss_parameter::NormalizationMode};
use crate::{Blob, Device, Error, Result};

/// The cross entropy of the scores' sigmoid and the targets.
pub struct SigmoidCrossEntropyLoss {
    rule: LossRule,
    mean: Mean,
    kernels: Kernels,
}

impl Layer for SigmoidCrossEntropyLoss {
    fn new(param: &LayerParameter) -> Result<Self> {
        let rule = LossRule::new(param.loss_param.as_ref(), NormalizationMode::BatchSize);
        let source =
            concat!(include_str!("../../kernels/loss.cu"), include_str!("../../kernels/sigmoid_cross_entropy_loss.cu"));
        Ok(SigmoidCrossEntropyLoss { rule, mean: Mean::new(), kernels: Kernels::new(source) })
    }

    fn arity(&self) -> Arity {
        Arity::loss(2..=2, 1..=1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        loss::check_pair(&bottom[0], &bottom[1])?;
        top[0].reshape(&[])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, t, samples) = (&bottom[0].data, &bottom[1].data, bottom[0].num());
        match cx.device {
            Device::Cpu(_) => {
                let (mut sum, mut valid) = (0.0f64, 0);
                for (&x, &t) in x.slice().iter().zip(t.slice()).filter(|(_, t)| !self.rule.ignores(**t)) {
                    sum += ((-x.abs()).exp().ln_1p() + if x > 0.0 { x - t * x } else { -t * x }) as f64;
                    valid += 1;
                }
                self.mean.end(sum, self.rule.divisor(samples, x.count(), valid), &mut top[0].data);
                Ok(())
            }
            Device::Gpu(gpu) => {
                let (n, blocks, ignored) = (x.count(), loss::blocks(x.count()), self.rule.ignored_on_card());
                let args = &mut [n.into(), ignored, x.card(gpu)?, t.card(gpu)?, self.mean.partial(gpu, blocks)?];
                self.kernels.launch_blocks(gpu, "sigmoid_loss_forward", blocks, Kernels::BLOCK, args)?;
                let divisor = self.rule.divisor_on_card(samples, n);
                self.mean.end_on_card(&mut self.kernels, gpu, blocks, divisor, &mut top[0].data)
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
        let [scores, targets] = bottom else { return Err(Error::shape("SigmoidCrossEntropyLoss has two bottoms")) };
        let (x, dx, t, dl) = (&scores.data, &mut scores.diff, &targets.data, &top[0].diff);
        match cx.device {
            Device::Cpu(_) => {
                let scale = dl.scalar() / self.mean.divisor.scalar();
                for ((dx, &x), &t) in dx.slice_mut().iter_mut().zip(x.slice()).zip(t.slice()) {
                    *dx = if self.rule.ignores(t) { 0.0 } else { scale * (sigmoid(x) - t) };
                }
                Ok(())
            }
            Device::Gpu(gpu) => {
                let (n, ignored, divisor) = (x.count(), self.rule.ignored_on_card(), self.mean.divisor.card(gpu)?);
                let (x, t, dl, dx) = (x.card(gpu)?, t.card(gpu)?, dl.card(gpu)?, dx.card_over(gpu)?);
                self.kernels.launch(gpu, "sigmoid_loss_backward", n, &mut [n.into(), ignored, x, t, dl, divisor, dx])
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
