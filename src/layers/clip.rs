//! # Clip: y = x, kept between min and max
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy where min ≤ x ≤ max, and 0 elsewhere. Both bounds of `clip_param { min, max }` must be given.
//!
//! In place, Caffe looks for x where y stands by then, and y is always within the bounds: it lets every gradient through. Here
//! x is kept, and dx is the same in place or not.

use super::pointwise;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Error, Result};

/// Cuts off what is too small or too large.
pub struct Clip {
    min: f32,
    max: f32,
    kernels: Kernels,
}

impl Layer for Clip {
    fn new(param: &LayerParameter) -> Result<Self> {
        let Some((min, max)) = param.clip_param.map(|p| (p.min, p.max)) else {
            return Err(
                Error::value("a Clip needs its two bounds").hint("add clip_param { min: -1 max: 1 }, for example")
            );
        };
        if min.is_nan() || max.is_nan() || min > max {
            return Err(Error::value(format!("nothing lies between a min of {min} and a max of {max}"))
                .field("clip_param.min")
                .hint("min is the lower bound, max the upper"));
        }
        Ok(Clip { min, max, kernels: Kernels::new(include_str!("../../kernels/clip.cu")) })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        let Clip { min, max, .. } = *self;
        match cx.device {
            Device::Cpu(cpu) => pointwise::forward(cpu, x, y, |x| x.clamp(min, max)),
            Device::Gpu(gpu) => self.kernels.map(gpu, "clip_forward", &[min, max], &[x], y),
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
        let Clip { min, max, .. } = *self;
        match cx.device {
            Device::Cpu(cpu) => {
                pointwise::backward(cpu, x, dy, dx, |x, dy| if (min..=max).contains(&x) { dy } else { 0.0 })
            }
            Device::Gpu(gpu) => self.kernels.map(gpu, "clip_backward", &[min, max], &[x, dy], dx),
        }
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
