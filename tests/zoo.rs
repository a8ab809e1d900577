//! The zoo: nets that made history, as prototxt files in `proto/zoo` that the programs in `tests/zoo` write. Every file is
//! what its program says, has as many parameters as the literature says, is built in both phases and at work, and learns:
//! a pass back and forth gives every parameter a gradient.
//!
//! `CORTADO_BLESS=1` writes the files anew.

#[path = "zoo/bench.rs"]
mod bench;
#[path = "zoo/imagenet.rs"]
mod imagenet;
#[path = "zoo/parts.rs"]
mod parts;
#[path = "zoo/resnet.rs"]
mod resnet;
#[path = "zoo/small.rs"]
mod small;

use cortado::net::Keep;
use cortado::net_spec::{NetSpec, diff};
use cortado::proto::{FillerParameter, NetParameter, text};
use cortado::random::Random;
use cortado::{Blob, Log, Net, Phase, filler};
use std::path::{Path, PathBuf};

/// A net of the zoo.
struct Animal {
    /// The file `proto/zoo/NAME.prototxt`.
    name: &'static str,
    spec: fn() -> NetSpec,
    /// The parameters that are learned, in TRAIN, and at work; the statistics of BatchNorm are none.
    parameters: [usize; 2],
    /// The side of the images with which the test runs it, where the file's would take long.
    side: Option<i64>,
    /// The file's first lines.
    about: &'static str,
}

/// Where a number is not the sum of a paper's table, the sum is written out: outputs x inputs x kernel, then biases.
#[rustfmt::skip]
const ZOO: &[Animal] = &[
    // 20 x 25 + 20, 50 x 20 x 25 + 50, 500 x 800 + 500, 10 x 500 + 10.
    Animal { name: "lenet", spec: small::lenet, parameters: [431_080; 2], side: None,
        about: "LeNet for handwritten digits, after LeCun et al. 1998; layers are named as in Caffe's lenet files." },
    // LeNet's 431,080, shared by both halves, and feat: 2 x 10 + 2.
    Animal { name: "mnist_siamese", spec: small::mnist_siamese, parameters: [431_102; 2], side: None,
        about: "Two LeNets with the same parameters, after Hadsell, Chopra and LeCun 2006: pairs of digits, and whether they are the same." },
    // 784-1000-500-250-30 and back: 785,000 + 500,500 + 125,250 + 7,530, and 7,750 + 125,500 + 501,000 + 784,784.
    Animal { name: "mnist_autoencoder", spec: small::mnist_autoencoder, parameters: [2_837_314; 2], side: None,
        about: "An autoencoder for handwritten digits, after Hinton and Salakhutdinov 2006: 784 pixels become 30 numbers and pixels again." },
    // 2,432 + 25,632 + 51,264 + 65,600 + 650: the 145,578 parameters that Caffe's example is known for.
    Animal { name: "cifar10_quick", spec: small::cifar10_quick, parameters: [145_578; 2], side: None,
        about: "The quick net for CIFAR-10 of Caffe's examples, after Krizhevsky's cuda-convnet." },
    // 2,432 + 25,632 + 51,264 and one inner product of 10 x 1,024 + 10.
    Animal { name: "cifar10_full", spec: small::cifar10_full, parameters: [89_578; 2], side: None,
        about: "The full net for CIFAR-10 of Caffe's examples, after Krizhevsky's cuda-convnet." },
    // The paper's 8,032 weights, 64 x 81 + 32 x 64 + 32 x 25, and 97 biases.
    Animal { name: "srcnn", spec: small::srcnn, parameters: [8_129; 2], side: None,
        about: "SRCNN 9-1-5 sharpens enlarged images, after Dong et al. 2014." },
    // The paper's 60 million: 34,944 + 307,456 + 885,120 + 663,936 + 442,624 + 37,752,832 + 16,781,312 + 4,097,000.
    Animal { name: "alexnet", spec: imagenet::alexnet, parameters: [60_965_224; 2], side: None,
        about: "AlexNet, after Krizhevsky, Sutskever and Hinton 2012; layers are named as in bvlc_alexnet, whose weights fit." },
    // As AlexNet: pooling and normalisation change places, and neither has parameters.
    Animal { name: "caffenet", spec: imagenet::caffenet, parameters: [60_965_224; 2], side: None,
        about: "CaffeNet, which is AlexNet with pooling before normalisation; layers are named as in bvlc_reference_caffenet, whose weights fit." },
    // Known for 6,998,552 in use; a head halfway up has a convolution of 128 x 512 + 128 (128 x 528 + 128 in the second),
    // 1,024 x 2,048 + 1,024, and 1,000 x 1,024 + 1,000: 3,188,840 and 3,190,888 more.
    Animal { name: "googlenet", spec: imagenet::googlenet, parameters: [13_378_280, 6_998_552], side: None,
        about: "GoogLeNet, after Szegedy et al. 2014, with its two auxiliary losses; layers are named as in bvlc_googlenet, whose weights fit." },
    // The paper's 138 million (table 2, D); 14,714,688 of them in convolutions.
    Animal { name: "vgg16", spec: imagenet::vgg16, parameters: [138_357_544; 2], side: None,
        about: "VGG-16, after Simonyan and Zisserman 2014; layers are named as in VGG_ILSVRC_16_layers, whose weights fit." },
    // The number that torchvision states for its resnet18.
    Animal { name: "resnet18", spec: resnet::resnet18, parameters: [11_689_512; 2], side: Some(64),
        about: "ResNet-18, after He et al. 2015; layers are named as in the authors' deeper nets." },
    // The number that torchvision states for its resnet50, 25,557,032, and the 64 biases that the published weights have.
    Animal { name: "resnet50", spec: resnet::resnet50, parameters: [25_557_032 + 64; 2], side: Some(64),
        about: "ResNet-50, after He et al. 2015; layers are named as in the authors' ResNet-50-model, whose weights fit." },
    // The number that torchvision states for its resnet152.
    Animal { name: "resnet152", spec: resnet::resnet152, parameters: [60_192_808; 2], side: Some(64),
        about: "ResNet-152, after He et al. 2015; layers are named as in the authors' ResNet-152-model, whose weights fit." },
    // The paper's 1.24 million; torchvision's squeezenet1_1 states this number.
    Animal { name: "squeezenet", spec: imagenet::squeezenet, parameters: [1_235_496; 2], side: None,
        about: "SqueezeNet 1.1, after Iandola et al. 2016; layers are named as in the authors' squeezenet_v1.1, whose weights fit." },
    // The paper's 4.2 million (table 6, 1.0 MobileNet-224); Keras states 4,231,976 trainable parameters.
    Animal { name: "mobilenet", spec: imagenet::mobilenet, parameters: [4_231_976; 2], side: Some(64),
        about: "MobileNet, after Howard et al. 2017; layers are named as in the MobileNet-Caffe weights of shicai, which fit." },
    // The paper's 134 million (table 1, FCN-VGG16): VGG's convolutions 14,714,688, fc6 and fc7 119,545,856, the three score
    // layers 21 x (4,096 + 512 + 256) + 63, the three that enlarge 21 x 21 x (16 + 16 + 256).
    Animal { name: "fcn8s", spec: imagenet::fcn8s, parameters: [134_489_759; 2], side: Some(16),
        about: "FCN-8s, after Long, Shelhamer and Darrell 2015: a class for each pixel; layers are named as in fcn8s-heavy-pascal, whose weights fit." },
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/zoo").join(format!("{name}.prototxt"))
}

