//! # Im2col: what lies under each window of a convolution, as a matrix
//!
//! | blob        | shape                        | meaning |
//! |-------------|------------------------------|---------|
//! | `bottom[0]` | N x C x sizes                | x       |
//! | `top[0]`    | N x (C * all kernels) x outs | y       |
//!
//! `y[n][(c, j)][o] = x[n][c][o * stride + j * dilation - pad]`, and 0 outside of x; outs as for a
//! [`Convolution`](super::Convolution), which is a matrix of weights times this one. dx sums dy over all the windows that
//! a place of x is in. The fields are `kernel_size`, `stride`, `pad`, `dilation` and `axis` of `convolution_param`, for any
//! number of spatial axes.

use super::convolving::axes;
use crate::device::cpu::{self, check_axes};
use crate::layer::*;
use crate::proto::{ConvolutionParameter, LayerParameter};
use crate::{Blob, Error, Result};

/// The windows of a convolution, side by side.
pub struct Im2col {
    param: ConvolutionParameter,
    /// The bottom's shape, and for it the map with the values of an image of x and of y.
    shaped: Option<(Vec<usize>, cpu::Im2col, [usize; 2])>,
}

impl Layer for Im2col {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Im2col { param: param.convolution_param.clone().unwrap_or_default(), shaped: None })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, shape) = (&bottom[0], bottom[0].shape());
        let axis = x.axis(self.param.axis()).map_err(|e| e.field("convolution_param.axis"))?;
        let axes = axes(&self.param, &shape[axis + 1..])?;
        let in_bottom =
            |e: Error| e.field("convolution_param.kernel_size").hint(format!("the bottom has shape {shape:?}"));
        check_axes(&axes).map_err(in_bottom)?;
        let mut y = shape.to_vec();
        y[axis] = axes.iter().fold(shape[axis], |n, a| n.saturating_mul(a.kernel));
        y[axis + 1..].iter_mut().zip(&axes).for_each(|(y, a)| *y = a.out());
        top[0].reshape(&y).map_err(in_bottom)?;
        if self.shaped.as_ref().is_none_or(|(old, ..)| old != shape) {
            let images = [x, &top[0]].map(|blob| blob.count_in(axis..blob.num_axes()));
            self.shaped = Some((shape.to_vec(), cpu::Im2col::new(&axes), images));
        }
        Ok(())
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (map, [x_len, y_len]) = self.shaped()?;
        let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
        cx.device.host().pieces(y, y_len, |start, y| {
            map.im2col(&x[start / y_len.max(1) * x_len..][..x_len], y);
        });
        Ok(())
    }

    fn backward(
        &mut self,
        cx: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        if propagate_down[0] {
            let (map, [x_len, y_len]) = self.shaped()?;
            let (dy, dx) = (top[0].diff.slice(), bottom[0].diff.slice_mut());
            cx.device.host().pieces(dx, x_len, |start, dx| {
                map.col2im(&dy[start / x_len.max(1) * y_len..][..y_len], dx);
            });
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}

impl Im2col {
    fn shaped(&self) -> Result<(&cpu::Im2col, [usize; 2])> {
        let shaped = self.shaped.as_ref().map(|(_, map, images)| (map, *images));
        shaped.ok_or_else(|| Error::shape("an Im2col runs before its reshape"))
    }
}
