//! # Power: y = (shift + scale x) ^ power
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy power scale (shift + scale x) ^ (power - 1); where power scale = 0, y is a constant, and dx = 0. `power` and
//! `scale` are 1 and `shift` is 0 if `power_param` does not give them. A fractional power of a negative base is NaN.
//!
//! Caffe's dx is wrong in two places, and is not followed there: in place, a power of 1 gives scale² instead of scale
//! dy; and powers other than 1 and 2 give 0 / 0 where shift + scale x = 0.

use super::pointwise::*;

/// A straight line, raised to a power.
pub struct Power {
    power: f32,
    scale: f32,
    shift: f32,
}

impl Pointwise for Power {
    const KERNELS: Passes = passes!("power");
    const SLOPE: Slope = Slope::OfX;

    fn read(param: &LayerParameter) -> Result<Self> {
        let p = param.power_param.unwrap_or_default();
        Ok(Power { power: p.power(), scale: p.scale(), shift: p.shift() })
    }

    fn numbers(&self) -> Vec<f32> {
        vec![self.power, self.scale, self.shift]
    }

    fn y(&self, x: f32) -> f32 {
        let Power { power, scale, shift } = *self;
        let constant = power * scale == 0.0; // whatever x is, even an infinity
        raise(if constant { shift } else { shift + scale * x }, power)
    }

    fn dx(&self, x: f32, dy: f32) -> f32 {
        let Power { power, scale, shift } = *self;
        if power * scale == 0.0 { 0.0 } else { dy * power * scale * raise(shift + scale * x, power - 1.0) }
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
