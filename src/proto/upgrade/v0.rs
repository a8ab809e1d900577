//! `layers { layer { type: "conv" num_output: 4 } }`: one flat message for all types of layer, and padding a layer of
//! its own.

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

/// Gives each "padding" layer's `pad` to the convolutions and poolings that read it; tells which layers are padding, in
/// rising order.
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

/// Where a field of the flat message goes, if the layer has one of the types: to a field of one of V1's messages, or of
/// the layer itself.
#[rustfmt::skip]
const PLACES: &[(&str, &str, &str)] = &[
    // field            types                     place
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

/// Spreads the flat message over V1's messages. On the wire this is no more than new numbers before the old values:
/// types and enum numbers have stayed, and pieces of one message that arrive one by one are merged.
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
        let place = PLACES.iter().find(|p| p.0 == field && (p.1 == "*" || p.1 == old.r#type()));
        let Some((_, _, place)) = place else {
            let why = format!("`{field}` means nothing to a layer of type \"{}\"", old.r#type());
            return Err(fail(Error::new(Kind::Unknown, why).hint("take it out"), field));
        };
        put_at(&mut wire, place, value);
    }
    V1LayerParameter::decode(&*wire).map_err(|e| fail(Error::value(e.to_string()), "type"))
}

/// Appends a value for the field that the path names, with the messages around it.
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

fn layer_type(old: &str) -> Result<LayerType> {
    let types = [
        ("accuracy", LayerType::Accuracy),
        ("bnll", LayerType::Bnll),
        ("concat", LayerType::Concat),
        ("conv", LayerType::Convolution),
        ("data", LayerType::Data),
        ("dropout", LayerType::Dropout),
        ("euclidean_loss", LayerType::EuclideanLoss),
        ("flatten", LayerType::Flatten),
        ("hdf5_data", LayerType::Hdf5Data),
        ("hdf5_output", LayerType::Hdf5Output),
        ("im2col", LayerType::Im2col),
        ("images", LayerType::ImageData),
        ("infogain_loss", LayerType::InfogainLoss),
        ("innerproduct", LayerType::InnerProduct),
        ("lrn", LayerType::Lrn),
        ("multinomial_logistic_loss", LayerType::MultinomialLogisticLoss),
        ("pool", LayerType::Pooling),
        ("relu", LayerType::Relu),
        ("sigmoid", LayerType::Sigmoid),
        ("softmax", LayerType::Softmax),
        ("softmax_loss", LayerType::SoftmaxLoss),
        ("split", LayerType::Split),
        ("tanh", LayerType::Tanh),
        ("window_data", LayerType::WindowData),
    ];
    let found = types.iter().find(|t| t.0 == old).map(|t| t.1);
    found.ok_or_else(|| {
        let names = types.iter().map(|t| t.0);
        let all = names.clone().collect::<Vec<_>>().join(", ");
        let e = Error::new(Kind::Unknown, format!("Caffe's first format has no layer type \"{old}\""));
        e.did_you_mean(old, names).hint(format!("types: {all}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_exists_and_has_the_old_type() {
        for (field, _, place) in PLACES {
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
