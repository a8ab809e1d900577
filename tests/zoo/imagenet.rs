//! Nets for photographs: ImageNet's thousand classes, and one that colours each pixel by its class.

use super::parts::*;
use cortado::net_spec::*;

fn learned_twice_as_fast() -> ([f32; 2], [f32; 2]) {
    ([1.0, 2.0], [1.0, 0.0])
}

/// A convolution whose bias is learned twice as fast as the weights, and does not decay.
fn conv(outputs: u32, kernel: u32) -> Convolution {
    let (lr, decay) = learned_twice_as_fast();
    Convolution::new(outputs, kernel).lr_mult(lr).decay_mult(decay)
}

fn ip(outputs: u32) -> InnerProduct {
    let (lr, decay) = learned_twice_as_fast();
    InnerProduct::new(outputs).lr_mult(lr).decay_mult(decay)
}

/// AlexNet (Krizhevsky, Sutskever and Hinton 2012) as Caffe's bvlc_alexnet: normalisation before pooling.
pub fn alexnet() -> NetSpec {
    alex("AlexNet", 0.1, |n, number, x| {
        let norm = n.layer(format!("norm{number}"), x, Lrn::new(5, 1e-4, 0.75));
        n.layer(format!("pool{number}"), &norm, Pooling::max(3, 2))
    })
}

/// CaffeNet: AlexNet with pooling before normalisation.
pub fn caffenet() -> NetSpec {
    alex("CaffeNet", 1.0, |n, number, x| {
        let pool = n.layer(format!("pool{number}"), x, Pooling::max(3, 2));
        n.layer(format!("norm{number}"), &pool, Lrn::new(5, 1e-4, 0.75))
    })
}

fn alex(name: &str, bias: f32, shrink: fn(&mut NetSpec, u32, &Top) -> Top) -> NetSpec {
    let mut n = NetSpec::new(name);
    let (data, label) = images(&mut n, [1, 3, 227, 227]);
    let conv = |outputs, kernel, bias| conv(outputs, kernel).weight_filler(gaussian(0.01)).bias_filler(constant(bias));
    let x = conv_relu(&mut n, "conv1", "relu1", &data, conv(96, 11, 0.0).stride(4));
    let x = shrink(&mut n, 1, &x);
    let x = conv_relu(&mut n, "conv2", "relu2", &x, conv(256, 5, bias).pad(2).group(2));
    let x = shrink(&mut n, 2, &x);
    let x = conv_relu(&mut n, "conv3", "relu3", &x, conv(384, 3, 0.0).pad(1));
    let x = conv_relu(&mut n, "conv4", "relu4", &x, conv(384, 3, bias).pad(1).group(2));
    let x = conv_relu(&mut n, "conv5", "relu5", &x, conv(256, 3, bias).pad(1).group(2));
    let x = n.layer("pool5", &x, Pooling::max(3, 2));
    let hidden = || ip(4096).weight_filler(gaussian(0.005)).bias_filler(constant(bias));
    let x = fc_relu_drop(&mut n, 6, &x, hidden());
    let x = fc_relu_drop(&mut n, 7, &x, hidden());
    let fc8 = n.layer("fc8", &x, ip(1000).weight_filler(gaussian(0.01)));
    classify(&mut n, &fc8, &label);
    n
}

/// The five blocks of VGG-16, up to pool5. Only the first layer's padding differs between users.
fn vgg_body(n: &mut NetSpec, data: &Top, first_pad: u32) -> [Top; 3] {
    let mut x = data.clone();
    let pools =
        [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)].into_iter().zip(1..).map(|((outputs, layers), block)| {
            for i in 1..=layers {
                let pad = if (block, i) == (1, 1) { first_pad } else { 1 };
                let conv = conv(outputs, 3).pad(pad).weight_filler(msra());
                x = conv_relu(n, &format!("conv{block}_{i}"), &format!("relu{block}_{i}"), &x, conv);
            }
            x = n.layer(format!("pool{block}"), &x, Pooling::max(2, 2));
            x.clone()
        });
    let pools: Vec<Top> = pools.collect();
    [pools[2].clone(), pools[3].clone(), pools[4].clone()]
}

