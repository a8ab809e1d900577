//! # Flatten: y = x, several axes made one
//!
//! | blob        | shape                       | meaning |
//! |-------------|-----------------------------|---------|
//! | `bottom[0]` | N x C x H x W, or any other | x       |
//! | `top[0]`    | N x CHW                     | y       |
//!
//! dx = dy. `flatten_param { axis end_axis }` are the first and the last axis taken together, 1 and -1 if not given.

use crate::layer::*;
use crate::proto::FlattenParameter;

/// Joins neighbouring axes into one.
pub struct Flatten {
    p: FlattenParameter,
}

impl Layer for Flatten {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Flatten { p: param.flatten_param.unwrap_or_default() })
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let x = &bottom[0];
        let first = x.axis(self.p.axis()).map_err(|e| e.field("flatten_param.axis"))?;
        let end = 1 + x.axis(self.p.end_axis()).map_err(|e| e.field("flatten_param.end_axis"))?;
        if first > end {
            return Err(Error::shape(format!("axes {first} to {} of shape {:?} run backwards", end - 1, x.shape()))
                .field("flatten_param.end_axis")
                .hint("give an end_axis that is not before the axis"));
        }
        let shape = [&x.shape()[..first], &[x.count_in(first..end)], &x.shape()[end..]].concat();
        top[0].reshape(&shape)
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        cx.device.copy(x, y)
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, dx) = (&top[0].diff, &mut bottom[0].diff);
        cx.device.copy(dy, dx)
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn shape_arithmetic(&self, bottom: &[&[usize]]) -> Option<Arithmetic> {
        let x = Blob::new(bottom.first()?).ok()?;
        let (first, last) = (x.axis(self.p.axis()).ok()?, x.axis(self.p.end_axis()).ok()?);
        Some(Arithmetic {
            text: format!("axes {first} to {last} together are {}", Arithmetic::product(x.shape().get(first..=last)?)),
            fields: &["flatten_param.axis", "flatten_param.end_axis"],
        })
    }
}
