//! # Log: y = the logarithm of shift + scale x to a base
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy scale / ((shift + scale x) ln base). `log_param { base, scale, shift }`: without a base, or with -1, the
//! base is e; scale is 1 and shift 0 if not given. The logarithm of 0 is -∞, that of a negative number NaN.

use super::exp::ln_base;
use super::pointwise::*;

/// A logarithm.
pub struct Log {
    ln_base: f32,
    scale: f32,
    shift: f32,
}

impl Pointwise for Log {
    const KERNELS: Passes = passes!("log");
    const SLOPE: Slope = Slope::OfX;

    fn read(param: &LayerParameter) -> Result<Self> {
        let p = param.log_param.unwrap_or_default();
        let ln_base = ln_base(p.base(), "log_param.base")?;
        if ln_base == 0.0 {
            return Err(Error::value("base is 1, and no power of 1 is another number")
                .field("log_param.base")
                .hint("give 2 or 10, for example; -1, or none at all, stands for e"));
        }
        Ok(Log { ln_base, scale: p.scale(), shift: p.shift() })
    }

    fn numbers(&self) -> Vec<f32> {
        vec![self.ln_base, self.scale, self.shift]
    }

    fn y(&self, x: f32) -> f32 {
        (self.shift + self.scale * x).ln() / self.ln_base
    }

    fn dx(&self, x: f32, dy: f32) -> f32 {
        dy * self.scale / ((self.shift + self.scale * x) * self.ln_base)
    }
}
