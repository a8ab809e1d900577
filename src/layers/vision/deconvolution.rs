//! # Deconvolution: convolution run backwards
//!
//! | blob        | shape                              | meaning                      |
//! |-------------|------------------------------------|------------------------------|
//! | `bottom[i]` | N x C x sizes                      | x                            |
//! | `params[0]` | C x (num_output / group) x kernels | w                            |
//! | `params[1]` | num_output                         | b, unless `bias_term: false` |
//! | `top[i]`    | N x num_output x outs              | y                            |
//!
//! Each value of x lays down a whole kernel, scaled by it: `y[k][p] = b[k] + sum of w[c][k][j] * x[c][o]` over all c, o
//! and j with p = o * stride + j * dilation - pad. That is what [`Convolution`](super::Convolution) does to dy in order
//! to get dx; so the two change roles, and dx is the convolution of dy with w. They also change roles for dw: it is a
//! convolution's with dy as its input and x as the gradient of its output. db is the sum of dy over samples and places.
//!
//! out = stride (size - 1) + dilation (kernel - 1) + 1 - 2 pad: padding is cut off the top. The fields are those of a
//! Convolution, `convolution_param`. With a `bilinear` filler, `group` and `num_output` equal to C, and no bias, it
//! enlarges images; learned, it ends a fully convolutional net (Long, Shelhamer and Darrell 2015).

use super::convolving::Convolving;
use crate::layer::*;

/// The transposed convolution over the spatial axes, plus b.
pub struct Deconvolution(Convolving);

impl Layer for Deconvolution {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Deconvolution(Convolving::new(param, "Deconvolution", true)?))
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
                Device::Cpu(cpu) => {
                    let y = y.slice_mut();
                    conv.backward_data(cpu, w.slice(), x.slice(), y);
                    if let Some(b) = b {
                        for (y, b) in y.chunks_exact_mut(conv.size()).zip(b.slice().iter().cycle()) {
                            y.iter_mut().for_each(|y| *y += b);
                        }
                    }
                }
                Device::Gpu(gpu) => {
                    on_card.backward_data(gpu, conv, w, x, y)?;
                    if let Some(b) = b {
                        on_card.bias(gpu, conv.size(), b, y)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let [Blob { data: w, diff: dw }, b @ ..] = params else {
            return Err(Error::shape("Deconvolution needs weights"));
        };
        let (conv, on_card) = self.0.shaped()?;
        for ((Blob { data: x, diff: dx }, y), &wanted) in bottom.iter_mut().zip(top).zip(cx.propagate_down) {
            let (dy, db) = (&y.diff, b.first_mut().map(|b| &mut b.diff));
            match cx.device {
                Device::Cpu(cpu) => {
                    conv.backward_weights(cpu, dy.slice(), x.slice(), dw.slice_mut(), None);
                    if let Some(db) = db {
                        let db = db.slice_mut();
                        for image in dy.slice().chunks_exact(db.len() * conv.size()) {
                            for (db, dy) in db.iter_mut().zip(image.chunks_exact(conv.size())) {
                                *db += dy.iter().sum::<f32>();
                            }
                        }
                    }
                    if wanted {
                        conv.forward(cpu, dy.slice(), w.slice(), None, dx.slice_mut());
                    }
                }
                Device::Gpu(gpu) => {
                    on_card.backward_weights(gpu, conv, dy, x, dw, None)?;
                    if let Some(db) = db {
                        on_card.bias_backward(gpu, conv.size(), dy, db)?;
                    }
                    if wanted {
                        on_card.forward(gpu, conv, dy, w, None, dx)?;
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
