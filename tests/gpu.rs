//! Training on a GPU (the emulated one, unless CORTADO_DEVICE names a card): as on the CPU, and recorded steps as plain ones.
//!
//! These tests need a C++ compiler, as the emulator does. Here its host hears of what kernels refuse as late as a card's.

#[path = "gpu/card.rs"]
mod card;
#[path = "common/digits.rs"]
mod digits;
#[path = "gpu/refusals.rs"]
mod refusals;
#[path = "gpu/replay.rs"]
mod replay;

use cortado::args;

use cortado::device::{Counts, Kernels};
use cortado::layer::*;
use cortado::memory::Side;
use cortado::proto::{LayerParameter, SolverParameter};
use cortado::solver::Builder;
use cortado::solver::rules::{At, Rule, Rules};
use cortado::{Blob, Device, Kind, Layers, Log, Result, Solver};
use std::path::Path;
use std::sync::{Arc, Mutex};

fn gpu() -> Device {
    match Device::best() {
        Ok(Device::Gpu(gpu)) => Device::Gpu(gpu),
        _ => Device::emulated_late(),
    }
}

fn is_a_card() -> bool {
    !format!("{:?}", gpu()).contains("emulated")
}

/// The two are near each other: a card's `expf` and the order of cuBLAS's sums differ from the CPU's in the last bits, and
/// training makes more of that. Sometimes the difference is worth a look, so it is printed.
fn assert_near(a: &[f32], b: &[f32], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    let limit = if is_a_card() { 1e-3 } else { 1e-4 };
    let differences = || a.iter().zip(b).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).enumerate();
    let (at, largest) = differences().fold((0, 0.0), |most, now| if now.1 > most.1 { now } else { most });
    println!("largest difference {largest:.1e}, at {at} of {}: {what}", a.len());
    assert!(differences().all(|(_, d)| d <= limit), "{what}: {a:?} {b:?}");
}

/// Whether passes and updates are recorded: with CORTADO_GRAPH=0 all of them are plain, and nothing is said of recordings.
fn records() -> bool {
    std::env::var("CORTADO_GRAPH").as_deref() != Ok("0")
}

/// Passes and updates together are replayed so often, if they are recorded at all.
fn assert_replays(counts: Counts, expected: u64) {
    assert_eq!(counts.replays, if records() { expected } else { 0 }, "{counts:?}");
}

fn counts(solver: &mut Solver) -> Counts {
    match solver.net().device() {
        Device::Gpu(gpu) => gpu.counts(),
        Device::Cpu(_) => Counts::default(),
    }
}

