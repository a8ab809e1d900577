//! # AbsVal: y = |x|
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy where x > 0, -dy where x < 0, and 0 at 0. No parameters.

use super::pointwise::*;

/// The size of a value without its sign.
pub struct AbsVal;

impl Pointwise for AbsVal {
    const KERNELS: Passes = passes!("absval");
    const SLOPE: Slope = Slope::OfX;

    fn read(_: &LayerParameter) -> Result<Self> {
        Ok(AbsVal)
    }

    fn y(&self, x: f32) -> f32 {
        x.abs()
    }

    fn dx(&self, x: f32, dy: f32) -> f32 {
        match x {
            x if x > 0.0 => dy,
            x if x < 0.0 => -dy,
            _ => 0.0,
        }
    }
}
