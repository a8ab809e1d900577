//! Nets for small images: digits, CIFAR-10, patches.

use super::parts::*;
use cortado::net_spec::*;

/// LeNet (LeCun et al. 1998), with ReLU and max-pooling as in Caffe's examples.
pub fn lenet() -> NetSpec {
    let mut n = NetSpec::new("LeNet");
    let (data, label) = images(&mut n, [1, 1, 28, 28]);
    let ip1 = lenet_body(&mut n, &data, "", |_| []);
    let ip2 = n.layer("ip2", &ip1, InnerProduct::new(10).weight_filler(xavier()).lr_mult([1.0, 2.0]));
    classify(&mut n, &ip2, &label);
    n
}

/// From pixels to ip1. The names of layers end in `suffix`, and `shared` names a layer's parameters.
fn lenet_body<const N: usize>(n: &mut NetSpec, data: &Top, suffix: &str, shared: fn(&str) -> [String; N]) -> Top {
    let named = |name: &str| format!("{name}{suffix}");
    let conv = |name: &str, outputs| {
        let conv = Convolution::new(outputs, 5).weight_filler(xavier());
        conv.param_names(shared(name)).lr_mult([1.0, 2.0])
    };
    let conv1 = n.layer(named("conv1"), data, conv("conv1", 20));
    let pool1 = n.layer(named("pool1"), &conv1, Pooling::max(2, 2));
    let conv2 = n.layer(named("conv2"), &pool1, conv("conv2", 50));
    let pool2 = n.layer(named("pool2"), &conv2, Pooling::max(2, 2));
    let ip = InnerProduct::new(500).weight_filler(xavier()).param_names(shared("ip1")).lr_mult([1.0, 2.0]);
    let ip1 = n.layer(named("ip1"), &pool2, ip);
    n.in_place(named("relu1"), &ip1, Relu::new())
}

/// The siamese net: two digits go through two LeNets that share their parameters, and the distance of what comes out says
/// whether they are the same (Hadsell, Chopra and LeCun 2006).
pub fn mnist_siamese() -> NetSpec {
    let mut n = NetSpec::new("mnist_siamese_train_test");
    let pair = n.layer("pair_data", [], Input::new([1, 2, 28, 28]));
    let same = n.layer("sim", [], Input::new([1]).exclude(deploy()));
    let [data, data_p] = n.tops("slice_pair", &pair, Slice::at([1]), ["data", "data_p"]);
    let shared = |name: &str| [format!("{name}_w"), format!("{name}_b")];
    let feat = [(data, ""), (data_p, "_p")].map(|(data, suffix)| {
        let mut x = lenet_body(&mut n, &data, suffix, shared);
        for (name, outputs) in [("ip2", 10), ("feat", 2)] {
            let ip = InnerProduct::new(outputs).weight_filler(xavier());
            x = n.layer(format!("{name}{suffix}"), &x, ip.param_names(shared(name)).lr_mult([1.0, 2.0]));
        }
        x
    });
    n.layer("loss", [&feat[0], &feat[1], &same], ContrastiveLoss::new().margin(1.0).exclude(deploy()));
    n
}

/// The autoencoder 784-1000-500-250-30 and back (Hinton and Salakhutdinov 2006), with sparse first weights.
pub fn mnist_autoencoder() -> NetSpec {
    let mut n = NetSpec::new("MNISTAutoencoder");
    let data = n.layer("data", [], Input::new([1, 1, 28, 28]));
    let flat = n.layer("flatdata", &data, Flatten::new());
    let ip = |outputs| {
        let sparse = FillerParameter { sparse: Some(15), ..gaussian(1.0) };
        InnerProduct::new(outputs).weight_filler(sparse).lr_mult([1.0, 1.0]).decay_mult([1.0, 0.0])
    };
    let mut x = flat.clone();
    for (name, outputs) in [("encode1", 1000), ("encode2", 500), ("encode3", 250)] {
        let code = n.layer(name, &x, ip(outputs));
        x = n.layer(format!("{name}neuron"), &code, Sigmoid::new());
    }
    x = n.layer("encode4", &x, ip(30));
    for (name, outputs) in [("decode4", 250), ("decode3", 500), ("decode2", 1000)] {
        let code = n.layer(name, &x, ip(outputs));
        x = n.layer(format!("{name}neuron"), &code, Sigmoid::new());
    }
    let scores = n.layer("decode1", &x, ip(784));
    n.tops("loss", [&scores, &flat], SigmoidCrossEntropyLoss::new().exclude(deploy()), ["cross_entropy_loss"]);
    let image = n.layer("decode1neuron", &scores, Sigmoid::new());
    n.layer("l2_error", [&image, &flat], EuclideanLoss::new().loss_weight(0.0).exclude(deploy()));
    n
}

