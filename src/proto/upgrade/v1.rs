//! `layers { type: CONVOLUTION }`: the type is an enum value, and all parameters' multipliers are in lists.

use prost::Message as _;

use crate::error::{Error, Kind, Result};
use crate::proto::caffe::v1_layer_parameter::LayerType;
use crate::proto::caffe::{LayerParameter, NetParameter, ParamSpec, V1LayerParameter};
use crate::proto::source::Node;
use crate::proto::text::Named;
use crate::proto::wire;

pub(super) fn upgrade(param: &mut NetParameter, nodes: &mut [Node], notes: &mut Vec<String>) -> Result {
    if param.layers.is_empty() {
        return Ok(());
    }
    if !param.layer.is_empty() {
        let e = Error::new(Kind::Net, "a net has either `layer { }` or the old `layers { }`, not both");
        return Err(e.field("layers").hint("Caffe ignores the former; take one out, or rewrite it as the other"));
    }
    let count = param.layers.len();
    for (i, old) in std::mem::take(&mut param.layers).into_iter().enumerate() {
        param.layer.push(layer(old).map_err(|e| e.field(format!("layers[{i}]")))?);
    }
    nodes.iter_mut().filter(|n| n.name == "layers").for_each(|n| n.name = "layer");
    notes.push(format!("{count} old `layers {{ }}` became `layer {{ }}`"));
    Ok(())
}

/// Apart from the type and the four lists of [`params`], all fields have kept names and types, but not their numbers.
fn layer(mut old: V1LayerParameter) -> Result<LayerParameter> {
    if old.layer.is_some() {
        let e = Error::new(Kind::Net, "a `layer` inside `layers` beside other layers' new fields");
        return Err(e.layer(old.name()));
    }
    let (r#type, param) = (Some(type_name(old.r#type())), params(&old));
    let blobs = std::mem::take(&mut old.blobs); // large: not encoded
    let old = V1LayerParameter {
        r#type: None,
        param: Vec::new(),
        blob_share_mode: Vec::new(),
        blobs_lr: Vec::new(),
        weight_decay: Vec::new(),
        ..old
    };
    let (bytes, mut wire) = (old.encode_to_vec(), Vec::new());
    let mut rest = &bytes[..];
    while let Some((number, value)) = wire::take(&mut rest)? {
        let name = V1LayerParameter::SCHEMA.number(number).map_or("", |field| field.name);
        if let Some(field) = LayerParameter::SCHEMA.field(name) {
            wire::put(&mut wire, field.number, value);
        }
    }
    let layer = LayerParameter::decode(&*wire).map_err(|e| Error::value(e.to_string()))?;
    Ok(LayerParameter { r#type, param, blobs, ..layer })
}

/// The i-th entries of the four lists make the i-th `param { }`.
fn params(old: &V1LayerParameter) -> Vec<ParamSpec> {
    let lengths = [old.param.len(), old.blob_share_mode.len(), old.blobs_lr.len(), old.weight_decay.len()];
    let count = lengths.into_iter().max().unwrap_or(0);
    let spec = |i: usize| ParamSpec {
        name: old.param.get(i).cloned(),
        // STRICT and PERMISSIVE have kept their numbers.
        share_mode: old.blob_share_mode.get(i).copied(),
        lr_mult: old.blobs_lr.get(i).copied(),
        decay_mult: old.weight_decay.get(i).copied(),
    };
    (0..count).map(spec).collect()
}

/// The name of a type today: that of the enum's value, with some exceptions.
fn type_name(old: LayerType) -> String {
    match old {
        LayerType::None => "".into(),
        LayerType::Absval => "AbsVal".into(),
        LayerType::Argmax => "ArgMax".into(),
        LayerType::Bnll => "BNLL".into(),
        LayerType::Hdf5Data => "HDF5Data".into(),
        LayerType::Hdf5Output => "HDF5Output".into(),
        LayerType::Lrn => "LRN".into(),
        LayerType::Mvn => "MVN".into(),
        LayerType::Relu => "ReLU".into(),
        LayerType::SoftmaxLoss => "SoftmaxWithLoss".into(),
        LayerType::Tanh => "TanH".into(),
        same => format!("{same:?}"),
    }
}
