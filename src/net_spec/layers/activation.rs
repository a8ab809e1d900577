//! Layers value by value.

use crate::net_spec::LayerSpec;
use crate::proto::caffe::{
    ClipParameter, FillerParameter, LayerParameter, re_lu_parameter, sigmoid_parameter, softmax_parameter,
    tan_h_parameter,
};

layer! {
    /// `max(0, x)`.
    Relu = "ReLU"; relu_param: ReLuParameter { one negative_slope: f32, one engine: re_lu_parameter::Engine }
}
layer! {
    /// ReLU with a learned slope for negative values.
    Prelu = "PReLU"; prelu_param: PReLuParameter { one filler: FillerParameter, one channel_shared: bool }
}
layer! {
    /// ReLU with an exponential for negative values.
    Elu = "ELU"; elu_param: EluParameter { one alpha: f32 }
}
layer! {
    /// `1 / (1 + exp(-x))`.
    Sigmoid = "Sigmoid"; sigmoid_param: SigmoidParameter { one engine: sigmoid_parameter::Engine }
}
layer! {
    /// The hyperbolic tangent.
    Tanh = "TanH"; tanh_param: TanHParameter { one engine: tan_h_parameter::Engine }
}
layer! {
    /// `x * sigmoid(beta x)`.
    Swish = "Swish"; swish_param: SwishParameter { one beta: f32 }
}
layer! {
    /// `log(1 + exp(x))`.
    Bnll = "BNLL"
}
layer! {
    /// `|x|`.
    AbsVal = "AbsVal"
}
layer! {
    /// `(shift + scale x) ^ power`.
    Power = "Power"; power_param: PowerParameter { one power: f32, one scale: f32, one shift: f32 }
}
layer! {
    /// `base ^ (shift + scale x)`.
    Exp = "Exp"; exp_param: ExpParameter { one base: f32, one scale: f32, one shift: f32 }
}
layer! {
    /// The logarithm of `shift + scale x`.
    Log = "Log"; log_param: LogParameter { one base: f32, one scale: f32, one shift: f32 }
}
layer! {
    /// 1 above a bound, else 0.
    Threshold = "Threshold"; threshold_param: ThresholdParameter { one threshold: f32 }
}
layer! {
    /// x, but not below `min` and not above `max`.
    Clip = "Clip"
}
layer! {
    /// In training, values are dropped at random.
    Dropout = "Dropout"; dropout_param: DropoutParameter { one dropout_ratio: f32 }
}
layer! {
    /// Scores as probabilities.
    Softmax = "Softmax"; softmax_param: SoftmaxParameter { one engine: softmax_parameter::Engine, one axis: i32 }
}

new! {
    Relu()
    Prelu()
    Elu(alpha: f32)
    Sigmoid()
    Tanh()
    Swish()
    Bnll()
    AbsVal()
    Power(power: f32)
    Exp()
    Log()
    Threshold(threshold: f32)
    Dropout(dropout_ratio: f32)
    Softmax()
}

impl Clip {
    /// The bounds.
    pub fn new(min: f32, max: f32) -> Clip {
        Clip::blank().edit(|layer| layer.clip_param = Some(ClipParameter { min, max }))
    }
}
