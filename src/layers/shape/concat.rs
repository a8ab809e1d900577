//! # Concat: y = [x_0, x_1, ...] along an axis
//!
//! | blob        | shape                                          | meaning |
//! |-------------|------------------------------------------------|---------|
//! | `bottom[i]` | equal but for the axis                         | x_i     |
//! | `top[0]`    | as x_0, the axis as long as all x_i's together | y       |
//!
//! dx_i is the part of dy where x_i went. `concat_param { axis }`, 1 (channels) if not given, may count from the end
//! (-1); `concat_dim` is its older name. [`Slice`](super::Slice) is the reverse.

use super::parts::Parts;
use crate::layer::*;

/// Joins its bottoms along an axis.
pub struct Concat {
    axis: i32,
    /// Where each x_i stands in y.
    parts: Parts,
}

impl Layer for Concat {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.concat_param.unwrap_or_default();
        let axis = axis_or_dim(p.axis, p.concat_dim).map_err(|e| e.field("concat_param.concat_dim"))?;
        Ok(Concat { axis, parts: Parts::new() })
    }

    fn arity(&self) -> Arity {
        Arity::range(1..=usize::MAX, 1..=1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let join = bottom[0].axis(self.axis).map_err(|e| e.field("concat_param.axis"))?;
        let mut shape = bottom[0].shape().to_vec();
        for (i, x) in bottom.iter().enumerate().skip(1) {
            let same = |(axis, d): (usize, &usize)| axis == join || shape[axis] == *d;
            if x.num_axes() != shape.len() || !x.shape().iter().enumerate().all(same) {
                let (a, b) = (bottom[0].shape(), x.shape());
                return Err(Error::shape(format!("bottom 0 of shape {a:?} and bottom {i} of shape {b:?} do not join"))
                    .field("bottom")
                    .hint(format!("make them equal in all axes but axis {join}")));
            }
            shape[join] += x.shape()[join];
        }
        top[0].reshape(&shape)?;
        self.parts.place(&top[0], bottom, join);
        Ok(())
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (bottom, &mut top[0].data);
        x.iter().enumerate().try_for_each(|(i, x)| self.parts.join(cx.device, i, &x.data, y))
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, x) = (&top[0].diff, bottom.iter_mut().enumerate());
        for ((i, x), _) in x.zip(cx.propagate_down).filter(|(_, wanted)| **wanted) {
            self.parts.cut(cx.device, i, dy, &mut x.diff)?;
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn shape_arithmetic(&self, bottom: &[&[usize]]) -> Option<Arithmetic> {
        let axis = Blob::new(bottom.first()?).ok()?.axis(self.axis).ok()?;
        let sizes: Vec<usize> = bottom.iter().map(|x| x[axis]).collect();
        let terms = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" + ");
        Some(Arithmetic {
            text: format!("along axis {axis} {terms} = {}", sizes.iter().sum::<usize>()),
            fields: &["concat_param.axis", "concat_param.concat_dim"],
        })
    }
}

/// The axis that `axis` or its older, never negative form says; 1 if neither is given.
///
/// # Errors
/// Both are given.
pub(super) fn axis_or_dim(axis: Option<i32>, dim: Option<u32>) -> Result<i32> {
    match (axis, dim) {
        (Some(axis), Some(dim)) => {
            Err(Error::new(Kind::Net, format!("axis {axis} and the older dim {dim} are both given"))
                .hint("keep the axis alone"))
        }
        (Some(axis), None) => Ok(axis),
        (None, dim) => Ok(dim.map_or(1, |dim| i32::try_from(dim).unwrap_or(i32::MAX))),
    }
}
