//! # Bias: y = x + b, with b spread over x
//!
//! | blob        | shape                              | meaning                          |
//! |-------------|------------------------------------|----------------------------------|
//! | `bottom[0]` | any                                | x                                |
//! | `bottom[1]` | a run of x's axes from `axis` on   | b; if left out, b is `params[0]` |
//! | `top[0]`    | as x                               | y                                |
//! | `params[0]` | `num_axes` of x's axes from `axis` | b, unless it is `bottom[1]`      |
//!
//! dx = dy; db is dy summed over the axes that b does not have. `bias_param { axis, num_axes, filler }`: both numbers
//! are 1 if not given, num_axes -1 takes all axes that follow and 0 makes b a scalar; without a filler b starts as 0.

use super::spread::{Spread, shape};
use crate::device::OnCard;
use crate::layer::*;
use crate::layers::learnable::learnable;
use crate::proto::BiasParameter;

const KERNELS: Kernels = kernels!("bias");

/// y = x + b, with b spread over x.
pub struct Bias {
    name: String,
    param: BiasParameter,
    /// The shape of b where it is a parameter.
    shape: Vec<usize>,
    spread: Spread,
    of_share: OnCard<f32>,
}

impl Layer for Bias {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Bias {
            name: param.name().to_string(),
            param: param.bias_param.clone().unwrap_or_default(),
            shape: Vec::new(),
            spread: Spread::default(),
            of_share: OnCard::default(),
        })
    }

    fn arity(&self) -> Arity {
        Arity::range(1..=2, 1..=1)
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        if bottom.len() > 1 {
            return Ok(Vec::new());
        }
        self.shape = shape(&bottom[0], self.param.axis(), self.param.num_axes(), "bias_param")?;
        let filler = self.param.filler.as_ref();
        Ok(vec![learnable(&self.shape, filler, 0.0, cx.random(&self.name), "bias_param.filler")?])
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let b = bottom.get(1).map_or(&self.shape[..], Blob::shape);
        self.spread = Spread::of(&bottom[0], b, self.param.axis(), "bias_param")?;
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let b = &bottom.get(1).unwrap_or_else(|| &params[0]).data;
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        match cx.device {
            Device::Cpu(cpu) => {
                let b = b.slice();
                self.spread.each(cpu, [x.slice()], y.slice_mut(), |k| move |y, [x]| *y = x + b[k]);
            }
            Device::Gpu(gpu) => self.spread.map(gpu, &KERNELS, "bias_forward", &[x, b], y)?,
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, of_share) = (&top[0].diff, &mut self.of_share);
        if cx.propagate_down[0] {
            cx.device.copy(dy, &mut bottom[0].diff)?;
        }
        match bottom.get_mut(1) {
            Some(b) if cx.propagate_down[1] => self.spread.reduce_on(cx.device, of_share, dy, None, &mut b.diff, false),
            Some(_) => Ok(()),
            None => self.spread.reduce_on(cx.device, of_share, dy, None, &mut params[0].diff, true),
        }
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
