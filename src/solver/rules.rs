//! Update rules: how a gradient becomes a step.
//!
//! A rule turns dw, the gradient of one parameter, into the value that is subtracted from w. What it remembers between
//! iterations is its history, as many arrays of the parameter's size as it asks for. With η the local learning rate, all
//! products element by element:
//!
//! | type     | history | step                                                                                     |
//! |----------|---------|------------------------------------------------------------------------------------------|
//! | SGD      | v       | v = μ v + η dw; step v (Polyak 1964)                                                      |
//! | Nesterov | v       | v' = μ v + η dw; step (1 + μ) v' - μ v (Nesterov 1983, rewritten to need no look-ahead)    |
//! | AdaGrad  | h       | h = h + dw²; step η dw / (√h + δ) (Duchi et al. 2011)                                     |
//! | RMSProp  | h       | h = ρ h + (1 - ρ) dw²; step η dw / (√h + δ) (Tieleman and Hinton 2012)                    |
//! | AdaDelta | g, u    | g = μ g + (1 - μ) dw²; s = dw √((u + δ) / (g + δ)); u = μ u + (1 - μ) s²; step η s (Zeiler 2012) |
//! | Adam     | m, v    | m = β₁ m + (1 - β₁) dw; v = β₂ v + (1 - β₂) dw²; step η c m / (√v + δ), c = √(1 - β₂ᵗ) / (1 - β₁ᵗ) (Kingma and Ba 2015) |
//!
//! μ and β₁ are the solver's `momentum`, β₂ `momentum2`, ρ `rms_decay`, δ `delta`; t counts from 1.

use crate::proto::SolverParameter;
use crate::{Error, Kind, Result};

/// When and how fast.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// η: the rate of this iteration times the parameter's lr_mult.
    pub lr: f32,
    /// The iteration, from 0.
    pub iter: u64,
}

/// An update rule. A user's rule is registered like a layer:
///
/// ```
/// use cortado::proto::SolverParameter;
/// use cortado::solver::rules::{At, Rule, Rules};
///
/// /// Lion (Chen et al. 2023): only the sign of a mixture of momentum and gradient counts.
/// struct Lion;
///
/// impl Rule for Lion {
///     fn new(_: &SolverParameter) -> cortado::Result<Self> {
///         Ok(Lion)
///     }
///     fn update(&self, at: &At, _w: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
///         for (dw, m) in dw.iter_mut().zip(history[0].iter_mut()) {
///             let mix = 0.9 * *m + 0.1 * *dw;
///             *m = 0.99 * *m + 0.01 * *dw;
///             *dw = if mix == 0.0 { 0.0 } else { at.lr.copysign(mix) }; // 0f32.signum() is 1
///         }
///     }
/// }
///
/// let mut rules = Rules::caffe();
/// rules.add::<Lion>("Lion");
/// ```
///
/// For a GPU a rule gives the same once more as CUDA C, by [`Rule::kernel`]; without it the CPU updates the weights.
pub trait Rule: Send + Sync + 'static {
    /// Reads the rule's settings.
    ///
    /// # Errors
    /// Settings that make no sense for the rule.
    fn new(param: &SolverParameter) -> Result<Self>
    where
        Self: Sized;

    /// How many arrays of history each parameter needs.
    fn history(&self) -> usize {
        1
    }

    /// Replaces the gradient in `dw` by the step to be subtracted from `w`. It is called on pieces of a parameter, several
    /// at once: only element i of each slice may count for element i.
    fn update(&self, at: &At, w: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]);

    /// The step of one weight in CUDA C: a function `__device__ float step(float w, float dw, float lr, In s, float *h)`, where
    /// s are the rule's [settings](Rule::settings) and h its at most four values of history, to be read and written.
    ///
    /// ```text
    /// __device__ float step(float w, float dw, float lr, In s, float *h) { return h[0] = s[0] * h[0] + lr * dw; }
    /// ```
    fn kernel(&self) -> Option<&'static str> {
        None
    }

    /// What the kernel is given in an iteration: at most eight numbers, such as the momentum.
    fn settings(&self, iter: u64) -> Vec<f32> {
        let _ = iter;
        Vec::new()
    }
}

