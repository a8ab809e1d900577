//! Momentum that looks one step ahead (Nesterov 1983), rewritten to need no look-ahead: v' = μ v + η dw, and the step
//! is (1 + μ) v' - μ v.

use super::{At, Result, Rule, SolverParameter, share};

/// It reads `momentum`.
pub struct Nesterov {
    momentum: f32,
}

impl Rule for Nesterov {
    fn new(p: &SolverParameter) -> Result<Self> {
        Ok(Nesterov { momentum: share("momentum", p.momentum())? })
    }

    fn update(&self, at: &At, _: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        let (mu, lr) = (self.momentum, at.lr);
        for (dw, v) in dw.iter_mut().zip(&mut *history[0]) {
            let before = *v;
            *v = mu * before + lr * *dw;
            *dw = (1.0 + mu) * *v - mu * before;
        }
    }

    fn kernel(&self) -> Option<&'static str> {
        Some(include_str!("../../../kernels/nesterov.cu"))
    }

    fn settings(&self, _: u64) -> Vec<f32> {
        vec![self.momentum]
    }
}
