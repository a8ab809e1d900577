//! How long single layers take, at the sizes of the course's nets: `cargo bench --bench layers [-- forward::lenet_conv1]`.
//!
//! Each runs on one thread and on all. Where a layer's work is a matrix product, items are its multiplications and
//! additions; elsewhere bytes are counted: each array that this direction must read or write, once.

use cortado::check::{Fill, Harness};
use cortado::proto::{LayerParameter, text};
use cortado::{Blob, Device, Layers, Phase, layer::Cx};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use std::fmt;
use std::sync::LazyLock;

/// All threads.
static ALL: LazyLock<Device> = LazyLock::new(Device::cpu);

fn main() {
    // The threads are entered once, as in a training loop. A device of one thread works on the caller's.
    ALL.install(divan::main);
}

/// A layer's name and message, and the shapes of its bottoms.
type Timed = (&'static str, &'static str, &'static [&'static [usize]]);

const QUICK_CONV: &str = r#"type: "Convolution" convolution_param { num_output: 32 kernel_size: 5 pad: 2 }"#;
const RESNET_CONV16: &str =
    r#"type: "Convolution" convolution_param { num_output: 16 kernel_size: 3 pad: 1 bias_term: false }"#;
const RESNET_CONV32: &str =
    r#"type: "Convolution" convolution_param { num_output: 32 kernel_size: 3 pad: 1 bias_term: false }"#;
const RESNET_CONV64: &str =
    r#"type: "Convolution" convolution_param { num_output: 64 kernel_size: 3 pad: 1 bias_term: false }"#;
const RESNET: &[usize] = &[128, 16, 32, 32];

