//! Stored arrays: converts BlobProtos to blobs and back.

use super::{BlobProto, BlobShape};
use crate::blob::Values;
use crate::{Blob, Error, Kind, Result};

/// The shape of a stored blob; files from before 2014 have num, channels, height and width.
///
/// # Errors
/// A size is negative, or the number of values does not match the shape.
pub(crate) fn shape_of(proto: &BlobProto) -> Result<Vec<usize>> {
    shape_with(proto, proto.data.len().max(proto.double_data.len()))
}

/// The shape of a stored blob that has so many values.
///
/// # Errors
/// As [`shape_of`].
pub(crate) fn shape_with(proto: &BlobProto, stored: usize) -> Result<Vec<usize>> {
    let dims: Vec<i64> = match &proto.shape {
        Some(shape) => shape.dim.clone(),
        None if proto.num.is_some() || proto.channels.is_some() || proto.height.is_some() || proto.width.is_some() => {
            [proto.num(), proto.channels(), proto.height(), proto.width()].map(i64::from).to_vec()
        }
        None => vec![stored as i64],
    };
    let shape = dims
        .iter()
        .map(|&d| usize::try_from(d).map_err(|_| Error::new(Kind::Weights, format!("a stored blob of shape {dims:?}"))))
        .collect::<Result<Vec<usize>>>()?;
    let count = crate::blob::count(&shape)?;
    if count != stored {
        let message = format!("a stored blob of shape {shape:?} holds {stored} values instead of {count}");
        return Err(Error::new(Kind::Weights, message));
    }
    Ok(shape)
}

/// Whether a stored blob has the expected shape. Old files pad every shape to four axes, with ones in front.
pub(crate) fn same_shape(proto: &BlobProto, stored: &[usize], expected: &[usize]) -> bool {
    let unpadded = |s: &[usize]| s.iter().copied().skip_while(|&d| d == 1).collect::<Vec<_>>();
    stored == expected || (proto.shape.is_none() && expected.len() <= 4 && unpadded(stored) == unpadded(expected))
}

/// Copies stored values, and diffs if there are any, into a blob of the same shape.
pub(crate) fn from_proto(proto: &BlobProto, blob: &mut Blob) -> Result {
    check_shape(proto, blob.shape())?;
    fill(proto, blob);
    Ok(())
}

/// Copies stored values, and diffs if there are any, into a blob of the same count.
pub(crate) fn fill(proto: &BlobProto, blob: &mut Blob) {
    copy(&proto.data, &proto.double_data, blob.data.slice_mut());
    if proto.diff.len().max(proto.double_diff.len()) == blob.count() {
        copy(&proto.diff, &proto.double_diff, blob.diff.slice_mut());
    }
}

/// Copies stored values into an array of the same shape.
pub(crate) fn from_proto_values(proto: &BlobProto, values: &mut Values) -> Result {
    check_shape(proto, values.shape())?;
    copy(&proto.data, &proto.double_data, values.slice_mut());
    Ok(())
}

fn check_shape(proto: &BlobProto, expected: &[usize]) -> Result {
    let shape = shape_of(proto)?;
    if !same_shape(proto, &shape, expected) {
        let message = format!("a stored blob of shape {shape:?} does not fit into {expected:?}");
        return Err(Error::new(Kind::Weights, message).hint("both shapes must be equal"));
    }
    Ok(())
}

/// Copies the f32 of a file, or its f64 if Caffe ran in double precision.
fn copy(from: &[f32], from64: &[f64], to: &mut [f32]) {
    if from.len() == to.len() {
        to.copy_from_slice(from);
    } else {
        to.iter_mut().zip(from64).for_each(|(t, f)| *t = *f as f32);
    }
}

/// An array as a message.
pub(crate) fn to_proto_values(values: &Values) -> Result<BlobProto> {
    let shape = BlobShape { dim: values.shape().iter().map(|&d| d as i64).collect() };
    Ok(BlobProto { shape: Some(shape), data: values.read()?.to_vec(), ..Default::default() })
}

/// A blob as a message, with the given shape.
pub(crate) fn to_proto(blob: &Blob, shape: &[usize], with_diff: bool) -> Result<BlobProto> {
    let diff = if with_diff { blob.diff.read()?.to_vec() } else { Vec::new() };
    let shape = BlobShape { dim: shape.iter().map(|&d| d as i64).collect() };
    Ok(BlobProto { shape: Some(shape), diff, ..to_proto_values(&blob.data)? })
}
