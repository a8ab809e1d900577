//! # Log: y = the logarithm of shift + scale x to a base
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy scale / ((shift + scale x) ln base). `log_param { base, scale, shift }`: without a base, or with -1, the base is e;
//! scale is 1 and shift 0 if not given. The logarithm of 0 is -∞, that of a negative number NaN.

use super::exp::ln_base;
use super::pointwise;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Error, Result};

/// A logarithm.
pub struct Log {
    ln_base: f32,
    scale: f32,
    shift: f32,
    kernels: Kernels,
}

impl Layer for Log {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.log_param.unwrap_or_default();
        let ln_base = ln_base(p.base(), "log_param.base")?;
        if ln_base == 0.0 {
            return Err(Error::value("base is 1, and no power of 1 is another number")
                .field("log_param.base")
                .hint("give 2 or 10, for example; -1, or none at all, stands for e"));
        }
        let kernels = Kernels::new(include_str!("../../kernels/log.cu"));
        Ok(Log { ln_base, scale: p.scale(), shift: p.shift(), kernels })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        let Log { ln_base, scale, shift, .. } = *self;
        match cx.device {
            Device::Cpu(cpu) => pointwise::forward(cpu, x, y, |x| (shift + scale * x).ln() / ln_base),
            Device::Gpu(gpu) => self.kernels.map(gpu, "log_forward", &[ln_base, scale, shift], &[x], y),
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
        let Log { ln_base, scale, shift, .. } = *self;
        match cx.device {
            Device::Cpu(cpu) => {
                pointwise::backward(cpu, x, dy, dx, |x, dy| dy * scale / ((shift + scale * x) * ln_base))
            }
            Device::Gpu(gpu) => self.kernels.map(gpu, "log_backward", &[ln_base, scale, shift], &[x, dy], dx),
        }
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