/// A new batch each pass, dropout, two layers of weights.
const NET: &str = r#"
    layer { name: "in" type: "DummyData" top: "x" top: "t"
            dummy_data_param { shape { dim: 6 dim: 20 } shape { dim: 6 dim: 3 } data_filler { type: "gaussian" } } }
    layer { name: "ip1" type: "InnerProduct" bottom: "x" top: "h"
            inner_product_param { num_output: 12 weight_filler { type: "xavier" } bias_filler { type: "constant" value: 0.1 } } }
    layer { name: "relu" type: "ReLU" bottom: "h" top: "h" }
    layer { name: "drop" type: "Dropout" bottom: "h" top: "h" dropout_param { dropout_ratio: 0.3 } }
    layer { name: "ip2" type: "InnerProduct" bottom: "h" top: "y" param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
            inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
    layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" }"#;

fn solver(net: &str, settings: &str, device: &Device) -> Builder {
    let text = format!("net_param {{ {net} }} random_seed: 3 {settings}");
    Builder::parse(&text, "solver").unwrap().log(&Log::silent()).device(device)
}

/// Losses, weights and history as bits.
fn bits(solver: &mut Solver) -> Vec<u32> {
    let losses = solver.losses().to_vec();
    let history: Vec<f32> = solver.history().iter().flat_map(|h| h.slice().to_vec()).collect();
    let store = solver.net().store();
    let weights = store.iter().flat_map(|(blob, _)| blob.data.slice().to_vec());
    losses.into_iter().chain(weights).chain(history).map(f32::to_bits).collect()
}

const SETTINGS: &[&str] = &[
    "type: 'SGD' base_lr: 0.05 momentum: 0.9 lr_policy: 'step' gamma: 0.7 stepsize: 3 weight_decay: 0.01 clip_gradients: 0.5",
    "type: 'SGD' base_lr: 0.05 lr_policy: 'inv' gamma: 0.1 power: 0.75 iter_size: 3 weight_decay: 0.01 regularization_type: 'L1'",
    "type: 'Nesterov' base_lr: 0.03 momentum: 0.9 lr_policy: 'exp' gamma: 0.9 iter_size: 2 clip_gradients: 0.3",
    "type: 'AdaGrad' base_lr: 0.03 lr_policy: 'poly' power: 2 max_iter: 40 weight_decay: 0.001",
    "type: 'RMSProp' base_lr: 0.01 rms_decay: 0.9 lr_policy: 'multistep' gamma: 0.5 stepvalue: 4 stepvalue: 11",
    "type: 'AdaDelta' base_lr: 1 momentum: 0.9 delta: 1e-6 lr_policy: 'fixed' iter_size: 2",
    "type: 'Adam' base_lr: 0.01 momentum: 0.9 momentum2: 0.99 lr_policy: 'step' gamma: 0.6 stepsize: 2 clip_gradients: 1 iter_size: 2",
];

/// What changes from step to step is on the card: were it an argument, a replay would repeat the recorded step's.
#[test]
fn twenty_replayed_steps_are_twenty_plain_ones_bit_for_bit() {
    for settings in SETTINGS {
        let mut replayed = solver(NET, settings, &gpu()).make().unwrap();
        replayed.step(20).unwrap();
        // A step of which every layer is logged is plain.
        let mut plain = solver(NET, &format!("{settings} display: 1 debug_info: true"), &gpu()).make().unwrap();
        for _ in 0..20 {
            plain.net(); // whoever has the net may do anything to it: nothing recorded holds
            plain.step(1).unwrap();
        }
        let iter_size = replayed.param().iter_size() as u64;
        assert_replays(counts(&mut replayed), 20 * iter_size - 2 + 19);
        assert_eq!(counts(&mut plain).replays, 0, "{settings}");
        assert_eq!(replayed.losses().len(), 20);
        assert!(bits(&mut replayed) == bits(&mut plain), "{settings}: {:?} {:?}", replayed.losses(), plain.losses());
    }
}

#[test]
fn a_gpu_trains_as_the_cpu_does() {
    for settings in SETTINGS {
        let run = |device: &Device| {
            let mut solver = solver(NET, settings, device).make().unwrap();
            solver.step(20).unwrap();
            bits(&mut solver).into_iter().map(f32::from_bits).collect::<Vec<f32>>()
        };
        let (cpu, gpu) = (run(&Device::cpu()), run(&gpu()));
        assert_near(&cpu, &gpu, settings);
    }
}

/// A step asks for nothing that waits: no value comes back before the loss is looked at.
#[test]
fn training_copies_nothing_back_but_the_loss_that_is_shown() {
    let mut solver = solver(NET, SETTINGS[0], &gpu()).make().unwrap();
    solver.step(5).unwrap();
    let Device::Gpu(gpu) = solver.net().device().clone() else { panic!() };
    let before = gpu.counts();
    solver.step(50).unwrap();
    let now = gpu.counts();
    assert_eq!(now.downloads - before.downloads, 1, "the losses, once");
    assert_eq!(now.uploads - before.uploads, 2 * 50, "x and t of each batch");
}

/// Trains on the digits of the threads' test: convolution, pooling, LRN, batch normalization, dropout.
fn digits_net(folder: &Path) -> String {
    let path = folder.join("digits_lmdb");
    if !path.exists() {
        digits::digits(&path, 100);
    }
    let threads = include_str!("threads.rs");
    let net = threads.split("r#\"").nth(1).and_then(|text| text.split("\"#").next()).unwrap();
    net.replace("DIGITS", path.to_str().unwrap())
}

#[test]
fn a_net_of_many_layers_trains_as_on_the_cpu_and_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let net = digits_net(folder.path());
    let settings = "base_lr: 0.02 momentum: 0.9 weight_decay: 0.0005 clip_gradients: 10 lr_policy: 'fixed'";
    let run = |device: &Device| {
        let mut solver = solver(&net, settings, device).make().unwrap();
        solver.step(12).unwrap();
        (solver.losses().to_vec(), counts(&mut solver))
    };
    let ((cpu, _), (gpu, counts)) = (run(&Device::cpu()), run(&gpu()));
    assert_near(&cpu, &gpu, "losses");
    assert_replays(counts, 10 + 11);
}

