// Made from proto/caffe.proto by `CORTADO_BLESS=1 cargo test --test proto`; do not edit.

use super::Label::{Optional, Repeated, Required};
use super::Type::{Bool, Bytes, Double, Float, Int32, Int64, String, Uint32, Uint64};
use super::{Enum, Field, Message, Type};
use crate::proto::caffe;
use crate::proto::text::Named;

/// Every message, in the order of `proto/caffe.proto`.
pub static MESSAGES: &[&Message] = &[
    &BLOBSHAPE,
    &BLOBPROTO,
    &BLOBPROTOVECTOR,
    &DATUM,
    &NETPARAMETER,
    &NETSTATE,
    &NETSTATERULE,
    &LAYERPARAMETER,
    &PARAMSPEC,
    &FILLERPARAMETER,
    &SOLVERPARAMETER,
    &SOLVERSTATE,
    &LAYERPOSITION,
    &INPUTPARAMETER,
    &DATAPARAMETER,
    &TRANSFORMATIONPARAMETER,
    &IMAGEDATAPARAMETER,
    &HDF5DATAPARAMETER,
    &HDF5OUTPUTPARAMETER,
    &MEMORYDATAPARAMETER,
    &WINDOWDATAPARAMETER,
    &DUMMYDATAPARAMETER,
    &PARAMETERPARAMETER,
    &PYTHONPARAMETER,
    &INNERPRODUCTPARAMETER,
    &CONVOLUTIONPARAMETER,
    &EMBEDPARAMETER,
    &BIASPARAMETER,
    &SCALEPARAMETER,
    &BATCHNORMPARAMETER,
    &RECURRENTPARAMETER,
    &POOLINGPARAMETER,
    &SPPPARAMETER,
    &LRNPARAMETER,
    &CROPPARAMETER,
    &RELUPARAMETER,
    &PRELUPARAMETER,
    &ELUPARAMETER,
    &SIGMOIDPARAMETER,
    &TANHPARAMETER,
    &SWISHPARAMETER,
    &POWERPARAMETER,
    &EXPPARAMETER,
    &LOGPARAMETER,
    &THRESHOLDPARAMETER,
    &CLIPPARAMETER,
    &DROPOUTPARAMETER,
    &ELTWISEPARAMETER,
    &CONCATPARAMETER,
    &SLICEPARAMETER,
    &SOFTMAXPARAMETER,
    &MVNPARAMETER,
    &REDUCTIONPARAMETER,
    &ARGMAXPARAMETER,
    &FLATTENPARAMETER,
    &RESHAPEPARAMETER,
    &TILEPARAMETER,
    &LOSSPARAMETER,
    &CONTRASTIVELOSSPARAMETER,
    &HINGELOSSPARAMETER,
    &INFOGAINLOSSPARAMETER,
    &ACCURACYPARAMETER,
    &V1LAYERPARAMETER,
    &V0LAYERPARAMETER,
];

static PARAMSPEC_DIMCHECKMODE: Enum =
    Enum { name: "ParamSpec.DimCheckMode", values: &[("STRICT", 0), ("PERMISSIVE", 1)] };

static FILLERPARAMETER_VARIANCENORM: Enum =
    Enum { name: "FillerParameter.VarianceNorm", values: &[("FAN_IN", 0), ("FAN_OUT", 1), ("AVERAGE", 2)] };

static SOLVERPARAMETER_SNAPSHOTFORMAT: Enum =
    Enum { name: "SolverParameter.SnapshotFormat", values: &[("HDF5", 0), ("BINARYPROTO", 1)] };

static SOLVERPARAMETER_SOLVERMODE: Enum =
    Enum { name: "SolverParameter.SolverMode", values: &[("CPU", 0), ("GPU", 1)] };

static SOLVERPARAMETER_SOLVERTYPE: Enum = Enum {
    name: "SolverParameter.SolverType",
    values: &[("SGD", 0), ("NESTEROV", 1), ("ADAGRAD", 2), ("RMSPROP", 3), ("ADADELTA", 4), ("ADAM", 5)],
};

static DATAPARAMETER_DB: Enum = Enum { name: "DataParameter.DB", values: &[("LEVELDB", 0), ("LMDB", 1)] };

static CONVOLUTIONPARAMETER_ENGINE: Enum =
    Enum { name: "ConvolutionParameter.Engine", values: &[("DEFAULT", 0), ("CAFFE", 1), ("CUDNN", 2)] };

static POOLINGPARAMETER_POOLMETHOD: Enum =
    Enum { name: "PoolingParameter.PoolMethod", values: &[("MAX", 0), ("AVE", 1), ("STOCHASTIC", 2)] };

static POOLINGPARAMETER_ENGINE: Enum =
    Enum { name: "PoolingParameter.Engine", values: &[("DEFAULT", 0), ("CAFFE", 1), ("CUDNN", 2)] };

static POOLINGPARAMETER_ROUNDMODE: Enum =
    Enum { name: "PoolingParameter.RoundMode", values: &[("CEIL", 0), ("FLOOR", 1)] };

static SPPPARAMETER_POOLMETHOD: Enum =
    Enum { name: "SPPParameter.PoolMethod", values: &[("MAX", 0), ("AVE", 1), ("STOCHASTIC", 2)] };

static SPPPARAMETER_ENGINE: Enum =
    Enum { name: "SPPParameter.Engine", values: &[("DEFAULT", 0), ("CAFFE", 1), ("CUDNN", 2)] };

static LRNPARAMETER_NORMREGION: Enum =
    Enum { name: "LRNParameter.NormRegion", values: &[("ACROSS_CHANNELS", 0), ("WITHIN_CHANNEL", 1)] };

static LRNPARAMETER_ENGINE: Enum =
    Enum { name: "LRNParameter.Engine", values: &[("DEFAULT", 0), ("CAFFE", 1), ("CUDNN", 2)] };

static RELUPARAMETER_ENGINE: Enum =
    Enum { name: "ReLUParameter.Engine", values: &[("DEFAULT", 0), ("CAFFE", 1), ("CUDNN", 2)] };

static SIGMOIDPARAMETER_ENGINE: Enum =
    Enum { name: "SigmoidParameter.Engine", values: &[("DEFAULT", 0), ("CAFFE", 1), ("CUDNN", 2)] };

static TANHPARAMETER_ENGINE: Enum =
    Enum { name: "TanHParameter.Engine", values: &[("DEFAULT", 0), ("CAFFE", 1), ("CUDNN", 2)] };

static ELTWISEPARAMETER_ELTWISEOP: Enum =
    Enum { name: "EltwiseParameter.EltwiseOp", values: &[("PROD", 0), ("SUM", 1), ("MAX", 2)] };

static SOFTMAXPARAMETER_ENGINE: Enum =
    Enum { name: "SoftmaxParameter.Engine", values: &[("DEFAULT", 0), ("CAFFE", 1), ("CUDNN", 2)] };

static REDUCTIONPARAMETER_REDUCTIONOP: Enum =
    Enum { name: "ReductionParameter.ReductionOp", values: &[("SUM", 1), ("ASUM", 2), ("SUMSQ", 3), ("MEAN", 4)] };

static LOSSPARAMETER_NORMALIZATIONMODE: Enum = Enum {
    name: "LossParameter.NormalizationMode",
    values: &[("FULL", 0), ("VALID", 1), ("BATCH_SIZE", 2), ("NONE", 3)],
};

static HINGELOSSPARAMETER_NORM: Enum = Enum { name: "HingeLossParameter.Norm", values: &[("L1", 1), ("L2", 2)] };

static V1LAYERPARAMETER_LAYERTYPE: Enum = Enum {
    name: "V1LayerParameter.LayerType",
    values: &[
        ("NONE", 0),
        ("ACCURACY", 1),
        ("BNLL", 2),
        ("CONCAT", 3),
        ("CONVOLUTION", 4),
        ("DATA", 5),
        ("DROPOUT", 6),
        ("EUCLIDEAN_LOSS", 7),
        ("FLATTEN", 8),
        ("HDF5_DATA", 9),
        ("HDF5_OUTPUT", 10),
        ("IM2COL", 11),
        ("IMAGE_DATA", 12),
        ("INFOGAIN_LOSS", 13),
        ("INNER_PRODUCT", 14),
        ("LRN", 15),
        ("MULTINOMIAL_LOGISTIC_LOSS", 16),
        ("POOLING", 17),
        ("RELU", 18),
        ("SIGMOID", 19),
        ("SOFTMAX", 20),
        ("SOFTMAX_LOSS", 21),
        ("SPLIT", 22),
        ("TANH", 23),
        ("WINDOW_DATA", 24),
        ("ELTWISE", 25),
        ("POWER", 26),
        ("SIGMOID_CROSS_ENTROPY_LOSS", 27),
        ("HINGE_LOSS", 28),
        ("MEMORY_DATA", 29),
        ("ARGMAX", 30),
        ("THRESHOLD", 31),
        ("DUMMY_DATA", 32),
        ("SLICE", 33),
        ("MVN", 34),
        ("ABSVAL", 35),
        ("SILENCE", 36),
        ("CONTRASTIVE_LOSS", 37),
        ("EXP", 38),
        ("DECONVOLUTION", 39),
    ],
};

