//! Fields and layer types of Caffe's forks: what public files hold that Caffe 1.0 never had, and what to write here.

/// A fork's field or layer type, the fork, and what to do here.
type Foreign = (&'static str, &'static str, &'static str);

/// What to do where a layer of one's own is the only way.
const OWN: &str = "write it as a layer of your own and add it to the table: see the book's \"Add a layer\"";

/// Fields, each as `Message.field`.
#[rustfmt::skip]
const FIELDS: &[Foreign] = &[
    ("PoolingParameter.ceil_mode",            "PyTorch's converters and several forks", "write round_mode: FLOOR for ceil_mode: false; without it, sizes are rounded up, as ceil_mode: true says"),
    ("PoolingParameter.torch_pooling",        "a fork",                     "write round_mode: FLOOR"),
    ("PoolingParameter.pad_l",                "Intel Caffe and converters", "write pad_h and pad_w; where the four sides differ, pad by a layer of your own"),
    ("PoolingParameter.pad_type",             "a fork",                     "write pad, pad_h and pad_w; where the sides differ, pad by a layer of your own"),
    ("ConvolutionParameter.pad_l",            "Intel Caffe and converters", "write pad_h and pad_w; where the four sides differ, pad by a layer of your own"),
    ("ConvolutionParameter.pad_type",         "a fork",                     "write pad, pad_h and pad_w; where the sides differ, pad by a layer of your own"),
    ("ConvolutionParameter.hole",             "DeepLab",                    "write dilation, which Caffe 1.0 has"),
    ("ConvolutionParameter.hole_h",           "DeepLab",                    "write dilation, which Caffe 1.0 has"),
    ("ReLUParameter.relu6",                   "a fork",                     "follow the ReLU by a Clip layer with clip_param { min: 0 max: 6 }"),
    ("DropoutParameter.sample_weights_test",  "SegNet",                     "leave it out; for Monte Carlo dropout run the net in phase TRAIN"),
    ("DropoutParameter.scale_train",          "DeepLab",                    "leave it out: values are scaled in training, as scale_train: true says"),
    ("SoftmaxParameter.ignore_label",         "a fork",                     "write it into the loss: loss_param { ignore_label: .. }"),
    ("LossParameter.weight_by_label_freqs",   "SegNet",                     "weigh the classes by InfogainLoss with a diagonal matrix"),
    ("LossParameter.class_weighting",         "SegNet and ENet",            "weigh the classes by InfogainLoss with a diagonal matrix"),
    ("LossParameter.prob_filler",             "DeepLab",                    "leave it out"),
    ("BatchNormParameter.scale_bias",         "NVIDIA Caffe",               "follow the BatchNorm by a Scale layer with scale_param { bias_term: true }"),
    ("BatchNormParameter.scale_filler",       "NVIDIA Caffe",               "follow the BatchNorm by a Scale layer, which has fillers"),
    ("BatchNormParameter.use_global_status",  "a fork",                     "write use_global_stats"),
    ("TransformationParameter.resize_param",  "SSD",                        "resize the images before they go into the database"),
    ("TransformationParameter.noise_param",   "SSD",                        "leave it out, or put noise in by a layer of your own"),
    ("TransformationParameter.distort_param", "SSD",                        "leave it out: it changes the colours of training images"),
    ("TransformationParameter.expand_param",  "SSD",                        "leave it out: it enlarges training images"),
    ("TransformationParameter.emit_constraint", "SSD",                      "leave it out: it chooses boxes of training images"),
    ("TransformationParameter.random_resize_low", "NVIDIA Caffe",           "leave it out, or resize the images beforehand"),
    ("TransformationParameter.img_rand_resize_lower", "NVIDIA Caffe",       "leave it out, or resize the images beforehand"),
    ("InnerProductParameter.normalize",       "a fork",                     "leave it out, or divide by the norm in a layer of your own"),
    ("LayerParameter.permute_param",          "SSD",                        OWN),
    ("LayerParameter.prior_box_param",        "SSD",                        OWN),
    ("LayerParameter.detection_output_param", "SSD",                        OWN),
    ("LayerParameter.multibox_loss_param",    "SSD",                        OWN),
    ("LayerParameter.annotated_data_param",   "SSD",                        OWN),
    ("LayerParameter.norm_param",             "SSD (ParseNet)",             OWN),
    ("LayerParameter.roi_pooling_param",      "Fast R-CNN",                 OWN),
    ("LayerParameter.psroi_pooling_param",    "R-FCN",                      OWN),
    ("LayerParameter.smooth_l1_loss_param",   "Fast R-CNN",                 OWN),
    ("LayerParameter.proposal_param",         "Faster R-CNN",               OWN),
    ("LayerParameter.interp_param",           "DeepLab and PSPNet",         "Deconvolution with a bilinear filler enlarges by a whole factor; otherwise write Interp as a layer of your own"),
    ("LayerParameter.bn_param",               "PSPNet and SegNet",          "write BatchNorm, followed by Scale with a bias"),
    ("LayerParameter.seg_data_param",         "DeepLab",                    OWN),
    ("LayerParameter.upsample_param",         "SegNet",                     OWN),
    ("LayerParameter.dense_image_data_param", "SegNet",                     OWN),
    ("LayerParameter.shuffle_channel_param",  "ShuffleNet",                 "Reshape cannot swap axes: write it as a layer of your own"),
    ("LayerParameter.axpy_param",             "SENet",                      OWN),
    ("LayerParameter.conv_dw_param",          "a fork for MobileNet",       "write Convolution with group: as many as channels"),
    ("LayerParameter.relu6_param",            "a fork for MobileNet",       "write ReLU, followed by Clip with clip_param { min: 0 max: 6 }"),
    ("LayerParameter.ctc_param",              "a fork for texts",           OWN),
    ("LayerParameter.reverse_param",          "a fork for texts",           OWN),
    ("LayerParameter.transpose_param",        "a fork for texts",           OWN),
    ("LayerParameter.coeff_schedule_param",   "FlowNet",                    OWN),
    ("LayerParameter.correlation_param",      "FlowNet",                    OWN),
    ("LayerParameter.forward_type",           "NVIDIA Caffe",               "leave it out: everything is computed in 32 bits here"),
    ("LayerParameter.backward_type",          "NVIDIA Caffe",               "leave it out: everything is computed in 32 bits here"),
    ("NetParameter.default_forward_type",     "NVIDIA Caffe",               "leave it out: everything is computed in 32 bits here"),
    ("NetParameter.default_backward_type",    "NVIDIA Caffe",               "leave it out: everything is computed in 32 bits here"),
    ("NetParameter.engine",                   "Intel Caffe",                "leave it out"),
    ("SolverParameter.rampup_interval",       "NVIDIA Caffe",               "leave it out, or raise the rate by lr_policy: \"multistep\""),
    ("SolverParameter.eval_type",             "SSD",                        "leave it out"),
    ("SolverParameter.ap_version",            "SSD",                        "leave it out"),
];

/// Layer types.
const TYPES: &[Foreign] = &[
    ("Permute", "SSD", OWN),
    ("PriorBox", "SSD", OWN),
    ("DetectionOutput", "SSD", OWN),
    ("MultiBoxLoss", "SSD", OWN),
    ("AnnotatedData", "SSD", OWN),
    ("Normalize", "SSD (ParseNet)", OWN),
    ("ROIPooling", "Fast R-CNN", OWN),
    ("SmoothL1Loss", "Fast R-CNN", OWN),
    ("Proposal", "Faster R-CNN", OWN),
    ("PSROIPooling", "R-FCN", OWN),
    ("ROIAlign", "Mask R-CNN", OWN),
    (
        "Interp",
        "DeepLab and PSPNet",
        "Deconvolution with a bilinear filler enlarges by a whole factor; otherwise a layer of your own",
    ),
    ("BN", "PSPNet and SegNet", "write BatchNorm, followed by Scale with a bias"),
    ("SegAccuracy", "DeepLab", "use Accuracy with ignore_label"),
    ("ImageSegData", "DeepLab", OWN),
    ("Upsample", "SegNet and YOLO", OWN),
    ("DenseImageData", "SegNet", OWN),
    ("Axpy", "SENet", OWN),
    ("ShuffleChannel", "ShuffleNet", OWN),
    ("DepthwiseConvolution", "a fork for MobileNet", "write Convolution with group: as many as channels"),
    ("ConvolutionDepthwise", "a fork for MobileNet", "write Convolution with group: as many as channels"),
    ("ReLU6", "a fork for MobileNet", "write ReLU, followed by Clip with clip_param { min: 0 max: 6 }"),
    ("Correlation", "FlowNet", OWN),
    ("FlowWarp", "FlowNet", OWN),
    ("CenterLoss", "a fork for faces", OWN),
    ("TripletLoss", "a fork for faces", OWN),
    ("CTCLoss", "a fork for texts", OWN),
    ("Reverse", "a fork for texts", OWN),
    ("Transpose", "a fork for texts", OWN),
    (
        "Lstm",
        "a fork for texts",
        "write LSTM, which Caffe 1.0 has; its bottoms are the sequence and its markers of continuation",
    ),
    ("CuDNNBatchNorm", "a fork", "write BatchNorm, followed by Scale with a bias"),
    ("ImageLabelData", "a fork", OWN),
    ("Repeat", "a fork", OWN),
    ("Mish", "darknet's converters", OWN),
    ("HardSwish", "a fork for MobileNet", OWN),
];

/// What to say of a field that a message lacks, if a fork has it.
pub(super) fn field(message: &str, name: &str) -> Option<String> {
    let name = match name {
        "pad_r" | "pad_t" | "pad_b" | "pad_left" | "pad_right" | "pad_top" | "pad_bottom" => "pad_l",
        "hole_w" => "hole_h",
        name => name,
    };
    find(FIELDS, &format!("{message}.{name}"))
}

/// What to say of a layer type that Caffe lacks, if a fork has it.
pub(crate) fn layer_type(name: &str) -> Option<String> {
    if name == "SoftmaxLoss" {
        return Some("did you mean \"SoftmaxWithLoss\"? That is the type that the old SOFTMAX_LOSS became".into());
    }
    find(TYPES, name)
}

fn find(table: &[Foreign], name: &str) -> Option<String> {
    let (_, fork, what) = table.iter().find(|(known, ..)| *known == name)?;
    Some(format!(
        "Caffe 1.0 does not have it; {fork} {verb}: {what}",
        verb = if fork.contains(" and ") { "do" } else { "does" }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::schema::message;

    /// Each entry is of a message that Caffe has, and a field that it has not.
    #[test]
    fn foreign_indeed() {
        for (path, ..) in FIELDS {
            let (of, name) = path.split_once('.').unwrap();
            let schema = message(of).unwrap_or_else(|| panic!("there is no message {of}"));
            assert!(schema.field(name).is_none(), "{path} is Caffe's own");
            assert!(field(of, name).is_some());
        }
    }
}
