//! # Threshold: y = 1 where x > t, and 0 elsewhere
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! `threshold_param { threshold }` is t, 0 if not given. The slope is 0 wherever there is one, so nothing could be
//! learnt through this layer: no gradient flows back, and a net that needs one is not built.

use super::pointwise::*;

/// Yes or no: is x larger?
pub struct Threshold {
    t: f32,
}

impl Pointwise for Threshold {
    const KERNELS: Passes = passes!("threshold");
    const SLOPE: Slope = Slope::Zero;

    fn read(param: &LayerParameter) -> Result<Self> {
        Ok(Threshold { t: param.threshold_param.unwrap_or_default().threshold() })
    }

    fn numbers(&self) -> Vec<f32> {
        vec![self.t]
    }

    fn y(&self, x: f32) -> f32 {
        if x > self.t { 1.0 } else { 0.0 }
    }
}
