//! The nets of the speed comparison with PyTorch: `cortado time --solver proto/bench/NAME_solver.prototxt`.
//!
//! Kernels, strides, pooling, normalisation, batch sizes and the solver's settings are those that the other side is timed with:
//! SGD with momentum 0.9 and a weight decay of 0.0005 on everything, biases and factors too, at a constant rate of 0.0001. Data
//! are in memory: DummyData draws one image, and Tile fills the batch with it, so that next to no time goes into drawing.

use cortado::net_spec::*;
use cortado::proto::{SolverParameter, solver_parameter::SolverMode, text};
use cortado::solver;
use std::path::{Path, PathBuf};

/// A net that is timed.
struct Timed {
    name: &'static str,
    spec: fn() -> NetSpec,
    /// As many parameters as the other side's module has.
    parameters: usize,
    /// The shape of what goes into the loss.
    scores: &'static [usize],
}

#[rustfmt::skip]
const BENCH: &[Timed] = &[
    Timed { name: "lenet", spec: lenet, parameters: 431_080, scores: &[64, 10] },
    // 784 x 500 + 500, 500 x 300 + 300, 300 x 10 + 10.
    Timed { name: "mlp", spec: mlp, parameters: 545_810, scores: &[64, 10] },
    Timed { name: "cifar10_quick", spec: cifar10_quick, parameters: 145_578, scores: &[100, 10] },
    Timed { name: "cifar10_full", spec: cifar10_full, parameters: 89_578, scores: &[100, 10] },
    // The paper's 0.27 million has no projections: 512 + 64 and 2,048 + 128.
    Timed { name: "resnet20", spec: resnet20, parameters: 272_474, scores: &[128, 10] },
    Timed { name: "srcnn", spec: srcnn, parameters: 8_129, scores: &[128, 1, 21, 21] },
    Timed { name: "caffenet", spec: caffenet, parameters: 60_965_224, scores: &[16, 1000] },
];

/// A batch of an image, and labels.
fn data(n: &mut NetSpec, batch: i32, [channels, height, width]: [i64; 3]) -> (Top, Top) {
    let image = n.layer("image", [], DummyData::new([1, channels, height, width], uniform(-1.0, 1.0)));
    let data = n.layer("data", &image, Tile::new(batch).axis(0));
    (data, n.layer("label", [], DummyData::new([batch as i64], constant(0.0))))
}

fn conv(outputs: u32, kernel: u32) -> Convolution {
    Convolution::new(outputs, kernel).weight_filler(msra())
}

fn ip(outputs: u32) -> InnerProduct {
    InnerProduct::new(outputs).weight_filler(msra())
}

fn conv_relu(n: &mut NetSpec, x: &Top, conv: Convolution) -> Top {
    let y = n.layer(AUTO, x, conv);
    n.in_place(AUTO, &y, Relu::new())
}

fn ip_relu(n: &mut NetSpec, x: &Top, outputs: u32) -> Top {
    let y = n.layer(AUTO, x, ip(outputs));
    n.in_place(AUTO, &y, Relu::new())
}

fn softmax_loss(n: &mut NetSpec, x: &Top, label: &Top, classes: u32) {
    let scores = n.layer(AUTO, x, ip(classes));
    n.layer("loss", [&scores, label], SoftmaxWithLoss::new());
}

fn lenet() -> NetSpec {
    let mut n = NetSpec::new("lenet");
    let (data, label) = data(&mut n, 64, [1, 28, 28]);
    let x = n.layer(AUTO, &data, conv(20, 5));
    let x = n.layer(AUTO, &x, Pooling::max(2, 2));
    let x = n.layer(AUTO, &x, conv(50, 5));
    let x = n.layer(AUTO, &x, Pooling::max(2, 2));
    let x = ip_relu(&mut n, &x, 500);
    softmax_loss(&mut n, &x, &label, 10);
    n
}

fn mlp() -> NetSpec {
    let mut n = NetSpec::new("mlp");
    let (data, label) = data(&mut n, 64, [1, 28, 28]);
    let x = ip_relu(&mut n, &data, 500);
    let x = ip_relu(&mut n, &x, 300);
    softmax_loss(&mut n, &x, &label, 10);
    n
}

/// The three convolutions of both CIFAR-10 nets, with what comes after the first two poolings.
fn cifar10(n: &mut NetSpec, data: &Top, after: fn(&mut NetSpec, Top) -> Top) -> Top {
    let x = n.layer(AUTO, data, conv(32, 5).pad(2));
    let x = n.layer(AUTO, &x, Pooling::max(3, 2));
    let x = n.in_place(AUTO, &x, Relu::new());
    let x = after(n, x);
    let x = conv_relu(n, &x, conv(32, 5).pad(2));
    let x = n.layer(AUTO, &x, Pooling::ave(3, 2));
    let x = after(n, x);
    let x = conv_relu(n, &x, conv(64, 5).pad(2));
    n.layer(AUTO, &x, Pooling::ave(3, 2))
}

fn cifar10_quick() -> NetSpec {
    let mut n = NetSpec::new("cifar10_quick");
    let (data, label) = data(&mut n, 100, [3, 32, 32]);
    let x = cifar10(&mut n, &data, |_, x| x);
    let x = n.layer(AUTO, &x, ip(64));
    softmax_loss(&mut n, &x, &label, 10);
    n
}

