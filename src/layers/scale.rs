//! # Scale: y = s x + b, with s and b spread over x
//!
//! | blob         | shape                              | meaning                                             |
//! |--------------|------------------------------------|-----------------------------------------------------|
//! | bottom[0]    | any                                | x                                                   |
//! | bottom[1]    | a run of x's axes from `axis` on   | s; if left out, s is params[0]                    |
//! | top[0]       | as x                               | y                                                   |
//! | params[0]    | `num_axes` of x's axes from `axis` | s, unless it is bottom[1]                           |
//! | params[last] | as s                               | b, with `bias_term: true`                           |
//!
//! dx = s dy; ds is x dy, and db is dy, summed over the axes that s does not have. `scale_param { axis, num_axes, filler,
//! bias_term, bias_filler }`: both numbers are 1 if not given (one factor a channel), num_axes -1 takes all axes that
//! follow and 0 makes s a scalar; without fillers s starts as 1 and b as 0.

use super::spread::{Spread, shape};
use crate::layer::*;
use crate::proto::{LayerParameter, ScaleParameter};
use crate::{Blob, Error, Result, filler};

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
        let mut params = Vec::new();
        if bottom.len() == 1 {
            self.shape = shape(&bottom[0], self.param.axis(), self.param.num_axes(), "scale_param")?;
            let mut s = Blob::new(&self.shape)?;
            match &self.param.filler {
                Some(f) => {
                    filler::fill(f, &cx.random(&self.name), &mut s).map_err(|e| e.field("scale_param.filler"))?
                }
                None => s.data.fill(1.0),
            }
            params.push(Param::new(s));
        } else {
            self.shape = bottom[1].shape().to_vec();
        }
        if self.param.bias_term() {
            let mut b = Blob::new(&self.shape)?;
            let random = cx.random(&format!("{} bias", self.name));
            filler::fill_or_zero(self.param.bias_filler.as_ref(), &random, &mut b)
                .map_err(|e| e.field("scale_param.bias_filler"))?;
            params.push(Param::new(b));
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
            for row in y.chunks_exact_mut((self.spread.count * self.spread.inner).max(1)) {
                for (y, b) in row.chunks_exact_mut(self.spread.inner.max(1)).zip(b.data.slice()) {
                    y.iter_mut().for_each(|y| *y += b);
                }
            }
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
        let [x, s @ ..] = bottom else { return Ok(()) };
        match s.first_mut() {
            Some(s) if propagate_down[1] => {
                s.diff.fill(0.0);
                self.spread.reduce(dy, Some(x.data.slice()), s.diff.slice_mut());
            }
            Some(_) => {}
            None => self.spread.reduce(dy, Some(x.data.slice()), params[0].diff.slice_mut()),
        }
        if propagate_down[0] {
            let s = s.first().unwrap_or_else(|| &params[0]).data.slice();
            self.spread.each(dy, s, x.diff.slice_mut(), |dx, dy, s| *dx = s * dy);
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
