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

use crate::device::{OnCard, Refusal};
use crate::layer::*;
use crate::layers::indices::{indices, range};

const KERNELS: Kernels = kernels!("batch_reindex");

/// Chooses samples by their numbers.
pub struct BatchReindex {
    /// p of the last forward.
    picked: Vec<usize>,
    /// The same on a card.
    picked_there: OnCard<i32>,
    refusal: Refusal,
}

impl Layer for BatchReindex {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(BatchReindex { picked: Vec::new(), picked_there: OnCard::default(), refusal: Refusal::default() })
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
        if let Device::Gpu(gpu) = cx.device {
            let (picks, count) = (p.count(), y.count());
            let refusal = self.refusal.explain(gpu, move |m, value| no_sample(m, value, n))?;
            let args = args![picks, n, p, self.picked_there.over(picks), refusal];
            KERNELS.launch(gpu, "batch_reindex_pick", picks, args)?;
            let args = args![count, sample, self.picked_there, x, y.over()];
            return KERNELS.launch(gpu, "batch_reindex_forward", count, args);
        }
        indices(p.slice(), n, &mut self.picked).map_err(|(m, value)| no_sample(m, value, n))?;
        for (y, &n) in y.slice_mut().chunks_exact_mut(sample.max(1)).zip(&self.picked) {
            y.copy_from_slice(&x.slice()[n * sample..][..sample]);
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let sample = bottom[0].count() / bottom[0].num().max(1);
        let (dy, dx) = (&top[0].diff, &mut bottom[0].diff);
        if let Device::Gpu(gpu) = cx.device {
            let (n, picks) = (dx.count(), top[0].num());
            let args = args![n, sample, picks, self.picked_there, dy, dx.over()];
            return KERNELS.launch(gpu, "batch_reindex_backward", n, args);
        }
        let dx = dx.slice_mut();
        dx.fill(0.0);
        for (dy, &n) in dy.slice().chunks_exact(sample.max(1)).zip(&self.picked) {
            dx[n * sample..][..sample].iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy);
        }
        Ok(())
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
