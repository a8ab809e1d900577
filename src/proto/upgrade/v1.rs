//! `layers { type: CONVOLUTION }`: the type an enum value, the multipliers of all parameters in rows.

use crate::error::{Error, Kind, Result};
use crate::proto::caffe::v1_layer_parameter::LayerType;
use crate::proto::caffe::{LayerParameter, NetParameter, ParamSpec, V1LayerParameter};
use crate::proto::source::Node;

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

fn layer(old: V1LayerParameter) -> Result<LayerParameter> {
    let kind = type_name(old.r#type());
    if old.layer.is_some() {
        return Err(
            Error::new(Kind::Net, "a `layer` inside `layers` beside other layers' new fields").layer(old.name())
        );
    }
    Ok(LayerParameter {
        param: params(&old),
        name: old.name,
        r#type: Some(kind.to_owned()),
        bottom: old.bottom,
        top: old.top,
        blobs: old.blobs,
        loss_weight: old.loss_weight,
        include: old.include,
        exclude: old.exclude,
        accuracy_param: old.accuracy_param,
        argmax_param: old.argmax_param,
        concat_param: old.concat_param,
        contrastive_loss_param: old.contrastive_loss_param,
        convolution_param: old.convolution_param,
        data_param: old.data_param,
        dropout_param: old.dropout_param,
        dummy_data_param: old.dummy_data_param,
        eltwise_param: old.eltwise_param,
        exp_param: old.exp_param,
        hdf5_data_param: old.hdf5_data_param,
        hdf5_output_param: old.hdf5_output_param,
        hinge_loss_param: old.hinge_loss_param,
        image_data_param: old.image_data_param,
        infogain_loss_param: old.infogain_loss_param,
        inner_product_param: old.inner_product_param,
        loss_param: old.loss_param,
        lrn_param: old.lrn_param,
        memory_data_param: old.memory_data_param,
        mvn_param: old.mvn_param,
        pooling_param: old.pooling_param,
        power_param: old.power_param,
        relu_param: old.relu_param,
        sigmoid_param: old.sigmoid_param,
        slice_param: old.slice_param,
        softmax_param: old.softmax_param,
        tanh_param: old.tanh_param,
        threshold_param: old.threshold_param,
        transform_param: old.transform_param,
        window_data_param: old.window_data_param,
        ..Default::default()
    })
}

/// The i-th of each row makes the i-th `param { }`.
fn params(old: &V1LayerParameter) -> Vec<ParamSpec> {
    let rows = [old.param.len(), old.blob_share_mode.len(), old.blobs_lr.len(), old.weight_decay.len()];
    let count = rows.into_iter().max().unwrap_or(0);
    let spec = |i: usize| ParamSpec {
        name: old.param.get(i).cloned(),
        // STRICT and PERMISSIVE have kept their numbers.
        share_mode: old.blob_share_mode.get(i).copied(),
        lr_mult: old.blobs_lr.get(i).copied(),
        decay_mult: old.weight_decay.get(i).copied(),
    };
    (0..count).map(spec).collect()
}

fn type_name(old: LayerType) -> &'static str {
    match old {
        LayerType::None => "",
        LayerType::Absval => "AbsVal",
        LayerType::Accuracy => "Accuracy",
        LayerType::Argmax => "ArgMax",
        LayerType::Bnll => "BNLL",
        LayerType::Concat => "Concat",
        LayerType::ContrastiveLoss => "ContrastiveLoss",
        LayerType::Convolution => "Convolution",
        LayerType::Data => "Data",
        LayerType::Deconvolution => "Deconvolution",
        LayerType::Dropout => "Dropout",
        LayerType::DummyData => "DummyData",
        LayerType::EuclideanLoss => "EuclideanLoss",
        LayerType::Eltwise => "Eltwise",
        LayerType::Exp => "Exp",
        LayerType::Flatten => "Flatten",
        LayerType::Hdf5Data => "HDF5Data",
        LayerType::Hdf5Output => "HDF5Output",
        LayerType::HingeLoss => "HingeLoss",
        LayerType::Im2col => "Im2col",
        LayerType::ImageData => "ImageData",
        LayerType::InfogainLoss => "InfogainLoss",
        LayerType::InnerProduct => "InnerProduct",
        LayerType::Lrn => "LRN",
        LayerType::MemoryData => "MemoryData",
        LayerType::MultinomialLogisticLoss => "MultinomialLogisticLoss",
        LayerType::Mvn => "MVN",
        LayerType::Pooling => "Pooling",
        LayerType::Power => "Power",
        LayerType::Relu => "ReLU",
        LayerType::Sigmoid => "Sigmoid",
        LayerType::SigmoidCrossEntropyLoss => "SigmoidCrossEntropyLoss",
        LayerType::Silence => "Silence",
        LayerType::Softmax => "Softmax",
        LayerType::SoftmaxLoss => "SoftmaxWithLoss",
        LayerType::Split => "Split",
        LayerType::Slice => "Slice",
        LayerType::Tanh => "TanH",
        LayerType::WindowData => "WindowData",
        LayerType::Threshold => "Threshold",
    }
}
