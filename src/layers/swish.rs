//! # Swish: y = x σ(βx), with σ(t) = 1 / (1 + e⁻ᵗ)
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy (s + β x s (1 - s)), with s = σ(βx). `swish_param { beta }` is β, 1 if not given: 0 halves x, and the larger β is,
//! the nearer comes y to ReLU. Ramachandran, Zoph and Le 2017.

use super::pointwise;
use super::sigmoid::sigmoid;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Result};

/// x, let through by its own sigmoid.
pub struct Swish {
    beta: f32,
}

impl Layer for Swish {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Swish { beta: param.swish_param.unwrap_or_default().beta() })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
        let beta = self.beta;
        pointwise::forward(cx, x, y, |x| x * sigmoid(beta * x));
        Ok(())
    }

    fn backward(
        &mut self,
        cx: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        if !propagate_down[0] {
            return Ok(());
        }
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let (x, dx, dy) = (x.slice(), dx.slice_mut(), top[0].diff.slice());
        let beta = self.beta;
        pointwise::backward(cx, x, dy, dx, |x, dy| {
            let s = sigmoid(beta * x);
            dy * (s + beta * x * s * (1.0 - s))
        });
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
