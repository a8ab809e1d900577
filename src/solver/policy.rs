//! Learning-rate policies: how the rate falls as training goes on.
//!
//! | policy    | rate at iteration t                                    | needs                |
//! |-----------|--------------------------------------------------------|----------------------|
//! | fixed     | base_lr                                                |                      |
//! | step      | base_lr gamma^floor(t / stepsize)                      | gamma, stepsize      |
//! | exp       | base_lr gamma^t                                        | gamma                |
//! | inv       | base_lr (1 + gamma t)^-power                           | gamma, power         |
//! | multistep | base_lr gamma^(number of stepvalues <= t)              | gamma, stepvalue ..  |
//! | poly      | base_lr (1 - t / max_iter)^power                       | power, max_iter      |
//! | sigmoid   | base_lr / (1 + e^(-gamma (t - stepsize)))              | gamma, stepsize      |
//!
//! ```
//! use cortado::{proto::SolverParameter, solver::policy};
//! let p = SolverParameter {
//!     base_lr: Some(0.01),
//!     lr_policy: Some("inv".into()),
//!     gamma: Some(1e-4),
//!     power: Some(0.75),
//!     ..Default::default()
//! };
//! approx::assert_relative_eq!(policy::rate(&p, 500)?, 0.009640741, max_relative = 1e-6);
//! # Ok::<(), cortado::Error>(())
//! ```

use crate::proto::SolverParameter;
use crate::{Error, Kind, Result};

type Policy = fn(&SolverParameter, u64) -> f32;
type Field = (&'static str, fn(&SolverParameter) -> bool);

const GAMMA: Field = ("gamma", |p| p.gamma.is_some());
const POWER: Field = ("power", |p| p.power.is_some());
const STEPSIZE: Field = ("stepsize", |p| p.stepsize.is_some());
const STEPVALUE: Field = ("stepvalue", |p| !p.stepvalue.is_empty());
const MAX_ITER: Field = ("max_iter", |p| p.max_iter() > 0);

/// The policies: name, formula of the solver's fields and t, and the fields without which it means nothing.
#[rustfmt::skip]
pub const LR_POLICIES: &[(&str, Policy, &[Field])] = &[
    ("fixed",     |p, _| p.base_lr(),                                                                &[]),
    ("step",      |p, t| p.base_lr() * p.gamma().powf((t / p.stepsize().max(1) as u64) as f32),      &[GAMMA, STEPSIZE]),
    ("exp",       |p, t| p.base_lr() * p.gamma().powf(t as f32),                                     &[GAMMA]),
    ("inv",       |p, t| p.base_lr() * (1.0 + p.gamma() * t as f32).powf(-p.power()),                &[GAMMA, POWER]),
    ("multistep", |p, t| p.base_lr() * p.gamma().powf(current_step(p, t) as f32),                    &[GAMMA, STEPVALUE]),
    ("poly",      |p, t| p.base_lr() * (1.0 - t as f32 / p.max_iter() as f32).powf(p.power()),       &[POWER, MAX_ITER]),
    ("sigmoid",   |p, t| p.base_lr() / (1.0 + (-p.gamma() * (t as i64 - p.stepsize() as i64) as f32).exp()), &[GAMMA, STEPSIZE]),
];

/// The learning rate at iteration `iter`.
///
/// # Errors
/// See [`check`]; or the rate is not a finite number, as with poly after max_iter.
pub fn rate(p: &SolverParameter, iter: u64) -> Result<f32> {
    let (name, formula, _) = find(p)?;
    if *name == "poly" && iter as i64 > p.max_iter() as i64 {
        let message = format!("lr_policy \"poly\" ends at max_iter {}, and this is iteration {iter}", p.max_iter());
        return Err(Error::value(message).field("max_iter").hint("give a larger max_iter"));
    }
    match formula(p, iter) {
        rate if rate.is_finite() => Ok(rate),
        rate => {
            Err(Error::new(Kind::NonFinite, format!("lr_policy \"{name}\" gives the rate {rate} at iteration {iter}"))
                .field("lr_policy")
                .hint("\"poly\" ends at max_iter; with the others look at gamma and power"))
        }
    }
}

/// How many drops a multistep policy has made.
pub fn current_step(p: &SolverParameter, iter: u64) -> usize {
    p.stepvalue.iter().filter(|&&v| iter as i64 >= v as i64).count()
}

/// Whether the policy can be used.
///
/// # Errors
/// An unknown policy, or a field that it needs and that is missing or impossible.
pub fn check(p: &SolverParameter) -> Result {
    let (name, _, needs) = find(p)?;
    if p.base_lr.is_none() {
        return Err(Error::value("the solver has no base_lr").hint("add base_lr: 0.01, for example"));
    }
    for (field, value) in [("base_lr", p.base_lr()), ("gamma", p.gamma()), ("power", p.power())] {
        if !value.is_finite() {
            return Err(Error::value(format!("{field} is {value}")).field(field).hint("give a finite number"));
        }
    }
    for (field, given) in *needs {
        if !given(p) {
            let e = Error::value(format!("lr_policy \"{name}\" needs {field}")).field("lr_policy");
            return Err(e.hint(format!("add {field}, or use lr_policy: \"fixed\"")));
        }
    }
    if *name == "step" && p.stepsize() <= 0 {
        return Err(Error::value(format!("stepsize {} is not a number of iterations", p.stepsize()))
            .field("stepsize")
            .hint("the rate falls every stepsize iterations: give 1 or more"));
    }
    if let Some(pair) = p.stepvalue.windows(2).find(|w| w[0] > w[1]) {
        return Err(Error::value(format!("stepvalue {} stands after {}", pair[1], pair[0]))
            .field("stepvalue")
            .hint("give the iterations in rising order"));
    }
    Ok(())
}

fn find(p: &SolverParameter) -> Result<&'static (&'static str, Policy, &'static [Field])> {
    let names = || LR_POLICIES.iter().map(|(n, ..)| *n);
    let name = match p.lr_policy() {
        "" => {
            return Err(Error::value("the solver has no lr_policy")
                .hint(format!("add lr_policy: \"fixed\", or one of {}", names().collect::<Vec<_>>().join(", "))));
        }
        name => name,
    };
    LR_POLICIES.iter().find(|(n, ..)| *n == name).ok_or_else(|| {
        Error::new(Kind::Unknown, format!("there is no lr_policy \"{name}\""))
            .field("lr_policy")
            .did_you_mean(name, names())
            .hint(format!("the policies are {}", names().collect::<Vec<_>>().join(", ")))
    })
}
