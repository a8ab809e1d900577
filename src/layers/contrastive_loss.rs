//! # ContrastiveLoss: L = 1/(2N) Σₙ (s d² + (1 - s) max(0, margin - d)²), with d = |a - b|
//!
//! | blob        | shape  | meaning                                       |
//! |-------------|--------|-----------------------------------------------|
//! | `bottom[0]` | N x .. | a                                             |
//! | `bottom[1]` | N x .. | b, each row the partner of a's                |
//! | `bottom[2]` | N      | s: 1 if the two of a pair are alike, 0 if not |
//! | `top[0]`    | `[]`   | L, the loss                                   |
//!
//! Pairs that are alike are drawn together, others pushed apart until they are `contrastive_loss_param { margin }` away, 1
//! if not given (Hadsell, Chopra and LeCun 2006). da = dL/N f (a - b) and db = -da, with f = 1 for a pair that is alike, and
//! f = -max(0, margin - d) / (d + 1e-4) for one that is not; the 1e-4 is Caffe's, and keeps the quotient finite where
//! a = b. `legacy_version: true` takes max(0, margin - d²) for the second square, and f = -1 where that is not 0.

use super::loss::{self, Mean};
use crate::device::{Arg, Kernels};
use crate::layer::*;
use crate::proto::{ContrastiveLossParameter, LayerParameter};
use crate::{Blob, Device, Error, Result};

/// Draws pairs together, or pushes them apart.
pub struct ContrastiveLoss {
    param: ContrastiveLossParameter,
    mean: Mean,
    kernels: Kernels,
}

impl Layer for ContrastiveLoss {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(ContrastiveLoss {
            param: param.contrastive_loss_param.unwrap_or_default(),
            mean: Mean::new(),
            kernels: Kernels::new(concat!(
                include_str!("../../kernels/loss.cu"),
                include_str!("../../kernels/contrastive_loss.cu")
            )),
        })
    }

    fn arity(&self) -> Arity {
        Arity::loss(3..=3, 1..=1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        loss::check_pair(&bottom[0], &bottom[1])?;
        if bottom[2].count() != bottom[0].num() {
            let (pairs, s) = (bottom[0].num(), bottom[2].shape());
            return Err(Error::shape(format!("bottom[2] has shape {s:?}, and there are {pairs} pairs"))
                .hint("bottom[2] has one value for each pair: 1 if its two are alike, 0 if not"));
        }
        top[0].reshape(&[])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (a, b, s) = (&bottom[0].data, &bottom[1].data, &bottom[2].data);
        let (n, margin) = (s.count().max(1), self.param.margin());
        let k = a.count() / n;
        match cx.device {
            Device::Cpu(_) => {
                let (a, b, margin, mut sum) = (a.slice(), b.slice(), margin as f64, 0.0);
                for (i, &s) in s.slice().iter().enumerate() {
                    let d2 = distance_squared(a, b, i, k);
                    sum += match (alike(s), self.param.legacy_version()) {
                        (true, _) => d2,
                        (false, true) => positive(margin - d2),
                        (false, false) => positive(margin - d2.sqrt()).powi(2),
                    };
                }
                top[0].data.fill((sum / (2 * n) as f64) as f32);
                Ok(())
            }
            Device::Gpu(gpu) => {
                let (pairs, legacy, partial) = (s.count(), self.legacy(), self.mean.partial(gpu, n)?);
                let (a, b, s) = (a.card(gpu)?, b.card(gpu)?, s.card(gpu)?);
                let args = &mut [k.into(), margin.into(), legacy, a, b, s, partial];
                self.kernels.launch_rows(gpu, "contrastive_loss_forward", pairs, k, args)?;
                self.mean.end_on_card(&mut self.kernels, gpu, pairs, (2 * n) as f32, &mut top[0].data)
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
        let [Blob { data: a, diff: da }, Blob { data: b, diff: db }, s] = bottom else {
            return Err(Error::shape("ContrastiveLoss has three bottoms"));
        };
        let (s, dl, margin) = (&s.data, &top[0].diff, self.param.margin());
        let (n, legacy) = (s.count().max(1), self.param.legacy_version());
        let k = a.count() / n;
        for (diff, sign, wanted) in [(da, 1.0, propagate_down[0]), (db, -1.0, propagate_down[1])] {
            if !wanted {
                continue;
            }
            match cx.device {
                Device::Cpu(_) => {
                    let (a, b, diff, margin) = (a.slice(), b.slice(), diff.slice_mut(), margin as f64);
                    let scale = sign * (dl.scalar() / n as f32);
                    for (i, &s) in s.slice().iter().enumerate() {
                        let d2 = distance_squared(a, b, i, k);
                        let f = match (alike(s), legacy) {
                            (true, _) => 1.0,
                            (false, true) if d2 < margin => -1.0,
                            (false, true) => 0.0,
                            (false, false) => -positive(margin - d2.sqrt()) / (d2.sqrt() + 1e-4),
                        };
                        let pair = i * k..(i + 1) * k;
                        for ((diff, a), b) in diff[pair.clone()].iter_mut().zip(&a[pair.clone()]).zip(&b[pair]) {
                            *diff = scale * f as f32 * (a - b);
                        }
                    }
                }
                Device::Gpu(gpu) => {
                    let (pairs, legacy, a, b) = (s.count(), self.legacy(), a.card(gpu)?, b.card(gpu)?);
                    let (s, dl, diff) = (s.card(gpu)?, dl.card(gpu)?, diff.card_over(gpu)?);
                    let args = &mut [k.into(), margin.into(), legacy, sign.into(), a, b, s, dl, diff];
                    self.kernels.launch_rows(gpu, "contrastive_loss_backward", pairs, k, args)?;
                }
            }
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
        bottom < 2
    }
}

impl ContrastiveLoss {
    /// Whether it is the old version, for a kernel.
    fn legacy(&self) -> Arg<'static> {
        i32::from(self.param.legacy_version()).into()
    }
}

/// d² of pair `i`, of `k` values on each side.
fn distance_squared(a: &[f32], b: &[f32], i: usize, k: usize) -> f64 {
    a[i * k..].iter().zip(&b[i * k..]).take(k).map(|(a, b)| ((a - b) as f64).powi(2)).sum()
}

/// Whether s says that a pair is alike: like a label it has no fraction.
fn alike(s: f32) -> bool {
    s.trunc() != 0.0
}

/// max(0, x); a NaN stays one.
fn positive(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x }
}
