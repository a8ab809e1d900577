//! What holds of an update on the CPU and on a GPU (emulated) alike; and what becomes of values that cannot be read from one.

use super::{Lion, PLAIN, net};
use cortado::device::{Gpu, emulator::Emulator};
use cortado::proto::SolverParameter;
use cortado::solver::rules::{At, Rule, Rules};
use cortado::solver::{self, Builder};
use cortado::{Device, Kind, Log, Net, Phase, Result, Solver};

fn both() -> [Device; 2] {
    [Device::cpu(), Device::emulated()]
}

fn on(device: &Device, text: &str) -> Builder {
    Builder::parse(text, "solver").unwrap().log(&Log::silent()).device(device)
}

fn weights(solver: &mut Solver) -> Vec<f32> {
    solver.net().store().iter().flat_map(|(blob, _)| blob.data.slice().to_vec()).collect()
}

// ---- clipping

/// dw is x: L = w · x, and w starts at 0.
fn gradient(x: &[f32]) -> String {
    let values: String =
        x.iter().map(|x| format!("data_filler {{ value: {x:e} }} shape {{ dim: 1 dim: 1 }} ")).collect();
    let tops = |f: fn(usize) -> String| (0..x.len()).map(f).collect::<String>();
    format!(
        r#"net_param {{ layer {{ name: "x" type: "DummyData" {} dummy_data_param {{ {values} }} }}
             layer {{ name: "concat" type: "Concat" {} top: "x" }}
             layer {{ name: "w" type: "InnerProduct" bottom: "x" top: "y"
                      inner_product_param {{ num_output: 1 bias_term: false }} }}
             layer {{ name: "sum" type: "Reduction" bottom: "y" top: "sum" loss_weight: 1 }} }}
           base_lr: 1 lr_policy: "fixed""#,
        tops(|i| format!("top: 'x{i}' ")),
        tops(|i| format!("bottom: 'x{i}' "))
    )
}

/// The sum of squares may be beyond what an f32 holds, and so may the norm; the clipped gradient never is.
#[test]
fn a_large_gradient_is_clipped_and_not_zeroed() {
    for (dw, want) in [
        (vec![3.0f32, 4.0], vec![-0.3f32, -0.4]),
        (vec![2e19, 0.0], vec![-0.5, 0.0]),
        (vec![3e38, 3e38, 3e38, -3e38], vec![-0.25, -0.25, -0.25, 0.25]),
        (vec![3e-30, 4e-30], vec![-3e-30, -4e-30]),
    ] {
        for device in both() {
            let mut solver = on(&device, &format!("{} clip_gradients: 0.5", gradient(&dw))).make().unwrap();
            solver.step(1).unwrap();
            for (w, want) in weights(&mut solver).iter().zip(&want) {
                assert!((w - want).abs() <= 1e-6 * want.abs(), "{device:?}, {dw:?}: {w} and not {want}");
            }
        }
    }
}

// ---- what does not learn

const ALL: &[(&str, &str)] = &[
    ("SGD", "momentum: 0.9"),
    ("Nesterov", "momentum: 0.9"),
    ("AdaGrad", ""),
    ("RMSProp", "rms_decay: 0.9"),
    ("AdaDelta", "momentum: 0.9"),
    ("Adam", "momentum: 0.9"),
    ("Push", ""),
    ("Push on the CPU", ""),
];

/// A step of 1, whatever the rate.
struct Push<const KERNEL: bool>;

impl<const KERNEL: bool> Rule for Push<KERNEL> {
    fn new(_: &SolverParameter) -> Result<Self> {
        Ok(Push)
    }
    fn update(&self, _: &At, _: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        history[0].fill(7.0);
        dw.fill(1.0);
    }
    fn kernel(&self) -> Option<&'static str> {
        KERNEL.then_some("__device__ float step(float w, float dw, float lr, In s, float *h) { h[0] = 7; return 1; }")
    }
}

/// An entry with lr_mult 0 keeps its value and its gradient, though force_backward computes the gradient; so do a BatchNorm's
/// statistics.
#[test]
fn what_has_lr_mult_0_is_touched_by_no_rule() {
    let mut rules = Rules::caffe();
    rules.add::<Push<true>>("Push");
    rules.add::<Push<false>>("Push on the CPU");
    let frozen = net(0.0).replace(r#"top: "y" "#, r#"top: "y" param { lr_mult: 0 } "#);
    let text = format!(
        r#"net_param {{ force_backward: true {frozen}
             layer {{ name: "learns" type: "InnerProduct" bottom: "one" top: "z" inner_product_param {{ num_output: 1 }} }}
             layer {{ name: "bn" type: "BatchNorm" bottom: "z" top: "bn" batch_norm_param {{ use_global_stats: true }} }}
             layer {{ name: "other" type: "EuclideanLoss" bottom: "bn" bottom: "one" top: "other" }} }} {PLAIN} weight_decay: 0.1"#
    );
    for device in both() {
        for (kind, settings) in ALL {
            let mut solver = on(&device, &format!("{text} type: '{kind}' {settings}")).rules(&rules).make().unwrap();
            solver.net().param_mut("w", 0).unwrap().data.fill(0.3);
            (0..3).for_each(|i| solver.net().param_mut("bn", i).unwrap().data.fill(1.0));
            solver.step(3).unwrap();
            let net = solver.net();
            assert_eq!(net.param("w", 0).unwrap().data.scalar().to_bits(), 0.3f32.to_bits(), "{kind} {device:?}");
            assert!((net.param("w", 0).unwrap().diff.scalar() - (0.3 - 1.0)).abs() < 1e-6, "{kind} {device:?}");
            (0..3).for_each(|i| assert_eq!(net.param("bn", i).unwrap().data.scalar(), 1.0, "{kind} {device:?}"));
            assert_ne!(net.param("learns", 0).unwrap().data.scalar(), 0.0, "{kind} {device:?}");
            // What the rule remembers goes on, as in Caffe: a velocity is made of rates, a sum of squares is not.
            let (remembered, has_rate) = (solver.history()[0].scalar(), ["SGD", "Nesterov"].contains(kind));
            assert_eq!(remembered != 0.0, !has_rate, "{kind} {device:?}: {remembered}");
        }
    }
}

