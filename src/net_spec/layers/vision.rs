//! Layers of images.

use crate::net_spec::{LayerSpec, Sizes};
use crate::proto::caffe::{FillerParameter, LayerParameter, convolution_parameter, pooling_parameter, spp_parameter};

layers! {
    /// Kernels that slide over images.
    Convolution = "Convolution";
    convolution_param: ConvolutionParameter {
        one num_output: u32, one bias_term: bool, sizes pad: Sizes, sizes kernel_size: Sizes, sizes stride: Sizes,
        sizes dilation: Sizes, one pad_h: u32, one pad_w: u32, one kernel_h: u32, one kernel_w: u32, one stride_h: u32,
        one stride_w: u32, one group: u32, one weight_filler: FillerParameter, one bias_filler: FillerParameter,
        one engine: convolution_parameter::Engine, one axis: i32, one force_nd_im2col: bool
    }
    /// Transposed convolution: small images become larger ones.
    Deconvolution = "Deconvolution";
    convolution_param: ConvolutionParameter {
        one num_output: u32, one bias_term: bool, sizes pad: Sizes, sizes kernel_size: Sizes, sizes stride: Sizes,
        sizes dilation: Sizes, one pad_h: u32, one pad_w: u32, one kernel_h: u32, one kernel_w: u32, one stride_h: u32,
        one stride_w: u32, one group: u32, one weight_filler: FillerParameter, one bias_filler: FillerParameter,
        one engine: convolution_parameter::Engine, one axis: i32, one force_nd_im2col: bool
    }
    /// The windows of an image as columns.
    Im2col = "Im2col";
    convolution_param: ConvolutionParameter {
        sizes pad: Sizes, sizes kernel_size: Sizes, sizes stride: Sizes, sizes dilation: Sizes, one pad_h: u32,
        one pad_w: u32, one kernel_h: u32, one kernel_w: u32, one stride_h: u32, one stride_w: u32, one axis: i32,
        one force_nd_im2col: bool
    }
    /// One number for each window of an image.
    Pooling = "Pooling";
    pooling_param: PoolingParameter {
        one pool: pooling_parameter::PoolMethod, one pad: u32, one pad_h: u32, one pad_w: u32, one kernel_size: u32,
        one kernel_h: u32, one kernel_w: u32, one stride: u32, one stride_h: u32, one stride_w: u32,
        one engine: pooling_parameter::Engine, one global_pooling: bool, one round_mode: pooling_parameter::RoundMode
    }
    /// Pooling at several sizes: an image of any size becomes a fixed number of values.
    Spp(pyramid_height: u32) = "SPP";
    spp_param: SppParameter { one pyramid_height: u32, one pool: spp_parameter::PoolMethod, one engine: spp_parameter::Engine }
    /// A part of the first bottom, as large as the second.
    Crop(axis: i32) = "Crop"; crop_param: CropParameter { one axis: i32, each offset: u32 }
}

impl Convolution {
    /// `num_output` kernels of this size: `Convolution::new(20, 5)`, `Convolution::new(8, [1, 7])`.
    pub fn new(num_output: u32, kernel_size: impl Into<Sizes>) -> Convolution {
        Convolution::blank().num_output(num_output).kernel_size(kernel_size)
    }
}

impl Deconvolution {
    /// `num_output` kernels of this size.
    pub fn new(num_output: u32, kernel_size: impl Into<Sizes>) -> Deconvolution {
        Deconvolution::blank().num_output(num_output).kernel_size(kernel_size)
    }
}

impl Im2col {
    /// Windows of this size.
    pub fn new(kernel_size: impl Into<Sizes>) -> Im2col {
        Im2col::blank().kernel_size(kernel_size)
    }
}

impl Pooling {
    /// The largest value of each window.
    pub fn max(kernel_size: u32, stride: u32) -> Pooling {
        Pooling::blank().pool(pooling_parameter::PoolMethod::Max).kernel_size(kernel_size).stride(stride)
    }

    /// The mean of each window.
    pub fn ave(kernel_size: u32, stride: u32) -> Pooling {
        Pooling::blank().pool(pooling_parameter::PoolMethod::Ave).kernel_size(kernel_size).stride(stride)
    }

    /// The mean of each channel.
    pub fn global_ave() -> Pooling {
        Pooling::blank().pool(pooling_parameter::PoolMethod::Ave).global_pooling(true)
    }

    /// A random value of each window, larger ones with a higher probability.
    pub fn stochastic(kernel_size: u32, stride: u32) -> Pooling {
        Pooling::blank().pool(pooling_parameter::PoolMethod::Stochastic).kernel_size(kernel_size).stride(stride)
    }
}
