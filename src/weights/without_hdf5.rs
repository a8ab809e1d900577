//! In place of [`hdf5`](super) where the library is built without the feature of this name, as it is for notebooks: its crate takes a
//! third of their first cell's time. Everything here says how to get it.

use crate::proto::BlobProto;
use crate::{Error, Kind, Result};
use std::path::Path;

fn left_out<T>(kind: Kind, what: &str) -> Result<T> {
    Err(Error::new(kind, format!("{what} is HDF5, which this build of the library cannot read or write"))
        .hint("add features = [\"hdf5\"] where your program or notebook names cortado"))
}

/// A file that cannot be opened.
pub(crate) enum Reader {}

/// A group of such a file.
pub(crate) enum Group {}

impl Reader {
    pub(crate) fn open(path: &Path, kind: Kind) -> Result<Reader> {
        left_out(kind, &path.display().to_string())
    }

    pub(crate) fn root(&self) -> Group {
        match *self {}
    }

    pub(crate) fn broken(&self, _: &str, _: impl std::fmt::Display) -> Error {
        match *self {}
    }

    pub(crate) fn members(&self, _: &Group, _: &str) -> Result<(Vec<String>, Vec<String>)> {
        match *self {}
    }

    pub(crate) fn shape(&self, _: &str) -> Result<Vec<usize>> {
        match *self {}
    }

    pub(crate) fn other_type(&self, _: &str) -> Result<Option<String>> {
        match *self {}
    }

    pub(crate) fn values(&self, _: &str, _: &mut [f32]) -> Result {
        match *self {}
    }

    pub(crate) fn blob(&self, _: &Group, _: &str, _: &str) -> Result<BlobProto> {
        match *self {}
    }
}

pub(crate) fn encode_arrays(_: &[(&str, &[usize], &[f32])]) -> Result<Vec<u8>> {
    left_out(Kind::Data, "the file")
}

/// Weights.
pub(crate) mod net {
    use super::{Kind, Path, Reader, Result, left_out};
    use crate::proto::NetParameter;

    pub(crate) fn read(path: &Path) -> Result<NetParameter> {
        left_out(Kind::Weights, &path.display().to_string())
    }

    pub(crate) fn index(reader: &Reader) -> Result<(NetParameter, Vec<String>)> {
        match *reader {}
    }

    pub(crate) fn encode(_: &NetParameter) -> Result<Vec<u8>> {
        left_out(Kind::Weights, "the file")
    }
}

/// A solver's state.
pub(crate) mod state {
    use super::{Kind, Path, Result, left_out};
    use crate::proto::SolverState;

    pub(crate) fn read(path: &Path) -> Result<SolverState> {
        left_out(Kind::Weights, &path.display().to_string())
    }

    pub(crate) fn encode(_: &SolverState) -> Result<Vec<u8>> {
        left_out(Kind::Weights, "the file")
    }
}