/// LeNet as in `proto/`, on batches of 8.
#[test]
fn lenet_trains_as_on_the_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits_lmdb");
    digits::digits(&path, 100);
    let text = std::fs::read_to_string("proto/lenet_train_test.prototxt").unwrap();
    let mut net: cortado::proto::NetParameter = cortado::proto::text::parse(&text, "lenet").unwrap().message;
    for layer in &mut net.layer {
        if let Some(data) = &mut layer.data_param {
            (data.source, data.batch_size) = (Some(path.to_str().unwrap().into()), Some(8));
        }
    }
    let net = cortado::proto::text::print(&net);
    let run = |device: &Device| {
        let settings = "base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005 lr_policy: 'inv' gamma: 0.0001 power: 0.75";
        let mut solver = solver(&net, settings, device).make().unwrap();
        solver.step(15).unwrap();
        solver.losses().to_vec()
    };
    let (cpu, gpu) = (run(&Device::cpu()), run(&gpu()));
    assert_near(&cpu, &gpu, "losses");
    assert!(cpu[14] < cpu[0], "{cpu:?}");
}

// --- Layers of one's own -----------------------------------------------------------------------------------------------

/// y = 2 x. What it does besides is told by its name.
struct Twice {
    name: String,
    kernels: Kernels,
    forwards: u32,
}

impl Layer for Twice {
    fn new(param: &LayerParameter) -> Result<Self> {
        let source = r#"extern "C" __global__ void twice(int n, In x, Out y) {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < n) y[i] = 2 * x[i];
        }"#;
        Ok(Twice { name: param.name().into(), kernels: Kernels::new(source), forwards: 0 })
    }
    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y, n) = (&bottom[0].data, &mut top[0].data, bottom[0].count());
        self.forwards += 1;
        match cx.device {
            Device::Gpu(gpu) if self.name != "on_the_cpu" => {
                match &*self.name {
                    "panics" if self.forwards == 3 => panic!("a layer of one's own"),
                    _ => {}
                }
                self.kernels.launch(gpu, "twice", n, args![n, x, y.over()])
            }
            _ => {
                y.slice_mut().iter_mut().zip(x.slice()).for_each(|(y, x)| *y = 2.0 * x);
                Ok(())
            }
        }
    }
    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, dx, n) = (&top[0].diff, &mut bottom[0].diff, top[0].count());
        match cx.device {
            Device::Gpu(gpu) if self.name != "on_the_cpu" => {
                self.kernels.launch(gpu, "twice", n, args![n, dy, dx.over()])
            }
            _ => {
                dx.slice_mut().iter_mut().zip(dy.slice()).for_each(|(dx, dy)| *dx = 2.0 * dy);
                Ok(())
            }
        }
    }
}

/// Batches of 4 for six passes, then of 2.
struct Shrinking {
    passes: u32,
}

impl Layer for Shrinking {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Shrinking { passes: 0 })
    }
    fn arity(&self) -> Arity {
        Arity::exact(0, 2)
    }
    fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
        let n = if self.passes < 6 { 4 } else { 2 };
        top[0].reshape(&[n, 5])?;
        top[1].reshape(&[n, 3])
    }
    fn forward(&mut self, cx: &Cx, _: &mut [Blob], _: &[Blob], top: &mut [Blob]) -> Result {
        self.passes += 1;
        cx.random("x").gaussian(0.0, 1.0, top[0].data.slice_mut());
        cx.random("t").gaussian(0.0, 1.0, top[1].data.slice_mut());
        Ok(())
    }
    fn is_source(&self) -> bool {
        true
    }
}

fn layers() -> Layers {
    let mut layers = Layers::caffe();
    layers.add::<Twice>("Twice");
    layers.add::<Shrinking>("Shrinking");
    layers
}

