//! # Reduction: y = c Σ f(x)
//!
//! | blob        | shape                       | meaning                                |
//! |-------------|-----------------------------|----------------------------------------|
//! | `bottom[0]` | any                         | x                                      |
//! | `top[0]`    | the axes of x before `axis` | y, summed over the axes from `axis` on |
//!
//! | `operation` | f(x)  | c                          | backward          |
//! |-------------|-------|----------------------------|-------------------|
//! | SUM         | x     | `coeff`                    | dx = c dy         |
//! | ASUM        | \|x\| | `coeff`                    | dx = c dy sign(x) |
//! | SUMSQ       | x^2   | `coeff`                    | dx = 2 c dy x     |
//! | MEAN        | x     | `coeff` / number of values | dx = c dy         |
//!
//! `reduction_param { axis }` is 0 if not given: y is a scalar. Sums are added up in f64.

use crate::layer::*;
use crate::proto::ReductionParameter;
use crate::proto::reduction_parameter::ReductionOp;

const KERNELS: Kernels = kernels!("reduction");

/// The sum or mean over the last axes.
pub struct Reduction {
    p: ReductionParameter,
    /// How many values make one sum.
    dim: usize,
}

impl Layer for Reduction {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Reduction { p: param.reduction_param.unwrap_or_default(), dim: 0 })
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let x = &bottom[0];
        let axis = x.axis(self.p.axis()).map_err(|e| e.field("reduction_param.axis"))?;
        self.dim = x.count_in(axis..x.num_axes());
        if self.dim == 0 {
            return Err(Error::shape(format!("nothing to sum from axis {axis} of shape {:?} on", x.shape()))
                .field("bottom")
                .hint("give the bottom sizes above 0"));
        }
        top[0].reshape(&x.shape()[..axis])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y, c, operation) = (&bottom[0].data, &mut top[0].data, self.c(), self.p.operation());
        if let Device::Gpu(gpu) = cx.device {
            let f: i32 = match operation {
                ReductionOp::Sum | ReductionOp::Mean => 0,
                ReductionOp::Asum => 1,
                ReductionOp::Sumsq => 2,
            };
            let (sums, n) = (y.count(), self.dim);
            return KERNELS.launch_rows(gpu, "reduction_forward", sums, n, args![n, f, c, x, y.over()]);
        }
        for (y, x) in y.slice_mut().iter_mut().zip(x.slice().chunks(self.dim)) {
            let x = x.iter().map(|&x| x as f64);
            let sum: f64 = match operation {
                ReductionOp::Sum | ReductionOp::Mean => x.sum(),
                ReductionOp::Asum => x.map(f64::abs).sum(),
                ReductionOp::Sumsq => x.map(|x| x * x).sum(),
            };
            *y = c * sum as f32;
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let (c, dy, dim, operation) = (self.c(), &top[0].diff, self.dim, self.p.operation());
        if let Device::Gpu(gpu) = cx.device {
            let n = dx.count();
            let name = match operation {
                // needs no x, which may be gone
                ReductionOp::Sum | ReductionOp::Mean => {
                    return KERNELS.launch(gpu, "reduction_backward_sum", n, args![n, dim, c, dy, dx.over()]);
                }
                ReductionOp::Asum => "reduction_backward_asum",
                ReductionOp::Sumsq => "reduction_backward_sumsq",
            };
            return KERNELS.launch(gpu, name, n, args![n, dim, c, x, dy, dx.over()]);
        }
        let (dx, dy) = (dx.slice_mut().chunks_mut(dim), dy.slice());
        match operation {
            ReductionOp::Sum | ReductionOp::Mean => dx.zip(dy).for_each(|(dx, dy)| dx.fill(c * dy)),
            op => {
                let slope = if op == ReductionOp::Asum { sign } else { |x| 2.0 * x };
                for ((dx, x), dy) in dx.zip(x.slice().chunks(dim)).zip(dy) {
                    dx.iter_mut().zip(x).for_each(|(dx, &x)| *dx = c * dy * slope(x));
                }
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        match self.p.operation() {
            ReductionOp::Sum | ReductionOp::Mean => Needs::NOTHING,
            ReductionOp::Asum | ReductionOp::Sumsq => Needs::X,
        }
    }
}

impl Reduction {
    fn c(&self) -> f32 {
        match self.p.operation() {
            ReductionOp::Mean => self.p.coeff() / self.dim as f32,
            _ => self.p.coeff(),
        }
    }
}

/// -1, 0 or 1; `f32::signum` knows no 0.
fn sign(x: f32) -> f32 {
    f32::from(x > 0.0) - f32::from(x < 0.0)
}
