//! Caffe's messages of arrays: BlobProto, BlobProtoVector, Datum.

use crate::data::datum::{self, Pixels};
use crate::proto::{BlobProto, BlobProtoVector, BlobShape, Datum, binary, stored};
use crate::{Error, Kind, Result};
use ndarray::{Array3, ArrayBase, ArrayD, ArrayView3, Data, Dimension, IxDyn};

/// The values of a stored blob, in its shape.
///
/// # Errors
/// The number of values does not match the shape.
pub fn blobproto_to_array(proto: &BlobProto) -> Result<ArrayD<f32>> {
    array(proto, &proto.data, &proto.double_data, "values")
}

/// The diffs of a stored blob, in its shape: pycaffe's `blobproto_to_array(proto, return_diff=True)`.
///
/// # Errors
/// There are no diffs, or their number does not match the shape.
pub fn blobproto_to_diff(proto: &BlobProto) -> Result<ArrayD<f32>> {
    array(proto, &proto.diff, &proto.double_diff, "diffs")
}

fn array(proto: &BlobProto, single: &[f32], double: &[f64], what: &str) -> Result<ArrayD<f32>> {
    let shape = stored::shape_of(proto)?;
    let x = match double {
        [] => single.to_vec(),
        double => double.iter().map(|&x| x as f32).collect(),
    };
    let len = x.len();
    ArrayD::from_shape_vec(IxDyn(&shape), x)
        .map_err(|_| Error::shape(format!("a stored blob of shape {shape:?} has {len} {what}")))
}

/// A blob to be stored: values, and diffs of the same shape if there are any.
///
/// # Errors
/// The diffs have another shape.
///
/// ```
/// use cortado::io::{array_to_blobproto, blobproto_to_array};
/// let x = ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0f32]]).into_dyn();
/// let proto = array_to_blobproto(&x, None)?;
/// assert_eq!(blobproto_to_array(&proto)?, x);
/// # Ok::<(), cortado::Error>(())
/// ```
pub fn array_to_blobproto<S: Data<Elem = f32>, D: Dimension>(
    x: &ArrayBase<S, D>,
    diff: Option<&ArrayBase<S, D>>,
) -> Result<BlobProto> {
    if let Some(diff) = diff.filter(|diff| diff.shape() != x.shape()) {
        return Err(Error::shape(format!("diffs of shape {:?} for values of shape {:?}", diff.shape(), x.shape())));
    }
    Ok(BlobProto {
        shape: Some(BlobShape { dim: x.shape().iter().map(|&d| d as i64).collect() }),
        data: x.iter().copied().collect(),
        diff: diff.into_iter().flatten().copied().collect(),
        ..BlobProto::default()
    })
}

/// Several arrays as the bytes of one BlobProtoVector.
pub fn arraylist_to_blobprotovector(arrays: &[ArrayD<f32>]) -> Result<Vec<u8>> {
    let blobs = arrays.iter().map(|x| array_to_blobproto(x, None)).collect::<Result<_>>()?;
    Ok(binary::encode(&BlobProtoVector { blobs }))
}

/// The arrays of a BlobProtoVector's bytes.
///
/// # Errors
/// The bytes are no such message; a blob's number of values does not match its shape.
pub fn blobprotovector_to_arraylist(bytes: &[u8]) -> Result<Vec<ArrayD<f32>>> {
    binary::decode::<BlobProtoVector>(bytes)?.blobs.iter().map(blobproto_to_array).collect()
}

/// A Datum of an array of shape C x H x W, whose values are kept as floats.
///
/// # Errors
/// An axis is too long for the message.
pub fn array_to_datum(x: ArrayView3<'_, f32>, label: i32) -> Result<Datum> {
    Ok(Datum { float_data: x.iter().copied().collect(), ..frame(x.dim(), label)? })
}

/// A Datum of bytes of shape C x H x W, the usual kind.
///
/// # Errors
/// An axis is too long for the message.
pub fn bytes_to_datum(x: ArrayView3<'_, u8>, label: i32) -> Result<Datum> {
    Ok(Datum { data: Some(x.iter().copied().collect()), ..frame(x.dim(), label)? })
}

fn frame((c, h, w): (usize, usize, usize), label: i32) -> Result<Datum> {
    let size = |n: usize| {
        let too_long = |_| Error::shape(format!("an array of shape {:?} is too large for a Datum", [c, h, w]));
        i32::try_from(n).map(Some).map_err(too_long)
    };
    Ok(Datum { channels: size(c)?, height: size(h)?, width: size(w)?, label: Some(label), ..Datum::default() })
}

/// The values of a Datum, of shape C x H x W: bytes from 0 to 255, or its floats. The label is `datum.label()`.
///
/// # Errors
/// The number of values does not match the shape; the image is compressed.
pub fn datum_to_array(datum: &Datum) -> Result<Array3<f32>> {
    let bytes = binary::encode(datum);
    let mut buffer = Datum::default();
    let image = datum::decode(b"datum", &bytes, &mut buffer)?;
    let values = match image.pixels {
        Pixels::Bytes(x) => x.iter().map(|&x| x.into()).collect(),
        Pixels::Floats(x) => x.to_vec(),
    };
    Array3::from_shape_vec(image.shape, values).map_err(|e| Error::new(Kind::Data, e.to_string()))
}