fn with_twice(name: &str) -> String {
    let twice = format!(r#"layer {{ name: "{name}" type: "Twice" bottom: "h" top: "h2" }}"#);
    let (below, above) = NET.split_once("    layer { name: \"ip2\"").unwrap();
    format!("{below} {twice} layer {{ name: \"ip2\"{}", above.replace("bottom: \"h\"", "bottom: \"h2\""))
}

#[test]
fn a_batch_of_another_shape_is_recorded_anew() {
    let net = NET.split_once("layer { name: \"ip1\"").unwrap().1;
    let net = format!(r#"layer {{ name: "in" type: "Shrinking" top: "x" top: "t" }} layer {{ name: "ip1"{net}"#);
    let run = |device: &Device| {
        let mut solver = solver(&net, SETTINGS[0], device).layers(&layers()).make().unwrap();
        solver.step(12).unwrap();
        (solver.losses().to_vec(), counts(&mut solver))
    };
    let ((cpu, _), (gpu, counts)) = (run(&Device::cpu()), run(&gpu()));
    assert_near(&cpu, &gpu, "losses");
    assert_replays(counts, 4 + 4 + 11); // each shape four times, and the update
}

#[test]
fn a_layer_of_ones_own_trains_with_a_kernel_and_without() {
    let run = |name: &str, device: &Device| {
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = said.clone();
        let log = Log::to(move |_, line| heard.lock().unwrap().push(line.to_string()));
        let mut solver = solver(&with_twice(name), SETTINGS[0], device).layers(&layers()).log(&log).make().unwrap();
        solver.step(10).unwrap();
        let is_ours = |line: &&String| line.starts_with("Layer \"") || line.starts_with("The passes");
        let said: Vec<String> = said.lock().unwrap().iter().filter(is_ours).cloned().collect();
        (solver.losses().to_vec(), counts(&mut solver), said)
    };
    let (expected, ..) = run("twice", &Device::cpu());
    for name in ["twice", "on_the_cpu"] {
        let (losses, counts, said) = run(name, &gpu());
        assert_near(&expected, &losses, "losses");
        match name {
            "twice" => {
                assert_replays(counts, 8 + 9);
                assert_eq!(said, Vec::<String>::new());
            }
            _ => {
                assert_replays(counts, 9); // the update alone
                let expected = [
                    "Layer \"on_the_cpu\" (Twice) runs on the CPU: it has no kernel.",
                    "The passes are not recorded: the values \"h2\" of layer \"on_the_cpu\" (Twice) go through the host.",
                ];
                assert_eq!(said, expected[..if records() { 2 } else { 1 }]);
            }
        }
    }
}

#[test]
fn a_panic_while_a_step_is_recorded_leaves_the_card_usable() {
    let device = gpu();
    let mut broken = solver(&with_twice("panics"), SETTINGS[0], &device).layers(&layers()).make().unwrap();
    assert_eq!(broken.step(10).unwrap_err().kind(), Kind::Panic);
    broken.step(10).unwrap(); // it panics once
    solver(NET, SETTINGS[0], &device).make().unwrap().step(5).unwrap();
}

#[test]
fn what_another_thread_asks_is_no_part_of_a_recording() {
    let Device::Gpu(gpu) = gpu() else { panic!() };
    let mut buffer = gpu.alloc(3).unwrap();
    gpu.fill(&mut *buffer, 3, 1.0).unwrap();
    gpu.record().unwrap();
    let e = std::thread::scope(|threads| threads.spawn(|| gpu.fill(&mut *buffer, 3, 2.0)).join().unwrap()).unwrap_err();
    assert_eq!((e.kind(), e.message()), (Kind::Device, "another thread records a step on this card"));
    assert_eq!(gpu.end_record().unwrap().len(), 0);
    gpu.fill(&mut *buffer, 0, 2.0).unwrap();
}

/// A name means the version that the last layer in place has made, after a replay, too.
#[test]
fn a_layer_in_place_on_the_batch_is_seen_after_replays() {
    let (below, above) = NET.split_once("    layer { name: \"ip1\"").unwrap();
    let in_place = r#"layer { name: "square" type: "Power" bottom: "x" top: "x" power_param { power: 2 } }"#;
    let net = format!("{below} {in_place} layer {{ name: \"ip1\"{above}");
    let run = |device: &Device| {
        let mut solver = solver(&net, SETTINGS[0], device).make().unwrap();
        solver.step(8).unwrap();
        solver.net().data("x").unwrap().slice().to_vec()
    };
    let (cpu, gpu) = (run(&Device::cpu()), run(&gpu()));
    assert_near(&cpu, &gpu, "x");
}

/// Lion (Chen et al. 2023), with a kernel or without.
struct Lion<const KERNEL: bool>;

impl<const KERNEL: bool> Rule for Lion<KERNEL> {
    fn new(_: &SolverParameter) -> Result<Self> {
        Ok(Lion)
    }
    fn update(&self, at: &At, _: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        for (dw, m) in dw.iter_mut().zip(history[0].iter_mut()) {
            let mix = 0.9 * *m + 0.1 * *dw;
            *m = 0.99 * *m + 0.01 * *dw;
            *dw = if mix == 0.0 { 0.0 } else { at.lr.copysign(mix) };
        }
    }
    fn kernel(&self) -> Option<&'static str> {
        KERNEL.then_some(
            "__device__ float step(float w, float dw, float lr, In s, float *h) {
                 float mix = s[0] * h[0] + (1 - s[0]) * dw;
                 h[0] = s[1] * h[0] + (1 - s[1]) * dw;
                 return lr * ((mix > 0) - (mix < 0));
             }",
        )
    }
    fn settings(&self, _: u64) -> Vec<f32> {
        vec![0.9, 0.99]
    }
}

