//! ResNets (He et al. 2015): blocks that learn what to add to their input.

use super::parts::*;
use cortado::net_spec::*;

pub fn resnet18() -> NetSpec {
    resnet("ResNet-18", [2, 2, 2, 2], basic)
}

pub fn resnet50() -> NetSpec {
    let mut n = resnet("ResNet-50", [3, 4, 6, 3], bottleneck);
    // The published weights of this one have a bias in the first layer, before a normalisation that takes it away again.
    n.edit(|net| {
        let conv1 = net.layer.iter_mut().find(|l| l.name() == "conv1");
        conv1.and_then(|l| l.convolution_param.as_mut()).unwrap().bias_term = None;
    });
    n
}

pub fn resnet152() -> NetSpec {
    resnet("ResNet-152", [3, 8, 36, 3], bottleneck)
}

/// A block: its net, its name, its input, its width, its stride.
type Block = fn(&mut NetSpec, &str, &Top, u32, u32) -> Top;

/// Four stages of so many blocks, each half as large and twice as wide as the one before.
fn resnet(name: &str, blocks: [u32; 4], block: Block) -> NetSpec {
    let mut n = NetSpec::new(name);
    let (data, label) = images(&mut n, [1, 3, 224, 224]);
    let x = n.layer("conv1", &data, Convolution::new(64, 7).pad(3).stride(2).bias_term(false).weight_filler(msra()));
    n.in_place("bn_conv1", &x, BatchNorm::new());
    n.in_place("scale_conv1", &x, Scale::new().bias_term(true));
    n.in_place("conv1_relu", &x, Relu::new());
    let mut x = n.layer("pool1", &x, Pooling::max(3, 2));
    for (stage, count) in (2..).zip(blocks) {
        for i in 0..count {
            let stride = if stage > 2 && i == 0 { 2 } else { 1 };
            x = block(&mut n, &block_name(stage, i, count), &x, 32 << (stage - 1), stride);
        }
    }
    let pool5 = n.layer("pool5", &x, Pooling::global_ave());
    let fc = InnerProduct::new(1000).weight_filler(msra()).lr_mult([1.0, 2.0]).decay_mult([1.0, 0.0]);
    let scores = n.layer("fc1000", &pool5, fc);
    classify(&mut n, &scores, &label);
    n
}

/// 2a, 2b, 2c; and where the alphabet would not do, 4a, 4b1, 4b2 and so on.
fn block_name(stage: u32, i: u32, count: u32) -> String {
    match i {
        0 => format!("{stage}a"),
        i if count > 6 => format!("{stage}b{i}"),
        i => format!("{stage}{}", (b'a' + i as u8) as char),
    }
}

/// 1x1 to fewer channels, 3x3, 1x1 to four times as many.
fn bottleneck(n: &mut NetSpec, name: &str, x: &Top, width: u32, stride: u32) -> Top {
    let side = shortcut(n, name, x, 4 * width, stride, stride > 1 || name == "2a");
    let y = conv(n, &format!("{name}_branch2a"), x, Convolution::new(width, 1).stride(stride), true);
    let y = conv(n, &format!("{name}_branch2b"), &y, Convolution::new(width, 3).pad(1), true);
    let y = conv(n, &format!("{name}_branch2c"), &y, Convolution::new(4 * width, 1), false);
    add(n, name, &side, &y)
}

/// 3x3 twice.
fn basic(n: &mut NetSpec, name: &str, x: &Top, width: u32, stride: u32) -> Top {
    let side = shortcut(n, name, x, width, stride, stride > 1);
    let y = conv(n, &format!("{name}_branch2a"), x, Convolution::new(width, 3).pad(1).stride(stride), true);
    let y = conv(n, &format!("{name}_branch2b"), &y, Convolution::new(width, 3).pad(1), false);
    add(n, name, &side, &y)
}

/// The input itself, or, where the block changes its shape, the input as a 1x1 convolution makes it.
fn shortcut(n: &mut NetSpec, name: &str, x: &Top, outputs: u32, stride: u32, reshapes: bool) -> Top {
    match reshapes {
        true => conv(n, &format!("{name}_branch1"), x, Convolution::new(outputs, 1).stride(stride), false),
        false => x.clone(),
    }
}

fn conv(n: &mut NetSpec, name: &str, x: &Top, conv: Convolution, relu: bool) -> Top {
    let y = n.layer(format!("res{name}"), x, conv.bias_term(false).weight_filler(msra()));
    n.in_place(format!("bn{name}"), &y, BatchNorm::new());
    n.in_place(format!("scale{name}"), &y, Scale::new().bias_term(true));
    if relu {
        n.in_place(format!("res{name}_relu"), &y, Relu::new());
    }
    y
}

fn add(n: &mut NetSpec, name: &str, side: &Top, y: &Top) -> Top {
    let sum = n.layer(format!("res{name}"), [side, y], Eltwise::sum());
    n.in_place(format!("res{name}_relu"), &sum, Relu::new())
}
