//! Looking into a net by names: its layers, blobs, parameters, inputs and outputs.

use super::{Net, Versions, wire};
use crate::blob::Values;
use crate::{Blob, Error, Kind, Result};

impl Net {
    /// The layers' names, in order; the splits that were put in are among them.
    pub fn layer_names(&self) -> Vec<&str> {
        self.steps.iter().map(|s| s.name.as_str()).collect()
    }

    /// The type of the layer called `name`.
    pub fn layer_type(&self, name: &str) -> Result<&str> {
        Ok(&self.steps[self.step(name)?].kind)
    }

    /// The names of all layers of one type, in order.
    pub fn layers_of_type(&self, kind: &str) -> Vec<&str> {
        self.steps.iter().filter(|s| s.kind == kind).map(|s| s.name.as_str()).collect()
    }

    /// The blobs that the layer reads.
    pub fn bottom_names(&self, layer: &str) -> Result<Vec<&str>> {
        Ok(self.names_of(&self.steps[self.step(layer)?].bottom))
    }

    /// The blobs that the layer writes.
    pub fn top_names(&self, layer: &str) -> Result<Vec<&str>> {
        Ok(self.names_of(&self.steps[self.step(layer)?].top))
    }

    /// Whether the layer runs backward, and the bottoms that get a gradient from it.
    pub fn propagates_down(&self, layer: &str) -> Result<(bool, &[bool])> {
        let step = &self.steps[self.step(layer)?];
        Ok((step.runs_backward, &step.propagate_down))
    }

    /// The blobs' names in the order in which layers make them, each once.
    pub fn blob_names(&self) -> Vec<&str> {
        self.names.iter().map(|v| v.name.as_str()).collect()
    }

