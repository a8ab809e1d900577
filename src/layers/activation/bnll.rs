//! # BNLL: y = ln(1 + eˣ)
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! The binomial normal log likelihood, a ReLU without the corner; others call it softplus. dx = dy σ(x), with
//! σ(x) = 1 / (1 + e⁻ˣ). Computed as y = max(x, 0) + ln(1 + e^-|x|), which overflows for no x. No parameters.

use super::pointwise::*;
use super::sigmoid::sigmoid;

/// y = ln(1 + eˣ), value by value.
pub struct Bnll;

impl Pointwise for Bnll {
    const KERNELS: Passes = passes!("bnll");
    const SLOPE: Slope = Slope::OfX;

    fn read(_: &LayerParameter) -> Result<Self> {
        Ok(Bnll)
    }

    fn y(&self, x: f32) -> f32 {
        x.max(0.0) + (-x.abs()).exp().ln_1p()
    }

    fn dx(&self, x: f32, dy: f32) -> f32 {
        dy * sigmoid(x)
    }
}
