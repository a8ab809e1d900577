//! Weights that stay in their file until a blob takes them, so that memory holds them once.
//!
//! Opening reads all of a file but the values. In the message that this makes, a blob has in place of its values one number in
//! `double_diff`: which of the file's *places* they are at. [`StoredWeights::fill`] reads them from there.

use super::hdf5;
use super::place::number;
use super::skim::{self, Place};
use crate::files::kind::FileKind;
use crate::proto::{BlobProto, LayerParameter, NetParameter, stored};
use crate::{Blob, Error, Result};
use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

/// Trained weights: a message's, or a file's.
pub(crate) struct StoredWeights<'a> {
    net: Cow<'a, NetParameter>,
    file: String,
    values: Values,
}

enum Values {
    InMessage,
    InFile(File, Vec<Place>),
    InHdf5(hdf5::Reader, Vec<String>),
}

impl StoredWeights<'_> {
    /// Opens a `.caffemodel` or a `.caffemodel.h5`.
    ///
    /// # Errors
    /// As [`read_weights`](super::read_weights).
    pub(crate) fn open(path: &Path) -> Result<StoredWeights<'static>> {
        let file = path.display().to_string();
        let (net, values) = match FileKind::at(path).map_err(|e| super::missing(path, e))? {
            FileKind::Hdf5 => {
                let reader = hdf5::Reader::open(path, crate::Kind::Weights)?;
                let (net, places) = hdf5::net::index(&reader)?;
                (super::some_weights(net, &file)?, Values::InHdf5(reader, places))
            }
            _ => match skim::skim(path, &file) {
                Some((net, from, places)) => (net, Values::InFile(from, places)),
                // What is out of the ordinary is read whole, which also tells what is wrong with it.
                None => (super::read_weights(path)?, Values::InMessage),
            },
        };
        Ok(StoredWeights { net: Cow::Owned(net), file, values })
    }

    /// The weights in a message.
    pub(crate) fn of(net: &NetParameter) -> StoredWeights<'_> {
        StoredWeights { net: Cow::Borrowed(net), file: String::new(), values: Values::InMessage }
    }

    /// The file's path, if they are in a file.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The layers that have blobs. The values are had from [`StoredWeights::fill`] alone.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &LayerParameter> {
        self.net.layer.iter().filter(|layer| !layer.blobs.is_empty())
    }

    /// The shape of one of the net's blobs.
    ///
    /// # Errors
    /// A size is negative, or the number of values does not match the shape.
    pub(crate) fn shape(&self, blob: &BlobProto) -> Result<Vec<usize>> {
        match (&self.values, number(blob)) {
            (Values::InFile(_, places), Some(k)) => stored::shape_with(blob, places[k].count()),
            (Values::InHdf5(..), Some(_)) => blob.shape.iter().flat_map(|shape| &shape.dim).map(size).collect(),
            _ => stored::shape_of(blob),
        }
    }

    /// Copies values, and diffs if there are any, into a blob of the same count.
    ///
    /// # Errors
    /// The file cannot be read any more, or its compressed values are damaged.
    pub(crate) fn fill(&self, from: &BlobProto, to: &mut Blob) -> Result {
        match (&self.values, number(from)) {
            (Values::InFile(file, places), Some(k)) => {
                places[k].read(file, to).map_err(|e| Error::file(Path::new(&self.file), "read the weights", e))
            }
            (Values::InHdf5(reader, places), Some(k)) => reader.values(&places[k], to.data.slice_mut()),
            _ => {
                stored::fill(from, to);
                Ok(())
            }
        }
    }
}

fn size(dim: &i64) -> Result<usize> {
    usize::try_from(*dim).map_err(|_| Error::value(format!("a size of {dim}")))
}