/// VGG-16 (Simonyan and Zisserman 2014): nothing but 3x3 kernels.
pub fn vgg16() -> NetSpec {
    let mut n = NetSpec::new("VGG_ILSVRC_16_layers");
    let (data, label) = images(&mut n, [1, 3, 224, 224]);
    let [_, _, pool5] = vgg_body(&mut n, &data, 1);
    let x = fc_relu_drop(&mut n, 6, &pool5, ip(4096).weight_filler(msra()));
    let x = fc_relu_drop(&mut n, 7, &x, ip(4096).weight_filler(msra()));
    let fc8 = n.layer("fc8", &x, ip(1000).weight_filler(gaussian(0.01)));
    classify(&mut n, &fc8, &label);
    n
}

/// FCN-8s (Long, Shelhamer and Darrell 2015): VGG-16 with its fully connected layers as convolutions, and the scores of three
/// depths enlarged, cut to fit and added. The enlarging kernels are not learned: fill them with interpolation, one channel to
/// one, as the published weights do.
pub fn fcn8s() -> NetSpec {
    let mut n = NetSpec::new("FCN8s");
    let data = n.layer("data", [], Input::new([1, 3, 224, 224]));
    let label = n.layer("label", [], Input::new([1, 1, 224, 224]).exclude(deploy()));
    let [pool3, pool4, pool5] = vgg_body(&mut n, &data, 100);
    let mut x = pool5;
    for (number, kernel) in [(6, 7), (7, 1)] {
        let fc = conv(4096, kernel).weight_filler(msra());
        x = conv_relu(&mut n, &format!("fc{number}"), &format!("relu{number}"), &x, fc);
        n.in_place(format!("drop{number}"), &x, Dropout::new(0.5));
    }
    let score = || conv(21, 1).weight_filler(gaussian(0.01));
    let larger = |by: u32| Deconvolution::new(21, 2 * by).stride(by).bias_term(false).lr_mult([0.0]);
    let cut = |offset| Crop::new(2).offset([offset]);
    let score_fr = n.layer("score_fr", &x, score());
    let upscore2 = n.layer("upscore2", &score_fr, larger(2));
    let score_pool4 = n.layer("score_pool4", &pool4, score());
    let score_pool4c = n.layer("score_pool4c", [&score_pool4, &upscore2], cut(5));
    let fuse_pool4 = n.layer("fuse_pool4", [&upscore2, &score_pool4c], Eltwise::sum());
    let upscore_pool4 = n.layer("upscore_pool4", &fuse_pool4, larger(2));
    let score_pool3 = n.layer("score_pool3", &pool3, score());
    let score_pool3c = n.layer("score_pool3c", [&score_pool3, &upscore_pool4], cut(9));
    let fuse_pool3 = n.layer("fuse_pool3", [&upscore_pool4, &score_pool3c], Eltwise::sum());
    let upscore8 = n.layer("upscore8", &fuse_pool3, larger(8));
    let score = n.layer("score", [&upscore8, &data], cut(31));
    let loss = SoftmaxWithLoss::new().ignore_label(255);
    let sum = cortado::proto::loss_parameter::NormalizationMode::None;
    n.layer("loss", [&score, &label], loss.normalization(sum).exclude(deploy()));
    n
}

