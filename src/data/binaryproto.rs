//! Files of one blob: a mean image, the matrix of an InfogainLoss. They are `.binaryproto`, or `.npy` as pycaffe's means.

use super::npy;
use crate::files::kind::FileKind;
use crate::proto::{BlobProto, binary, stored};
use crate::{Error, Kind, Result, files};
use std::path::Path;

/// Shape and values of the blob in a file. Errors call the file `what` and carry the hint.
///
/// # Errors
/// The file cannot be read or is no blob; the number of its values does not match its shape.
pub fn read(path: impl AsRef<Path>, what: &str, hint: &str) -> Result<(Vec<usize>, Vec<f32>)> {
    let path = path.as_ref();
    let bytes =
        std::fs::read(path).map_err(|e| Error::file(path, &format!("read {what}"), e).hint("correct the path"))?;
    let wrong = |why: String| Error::new(Kind::Data, format!("{what} {}: {why}", path.display())).hint(hint);
    match FileKind::of(&bytes) {
        FileKind::Npy => return npy::read(path).map(|x| (x.shape().to_vec(), x.iter().copied().collect())),
        FileKind::Other => {}
        kind => return Err(wrong(format!("it is {}", kind.name().unwrap_or_default())).hint(kind.what_to_do())),
    }
    let proto: BlobProto = binary::decode(&bytes).map_err(|e| wrong(e.message().to_string()))?;
    let shape = stored::shape_of(&proto).map_err(|e| wrong(e.message().to_string()))?;
    let data = match proto.double_data.is_empty() {
        true => proto.data,
        false => proto.double_data.iter().map(|&x| x as f32).collect(),
    };
    Ok((shape, data))
}

/// Writes a mean image of shape C x H x W as Caffe does: with the sizes 1, C, H and W of old blobs.
///
/// # Errors
/// The file cannot be written; a size is too large for the message.
pub fn write(path: impl AsRef<Path>, shape: [usize; 3], values: &[f32]) -> Result {
    let size = |n: usize| i32::try_from(n).map_err(|_| Error::shape(format!("a mean image of shape {shape:?}")));
    let proto = BlobProto {
        num: Some(1),
        channels: Some(size(shape[0])?),
        height: Some(size(shape[1])?),
        width: Some(size(shape[2])?),
        data: values.to_vec(),
        ..BlobProto::default()
    };
    files::write_aside(path.as_ref(), &binary::encode(&proto))
}