static V1LAYERPARAMETER_DIMCHECKMODE: Enum =
    Enum { name: "V1LayerParameter.DimCheckMode", values: &[("STRICT", 0), ("PERMISSIVE", 1)] };

static V0LAYERPARAMETER_POOLMETHOD: Enum =
    Enum { name: "V0LayerParameter.PoolMethod", values: &[("MAX", 0), ("AVE", 1), ("STOCHASTIC", 2)] };

static PHASE: Enum = Enum { name: "Phase", values: &[("TRAIN", 0), ("TEST", 1)] };

static BLOBSHAPE: Message =
    Message { name: "BlobShape", fields: &[Field { name: "dim", number: 1, label: Repeated, ty: Int64 }] };

static BLOBPROTO: Message = Message {
    name: "BlobProto",
    fields: &[
        Field { name: "num", number: 1, label: Optional, ty: Int32 },
        Field { name: "channels", number: 2, label: Optional, ty: Int32 },
        Field { name: "height", number: 3, label: Optional, ty: Int32 },
        Field { name: "width", number: 4, label: Optional, ty: Int32 },
        Field { name: "data", number: 5, label: Repeated, ty: Float },
        Field { name: "diff", number: 6, label: Repeated, ty: Float },
        Field { name: "shape", number: 7, label: Optional, ty: Type::Message(&BLOBSHAPE) },
        Field { name: "double_data", number: 8, label: Repeated, ty: Double },
        Field { name: "double_diff", number: 9, label: Repeated, ty: Double },
    ],
};

static BLOBPROTOVECTOR: Message = Message {
    name: "BlobProtoVector",
    fields: &[Field { name: "blobs", number: 1, label: Repeated, ty: Type::Message(&BLOBPROTO) }],
};

static DATUM: Message = Message {
    name: "Datum",
    fields: &[
        Field { name: "channels", number: 1, label: Optional, ty: Int32 },
        Field { name: "height", number: 2, label: Optional, ty: Int32 },
        Field { name: "width", number: 3, label: Optional, ty: Int32 },
        Field { name: "data", number: 4, label: Optional, ty: Bytes },
        Field { name: "label", number: 5, label: Optional, ty: Int32 },
        Field { name: "float_data", number: 6, label: Repeated, ty: Float },
        Field { name: "encoded", number: 7, label: Optional, ty: Bool },
    ],
};

static NETPARAMETER: Message = Message {
    name: "NetParameter",
    fields: &[
        Field { name: "name", number: 1, label: Optional, ty: String },
        Field { name: "layers", number: 2, label: Repeated, ty: Type::Message(&V1LAYERPARAMETER) },
        Field { name: "input", number: 3, label: Repeated, ty: String },
        Field { name: "input_dim", number: 4, label: Repeated, ty: Int32 },
        Field { name: "force_backward", number: 5, label: Optional, ty: Bool },
        Field { name: "state", number: 6, label: Optional, ty: Type::Message(&NETSTATE) },
        Field { name: "debug_info", number: 7, label: Optional, ty: Bool },
        Field { name: "input_shape", number: 8, label: Repeated, ty: Type::Message(&BLOBSHAPE) },
        Field { name: "layer", number: 100, label: Repeated, ty: Type::Message(&LAYERPARAMETER) },
    ],
};

static NETSTATE: Message = Message {
    name: "NetState",
    fields: &[
        Field { name: "phase", number: 1, label: Optional, ty: Type::Enum(&PHASE) },
        Field { name: "level", number: 2, label: Optional, ty: Int32 },
        Field { name: "stage", number: 3, label: Repeated, ty: String },
    ],
};

static NETSTATERULE: Message = Message {
    name: "NetStateRule",
    fields: &[
        Field { name: "phase", number: 1, label: Optional, ty: Type::Enum(&PHASE) },
        Field { name: "min_level", number: 2, label: Optional, ty: Int32 },
        Field { name: "max_level", number: 3, label: Optional, ty: Int32 },
        Field { name: "stage", number: 4, label: Repeated, ty: String },
        Field { name: "not_stage", number: 5, label: Repeated, ty: String },
    ],
};

static LAYERPARAMETER: Message = Message {
    name: "LayerParameter",
    fields: &[
        Field { name: "name", number: 1, label: Optional, ty: String },
        Field { name: "type", number: 2, label: Optional, ty: String },
        Field { name: "bottom", number: 3, label: Repeated, ty: String },
        Field { name: "top", number: 4, label: Repeated, ty: String },
        Field { name: "loss_weight", number: 5, label: Repeated, ty: Float },
        Field { name: "param", number: 6, label: Repeated, ty: Type::Message(&PARAMSPEC) },
        Field { name: "blobs", number: 7, label: Repeated, ty: Type::Message(&BLOBPROTO) },
        Field { name: "include", number: 8, label: Repeated, ty: Type::Message(&NETSTATERULE) },
        Field { name: "exclude", number: 9, label: Repeated, ty: Type::Message(&NETSTATERULE) },
        Field { name: "phase", number: 10, label: Optional, ty: Type::Enum(&PHASE) },
        Field { name: "propagate_down", number: 11, label: Repeated, ty: Bool },
        Field { name: "transform_param", number: 100, label: Optional, ty: Type::Message(&TRANSFORMATIONPARAMETER) },
        Field { name: "loss_param", number: 101, label: Optional, ty: Type::Message(&LOSSPARAMETER) },
        Field { name: "accuracy_param", number: 102, label: Optional, ty: Type::Message(&ACCURACYPARAMETER) },
        Field { name: "argmax_param", number: 103, label: Optional, ty: Type::Message(&ARGMAXPARAMETER) },
        Field { name: "concat_param", number: 104, label: Optional, ty: Type::Message(&CONCATPARAMETER) },
        Field {
            name: "contrastive_loss_param",
            number: 105,
            label: Optional,
            ty: Type::Message(&CONTRASTIVELOSSPARAMETER),
        },
        Field { name: "convolution_param", number: 106, label: Optional, ty: Type::Message(&CONVOLUTIONPARAMETER) },
        Field { name: "data_param", number: 107, label: Optional, ty: Type::Message(&DATAPARAMETER) },
        Field { name: "dropout_param", number: 108, label: Optional, ty: Type::Message(&DROPOUTPARAMETER) },
        Field { name: "dummy_data_param", number: 109, label: Optional, ty: Type::Message(&DUMMYDATAPARAMETER) },
        Field { name: "eltwise_param", number: 110, label: Optional, ty: Type::Message(&ELTWISEPARAMETER) },
        Field { name: "exp_param", number: 111, label: Optional, ty: Type::Message(&EXPPARAMETER) },
        Field { name: "hdf5_data_param", number: 112, label: Optional, ty: Type::Message(&HDF5DATAPARAMETER) },
        Field { name: "hdf5_output_param", number: 113, label: Optional, ty: Type::Message(&HDF5OUTPUTPARAMETER) },
        Field { name: "hinge_loss_param", number: 114, label: Optional, ty: Type::Message(&HINGELOSSPARAMETER) },
        Field { name: "image_data_param", number: 115, label: Optional, ty: Type::Message(&IMAGEDATAPARAMETER) },
        Field { name: "infogain_loss_param", number: 116, label: Optional, ty: Type::Message(&INFOGAINLOSSPARAMETER) },
        Field { name: "inner_product_param", number: 117, label: Optional, ty: Type::Message(&INNERPRODUCTPARAMETER) },
        Field { name: "lrn_param", number: 118, label: Optional, ty: Type::Message(&LRNPARAMETER) },
        Field { name: "memory_data_param", number: 119, label: Optional, ty: Type::Message(&MEMORYDATAPARAMETER) },
        Field { name: "mvn_param", number: 120, label: Optional, ty: Type::Message(&MVNPARAMETER) },
        Field { name: "pooling_param", number: 121, label: Optional, ty: Type::Message(&POOLINGPARAMETER) },
        Field { name: "power_param", number: 122, label: Optional, ty: Type::Message(&POWERPARAMETER) },
        Field { name: "relu_param", number: 123, label: Optional, ty: Type::Message(&RELUPARAMETER) },
        Field { name: "sigmoid_param", number: 124, label: Optional, ty: Type::Message(&SIGMOIDPARAMETER) },
        Field { name: "softmax_param", number: 125, label: Optional, ty: Type::Message(&SOFTMAXPARAMETER) },
        Field { name: "slice_param", number: 126, label: Optional, ty: Type::Message(&SLICEPARAMETER) },
        Field { name: "tanh_param", number: 127, label: Optional, ty: Type::Message(&TANHPARAMETER) },
        Field { name: "threshold_param", number: 128, label: Optional, ty: Type::Message(&THRESHOLDPARAMETER) },
        Field { name: "window_data_param", number: 129, label: Optional, ty: Type::Message(&WINDOWDATAPARAMETER) },
        Field { name: "python_param", number: 130, label: Optional, ty: Type::Message(&PYTHONPARAMETER) },
        Field { name: "prelu_param", number: 131, label: Optional, ty: Type::Message(&PRELUPARAMETER) },
        Field { name: "spp_param", number: 132, label: Optional, ty: Type::Message(&SPPPARAMETER) },
        Field { name: "reshape_param", number: 133, label: Optional, ty: Type::Message(&RESHAPEPARAMETER) },
        Field { name: "log_param", number: 134, label: Optional, ty: Type::Message(&LOGPARAMETER) },
        Field { name: "flatten_param", number: 135, label: Optional, ty: Type::Message(&FLATTENPARAMETER) },
        Field { name: "reduction_param", number: 136, label: Optional, ty: Type::Message(&REDUCTIONPARAMETER) },
        Field { name: "embed_param", number: 137, label: Optional, ty: Type::Message(&EMBEDPARAMETER) },
        Field { name: "tile_param", number: 138, label: Optional, ty: Type::Message(&TILEPARAMETER) },
        Field { name: "batch_norm_param", number: 139, label: Optional, ty: Type::Message(&BATCHNORMPARAMETER) },
        Field { name: "elu_param", number: 140, label: Optional, ty: Type::Message(&ELUPARAMETER) },
        Field { name: "bias_param", number: 141, label: Optional, ty: Type::Message(&BIASPARAMETER) },
        Field { name: "scale_param", number: 142, label: Optional, ty: Type::Message(&SCALEPARAMETER) },
        Field { name: "input_param", number: 143, label: Optional, ty: Type::Message(&INPUTPARAMETER) },
        Field { name: "crop_param", number: 144, label: Optional, ty: Type::Message(&CROPPARAMETER) },
        Field { name: "parameter_param", number: 145, label: Optional, ty: Type::Message(&PARAMETERPARAMETER) },
        Field { name: "recurrent_param", number: 146, label: Optional, ty: Type::Message(&RECURRENTPARAMETER) },
        Field { name: "swish_param", number: 147, label: Optional, ty: Type::Message(&SWISHPARAMETER) },
        Field { name: "clip_param", number: 148, label: Optional, ty: Type::Message(&CLIPPARAMETER) },
    ],
};

