//! # Clip: y = x, kept between min and max
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy where min ≤ x ≤ max, and 0 elsewhere. Both bounds of `clip_param { min, max }` must be given.
//!
//! In place, Caffe finds y where x was, and y is always within the bounds, so every gradient passes. Here x is kept,
//! and dx is the same in place or not.

use super::pointwise::*;

/// Cuts off what is too small or too large.
pub struct Clip {
    min: f32,
    max: f32,
}

impl Pointwise for Clip {
    const KERNELS: Passes = passes!("clip");
    const SLOPE: Slope = Slope::OfX;

    fn read(param: &LayerParameter) -> Result<Self> {
        let Some((min, max)) = param.clip_param.map(|p| (p.min, p.max)) else {
            return Err(
                Error::value("a Clip needs its two bounds").hint("add clip_param { min: -1 max: 1 }, for example")
            );
        };
        if min.is_nan() || max.is_nan() || min > max {
            return Err(Error::value(format!("nothing lies between a min of {min} and a max of {max}"))
                .field("clip_param.min")
                .hint("min is the lower bound, max the upper"));
        }
        Ok(Clip { min, max })
    }

    fn numbers(&self) -> Vec<f32> {
        vec![self.min, self.max]
    }

    fn y(&self, x: f32) -> f32 {
        x.clamp(self.min, self.max)
    }

    fn dx(&self, x: f32, dy: f32) -> f32 {
        if (self.min..=self.max).contains(&x) { dy } else { 0.0 }
    }
}