fn cifar_conv(outputs: u32, std: f32) -> Convolution {
    Convolution::new(outputs, 5).pad(2).weight_filler(gaussian(std)).lr_mult([1.0, 2.0])
}

/// The quick net of Caffe's CIFAR-10 example, after Krizhevsky's cuda-convnet.
pub fn cifar10_quick() -> NetSpec {
    let mut n = NetSpec::new("CIFAR10_quick");
    let (data, label) = images(&mut n, [1, 3, 32, 32]);
    let conv1 = n.layer("conv1", &data, cifar_conv(32, 0.0001));
    let pool1 = n.layer("pool1", &conv1, Pooling::max(3, 2));
    n.in_place("relu1", &pool1, Relu::new());
    let conv2 = conv_relu(&mut n, "conv2", "relu2", &pool1, cifar_conv(32, 0.01));
    let pool2 = n.layer("pool2", &conv2, Pooling::ave(3, 2));
    let conv3 = conv_relu(&mut n, "conv3", "relu3", &pool2, cifar_conv(64, 0.01));
    let pool3 = n.layer("pool3", &conv3, Pooling::ave(3, 2));
    let ip = |outputs| InnerProduct::new(outputs).weight_filler(gaussian(0.1)).lr_mult([1.0, 2.0]);
    let ip1 = n.layer("ip1", &pool3, ip(64));
    let ip2 = n.layer("ip2", &ip1, ip(10));
    classify(&mut n, &ip2, &label);
    n
}

/// The full net of the same example: normalisation within channels, and one fully connected layer.
pub fn cifar10_full() -> NetSpec {
    let mut n = NetSpec::new("CIFAR10_full");
    let (data, label) = images(&mut n, [1, 3, 32, 32]);
    let norm = || Lrn::new(3, 5e-5, 0.75).norm_region(cortado::proto::lrn_parameter::NormRegion::WithinChannel);
    let conv1 = n.layer("conv1", &data, cifar_conv(32, 0.0001));
    let pool1 = n.layer("pool1", &conv1, Pooling::max(3, 2));
    n.in_place("relu1", &pool1, Relu::new());
    let norm1 = n.layer("norm1", &pool1, norm());
    let conv2 = conv_relu(&mut n, "conv2", "relu2", &norm1, cifar_conv(32, 0.01));
    let pool2 = n.layer("pool2", &conv2, Pooling::ave(3, 2));
    let norm2 = n.layer("norm2", &pool2, norm());
    let conv3 = cifar_conv(64, 0.01).edit(|layer| layer.param.clear());
    let conv3 = conv_relu(&mut n, "conv3", "relu3", &norm2, conv3);
    let pool3 = n.layer("pool3", &conv3, Pooling::ave(3, 2));
    let ip1 = InnerProduct::new(10).weight_filler(gaussian(0.01)).lr_mult([1.0, 2.0]).decay_mult([250.0, 0.0]);
    let ip1 = n.layer("ip1", &pool3, ip1);
    classify(&mut n, &ip1, &label);
    n
}

/// SRCNN 9-1-5: an image, enlarged by interpolation, becomes sharp (Dong et al. 2014). The last layer learns slowly.
pub fn srcnn() -> NetSpec {
    let mut n = NetSpec::new("SRCNN");
    let data = n.layer("data", [], Input::new([1, 1, 33, 33]));
    let label = n.layer("label", [], Input::new([1, 1, 21, 21]).exclude(deploy()));
    let conv =
        |outputs, kernel, lr| Convolution::new(outputs, kernel).weight_filler(gaussian(0.001)).lr_mult([lr, 0.1]);
    let conv1 = conv_relu(&mut n, "conv1", "relu1", &data, conv(64, 9, 1.0));
    let conv2 = conv_relu(&mut n, "conv2", "relu2", &conv1, conv(32, 1, 1.0));
    let conv3 = n.layer("conv3", &conv2, conv(1, 5, 0.1));
    n.layer("loss", [&conv3, &label], EuclideanLoss::new().exclude(deploy()));
    n
}
