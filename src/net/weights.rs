//! Weights to and from messages: a NetParameter whose layers hold their blobs.
//!
//! A layer's weights are found by the layer's name: a layer of the same name gets them, a new name stays as its fillers
//! made it, and what nobody asked for is left unused. That is how Caffe finetunes. Layers that share a name get theirs
//! in their order.

use super::Net;
use crate::proto::stored::{fill, same_shape, shape_of, to_proto};
use crate::proto::{BlobProto, LayerParameter, NetParameter};
pub use crate::weights::read_weights;
use crate::{Error, Kind, Result};
use std::collections::HashSet;
use std::path::Path;

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

impl Net {
    /// Copies weights from a `.caffemodel` or `.caffemodel.h5` by layer name.
    ///
    /// # Errors
    /// A file that is missing or broken; weights whose shape does not fit the layer of that name: both shapes are
    /// named, and nothing at all is copied.
    pub fn copy_trained_layers_from(&mut self, path: impl AsRef<Path>) -> Result<CopyReport> {
        let path = path.as_ref();
        let report = self.copy_trained_layers(&read_weights(path)?, false)?;
        match report.mismatched.first() {
            Some(first) => Err(Error::new(Kind::Weights, format!("{}: {first}", path.display())).hint(
                "to train such a layer anew, give it another name; a program can skip it by copy_fitting_layers_from",
            )),
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

    /// The steps with parameters that the prototxt calls `name`: more than one where layers share a name.
    pub(crate) fn learners(&self, name: &str) -> Vec<usize> {
        let learners = self.steps.iter().enumerate().filter(|(_, step)| !step.params.is_empty());
        learners.filter(|(_, step)| step.param.name() == name).map(|(i, _)| i).collect()
    }

    /// The layers with parameters that a file does not know.
    pub(crate) fn left_new(&self, trained: &NetParameter) -> Vec<String> {
        let known: HashSet<&str> = trained.layer.iter().filter(|l| !l.blobs.is_empty()).map(|l| l.name()).collect();
        let owns = |i: usize| (0..self.steps[i].params.len()).any(|k| !self.is_borrowed(i, k));
        let new = self.steps.iter().enumerate().filter(|(i, step)| owns(*i) && !known.contains(step.param.name()));
        new.map(|(_, step)| step.name.clone()).collect()
    }

    /// Copies weights by layer name from a message, to layers that share a name in their order. With `skip` the layers
    /// that do not fit are left out; without, one such layer keeps anything from being copied.
    pub fn copy_trained_layers(&mut self, trained: &NetParameter, skip: bool) -> Result<CopyReport> {
        let mut report = CopyReport { left_new: self.left_new(trained), ..CopyReport::default() };
        let mut fits: Vec<(&LayerParameter, usize)> = Vec::new();
        let mut sources: Vec<(&str, Vec<&LayerParameter>)> = Vec::new();
        for source in trained.layer.iter().filter(|l| !l.blobs.is_empty()) {
            match sources.iter_mut().find(|(name, _)| *name == source.name()) {
                Some((_, namesakes)) => namesakes.push(source),
                None => sources.push((source.name(), vec![source])),
            }
        }
        for (name, sources) in sources {
            let learners = self.learners(name);
            if learners.is_empty() {
                report.unused.push(name.into());
            } else if learners.len() != sources.len() {
                let (theirs, ours) = (sources.len(), learners.len());
                report
                    .mismatched
                    .push(format!("{theirs} layers are called \"{name}\" in the file and {ours} in the net"));
            } else {
                for (source, i) in sources.into_iter().zip(learners) {
                    match self.misfit(source, i) {
                        Some(why) => report.mismatched.push(format!("layer \"{}\": {why}", self.steps[i].name)),
                        None => fits.push((source, i)),
                    }
                }
            }
        }
        if skip || report.mismatched.is_empty() {
            for (source, i) in fits {
                for (proto, &id) in source.blobs.iter().zip(&self.steps[i].params) {
                    fill(proto, &mut self.params.blobs[id]); // an absent one has no values and changes nothing
                }
                report.copied.push(self.steps[i].name.clone());
            }
        }
        Ok(report)
    }

    /// The net as a message: each layer's parameters with their values, and with their diffs if asked.
    ///
    /// # Errors
    /// Values that a device does not give back.
    pub fn to_proto(&self, with_diff: bool) -> Result<NetParameter> {
        let layer = self.steps.iter().map(|step| {
            let blobs = step.params.iter().zip(&step.shapes);
            let blobs = blobs.map(|(&p, shape)| to_proto(&self.params.blobs[p], shape, with_diff));
            let blobs = blobs.collect::<Result<_>>().map_err(|e| e.layer(&step.name))?;
            Ok(LayerParameter { blobs, phase: Some(self.phase as i32), ..step.param.clone() })
        });
        Ok(NetParameter { name: Some(self.name.clone()), layer: layer.collect::<Result<_>>()?, ..Default::default() })
    }

    /// Writes the weights, as HDF5 if the name ends in `.h5`, aside and then renamed, so that a half-written file is
    /// never seen.
    ///
    /// # Errors
    /// As [`Net::to_proto`]; a folder or a disk that does not take it.
    pub fn save(&self, path: impl AsRef<Path>) -> Result {
        crate::weights::write(path, &self.to_proto(false)?)
    }

    /// Why the blobs of `source` do not fit into the parameters of step `i`, if they do not. HDF5 leaves out those that
    /// other layers own.
    fn misfit(&self, source: &LayerParameter, i: usize) -> Option<String> {
        let shapes = &self.steps[i].shapes;
        let absent = |k: usize| source.blobs.get(k).is_none_or(|proto| *proto == BlobProto::default());
        let needed = (0..shapes.len()).filter(|&k| !(absent(k) && self.is_borrowed(i, k))).collect::<Vec<_>>();
        if source.blobs.len() > shapes.len() || needed.iter().any(|&k| k >= source.blobs.len()) {
            return Some(format!("the file has {} blobs, the layer {}", source.blobs.len(), shapes.len()));
        }
        for k in needed {
            let (proto, want) = (&source.blobs[k], &shapes[k]);
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

    /// Whether parameter `k` of step `i` is shared, and another layer or an earlier parameter made it.
    fn is_borrowed(&self, i: usize, k: usize) -> bool {
        let owner = &self.params.specs[self.steps[i].params[k]];
        (&owner.layer, owner.index) != (&self.steps[i].name, k)
    }
}
