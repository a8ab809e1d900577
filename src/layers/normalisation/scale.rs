//! # Scale: y = s x + b, with s and b spread over x
//!
//! | blob           | shape                              | meaning                          |
//! |----------------|------------------------------------|----------------------------------|
//! | `bottom[0]`    | any                                | x                                |
//! | `bottom[1]`    | a run of x's axes from `axis` on   | s; if left out, s is `params[0]` |
//! | `top[0]`       | as x                               | y                                |
//! | `params[0]`    | `num_axes` of x's axes from `axis` | s, unless it is `bottom[1]`      |
//! | `params[last]` | as s                               | b, with `bias_term: true`        |
//!
//! dx = s dy; ds is x dy, and db is dy, summed over the axes that s does not have.
//! `scale_param { axis, num_axes, filler, bias_term, bias_filler }`: both numbers are 1 if not given (one factor a
//! channel), num_axes -1 takes all axes that follow and 0 makes s a scalar; without fillers s starts as 1 and b as 0.

use super::spread::{Spread, shape};
use crate::device::OnCard;
use crate::layer::*;
use crate::layers::learnable::learnable;
use crate::proto::ScaleParameter;

const KERNELS: Kernels = kernels!("scale");

/// y = s x + b, with s and b spread over x.
pub struct Scale {
    name: String,
    param: ScaleParameter,
    /// The shape of s where it is a parameter.
    shape: Vec<usize>,
    spread: Spread,
    of_share: OnCard<f32>,
}

impl Layer for Scale {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Scale {
            name: param.name().to_string(),
            param: param.scale_param.clone().unwrap_or_default(),
            shape: Vec::new(),
            spread: Spread::default(),
            of_share: OnCard::default(),
        })
    }

    fn arity(&self) -> Arity {
        Arity::range(1..=2, 1..=1)
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        let (p, mut params) = (&self.param, Vec::new());
        self.shape = match bottom.get(1) {
            Some(s) => s.shape().to_vec(),
            None => shape(&bottom[0], p.axis(), p.num_axes(), "scale_param")?,
        };
        if bottom.len() == 1 {
            let random = cx.random(&self.name);
            params.push(learnable(&self.shape, p.filler.as_ref(), 1.0, random, "scale_param.filler")?);
        }
        if p.bias_term() {
            let random = cx.random(&format!("{} bias", self.name));
            params.push(learnable(&self.shape, p.bias_filler.as_ref(), 0.0, random, "scale_param.bias_filler")?);
        }
        Ok(params)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let s = bottom.get(1).map_or(&self.shape[..], Blob::shape);
        if self.param.bias_term() && s != self.shape {
            return Err(Error::shape(format!("bottom[1] has shape {s:?}, and the bias was made for {:?}", self.shape))
                .hint("with bias_term, bottom[1] must keep the shape that it had at set-up"));
        }
        self.spread = Spread::of(&bottom[0], s, self.param.axis(), "scale_param")?;
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let s = &bottom.get(1).unwrap_or_else(|| &params[0]).data;
        let b = params.last().map(|b| &b.data).filter(|_| self.param.bias_term());
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        match (cx.device, b) {
            (Device::Cpu(cpu), b) => {
                let (x, y, s) = (x.slice(), y.slice_mut(), s.slice());
                match b.map(Values::slice) {
                    None => self.spread.each(cpu, [x], y, |k| move |y, [x]| *y = s[k] * x),
                    Some(b) => self.spread.each(cpu, [x], y, |k| move |y, [x]| *y = s[k] * x + b[k]),
                }
                Ok(())
            }
            (Device::Gpu(gpu), Some(b)) => self.spread.map(gpu, &KERNELS, "scale_forward_with_bias", &[x, s, b], y),
            (Device::Gpu(gpu), None) => self.spread.map(gpu, &KERNELS, "scale_multiply", &[x, s], y),
        }
    }

    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, spread, of_share) = (&top[0].diff, self.spread, &mut self.of_share);
        let [Blob { data: x, diff: dx }, s @ ..] = bottom else { return Err(Error::shape("Scale needs a bottom")) };
        let (b, params) = match params.split_last_mut() {
            Some((b, params)) if self.param.bias_term() => (Some(b), params),
            _ => (None, params),
        };
        let Some(Blob { data: s, diff: ds }) = s.first_mut().or(params.first_mut()) else {
            return Err(Error::shape("Scale needs a factor"));
        };
        let from_bottom = cx.propagate_down.get(1);
        let (wants_ds, add) = (from_bottom != Some(&false), from_bottom.is_none()); // a parameter's diff is added to
        match (cx.device, b) {
            (Device::Cpu(cpu), Some(b)) if wants_ds && add => {
                spread.reduce_both(cpu, dy.slice(), x.slice(), ds.slice_mut(), b.diff.slice_mut());
            }
            (device, b) => {
                if let Some(b) = b {
                    spread.reduce_on(device, of_share, dy, None, &mut b.diff, true)?;
                }
                if wants_ds {
                    spread.reduce_on(device, of_share, dy, Some(x), ds, add)?;
                }
            }
        }
        match cx.device {
            _ if !cx.propagate_down[0] => {}
            Device::Cpu(cpu) => {
                let s = s.slice();
                spread.each(cpu, [dy.slice()], dx.slice_mut(), |k| move |dx, [dy]| *dx = s[k] * dy);
            }
            Device::Gpu(gpu) => spread.map(gpu, &KERNELS, "scale_multiply", &[dy, s], dx)?,
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
