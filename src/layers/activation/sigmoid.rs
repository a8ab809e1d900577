//! # Sigmoid: y = 1 / (1 + e⁻ˣ)
//!
//! | blob        | shape | meaning            |
//! |-------------|-------|--------------------|
//! | `bottom[0]` | any   | x                  |
//! | `top[0]`    | as x  | y, between 0 and 1 |
//!
//! dx = dy y (1 - y). Computed as y = tanh(x / 2) / 2 + 1 / 2, which overflows for no x. No parameters.

use super::pointwise::*;

/// y = 1 / (1 + e⁻ˣ), value by value.
pub struct Sigmoid;

impl Pointwise for Sigmoid {
    const KERNELS: Passes = passes!("sigmoid");
    const SLOPE: Slope = Slope::OfY;

    fn read(_: &LayerParameter) -> Result<Self> {
        Ok(Sigmoid)
    }

    fn y(&self, x: f32) -> f32 {
        sigmoid(x)
    }

    fn dx(&self, y: f32, dy: f32) -> f32 {
        dy * y * (1.0 - y)
    }

    fn lets_nothing_through(&self, _: f32, y: f32) -> bool {
        y * (1.0 - y) == 0.0
    }
}

/// 1 / (1 + e⁻ˣ).
pub(in crate::layers) fn sigmoid(x: f32) -> f32 {
    0.5 * (0.5 * x).tanh() + 0.5
}
