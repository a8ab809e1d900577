//! Steps that shrink with the sum of all squared gradients so far (Duchi et al. 2011): h = h + dw², and the step is
//! η dw / (√h + δ).

use super::{At, Result, Rule, SolverParameter, divisor, no_momentum};

/// It reads `delta` and refuses `momentum`.
pub struct AdaGrad {
    delta: f32,
}

impl Rule for AdaGrad {
    fn new(p: &SolverParameter) -> Result<Self> {
        no_momentum("AdaGrad", p)?;
        Ok(AdaGrad { delta: divisor(p)? })
    }

    fn squares(&self) -> &'static [usize] {
        &[0]
    }

    fn update(&self, at: &At, _: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        for (dw, h) in dw.iter_mut().zip(&mut *history[0]) {
            *h += *dw * *dw;
            *dw = at.lr * *dw / (h.sqrt() + self.delta);
        }
    }

    fn kernel(&self) -> Option<&'static str> {
        Some(include_str!("../../../kernels/adagrad.cu"))
    }

    fn settings(&self, _: u64) -> Vec<f32> {
        vec![self.delta]
    }
}
