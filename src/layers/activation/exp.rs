//! # Exp: y = base ^ (shift + scale x)
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy y scale ln base. `exp_param { base, scale, shift }`: without a base, or with -1, the base is e; scale is 1
//! and shift 0 if not given. Computed as e ^ (ln base (shift + scale x)).

use super::pointwise::*;

/// An exponential function.
pub struct Exp {
    ln_base: f32,
    scale: f32,
    shift: f32,
}

impl Pointwise for Exp {
    const KERNELS: Passes = passes!("exp");
    const SLOPE: Slope = Slope::OfY;

    fn read(param: &LayerParameter) -> Result<Self> {
        let p = param.exp_param.unwrap_or_default();
        Ok(Exp { ln_base: ln_base(p.base(), "exp_param.base")?, scale: p.scale(), shift: p.shift() })
    }

    fn numbers(&self) -> Vec<f32> {
        vec![self.ln_base, self.scale, self.shift]
    }

    fn y(&self, x: f32) -> f32 {
        (self.ln_base * (self.shift + self.scale * x)).exp()
    }

    fn dx(&self, y: f32, dy: f32) -> f32 {
        dy * (self.scale * self.ln_base) * y
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