static PARAMSPEC: Message = Message {
    name: "ParamSpec",
    fields: &[
        Field { name: "name", number: 1, label: Optional, ty: String },
        Field { name: "share_mode", number: 2, label: Optional, ty: Type::Enum(&PARAMSPEC_DIMCHECKMODE) },
        Field { name: "lr_mult", number: 3, label: Optional, ty: Float },
        Field { name: "decay_mult", number: 4, label: Optional, ty: Float },
    ],
};

static FILLERPARAMETER: Message = Message {
    name: "FillerParameter",
    fields: &[
        Field { name: "type", number: 1, label: Optional, ty: String },
        Field { name: "value", number: 2, label: Optional, ty: Float },
        Field { name: "min", number: 3, label: Optional, ty: Float },
        Field { name: "max", number: 4, label: Optional, ty: Float },
        Field { name: "mean", number: 5, label: Optional, ty: Float },
        Field { name: "std", number: 6, label: Optional, ty: Float },
        Field { name: "sparse", number: 7, label: Optional, ty: Int32 },
        Field { name: "variance_norm", number: 8, label: Optional, ty: Type::Enum(&FILLERPARAMETER_VARIANCENORM) },
    ],
};

static SOLVERPARAMETER: Message = Message {
    name: "SolverParameter",
    fields: &[
        Field { name: "train_net", number: 1, label: Optional, ty: String },
        Field { name: "test_net", number: 2, label: Repeated, ty: String },
        Field { name: "test_iter", number: 3, label: Repeated, ty: Int32 },
        Field { name: "test_interval", number: 4, label: Optional, ty: Int32 },
        Field { name: "base_lr", number: 5, label: Optional, ty: Float },
        Field { name: "display", number: 6, label: Optional, ty: Int32 },
        Field { name: "max_iter", number: 7, label: Optional, ty: Int32 },
        Field { name: "lr_policy", number: 8, label: Optional, ty: String },
        Field { name: "gamma", number: 9, label: Optional, ty: Float },
        Field { name: "power", number: 10, label: Optional, ty: Float },
        Field { name: "momentum", number: 11, label: Optional, ty: Float },
        Field { name: "weight_decay", number: 12, label: Optional, ty: Float },
        Field { name: "stepsize", number: 13, label: Optional, ty: Int32 },
        Field { name: "snapshot", number: 14, label: Optional, ty: Int32 },
        Field { name: "snapshot_prefix", number: 15, label: Optional, ty: String },
        Field { name: "snapshot_diff", number: 16, label: Optional, ty: Bool },
        Field { name: "solver_mode", number: 17, label: Optional, ty: Type::Enum(&SOLVERPARAMETER_SOLVERMODE) },
        Field { name: "device_id", number: 18, label: Optional, ty: Int32 },
        Field { name: "test_compute_loss", number: 19, label: Optional, ty: Bool },
        Field { name: "random_seed", number: 20, label: Optional, ty: Int64 },
        Field { name: "train_net_param", number: 21, label: Optional, ty: Type::Message(&NETPARAMETER) },
        Field { name: "test_net_param", number: 22, label: Repeated, ty: Type::Message(&NETPARAMETER) },
        Field { name: "debug_info", number: 23, label: Optional, ty: Bool },
        Field { name: "net", number: 24, label: Optional, ty: String },
        Field { name: "net_param", number: 25, label: Optional, ty: Type::Message(&NETPARAMETER) },
        Field { name: "train_state", number: 26, label: Optional, ty: Type::Message(&NETSTATE) },
        Field { name: "test_state", number: 27, label: Repeated, ty: Type::Message(&NETSTATE) },
        Field { name: "snapshot_after_train", number: 28, label: Optional, ty: Bool },
        Field { name: "regularization_type", number: 29, label: Optional, ty: String },
        Field { name: "solver_type", number: 30, label: Optional, ty: Type::Enum(&SOLVERPARAMETER_SOLVERTYPE) },
        Field { name: "delta", number: 31, label: Optional, ty: Float },
        Field { name: "test_initialization", number: 32, label: Optional, ty: Bool },
        Field { name: "average_loss", number: 33, label: Optional, ty: Int32 },
        Field { name: "stepvalue", number: 34, label: Repeated, ty: Int32 },
        Field { name: "clip_gradients", number: 35, label: Optional, ty: Float },
        Field { name: "iter_size", number: 36, label: Optional, ty: Int32 },
        Field { name: "snapshot_format", number: 37, label: Optional, ty: Type::Enum(&SOLVERPARAMETER_SNAPSHOTFORMAT) },
        Field { name: "rms_decay", number: 38, label: Optional, ty: Float },
        Field { name: "momentum2", number: 39, label: Optional, ty: Float },
        Field { name: "type", number: 40, label: Optional, ty: String },
        Field { name: "layer_wise_reduce", number: 41, label: Optional, ty: Bool },
        Field { name: "weights", number: 42, label: Repeated, ty: String },
    ],
};

static SOLVERSTATE: Message = Message {
    name: "SolverState",
    fields: &[
        Field { name: "iter", number: 1, label: Optional, ty: Int32 },
        Field { name: "learned_net", number: 2, label: Optional, ty: String },
        Field { name: "history", number: 3, label: Repeated, ty: Type::Message(&BLOBPROTO) },
        Field { name: "current_step", number: 4, label: Optional, ty: Int32 },
        Field { name: "seed", number: 1000, label: Optional, ty: Uint64 },
        Field { name: "pass", number: 1001, label: Optional, ty: Uint64 },
        Field { name: "position", number: 1002, label: Repeated, ty: Type::Message(&LAYERPOSITION) },
        Field { name: "type", number: 1003, label: Optional, ty: String },
    ],
};

static LAYERPOSITION: Message = Message {
    name: "LayerPosition",
    fields: &[
        Field { name: "layer", number: 1, label: Optional, ty: String },
        Field { name: "samples", number: 2, label: Optional, ty: Uint64 },
    ],
};

static INPUTPARAMETER: Message = Message {
    name: "InputParameter",
    fields: &[Field { name: "shape", number: 1, label: Repeated, ty: Type::Message(&BLOBSHAPE) }],
};

static DATAPARAMETER: Message = Message {
    name: "DataParameter",
    fields: &[
        Field { name: "source", number: 1, label: Optional, ty: String },
        Field { name: "scale", number: 2, label: Optional, ty: Float },
        Field { name: "mean_file", number: 3, label: Optional, ty: String },
        Field { name: "batch_size", number: 4, label: Optional, ty: Uint32 },
        Field { name: "crop_size", number: 5, label: Optional, ty: Uint32 },
        Field { name: "mirror", number: 6, label: Optional, ty: Bool },
        Field { name: "rand_skip", number: 7, label: Optional, ty: Uint32 },
        Field { name: "backend", number: 8, label: Optional, ty: Type::Enum(&DATAPARAMETER_DB) },
        Field { name: "force_encoded_color", number: 9, label: Optional, ty: Bool },
        Field { name: "prefetch", number: 10, label: Optional, ty: Uint32 },
        Field { name: "shuffle", number: 1000, label: Optional, ty: Bool },
    ],
};

