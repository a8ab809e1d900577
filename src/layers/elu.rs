//! # ELU: y = x where x > 0, and α (eˣ - 1) elsewhere
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy where x > 0, and dy α eˣ elsewhere. Negative values sink to -α and no deeper, and with α = 1 there is no corner
//! at 0. `elu_param { alpha }` is α, 1 if not given. Clevert, Unterthiner and Hochreiter 2015.

use super::pointwise;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Result};

/// The exponential linear unit.
pub struct Elu {
    alpha: f32,
}

impl Layer for Elu {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Elu { alpha: param.elu_param.unwrap_or_default().alpha() })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
        let alpha = self.alpha;
        pointwise::forward(cx, x, y, |x| if x > 0.0 { x } else { alpha * x.exp_m1() });
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
        let alpha = self.alpha;
        pointwise::backward(cx, x, dy, dx, |x, dy| if x > 0.0 { dy } else { dy * alpha * x.exp() });
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
