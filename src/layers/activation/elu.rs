//! # ELU: y = x where x > 0, and α (eˣ - 1) elsewhere
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy where x > 0, and dy α eˣ elsewhere. Negative values sink to -α and no deeper, and with α = 1 there is no
//! corner at 0. `elu_param { alpha }` is α, 1 if not given. Clevert, Unterthiner and Hochreiter 2015.

use super::pointwise::*;

/// The exponential linear unit.
pub struct Elu {
    alpha: f32,
}

impl Pointwise for Elu {
    const KERNELS: Passes = passes!("elu");
    const SLOPE: Slope = Slope::OfX;

    fn read(param: &LayerParameter) -> Result<Self> {
        Ok(Elu { alpha: param.elu_param.unwrap_or_default().alpha() })
    }

    fn numbers(&self) -> Vec<f32> {
        vec![self.alpha]
    }

    fn y(&self, x: f32) -> f32 {
        if x > 0.0 { x } else { self.alpha * x.exp_m1() }
    }

    fn dx(&self, x: f32, dy: f32) -> f32 {
        if x > 0.0 { dy } else { dy * self.alpha * x.exp() }
    }
}