/// The rest of each file's head.
const HEAD: &str = "\
# A program of tests/zoo wrote this file. You set the data by hand; the batch is one image until you reshape its blob. Both
# phases have a loss; with the stage \"deploy\" the net needs no labels and returns only its answer.
";

/// The file's net; when blessed, the file is written first.
fn read(animal: &Animal) -> NetParameter {
    if std::env::var_os("CORTADO_BLESS").is_some() {
        let net = (animal.spec)().to_prototxt().unwrap();
        std::fs::write(path(animal.name), format!("# {}\n{HEAD}{net}", animal.about)).unwrap();
    }
    text::read(path(animal.name)).unwrap().message
}

#[test]
fn files_are_what_their_programs_say() {
    for animal in ZOO {
        let differences = diff(&read(animal), &(animal.spec)().to_param().unwrap());
        assert!(differences.is_empty(), "{} is stale: CORTADO_BLESS=1 writes it\n{differences:#?}", animal.name);
    }
    let files = std::fs::read_dir(path("").parent().unwrap()).unwrap().count();
    assert_eq!(files, ZOO.len(), "a file in proto/zoo is nobody's");
}

/// A net of 152 layers is not much to write: its file has 6,000 lines.
#[test]
fn resnets_take_less_than_100_lines() {
    assert!(include_str!("zoo/resnet.rs").lines().count() < 100);
}

/// A net without fillers: its parameters are zeros, which take no memory.
fn hollow(net: &NetParameter) -> NetParameter {
    let mut net = net.clone();
    for layer in &mut net.layer {
        if let Some(p) = &mut layer.convolution_param {
            (p.weight_filler, p.bias_filler) = (None, None);
        }
        if let Some(p) = &mut layer.inner_product_param {
            (p.weight_filler, p.bias_filler) = (None, None);
        }
    }
    net
}