// ---- what could not be read

/// A card from which nothing can be read any more: no number is handed out and no file is written, for it would be a file
/// of NaN. The values are still there: when the card answers again, so does everything that was asked.
#[test]
fn what_was_not_read_well_is_neither_written_nor_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = Emulator::new();
    let device = Device::Gpu(Gpu::new(emulator.clone()));
    let prefix = folder.path().join("run");
    let text = format!("net_param {{ {} }} {PLAIN} momentum: 0.9 snapshot_prefix: '{}'", net(0.0), prefix.display());
    let mut solver = on(&device, &text).make().unwrap();
    let silent = r#"layer { name: "in" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 } data_filler { value: 3 } } }
                    layer { name: "relu" type: "ReLU" bottom: "x" top: "y" }"#;
    let builder = cortado::net::Builder::parse(silent, "net").unwrap().phase(Phase::Test).log(&Log::silent());
    let mut net = builder.device(&device).make().unwrap();
    let file = folder.path().join("net.caffemodel");
    solver.step(3).unwrap();
    type Try<'a> = (&'a str, &'a dyn Fn(&mut Solver, &mut Net) -> Result);
    let tries: &[Try] = &[
        ("snapshot", &|solver, _| solver.snapshot().map(drop)),
        ("save", &|solver, _| solver.net().save(&file)),
        ("to_proto", &|solver, _| solver.net().to_proto(true).map(drop)),
        ("read", &|solver, _| solver.net().read("y").map(drop)),
        ("scores", &|solver, _| solver::scores(solver.net()).map(drop)),
        ("forward", &|_, net| net.forward().map(drop)),
        ("test", &|_, net| solver::average(net, 2, |_, _| true).map(drop)),
        ("why_zero", &|solver, _| solver.net().why_zero_param("w", 0).map(drop)),
    ];
    let names = || std::fs::read_dir(folder.path()).unwrap().count();
    for (what, work) in tries {
        solver.step(1).unwrap(); // what was read before is stale now
        emulator.fail_downloads(true);
        for _ in 0..2 {
            let e = work(&mut solver, &mut net).expect_err(what);
            assert!(e.kind() == Kind::Device && e.message().contains("cannot be copied to the host"), "{what}: {e}");
            assert_eq!(names(), 0, "{what}");
        }
        emulator.fail_downloads(false);
        work(&mut solver, &mut net).unwrap_or_else(|e| panic!("{what}: {e}"));
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
    assert_eq!(net.forward().unwrap()["y"].as_slice().unwrap(), [3.0, 3.0]);
    assert!(weights(&mut solver).iter().all(|w| w.is_finite()), "{:?}", weights(&mut solver));
}

/// A rule without a kernel has the weights copied to the host: if that fails, they stay as they were.
#[test]
fn an_update_on_the_host_needs_weights_that_were_read() {
    let emulator = Emulator::new();
    let device = Device::Gpu(Gpu::new(emulator.clone()));
    let mut rules = Rules::caffe();
    rules.add::<Lion>("Lion");
    let text = format!("net_param {{ {} }} {PLAIN} type: 'Lion'", net(0.0));
    let mut solver = on(&device, &text).rules(&rules).make().unwrap();
    solver.step(2).unwrap();
    solver.net().forward().unwrap(); // the weights are on the card
    solver.net().clear_param_diffs();
    solver.net().backward().unwrap();
    let (history, before) = (solver.history()[0].clone(), weights(&mut solver));
    let Device::Gpu(gpu) = &device else { panic!() };
    for (blob, _) in solver.net().store_mut().iter_mut() {
        blob.data.card_mut(gpu).unwrap();
    }
    emulator.fail_downloads(true);
    let e = solver.apply_update().unwrap_err();
    assert!(e.kind() == Kind::Device && e.message().contains("cannot be copied"), "{e}");
    emulator.fail_downloads(false);
    assert_eq!((weights(&mut solver), solver.history()[0].slice()), (before, history.slice()));
    solver.apply_update().unwrap();
}
