//! Which layer of a net gets which weights.
//!
//! A layer's weights are found by the layer's name: a layer of the same name gets them, a new name stays as its fillers
//! made it, and what nobody asked for is left unused. That is how Caffe finetunes. Layers that share a name get theirs
//! in their order.

use super::StoredWeights;
use crate::proto::stored::same_shape;
use crate::proto::{BlobProto, LayerParameter};
use std::collections::{HashMap, HashSet};

/// What became of each layer's weights.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct CopyReport {
    /// Layers that got their weights.
    pub copied: Vec<String>,
    /// Layers with parameters that the file does not know.
    pub left_new: Vec<String>,
    /// Layers with weights in the file that the net does not have.
    pub unused: Vec<String>,
    /// Layers whose weights did not fit, with both shapes.
    pub mismatched: Vec<String>,
}

/// A layer with parameters.
pub(crate) struct Learner<'a> {
    /// Its place in the net.
    pub step: usize,
    /// The name that no other layer has.
    pub unique_name: &'a str,
    /// The prototxt's name.
    pub name: &'a str,
    /// The parameters' shapes.
    pub shapes: &'a [Vec<usize>],
    /// Which of the parameters other layers own.
    pub borrowed: Vec<bool>,
}

/// What is to be copied where, and all of the report but what was copied.
pub(crate) struct Fit<'a> {
    pub report: CopyReport,
    /// Stored layers, each with the place of its layer in the net.
    pub fits: Vec<(&'a LayerParameter, usize)>,
}

/// Matches stored layers with a net's.
pub(crate) fn fit<'a>(weights: &'a StoredWeights, learners: &[Learner]) -> Fit<'a> {
    let mut report = CopyReport { left_new: left_new(weights, learners), ..CopyReport::default() };
    let mut fits = Vec::new();
    for sources in by_name(weights) {
        let name = sources[0].name();
        let learners: Vec<&Learner> = learners.iter().filter(|learner| learner.name == name).collect();
        let (theirs, ours) = (sources.len(), learners.len());
        if ours == 0 {
            report.unused.push(name.into());
        } else if ours != theirs {
            let why = format!("{theirs} layers are called \"{name}\" in the file and {ours} in the net");
            report.mismatched.push(why);
        } else {
            for (source, learner) in sources.into_iter().zip(learners) {
                match misfit(weights, source, learner) {
                    Some(why) => report.mismatched.push(format!("layer \"{}\": {why}", learner.unique_name)),
                    None => fits.push((source, learner.step)),
                }
            }
        }
    }
    Fit { report, fits }
}

/// The layers with parameters of their own that a file does not know.
pub(crate) fn left_new(weights: &StoredWeights, learners: &[Learner]) -> Vec<String> {
    let known: HashSet<&str> = weights.layers().map(LayerParameter::name).collect();
    let is_new = |learner: &&Learner| learner.borrowed.contains(&false) && !known.contains(learner.name);
    learners.iter().filter(is_new).map(|learner| learner.unique_name.into()).collect()
}

/// The stored layers of each name, in the file's order.
fn by_name<'a>(weights: &'a StoredWeights) -> Vec<Vec<&'a LayerParameter>> {
    let (mut groups, mut index) = (Vec::<Vec<_>>::new(), HashMap::new());
    for layer in weights.layers() {
        let group = *index.entry(layer.name()).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(namesakes) => namesakes.push(layer),
            None => groups.push(vec![layer]),
        }
    }
    groups
}

/// Why the blobs of `source` do not fit into a layer's parameters, if they do not. HDF5 leaves out those that other layers
/// own.
fn misfit(weights: &StoredWeights, source: &LayerParameter, learner: &Learner) -> Option<String> {
    let shapes = learner.shapes;
    let absent = |k: usize| source.blobs.get(k).is_none_or(|proto| *proto == BlobProto::default());
    let needed: Vec<usize> = (0..shapes.len()).filter(|&k| !(absent(k) && learner.borrowed[k])).collect();
    if source.blobs.len() > shapes.len() || needed.iter().any(|&k| k >= source.blobs.len()) {
        return Some(format!("the file has {} blobs, the layer {}", source.blobs.len(), shapes.len()));
    }
    needed.into_iter().find_map(|k| {
        let (proto, want) = (&source.blobs[k], &shapes[k]);
        match weights.shape(proto) {
            Err(e) => Some(format!("blob {k}: {e}")),
            Ok(shape) if same_shape(proto, &shape, want) => None,
            Ok(shape) => Some(format!("blob {k} has shape {shape:?} in the file and {want:?} in the net")),
        }
    })
}