type Create = fn(&SolverParameter) -> Result<Box<dyn Rule>>;

/// Caffe's rules: the solver's `type` and the constructor.
#[rustfmt::skip]
pub const RULES: &[(&str, Create)] = &[
    ("SGD",      new::<Sgd>),
    ("Nesterov", new::<Nesterov>),
    ("AdaGrad",  new::<AdaGrad>),
    ("RMSProp",  new::<RmsProp>),
    ("AdaDelta", new::<AdaDelta>),
    ("Adam",     new::<Adam>),
];

fn new<R: Rule>(param: &SolverParameter) -> Result<Box<dyn Rule>> {
    Ok(Box::new(R::new(param)?))
}

/// The rules that a solver may use.
#[derive(Clone)]
pub struct Rules {
    table: Vec<(String, Create)>,
}

impl Rules {
    /// All of Caffe's rules.
    pub fn caffe() -> Rules {
        Rules { table: RULES.iter().map(|&(name, create)| (name.to_string(), create)).collect() }
    }

    /// Adds a rule of one's own, or replaces the one of that name.
    pub fn add<R: Rule>(&mut self, name: &str) {
        self.table.retain(|(n, _)| n != name);
        self.table.push((name.to_string(), new::<R>));
    }

    /// Makes the rule that the solver's `type` names.
    ///
    /// # Errors
    /// An unknown type, or settings that the rule refuses.
    pub fn create(&self, param: &SolverParameter) -> Result<Box<dyn Rule>> {
        let kind = param.r#type();
        match self.table.iter().find(|(name, _)| name == kind) {
            Some((_, create)) => create(param),
            None => {
                let names: Vec<&str> = self.table.iter().map(|(n, _)| n.as_str()).collect();
                Err(Error::new(Kind::Unknown, format!("there is no solver type \"{kind}\""))
                    .field("type")
                    .did_you_mean(kind, names.iter().copied())
                    .hint(format!("the types are {}", names.join(", "))))
            }
        }
    }
}

impl Default for Rules {
    fn default() -> Rules {
        Rules::caffe()
    }
}

/// A momentum is a share of the past: 0 <= μ < 1.
fn share(what: &str, value: f32) -> Result<f32> {
    if (0.0..1.0).contains(&value) {
        return Ok(value);
    }
    Err(Error::value(format!("{what} {value} is outside 0 <= {what} < 1"))
        .field(what)
        .hint("it is the share of the past that is kept: 0.9, for example"))
}

/// AdaGrad and RMSProp have no momentum and refuse one rather than ignore it, as in Caffe.
fn no_momentum(kind: &str, p: &SolverParameter) -> Result {
    match p.momentum() {
        0.0 => Ok(()),
        m => Err(Error::value(format!("momentum {m} means nothing to {kind}"))
            .field("momentum")
            .hint("leave it out, or use SGD, Nesterov or Adam")),
    }
}

/// Gradient descent with momentum; it reads `momentum`, 0 for none.
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
        Some(
            "__device__ float step(float w, float dw, float lr, In s, float *h) {
                 return h[0] = s[0] * h[0] + lr * dw;
             }",
        )
    }

    fn settings(&self, _: u64) -> Vec<f32> {
        vec![self.momentum]
    }
}

/// Nesterov's momentum, which looks one step ahead; it reads `momentum`.
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
        Some(
            "__device__ float step(float w, float dw, float lr, In s, float *h) {
                 float before = h[0];
                 h[0] = s[0] * before + lr * dw;
                 return (1.0f + s[0]) * h[0] - s[0] * before;
             }",
        )
    }

    fn settings(&self, _: u64) -> Vec<f32> {
        vec![self.momentum]
    }
}

/// Steps shrink with the sum of all squared gradients so far; it reads `delta` and refuses `momentum`.
pub struct AdaGrad {
    delta: f32,
}

