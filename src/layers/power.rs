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
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

/// A straight line, raised to a power.
pub struct Power {
    power: f32,
    scale: f32,
    shift: f32,
    kernels: Kernels,
}

impl Layer for Power {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.power_param.unwrap_or_default();
        let kernels = Kernels::new(include_str!("../../kernels/power.cu"));
        Ok(Power { power: p.power(), scale: p.scale(), shift: p.shift(), kernels })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        let Power { power, scale, shift, .. } = *self;
        match cx.device {
            Device::Cpu(_) if power * scale == 0.0 => {
                y.fill(raise(shift, power)); // whatever x is, an infinity too
                Ok(())
            }
            Device::Cpu(cpu) => pointwise::forward(cpu, x, y, |x| raise(shift + scale * x, power)),
            Device::Gpu(gpu) => self.kernels.map(gpu, "power_forward", &[power, scale, shift], &[x], y),
        }
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
        let dy = &top[0].diff;
        let Power { power, scale, shift, .. } = *self;
        match cx.device {
            Device::Cpu(_) if power * scale == 0.0 => {
                dx.fill(0.0);
                Ok(())
            }
            Device::Cpu(cpu) => {
                pointwise::backward(cpu, x, dy, dx, |x, dy| dy * power * scale * raise(shift + scale * x, power - 1.0))
            }
            Device::Gpu(gpu) => self.kernels.map(gpu, "power_backward", &[power, scale, shift], &[x, dy], dx),
        }
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
