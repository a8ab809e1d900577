//! `layers { layer { type: "conv" num_output: 4 } }`: one flat message for all layer types, and a type for padding.

use std::collections::HashMap;

use prost::Message as _;

use crate::error::{Error, Kind, Result};
use crate::proto::caffe::v1_layer_parameter::LayerType;
use crate::proto::caffe::{NetParameter, V0LayerParameter, V1LayerParameter};
use crate::proto::schema::Type;
use crate::proto::source::Node;
use crate::proto::text::Named;
use crate::proto::wire::{self, Value};

pub(super) fn upgrade(param: &mut NetParameter, nodes: &mut Vec<Node>, notes: &mut Vec<String>) -> Result {
    if param.layers.iter().all(|l| l.layer.is_none()) {
        return Ok(());
    }
    let padding = merge_padding(&mut param.layers)?;
    let mut layers = Vec::new();
    for (i, old) in std::mem::take(&mut param.layers).into_iter().enumerate() {
        if padding.binary_search(&i).is_err() {
            layers.push(layer(old, i)?);
        }
    }
    notes.push(format!("{} `layers {{ layer {{ }} }}` of Caffe's first format were rewritten", layers.len()));
    param.layers = layers;
    nodes.retain(|n| n.name != "layers" || padding.binary_search(&n.index).is_err());
    for node in nodes.iter_mut().filter(|n| n.name == "layers") {
        node.index -= padding.partition_point(|p| *p < node.index);
    }
    Ok(())
}

/// Moves each "padding" layer's `pad` to the convolutions and poolings that read it; returns the padding layers'
/// indices in ascending order.
fn merge_padding(layers: &mut [V1LayerParameter]) -> Result<Vec<usize>> {
    let mut maker: HashMap<String, usize> = HashMap::new();
    let mut padding = Vec::new();
    for i in 0..layers.len() {
        let fail = |name: &str, why: &str| Err(Error::new(Kind::Net, why).layer(name).field(format!("layers[{i}]")));
        for j in 0..layers[i].bottom.len() {
            let source = maker.get(&layers[i].bottom[j]).copied().filter(|s| padding.binary_search(s).is_ok());
            let Some(source) = source else { continue };
            let pad = layers[source].layer.as_ref().and_then(|l| l.pad);
            layers[i].bottom[j] = layers[source].bottom[0].clone();
            let reader = layers[i].layer.get_or_insert_default();
            if !matches!(reader.r#type(), "conv" | "pool") {
                return fail(reader.name(), "only \"conv\" and \"pool\" layers can read a \"padding\" layer");
            }
            reader.pad = pad;
        }
        let V1LayerParameter { layer, bottom, top, .. } = &layers[i];
        if let Some(layer) = layer.as_ref().filter(|l| l.r#type() == "padding") {
            if bottom.len() != 1 || top.len() != 1 {
                return fail(layer.name(), "a \"padding\" layer has one bottom and one top");
            }
            padding.push(i);
        }
        maker.extend(top.iter().map(|t| (t.clone(), i)));
    }
    Ok(padding)
}

/// The new path of each field of the flat message in V1's layer, by the layer's type; `*` means all types.
#[rustfmt::skip]
const NEW_PATHS: &[(&str, &str, &str)] = &[
    // field            type                      new path
    ("name",             "*",                      "name"),
    ("blobs",            "*",                      "blobs"),
    ("blobs_lr",         "*",                      "blobs_lr"),
    ("weight_decay",     "*",                      "weight_decay"),
    ("scale",            "*",                      "transform_param.scale"),
    ("meanfile",         "*",                      "transform_param.mean_file"),
    ("cropsize",         "*",                      "transform_param.crop_size"),
    ("mirror",           "*",                      "transform_param.mirror"),
    ("num_output",       "conv",                   "convolution_param.num_output"),
    ("biasterm",         "conv",                   "convolution_param.bias_term"),
    ("weight_filler",    "conv",                   "convolution_param.weight_filler"),
    ("bias_filler",      "conv",                   "convolution_param.bias_filler"),
    ("pad",              "conv",                   "convolution_param.pad"),
    ("kernelsize",       "conv",                   "convolution_param.kernel_size"),
    ("group",            "conv",                   "convolution_param.group"),
    ("stride",           "conv",                   "convolution_param.stride"),
    ("num_output",       "innerproduct",           "inner_product_param.num_output"),
    ("biasterm",         "innerproduct",           "inner_product_param.bias_term"),
    ("weight_filler",    "innerproduct",           "inner_product_param.weight_filler"),
    ("bias_filler",      "innerproduct",           "inner_product_param.bias_filler"),
    ("pad",              "pool",                   "pooling_param.pad"),
    ("kernelsize",       "pool",                   "pooling_param.kernel_size"),
    ("stride",           "pool",                   "pooling_param.stride"),
    ("pool",             "pool",                   "pooling_param.pool"),
    ("dropout_ratio",    "dropout",                "dropout_param.dropout_ratio"),
    ("local_size",       "lrn",                    "lrn_param.local_size"),
    ("alpha",            "lrn",                    "lrn_param.alpha"),
    ("beta",             "lrn",                    "lrn_param.beta"),
    ("k",                "lrn",                    "lrn_param.k"),
    ("concat_dim",       "concat",                 "concat_param.concat_dim"),
    ("source",           "infogain_loss",          "infogain_loss_param.source"),
    ("source",           "data",                   "data_param.source"),
    ("batchsize",        "data",                   "data_param.batch_size"),
    ("rand_skip",        "data",                   "data_param.rand_skip"),
    ("source",           "hdf5_data",              "hdf5_data_param.source"),
    ("batchsize",        "hdf5_data",              "hdf5_data_param.batch_size"),
    ("hdf5_output_param", "hdf5_output",           "hdf5_output_param"),
    ("source",           "images",                 "image_data_param.source"),
    ("batchsize",        "images",                 "image_data_param.batch_size"),
    ("rand_skip",        "images",                 "image_data_param.rand_skip"),
    ("shuffle_images",   "images",                 "image_data_param.shuffle"),
    ("new_height",       "images",                 "image_data_param.new_height"),
    ("new_width",        "images",                 "image_data_param.new_width"),
    ("source",           "window_data",            "window_data_param.source"),
    ("batchsize",        "window_data",            "window_data_param.batch_size"),
    ("det_fg_threshold", "window_data",            "window_data_param.fg_threshold"),
    ("det_bg_threshold", "window_data",            "window_data_param.bg_threshold"),
    ("det_fg_fraction",  "window_data",            "window_data_param.fg_fraction"),
    ("det_context_pad",  "window_data",            "window_data_param.context_pad"),
    ("det_crop_mode",    "window_data",            "window_data_param.crop_mode"),
];