#[test]
fn a_rule_of_ones_own_trains_with_a_kernel_and_without() {
    let mut rules = Rules::caffe();
    rules.add::<Lion<true>>("Lion");
    rules.add::<Lion<false>>("LionOnTheCpu");
    let run = |rule: &str, device: &Device| {
        let settings = format!("type: '{rule}' base_lr: 0.01 lr_policy: 'fixed'");
        let mut solver = solver(NET, &settings, device).rules(&rules).make().unwrap();
        solver.step(10).unwrap();
        solver.losses().to_vec()
    };
    let expected = run("Lion", &Device::cpu());
    for rule in ["Lion", "LionOnTheCpu"] {
        let losses = run(rule, &gpu());
        assert_near(&expected, &losses, "losses");
    }
}

/// The same complaint as on the CPU, and weights as before the iteration that went wrong.
#[test]
fn training_stops_at_the_first_value_that_is_not_finite() {
    let settings = "base_lr: 1e13 lr_policy: 'fixed'";
    let run = |device: &Device| {
        let mut solver = solver(NET, settings, device).make().unwrap();
        let e = solver.step(30).unwrap_err();
        let (iter, losses) = (solver.iter(), solver.losses().to_vec());
        let weights: Vec<f32> = solver.net().store().iter().flat_map(|(blob, _)| blob.data.slice().to_vec()).collect();
        (e, iter, losses, weights)
    };
    let ((e, iter, losses, weights), gpu) = (run(&Device::cpu()), run(&gpu()));
    assert_eq!((e.kind(), gpu.0.kind()), (Kind::NonFinite, Kind::NonFinite));
    assert_eq!(
        (e.message(), e.layer_name(), iter, losses.len()),
        (gpu.0.message(), gpu.0.layer_name(), gpu.1, gpu.2.len())
    );
    // One step of 1e13 times a gradient: a card's last bits are worth a thousandth of it.
    let limit = if is_a_card() { 1e-2 } else { 1e-3 };
    for (a, b) in weights.iter().zip(&gpu.3) {
        assert!(b.is_finite() && (a - b).abs() <= limit * a.abs().max(1.0), "{a} {b}");
    }
}

#[test]
fn what_the_host_changes_between_steps_counts() {
    let run = |device: &Device| {
        let mut solver = solver(NET, SETTINGS[6], device).make().unwrap();
        for round in 0..3 {
            solver.step(5).unwrap();
            solver.net().param_mut("ip1", 0).unwrap().data.slice_mut()[3] = round as f32;
            solver.set(|p| p.base_lr = Some(0.02)).unwrap();
        }
        solver.net().forward().unwrap();
        solver.net().backward().unwrap();
        solver.apply_update().unwrap();
        solver.step(4).unwrap();
        solver.losses().to_vec()
    };
    let (cpu, gpu) = (run(&Device::cpu()), run(&gpu()));
    assert_near(&cpu, &gpu, "losses");
}

#[test]
fn a_resumed_run_goes_on_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("{} snapshot_prefix: '{}'", SETTINGS[6], folder.path().join("s").display());
    let mut whole = solver(NET, &settings, &gpu()).make().unwrap();
    whole.step(7).unwrap();
    let state = whole.snapshot().unwrap();
    whole.step(8).unwrap();
    let mut resumed = solver(NET, &settings, &gpu()).make().unwrap();
    resumed.step(5).unwrap(); // what was recorded before does not matter
    resumed.restore(state).unwrap();
    resumed.step(8).unwrap();
    let tail = |solver: &Solver| solver.losses()[solver.losses().len() - 8..].to_vec();
    assert_eq!(tail(&whole), tail(&resumed));
}

#[test]
fn graphs_can_be_turned_off() {
    // In `tests/card.rs` this file is a module.
    let name = concat!(module_path!(), "::without_graphs").split_once("::").unwrap().1;
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored"])
        .env("CORTADO_GRAPH", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by graphs_can_be_turned_off"]
fn without_graphs() {
    let mut solver = solver(NET, SETTINGS[0], &gpu()).make().unwrap();
    solver.step(10).unwrap();
    assert_eq!(counts(&mut solver).replays, 0);
    assert_eq!(solver.net().data("h").unwrap().side(), Side::Card);
}
