//! # InnerProduct: y = x wᵀ + b
//!
//! | blob        | shape                                                      | meaning                      |
//! |-------------|------------------------------------------------------------|------------------------------|
//! | `bottom[0]` | the axes before `axis` make M samples, the others K values | x, M x K                     |
//! | `params[0]` | num_output x K; with `transpose: true` K x num_output      | w                            |
//! | `params[1]` | num_output                                                 | b, unless `bias_term: false` |
//! | `top[0]`    | the axes before `axis`, then num_output                    | y, M x N                     |
//!
//! dx = dy w, dw = dyᵀ x, and db is the sum of dy over the samples. Others call this a fully connected, linear or dense
//! layer.

use crate::device::Trans;
use crate::layer::*;
use crate::layers::learnable::learnable;
use crate::layers::rows::{add_to_rows, sum_rows};
use crate::proto::InnerProductParameter;

/// y = x wᵀ + b.
pub struct InnerProduct {
    name: String,
    param: InnerProductParameter,
    /// N outputs and K inputs of a sample.
    n: usize,
    k: usize,
}

impl Layer for InnerProduct {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.inner_product_param.clone().unwrap_or_default();
        if p.num_output() == 0 {
            return Err(Error::value("an InnerProduct needs a num_output of at least 1")
                .field("inner_product_param.num_output")
                .hint("num_output is the number of values that the layer computes of each sample"));
        }
        Ok(InnerProduct { name: param.name().into(), n: p.num_output() as usize, k: 0, param: p })
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        let (p, axis) = (&self.param, self.axis(&bottom[0])?);
        self.k = bottom[0].count_in(axis..bottom[0].num_axes());
        let shape = if p.transpose() { [self.k, self.n] } else { [self.n, self.k] };
        let random = |blob: &str| cx.random(&format!("{}.{blob}", self.name));
        let (w, b) = (p.weight_filler.as_ref(), p.bias_filler.as_ref());
        let too_large = |e: Error| e.field("inner_product_param.num_output");
        let w = learnable(&shape, w, 0.0, random("w"), "inner_product_param.weight_filler").map_err(too_large)?;
        let mut params = vec![w];
        if p.bias_term() {
            params.push(learnable(&[self.n], b, 0.0, random("b"), "inner_product_param.bias_filler")?);
        }
        Ok(params)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (shape, axis) = (bottom[0].shape(), self.axis(&bottom[0])?);
        let k = bottom[0].count_in(axis..shape.len());
        if k != self.k {
            return Err(Error::shape(format!(
                "the weights were made for {} inputs, a sample of the bottom of shape {shape:?} has {k}",
                self.k
            ))
            .hint("an InnerProduct cannot change the size of its input; a Convolution or global pooling can"));
        }
        let y = [&shape[..axis], &[self.n]].concat();
        top[0].reshape(&y).map_err(|e| e.field("inner_product_param.num_output"))
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, w, y) = (&bottom[0].data, &params[0].data, &mut top[0].data);
        let (m, n, k) = (y.count() / self.n, self.n, self.k); // m samples of k inputs make n outputs each
        let trans_w = if self.param.transpose() { Trans::No } else { Trans::Yes };
        cx.device.gemm(Trans::No, trans_w, m, n, k, 1.0, x, w, 0.0, y)?;
        let Some(Blob { data: b, .. }) = params.get(1) else { return Ok(()) };
        add_to_rows(cx.device, b, y)
    }

    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, transpose) = (&top[0].diff, self.param.transpose());
        let (m, n, k) = (dy.count() / self.n, self.n, self.k);
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let Blob { data: w, diff: dw } = &mut params[0];
        if transpose {
            cx.device.gemm(Trans::Yes, Trans::No, k, n, m, 1.0, x, dy, 1.0, dw)?;
        } else {
            cx.device.gemm(Trans::Yes, Trans::No, n, k, m, 1.0, dy, x, 1.0, dw)?;
        }
        if cx.propagate_down[0] {
            let trans_w = if transpose { Trans::Yes } else { Trans::No };
            cx.device.gemm(Trans::No, trans_w, m, k, n, 1.0, dy, w, 0.0, dx)?;
        }
        match params.get_mut(1) {
            Some(b) => sum_rows(cx.device, dy, &mut b.diff),
            None => Ok(()),
        }
    }

    fn needs(&self) -> Needs {
        Needs::X
    }

    fn shape_arithmetic(&self, bottom: &[&[usize]]) -> Option<Arithmetic> {
        let axis = self.axis(&Blob::new(bottom.first()?).ok()?).ok()?;
        let (n, inputs) = (self.n, Arithmetic::product(&bottom[0][axis..]));
        Some(Arithmetic {
            text: format!(
                "{n} outputs are num_output; a sample has {inputs} inputs, so there are {} weights",
                n * self.k
            ),
            fields: &["inner_product_param.num_output", "inner_product_param.axis"],
        })
    }
}

impl InnerProduct {
    fn axis(&self, x: &Blob) -> Result<usize> {
        x.axis(self.param.axis()).map_err(|e| e.field("inner_product_param.axis"))
    }
}
