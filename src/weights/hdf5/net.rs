//! Weights in HDF5: blob `i` of a layer is the array `data/LAYER/i`, its diff `diff/LAYER/i`.
//!
//! A shared parameter is stored once, in the layer that owns it.

use super::{MAX_DEPTH, Reader, Tree, encode as finish};
use crate::proto::{BlobProto, LayerParameter, NetParameter};
use crate::weights::place::{number, placed};
use crate::{Error, Kind, Result};
use hdf5_pure::{FileBuilder, Group};
use std::collections::HashSet;
use std::path::Path;

pub(crate) fn read(path: &Path) -> Result<NetParameter> {
    let reader = Reader::open(path, Kind::Weights)?;
    let (mut net, places) = index(&reader)?;
    for blob in net.layer.iter_mut().flat_map(|layer| &mut layer.blobs) {
        if let Some(k) = number(blob) {
            let count = blob.shape.iter().flat_map(|shape| &shape.dim).product::<i64>() as usize;
            *blob = BlobProto { shape: blob.shape.take(), data: vec![0.0; count], ..Default::default() };
            reader.values(&places[k], &mut blob.data)?;
        }
    }
    Ok(net)
}

/// The layers with their blobs' shapes, and the arrays that hold the values. Layers have no order: HDF5 sorts names.
pub(crate) fn index(reader: &Reader) -> Result<(NetParameter, Vec<String>)> {
    let (mut net, mut places) = (NetParameter::default(), Vec::new());
    let root = reader.root();
    if !reader.members(&root, "")?.0.iter().any(|name| name == "data") {
        let e = Error::new(Kind::Weights, format!("{}: this HDF5 file has no group \"data\"", reader.path()));
        return Err(e.hint("Caffe's weights are arrays data/LAYER/0, data/LAYER/1; a .solverstate.h5 has none"));
    }
    layers(reader, &reader.group(&root, "data", "data")?, "data", 0, (&mut net.layer, &mut places))?;
    Ok((net, places))
}

/// What is found: the layers, and the places of their values.
type Found<'a> = (&'a mut Vec<LayerParameter>, &'a mut Vec<String>);

/// Adds the layer that the group at `place` is, and those of the groups in it.
fn layers(reader: &Reader, group: &Group, place: &str, depth: usize, (found, places): Found) -> Result {
    if depth > MAX_DEPTH {
        return Err(reader.broken(place, "a link leads back to a group above, or groups lie too deep"));
    }
    let (groups, arrays) = reader.members(group, place)?;
    let mut blobs: Vec<BlobProto> = Vec::new();
    for name in &arrays {
        let at = format!("{place}/{name}");
        // No layer has thousands of blobs: a larger number would only make room for empty ones.
        let i = name.parse::<usize>().ok().filter(|i| *i < 4096 && depth > 0);
        let i = i.ok_or_else(|| reader.broken(&at, "an array here is called by a layer's name and a small number"))?;
        blobs.resize(blobs.len().max(i + 1), BlobProto::default());
        blobs[i] = placed(reader.shape_only(group, name, &at)?, places.len());
        places.push(at);
    }
    if depth > 0 {
        let name = place.trim_start_matches("data/").to_string();
        found.push(LayerParameter { name: Some(name), blobs, ..Default::default() });
    }
    for name in &groups {
        let at = format!("{place}/{name}");
        layers(reader, &reader.group(group, name, &at)?, &at, depth + 1, (found, places))?;
    }
    Ok(())
}

pub(crate) fn encode(net: &NetParameter) -> Result<Vec<u8>> {
    let (mut data, mut diff) = (Tree::new("data"), Tree::new("diff"));
    let (mut layers, mut owned) = (HashSet::new(), HashSet::new());
    let mut with_diff = false;
    for layer in &net.layer {
        if !layers.insert(layer.name()) {
            let what = format!("two layers are called \"{}\", and HDF5 finds weights by name alone", layer.name());
            return Err(Error::new(Kind::Weights, what).hint("rename one, or write a .caffemodel"));
        }
        if layer.name().split('/').any(|part| part.is_empty() || part == ".") {
            let what = format!("a layer called \"{}\" cannot be a group of an HDF5 file", layer.name());
            return Err(Error::new(Kind::Weights, what).hint("rename the layer, or write a .caffemodel"));
        }
        data.at(layer.name());
        for (i, blob) in layer.blobs.iter().enumerate() {
            let shared = layer.param.get(i).map_or("", |param| param.name());
            let one_axis = [blob.data.len() as i64];
            let shape = blob.shape.as_ref().map_or(&one_axis[..], |shape| &shape.dim);
            if shared.is_empty() || owned.insert(shared) {
                data.at(layer.name()).put(i, &blob.data, shape);
            }
            if !blob.diff.is_empty() {
                with_diff = true;
                diff.at(layer.name()).put(i, &blob.diff, shape);
            }
        }
    }
    let mut file = FileBuilder::new();
    file.add_group(data.finish());
    if with_diff {
        file.add_group(diff.finish());
    }
    finish(file)
}
