//! # Convolution: y = w * x + b
//!
//! | blob        | shape                              | meaning                      |
//! |-------------|------------------------------------|------------------------------|
//! | `bottom[i]` | N x C x sizes                      | x                            |
//! | `params[0]` | num_output x (C / group) x kernels | w                            |
//! | `params[1]` | num_output                         | b, unless `bias_term: false` |
//! | `top[i]`    | N x num_output x outs              | y                            |
//!
//! Output k at position o is `b[k] + sum over c, j: w[k][c][j] * x[c][o * stride + j * dilation - pad]`, and
//! out = (size + 2 pad - (dilation (kernel - 1) + 1)) / stride + 1, rounded down. All pairs of bottom and top share the
//! weights. There may be any number of spatial axes: `kernel_size`, `pad`, `stride` and `dilation` are given once for
//! all of them or once for each, or for two axes as `kernel_h` and `kernel_w` and so on. The axes before `axis` are the
//! batch. With `group` g, each g-th of the outputs sees its g-th of the channels only (Krizhevsky et al. 2012).
//!
//! One code does any number of axes, so `force_nd_im2col`, with which Caffe chooses between two, changes nothing; nor does
//! `engine`.

use super::convolving::Convolving;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Error, Result};

/// y = w * x + b over the spatial axes.
pub struct Convolution(Convolving);

impl Layer for Convolution {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Convolution(Convolving::new(param, "Convolution", false)?))
    }

    fn arity(&self) -> Arity {
        Arity::pairs()
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        self.0.setup(cx, bottom)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.0.reshape(bottom, top)
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (conv, cpu) = (self.0.shaped()?, cx.device.host());
        let (w, b) = (params[0].data.slice(), params.get(1).map(|b| b.data.slice()));
        for (x, y) in bottom.iter().zip(top) {
            conv.forward(&cpu, x.data.slice(), w, b, y.data.slice_mut());
        }
        Ok(())
    }

    fn backward(
        &mut self,
        cx: &Cx,
        params: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        let [Blob { data: w, diff: dw }, b @ ..] = params else {
            return Err(Error::shape("Convolution needs weights"));
        };
        let (conv, cpu) = (self.0.shaped()?, cx.device.host());
        for ((Blob { data: x, diff: dx }, y), &wanted) in bottom.iter_mut().zip(top).zip(propagate_down) {
            let (dy, db) = (y.diff.slice(), b.first_mut().map(|b| b.diff.slice_mut()));
            conv.backward_weights(&cpu, x.slice(), dy, dw.slice_mut(), db);
            if wanted {
                conv.backward_data(&cpu, w.slice(), dy, dx.slice_mut());
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }

    fn shape_arithmetic(&self, bottom: &[&[usize]]) -> Option<Arithmetic> {
        self.0.shape_arithmetic(bottom)
    }
}
