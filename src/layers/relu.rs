//! # ReLU: y = max(0, x) + ν min(0, x)
//!
//! | blob      | shape | meaning |
//! |-----------|-------|---------|
//! | bottom[0] | any   | x       |
//! | top[0]    | as x  | y       |
//!
//! dx = dy where x > 0, and ν dy elsewhere. `relu_param { negative_slope }` is ν, 0 if not given; with ν > 0 it is the
//! "leaky" ReLU (Maas et al. 2013). The rectifier itself: Nair and Hinton 2010.

use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Result};

pub struct Relu {
    negative_slope: f32,
}

impl Layer for Relu {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.relu_param.unwrap_or_default();
        Ok(Relu { negative_slope: p.negative_slope() })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y, nu) = (bottom[0].data.slice(), top[0].data.slice_mut(), self.negative_slope);
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x.max(0.0) + nu * x.min(0.0);
        }
        Ok(())
    }

    fn backward(
        &mut self,
        _: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        if !propagate_down[0] {
            return Ok(());
        }
        let (x, dx) = (bottom[0].data.slice(), bottom[0].diff.slice_mut());
        let (dy, nu) = (top[0].diff.slice(), self.negative_slope);
        for ((dx, &x), dy) in dx.iter_mut().zip(x).zip(dy) {
            *dx = if x > 0.0 { *dy } else { nu * dy };
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
