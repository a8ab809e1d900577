//! How a blob of a message stands for values that are still in a file: it has the number of their place in `double_diff`.

use crate::proto::BlobProto;

/// A blob that stands for values in a file: its shape, and the number of their place.
pub(super) fn placed(blob: BlobProto, number: usize) -> BlobProto {
    BlobProto { double_diff: vec![number as f64], ..blob }
}

/// The number of the place, if it stands for values in a file.
pub(super) fn number(blob: &BlobProto) -> Option<usize> {
    blob.double_diff.first().map(|k| *k as usize)
}
