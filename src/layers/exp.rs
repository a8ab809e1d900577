//! # Exp: y = base ^ (shift + scale x)
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy y scale ln base. `exp_param { base, scale, shift }`: without a base, or with -1, the base is e; scale is 1 and
//! shift 0 if not given. Computed as e ^ (ln base (shift + scale x)).

use super::pointwise;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Error, Result};

/// An exponential function.
pub struct Exp {
    ln_base: f32,
    scale: f32,
    shift: f32,
    kernels: Kernels,
}

impl Layer for Exp {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.exp_param.unwrap_or_default();
        let ln_base = ln_base(p.base(), "exp_param.base")?;
        let kernels = Kernels::new(include_str!("../../kernels/exp.cu"));
        Ok(Exp { ln_base, scale: p.scale(), shift: p.shift(), kernels })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        let Exp { ln_base, scale, shift, .. } = *self;
        match cx.device {
            Device::Cpu(cpu) => pointwise::forward(cpu, x, y, |x| (ln_base * (shift + scale * x)).exp()),
            Device::Gpu(gpu) => self.kernels.map(gpu, "exp_forward", &[ln_base, scale, shift], &[x], y),
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
        let (y, dy, dx) = (&top[0].data, &top[0].diff, &mut bottom[0].diff);
        let slope = self.scale * self.ln_base;
        match cx.device {
            Device::Cpu(cpu) => pointwise::backward(cpu, y, dy, dx, |y, dy| dy * slope * y),
            Device::Gpu(gpu) => self.kernels.map(gpu, "exp_backward", &[slope], &[y, dy], dx),
        }
    }

    fn needs(&self) -> Needs {
        Needs::Y
    }
}

/// The natural logarithm of a base, -1 standing for e.
///
/// # Errors
/// The base has none; `field` is where the prototxt names it.
pub(super) fn ln_base(base: f32, field: &str) -> Result<f32> {
    match base {
        -1.0 => Ok(1.0),
        _ if base > 0.0 && base.is_finite() => Ok(base.ln()),
        _ => Err(Error::value(format!("base is {base}"))
            .field(field)
            .hint("base is larger than 0: 2 or 10, for example; -1, or none at all, stands for e")),
    }
}
