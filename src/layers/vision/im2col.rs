//! # Im2col: what lies under each window of a convolution, as a matrix
//!
//! | blob        | shape                        | meaning |
//! |-------------|------------------------------|---------|
//! | `bottom[0]` | N x C x sizes                | x       |
//! | `top[0]`    | N x (C * all kernels) x outs | y       |
//!
//! `y[n][(c, j)][o] = x[n][c][o * stride + j * dilation - pad]`, and 0 outside of x; outs as for a
//! [`Convolution`](super::Convolution), which is a matrix of weights times this one. dx sums dy over all the windows
//! that a place of x is in. The fields are `kernel_size`, `stride`, `pad`, `dilation` and `axis` of
//! `convolution_param`, for any number of spatial axes; `force_nd_im2col` as for a Convolution.

use super::columns::{Columns, Images};
use super::convolving::axes;
use crate::device::AsArg;
use crate::device::cpu::{self, Axis, check_axes};
use crate::layer::*;
use crate::proto::ConvolutionParameter;

/// The windows of a convolution, side by side.
pub struct Im2col {
    param: ConvolutionParameter,
    /// The bottom's shape and what follows from it.
    shaped: Option<(Vec<usize>, Shaped)>,
    columns: Columns,
}

/// What follows from the bottom's shape.
struct Shaped {
    map: cpu::Im2col,
    axes: Vec<Axis>,
    /// The values of an image of x and of y.
    x_len: usize,
    y_len: usize,
    /// The images, each with a matrix of its own.
    images: Images,
}

impl Layer for Im2col {
    fn new(param: &LayerParameter) -> Result<Self> {
        let param = param.convolution_param.clone().unwrap_or_default();
        let columns = Columns::new(param.force_nd_im2col());
        Ok(Im2col { param, shaped: None, columns })
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
        if self.shaped.as_ref().is_none_or(|(old, _)| old != shape) {
            let [x_len, y_len] = [x, &top[0]].map(|blob| blob.count_in(axis..blob.num_axes()));
            let row = top[0].count_in(axis + 1..shape.len());
            let images = Images { first: 0, count: x.count_in(0..axis), channels: shape[axis], row, step: y_len };
            self.shaped = Some((shape.to_vec(), Shaped { map: cpu::Im2col::new(&axes), axes, x_len, y_len, images }));
        }
        Ok(())
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (s, columns) = self.shaped()?;
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        if let Device::Gpu(gpu) = cx.device {
            return columns.im2col(gpu, &s.axes, s.images, x.arg(), y.over());
        }
        let x = x.slice();
        cx.device.host().pieces(y.slice_mut(), s.y_len, |start, y| {
            s.map.im2col(&x[start / s.y_len.max(1) * s.x_len..][..s.x_len], y);
        });
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (s, columns) = self.shaped()?;
        let (dy, dx) = (&top[0].diff, &mut bottom[0].diff);
        if let Device::Gpu(gpu) = cx.device {
            return columns.col2im(gpu, &s.axes, s.images, dy.arg(), dx.over());
        }
        let dy = dy.slice();
        cx.device.host().pieces(dx.slice_mut(), s.x_len, |start, dx| {
            s.map.col2im(&dy[start / s.x_len.max(1) * s.y_len..][..s.y_len], dx);
        });
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}

impl Im2col {
    fn shaped(&mut self) -> Result<(&Shaped, &mut Columns)> {
        match &self.shaped {
            Some((_, shaped)) => Ok((shaped, &mut self.columns)),
            None => Err(Error::shape("an Im2col runs before its reshape")),
        }
    }
}
