//! Weights to and from files: `.caffemodel`, a NetParameter whose layers hold their blobs.
//!
//! A layer's weights are found by the layer's name: a layer of the same name gets them, a new name stays as its fillers
//! made it, and what nobody asked for is left unused. That is how Caffe finetunes.

use super::Net;
use crate::blob::Values;
use crate::proto::{self, BlobProto, BlobShape, LayerParameter, NetParameter};
use crate::{Blob, Error, Kind, Result};
use prost::Message;
use std::path::Path;

/// What became of each layer's weights.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct CopyReport {
    /// Layers that got their weights.
    pub copied: Vec<String>,
    /// Layers with parameters of which the file knows nothing.
    pub left_new: Vec<String>,
    /// Layers with weights in the file that the net does not have.
    pub unused: Vec<String>,
    /// Layers whose weights did not fit, with both shapes.
    pub mismatched: Vec<String>,
}

impl Net {
    /// Copies weights from a `.caffemodel` by layer name.
    ///
    /// # Errors
    /// A file that is missing or broken; weights whose shape does not fit the layer of that name: both shapes are named,
    /// and nothing at all is copied.
    pub fn copy_trained_layers_from(&mut self, path: impl AsRef<Path>) -> Result<CopyReport> {
        let path = path.as_ref();
        let report = self.copy_trained_layers(&read_weights(path)?, false)?;
        match report.mismatched.first() {
            Some(first) => Err(Error::new(Kind::Weights, format!("{}: {first}", path.display()))
                .hint("to train such a layer anew, give it another name; to skip it, use copy_fitting_layers_from")),
            None => Ok(report),
        }
    }

    /// Copies the weights that fit and skips the others, which the report names.
    ///
    /// # Errors
    /// A file that is missing or broken.
    pub fn copy_fitting_layers_from(&mut self, path: impl AsRef<Path>) -> Result<CopyReport> {
        self.copy_trained_layers(&read_weights(path.as_ref())?, true)
    }

    /// Copies weights by layer name from a message. With `skip` the layers that do not fit are left out; without, one such
    /// layer keeps anything from being copied.
    pub fn copy_trained_layers(&mut self, trained: &NetParameter, skip: bool) -> Result<CopyReport> {
        let mut report = CopyReport::default();
        let mut fits: Vec<(&LayerParameter, Vec<usize>)> = Vec::new();
        for source in trained.layer.iter().filter(|l| !l.blobs.is_empty()) {
            let name = source.name();
            let Some(step) = self.steps.iter().find(|s| s.name == name && !s.params.is_empty()) else {
                report.unused.push(name.into());
                continue;
            };
            match misfit(source, &step.shapes) {
                Some(why) => report.mismatched.push(format!("layer \"{name}\": {why}")),
                None => fits.push((source, step.params.clone())),
            }
        }
        for step in self.steps.iter().filter(|s| !s.params.is_empty()) {
            if !trained.layer.iter().any(|l| l.name() == step.name && !l.blobs.is_empty()) {
                report.left_new.push(step.name.clone());
            }
        }
        if skip || report.mismatched.is_empty() {
            for (source, params) in fits {
                for (proto, id) in source.blobs.iter().zip(params) {
                    fill(proto, &mut self.params.blobs[id]);
                }
                report.copied.push(source.name().into());
            }
        }
        Ok(report)
    }

    /// The net as a message: each layer's parameters with their values, and with their diffs if asked.
    pub fn to_proto(&self, with_diff: bool) -> NetParameter {
        let layer = self.steps.iter().map(|step| LayerParameter {
            blobs: step
                .params
                .iter()
                .zip(&step.shapes)
                .map(|(&p, s)| to_proto(&self.params.blobs[p], s, with_diff))
                .collect(),
            phase: Some(self.phase as i32),
            ..step.param.clone()
        });
        NetParameter { name: Some(self.name.clone()), layer: layer.collect(), ..Default::default() }
    }

    /// Writes the weights as a `.caffemodel`, aside and then renamed, so that a half-written file is never seen.
    pub fn save(&self, path: impl AsRef<Path>) -> Result {
        crate::files::write_aside(path.as_ref(), &self.to_proto(false).encode_to_vec())
    }
}

/// Reads a `.caffemodel`, old versions upgraded.
///
/// # Errors
/// The file is missing, truncated, or no NetParameter.
pub fn read_weights(path: &Path) -> Result<NetParameter> {
    let missing = |e| Error::file(path, "read the weights", e).hint("give the path of a .caffemodel");
    decode_weights(&std::fs::read(path).map_err(missing)?, &path.display().to_string())
}