/// The learned parameters: all but the statistics of BatchNorm. What layers share counts once.
fn parameters(net: &Net) -> usize {
    let learned = net.store().iter().filter(|(_, spec)| net.layer_type(&spec.layer).unwrap() != "BatchNorm");
    learned.map(|(blob, _)| blob.count()).sum()
}

#[test]
fn nets_have_as_many_parameters_as_the_literature_says() {
    for animal in ZOO {
        let net = hollow(&read(animal));
        let build = |phase, stage: Option<&str>| {
            let builder = Net::build(&net).phase(phase).stages(stage).keep(Keep::Needed).log(&Log::silent());
            builder.make().unwrap_or_else(|e| panic!("{}: {e}", animal.name))
        };
        let [training, at_work] = animal.parameters;
        assert_eq!(parameters(&build(Phase::Train, None)), training, "{}", animal.name);
        assert_eq!(parameters(&build(Phase::Test, None)), training, "{}", animal.name);
        let deploy = build(Phase::Test, Some("deploy"));
        assert_eq!(parameters(&deploy), at_work, "{} at work", animal.name);
        assert_eq!(deploy.inputs().len(), 1, "{} needs labels at work", animal.name);
    }
}

/// The net of an animal with its images at the side that the test uses.
fn at_side(animal: &Animal) -> NetParameter {
    let mut net = read(animal);
    for layer in net.layer.iter_mut().filter(|l| l.r#type() == "Input") {
        for shape in &mut layer.input_param.as_mut().unwrap().shape {
            if let (Some(side), [_, _, height, width]) = (animal.side, &mut shape.dim[..]) {
                (*height, *width) = (side, side);
            }
        }
    }
    net
}

/// Trains for one pass on an image at random: the loss is a number, and every parameter that can learn gets a gradient.
fn learns(name: &str) {
    let animal = ZOO.iter().find(|animal| animal.name == name).unwrap();
    let builder = Net::build(&at_side(animal)).phase(Phase::Train).keep(Keep::Needed).log(&Log::silent()).seed(1);
    let mut net = builder.make().unwrap();
    if name == "fcn8s" {
        interpolate(&mut net);
    }
    let values = FillerParameter { r#type: Some("uniform".into()), ..Default::default() };
    let images: Vec<&str> = ["data", "pair_data"].into_iter().filter(|input| net.inputs().contains(input)).collect();
    for input in images {
        let mut image = Blob::new(net.shape(input).unwrap()).unwrap();
        filler::fill(&values, &Random::new(0, input, 0), &mut image).unwrap();
        net.data_mut(input).unwrap().copy_from(&image.data).unwrap();
    }
    let loss = net.forward_loss().unwrap();
    assert!(loss.is_finite() && loss > 0.0, "{name}: loss {loss}");
    net.backward().unwrap();
    for (blob, spec) in net.store().iter().filter(|(_, spec)| spec.lr_mult != 0.0) {
        let gradient = blob.diff.asum();
        // Both halves of the siamese net add the same bias after the last ReLU: it is no part of their distance.
        let cancels = name == "mnist_siamese" && ["ip2", "feat"].contains(&&*spec.layer) && spec.index == 1;
        let right = gradient.is_finite() && (gradient > 0.0) != cancels;
        assert!(right, "{name}: parameter {} of {} has gradient {gradient}", spec.index, spec.layer);
    }
}

/// Fills the layers that enlarge: each channel interpolates itself and sees no other.
fn interpolate(net: &mut Net) {
    let layers: Vec<String> = net.layers_of_type("Deconvolution").into_iter().map(String::from).collect();
    for layer in layers {
        let w = net.param_mut(&layer, 0).unwrap();
        let (channels, k) = (w.shape()[0], w.shape()[2]);
        let middle = (k as f32 - 1.0) / 2.0;
        let near = |i: usize| 1.0 - (i as f32 - middle).abs() / (k as f32 / 2.0);
        let values = w.data.slice_mut();
        for c in 0..channels {
            for (y, x) in (0..k).flat_map(|y| (0..k).map(move |x| (y, x))) {
                values[((c * channels + c) * k + y) * k + x] = near(y) * near(x);
            }
        }
    }
}

macro_rules! learning {
    ($( $name:ident )*) => { mod learns { $(
        #[test]
        fn $name() {
            super::learns(stringify!($name));
        }
    )*

        #[test]
        fn everybody_is_asked() {
            let names = [$( stringify!($name) ),*];
            assert!(super::ZOO.iter().all(|animal| names.contains(&animal.name)));
        }
    } };
}

learning! {
    lenet mnist_siamese mnist_autoencoder cifar10_quick cifar10_full srcnn alexnet caffenet googlenet vgg16 resnet18
    resnet50 resnet152 squeezenet mobilenet fcn8s
}
