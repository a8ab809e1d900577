//! # EuclideanLoss: L = 1/(2N) Σ (a - b)²
//!
//! | blob        | shape  | meaning            |
//! |-------------|--------|--------------------|
//! | `bottom[0]` | N x .. | a, the predictions |
//! | `bottom[1]` | N x .. | b, the targets     |
//! | `top[0]`    | `[]`   | L, the loss        |
//!
//! da = dL (a - b) / N, and db = -da: unlike other losses it has a gradient for both bottoms, so that two nets can be
//! drawn towards each other. No parameters.

use super::loss::{self, Mean};
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Error, Result};

/// Half the mean squared distance.
pub struct EuclideanLoss {
    mean: Mean,
    kernels: Kernels,
}

impl Layer for EuclideanLoss {
    fn new(_: &LayerParameter) -> Result<Self> {
        let source = concat!(include_str!("../../kernels/loss.cu"), include_str!("../../kernels/euclidean_loss.cu"));
        Ok(EuclideanLoss { mean: Mean::new(), kernels: Kernels::new(source) })
    }

    fn arity(&self) -> Arity {
        Arity::loss(2..=2, 1..=1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        loss::check_pair(&bottom[0], &bottom[1])?;
        top[0].reshape(&[])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (a, b, n) = (&bottom[0].data, &bottom[1].data, bottom[0].num().max(1));
        match cx.device {
            Device::Cpu(_) => {
                let sum: f64 = a.slice().iter().zip(b.slice()).map(|(a, b)| ((a - b) as f64).powi(2)).sum();
                top[0].data.fill((sum / (2 * n) as f64) as f32);
                Ok(())
            }
            Device::Gpu(gpu) => {
                let (count, blocks) = (a.count(), loss::blocks(a.count()));
                let args = &mut [count.into(), a.card(gpu)?, b.card(gpu)?, self.mean.partial(gpu, blocks)?];
                self.kernels.launch_blocks(gpu, "euclidean_loss_forward", blocks, Kernels::BLOCK, args)?;
                self.mean.end_on_card(&mut self.kernels, gpu, blocks, (2 * n) as f32, &mut top[0].data)
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
        let (dl, n) = (&top[0].diff, bottom[0].num().max(1));
        let [Blob { data: a, diff: da }, Blob { data: b, diff: db }] = bottom else {
            return Err(Error::shape("EuclideanLoss has two bottoms"));
        };
        for (d, sign, wanted) in [(da, 1.0, propagate_down[0]), (db, -1.0, propagate_down[1])] {
            if !wanted {
                continue;
            }
            match cx.device {
                Device::Cpu(_) => {
                    let scale = sign * (dl.scalar() / n as f32);
                    for ((d, a), b) in d.slice_mut().iter_mut().zip(a.slice()).zip(b.slice()) {
                        *d = scale * (a - b);
                    }
                }
                Device::Gpu(gpu) => {
                    let (count, a, b) = (a.count(), a.card(gpu)?, b.card(gpu)?);
                    let args = &mut [count.into(), n.into(), sign.into(), a, b, dl.card(gpu)?, d.card_over(gpu)?];
                    self.kernels.launch(gpu, "euclidean_loss_backward", count, args)?;
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
}
