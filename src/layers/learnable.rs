//! Making a learnable blob.

use crate::layer::Param;
use crate::proto::FillerParameter;
use crate::random::Random;
use crate::{Blob, Result, filler};

/// A learnable blob of a shape, filled as the prototxt says, or with the value `or` if it says nothing.
///
/// # Errors
/// The shape is too large; or the filler cannot fill it, and `field` is where the prototxt names that filler.
pub(super) fn learnable(
    shape: &[usize],
    filler: Option<&FillerParameter>,
    or: f32,
    random: Random,
    field: &'static str,
) -> Result<Param> {
    let mut blob = Blob::new(shape)?;
    match filler {
        Some(filler) => filler::fill(filler, &random, &mut blob).map_err(|e| e.field(field))?,
        None if or == 0.0 => {} // a blob starts as zeros, and its memory need not exist yet
        None => blob.data.fill(or),
    }
    let unfilled = (filler.is_none() && field.ends_with("weight_filler")).then_some(field);
    Ok(Param { unfilled, ..Param::new(blob) })
}
