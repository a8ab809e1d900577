//! Files of one blob, `.binaryproto`: a mean image, the matrix of an InfogainLoss.

use crate::proto::{BlobProto, binary};
use crate::{Error, Kind, Result, blob};
use std::path::Path;

/// Shape and values of the blob in a file. An error calls it `what`, and tells by `hint` what the file should be.
///
/// # Errors
/// The file cannot be read, is no blob, or has another number of values than its shape says.
pub fn read(path: impl AsRef<Path>, what: &str, hint: &str) -> Result<(Vec<usize>, Vec<f32>)> {
    let path = path.as_ref();
    let bytes =
        std::fs::read(path).map_err(|e| Error::file(path, &format!("read {what}"), e).hint("correct the path"))?;
    let wrong = |why: String| Error::new(Kind::Data, format!("{what} {}: {why}", path.display())).hint(hint);
    let proto: BlobProto = binary::decode(&bytes).map_err(|e| wrong(e.message().to_string()))?;
    let dims: Vec<i64> = match &proto.shape {
        Some(shape) => shape.dim.clone(),
        None => [proto.num(), proto.channels(), proto.height(), proto.width()].map(i64::from).to_vec(),
    };
    let data: Vec<f32> = match proto.double_data.is_empty() {
        true => proto.data,
        false => proto.double_data.iter().map(|&x| x as f32).collect(),
    };
    let shape: Vec<usize> = dims.iter().map(|&d| usize::try_from(d).unwrap_or(usize::MAX)).collect();
    match blob::count(&shape) {
        Ok(count) if count == data.len() => Ok((shape, data)),
        _ => Err(wrong(format!("its shape is {dims:?}, but it has {} values", data.len()))),
    }
}
