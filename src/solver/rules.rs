//! Update rules: how a gradient becomes a step.
//!
//! A rule turns dw, the gradient of one parameter, into the value that is subtracted from w. What it remembers between
//! iterations is its history, as many arrays of the parameter's size as it asks for. Each rule is a file, with its
//! formula in Rust; the same in CUDA C is the file of that name in `kernels/`. η is the local learning rate, all
//! products are element by element.
//!
//! | type     | history                                  | it reads                        | file          |
//! |----------|------------------------------------------|---------------------------------|---------------|
//! | SGD      | v, the velocity                          | `momentum`                      | `sgd.rs`      |
//! | Nesterov | v, the velocity                          | `momentum`                      | `nesterov.rs` |
//! | AdaGrad  | h, a sum of squared gradients            | `delta`                         | `adagrad.rs`  |
//! | RMSProp  | h, a mean of squared gradients           | `rms_decay`, `delta`            | `rmsprop.rs`  |
//! | AdaDelta | g and u, means of squared gradients and steps | `momentum`, `delta`        | `adadelta.rs` |
//! | Adam     | m and v, means of gradients and their squares | `momentum`, `momentum2`, `delta` | `adam.rs` |

mod adadelta;
mod adagrad;
mod adam;
mod nesterov;
mod rmsprop;
mod sgd;

pub use adadelta::AdaDelta;
pub use adagrad::AdaGrad;
pub use adam::Adam;
pub use nesterov::Nesterov;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

use crate::proto::SolverParameter;
use crate::{Error, Kind, Result};

/// How many arrays of history a rule may have.
pub const HISTORY: usize = 4;

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
/// For a GPU, [`Rule::kernel`] gives the same step in CUDA C; without it the CPU updates the weights.
pub trait Rule: Send + Sync + 'static {
    /// Reads the rule's settings.
    ///
    /// # Errors
    /// Settings that make no sense for the rule.
    fn new(param: &SolverParameter) -> Result<Self>
    where
        Self: Sized;

    /// How many arrays of history each parameter needs, at most [`HISTORY`]; 1 unless the rule says otherwise.
    fn history(&self) -> usize {
        1
    }

    /// Which arrays of the history hold squares, so that a value below 0 there is another rule's.
    fn squares(&self) -> &'static [usize] {
        &[]
    }

    /// Replaces the gradient in `dw` by the step to be subtracted from `w`. It is called on pieces of a parameter,
    /// several at once: element i may depend only on element i of each slice.
    fn update(&self, at: &At, w: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]);

    /// The step of one weight in CUDA C: a function
    /// `__device__ float step(float w, float dw, float lr, In s, float *h)`, where s are the rule's
    /// [settings](Rule::settings) and h its values of history, to be read and written.
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
    let rule = R::new(param)?;
    match rule.history() {
        0..=HISTORY => Ok(Box::new(rule)),
        n => {
            Err(Error::value(format!("{n} arrays of history")).field("type").hint(format!("a rule may have {HISTORY}")))
        }
    }
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
                let own = "if the rule is your own, add it to a `Rules` and hand that to the builder: `.rules(&rules)`";
                let e = Error::new(Kind::Unknown, format!("there is no solver type \"{kind}\"")).field("type");
                Err(e.near_or_all(kind, &names, own))
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

/// δ, which keeps a step's divisor from being 0 where the gradient is 0.
fn divisor(p: &SolverParameter) -> Result<f32> {
    match p.delta() {
        delta if delta > 0.0 && delta.is_finite() => Ok(delta),
        delta => {
            Err(Error::value(format!("delta {delta} divides by 0 where a gradient is 0, or makes no step at all"))
                .field("delta")
                .hint("give a small number above 0: 1e-8, for example, which it is if it is left out"))
        }
    }
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
