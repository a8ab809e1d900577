//! # Threshold: y = 1 where x > t, and 0 elsewhere
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! `threshold_param { threshold }` is t, 0 if not given. The slope is 0 wherever there is one, so nothing could be learnt
//! through this layer: no gradient flows back, and a net that needs one is not built.

use super::pointwise;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

/// Yes or no: is x larger?
pub struct Threshold {
    threshold: f32,
    kernels: Kernels,
}

impl Layer for Threshold {
    fn new(param: &LayerParameter) -> Result<Self> {
        let threshold = param.threshold_param.unwrap_or_default().threshold();
        Ok(Threshold { threshold, kernels: Kernels::new(include_str!("../../kernels/threshold.cu")) })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        let t = self.threshold;
        match cx.device {
            Device::Cpu(cpu) => pointwise::forward(cpu, x, y, |x| if x > t { 1.0 } else { 0.0 }),
            Device::Gpu(gpu) => self.kernels.map(gpu, "threshold_forward", &[t], &[x], y),
        }
    }

    /// Nothing to do: a step has no slope.
    fn backward(&mut self, _: &Cx, _: &mut [Blob], _: &[Blob], _: &[bool], _: &mut [Blob]) -> Result {
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn propagates(&self, _: usize) -> bool {
        false
    }
}
