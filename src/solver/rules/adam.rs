//! Running means of the gradient and of its square (Kingma and Ba 2015): m = β₁ m + (1 - β₁) dw, v = β₂ v + (1 - β₂)
//! dw², and the step is η c m / (√v + δ). c = √(1 - β₂ᵗ) / (1 - β₁ᵗ) corrects both for starting at 0; t counts from 1.

use super::{At, Result, Rule, SolverParameter, divisor, share};

/// It reads `momentum`, which is β₁, `momentum2`, which is β₂, and `delta`. Its history is m, then v.
pub struct Adam {
    beta1: f32,
    beta2: f32,
    delta: f32,
}

impl Rule for Adam {
    fn new(p: &SolverParameter) -> Result<Self> {
        let (beta1, beta2) = (share("momentum", p.momentum())?, share("momentum2", p.momentum2())?);
        Ok(Adam { beta1, beta2, delta: divisor(p)? })
    }

    fn history(&self) -> usize {
        2
    }

    fn squares(&self) -> &'static [usize] {
        &[1]
    }

    fn update(&self, at: &At, _: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        let [m, v] = history else { return };
        let (b1, b2) = (self.beta1, self.beta2);
        let lr = at.lr * self.correction(at.iter);
        for ((dw, m), v) in dw.iter_mut().zip(&mut **m).zip(&mut **v) {
            *m = b1 * *m + (1.0 - b1) * *dw;
            *v = b2 * *v + (1.0 - b2) * *dw * *dw;
            *dw = lr * *m / (v.sqrt() + self.delta);
        }
    }

    fn kernel(&self) -> Option<&'static str> {
        Some(include_str!("../../../kernels/adam.cu"))
    }

    fn settings(&self, iter: u64) -> Vec<f32> {
        vec![self.beta1, self.beta2, self.delta, self.correction(iter)]
    }
}

impl Adam {
    /// c = √(1 - β₂ᵗ) / (1 - β₁ᵗ).
    fn correction(&self, iter: u64) -> f32 {
        let (b1, b2, t) = (self.beta1 as f64, self.beta2 as f64, (iter + 1) as f64);
        ((1.0 - b2.powf(t)).sqrt() / (1.0 - b1.powf(t))) as f32
    }
}