/// GoogLeNet (Szegedy et al. 2014) as Caffe's bvlc_googlenet, with its two auxiliary classifiers.
pub fn googlenet() -> NetSpec {
    let mut n = NetSpec::new("GoogleNet");
    let (data, label) = images(&mut n, [1, 3, 224, 224]);
    let x = inception_conv(&mut n, "conv1/", "7x7_s2", &data, conv(64, 7).pad(3).stride(2));
    let x = n.layer("pool1/3x3_s2", &x, Pooling::max(3, 2));
    let x = n.layer("pool1/norm1", &x, Lrn::new(5, 1e-4, 0.75));
    let x = inception_conv(&mut n, "conv2/", "3x3_reduce", &x, conv(64, 1));
    let x = inception_conv(&mut n, "conv2/", "3x3", &x, conv(192, 3).pad(1));
    let x = n.layer("conv2/norm2", &x, Lrn::new(5, 1e-4, 0.75));
    let x = n.layer("pool2/3x3_s2", &x, Pooling::max(3, 2));
    let x = inception(&mut n, "3a", &x, [64, 96, 128, 16, 32, 32]);
    let x = inception(&mut n, "3b", &x, [128, 128, 192, 32, 96, 64]);
    let x = n.layer("pool3/3x3_s2", &x, Pooling::max(3, 2));
    let x = inception(&mut n, "4a", &x, [192, 96, 208, 16, 48, 64]);
    auxiliary(&mut n, "loss1", &x, &label);
    let x = inception(&mut n, "4b", &x, [160, 112, 224, 24, 64, 64]);
    let x = inception(&mut n, "4c", &x, [128, 128, 256, 24, 64, 64]);
    let x = inception(&mut n, "4d", &x, [112, 144, 288, 32, 64, 64]);
    auxiliary(&mut n, "loss2", &x, &label);
    let x = inception(&mut n, "4e", &x, [256, 160, 320, 32, 128, 128]);
    let x = n.layer("pool4/3x3_s2", &x, Pooling::max(3, 2));
    let x = inception(&mut n, "5a", &x, [256, 160, 320, 32, 128, 128]);
    let x = inception(&mut n, "5b", &x, [384, 192, 384, 48, 128, 128]);
    let x = n.layer("pool5/7x7_s1", &x, Pooling::ave(7, 1));
    n.in_place("pool5/drop_7x7_s1", &x, Dropout::new(0.4));
    let scores = n.layer("loss3/classifier", &x, ip(1000).weight_filler(xavier()));
    n.layer("loss3/loss3", [&scores, &label], SoftmaxWithLoss::new().exclude(deploy()));
    accuracy(&mut n, "loss3/top-1", &scores, &label, 1);
    accuracy(&mut n, "loss3/top-5", &scores, &label, 5);
    n.layer("prob", &scores, Softmax::new().include(deploy()));
    n
}

/// A convolution `block`/`name` with its ReLU `block`/relu_`name`, which leaves a stride out of its name.
fn inception_conv(n: &mut NetSpec, block: &str, name: &str, x: &Top, conv: Convolution) -> Top {
    let conv = conv.weight_filler(xavier()).bias_filler(constant(0.2));
    conv_relu(n, &format!("{block}{name}"), &format!("{block}relu_{}", name.trim_end_matches("_s2")), x, conv)
}

/// Four ways through kernels of different sizes, one beside the other. The numbers are the outputs: 1x1; 3x3 with what it is
/// reduced to before; 5x5 with the same; what the pooled input is projected to.
fn inception(n: &mut NetSpec, name: &str, x: &Top, outputs: [u32; 6]) -> Top {
    let [o1, r3, o3, r5, o5, proj] = outputs;
    let block = &format!("inception_{name}/");
    let y1 = inception_conv(n, block, "1x1", x, conv(o1, 1));
    let y3 = inception_conv(n, block, "3x3_reduce", x, conv(r3, 1));
    let y3 = inception_conv(n, block, "3x3", &y3, conv(o3, 3).pad(1));
    let y5 = inception_conv(n, block, "5x5_reduce", x, conv(r5, 1));
    let y5 = inception_conv(n, block, "5x5", &y5, conv(o5, 5).pad(2));
    let pool = n.layer(format!("{block}pool"), x, Pooling::max(3, 1).pad(1));
    let pool = inception_conv(n, block, "pool_proj", &pool, conv(proj, 1));
    n.layer(format!("{block}output"), [&y1, &y3, &y5, &pool], Concat::new())
}

/// A classifier halfway up, so that the lower layers get a gradient. At work there is none.
fn auxiliary(n: &mut NetSpec, name: &str, x: &Top, label: &Top) {
    let part = |part: &str| format!("{name}/{part}");
    let x = n.layer(part("ave_pool"), x, Pooling::ave(5, 3).exclude(deploy()));
    let conv = conv(128, 1).weight_filler(xavier()).bias_filler(constant(0.2)).exclude(deploy());
    let x = n.layer(part("conv"), &x, conv);
    n.in_place(part("relu_conv"), &x, Relu::new().exclude(deploy()));
    let fc = ip(1024).weight_filler(xavier()).bias_filler(constant(0.2)).exclude(deploy());
    let x = n.layer(part("fc"), &x, fc);
    n.in_place(part("relu_fc"), &x, Relu::new().exclude(deploy()));
    n.in_place(part("drop_fc"), &x, Dropout::new(0.7).exclude(deploy()));
    let scores = n.layer(part("classifier"), &x, ip(1000).weight_filler(xavier()).exclude(deploy()));
    let loss = SoftmaxWithLoss::new().loss_weight(0.3).exclude(deploy());
    n.tops(part("loss"), [&scores, label], loss, [&*part("loss1")]);
    accuracy(n, &part("top-1"), &scores, label, 1);
    accuracy(n, &part("top-5"), &scores, label, 5);
}

