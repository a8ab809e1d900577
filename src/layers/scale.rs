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
//! dx = s dy; ds is x dy, and db is dy, summed over the axes that s does not have. `scale_param { axis, num_axes, filler,
//! bias_term, bias_filler }`: both numbers are 1 if not given (one factor a channel), num_axes -1 takes all axes that
//! follow and 0 makes s a scalar; without fillers s starts as 1 and b as 0.

use super::learnable::learnable;
use super::spread::{Spread, shape};
use crate::layer::*;
use crate::proto::{LayerParameter, ScaleParameter};
use crate::{Blob, Error, Result};

/// y = s x + b, with s and b spread over x.
pub struct Scale {
    name: String,
    param: ScaleParameter,
    /// The shape of s where it is a parameter.
    shape: Vec<usize>,
    spread: Spread,
}

impl Layer for Scale {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Scale {
            name: param.name().to_string(),
            param: param.scale_param.clone().unwrap_or_default(),
            shape: Vec::new(),
            spread: Spread::default(),
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

    fn forward(&mut self, _: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let s = bottom.get(1).unwrap_or_else(|| &params[0]).data.slice();
        let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
        self.spread.each(x, s, y, |y, x, s| *y = s * x);
        if let (true, Some(b)) = (self.param.bias_term(), params.last()) {
            self.spread.add(b.data.slice(), y);
        }
        Ok(())
    }

    fn backward(
        &mut self,
        _: &Cx,
        params: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        let dy = top[0].diff.slice();
        if let (true, Some(b)) = (self.param.bias_term(), params.last_mut()) {
            self.spread.reduce(dy, None, b.diff.slice_mut());
        }
        let [Blob { data: x, diff: dx }, s @ ..] = bottom else { return Err(Error::shape("Scale needs a bottom")) };
        let Some(Blob { data: s, diff: ds }) = s.first_mut().or(params.first_mut()) else {
            return Err(Error::shape("Scale needs a factor"));
        };
        match propagate_down.get(1) {
            Some(false) => {}
            Some(true) => {
                ds.fill(0.0); // a bottom's diff is set, a parameter's added to
                self.spread.reduce(dy, Some(x.slice()), ds.slice_mut());
            }
            None => self.spread.reduce(dy, Some(x.slice()), ds.slice_mut()),
        }
        if propagate_down[0] {
            self.spread.each(dy, s.slice(), dx.slice_mut(), |dx, dy, s| *dx = s * dy);
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
