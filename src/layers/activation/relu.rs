//! # ReLU: y = max(0, x) + ν min(0, x)
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy where x > 0, and ν dy elsewhere. `relu_param { negative_slope }` is ν, 0 if not given; with ν > 0 it is the
//! "leaky" ReLU (Maas et al. 2013). The rectifier itself: Nair and Hinton 2010.

use super::pointwise::*;

/// The positive part, or a small slope below 0.
pub struct Relu {
    nu: f32,
}

impl Pointwise for Relu {
    const KERNELS: Passes = passes!("relu");
    const SLOPE: Slope = Slope::OfX;

    fn read(param: &LayerParameter) -> Result<Self> {
        Ok(Relu { nu: param.relu_param.unwrap_or_default().negative_slope() })
    }

    fn numbers(&self) -> Vec<f32> {
        vec![self.nu]
    }

    fn y(&self, x: f32) -> f32 {
        if x > 0.0 { x } else { self.nu * x + 0.0 } // + 0 turns -0 into 0
    }

    fn dx(&self, x: f32, dy: f32) -> f32 {
        if x > 0.0 { dy } else { self.nu * dy }
    }

    fn lets_nothing_through(&self, x: f32, _: f32) -> bool {
        x <= 0.0 && self.nu == 0.0
    }
}