static TRANSFORMATIONPARAMETER: Message = Message {
    name: "TransformationParameter",
    fields: &[
        Field { name: "scale", number: 1, label: Optional, ty: Float },
        Field { name: "mirror", number: 2, label: Optional, ty: Bool },
        Field { name: "crop_size", number: 3, label: Optional, ty: Uint32 },
        Field { name: "mean_file", number: 4, label: Optional, ty: String },
        Field { name: "mean_value", number: 5, label: Repeated, ty: Float },
        Field { name: "force_color", number: 6, label: Optional, ty: Bool },
        Field { name: "force_gray", number: 7, label: Optional, ty: Bool },
    ],
};

static IMAGEDATAPARAMETER: Message = Message {
    name: "ImageDataParameter",
    fields: &[
        Field { name: "source", number: 1, label: Optional, ty: String },
        Field { name: "scale", number: 2, label: Optional, ty: Float },
        Field { name: "mean_file", number: 3, label: Optional, ty: String },
        Field { name: "batch_size", number: 4, label: Optional, ty: Uint32 },
        Field { name: "crop_size", number: 5, label: Optional, ty: Uint32 },
        Field { name: "mirror", number: 6, label: Optional, ty: Bool },
        Field { name: "rand_skip", number: 7, label: Optional, ty: Uint32 },
        Field { name: "shuffle", number: 8, label: Optional, ty: Bool },
        Field { name: "new_height", number: 9, label: Optional, ty: Uint32 },
        Field { name: "new_width", number: 10, label: Optional, ty: Uint32 },
        Field { name: "is_color", number: 11, label: Optional, ty: Bool },
        Field { name: "root_folder", number: 12, label: Optional, ty: String },
    ],
};

static HDF5DATAPARAMETER: Message = Message {
    name: "HDF5DataParameter",
    fields: &[
        Field { name: "source", number: 1, label: Optional, ty: String },
        Field { name: "batch_size", number: 2, label: Optional, ty: Uint32 },
        Field { name: "shuffle", number: 3, label: Optional, ty: Bool },
    ],
};

static HDF5OUTPUTPARAMETER: Message = Message {
    name: "HDF5OutputParameter",
    fields: &[Field { name: "file_name", number: 1, label: Optional, ty: String }],
};

static MEMORYDATAPARAMETER: Message = Message {
    name: "MemoryDataParameter",
    fields: &[
        Field { name: "batch_size", number: 1, label: Optional, ty: Uint32 },
        Field { name: "channels", number: 2, label: Optional, ty: Uint32 },
        Field { name: "height", number: 3, label: Optional, ty: Uint32 },
        Field { name: "width", number: 4, label: Optional, ty: Uint32 },
    ],
};

static WINDOWDATAPARAMETER: Message = Message {
    name: "WindowDataParameter",
    fields: &[
        Field { name: "source", number: 1, label: Optional, ty: String },
        Field { name: "scale", number: 2, label: Optional, ty: Float },
        Field { name: "mean_file", number: 3, label: Optional, ty: String },
        Field { name: "batch_size", number: 4, label: Optional, ty: Uint32 },
        Field { name: "crop_size", number: 5, label: Optional, ty: Uint32 },
        Field { name: "mirror", number: 6, label: Optional, ty: Bool },
        Field { name: "fg_threshold", number: 7, label: Optional, ty: Float },
        Field { name: "bg_threshold", number: 8, label: Optional, ty: Float },
        Field { name: "fg_fraction", number: 9, label: Optional, ty: Float },
        Field { name: "context_pad", number: 10, label: Optional, ty: Uint32 },
        Field { name: "crop_mode", number: 11, label: Optional, ty: String },
        Field { name: "cache_images", number: 12, label: Optional, ty: Bool },
        Field { name: "root_folder", number: 13, label: Optional, ty: String },
    ],
};

static DUMMYDATAPARAMETER: Message = Message {
    name: "DummyDataParameter",
    fields: &[
        Field { name: "data_filler", number: 1, label: Repeated, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "num", number: 2, label: Repeated, ty: Uint32 },
        Field { name: "channels", number: 3, label: Repeated, ty: Uint32 },
        Field { name: "height", number: 4, label: Repeated, ty: Uint32 },
        Field { name: "width", number: 5, label: Repeated, ty: Uint32 },
        Field { name: "shape", number: 6, label: Repeated, ty: Type::Message(&BLOBSHAPE) },
    ],
};

static PARAMETERPARAMETER: Message = Message {
    name: "ParameterParameter",
    fields: &[Field { name: "shape", number: 1, label: Optional, ty: Type::Message(&BLOBSHAPE) }],
};

static PYTHONPARAMETER: Message = Message {
    name: "PythonParameter",
    fields: &[
        Field { name: "module", number: 1, label: Optional, ty: String },
        Field { name: "layer", number: 2, label: Optional, ty: String },
        Field { name: "param_str", number: 3, label: Optional, ty: String },
        Field { name: "share_in_parallel", number: 4, label: Optional, ty: Bool },
    ],
};

static INNERPRODUCTPARAMETER: Message = Message {
    name: "InnerProductParameter",
    fields: &[
        Field { name: "num_output", number: 1, label: Optional, ty: Uint32 },
        Field { name: "bias_term", number: 2, label: Optional, ty: Bool },
        Field { name: "weight_filler", number: 3, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "bias_filler", number: 4, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "axis", number: 5, label: Optional, ty: Int32 },
        Field { name: "transpose", number: 6, label: Optional, ty: Bool },
    ],
};

static CONVOLUTIONPARAMETER: Message = Message {
    name: "ConvolutionParameter",
    fields: &[
        Field { name: "num_output", number: 1, label: Optional, ty: Uint32 },
        Field { name: "bias_term", number: 2, label: Optional, ty: Bool },
        Field { name: "pad", number: 3, label: Repeated, ty: Uint32 },
        Field { name: "kernel_size", number: 4, label: Repeated, ty: Uint32 },
        Field { name: "group", number: 5, label: Optional, ty: Uint32 },
        Field { name: "stride", number: 6, label: Repeated, ty: Uint32 },
        Field { name: "weight_filler", number: 7, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "bias_filler", number: 8, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "pad_h", number: 9, label: Optional, ty: Uint32 },
        Field { name: "pad_w", number: 10, label: Optional, ty: Uint32 },
        Field { name: "kernel_h", number: 11, label: Optional, ty: Uint32 },
        Field { name: "kernel_w", number: 12, label: Optional, ty: Uint32 },
        Field { name: "stride_h", number: 13, label: Optional, ty: Uint32 },
        Field { name: "stride_w", number: 14, label: Optional, ty: Uint32 },
        Field { name: "engine", number: 15, label: Optional, ty: Type::Enum(&CONVOLUTIONPARAMETER_ENGINE) },
        Field { name: "axis", number: 16, label: Optional, ty: Int32 },
        Field { name: "force_nd_im2col", number: 17, label: Optional, ty: Bool },
        Field { name: "dilation", number: 18, label: Repeated, ty: Uint32 },
    ],
};

