//! Layers value by value.

use crate::net_spec::LayerSpec;
use crate::proto::caffe::{
    ClipParameter, FillerParameter, LayerParameter, re_lu_parameter, sigmoid_parameter, softmax_parameter,
    tan_h_parameter,
};

layers! {
    /// `max(0, x)`.
    Relu() = "ReLU"; relu_param: ReLuParameter { one negative_slope: f32, one engine: re_lu_parameter::Engine }
    /// ReLU with a learned slope for negative values.
    Prelu() = "PReLU"; prelu_param: PReLuParameter { one filler: FillerParameter, one channel_shared: bool }
    /// ReLU with an exponential for negative values.
    Elu(alpha: f32) = "ELU"; elu_param: EluParameter { one alpha: f32 }
    /// `1 / (1 + exp(-x))`.
    Sigmoid() = "Sigmoid"; sigmoid_param: SigmoidParameter { one engine: sigmoid_parameter::Engine }
    /// The hyperbolic tangent.
    Tanh() = "TanH"; tanh_param: TanHParameter { one engine: tan_h_parameter::Engine }
    /// `x * sigmoid(beta x)`.
    Swish() = "Swish"; swish_param: SwishParameter { one beta: f32 }
    /// `log(1 + exp(x))`.
    Bnll() = "BNLL"
    /// `|x|`.
    AbsVal() = "AbsVal"
    /// `(shift + scale x) ^ power`.
    Power(power: f32) = "Power"; power_param: PowerParameter { one power: f32, one scale: f32, one shift: f32 }
    /// `base ^ (shift + scale x)`.
    Exp() = "Exp"; exp_param: ExpParameter { one base: f32, one scale: f32, one shift: f32 }
    /// The logarithm of `shift + scale x`.
    Log() = "Log"; log_param: LogParameter { one base: f32, one scale: f32, one shift: f32 }
    /// 1 above a bound, else 0.
    Threshold(threshold: f32) = "Threshold"; threshold_param: ThresholdParameter { one threshold: f32 }
    /// x, but not below `min` and not above `max`.
    Clip = "Clip"
    /// In training, values are dropped at random.
    Dropout(dropout_ratio: f32) = "Dropout"; dropout_param: DropoutParameter { one dropout_ratio: f32 }
    /// Scores as probabilities.
    Softmax() = "Softmax"; softmax_param: SoftmaxParameter { one engine: softmax_parameter::Engine, one axis: i32 }
}

impl Clip {
    /// The bounds.
    pub fn new(min: f32, max: f32) -> Clip {
        Clip::blank().edit(|layer| layer.clip_param = Some(ClipParameter { min, max }))
    }
}
