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
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

/// The exponential linear unit.
pub struct Elu {
    alpha: f32,
    kernels: Kernels,
}

impl Layer for Elu {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Elu {
            alpha: param.elu_param.unwrap_or_default().alpha(),
            kernels: Kernels::new(include_str!("../../kernels/elu.cu")),
        })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        let alpha = self.alpha;
        match cx.device {
            Device::Cpu(cpu) => pointwise::forward(cpu, x, y, |x| if x > 0.0 { x } else { alpha * x.exp_m1() }),
            Device::Gpu(gpu) => self.kernels.map(gpu, "elu_forward", &[alpha], &[x], y),
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
        let alpha = self.alpha;
        match cx.device {
            Device::Cpu(cpu) => {
                pointwise::backward(cpu, x, dy, dx, |x, dy| if x > 0.0 { dy } else { dy * alpha * x.exp() })
            }
            Device::Gpu(gpu) => self.kernels.map(gpu, "elu_backward", &[alpha], &[x, dy], dx),
        }
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