/// The same of the bytes of a `.caffemodel`; `file` is what errors call them.
pub(crate) fn decode_weights(bytes: &[u8], file: &str) -> Result<NetParameter> {
    let mut net: NetParameter = proto::binary::decode(bytes).map_err(|e| {
        Error::new(Kind::Weights, format!("{file} is not a whole .caffemodel: {}", e.message()))
            .hint("the file is truncated, or of another kind")
    })?;
    proto::upgrade::net(&mut net)?;
    if net.layer.iter().all(|l| l.blobs.is_empty()) {
        return Err(Error::new(Kind::Weights, format!("{file} holds no weights"))
            .hint("a .caffemodel is written by training; is this a net without learnable layers?"));
    }
    Ok(net)
}

/// Why the blobs of `source` do not fit into parameters of the given shapes, if they do not.
fn misfit(source: &LayerParameter, shapes: &[Vec<usize>]) -> Option<String> {
    if source.blobs.len() != shapes.len() {
        return Some(format!("the file has {} blobs, the layer {}", source.blobs.len(), shapes.len()));
    }
    for (k, (proto, want)) in source.blobs.iter().zip(shapes).enumerate() {
        match shape_of(proto) {
            Err(e) => return Some(format!("blob {k}: {e}")),
            Ok(shape) if !same_shape(proto, &shape, want) => {
                return Some(format!("blob {k} has shape {shape:?} in the file and {want:?} in the net"));
            }
            Ok(_) => {}
        }
    }
    None
}

/// The shape of a stored blob; files from before 2014 have num, channels, height and width.
pub(crate) fn shape_of(proto: &BlobProto) -> Result<Vec<usize>> {
    let dims: Vec<i64> = match &proto.shape {
        Some(shape) => shape.dim.clone(),
        None if proto.num.is_some() || proto.channels.is_some() || proto.height.is_some() || proto.width.is_some() => {
            [proto.num(), proto.channels(), proto.height(), proto.width()].map(i64::from).to_vec()
        }
        None => vec![proto.data.len().max(proto.double_data.len()) as i64],
    };
    let shape = dims
        .iter()
        .map(|&d| usize::try_from(d).map_err(|_| Error::new(Kind::Weights, format!("a stored blob of shape {dims:?}"))))
        .collect::<Result<Vec<usize>>>()?;
    let (count, stored) = (crate::blob::count(&shape)?, proto.data.len().max(proto.double_data.len()));
    if count != stored {
        let message = format!("a stored blob of shape {shape:?} holds {stored} values instead of {count}");
        return Err(Error::new(Kind::Weights, message));
    }
    Ok(shape)
}

/// Old files pad every shape to four axes, with ones in front.
fn same_shape(proto: &BlobProto, stored: &[usize], want: &[usize]) -> bool {
    let bare = |s: &[usize]| s.iter().copied().skip_while(|&d| d == 1).collect::<Vec<_>>();
    stored == want || (proto.shape.is_none() && want.len() <= 4 && bare(stored) == bare(want))
}

/// Copies stored values, and diffs if there are any, into a blob of the same shape.
pub(crate) fn from_proto(proto: &BlobProto, blob: &mut Blob) -> Result {
    check_shape(proto, blob.shape())?;
    fill(proto, blob);
    Ok(())
}

/// Copies stored values, and diffs if there are any, into a blob that has as many.
fn fill(proto: &BlobProto, blob: &mut Blob) {
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

fn check_shape(proto: &BlobProto, want: &[usize]) -> Result {
    let shape = shape_of(proto)?;
    if !same_shape(proto, &shape, want) {
        let message = format!("a stored blob of shape {shape:?} does not fit into {want:?}");
        return Err(Error::new(Kind::Weights, message).hint("both shapes must be equal"));
    }
    Ok(())
}

/// Files hold f32, or f64 if Caffe ran in double precision.
fn copy(from: &[f32], from64: &[f64], to: &mut [f32]) {
    if from.len() == to.len() {
        to.copy_from_slice(from);
    } else {
        to.iter_mut().zip(from64).for_each(|(t, f)| *t = *f as f32);
    }
}

/// An array as a message.
pub(crate) fn to_proto_values(values: &Values) -> BlobProto {
    let shape = BlobShape { dim: values.shape().iter().map(|&d| d as i64).collect() };
    BlobProto { shape: Some(shape), data: values.slice().to_vec(), ..Default::default() }
}

/// A blob as a message, in the shape that its layer gives it.
fn to_proto(blob: &Blob, shape: &[usize], with_diff: bool) -> BlobProto {
    let diff = if with_diff { blob.diff.slice().to_vec() } else { Vec::new() };
    let shape = BlobShape { dim: shape.iter().map(|&d| d as i64).collect() };
    BlobProto { shape: Some(shape), data: blob.data.slice().to_vec(), diff, ..Default::default() }
}
