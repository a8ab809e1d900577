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
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Error, Result};

/// Chooses samples by their numbers.
pub struct BatchReindex {
    /// p of the last forward.
    picked: Vec<usize>,
}

impl Layer for BatchReindex {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(BatchReindex { picked: Vec::new() })
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

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, p, y) = (bottom[0].data.slice(), bottom[1].data.slice(), top[0].data.slice_mut());
        let n = bottom[0].num();
        indices(p, n, &mut self.picked).map_err(|(i, value)| {
            Error::value(format!("value {i} of bottom[1] is {value}, and the samples of bottom[0] are {}", range(n)))
                .field("bottom[1]")
                .hint("the second bottom holds numbers of samples, which count from 0")
        })?;
        let sample = x.len() / n.max(1);
        for (y, &n) in y.chunks_exact_mut(sample.max(1)).zip(&self.picked) {
            y.copy_from_slice(&x[n * sample..][..sample]);
        }
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
        let sample = bottom[0].count() / bottom[0].num().max(1);
        let (dy, dx) = (top[0].diff.slice(), bottom[0].diff.slice_mut());
        dx.fill(0.0);
        for (dy, &n) in dy.chunks_exact(sample.max(1)).zip(&self.picked) {
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