/// SqueezeNet 1.1 (Iandola et al. 2016): AlexNet's accuracy with a fiftieth of its parameters.
pub fn squeezenet() -> NetSpec {
    let mut n = NetSpec::new("SqueezeNet_v1.1");
    let (data, label) = images(&mut n, [1, 3, 227, 227]);
    let conv1 = Convolution::new(64, 3).stride(2).weight_filler(xavier());
    let x = conv_relu(&mut n, "conv1", "relu_conv1", &data, conv1);
    let mut x = n.layer("pool1", &x, Pooling::max(3, 2));
    for (number, squeeze, expand) in
        [(2, 16, 64), (3, 16, 64), (4, 32, 128), (5, 32, 128), (6, 48, 192), (7, 48, 192), (8, 64, 256), (9, 64, 256)]
    {
        x = fire(&mut n, number, &x, squeeze, expand);
        if [3, 5].contains(&number) {
            x = n.layer(format!("pool{number}"), &x, Pooling::max(3, 2));
        }
    }
    n.in_place("drop9", &x, Dropout::new(0.5));
    let conv10 = Convolution::new(1000, 1).weight_filler(gaussian(0.01));
    let x = conv_relu(&mut n, "conv10", "relu_conv10", &x, conv10);
    let scores = n.layer("pool10", &x, Pooling::global_ave());
    classify(&mut n, &scores, &label);
    n
}

/// Few channels, then many: half of them by 1x1, half by 3x3 kernels.
fn fire(n: &mut NetSpec, number: u32, x: &Top, squeeze: u32, expand: u32) -> Top {
    let mut conv = |name: &str, x: &Top, conv: Convolution| {
        let (name, relu) = (format!("fire{number}/{name}"), format!("fire{number}/relu_{name}"));
        conv_relu(n, &name, &relu, x, conv.weight_filler(xavier()))
    };
    let x = conv("squeeze1x1", x, Convolution::new(squeeze, 1));
    let y1 = conv("expand1x1", &x, Convolution::new(expand, 1));
    let y3 = conv("expand3x3", &x, Convolution::new(expand, 3).pad(1));
    n.layer(format!("fire{number}/concat"), [&y1, &y3], Concat::new())
}

/// MobileNet (Howard et al. 2017): 3x3 kernels within channels, 1x1 kernels across them.
pub fn mobilenet() -> NetSpec {
    let mut n = NetSpec::new("MobileNet");
    let (data, label) = images(&mut n, [1, 3, 224, 224]);
    let mut x = normalised(&mut n, "conv1", "relu1", &data, Convolution::new(32, 3).pad(1).stride(2));
    let mut inputs = 32;
    #[rustfmt::skip]
    let blocks = [
        ("2_1", 64, 1), ("2_2", 128, 2), ("3_1", 128, 1), ("3_2", 256, 2), ("4_1", 256, 1), ("4_2", 512, 2), ("5_1", 512, 1),
        ("5_2", 512, 1), ("5_3", 512, 1), ("5_4", 512, 1), ("5_5", 512, 1), ("5_6", 1024, 2), ("6", 1024, 1),
    ];
    for (name, outputs, stride) in blocks {
        let within = Convolution::new(inputs, 3).pad(1).stride(stride).group(inputs);
        x = normalised(&mut n, &format!("conv{name}/dw"), &format!("relu{name}/dw"), &x, within);
        x = normalised(
            &mut n,
            &format!("conv{name}/sep"),
            &format!("relu{name}/sep"),
            &x,
            Convolution::new(outputs, 1),
        );
        inputs = outputs;
    }
    let pool6 = n.layer("pool6", &x, Pooling::global_ave());
    let fc7 = n.layer("fc7", &pool6, conv(1000, 1).weight_filler(msra()));
    classify(&mut n, &fc7, &label);
    n
}

/// A convolution without bias, normalised, with a factor and a bias for each channel, and a ReLU: all in place.
fn normalised(n: &mut NetSpec, name: &str, relu: &str, x: &Top, conv: Convolution) -> Top {
    let y = n.layer(name, x, conv.bias_term(false).weight_filler(msra()));
    n.in_place(format!("{name}/bn"), &y, BatchNorm::new());
    n.in_place(format!("{name}/scale"), &y, Scale::new().bias_term(true));
    n.in_place(relu, &y, Relu::new())
}
