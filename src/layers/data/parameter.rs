//! # Parameter: y = w
//!
//! | blob        | shape                       | meaning             |
//! |-------------|-----------------------------|---------------------|
//! | `params[0]` | `parameter_param { shape }` | w, learnable, zeros |
//! | `top[0]`    | as w                        | y                   |
//!
//! dw += dy. It makes a weight a blob like any other, for layers that take their weights as bottoms.

use super::input::dims;
use crate::layer::*;

const KERNELS: Kernels = kernels!("parameter");

/// A learnable blob as a top.
pub struct Parameter {
    shape: Vec<usize>,
}

impl Layer for Parameter {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.parameter_param.clone().unwrap_or_default();
        let shape = dims(&p.shape.unwrap_or_default()).map_err(|e| e.field("parameter_param.shape"))?;
        Ok(Parameter { shape })
    }

    fn arity(&self) -> Arity {
        Arity::exact(0, 1)
    }

    fn setup(&mut self, _: &Cx, _: &[Blob]) -> Result<Vec<Param>> {
        Ok(vec![Param::new(Blob::new(&self.shape)?)])
    }

    fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape(&self.shape)
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], _: &[Blob], top: &mut [Blob]) -> Result {
        let (w, y) = (&params[0].data, &mut top[0].data);
        cx.device.copy(w, y)
    }

    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], _: &mut [Blob]) -> Result {
        let (dw, dy) = (&mut params[0].diff, &top[0].diff);
        if let Device::Gpu(gpu) = cx.device {
            let n = dw.count();
            return KERNELS.launch(gpu, "parameter_backward", n, args![n, dy, dw.updated()]);
        }
        dw.scaled_add(1.0, dy)
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
