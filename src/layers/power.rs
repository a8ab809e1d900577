//! # Power: y = (shift + scale x) ^ power
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy power scale (shift + scale x) ^ (power - 1); where power scale = 0, y is a constant, and dx = 0. `power` and `scale`
//! are 1 and `shift` is 0 if `power_param` does not give them. A power that is no integer makes NaN of a negative base.
//!
//! Caffe's dx is wrong in two places, and is not followed there: in place, a power of 1 gives scale² and not scale dy; and
//! powers other than 1 and 2 give 0 / 0 where shift + scale x = 0.

use super::pointwise;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Result};

/// A straight line, raised to a power.
pub struct Power {
    power: f32,
    scale: f32,
    shift: f32,
}

impl Layer for Power {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.power_param.unwrap_or_default();
        Ok(Power { power: p.power(), scale: p.scale(), shift: p.shift() })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
        let Power { power, scale, shift } = *self;
        if power * scale == 0.0 {
            y.fill(raise(shift, power)); // whatever x is, an infinity too
        } else {
            pointwise::forward(cx, x, y, |x| raise(shift + scale * x, power));
        }
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
        let Power { power, scale, shift } = *self;
        if power * scale == 0.0 {
            dx.fill(0.0);
        } else {
            pointwise::backward(cx, x, dy, dx, |x, dy| dy * power * scale * raise(shift + scale * x, power - 1.0));
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}

/// base ^ power. The usual powers need no logarithm.
fn raise(base: f32, power: f32) -> f32 {
    match power {
        0.0 => 1.0,
        1.0 => base,
        2.0 => base * base,
        _ => base.powf(power),
    }
}
