//! # Swish: y = x σ(βx), with σ(t) = 1 / (1 + e⁻ᵗ)
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy (s + β x s (1 - s)), with s = σ(βx). `swish_param { beta }` is β, 1 if not given: 0 halves x, and the larger
//! β is, the nearer y comes to ReLU. Ramachandran, Zoph and Le 2017.

use super::pointwise::*;
use super::sigmoid::sigmoid;

/// x, let through by its own sigmoid.
pub struct Swish {
    beta: f32,
}

impl Pointwise for Swish {
    const KERNELS: Passes = passes!("swish");
    const SLOPE: Slope = Slope::OfX;

    fn read(param: &LayerParameter) -> Result<Self> {
        Ok(Swish { beta: param.swish_param.unwrap_or_default().beta() })
    }

    fn numbers(&self) -> Vec<f32> {
        vec![self.beta]
    }

    fn y(&self, x: f32) -> f32 {
        x * sigmoid(self.beta * x)
    }

    fn dx(&self, x: f32, dy: f32) -> f32 {
        let s = sigmoid(self.beta * x);
        dy * (s + self.beta * x * s * (1.0 - s))
    }
}
