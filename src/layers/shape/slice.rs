//! # Slice: [y_0, y_1, ...] = x, cut along an axis
//!
//! | blob        | shape                                            | meaning |
//! |-------------|--------------------------------------------------|---------|
//! | `bottom[0]` | any                                              | x       |
//! | `top[i]`    | as x, the axis from slice point i - 1 to point i | y_i     |
//!
//! dx = [dy_0, dy_1, ...]. `slice_param { slice_point: 2 slice_point: 5 }` cuts before the indices 2 and 5; without
//! points the parts are equal. `axis`, 1 (channels) if not given, may count from the end; `slice_dim` is its older
//! name. [`Concat`](super::Concat) is the reverse.

use super::concat::axis_or_dim;
use super::parts::Parts;
use crate::layer::*;

/// Cuts its bottom apart along an axis.
pub struct Slice {
    axis: i32,
    points: Vec<usize>,
    /// Where each y_i stands in x.
    parts: Parts,
}

impl Layer for Slice {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.slice_param.clone().unwrap_or_default();
        let axis = axis_or_dim(p.axis, p.slice_dim).map_err(|e| e.field("slice_param.slice_dim"))?;
        let points: Vec<usize> = p.slice_point.iter().map(|&i| i as usize).collect();
        Ok(Slice { axis, points, parts: Parts::new() })
    }

    fn arity(&self) -> Arity {
        Arity::range(1..=1, 1..=usize::MAX)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let x = &bottom[0];
        let axis = x.axis(self.axis).map_err(|e| e.field("slice_param.axis"))?;
        let bounds = self.bounds(x.shape(), axis, top.len())?;
        let mut shape = x.shape().to_vec();
        for (y, bound) in top.iter_mut().zip(bounds.windows(2)) {
            shape[axis] = bound[1] - bound[0];
            y.reshape(&shape)?;
        }
        self.parts.place(x, top, axis);
        Ok(())
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, top);
        y.iter_mut().enumerate().try_for_each(|(i, y)| self.parts.cut(cx.device, i, x, &mut y.data))
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (y, dx) = (top, &mut bottom[0].diff);
        y.iter().enumerate().try_for_each(|(i, y)| self.parts.join(cx.device, i, &y.diff, dx))
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}

impl Slice {
    /// Where the parts begin and end: 0, the points, the axis's size.
    fn bounds(&self, shape: &[usize], axis: usize, tops: usize) -> Result<Vec<usize>> {
        let (size, n) = (shape[axis], self.points.len());
        let refuse = |why: String| {
            Error::shape(format!("axis {axis} of shape {shape:?} {why}")).field("slice_param.slice_point")
        };
        if self.points.is_empty() {
            if !size.is_multiple_of(tops) {
                return Err(refuse(format!("cannot be divided into {tops} equal tops"))
                    .hint("give slice points, or as many tops as divide it"));
            }
            return Ok((0..=tops).map(|i| i * (size / tops)).collect());
        }
        if n + 1 != tops {
            return Err(Error::new(Kind::Net, format!("{n} slice points make {} tops, not {tops}", n + 1))
                .field("slice_param.slice_point")
                .hint("give one point less than tops, or none for equal parts"));
        }
        let bounds: Vec<usize> = [0].into_iter().chain(self.points.iter().copied()).chain([size]).collect();
        if size < tops || !bounds[..tops].is_sorted_by(|a, b| a < b) || bounds[tops - 1] > size {
            return Err(refuse(format!("cannot be cut at {:?}", self.points))
                .hint(format!("give rising points from 1 to {}", size.saturating_sub(1))));
        }
        Ok(bounds)
    }
}
