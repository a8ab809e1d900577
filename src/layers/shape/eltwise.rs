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
//! **In place.** A SUM whose top is its own first bottom leaves that bottom out: Caffe clears the sum before it adds,
//! and the sum is that bottom. Nets trained this way need the same, so it is kept; the net warns when it is built.
//!
//! Of several equal maxima one counts, as in Caffe: x_1 rather than x_0, else the earliest.

use crate::device::cpu::PIECE;
use crate::device::{Gpu, OnCard};
use crate::layer::*;
use crate::proto::eltwise_parameter::EltwiseOp;

const KERNELS: Kernels = kernels!("eltwise");

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
    winner_on_card: OnCard<i32>,
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
            winner_on_card: OnCard::default(),
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

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (y, n) = (&mut top[0].data, bottom[0].count());
        let terms = bottom.iter().enumerate().skip(usize::from(self.clears_first)).map(|(i, x)| (self.c(i), &x.data));
        match (self.op, cx.device) {
            (EltwiseOp::Sum, Device::Cpu(cpu)) => {
                let terms: Vec<(f32, &[f32])> = terms.map(|(c, x)| (c, x.slice())).collect();
                cpu.pieces(y.slice_mut(), PIECE, |start, y| {
                    y.fill(0.0);
                    for (c, x) in &terms {
                        y.iter_mut().zip(&x[start..]).for_each(|(y, x)| *y += c * x);
                    }
                });
            }
            (EltwiseOp::Sum, Device::Gpu(gpu)) => {
                let terms: Vec<(f32, &Values)> = terms.collect();
                match terms[..] {
                    [] => {}
                    [(c, x)] => KERNELS.launch(gpu, "eltwise_scale", n, args![n, c, x, y.over()])?,
                    [(a, x0), (b, x1), ref more @ ..] => {
                        KERNELS.launch(gpu, "eltwise_sum", n, args![n, a, b, x0, x1, y.over()])?;
                        for &(c, x) in more {
                            KERNELS.launch(gpu, "eltwise_sum_more", n, args![n, c, x, y.updated()])?;
                        }
                    }
                }
            }
            (EltwiseOp::Prod, Device::Cpu(_)) => product(bottom, None, y.slice_mut()),
            (EltwiseOp::Prod, Device::Gpu(gpu)) => {
                let x: Vec<&Values> = bottom.iter().map(|x| &x.data).collect();
                product_on_card(gpu, &x, y)?;
            }
            (EltwiseOp::Max, Device::Cpu(_)) => {
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
            (EltwiseOp::Max, Device::Gpu(gpu)) => {
                let [x0, x1, more @ ..] = bottom else { return Err(Error::shape("Eltwise needs two bottoms")) };
                let winner = &mut self.winner_on_card;
                KERNELS.launch(gpu, "eltwise_max", n, args![n, x0.data, x1.data, winner.over(n), y.over()])?;
                for (j, x) in (2usize..).zip(more) {
                    KERNELS.launch(gpu, "eltwise_max_more", n, args![n, j, x.data, winner.over(n), y.updated()])?;
                }
            }
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let Blob { data: y, diff: dy } = &top[0];
        for i in (0..bottom.len()).filter(|&i| cx.propagate_down[i]) {
            let mut dx = std::mem::take(&mut bottom[i].diff); // taken out, so that the bottoms can be read
            let done = self.backward_to(i, cx.device, bottom, y, dy, &mut dx);
            bottom[i].diff = dx;
            done?;
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

    /// dx of bottom `i`.
    fn backward_to(
        &mut self,
        i: usize,
        device: &Device,
        bottom: &[Blob],
        y: &Values,
        dy: &Values,
        dx: &mut Values,
    ) -> Result {
        let (x, c, n) = (&bottom[i].data, self.c(i), dy.count());
        match (self.op, device) {
            (EltwiseOp::Sum, Device::Cpu(cpu)) => {
                let dy = dy.slice();
                cpu.pieces(dx.slice_mut(), PIECE, |start, dx| {
                    dx.iter_mut().zip(&dy[start..]).for_each(|(dx, dy)| *dx = c * dy);
                });
            }
            (EltwiseOp::Sum, Device::Gpu(gpu)) => {
                KERNELS.launch(gpu, "eltwise_scale", n, args![n, c, dy, dx.over()])?
            }
            (EltwiseOp::Prod, Device::Cpu(_)) if self.stable_prod_grad => {
                product(bottom, Some(i), dx.slice_mut());
                dx.slice_mut().iter_mut().zip(dy.slice()).for_each(|(dx, dy)| *dx *= dy);
            }
            (EltwiseOp::Prod, Device::Gpu(gpu)) if self.stable_prod_grad => {
                let others = bottom.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, x)| &x.data);
                let factors: Vec<&Values> = others.chain([dy]).collect();
                product_on_card(gpu, &factors, dx)?;
            }
            (EltwiseOp::Prod, Device::Cpu(_)) => {
                let factors = x.slice().iter().zip(y.slice()).zip(dy.slice());
                dx.slice_mut().iter_mut().zip(factors).for_each(|(dx, ((x, y), dy))| *dx = y / x * dy);
            }
            (EltwiseOp::Prod, Device::Gpu(gpu)) => {
                KERNELS.launch(gpu, "eltwise_divide_backward", n, args![n, x, y, dy, dx.over()])?;
            }
            (EltwiseOp::Max, Device::Cpu(_)) => {
                for ((dx, winner), dy) in dx.slice_mut().iter_mut().zip(&self.winner).zip(dy.slice()) {
                    *dx = if *winner == i as u32 { *dy } else { 0.0 };
                }
            }
            (EltwiseOp::Max, Device::Gpu(gpu)) => {
                let args = args![n, i, self.winner_on_card, dy, dx.over()];
                KERNELS.launch(gpu, "eltwise_max_backward", n, args)?;
            }
        }
        Ok(())
    }
}

/// The product of all bottoms' data, but for one.
fn product(bottom: &[Blob], but: Option<usize>, y: &mut [f32]) {
    y.fill(1.0);
    for (_, x) in bottom.iter().enumerate().filter(|(i, _)| Some(*i) != but) {
        y.iter_mut().zip(x.data.slice()).for_each(|(y, x)| *y *= x);
    }
}

/// The product of two or more factors.
fn product_on_card(gpu: &Gpu, factors: &[&Values], y: &mut Values) -> Result {
    let ([x0, x1, more @ ..], n) = (factors, y.count()) else {
        return Err(Error::shape("a product needs two factors"));
    };
    KERNELS.launch(gpu, "eltwise_product", n, args![n, *x0, *x1, y.over()])?;
    more.iter().try_for_each(|&x| KERNELS.launch(gpu, "eltwise_product_more", n, args![n, x, y.updated()]))
}
