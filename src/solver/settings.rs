//! Settings that make no sense, whichever nets they are for.

use super::policy;
use super::update::Regularization;
use crate::proto::SolverParameter;
use crate::{Error, Kind, Result};

/// Checks the numbers of a solver; gives its regularization.
///
/// # Errors
/// A learning-rate policy that cannot be used, a count that is negative, a number that is not finite, an unknown name.
pub(super) fn check(p: &SolverParameter) -> Result<Regularization> {
    policy::check(p)?;
    for (field, value) in [("iter_size", p.iter_size()), ("average_loss", p.average_loss())] {
        if value < 1 {
            return Err(Error::value(format!("{field} {value} is not a number of iterations"))
                .field(field)
                .hint("give 1 or more, or leave it out: it is 1 then"));
        }
    }
    for (field, value, none) in [
        ("max_iter", p.max_iter(), "nothing is trained"),
        ("display", p.display(), "nothing is shown"),
        ("snapshot", p.snapshot(), "there are no snapshots on the way"),
        ("test_interval", p.test_interval(), "nothing is tested"),
    ] {
        if value < 0 {
            return Err(Error::value(format!("{field} {value} is negative"))
                .field(field)
                .hint(format!("give a number of iterations; with 0 {none}")));
        }
    }
    for (field, value) in [("weight_decay", p.weight_decay()), ("clip_gradients", p.clip_gradients())] {
        if !value.is_finite() {
            return Err(Error::value(format!("{field} is {value}")).field(field).hint("give a finite number"));
        }
    }
    match p.regularization_type() {
        "L1" => Ok(Regularization::L1),
        "L2" => Ok(Regularization::L2),
        other => Err(Error::new(Kind::Unknown, format!("there is no regularization_type \"{other}\""))
            .field("regularization_type")
            .hint("the types are L1, L2")),
    }
}