static EMBEDPARAMETER: Message = Message {
    name: "EmbedParameter",
    fields: &[
        Field { name: "num_output", number: 1, label: Optional, ty: Uint32 },
        Field { name: "input_dim", number: 2, label: Optional, ty: Uint32 },
        Field { name: "bias_term", number: 3, label: Optional, ty: Bool },
        Field { name: "weight_filler", number: 4, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "bias_filler", number: 5, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
    ],
};

static BIASPARAMETER: Message = Message {
    name: "BiasParameter",
    fields: &[
        Field { name: "axis", number: 1, label: Optional, ty: Int32 },
        Field { name: "num_axes", number: 2, label: Optional, ty: Int32 },
        Field { name: "filler", number: 3, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
    ],
};

static SCALEPARAMETER: Message = Message {
    name: "ScaleParameter",
    fields: &[
        Field { name: "axis", number: 1, label: Optional, ty: Int32 },
        Field { name: "num_axes", number: 2, label: Optional, ty: Int32 },
        Field { name: "filler", number: 3, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "bias_term", number: 4, label: Optional, ty: Bool },
        Field { name: "bias_filler", number: 5, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
    ],
};

static BATCHNORMPARAMETER: Message = Message {
    name: "BatchNormParameter",
    fields: &[
        Field { name: "use_global_stats", number: 1, label: Optional, ty: Bool },
        Field { name: "moving_average_fraction", number: 2, label: Optional, ty: Float },
        Field { name: "eps", number: 3, label: Optional, ty: Float },
    ],
};

static RECURRENTPARAMETER: Message = Message {
    name: "RecurrentParameter",
    fields: &[
        Field { name: "num_output", number: 1, label: Optional, ty: Uint32 },
        Field { name: "weight_filler", number: 2, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "bias_filler", number: 3, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "debug_info", number: 4, label: Optional, ty: Bool },
        Field { name: "expose_hidden", number: 5, label: Optional, ty: Bool },
    ],
};

static POOLINGPARAMETER: Message = Message {
    name: "PoolingParameter",
    fields: &[
        Field { name: "pool", number: 1, label: Optional, ty: Type::Enum(&POOLINGPARAMETER_POOLMETHOD) },
        Field { name: "kernel_size", number: 2, label: Optional, ty: Uint32 },
        Field { name: "stride", number: 3, label: Optional, ty: Uint32 },
        Field { name: "pad", number: 4, label: Optional, ty: Uint32 },
        Field { name: "kernel_h", number: 5, label: Optional, ty: Uint32 },
        Field { name: "kernel_w", number: 6, label: Optional, ty: Uint32 },
        Field { name: "stride_h", number: 7, label: Optional, ty: Uint32 },
        Field { name: "stride_w", number: 8, label: Optional, ty: Uint32 },
        Field { name: "pad_h", number: 9, label: Optional, ty: Uint32 },
        Field { name: "pad_w", number: 10, label: Optional, ty: Uint32 },
        Field { name: "engine", number: 11, label: Optional, ty: Type::Enum(&POOLINGPARAMETER_ENGINE) },
        Field { name: "global_pooling", number: 12, label: Optional, ty: Bool },
        Field { name: "round_mode", number: 13, label: Optional, ty: Type::Enum(&POOLINGPARAMETER_ROUNDMODE) },
    ],
};

static SPPPARAMETER: Message = Message {
    name: "SPPParameter",
    fields: &[
        Field { name: "pyramid_height", number: 1, label: Optional, ty: Uint32 },
        Field { name: "pool", number: 2, label: Optional, ty: Type::Enum(&SPPPARAMETER_POOLMETHOD) },
        Field { name: "engine", number: 6, label: Optional, ty: Type::Enum(&SPPPARAMETER_ENGINE) },
    ],
};

static LRNPARAMETER: Message = Message {
    name: "LRNParameter",
    fields: &[
        Field { name: "local_size", number: 1, label: Optional, ty: Uint32 },
        Field { name: "alpha", number: 2, label: Optional, ty: Float },
        Field { name: "beta", number: 3, label: Optional, ty: Float },
        Field { name: "norm_region", number: 4, label: Optional, ty: Type::Enum(&LRNPARAMETER_NORMREGION) },
        Field { name: "k", number: 5, label: Optional, ty: Float },
        Field { name: "engine", number: 6, label: Optional, ty: Type::Enum(&LRNPARAMETER_ENGINE) },
    ],
};

static CROPPARAMETER: Message = Message {
    name: "CropParameter",
    fields: &[
        Field { name: "axis", number: 1, label: Optional, ty: Int32 },
        Field { name: "offset", number: 2, label: Repeated, ty: Uint32 },
    ],
};

static RELUPARAMETER: Message = Message {
    name: "ReLUParameter",
    fields: &[
        Field { name: "negative_slope", number: 1, label: Optional, ty: Float },
        Field { name: "engine", number: 2, label: Optional, ty: Type::Enum(&RELUPARAMETER_ENGINE) },
    ],
};

static PRELUPARAMETER: Message = Message {
    name: "PReLUParameter",
    fields: &[
        Field { name: "filler", number: 1, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "channel_shared", number: 2, label: Optional, ty: Bool },
    ],
};

static ELUPARAMETER: Message =
    Message { name: "ELUParameter", fields: &[Field { name: "alpha", number: 1, label: Optional, ty: Float }] };

static SIGMOIDPARAMETER: Message = Message {
    name: "SigmoidParameter",
    fields: &[Field { name: "engine", number: 1, label: Optional, ty: Type::Enum(&SIGMOIDPARAMETER_ENGINE) }],
};

static TANHPARAMETER: Message = Message {
    name: "TanHParameter",
    fields: &[Field { name: "engine", number: 1, label: Optional, ty: Type::Enum(&TANHPARAMETER_ENGINE) }],
};

static SWISHPARAMETER: Message =
    Message { name: "SwishParameter", fields: &[Field { name: "beta", number: 1, label: Optional, ty: Float }] };

static POWERPARAMETER: Message = Message {
    name: "PowerParameter",
    fields: &[
        Field { name: "power", number: 1, label: Optional, ty: Float },
        Field { name: "scale", number: 2, label: Optional, ty: Float },
        Field { name: "shift", number: 3, label: Optional, ty: Float },
    ],
};

static EXPPARAMETER: Message = Message {
    name: "ExpParameter",
    fields: &[
        Field { name: "base", number: 1, label: Optional, ty: Float },
        Field { name: "scale", number: 2, label: Optional, ty: Float },
        Field { name: "shift", number: 3, label: Optional, ty: Float },
    ],
};

static LOGPARAMETER: Message = Message {
    name: "LogParameter",
    fields: &[
        Field { name: "base", number: 1, label: Optional, ty: Float },
        Field { name: "scale", number: 2, label: Optional, ty: Float },
        Field { name: "shift", number: 3, label: Optional, ty: Float },
    ],
};

static THRESHOLDPARAMETER: Message = Message {
    name: "ThresholdParameter",
    fields: &[Field { name: "threshold", number: 1, label: Optional, ty: Float }],
};

static CLIPPARAMETER: Message = Message {
    name: "ClipParameter",
    fields: &[
        Field { name: "min", number: 1, label: Required, ty: Float },
        Field { name: "max", number: 2, label: Required, ty: Float },
    ],
};

static DROPOUTPARAMETER: Message = Message {
    name: "DropoutParameter",
    fields: &[Field { name: "dropout_ratio", number: 1, label: Optional, ty: Float }],
};

static ELTWISEPARAMETER: Message = Message {
    name: "EltwiseParameter",
    fields: &[
        Field { name: "operation", number: 1, label: Optional, ty: Type::Enum(&ELTWISEPARAMETER_ELTWISEOP) },
        Field { name: "coeff", number: 2, label: Repeated, ty: Float },
        Field { name: "stable_prod_grad", number: 3, label: Optional, ty: Bool },
    ],
};

static CONCATPARAMETER: Message = Message {
    name: "ConcatParameter",
    fields: &[
        Field { name: "concat_dim", number: 1, label: Optional, ty: Uint32 },
        Field { name: "axis", number: 2, label: Optional, ty: Int32 },
    ],
};

static SLICEPARAMETER: Message = Message {
    name: "SliceParameter",
    fields: &[
        Field { name: "slice_dim", number: 1, label: Optional, ty: Uint32 },
        Field { name: "slice_point", number: 2, label: Repeated, ty: Uint32 },
        Field { name: "axis", number: 3, label: Optional, ty: Int32 },
    ],
};

static SOFTMAXPARAMETER: Message = Message {
    name: "SoftmaxParameter",
    fields: &[
        Field { name: "engine", number: 1, label: Optional, ty: Type::Enum(&SOFTMAXPARAMETER_ENGINE) },
        Field { name: "axis", number: 2, label: Optional, ty: Int32 },
    ],
};

static MVNPARAMETER: Message = Message {
    name: "MVNParameter",
    fields: &[
        Field { name: "normalize_variance", number: 1, label: Optional, ty: Bool },
        Field { name: "across_channels", number: 2, label: Optional, ty: Bool },
        Field { name: "eps", number: 3, label: Optional, ty: Float },
    ],
};

static REDUCTIONPARAMETER: Message = Message {
    name: "ReductionParameter",
    fields: &[
        Field { name: "operation", number: 1, label: Optional, ty: Type::Enum(&REDUCTIONPARAMETER_REDUCTIONOP) },
        Field { name: "axis", number: 2, label: Optional, ty: Int32 },
        Field { name: "coeff", number: 3, label: Optional, ty: Float },
    ],
};

static ARGMAXPARAMETER: Message = Message {
    name: "ArgMaxParameter",
    fields: &[
        Field { name: "out_max_val", number: 1, label: Optional, ty: Bool },
        Field { name: "top_k", number: 2, label: Optional, ty: Uint32 },
        Field { name: "axis", number: 3, label: Optional, ty: Int32 },
    ],
};

static FLATTENPARAMETER: Message = Message {
    name: "FlattenParameter",
    fields: &[
        Field { name: "axis", number: 1, label: Optional, ty: Int32 },
        Field { name: "end_axis", number: 2, label: Optional, ty: Int32 },
    ],
};

static RESHAPEPARAMETER: Message = Message {
    name: "ReshapeParameter",
    fields: &[
        Field { name: "shape", number: 1, label: Optional, ty: Type::Message(&BLOBSHAPE) },
        Field { name: "axis", number: 2, label: Optional, ty: Int32 },
        Field { name: "num_axes", number: 3, label: Optional, ty: Int32 },
    ],
};

static TILEPARAMETER: Message = Message {
    name: "TileParameter",
    fields: &[
        Field { name: "axis", number: 1, label: Optional, ty: Int32 },
        Field { name: "tiles", number: 2, label: Optional, ty: Int32 },
    ],
};

static LOSSPARAMETER: Message = Message {
    name: "LossParameter",
    fields: &[
        Field { name: "ignore_label", number: 1, label: Optional, ty: Int32 },
        Field { name: "normalize", number: 2, label: Optional, ty: Bool },
        Field { name: "normalization", number: 3, label: Optional, ty: Type::Enum(&LOSSPARAMETER_NORMALIZATIONMODE) },
    ],
};

static CONTRASTIVELOSSPARAMETER: Message = Message {
    name: "ContrastiveLossParameter",
    fields: &[
        Field { name: "margin", number: 1, label: Optional, ty: Float },
        Field { name: "legacy_version", number: 2, label: Optional, ty: Bool },
    ],
};

static HINGELOSSPARAMETER: Message = Message {
    name: "HingeLossParameter",
    fields: &[Field { name: "norm", number: 1, label: Optional, ty: Type::Enum(&HINGELOSSPARAMETER_NORM) }],
};

static INFOGAINLOSSPARAMETER: Message = Message {
    name: "InfogainLossParameter",
    fields: &[
        Field { name: "source", number: 1, label: Optional, ty: String },
        Field { name: "axis", number: 2, label: Optional, ty: Int32 },
    ],
};

static ACCURACYPARAMETER: Message = Message {
    name: "AccuracyParameter",
    fields: &[
        Field { name: "top_k", number: 1, label: Optional, ty: Uint32 },
        Field { name: "axis", number: 2, label: Optional, ty: Int32 },
        Field { name: "ignore_label", number: 3, label: Optional, ty: Int32 },
    ],
};

static V1LAYERPARAMETER: Message = Message {
    name: "V1LayerParameter",
    fields: &[
        Field { name: "layer", number: 1, label: Optional, ty: Type::Message(&V0LAYERPARAMETER) },
        Field { name: "bottom", number: 2, label: Repeated, ty: String },
        Field { name: "top", number: 3, label: Repeated, ty: String },
        Field { name: "name", number: 4, label: Optional, ty: String },
        Field { name: "type", number: 5, label: Optional, ty: Type::Enum(&V1LAYERPARAMETER_LAYERTYPE) },
        Field { name: "blobs", number: 6, label: Repeated, ty: Type::Message(&BLOBPROTO) },
        Field { name: "blobs_lr", number: 7, label: Repeated, ty: Float },
        Field { name: "weight_decay", number: 8, label: Repeated, ty: Float },
        Field { name: "concat_param", number: 9, label: Optional, ty: Type::Message(&CONCATPARAMETER) },
        Field { name: "convolution_param", number: 10, label: Optional, ty: Type::Message(&CONVOLUTIONPARAMETER) },
        Field { name: "data_param", number: 11, label: Optional, ty: Type::Message(&DATAPARAMETER) },
        Field { name: "dropout_param", number: 12, label: Optional, ty: Type::Message(&DROPOUTPARAMETER) },
        Field { name: "hdf5_data_param", number: 13, label: Optional, ty: Type::Message(&HDF5DATAPARAMETER) },
        Field { name: "hdf5_output_param", number: 14, label: Optional, ty: Type::Message(&HDF5OUTPUTPARAMETER) },
        Field { name: "image_data_param", number: 15, label: Optional, ty: Type::Message(&IMAGEDATAPARAMETER) },
        Field { name: "infogain_loss_param", number: 16, label: Optional, ty: Type::Message(&INFOGAINLOSSPARAMETER) },
        Field { name: "inner_product_param", number: 17, label: Optional, ty: Type::Message(&INNERPRODUCTPARAMETER) },
        Field { name: "lrn_param", number: 18, label: Optional, ty: Type::Message(&LRNPARAMETER) },
        Field { name: "pooling_param", number: 19, label: Optional, ty: Type::Message(&POOLINGPARAMETER) },
        Field { name: "window_data_param", number: 20, label: Optional, ty: Type::Message(&WINDOWDATAPARAMETER) },
        Field { name: "power_param", number: 21, label: Optional, ty: Type::Message(&POWERPARAMETER) },
        Field { name: "memory_data_param", number: 22, label: Optional, ty: Type::Message(&MEMORYDATAPARAMETER) },
        Field { name: "argmax_param", number: 23, label: Optional, ty: Type::Message(&ARGMAXPARAMETER) },
        Field { name: "eltwise_param", number: 24, label: Optional, ty: Type::Message(&ELTWISEPARAMETER) },
        Field { name: "threshold_param", number: 25, label: Optional, ty: Type::Message(&THRESHOLDPARAMETER) },
        Field { name: "dummy_data_param", number: 26, label: Optional, ty: Type::Message(&DUMMYDATAPARAMETER) },
        Field { name: "accuracy_param", number: 27, label: Optional, ty: Type::Message(&ACCURACYPARAMETER) },
        Field { name: "hinge_loss_param", number: 29, label: Optional, ty: Type::Message(&HINGELOSSPARAMETER) },
        Field { name: "relu_param", number: 30, label: Optional, ty: Type::Message(&RELUPARAMETER) },
        Field { name: "slice_param", number: 31, label: Optional, ty: Type::Message(&SLICEPARAMETER) },
        Field { name: "include", number: 32, label: Repeated, ty: Type::Message(&NETSTATERULE) },
        Field { name: "exclude", number: 33, label: Repeated, ty: Type::Message(&NETSTATERULE) },
        Field { name: "mvn_param", number: 34, label: Optional, ty: Type::Message(&MVNPARAMETER) },
        Field { name: "loss_weight", number: 35, label: Repeated, ty: Float },
        Field { name: "transform_param", number: 36, label: Optional, ty: Type::Message(&TRANSFORMATIONPARAMETER) },
        Field { name: "tanh_param", number: 37, label: Optional, ty: Type::Message(&TANHPARAMETER) },
        Field { name: "sigmoid_param", number: 38, label: Optional, ty: Type::Message(&SIGMOIDPARAMETER) },
        Field { name: "softmax_param", number: 39, label: Optional, ty: Type::Message(&SOFTMAXPARAMETER) },
        Field {
            name: "contrastive_loss_param",
            number: 40,
            label: Optional,
            ty: Type::Message(&CONTRASTIVELOSSPARAMETER),
        },
        Field { name: "exp_param", number: 41, label: Optional, ty: Type::Message(&EXPPARAMETER) },
        Field { name: "loss_param", number: 42, label: Optional, ty: Type::Message(&LOSSPARAMETER) },
        Field { name: "param", number: 1001, label: Repeated, ty: String },
        Field {
            name: "blob_share_mode",
            number: 1002,
            label: Repeated,
            ty: Type::Enum(&V1LAYERPARAMETER_DIMCHECKMODE),
        },
    ],
};

static V0LAYERPARAMETER: Message = Message {
    name: "V0LayerParameter",
    fields: &[
        Field { name: "name", number: 1, label: Optional, ty: String },
        Field { name: "type", number: 2, label: Optional, ty: String },
        Field { name: "num_output", number: 3, label: Optional, ty: Uint32 },
        Field { name: "biasterm", number: 4, label: Optional, ty: Bool },
        Field { name: "weight_filler", number: 5, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "bias_filler", number: 6, label: Optional, ty: Type::Message(&FILLERPARAMETER) },
        Field { name: "pad", number: 7, label: Optional, ty: Uint32 },
        Field { name: "kernelsize", number: 8, label: Optional, ty: Uint32 },
        Field { name: "group", number: 9, label: Optional, ty: Uint32 },
        Field { name: "stride", number: 10, label: Optional, ty: Uint32 },
        Field { name: "pool", number: 11, label: Optional, ty: Type::Enum(&V0LAYERPARAMETER_POOLMETHOD) },
        Field { name: "dropout_ratio", number: 12, label: Optional, ty: Float },
        Field { name: "local_size", number: 13, label: Optional, ty: Uint32 },
        Field { name: "alpha", number: 14, label: Optional, ty: Float },
        Field { name: "beta", number: 15, label: Optional, ty: Float },
        Field { name: "source", number: 16, label: Optional, ty: String },
        Field { name: "scale", number: 17, label: Optional, ty: Float },
        Field { name: "meanfile", number: 18, label: Optional, ty: String },
        Field { name: "batchsize", number: 19, label: Optional, ty: Uint32 },
        Field { name: "cropsize", number: 20, label: Optional, ty: Uint32 },
        Field { name: "mirror", number: 21, label: Optional, ty: Bool },
        Field { name: "k", number: 22, label: Optional, ty: Float },
        Field { name: "blobs", number: 50, label: Repeated, ty: Type::Message(&BLOBPROTO) },
        Field { name: "blobs_lr", number: 51, label: Repeated, ty: Float },
        Field { name: "weight_decay", number: 52, label: Repeated, ty: Float },
        Field { name: "rand_skip", number: 53, label: Optional, ty: Uint32 },
        Field { name: "det_fg_threshold", number: 54, label: Optional, ty: Float },
        Field { name: "det_bg_threshold", number: 55, label: Optional, ty: Float },
        Field { name: "det_fg_fraction", number: 56, label: Optional, ty: Float },
        Field { name: "det_context_pad", number: 58, label: Optional, ty: Uint32 },
        Field { name: "det_crop_mode", number: 59, label: Optional, ty: String },
        Field { name: "new_num", number: 60, label: Optional, ty: Int32 },
        Field { name: "new_channels", number: 61, label: Optional, ty: Int32 },
        Field { name: "new_height", number: 62, label: Optional, ty: Int32 },
        Field { name: "new_width", number: 63, label: Optional, ty: Int32 },
        Field { name: "shuffle_images", number: 64, label: Optional, ty: Bool },
        Field { name: "concat_dim", number: 65, label: Optional, ty: Uint32 },
        Field { name: "hdf5_output_param", number: 1001, label: Optional, ty: Type::Message(&HDF5OUTPUTPARAMETER) },
    ],
};

impl Named for caffe::BlobShape {
    const SCHEMA: &'static Message = &BLOBSHAPE;
}

impl Named for caffe::BlobProto {
    const SCHEMA: &'static Message = &BLOBPROTO;
}

impl Named for caffe::BlobProtoVector {
    const SCHEMA: &'static Message = &BLOBPROTOVECTOR;
}

impl Named for caffe::Datum {
    const SCHEMA: &'static Message = &DATUM;
}

impl Named for caffe::NetParameter {
    const SCHEMA: &'static Message = &NETPARAMETER;
}

impl Named for caffe::NetState {
    const SCHEMA: &'static Message = &NETSTATE;
}

impl Named for caffe::NetStateRule {
    const SCHEMA: &'static Message = &NETSTATERULE;
}

impl Named for caffe::LayerParameter {
    const SCHEMA: &'static Message = &LAYERPARAMETER;
}

impl Named for caffe::ParamSpec {
    const SCHEMA: &'static Message = &PARAMSPEC;
}

impl Named for caffe::FillerParameter {
    const SCHEMA: &'static Message = &FILLERPARAMETER;
}

impl Named for caffe::SolverParameter {
    const SCHEMA: &'static Message = &SOLVERPARAMETER;
}

impl Named for caffe::SolverState {
    const SCHEMA: &'static Message = &SOLVERSTATE;
}

impl Named for caffe::LayerPosition {
    const SCHEMA: &'static Message = &LAYERPOSITION;
}

impl Named for caffe::InputParameter {
    const SCHEMA: &'static Message = &INPUTPARAMETER;
}

impl Named for caffe::DataParameter {
    const SCHEMA: &'static Message = &DATAPARAMETER;
}

impl Named for caffe::TransformationParameter {
    const SCHEMA: &'static Message = &TRANSFORMATIONPARAMETER;
}

impl Named for caffe::ImageDataParameter {
    const SCHEMA: &'static Message = &IMAGEDATAPARAMETER;
}

impl Named for caffe::Hdf5DataParameter {
    const SCHEMA: &'static Message = &HDF5DATAPARAMETER;
}

impl Named for caffe::Hdf5OutputParameter {
    const SCHEMA: &'static Message = &HDF5OUTPUTPARAMETER;
}

impl Named for caffe::MemoryDataParameter {
    const SCHEMA: &'static Message = &MEMORYDATAPARAMETER;
}

impl Named for caffe::WindowDataParameter {
    const SCHEMA: &'static Message = &WINDOWDATAPARAMETER;
}

impl Named for caffe::DummyDataParameter {
    const SCHEMA: &'static Message = &DUMMYDATAPARAMETER;
}

impl Named for caffe::ParameterParameter {
    const SCHEMA: &'static Message = &PARAMETERPARAMETER;
}

impl Named for caffe::PythonParameter {
    const SCHEMA: &'static Message = &PYTHONPARAMETER;
}

impl Named for caffe::InnerProductParameter {
    const SCHEMA: &'static Message = &INNERPRODUCTPARAMETER;
}

impl Named for caffe::ConvolutionParameter {
    const SCHEMA: &'static Message = &CONVOLUTIONPARAMETER;
}

impl Named for caffe::EmbedParameter {
    const SCHEMA: &'static Message = &EMBEDPARAMETER;
}

impl Named for caffe::BiasParameter {
    const SCHEMA: &'static Message = &BIASPARAMETER;
}

impl Named for caffe::ScaleParameter {
    const SCHEMA: &'static Message = &SCALEPARAMETER;
}

impl Named for caffe::BatchNormParameter {
    const SCHEMA: &'static Message = &BATCHNORMPARAMETER;
}

impl Named for caffe::RecurrentParameter {
    const SCHEMA: &'static Message = &RECURRENTPARAMETER;
}

impl Named for caffe::PoolingParameter {
    const SCHEMA: &'static Message = &POOLINGPARAMETER;
}

impl Named for caffe::SppParameter {
    const SCHEMA: &'static Message = &SPPPARAMETER;
}

impl Named for caffe::LrnParameter {
    const SCHEMA: &'static Message = &LRNPARAMETER;
}

impl Named for caffe::CropParameter {
    const SCHEMA: &'static Message = &CROPPARAMETER;
}

impl Named for caffe::ReLuParameter {
    const SCHEMA: &'static Message = &RELUPARAMETER;
}

impl Named for caffe::PReLuParameter {
    const SCHEMA: &'static Message = &PRELUPARAMETER;
}

impl Named for caffe::EluParameter {
    const SCHEMA: &'static Message = &ELUPARAMETER;
}

impl Named for caffe::SigmoidParameter {
    const SCHEMA: &'static Message = &SIGMOIDPARAMETER;
}

impl Named for caffe::TanHParameter {
    const SCHEMA: &'static Message = &TANHPARAMETER;
}

impl Named for caffe::SwishParameter {
    const SCHEMA: &'static Message = &SWISHPARAMETER;
}

impl Named for caffe::PowerParameter {
    const SCHEMA: &'static Message = &POWERPARAMETER;
}

impl Named for caffe::ExpParameter {
    const SCHEMA: &'static Message = &EXPPARAMETER;
}

impl Named for caffe::LogParameter {
    const SCHEMA: &'static Message = &LOGPARAMETER;
}

impl Named for caffe::ThresholdParameter {
    const SCHEMA: &'static Message = &THRESHOLDPARAMETER;
}

impl Named for caffe::ClipParameter {
    const SCHEMA: &'static Message = &CLIPPARAMETER;
}

impl Named for caffe::DropoutParameter {
    const SCHEMA: &'static Message = &DROPOUTPARAMETER;
}

impl Named for caffe::EltwiseParameter {
    const SCHEMA: &'static Message = &ELTWISEPARAMETER;
}

impl Named for caffe::ConcatParameter {
    const SCHEMA: &'static Message = &CONCATPARAMETER;
}

impl Named for caffe::SliceParameter {
    const SCHEMA: &'static Message = &SLICEPARAMETER;
}

impl Named for caffe::SoftmaxParameter {
    const SCHEMA: &'static Message = &SOFTMAXPARAMETER;
}

impl Named for caffe::MvnParameter {
    const SCHEMA: &'static Message = &MVNPARAMETER;
}

impl Named for caffe::ReductionParameter {
    const SCHEMA: &'static Message = &REDUCTIONPARAMETER;
}

impl Named for caffe::ArgMaxParameter {
    const SCHEMA: &'static Message = &ARGMAXPARAMETER;
}

impl Named for caffe::FlattenParameter {
    const SCHEMA: &'static Message = &FLATTENPARAMETER;
}

impl Named for caffe::ReshapeParameter {
    const SCHEMA: &'static Message = &RESHAPEPARAMETER;
}

impl Named for caffe::TileParameter {
    const SCHEMA: &'static Message = &TILEPARAMETER;
}

impl Named for caffe::LossParameter {
    const SCHEMA: &'static Message = &LOSSPARAMETER;
}

impl Named for caffe::ContrastiveLossParameter {
    const SCHEMA: &'static Message = &CONTRASTIVELOSSPARAMETER;
}

impl Named for caffe::HingeLossParameter {
    const SCHEMA: &'static Message = &HINGELOSSPARAMETER;
}

impl Named for caffe::InfogainLossParameter {
    const SCHEMA: &'static Message = &INFOGAINLOSSPARAMETER;
}

impl Named for caffe::AccuracyParameter {
    const SCHEMA: &'static Message = &ACCURACYPARAMETER;
}

impl Named for caffe::V1LayerParameter {
    const SCHEMA: &'static Message = &V1LAYERPARAMETER;
}

impl Named for caffe::V0LayerParameter {
    const SCHEMA: &'static Message = &V0LAYERPARAMETER;
}

/// Message, field, and the value that counts if it is left out.
pub static DEFAULTS: &[(&str, &str, &str)] = &[
    ("BlobProto", "num", "0"),
    ("BlobProto", "channels", "0"),
    ("BlobProto", "height", "0"),
    ("BlobProto", "width", "0"),
    ("Datum", "encoded", "false"),
    ("NetParameter", "force_backward", "false"),
    ("NetParameter", "debug_info", "false"),
    ("NetState", "phase", "TEST"),
    ("NetState", "level", "0"),
    ("ParamSpec", "lr_mult", "1"),
    ("ParamSpec", "decay_mult", "1"),
    ("FillerParameter", "type", "constant"),
    ("FillerParameter", "value", "0"),
    ("FillerParameter", "min", "0"),
    ("FillerParameter", "max", "1"),
    ("FillerParameter", "mean", "0"),
    ("FillerParameter", "std", "1"),
    ("FillerParameter", "sparse", "-1"),
    ("FillerParameter", "variance_norm", "FAN_IN"),
    ("SolverParameter", "test_interval", "0"),
    ("SolverParameter", "snapshot", "0"),
    ("SolverParameter", "snapshot_diff", "false"),
    ("SolverParameter", "solver_mode", "GPU"),
    ("SolverParameter", "device_id", "0"),
    ("SolverParameter", "test_compute_loss", "false"),
    ("SolverParameter", "random_seed", "-1"),
    ("SolverParameter", "debug_info", "false"),
    ("SolverParameter", "snapshot_after_train", "true"),
    ("SolverParameter", "regularization_type", "L2"),
    ("SolverParameter", "solver_type", "SGD"),
    ("SolverParameter", "delta", "0.00000001"),
    ("SolverParameter", "test_initialization", "true"),
    ("SolverParameter", "average_loss", "1"),
    ("SolverParameter", "clip_gradients", "-1"),
    ("SolverParameter", "iter_size", "1"),
    ("SolverParameter", "snapshot_format", "BINARYPROTO"),
    ("SolverParameter", "rms_decay", "0.99"),
    ("SolverParameter", "momentum2", "0.999"),
    ("SolverParameter", "type", "SGD"),
    ("SolverParameter", "layer_wise_reduce", "true"),
    ("SolverState", "current_step", "0"),
    ("DataParameter", "scale", "1"),
    ("DataParameter", "crop_size", "0"),
    ("DataParameter", "mirror", "false"),
    ("DataParameter", "rand_skip", "0"),
    ("DataParameter", "backend", "LEVELDB"),
    ("DataParameter", "force_encoded_color", "false"),
    ("DataParameter", "prefetch", "4"),
    ("DataParameter", "shuffle", "false"),
    ("TransformationParameter", "scale", "1"),
    ("TransformationParameter", "mirror", "false"),
    ("TransformationParameter", "crop_size", "0"),
    ("TransformationParameter", "force_color", "false"),
    ("TransformationParameter", "force_gray", "false"),
    ("ImageDataParameter", "scale", "1"),
    ("ImageDataParameter", "batch_size", "1"),
    ("ImageDataParameter", "crop_size", "0"),
    ("ImageDataParameter", "mirror", "false"),
    ("ImageDataParameter", "rand_skip", "0"),
    ("ImageDataParameter", "shuffle", "false"),
    ("ImageDataParameter", "new_height", "0"),
    ("ImageDataParameter", "new_width", "0"),
    ("ImageDataParameter", "is_color", "true"),
    ("ImageDataParameter", "root_folder", ""),
    ("HDF5DataParameter", "shuffle", "false"),
    ("WindowDataParameter", "scale", "1"),
    ("WindowDataParameter", "crop_size", "0"),
    ("WindowDataParameter", "mirror", "false"),
    ("WindowDataParameter", "fg_threshold", "0.5"),
    ("WindowDataParameter", "bg_threshold", "0.5"),
    ("WindowDataParameter", "fg_fraction", "0.25"),
    ("WindowDataParameter", "context_pad", "0"),
    ("WindowDataParameter", "crop_mode", "warp"),
    ("WindowDataParameter", "cache_images", "false"),
    ("WindowDataParameter", "root_folder", ""),
    ("PythonParameter", "param_str", ""),
    ("PythonParameter", "share_in_parallel", "false"),
    ("InnerProductParameter", "bias_term", "true"),
    ("InnerProductParameter", "axis", "1"),
    ("InnerProductParameter", "transpose", "false"),
    ("ConvolutionParameter", "bias_term", "true"),
    ("ConvolutionParameter", "group", "1"),
    ("ConvolutionParameter", "pad_h", "0"),
    ("ConvolutionParameter", "pad_w", "0"),
    ("ConvolutionParameter", "engine", "DEFAULT"),
    ("ConvolutionParameter", "axis", "1"),
    ("ConvolutionParameter", "force_nd_im2col", "false"),
    ("EmbedParameter", "bias_term", "true"),
    ("BiasParameter", "axis", "1"),
    ("BiasParameter", "num_axes", "1"),
    ("ScaleParameter", "axis", "1"),
    ("ScaleParameter", "num_axes", "1"),
    ("ScaleParameter", "bias_term", "false"),
    ("BatchNormParameter", "moving_average_fraction", "0.999"),
    ("BatchNormParameter", "eps", "0.00001"),
    ("RecurrentParameter", "num_output", "0"),
    ("RecurrentParameter", "debug_info", "false"),
    ("RecurrentParameter", "expose_hidden", "false"),
    ("PoolingParameter", "pool", "MAX"),
    ("PoolingParameter", "stride", "1"),
    ("PoolingParameter", "pad", "0"),
    ("PoolingParameter", "pad_h", "0"),
    ("PoolingParameter", "pad_w", "0"),
    ("PoolingParameter", "engine", "DEFAULT"),
    ("PoolingParameter", "global_pooling", "false"),
    ("PoolingParameter", "round_mode", "CEIL"),
    ("SPPParameter", "pool", "MAX"),
    ("SPPParameter", "engine", "DEFAULT"),
    ("LRNParameter", "local_size", "5"),
    ("LRNParameter", "alpha", "1"),
    ("LRNParameter", "beta", "0.75"),
    ("LRNParameter", "norm_region", "ACROSS_CHANNELS"),
    ("LRNParameter", "k", "1"),
    ("LRNParameter", "engine", "DEFAULT"),
    ("CropParameter", "axis", "2"),
    ("ReLUParameter", "negative_slope", "0"),
    ("ReLUParameter", "engine", "DEFAULT"),
    ("PReLUParameter", "channel_shared", "false"),
    ("ELUParameter", "alpha", "1"),
    ("SigmoidParameter", "engine", "DEFAULT"),
    ("TanHParameter", "engine", "DEFAULT"),
    ("SwishParameter", "beta", "1"),
    ("PowerParameter", "power", "1"),
    ("PowerParameter", "scale", "1"),
    ("PowerParameter", "shift", "0"),
    ("ExpParameter", "base", "-1"),
    ("ExpParameter", "scale", "1"),
    ("ExpParameter", "shift", "0"),
    ("LogParameter", "base", "-1"),
    ("LogParameter", "scale", "1"),
    ("LogParameter", "shift", "0"),
    ("ThresholdParameter", "threshold", "0"),
    ("DropoutParameter", "dropout_ratio", "0.5"),
    ("EltwiseParameter", "operation", "SUM"),
    ("EltwiseParameter", "stable_prod_grad", "true"),
    ("ConcatParameter", "concat_dim", "1"),
    ("ConcatParameter", "axis", "1"),
    ("SliceParameter", "slice_dim", "1"),
    ("SliceParameter", "axis", "1"),
    ("SoftmaxParameter", "engine", "DEFAULT"),
    ("SoftmaxParameter", "axis", "1"),
    ("MVNParameter", "normalize_variance", "true"),
    ("MVNParameter", "across_channels", "false"),
    ("MVNParameter", "eps", "0.000000001"),
    ("ReductionParameter", "operation", "SUM"),
    ("ReductionParameter", "axis", "0"),
    ("ReductionParameter", "coeff", "1"),
    ("ArgMaxParameter", "out_max_val", "false"),
    ("ArgMaxParameter", "top_k", "1"),
    ("FlattenParameter", "axis", "1"),
    ("FlattenParameter", "end_axis", "-1"),
    ("ReshapeParameter", "axis", "0"),
    ("ReshapeParameter", "num_axes", "-1"),
    ("TileParameter", "axis", "1"),
    ("LossParameter", "normalization", "VALID"),
    ("ContrastiveLossParameter", "margin", "1"),
    ("ContrastiveLossParameter", "legacy_version", "false"),
    ("HingeLossParameter", "norm", "L1"),
    ("InfogainLossParameter", "axis", "1"),
    ("AccuracyParameter", "top_k", "1"),
    ("AccuracyParameter", "axis", "1"),
    ("V0LayerParameter", "biasterm", "true"),
    ("V0LayerParameter", "pad", "0"),
    ("V0LayerParameter", "group", "1"),
    ("V0LayerParameter", "stride", "1"),
    ("V0LayerParameter", "pool", "MAX"),
    ("V0LayerParameter", "dropout_ratio", "0.5"),
    ("V0LayerParameter", "local_size", "5"),
    ("V0LayerParameter", "alpha", "1"),
    ("V0LayerParameter", "beta", "0.75"),
    ("V0LayerParameter", "scale", "1"),
    ("V0LayerParameter", "cropsize", "0"),
    ("V0LayerParameter", "mirror", "false"),
    ("V0LayerParameter", "k", "1"),
    ("V0LayerParameter", "rand_skip", "0"),
    ("V0LayerParameter", "det_fg_threshold", "0.5"),
    ("V0LayerParameter", "det_bg_threshold", "0.5"),
    ("V0LayerParameter", "det_fg_fraction", "0.25"),
    ("V0LayerParameter", "det_context_pad", "0"),
    ("V0LayerParameter", "det_crop_mode", "warp"),
    ("V0LayerParameter", "new_num", "0"),
    ("V0LayerParameter", "new_channels", "0"),
    ("V0LayerParameter", "new_height", "0"),
    ("V0LayerParameter", "new_width", "0"),
    ("V0LayerParameter", "shuffle_images", "false"),
    ("V0LayerParameter", "concat_dim", "1"),
];
