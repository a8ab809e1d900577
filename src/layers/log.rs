//! # Log: y = the logarithm of shift + scale x to a base
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy scale / ((shift + scale x) ln base). `log_param { base, scale, shift }`: without a base, or with -1, the base is e;
//! scale is 1 and shift 0 if not given. The logarithm of 0 is -∞, that of a negative number NaN.

use super::exp::ln_base;
use super::pointwise;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Error, Result};

/// A logarithm.
pub struct Log {
    ln_base: f32,
    scale: f32,
    shift: f32,
}

impl Layer for Log {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.log_param.unwrap_or_default();
        let ln_base = ln_base(p.base(), "log_param.base")?;
        if ln_base == 0.0 {
            return Err(Error::value("base is 1, and no power of 1 is another number")
                .field("log_param.base")
                .hint("give 2 or 10, for example; -1, or none at all, stands for e"));
        }
        Ok(Log { ln_base, scale: p.scale(), shift: p.shift() })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
        let Log { ln_base, scale, shift } = *self;
        pointwise::forward(cx, x, y, |x| (shift + scale * x).ln() / ln_base);
        Ok(())
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
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let (x, dx, dy) = (x.slice(), dx.slice_mut(), top[0].diff.slice());
        let Log { ln_base, scale, shift } = *self;
        pointwise::backward(cx, x, dy, dx, |x, dy| dy * scale / ((shift + scale * x) * ln_base));
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