impl Rule for AdaGrad {
    fn new(p: &SolverParameter) -> Result<Self> {
        no_momentum("AdaGrad", p)?;
        Ok(AdaGrad { delta: p.delta() })
    }

    fn update(&self, at: &At, _: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        for (dw, h) in dw.iter_mut().zip(&mut *history[0]) {
            *h += *dw * *dw;
            *dw = at.lr * *dw / (h.sqrt() + self.delta);
        }
    }

    fn kernel(&self) -> Option<&'static str> {
        Some(
            "__device__ float step(float w, float dw, float lr, In s, float *h) {
                 h[0] += dw * dw;
                 return lr * dw / (sqrtf(h[0]) + s[0]);
             }",
        )
    }

    fn settings(&self, _: u64) -> Vec<f32> {
        vec![self.delta]
    }
}

/// As AdaGrad with a running mean of squares instead; it reads `rms_decay` and `delta` and refuses `momentum`.
pub struct RmsProp {
    rms_decay: f32,
    delta: f32,
}

impl Rule for RmsProp {
    fn new(p: &SolverParameter) -> Result<Self> {
        no_momentum("RMSProp", p)?;
        Ok(RmsProp { rms_decay: share("rms_decay", p.rms_decay())?, delta: p.delta() })
    }

    fn update(&self, at: &At, _: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        let rho = self.rms_decay;
        for (dw, h) in dw.iter_mut().zip(&mut *history[0]) {
            *h = rho * *h + (1.0 - rho) * *dw * *dw;
            *dw = at.lr * *dw / (h.sqrt() + self.delta);
        }
    }

    fn kernel(&self) -> Option<&'static str> {
        Some(
            "__device__ float step(float w, float dw, float lr, In s, float *h) {
                 h[0] = s[0] * h[0] + (1.0f - s[0]) * dw * dw;
                 return lr * dw / (sqrtf(h[0]) + s[1]);
             }",
        )
    }

    fn settings(&self, _: u64) -> Vec<f32> {
        vec![self.rms_decay, self.delta]
    }
}

/// Steps sized by the running mean of earlier steps; it reads `momentum`, the mean's decay, and `delta`.
pub struct AdaDelta {
    momentum: f32,
    delta: f32,
}

impl Rule for AdaDelta {
    fn new(p: &SolverParameter) -> Result<Self> {
        Ok(AdaDelta { momentum: share("momentum", p.momentum())?, delta: p.delta() })
    }

    fn history(&self) -> usize {
        2
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
        Some(
            "__device__ float step(float w, float dw, float lr, In s, float *h) {
                 h[0] = s[0] * h[0] + (1.0f - s[0]) * dw * dw;
                 float step = dw * sqrtf((h[1] + s[1]) / (h[0] + s[1]));
                 h[1] = s[0] * h[1] + (1.0f - s[0]) * step * step;
                 return lr * step;
             }",
        )
    }

    fn settings(&self, _: u64) -> Vec<f32> {
        vec![self.momentum, self.delta]
    }
}

/// Running means of the gradient and of its square, corrected for starting at 0; it reads `momentum`, `momentum2` and
/// `delta`.
pub struct Adam {
    beta1: f32,
    beta2: f32,
    delta: f32,
}

impl Rule for Adam {
    fn new(p: &SolverParameter) -> Result<Self> {
        let (beta1, beta2) = (share("momentum", p.momentum())?, share("momentum2", p.momentum2())?);
        Ok(Adam { beta1, beta2, delta: p.delta() })
    }

    fn history(&self) -> usize {
        2
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
        Some(
            "__device__ float step(float w, float dw, float lr, In s, float *h) {
                 h[0] = s[0] * h[0] + (1.0f - s[0]) * dw;
                 h[1] = s[1] * h[1] + (1.0f - s[1]) * dw * dw;
                 return lr * s[3] * h[0] / (sqrtf(h[1]) + s[2]);
             }",
        )
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
