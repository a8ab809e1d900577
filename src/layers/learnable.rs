//! Making a learnable blob.

use crate::filler::Filler;
use crate::layer::Param;
use crate::proto::FillerParameter;
use crate::random::Random;
use crate::{Blob, Result};

/// A learnable blob of a shape, to be filled as the prototxt says, or with the value `or` if it says nothing.
///
/// # Errors
/// The shape is too large. Later, the filler cannot fill it, and `field` is where the prototxt names that filler.
pub(super) fn learnable(
    shape: &[usize],
    filler: Option<&FillerParameter>,
    or: f32,
    random: Random,
    field: &'static str,
) -> Result<Param> {
    let mut blob = Blob::new(shape)?;
    if filler.is_none() && or != 0.0 {
        blob.data.fill(or); // without this a blob starts as zeros, and its memory need not exist yet
    }
    let unfilled = (filler.is_none() && field.ends_with("weight_filler")).then_some(field);
    let filler = filler.map(|param| Filler { param: param.clone(), random, field });
    Ok(Param { filler, unfilled, ..Param::new(blob) })
}
