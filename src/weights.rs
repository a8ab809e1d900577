//! Files of weights and of a solver's state, in both of Caffe's formats: protobuf and HDF5.
//!
//! A reader looks at a file's first bytes, never at its name; a writer writes HDF5 if the name ends in `.h5`.
//!
//! ```
//! use cortado::proto::{BlobProto, LayerParameter, NetParameter};
//! use cortado::weights;
//! let w = BlobProto { data: vec![1.0, 2.0], ..Default::default() };
//! let ip = LayerParameter { name: Some("ip".into()), blobs: vec![w], ..Default::default() };
//! let net = NetParameter { layer: vec![ip], ..Default::default() };
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("net.caffemodel.h5");
//! weights::write(&path, &net)?;
//! assert_eq!(weights::read_weights(&path)?.layer[0].blobs[0].data, [1.0, 2.0]);
//! # Ok::<(), cortado::Error>(())
//! ```

pub(crate) mod fit;
#[cfg_attr(not(feature = "hdf5"), path = "weights/without_hdf5.rs")]
pub(crate) mod hdf5;
mod place;
mod raw;
mod skim;
mod stored;

pub use fit::CopyReport;
pub(crate) use stored::StoredWeights;

use crate::files::kind::FileKind;
use crate::proto::text::Named;
use crate::proto::{self, NetParameter, SolverState, binary};
use crate::{Error, Kind, Result, files};
use std::path::Path;

/// Reads weights, a `.caffemodel` or a `.caffemodel.h5`; old versions of the first are upgraded. HDF5 has no blob for
/// a parameter that another layer owns: an empty one stands in its place.
///
/// # Errors
/// The file is missing, truncated, of another kind, or without weights.
pub fn read_weights(path: &Path) -> Result<NetParameter> {
    match FileKind::at(path).map_err(|e| missing(path, e))? {
        FileKind::Hdf5 => some_weights(hdf5::net::read(path)?, &path.display().to_string()),
        _ => decode_weights(&std::fs::read(path).map_err(|e| missing(path, e))?, &path.display().to_string()),
    }
}

fn missing(path: &Path, e: std::io::Error) -> Error {
    Error::file(path, "read the weights", e).hint("give the path of a .caffemodel or .caffemodel.h5")
}

/// The weights in the bytes of a `.caffemodel`; `file` is what errors call them.
pub(crate) fn decode_weights(bytes: &[u8], file: &str) -> Result<NetParameter> {
    let mut net: NetParameter = decode(bytes, file, ".caffemodel")?;
    raw::fill(bytes, &mut net)?;
    proto::upgrade::net(&mut net)?;
    some_weights(net, file)
}

fn some_weights(net: NetParameter, file: &str) -> Result<NetParameter> {
    if net.layer.iter().all(|l| l.blobs.is_empty()) {
        return Err(Error::new(Kind::Weights, format!("{file} holds no weights"))
            .hint("a .caffemodel is written by training; is this a net without learnable layers?"));
    }
    Ok(net)
}

/// Reads a solver's state, a `.solverstate` or a `.solverstate.h5`.
///
/// # Errors
/// The file is missing, truncated or of another kind.
pub(crate) fn read_state(path: &Path) -> Result<SolverState> {
    let missing = |e| Error::file(path, "read the snapshot", e);
    if FileKind::at(path).map_err(missing)? == FileKind::Hdf5 {
        return hdf5::state::read(path);
    }
    decode(&std::fs::read(path).map_err(missing)?, &path.display().to_string(), ".solverstate")
}

/// Decodes a message of a file that is not HDF5. No message begins like one of the other kinds of file.
fn decode<M: Named>(bytes: &[u8], file: &str, wanted: &str) -> Result<M> {
    let kind = FileKind::of(bytes);
    if let Some(other) = kind.name() {
        let message = format!("{file} is no {wanted}: it is {other}");
        return Err(Error::new(Kind::Weights, message).hint(kind.what_to_do()));
    }
    binary::decode(bytes).map_err(|e| {
        Error::new(Kind::Weights, format!("{file} is not a whole {wanted}: {}", e.message()))
            .hint(binary::what_it_is(bytes, wanted))
    })
}

fn is_hdf5(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "h5")
}

/// Writes weights: HDF5 if the name ends in `.h5`, else protobuf. The file is written aside and renamed.
///
/// # Errors
/// HDF5 cannot hold the layers' names; the file cannot be written.
pub fn write(path: impl AsRef<Path>, net: &NetParameter) -> Result {
    let path = path.as_ref();
    let bytes = if is_hdf5(path) { hdf5::net::encode(net)? } else { binary::encode(net) };
    files::write_aside(path, &bytes)
}

/// Writes a solver's state, as [`write`] does weights.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_state(path: &Path, state: &SolverState) -> Result {
    let bytes = if is_hdf5(path) { hdf5::state::encode(state)? } else { binary::encode(state) };
    files::write_aside(path, &bytes)
}
