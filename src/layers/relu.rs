//! # ReLU: y = max(0, x) + ν min(0, x)
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! dx = dy where x > 0, and ν dy elsewhere. `relu_param { negative_slope }` is ν, 0 if not given; with ν > 0 it is the
//! "leaky" ReLU (Maas et al. 2013). The rectifier itself: Nair and Hinton 2010.

use crate::device::{Arg, Kernels};
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

/// The positive part, or a small slope below 0.
pub struct Relu {
    negative_slope: f32,
    kernels: Kernels,
}

impl Layer for Relu {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.relu_param.unwrap_or_default();
        Ok(Relu { negative_slope: p.negative_slope(), kernels: Kernels::new(include_str!("../../kernels/relu.cu")) })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y, nu) = (&bottom[0].data, &mut top[0].data, self.negative_slope);
        match cx.device {
            Device::Cpu(_) => {
                for (y, &x) in y.slice_mut().iter_mut().zip(x.slice()) {
                    *y = if x > 0.0 { x } else { nu * x + 0.0 }; // + 0 makes 0 of -0
                }
                Ok(())
            }
            Device::Gpu(gpu) => {
                let n = x.count();
                let args = &mut [Arg::Int(n as i32), Arg::Float(nu), x.card(gpu)?, y.card_over(gpu)?];
                self.kernels.launch(gpu, "relu_forward", n, args)
            }
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
        let (dy, nu) = (&top[0].diff, self.negative_slope);
        match cx.device {
            Device::Cpu(_) => {
                for ((dx, &x), dy) in dx.slice_mut().iter_mut().zip(x.slice()).zip(dy.slice()) {
                    *dx = if x > 0.0 { *dy } else { nu * dy };
                }
                Ok(())
            }
            Device::Gpu(gpu) => {
                let n = x.count();
                let args = &mut [Arg::Int(n as i32), Arg::Float(nu), x.card(gpu)?, dy.card(gpu)?, dx.card_over(gpu)?];
                self.kernels.launch(gpu, "relu_backward", n, args)
            }
        }
    }

    fn needs(&self) -> Needs {
        Needs::X
    }

    fn is_flat(&self, x: f32, _: f32) -> bool {
        x <= 0.0 && self.negative_slope == 0.0
    }
}
