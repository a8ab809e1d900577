//! # HingeLoss: L = 1/N Σₙ Σ_c max(0, 1 - t x[n, c])ᵖ, with t = 1 at the right class and -1 at the others
//!
//! | blob        | shape  | meaning                        |
//! |-------------|--------|--------------------------------|
//! | `bottom[0]` | N x .. | x, a score for each class      |
//! | `bottom[1]` | N      | the right class of each sample |
//! | `top[0]`    | `[]`   | L, the loss                    |
//!
//! The right class shall score 1 or more, each of the others -1 or less; what is missing, h = max(0, 1 - t x), is the
//! loss. `hinge_loss_param { norm }` is p: L1, if not given, or L2. dx = -dL/N t where h > 0, and 0 elsewhere; with L2
//! dx = -dL/N 2 t h. Every value of a sample is a class.

use super::loss::{self, Mean};
use crate::device::{Arg, Kernels, Refusal};
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::proto::hinge_loss_parameter::Norm;
use crate::{Blob, Device, Error, Result};

/// How much each score lacks to its margin.
pub struct HingeLoss {
    norm: Norm,
    mean: Mean,
    kernels: Kernels,
    refusal: Refusal,
}

impl Layer for HingeLoss {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(HingeLoss {
            norm: param.hinge_loss_param.unwrap_or_default().norm(),
            mean: Mean::new(),
            kernels: Kernels::new(concat!(
                include_str!("../../kernels/loss.cu"),
                include_str!("../../kernels/hinge_loss.cu")
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
        let (x, labels) = (&bottom[0].data, &bottom[1].data);
        let (n, classes) = sizes(&bottom[0]);
        match cx.device {
            Device::Cpu(_) => {
                let (x, mut sum) = (x.slice(), 0.0f64);
                for (i, &label) in labels.slice().iter().enumerate() {
                    let l = loss::class(label, i, 1, classes, None)?;
                    for (c, x) in x[i * classes..][..classes].iter().enumerate() {
                        let h = missing(c == l, *x) as f64;
                        sum += if self.norm == Norm::L1 { h } else { h * h };
                    }
                }
                top[0].data.fill((sum / n as f64) as f32);
                Ok(())
            }
            Device::Gpu(gpu) => {
                let (count, blocks, p) = (x.count(), loss::blocks(x.count()), self.p());
                let refusal = loss::class_on_card(&mut self.refusal, gpu, 1, classes, None)?;
                let (x, labels, partial) = (x.card(gpu)?, labels.card(gpu)?, self.mean.partial(gpu, blocks)?);
                let args = &mut [count.into(), classes.into(), p, x, labels, refusal, partial];
                self.kernels.launch_blocks(gpu, "hinge_loss_forward", blocks, Kernels::BLOCK, args)?;
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
        let (n, classes) = sizes(&bottom[0]);
        let [Blob { data: x, diff: dx }, labels] = bottom else {
            return Err(Error::shape("HingeLoss has two bottoms"));
        };
        let (labels, dl) = (&labels.data, &top[0].diff);
        match cx.device {
            Device::Cpu(_) => {
                let (x, dx, scale) = (x.slice(), dx.slice_mut(), dl.scalar() / n as f32);
                for (i, &label) in labels.slice().iter().enumerate() {
                    let l = loss::class(label, i, 1, classes, None)?;
                    let sample = i * classes..(i + 1) * classes;
                    for (c, (dx, &x)) in dx[sample.clone()].iter_mut().zip(&x[sample]).enumerate() {
                        let (t, h) = (if c == l { 1.0 } else { -1.0 }, missing(c == l, x));
                        *dx = match self.norm {
                            Norm::L1 if h == 0.0 => 0.0,
                            Norm::L1 => -scale * t,
                            Norm::L2 => -scale * 2.0 * t * h,
                        };
                    }
                }
                Ok(())
            }
            Device::Gpu(gpu) => {
                let (count, p) = (x.count(), self.p());
                let refusal = loss::class_on_card(&mut self.refusal, gpu, 1, classes, None)?;
                let (x, labels, dl, dx) = (x.card(gpu)?, labels.card(gpu)?, dl.card(gpu)?, dx.card_over(gpu)?);
                let args = &mut [count.into(), classes.into(), n.into(), p, x, labels, dl, refusal, dx];
                self.kernels.launch(gpu, "hinge_loss_backward", count, args)
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

impl HingeLoss {
    /// The power, for a kernel.
    fn p(&self) -> Arg<'static> {
        Arg::Int(if self.norm == Norm::L1 { 1 } else { 2 })
    }
}

/// N, at least 1, and the number of classes.
fn sizes(x: &Blob) -> (usize, usize) {
    let n = x.num().max(1);
    (n, x.count() / n)
}

/// h = max(0, 1 - t x); a NaN stays one.
fn missing(right: bool, x: f32) -> f32 {
    let h = if right { 1.0 - x } else { 1.0 + x };
    if h < 0.0 { 0.0 } else { h }
}
