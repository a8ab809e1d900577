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
//! A GPU does up to two axes with one kernel and more with another, slower one; `force_nd_im2col` makes it take the
//! second always. It changes nothing on the CPU, nor does `engine` anywhere.

use super::convolving::Convolving;
use crate::layer::*;

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
        let (conv, on_card) = self.0.shaped()?;
        let (w, b) = (&params[0].data, params.get(1).map(|b| &b.data));
        for (x, y) in bottom.iter().zip(top) {
            let (x, y) = (&x.data, &mut y.data);
            match cx.device {
                Device::Cpu(cpu) => conv.forward(cpu, x.slice(), w.slice(), b.map(Values::slice), y.slice_mut()),
                Device::Gpu(gpu) => on_card.forward(gpu, conv, x, w, b, y)?,
            }
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let [Blob { data: w, diff: dw }, b @ ..] = params else {
            return Err(Error::shape("Convolution needs weights"));
        };
        let (conv, on_card) = self.0.shaped()?;
        for ((Blob { data: x, diff: dx }, y), &wanted) in bottom.iter_mut().zip(top).zip(cx.propagate_down) {
            let (dy, db) = (&y.diff, b.first_mut().map(|b| &mut b.diff));
            match cx.device {
                Device::Cpu(cpu) => {
                    conv.backward_weights(cpu, x.slice(), dy.slice(), dw.slice_mut(), db.map(Values::slice_mut));
                    if wanted {
                        conv.backward_data(cpu, w.slice(), dy.slice(), dx.slice_mut());
                    }
                }
                Device::Gpu(gpu) => {
                    on_card.backward_weights(gpu, conv, x, dy, dw, db)?;
                    if wanted {
                        on_card.backward_data(gpu, conv, w, dy, dx)?;
                    }
                }
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
