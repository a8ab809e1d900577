//! # BatchReindex: the samples of x that a list names, in its order
//!
//! | blob        | shape  | meaning                    |
//! |-------------|--------|----------------------------|
//! | `bottom[0]` | N x .. | x                          |
//! | `bottom[1]` | M      | p: numbers from 0 to N - 1 |
//! | `top[0]`    | M x .. | y                          |
//!
//! `y[m] = x[p[m]]`. A sample may be named several times, or not at all: `dx[n]` is the sum of dy over all m with
//! p\[m\] = n. Nothing flows into p. The fraction of a p is cut off; one that is no sample is an error.

use super::indices::{indices, range};
use crate::device::{Kernels, OnCard, Refusal};
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Error, Result};

/// Chooses samples by their numbers.
pub struct BatchReindex {
    /// p of the last forward.
    picked: Vec<usize>,
    /// The same on a card.
    picked_there: OnCard<i32>,
    refusal: Refusal,
    kernels: Kernels,
}

impl Layer for BatchReindex {
    fn new(_: &LayerParameter) -> Result<Self> {
        let kernels = Kernels::new(include_str!("../../kernels/batch_reindex.cu"));
        Ok(BatchReindex { picked: Vec::new(), picked_there: OnCard::default(), refusal: Refusal::default(), kernels })
    }

    fn arity(&self) -> Arity {
        Arity::exact(2, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, p) = (bottom[0].shape(), bottom[1].shape());
        let (&[m], [_, rest @ ..]) = (p, x) else {
            return Err(Error::shape(format!("bottom[0] has shape {x:?} and bottom[1] {p:?}")).field("bottom").hint(
                "the first holds samples, N x .., and the second has one axis: a number for each sample to come",
            ));
        };
        top[0].reshape(&[&[m], rest].concat())
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, p, y, n) = (&bottom[0].data, &bottom[1].data, &mut top[0].data, bottom[0].num());
        let sample = x.count() / n.max(1);
        match cx.device {
            Device::Cpu(_) => {
                indices(p.slice(), n, &mut self.picked).map_err(|(m, value)| no_sample(m, value, n))?;
                for (y, &n) in y.slice_mut().chunks_exact_mut(sample.max(1)).zip(&self.picked) {
                    y.copy_from_slice(&x.slice()[n * sample..][..sample]);
                }
                Ok(())
            }
            Device::Gpu(gpu) => {
                let (picks, count) = (p.count(), y.count());
                let refusal = self.refusal.arg(gpu, move |m, value| no_sample(m, value, n))?;
                let picked = self.picked_there.over(gpu, picks)?;
                let args = &mut [picks.into(), n.into(), p.card(gpu)?, picked, refusal];
                self.kernels.launch(gpu, "batch_reindex_pick", picks, args)?;
                let picked = self.picked_there.get()?;
                let args = &mut [count.into(), sample.into(), picked, x.card(gpu)?, y.card_over(gpu)?];
                self.kernels.launch(gpu, "batch_reindex_forward", count, args)
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
        let sample = bottom[0].count() / bottom[0].num().max(1);
        let (dy, dx) = (&top[0].diff, &mut bottom[0].diff);
        match cx.device {
            Device::Cpu(_) => {
                let dx = dx.slice_mut();
                dx.fill(0.0);
                for (dy, &n) in dy.slice().chunks_exact(sample.max(1)).zip(&self.picked) {
                    dx[n * sample..][..sample].iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy);
                }
                Ok(())
            }
            Device::Gpu(gpu) => {
                let (n, picks, picked) = (dx.count(), top[0].num(), self.picked_there.get()?);
                let args = &mut [n.into(), sample.into(), picks.into(), picked, dy.card(gpu)?, dx.card_over(gpu)?];
                self.kernels.launch(gpu, "batch_reindex_backward", n, args)
            }
        }
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn propagates(&self, bottom: usize) -> bool {
        bottom == 0
    }
}

/// The error of a p that names none of the `n` samples.
fn no_sample(m: usize, value: f32, n: usize) -> Error {
    Error::value(format!("value {m} of bottom[1] is {value}, and the samples of bottom[0] are {}", range(n)))
        .field("bottom[1]")
        .hint("the second bottom holds numbers of samples, which count from 0")
}
