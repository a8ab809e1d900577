//! Gradient descent with momentum (Polyak 1964): v = μ v + η dw, and the step is v.

use super::{At, Result, Rule, SolverParameter, share};

/// It reads `momentum`, 0 for none.
pub struct Sgd {
    momentum: f32,
}

impl Rule for Sgd {
    fn new(p: &SolverParameter) -> Result<Self> {
        Ok(Sgd { momentum: share("momentum", p.momentum())? })
    }

    fn update(&self, at: &At, _: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        let (mu, lr) = (self.momentum, at.lr);
        for (dw, v) in dw.iter_mut().zip(&mut *history[0]) {
            *v = mu * *v + lr * *dw;
            *dw = *v;
        }
    }

    fn kernel(&self) -> Option<&'static str> {
        Some(include_str!("../../../kernels/sgd.cu"))
    }

    fn settings(&self, _: u64) -> Vec<f32> {
        vec![self.momentum]
    }
}