/// Its normalisation is across channels, as the other side has no other.
fn cifar10_full() -> NetSpec {
    let mut n = NetSpec::new("cifar10_full");
    let (data, label) = data(&mut n, 100, [3, 32, 32]);
    let x = cifar10(&mut n, &data, |n, x| n.layer(AUTO, &x, Lrn::new(3, 5e-5, 0.75)));
    softmax_loss(&mut n, &x, &label, 10);
    n
}

fn resnet20() -> NetSpec {
    let mut n = NetSpec::new("resnet20");
    let (data, label) = data(&mut n, 128, [3, 32, 32]);
    let mut x = normalised(&mut n, &data, conv(16, 3).pad(1));
    n.in_place(AUTO, &x, Relu::new());
    for (outputs, stride) in [(16, 1), (16, 1), (16, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1)] {
        let y = normalised(&mut n, &x, conv(outputs, 3).pad(1).stride(stride));
        n.in_place(AUTO, &y, Relu::new());
        let y = normalised(&mut n, &y, conv(outputs, 3).pad(1));
        if stride > 1 {
            x = normalised(&mut n, &x, conv(outputs, 1).stride(stride));
        }
        x = n.layer(AUTO, [&y, &x], Eltwise::sum());
        n.in_place(AUTO, &x, Relu::new());
    }
    let x = n.layer(AUTO, &x, Pooling::global_ave());
    softmax_loss(&mut n, &x, &label, 10);
    n
}

fn normalised(n: &mut NetSpec, x: &Top, conv: Convolution) -> Top {
    let y = n.layer(AUTO, x, conv.bias_term(false));
    // The other side's running mean moves by a tenth in each step.
    n.in_place(AUTO, &y, BatchNorm::new().moving_average_fraction(0.9));
    n.in_place(AUTO, &y, Scale::new().bias_term(true))
}

fn srcnn() -> NetSpec {
    let mut n = NetSpec::new("srcnn");
    let image = n.layer("image", [], DummyData::new([1, 1, 33, 33], uniform(-1.0, 1.0)));
    let data = n.layer("data", &image, Tile::new(128).axis(0));
    let label = n.layer("label", [], DummyData::new([128, 1, 21, 21], constant(0.5)));
    let x = conv_relu(&mut n, &data, conv(64, 9));
    let x = conv_relu(&mut n, &x, conv(32, 1));
    let x = n.layer(AUTO, &x, conv(1, 5));
    n.layer("loss", [&x, &label], EuclideanLoss::new());
    n
}

fn caffenet() -> NetSpec {
    let mut n = NetSpec::new("caffenet");
    let (data, label) = data(&mut n, 16, [3, 227, 227]);
    let pool_norm = |n: &mut NetSpec, x: Top| {
        let x = n.layer(AUTO, &x, Pooling::max(3, 2));
        n.layer(AUTO, &x, Lrn::new(5, 1e-4, 0.75))
    };
    let x = conv_relu(&mut n, &data, conv(96, 11).stride(4));
    let x = pool_norm(&mut n, x);
    let x = conv_relu(&mut n, &x, conv(256, 5).pad(2).group(2));
    let x = pool_norm(&mut n, x);
    let x = conv_relu(&mut n, &x, conv(384, 3).pad(1));
    let x = conv_relu(&mut n, &x, conv(384, 3).pad(1).group(2));
    let x = conv_relu(&mut n, &x, conv(256, 3).pad(1).group(2));
    let mut x = n.layer(AUTO, &x, Pooling::max(3, 2));
    for _ in 0..2 {
        x = ip_relu(&mut n, &x, 4096);
        n.in_place(AUTO, &x, Dropout::new(0.5));
    }
    softmax_loss(&mut n, &x, &label, 1000);
    n
}

fn solver(name: &str) -> SolverParameter {
    SolverParameter {
        net: Some(format!("proto/bench/{name}.prototxt")),
        base_lr: Some(0.0001),
        lr_policy: Some("fixed".into()),
        momentum: Some(0.9),
        weight_decay: Some(0.0005),
        max_iter: Some(1000),
        snapshot_after_train: Some(false),
        solver_mode: Some(SolverMode::Cpu.into()),
        ..Default::default()
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/bench").join(format!("{name}.prototxt"))
}

#[test]
fn files_are_what_their_programs_say() {
    for &Timed { name, spec, .. } in BENCH {
        let net = spec().to_prototxt().unwrap();
        let head = format!("# {name} as it is timed against PyTorch; tests/zoo/bench.rs wrote this file.\n");
        for (file, body) in [(name.to_string(), net), (format!("{name}_solver"), text::print(&solver(name)))] {
            let whole = head.clone() + &body;
            if std::env::var_os("CORTADO_BLESS").is_some() {
                std::fs::write(path(&file), &whole).unwrap();
            }
            let kept = std::fs::read_to_string(path(&file)).unwrap_or_default().replace("\r\n", "\n");
            assert!(kept == whole, "{file} is stale: CORTADO_BLESS=1 writes it");
        }
    }
}

#[test]
fn solvers_are_built_with_the_other_sides_nets() {
    for &Timed { name, parameters, scores, .. } in BENCH {
        let builder = solver::Builder::read(path(&format!("{name}_solver"))).unwrap();
        let mut solver = builder.log(&cortado::Log::silent()).make().unwrap_or_else(|e| panic!("{name}: {e}"));
        let net = solver.net();
        assert_eq!(super::parameters(net), parameters, "{name}");
        let of_loss = net.bottom_names("loss").unwrap()[0].to_string();
        assert_eq!(net.shape(&of_loss).unwrap(), scores, "{name}");
        if name != "caffenet" {
            solver.step(1).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}