#[rustfmt::skip]
const LAYERS: &[Timed] = &[
    ("lenet_conv1", r#"type: "Convolution" convolution_param { num_output: 20 kernel_size: 5 }"#, &[&[64, 1, 28, 28]]),
    ("lenet_pool1", r#"type: "Pooling" pooling_param { kernel_size: 2 stride: 2 }"#, &[&[64, 20, 24, 24]]),
    ("lenet_conv2", r#"type: "Convolution" convolution_param { num_output: 50 kernel_size: 5 }"#, &[&[64, 20, 12, 12]]),
    ("lenet_pool2", r#"type: "Pooling" pooling_param { kernel_size: 2 stride: 2 }"#, &[&[64, 50, 8, 8]]),
    ("lenet_ip1", r#"type: "InnerProduct" inner_product_param { num_output: 500 }"#, &[&[64, 50, 4, 4]]),
    ("lenet_relu1", r#"type: "ReLU""#, &[&[64, 500]]),
    ("lenet_ip2", r#"type: "InnerProduct" inner_product_param { num_output: 10 }"#, &[&[64, 500]]),
    ("quick_conv1", QUICK_CONV, &[&[100, 3, 32, 32]]),
    ("quick_pool1", r#"type: "Pooling" pooling_param { kernel_size: 3 stride: 2 }"#, &[&[100, 32, 32, 32]]),
    ("quick_conv2", QUICK_CONV, &[&[100, 32, 16, 16]]),
    ("quick_pool2", r#"type: "Pooling" pooling_param { pool: AVE kernel_size: 3 stride: 2 }"#, &[&[100, 32, 16, 16]]),
    ("full_norm1", r#"type: "LRN" lrn_param { local_size: 3 }"#, &[&[100, 32, 16, 16]]),
    ("resnet_conv16", RESNET_CONV16, &[RESNET]),
    ("resnet_conv32", RESNET_CONV32, &[&[128, 32, 16, 16]]),
    ("resnet_conv64", RESNET_CONV64, &[&[128, 64, 8, 8]]),
    ("resnet_norm", r#"type: "BatchNorm""#, &[RESNET]),
    ("resnet_scale", r#"type: "Scale" scale_param { bias_term: true }"#, &[RESNET]),
    ("resnet_relu", r#"type: "ReLU""#, &[RESNET]),
    ("resnet_eltwise", r#"type: "Eltwise""#, &[RESNET, RESNET]),
    ("resnet_split", r#"type: "Split" top: "a" top: "b""#, &[RESNET]),
    ("caffenet_norm1", r#"type: "LRN" lrn_param { local_size: 5 }"#, &[&[16, 96, 27, 27]]),
    ("caffenet_fc6", r#"type: "InnerProduct" inner_product_param { num_output: 4096 }"#, &[&[16, 256, 6, 6]]),
    ("caffenet_fc7", r#"type: "InnerProduct" inner_product_param { num_output: 4096 }"#, &[&[16, 4096]]),
];

/// A layer, and whether it runs on all threads.
struct Case(&'static Timed, bool);

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case((name, ..), all) = self;
        write!(f, "{name}, {}", if *all { "all threads" } else { "1 thread" })
    }
}

fn cases() -> impl Iterator<Item = Case> {
    LAYERS.iter().flat_map(|layer| [false, true].map(|all| Case(layer, all)))
}

#[divan::bench(args = cases(), max_time = 1)]
fn forward(bencher: Bencher, case: &Case) {
    let (mut bench, down) = case.bench();
    let bytes = 4 * count(bench.bottom.iter().chain(&bench.top).chain(&bench.params));
    let bencher = match flop(&bench) {
        0 => bencher.counter(BytesCount::new(bytes)),
        flop => bencher.counter(ItemsCount::new(flop)),
    };
    let Harness { layer, params, bottom, top, device, .. } = &mut bench;
    let cx = Cx { propagate_down: &down, ..Cx::new(Phase::Train, device) };
    bencher.bench_local(|| layer.forward(&cx, params, bottom, top).unwrap());
}

#[divan::bench(args = cases(), max_time = 1)]
fn backward(bencher: Bencher, case: &Case) {
    let (mut bench, down) = case.bench();
    bench.forward().unwrap();
    bench.top.iter_mut().for_each(|top| top.diff.fill(0.01));
    let sent = bench.bottom.iter().filter(|_| down[0]);
    let learn = bench.params.iter().zip(&bench.trained).filter(|(_, trained)| **trained).map(|(blob, _)| blob);
    let bytes = 4 * count(sent.chain(&bench.top).chain(learn));
    let bencher = match (1 + usize::from(down[0])) * flop(&bench) {
        0 => bencher.counter(BytesCount::new(bytes)),
        flop => bencher.counter(ItemsCount::new(flop)),
    };
    let Harness { layer, params, bottom, top, device, .. } = &mut bench;
    let cx = Cx { propagate_down: &down, ..Cx::new(Phase::Train, device) };
    bencher.bench_local(|| layer.backward(&cx, params, top, bottom).unwrap());
}

impl Case {
    /// The layer with values in its blobs, and which bottoms get a gradient.
    fn bench(&self) -> (Harness, Vec<bool>) {
        let Case((name, prototxt, shapes), all) = self;
        let param: LayerParameter = text::parse(prototxt, "bench").unwrap().message;
        let device = if *all { ALL.clone() } else { Device::cpu_with_threads(1) };
        let mut bench = Harness::create(&Layers::caffe(), &param, shapes).unwrap().device(&device);
        (0..shapes.len()).for_each(|i| bench.fill(i, Fill::Uniform(-1.0, 1.0)));
        for i in 0..bench.params.len() {
            if bench.trained[i] {
                bench.fill_param(i, Fill::Uniform(-0.1, 0.1));
            }
        }
        // A net's first layer has nowhere to send a gradient.
        (bench, vec![!name.ends_with("conv1"); shapes.len()])
    }
}

fn count<'a>(blobs: impl Iterator<Item = &'a Blob>) -> usize {
    blobs.map(Blob::count).sum()
}

/// The multiplications and additions of one matrix product of the layer: each weight at each place of the top.
fn flop(bench: &Harness) -> usize {
    match &bench.params[..] {
        [w, ..] if w.num_axes() > 1 => 2 * w.count() * bench.top[0].count() / w.shape()[0],
        _ => 0,
    }
}
