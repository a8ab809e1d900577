//! # Dropout: y = m x, with m = 0 or 1 / (1 - p) at random
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! While training, each value is dropped (m = 0) with probability p, `dropout_param { dropout_ratio }`, 0.5 if not given;
//! the others are enlarged so that the mean stays ("inverted" dropout). While testing, y = x. dx = m dy.
//!
//! Element i is dropped if number i of the layer's [stream](crate::random) in this pass is below p: the same elements for
//! any number of threads, and others in the next pass. Srivastava et al., JMLR 2014.

use crate::device::cpu::PIECE;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::random::unit;
use crate::{Blob, Error, Result};

/// Drops values at random while training.
pub struct Dropout {
    name: String,
    /// The probability p of dropping a value.
    ratio: f32,
    /// m of the last forward; empty after one that dropped nothing.
    mask: Vec<f32>,
}

impl Layer for Dropout {
    fn new(param: &LayerParameter) -> Result<Self> {
        let ratio = param.dropout_param.unwrap_or_default().dropout_ratio();
        if !(0.0..1.0).contains(&ratio) {
            return Err(Error::value(format!("dropout_ratio is {ratio}; it must be at least 0 and below 1"))
                .field("dropout_param.dropout_ratio")
                .hint("dropout_ratio is the share of values to drop: 0.5 drops every other one"));
        }
        Ok(Dropout { name: param.name().to_string(), ratio, mask: Vec::new() })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y, m, p) = (bottom[0].data.slice(), top[0].data.slice_mut(), &mut self.mask, self.ratio);
        if !cx.train() {
            m.clear();
            y.copy_from_slice(x);
            return Ok(());
        }
        m.resize(x.len(), 0.0);
        let kept = 1.0 / (1.0 - p);
        let random = cx.random(&self.name);
        cx.device.host().pieces2((m, PIECE), (y, PIECE), |start, m, y| {
            for (i, m) in m.chunks_mut(4).enumerate() {
                let bits = random.block((start / 4 + i) as u32); // PIECE is a multiple of 4
                m.iter_mut().zip(bits).for_each(|(m, bits)| *m = if unit(bits) < p { 0.0 } else { kept });
            }
            for ((y, x), m) in y.iter_mut().zip(&x[start..]).zip(m) {
                *y = *m * x;
            }
        });
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
        let (dy, dx, m) = (top[0].diff.slice(), bottom[0].diff.slice_mut(), &self.mask);
        if m.is_empty() {
            dx.copy_from_slice(dy);
            return Ok(());
        }
        for ((dx, dy), m) in dx.iter_mut().zip(dy).zip(m) {
            *dx = m * dy;
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