    /// Whether there is a blob of this name.
    pub fn has_blob(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// The shape of a blob; it is known even if the values are not kept.
    pub fn shape(&self, blob: &str) -> Result<&[usize]> {
        Ok(self.blobs[self.versions(blob)?.data].shape())
    }

    /// The data of a blob: of its version that forward (or you) wrote last.
    ///
    /// # Errors
    /// There is no such blob.
    pub fn data(&self, blob: &str) -> Result<&Values> {
        let id = self.versions(blob)?.data;
        self.has_data(id)?;
        Ok(&self.blobs[id].data)
    }

    /// The data of a blob, to be changed. A forward through the layer that makes the blob overwrites it: start after
    /// that layer.
    pub fn data_mut(&mut self, blob: &str) -> Result<&mut Values> {
        let n = self.name_index(blob)?;
        let id = self.names[n].data;
        self.has_data(id)?;
        (self.names[n].set_by_hand, self.names[n].lost) = (true, false);
        Ok(&mut self.blobs[id].data)
    }

    /// The diff of a blob: of its version that backward (or you) wrote last.
    pub fn diff(&self, blob: &str) -> Result<&Values> {
        let id = self.versions(blob)?.diff;
        self.has_diff(id)?;
        Ok(&self.blobs[id].diff)
    }

    /// The diff of a blob, to be changed: to seed a backward pass by hand.
    pub fn diff_mut(&mut self, blob: &str) -> Result<&mut Values> {
        let n = self.name_index(blob)?;
        let id = self.names[n].diff;
        self.has_diff(id)?;
        self.names[n].diff_by_hand = self.tick();
        Ok(&mut self.blobs[id].diff)
    }

    /// Version `k` of a blob: 0 is what its layer made, 1 what the first layer in place made of it.
    pub fn blob_version(&self, blob: &str, k: usize) -> Result<&Blob> {
        let ids = &self.versions(blob)?.ids;
        match ids.get(k) {
            Some(&id) => {
                self.has_data(id)?;
                Ok(&self.blobs[id])
            }
            None => {
                Err(Error::new(Kind::Unknown, format!("blob \"{blob}\" has {} versions, no number {k}", ids.len())))
            }
        }
    }

    /// How many versions a blob has: 1, and one more for each layer that computes on it in place.
    pub fn blob_versions(&self, blob: &str) -> Result<usize> {
        Ok(self.versions(blob)?.ids.len())
    }

    /// Gives an input blob another shape; [`Net::reshape`] or the next forward passes it on. What a layer makes has the
    /// shape that the layer gives it, from its next forward on.
    pub fn reshape_blob(&mut self, blob: &str, shape: &[usize]) -> Result {
        let n = self.name_index(blob)?;
        for k in 0..self.names[n].ids.len() {
            let id = self.names[n].ids[k];
            self.blobs[id].reshape(shape)?;
        }
        let maker = self.writer(self.names[n].ids[0]).map(|(i, _)| &self.steps[i]);
        if let Some(maker) = maker.filter(|maker| !maker.layer.is_input()) {
            let maker = &maker.name;
            self.warn_once(format!(
                "\"{blob}\" keeps its new shape until layer \"{maker}\" runs, which makes it and gives it its shape; start forward \
                 after that layer, or use an Input layer"
            ));
        }
        Ok(())
    }

    /// The learnable blobs of a layer: usually the weights and the bias. Empty if it has none.
    ///
    /// # Errors
    /// There is no such layer.
    pub fn params(&self, layer: &str) -> Result<Vec<&Blob>> {
        Ok(self.steps[self.step(layer)?].params.iter().map(|&p| &self.params.blobs[p]).collect())
    }

    /// Learnable blob `i` of a layer.
    pub fn param(&self, layer: &str, i: usize) -> Result<&Blob> {
        Ok(&self.params.blobs[self.param_id(layer, i)?])
    }

    /// Learnable blob `i` of a layer, to be changed.
    pub fn param_mut(&mut self, layer: &str, i: usize) -> Result<&mut Blob> {
        let id = self.param_id(layer, i)?;
        Ok(&mut self.params.blobs[id])
    }

    /// The numbers in the store of a layer's learnable blobs.
    pub fn param_ids(&self, layer: &str) -> Result<&[usize]> {
        Ok(&self.steps[self.step(layer)?].params)
    }

    /// The tops of Input layers, in order.
    pub fn inputs(&self) -> Vec<&str> {
        let ids = self.steps.iter().filter(|s| s.layer.is_input()).flat_map(|s| &s.top);
        ids.map(|&t| self.names[self.owner[t]].name.as_str()).collect()
    }

    /// The blobs that no layer reads, in alphabetical order as in Caffe; tops with an automatic name do not count.
    pub fn outputs(&self) -> Vec<&str> {
        let read = |id: &usize| self.steps.iter().any(|s| s.bottom.contains(id));
        let unread =
            self.names.iter().filter(|v| !wire::is_automatic(&v.name) && v.ids.last().is_some_and(|id| !read(id)));
        let mut names: Vec<&str> = unread.map(|v| v.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The weight of each blob in the objective.
    pub fn blob_loss_weights(&self) -> Vec<(&str, f32)> {
        self.names.iter().map(|v| (v.name.as_str(), self.weight_of(v))).collect()
    }

    /// The weight in the objective of the blob called `name`; 0 if there is none.
    pub fn loss_weight(&self, name: &str) -> f32 {
        self.versions(name).map_or(0.0, |v| self.weight_of(v))
    }

    pub(crate) fn weight_of(&self, versions: &Versions) -> f32 {
        let mut weights = self.steps.iter().flat_map(|s| s.top.iter().zip(&s.loss_weight));
        weights.find(|(t, w)| **w != 0.0 && versions.ids.contains(t)).map_or(0.0, |(_, w)| *w)
    }

    pub(crate) fn names_of(&self, ids: &[usize]) -> Vec<&str> {
        ids.iter().map(|&id| self.names[self.owner[id]].name.as_str()).collect()
    }

    /// The step that reads version `id`, and as which bottom. There is at most one, as Splits share out the rest.
    pub(crate) fn reader(&self, id: usize) -> Option<(usize, usize)> {
        self.steps.iter().enumerate().find_map(|(n, step)| Some((n, step.bottom.iter().position(|&b| b == id)?)))
    }

    /// The step that writes version `id`, and as which top.
    pub(crate) fn writer(&self, id: usize) -> Option<(usize, usize)> {
        self.steps.iter().enumerate().find_map(|(n, step)| Some((n, step.top.iter().position(|&t| t == id)?)))
    }

    pub(crate) fn versions(&self, blob: &str) -> Result<&Versions> {
        Ok(&self.names[self.name_index(blob)?])
    }

    fn name_index(&self, blob: &str) -> Result<usize> {
        self.index.get(blob).copied().ok_or_else(|| {
            let e =
                Error::new(Kind::Unknown, format!("there is no blob \"{blob}\"")).did_you_mean(blob, self.blob_names());
            match self.steps.iter().find(|s| s.name == blob) {
                Some(s) => e.hint(format!("\"{blob}\" is a layer; its tops are {:?}", self.names_of(&s.top))),
                None => e.hint(format!("the blobs are {}", self.blob_names().join(", "))),
            }
        })
    }

    pub(crate) fn param_id(&self, layer: &str, i: usize) -> Result<usize> {
        let params = &self.steps[self.step(layer)?].params;
        params.get(i).copied().ok_or_else(|| {
            let message = format!("it has {} learnable blobs, no number {i}", params.len());
            Error::new(Kind::Unknown, message).layer(layer)
        })
    }

    /// The number of the layer called `name`.
    pub(crate) fn step(&self, name: &str) -> Result<usize> {
        self.steps.iter().position(|s| s.name == name).ok_or_else(|| {
            let e = Error::new(Kind::Unknown, format!("there is no layer \"{name}\""))
                .did_you_mean(name, self.layer_names());
            match self.index.get(name) {
                Some(_) => e.hint(format!("\"{name}\" is a blob, made by layer \"{}\"", self.maker(name))),
                None => e.hint(format!("the layers are {}", self.layer_names().join(", "))),
            }
        })
    }
}
