//! # TanH: y = tanh x
//!
//! | blob        | shape | meaning             |
//! |-------------|-------|---------------------|
//! | `bottom[0]` | any   | x                   |
//! | `top[0]`    | as x  | y, between -1 and 1 |
//!
//! dx = dy (1 - y²). No parameters.

use super::pointwise::*;

/// y = tanh x, value by value.
pub struct Tanh;

impl Pointwise for Tanh {
    const KERNELS: Passes = passes!("tanh");
    const SLOPE: Slope = Slope::OfY;

    fn read(_: &LayerParameter) -> Result<Self> {
        Ok(Tanh)
    }

    fn y(&self, x: f32) -> f32 {
        x.tanh()
    }

    fn dx(&self, y: f32, dy: f32) -> f32 {
        dy * (1.0 - y * y)
    }

    fn lets_nothing_through(&self, _: f32, y: f32) -> bool {
        y * y == 1.0
    }
}
