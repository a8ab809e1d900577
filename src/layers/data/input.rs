//! # Input: values that are put in by hand
//!
//! | blob     | shape                            | meaning                                 |
//! |----------|----------------------------------|-----------------------------------------|
//! | `top[i]` | `input_param { shape }` number i | what the user writes; zeros before that |
//!
//! One `shape` serves all tops, or each has its own; with none the user shapes the blobs. A shape given later by hand
//! stays.

use crate::blob;
use crate::layer::*;
use crate::proto::BlobShape;

/// Tops that are filled by hand.
pub struct Input {
    /// One shape, one per top, or none; taken up by the first reshape.
    shapes: Vec<Vec<usize>>,
}

impl Layer for Input {
    fn new(param: &LayerParameter) -> Result<Self> {
        let shapes = param.input_param.as_ref().map_or(&[][..], |p| &p.shape);
        one_or_each("shape", shapes.len(), param.top.len().max(1), true).map_err(|e| e.field("input_param.shape"))?;
        let shapes = shapes.iter().map(|s| dims(s).map_err(|e| e.field("input_param.shape"))).collect::<Result<_>>()?;
        Ok(Input { shapes })
    }

    fn arity(&self) -> Arity {
        Arity::range(0..=0, 1..=usize::MAX)
    }

    fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
        for (shape, top) in std::mem::take(&mut self.shapes).iter().cycle().zip(top) {
            top.reshape(shape)?;
        }
        Ok(())
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], _: &[Blob], _: &mut [Blob]) -> Result {
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn is_input(&self) -> bool {
        true
    }
}

/// The sizes of a `shape { dim: .. }`.
///
/// # Errors
/// A negative size, or more values than a blob can hold.
pub(super) fn dims(shape: &BlobShape) -> Result<Vec<usize>> {
    let dim = |&d: &i64| {
        usize::try_from(d)
            .map_err(|_| Error::value(format!("dim {d} in the shape {:?}", shape.dim)).hint("give a size of 0 or more"))
    };
    let dims: Vec<usize> = shape.dim.iter().map(dim).collect::<Result<_>>()?;
    blob::count(&dims)?;
    Ok(dims)
}

/// Checks that a repeated field is given once for all tops, or once for each (or not at all, where that is allowed).
pub(super) fn one_or_each(what: &str, given: usize, tops: usize, none: bool) -> Result {
    if given == 1 || given == tops || (given == 0 && none) {
        return Ok(());
    }
    let wanted = if tops == 1 { "1".into() } else { format!("1 for all of them, or {tops}") };
    Err(Error::new(Kind::Net, format!("{given} `{what}` for {tops} tops")).hint(format!("give {wanted}")))
}
