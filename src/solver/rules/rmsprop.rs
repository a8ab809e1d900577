//! As AdaGrad with a running mean of the squares (Tieleman and Hinton 2012): h = ρ h + (1 - ρ) dw², and the step is
//! η dw / (√h + δ).

use super::{At, Result, Rule, SolverParameter, divisor, no_momentum, share};

/// It reads `rms_decay`, which is ρ, and `delta`, and refuses `momentum`.
pub struct RmsProp {
    rms_decay: f32,
    delta: f32,
}

impl Rule for RmsProp {
    fn new(p: &SolverParameter) -> Result<Self> {
        no_momentum("RMSProp", p)?;
        Ok(RmsProp { rms_decay: share("rms_decay", p.rms_decay())?, delta: divisor(p)? })
    }

    fn squares(&self) -> &'static [usize] {
        &[0]
    }

    fn update(&self, at: &At, _: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        let rho = self.rms_decay;
        for (dw, h) in dw.iter_mut().zip(&mut *history[0]) {
            *h = rho * *h + (1.0 - rho) * *dw * *dw;
            *dw = at.lr * *dw / (h.sqrt() + self.delta);
        }
    }

    fn kernel(&self) -> Option<&'static str> {
        Some(include_str!("../../../kernels/rmsprop.cu"))
    }

    fn settings(&self, _: u64) -> Vec<f32> {
        vec![self.rms_decay, self.delta]
    }
}
