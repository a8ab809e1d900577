//! Steps as long as the earlier ones were on average (Zeiler 2012): g = μ g + (1 - μ) dw², s = dw √((u + δ) / (g + δ)),
//! u = μ u + (1 - μ) s², and the step is η s.

use super::{At, Result, Rule, SolverParameter, divisor, share};

/// It reads `momentum`, the decay of both means, and `delta`. Its history is g, then u.
pub struct AdaDelta {
    momentum: f32,
    delta: f32,
}

impl Rule for AdaDelta {
    fn new(p: &SolverParameter) -> Result<Self> {
        Ok(AdaDelta { momentum: share("momentum", p.momentum())?, delta: divisor(p)? })
    }

    fn history(&self) -> usize {
        2
    }

    fn squares(&self) -> &'static [usize] {
        &[0, 1]
    }

    fn update(&self, at: &At, _: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        let [g, u] = history else { return };
        let (mu, delta) = (self.momentum, self.delta);
        for ((dw, g), u) in dw.iter_mut().zip(&mut **g).zip(&mut **u) {
            *g = mu * *g + (1.0 - mu) * *dw * *dw;
            let step = *dw * ((*u + delta) / (*g + delta)).sqrt();
            *u = mu * *u + (1.0 - mu) * step * step;
            *dw = at.lr * step;
        }
    }

    fn kernel(&self) -> Option<&'static str> {
        Some(include_str!("../../../kernels/adadelta.cu"))
    }

    fn settings(&self, _: u64) -> Vec<f32> {
        vec![self.momentum, self.delta]
    }
}
