//! A net's weights from files and messages, and to them: a NetParameter whose layers hold their blobs.

use super::{Net, Step};
use crate::proto::stored::to_proto;
use crate::proto::{BlobProto, LayerParameter, NetParameter};
use crate::weights::StoredWeights;
use crate::weights::fit::{self, Fit, Learner};
pub use crate::weights::{CopyReport, read_weights};
use crate::{Error, Kind, Result};
use std::path::Path;

impl Net {
    /// Copies weights from a `.caffemodel` or `.caffemodel.h5` by layer name.
    ///
    /// # Errors
    /// A file that is missing or broken; weights whose shape does not fit the layer of that name: both shapes are
    /// named, and nothing at all is copied.
    pub fn copy_trained_layers_from(&mut self, path: impl AsRef<Path>) -> Result<CopyReport> {
        self.copy_whole(&StoredWeights::open(path.as_ref())?)
    }

    /// Copies a file's weights, unless one of them does not fit.
    pub(crate) fn copy_whole(&mut self, trained: &StoredWeights) -> Result<CopyReport> {
        let report = self.copy_stored(trained, false)?;
        let Some(first) = report.mismatched.first() else { return Ok(report) };
        Err(Error::new(Kind::Weights, format!("{}: {first}", trained.file())).hint(
            "to train such a layer anew, give it another name; a program can skip it by copy_fitting_layers_from",
        ))
    }

    /// Copies the weights that fit and skips the others, which the report names.
    ///
    /// # Errors
    /// A file that is missing or broken.
    pub fn copy_fitting_layers_from(&mut self, path: impl AsRef<Path>) -> Result<CopyReport> {
        self.copy_stored(&StoredWeights::open(path.as_ref())?, true)
    }

    /// The steps with parameters that the prototxt calls `name`: more than one where layers share a name.
    pub(crate) fn learners(&self, name: &str) -> Vec<usize> {
        let is_one = |(i, step): (usize, &Step)| (!step.params.is_empty() && step.param.name() == name).then_some(i);
        self.steps.iter().enumerate().filter_map(is_one).collect()
    }

    /// The layers with parameters, as weights are matched with them.
    fn all_learners(&self) -> Vec<Learner<'_>> {
        let learners = self.steps.iter().enumerate().filter(|(_, step)| !step.params.is_empty());
        let learner = |(i, step)| {
            let Step { name, param, shapes, .. }: &Step = step;
            let borrowed = (0..shapes.len()).map(|k| self.is_borrowed(i, k)).collect();
            Learner { step: i, unique_name: name, name: param.name(), shapes, borrowed }
        };
        learners.map(learner).collect()
    }

    /// The layers with parameters that a file does not know.
    pub(crate) fn left_new(&self, weights: &StoredWeights) -> Vec<String> {
        fit::left_new(weights, &self.all_learners())
    }

    /// Copies weights by layer name from a message, to layers that share a name in their order. With `skip` the layers
    /// that do not fit are left out; without, one such layer keeps anything from being copied.
    pub fn copy_trained_layers(&mut self, trained: &NetParameter, skip: bool) -> Result<CopyReport> {
        self.copy_stored(&StoredWeights::of(trained), skip)
    }

    fn copy_stored(&mut self, weights: &StoredWeights, skip: bool) -> Result<CopyReport> {
        let Fit { mut report, fits } = fit::fit(weights, &self.all_learners());
        if skip || report.mismatched.is_empty() {
            for (source, i) in fits {
                for (proto, &id) in source.blobs.iter().zip(&self.steps[i].params) {
                    if *proto != BlobProto::default() {
                        weights.fill(proto, &mut self.params.blobs[id])?;
                        self.params.specs[id].filler = None;
                    }
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

    /// Whether parameter `k` of step `i` is shared, and another layer or an earlier parameter made it.
    fn is_borrowed(&self, i: usize, k: usize) -> bool {
        let owner = &self.params.specs[self.steps[i].params[k]];
        (&owner.layer, owner.index) != (&self.steps[i].name, k)
    }
}
