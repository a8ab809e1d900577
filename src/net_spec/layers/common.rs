//! Layers with weights, recurrent layers and normalisation.

use crate::net_spec::LayerSpec;
use crate::proto::caffe::{FillerParameter, LayerParameter, lrn_parameter};

layers! {
    /// Each output is a weighted sum of all inputs.
    InnerProduct(num_output: u32) = "InnerProduct";
    inner_product_param: InnerProductParameter {
        one num_output: u32, one bias_term: bool, one weight_filler: FillerParameter, one bias_filler: FillerParameter,
        one axis: i32, one transpose: bool
    }
    /// Looks up a row of a table for each index.
    Embed(num_output: u32, input_dim: u32) = "Embed";
    embed_param: EmbedParameter {
        one num_output: u32, one input_dim: u32, one bias_term: bool, one weight_filler: FillerParameter,
        one bias_filler: FillerParameter
    }
    /// The plain recurrent net.
    Rnn(num_output: u32) = "RNN";
    recurrent_param: RecurrentParameter {
        one num_output: u32, one weight_filler: FillerParameter, one bias_filler: FillerParameter, one debug_info: bool,
        one expose_hidden: bool
    }
    /// Long short-term memory.
    Lstm(num_output: u32) = "LSTM";
    recurrent_param: RecurrentParameter {
        one num_output: u32, one weight_filler: FillerParameter, one bias_filler: FillerParameter, one debug_info: bool,
        one expose_hidden: bool
    }
    /// One time step of an LSTM.
    LstmUnit() = "LSTMUnit"
    /// Normalises each value by its neighbours (local response normalisation).
    Lrn(local_size: u32, alpha: f32, beta: f32) = "LRN";
    lrn_param: LrnParameter {
        one local_size: u32, one alpha: f32, one beta: f32, one norm_region: lrn_parameter::NormRegion, one k: f32,
        one engine: lrn_parameter::Engine
    }
    /// Each channel with mean 0 and variance 1.
    BatchNorm() = "BatchNorm";
    batch_norm_param: BatchNormParameter { one use_global_stats: bool, one moving_average_fraction: f32, one eps: f32 }
    /// Each image with mean 0 and variance 1.
    Mvn() = "MVN"; mvn_param: MvnParameter { one normalize_variance: bool, one across_channels: bool, one eps: f32 }
    /// A factor for each channel, learned or from a second bottom.
    Scale() = "Scale";
    scale_param: ScaleParameter {
        one axis: i32, one num_axes: i32, one filler: FillerParameter, one bias_term: bool, one bias_filler: FillerParameter
    }
    /// A summand for each channel, learned or from a second bottom.
    Bias() = "Bias"; bias_param: BiasParameter { one axis: i32, one num_axes: i32, one filler: FillerParameter }
}
