//! # Eltwise: y = Σ c_i x_i, y = Π x_i or y = max x_i
//!
//! | blob        | shape | meaning          |
//! |-------------|-------|------------------|
//! | `bottom[i]` | any   | x_i, two or more |
//! | `top[0]`    | as x  | y                |
//!
//! | `operation` | forward       | backward                                                                 |
//! |-------------|---------------|--------------------------------------------------------------------------|
//! | SUM         | y = Σ c_i x_i | dx_i = c_i dy; `coeff` gives the c_i, 1 if not given                     |
//! | PROD        | y = Π x_i     | dx_i = dy Π x_j over j ≠ i, or dy y / x_i if `stable_prod_grad` is false |
//! | MAX         | y = max x_i   | dx_i = dy where x_i is the maximum, else 0; `coeff` is ignored           |
//!
//! **In place.** A SUM whose top is its own first bottom leaves that bottom out: Caffe clears the sum before it adds, and the
//! sum is that bottom. Nets that were trained so need the same, so it is kept; the net warns when it is built.
//!
//! Of several equal maxima one counts, as in Caffe: x_1 rather than x_0, else the earliest.

use crate::layer::*;
use crate::proto::LayerParameter;
use crate::proto::eltwise_parameter::EltwiseOp;
use crate::{Blob, Error, Kind, Result};

/// The sum, product or maximum of its bottoms, value by value.
pub struct Eltwise {
    op: EltwiseOp,
    /// SUM: one for each bottom, or none.
    coeff: Vec<f32>,
    stable_prod_grad: bool,
    /// SUM in place: bottom 0 is cleared before it is read.
    clears_first: bool,
    /// MAX: which x_i won.
    winner: Vec<u32>,
}

impl Layer for Eltwise {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.eltwise_param.clone().unwrap_or_default();
        let op = p.operation();
        if !p.coeff.is_empty() && op == EltwiseOp::Prod {
            return Err(Error::new(Kind::Net, "the operation PROD takes no coefficients")
                .field("eltwise_param.coeff")
                .hint("remove the coeffs, or say operation: SUM"));
        }
        Ok(Eltwise {
            op,
            coeff: p.coeff.clone(),
            stable_prod_grad: p.stable_prod_grad(),
            clears_first: op == EltwiseOp::Sum && !param.top.is_empty() && param.top.first() == param.bottom.first(),
            winner: Vec::new(),
        })
    }

    fn arity(&self) -> Arity {
        Arity::range(2..=usize::MAX, 1..=1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (shape, coeffs) = (bottom[0].shape(), self.coeff.len());
        if coeffs > 0 && coeffs != bottom.len() {
            return Err(Error::new(Kind::Net, format!("{coeffs} coeffs for {} bottoms", bottom.len()))
                .field("eltwise_param.coeff")
                .hint("give one for each bottom, or none"));
        }
        if let Some((i, x)) = bottom.iter().enumerate().find(|(_, x)| x.shape() != shape) {
            return Err(Error::shape(format!(
                "bottom 0 of shape {shape:?} and bottom {i} of shape {:?} differ",
                x.shape()
            ))
            .field("bottom")
            .hint("make all bottoms the same shape"));
        }
        top[0].reshape(shape)
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let y = &mut top[0].data;
        match self.op {
            EltwiseOp::Sum => {
                y.fill(0.0);
                for (i, x) in bottom.iter().enumerate().skip(usize::from(self.clears_first)) {
                    y.scaled_add(self.c(i), &x.data);
                }
            }
            EltwiseOp::Prod => product(bottom, None, y.slice_mut()),
            EltwiseOp::Max => {
                let y = y.slice_mut();
                y.copy_from_slice(bottom[0].data.slice());
                self.winner.clear();
                self.winner.resize(y.len(), 0);
                for (i, x) in bottom.iter().enumerate().skip(1) {
                    for ((y, winner), &x) in y.iter_mut().zip(&mut self.winner).zip(x.data.slice()) {
                        let wins = if i == 1 { x >= *y } else { x > *y };
                        if wins || x.is_nan() {
                            (*y, *winner) = (x, i as u32);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn backward(
        &mut self,
        _: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        let dy = top[0].diff.slice();
        for i in (0..bottom.len()).filter(|&i| propagate_down[i]) {
            match self.op {
                EltwiseOp::Sum => {
                    let (dx, c) = (bottom[i].diff.slice_mut(), self.c(i));
                    dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx = c * dy);
                }
                EltwiseOp::Prod if self.stable_prod_grad => {
                    // The others' product is built in dx, which is taken out so that the bottoms can be read.
                    let mut dx = std::mem::take(&mut bottom[i].diff);
                    product(bottom, Some(i), dx.slice_mut());
                    dx.slice_mut().iter_mut().zip(dy).for_each(|(dx, dy)| *dx *= dy);
                    bottom[i].diff = dx;
                }
                EltwiseOp::Prod => {
                    let (x, dx) = (bottom[i].data.slice(), bottom[i].diff.slice_mut());
                    for (((dx, x), y), dy) in dx.iter_mut().zip(x).zip(top[0].data.slice()).zip(dy) {
                        *dx = y / x * dy;
                    }
                }
                EltwiseOp::Max => {
                    let dx = bottom[i].diff.slice_mut();
                    for ((dx, winner), dy) in dx.iter_mut().zip(&self.winner).zip(dy) {
                        *dx = if *winner == i as u32 { *dy } else { 0.0 };
                    }
                }
            }
        }
        Ok(())
    }

    fn warning(&self) -> Option<String> {
        let message = "SUM in place leaves its first bottom out, as in Caffe; give the top a name of its own to add it";
        self.clears_first.then(|| message.into())
    }

    fn needs(&self) -> Needs {
        match self.op {
            EltwiseOp::Prod if self.stable_prod_grad => Needs::X,
            EltwiseOp::Prod => Needs::ALL,
            EltwiseOp::Sum | EltwiseOp::Max => Needs::NOTHING,
        }
    }
}

impl Eltwise {
    fn c(&self, i: usize) -> f32 {
        self.coeff.get(i).copied().unwrap_or(1.0)
    }
}

/// The product of all bottoms' data, but for one.
fn product(bottom: &[Blob], but: Option<usize>, y: &mut [f32]) {
    y.fill(1.0);
    for (_, x) in bottom.iter().enumerate().filter(|(i, _)| Some(*i) != but) {
        y.iter_mut().zip(x.data.slice()).for_each(|(y, x)| *y *= x);
    }
}
