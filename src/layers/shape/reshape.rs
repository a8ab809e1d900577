//! # Reshape: y = x in another shape
//!
//! | blob        | shape                     | meaning |
//! |-------------|---------------------------|---------|
//! | `bottom[0]` | any                       | x       |
//! | `top[0]`    | `reshape_param { shape }` | y       |
//!
//! dx = dy. In the shape, a dim 0 is taken over from x and one dim -1 is worked out from the rest. The shape replaces
//! `num_axes` axes (-1: all that follow) from `axis` on; a negative `axis` is a gap between axes, -1 being the one
//! after the last. So `shape { dim: 0 dim: -1 }` flattens, and `shape { dim: 1 } axis: -1` adds an axis at the end.

use crate::layer::*;
use crate::proto::ReshapeParameter;

/// The same values in another shape.
pub struct Reshape {
    p: ReshapeParameter,
    dims: Vec<i64>,
}

impl Layer for Reshape {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.reshape_param.clone().unwrap_or_default();
        let dims = p.shape.clone().unwrap_or_default().dim;
        let refuse = |why: String| Error::value(why).field("reshape_param.shape");
        if let Some(d) = dims.iter().find(|&&d| d < -1) {
            return Err(refuse(format!("dim {d} in the shape {dims:?}")).hint("give a size, 0 to copy or -1 to infer"));
        }
        if dims.iter().filter(|&&d| d == -1).count() > 1 {
            return Err(refuse(format!("several dims -1 in the shape {dims:?}")).hint("leave one to be worked out"));
        }
        if p.num_axes() < -1 {
            return Err(Error::value(format!("num_axes {}", p.num_axes()))
                .field("reshape_param.num_axes")
                .hint("give the number of axes to replace, or -1 for all"));
        }
        Ok(Reshape { p, dims })
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape(&self.shape(&bottom[0])?)
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
        let y = self.shape(&x).ok()?;
        Some(Arithmetic {
            text: format!("{}, shared out as {}", Arithmetic::product(x.shape()), Arithmetic::product(&y)),
            fields: &["reshape_param.shape", "reshape_param.axis", "reshape_param.num_axes"],
        })
    }
}

impl Reshape {
    /// The shape of y.
    fn shape(&self, x: &Blob) -> Result<Vec<usize>> {
        let (from, dims) = (x.shape(), &self.dims);
        let refuse = |why: String| Error::new(Kind::Shape, why);
        let (start, end) = self.replaced(from)?;

        let mut shape = from[..start].to_vec();
        for (i, &d) in dims.iter().enumerate() {
            shape.push(match d {
                0 => *from.get(start + i).ok_or_else(|| {
                    refuse(format!("dim {i} of the shape {dims:?} is 0, but {from:?} has no axis {}", start + i))
                        .field("reshape_param.shape")
                        .hint("give the size")
                })?,
                -1 => 1, // until the others are known
                d => d as usize,
            });
        }
        shape.extend(&from[end..]);

        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).unwrap_or(usize::MAX);
        let missing = dims.iter().position(|&d| d == -1);
        match missing {
            Some(i) if count > 0 && x.count().is_multiple_of(count) => shape[start + i] = x.count() / count,
            None if count == x.count() => {}
            _ => {
                let new = missing.map_or(format!("{shape:?}"), |i| {
                    let part = |(axis, d): (usize, &usize)| if axis == start + i { "?".into() } else { d.to_string() };
                    format!("[{}]", shape.iter().enumerate().map(part).collect::<Vec<_>>().join(", "))
                });
                return Err(refuse(format!("a blob of shape {from:?} cannot take the shape {new}"))
                    .field("reshape_param.shape")
                    .hint(format!("the sizes must multiply to {}", x.count())));
            }
        }
        Ok(shape)
    }

    /// The axes start..end of `from` that the new dims replace.
    fn replaced(&self, from: &[usize]) -> Result<(usize, usize)> {
        let n = from.len() as i64;
        let (axis, num_axes) = (i64::from(self.p.axis()), i64::from(self.p.num_axes()));
        let start = if axis < 0 { axis + n + 1 } else { axis };
        if !(0..=n).contains(&start) {
            return Err(Error::shape(format!("axis {axis} of a blob of shape {from:?}"))
                .field("reshape_param.axis")
                .hint(format!("give 0 to {n}, or -1 (after the last axis) back to {}", -n - 1)));
        }
        let end = if num_axes == -1 { n } else { start + num_axes };
        if end > n {
            return Err(Error::shape(format!("{num_axes} axes from axis {start} on of a blob of shape {from:?}"))
                .field("reshape_param.num_axes")
                .hint(format!("give at most {}, or -1 for all", n - start)));
        }
        Ok((start as usize, end as usize))
    }
}