/// Distributes the flat message's fields over V1's messages. In the binary format only the field numbers change: types
/// and enum numbers are the same, and decoding merges the parts of one message.
fn layer(mut new: V1LayerParameter, i: usize) -> Result<V1LayerParameter> {
    let Some(old) = new.layer.take() else { return Ok(new) };
    let fail = |e: Error, field: &str| e.layer(old.name()).field(format!("layers[{i}].layer.{field}"));
    new.set_type(layer_type(old.r#type()).map_err(|e| fail(e, "type"))?);
    let mut wire = new.encode_to_vec();
    let bytes = old.encode_to_vec();
    let mut rest = &bytes[..];
    while let Some((number, value)) = wire::take(&mut rest)? {
        let field = V0LayerParameter::SCHEMA.number(number).map_or("", |f| f.name);
        if field == "type" {
            continue;
        }
        let new = NEW_PATHS.iter().find(|p| p.0 == field && (p.1 == "*" || p.1 == old.r#type()));
        let Some((_, _, path)) = new else {
            let why = format!("`{field}` means nothing to a layer of type \"{}\"", old.r#type());
            return Err(fail(Error::new(Kind::Unknown, why).hint("take it out"), field));
        };
        put_at(&mut wire, path, value);
    }
    V1LayerParameter::decode(&*wire).map_err(|e| fail(Error::value(e.to_string()), "type"))
}

/// Appends a value of the field at a path, inside the message around it.
fn put_at(wire: &mut Vec<u8>, path: &str, value: Value<'_>) {
    let mut message = V1LayerParameter::SCHEMA;
    let mut numbers = Vec::new();
    for name in path.split('.') {
        let Some(field) = message.field(name) else { return };
        numbers.push(field.number);
        if let Type::Message(inner) = field.ty {
            message = inner;
        }
    }
    match numbers[..] {
        [number] => wire::put(wire, number, value),
        [outer, number] => {
            let mut inner = Vec::new();
            wire::put(&mut inner, number, value);
            wire::put(wire, outer, Value::Bytes(&inner));
        }
        _ => {}
    }
}

#[rustfmt::skip]
const TYPES: [&str; 24] = [
    "accuracy", "bnll", "concat", "conv", "data", "dropout", "euclidean_loss", "flatten", "hdf5_data", "hdf5_output", "im2col",
    "images", "infogain_loss", "innerproduct", "lrn", "multinomial_logistic_loss", "pool", "relu", "sigmoid", "softmax",
    "softmax_loss", "split", "tanh", "window_data",
];

/// V1's enum value has the old name in capitals, with some exceptions.
fn layer_type(old: &str) -> Result<LayerType> {
    let name = match old {
        "conv" => "CONVOLUTION".to_owned(),
        "images" => "IMAGE_DATA".to_owned(),
        "innerproduct" => "INNER_PRODUCT".to_owned(),
        "pool" => "POOLING".to_owned(),
        same => same.to_uppercase(),
    };
    LayerType::from_str_name(&name).filter(|_| TYPES.contains(&old)).ok_or_else(|| {
        let e = Error::new(Kind::Unknown, format!("Caffe's first format has no layer type \"{old}\""));
        e.did_you_mean(old, TYPES).hint(format!("types: {}", TYPES.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_new_path_exists_and_has_the_old_type() {
        for (field, _, place) in NEW_PATHS {
            let old = V0LayerParameter::SCHEMA.field(field).unwrap_or_else(|| panic!("{field}"));
            let mut message = V1LayerParameter::SCHEMA;
            let mut new = None;
            for name in place.split('.') {
                let field = message.field(name).unwrap_or_else(|| panic!("{place}"));
                if let Type::Message(inner) = field.ty {
                    message = inner;
                }
                new = Some(field.ty);
            }
            let on_wire = |ty: Type| match ty {
                Type::Int32 | Type::Uint32 | Type::Enum(_) => "varint".to_owned(),
                Type::Message(m) => m.name.to_owned(),
                other => format!("{other:?}"),
            };
            assert_eq!(new.map(on_wire), Some(on_wire(old.ty)), "{field} -> {place}");
        }
    }
}
