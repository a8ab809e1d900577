//! A net as a list to be looked at: its layers in order, each with the blob versions that it reads and writes.

use super::Net;
use crate::Blob;
use crate::blob::Values;

/// A layer, and what it works on.
pub(crate) struct LayerView<'a> {
    pub name: &'a str,
    pub kind: &'a str,
    /// What it reads, and whether its backward writes the diff.
    pub bottoms: Vec<(VersionView<'a>, bool)>,
    /// What it writes, and what that counts in the objective.
    pub tops: Vec<(VersionView<'a>, f32)>,
    /// What it learns, with the numbers in the store.
    pub params: Vec<(usize, &'a Blob)>,
}

/// One version of a blob.
pub(crate) struct VersionView<'a> {
    pub blob: &'a str,
    /// 0, and one more for each layer in place before.
    pub version: usize,
    pub shape: &'a [usize],
    /// None if they were not kept.
    pub data: Option<&'a Values>,
    pub diff: Option<&'a Values>,
}

impl Net {
    /// The layers in the order in which they run; two of one name are two.
    pub(crate) fn layer_views(&self) -> impl Iterator<Item = LayerView<'_>> {
        self.steps.iter().map(|step| LayerView {
            name: &step.name,
            kind: &step.kind,
            bottoms: step.bottom.iter().zip(&step.propagate_down).map(|(&id, &d)| (self.version_view(id), d)).collect(),
            tops: step.top.iter().zip(&step.loss_weight).map(|(&id, &w)| (self.version_view(id), w)).collect(),
            params: step.params.iter().map(|&p| (p, &self.params.blobs[p])).collect(),
        })
    }

    fn version_view(&self, id: usize) -> VersionView<'_> {
        let (versions, blob) = (&self.names[self.owner[id]], &self.blobs[id]);
        VersionView {
            blob: &versions.name,
            version: versions.ids.iter().position(|&other| other == id).unwrap_or(0),
            shape: blob.shape(),
            data: self.has_data(id).is_ok().then_some(&blob.data),
            diff: self.has_diff(id).is_ok().then_some(&blob.diff),
        }
    }
}
