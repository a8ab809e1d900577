//! # Exp: y = base ^ (shift + scale x)
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy y scale ln base. `exp_param { base, scale, shift }`: without a base, or with -1, the base is e; scale is 1 and
//! shift 0 if not given. Computed as e ^ (ln base (shift + scale x)).

use super::pointwise;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Error, Result};

/// An exponential function.
pub struct Exp {
    ln_base: f32,
    scale: f32,
    shift: f32,
}

impl Layer for Exp {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.exp_param.unwrap_or_default();
        Ok(Exp { ln_base: ln_base(p.base(), "exp_param.base")?, scale: p.scale(), shift: p.shift() })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
        let Exp { ln_base, scale, shift } = *self;
        pointwise::forward(cx, x, y, |x| (ln_base * (shift + scale * x)).exp());
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
        let (y, dy, dx) = (top[0].data.slice(), top[0].diff.slice(), bottom[0].diff.slice_mut());
        let slope = self.scale * self.ln_base;
        pointwise::backward(cx, y, dy, dx, |y, dy| dy * slope * y);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::Y
    }
}

/// The natural logarithm of a base, -1 standing for e.
///
/// # Errors
/// The base has none; `field` is where the prototxt names it.
pub(super) fn ln_base(base: f32, field: &str) -> Result<f32> {
    match base {
        -1.0 => Ok(1.0),
        _ if base > 0.0 && base.is_finite() => Ok(base.ln()),
        _ => Err(Error::value(format!("base is {base}"))
            .field(field)
            .hint("base is larger than 0: 2 or 10, for example; -1, or none at all, stands for e")),
    }
}
