//! A training step after the first few allocates next to nothing: no array of values at all.

#[path = "common/digits.rs"]
mod digits;

use cortado::net::Keep;
use cortado::solver::Builder;
use cortado::{Device, Log};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// The system's allocator, with the allocations of all threads counted while `counts` is set.
struct Counting {
    counts: AtomicBool,
    number: AtomicUsize,
    bytes: AtomicUsize,
}

#[global_allocator]
static ALLOCATOR: Counting =
    Counting { counts: AtomicBool::new(false), number: AtomicUsize::new(0), bytes: AtomicUsize::new(0) };

impl Counting {
    fn note(&self, bytes: usize) {
        if self.counts.load(SeqCst) {
            self.number.fetch_add(1, SeqCst);
            self.bytes.fetch_add(bytes, SeqCst);
            trace(bytes);
        }
    }

    /// How many allocations `work` made, and of how many bytes.
    fn count(&self, work: impl FnOnce()) -> [usize; 2] {
        self.number.store(0, SeqCst);
        self.bytes.store(0, SeqCst);
        self.counts.store(true, SeqCst);
        work();
        self.counts.store(false, SeqCst);
        [&self.number, &self.bytes].map(|n| n.load(SeqCst))
    }
}

thread_local! { static INSIDE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) }; }
fn trace(bytes: usize) {
    if INSIDE.get() { return; }
    INSIDE.set(true);
    ALLOCATOR.counts.store(false, SeqCst);
    if std::env::var("TRACE").is_ok() {
        let b = std::backtrace::Backtrace::force_capture().to_string();
        let lines: Vec<&str> = b.lines().collect();
        let mut out = format!("ALLOC {bytes}:");
        let mut n = 0;
        for l in lines.chunks(2) {
            if l[0].contains("cortado") || l[0].contains("rayon") || l[0].contains("gemm") || l[0].contains("prost") {
                let at = l.get(1).map_or("", |a| a.trim());
                out += &format!(" <- {} {}", l[0].trim().split(": ").nth(1).unwrap_or("").chars().take(70).collect::<String>(), at.rsplit('/').next().unwrap_or(""));
                n += 1;
                if n == 3 { break; }
            }
        }
        eprintln!("{out}");
    }
    ALLOCATOR.counts.store(true, SeqCst);
    INSIDE.set(false);
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.note(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.note(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.note(size);
        unsafe { System.realloc(at, layout, size) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

const ADAM: &str = "type: 'Adam' base_lr: 0.001 momentum: 0.9 momentum2: 0.999 lr_policy: 'fixed'";
const SGD: &str = "base_lr: 0.001 momentum: 0.9 weight_decay: 0.0005 clip_gradients: 10 lr_policy: 'fixed'";

const DIGITS: &str = r#"
    layer { name: "digits" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 mirror: true crop_size: 24 }
            data_param { source: "DIGITS" backend: LMDB batch_size: 16 shuffle: true } }
    layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
            convolution_param { num_output: 20 kernel_size: 5 weight_filler { type: "xavier" } } }
    layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
    layer { name: "drop" type: "Dropout" bottom: "pool" top: "pool" }
    layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
            inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
    layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" }"#;

/// A recurrent net that reads 6 steps of 4 sequences; TYPE is RNN or LSTM.
const SEQUENCES: &str = r#"
    layer { name: "in" type: "DummyData" top: "x" top: "go_on" top: "target"
            dummy_data_param { data_filler { type: "gaussian" } data_filler { value: 1 } data_filler { value: 0.5 }
                               shape { dim: 6 dim: 4 dim: 8 } shape { dim: 6 dim: 4 } shape { dim: 6 dim: 4 dim: 16 } } }
    layer { name: "recurrent" type: "TYPE" bottom: "x" bottom: "go_on" top: "h"
            recurrent_param { num_output: 16 weight_filler { type: "xavier" } } }
    layer { name: "loss" type: "EuclideanLoss" bottom: "h" bottom: "target" top: "loss" }"#;

/// The largest number of allocations, and of bytes, of several steps.
fn of_a_step(net: &str, rule: &str, threads: usize) -> [usize; 2] {
    let text = format!("net_param {{ {net} }} {rule}");
    let builder = Builder::parse(&text, "solver").unwrap().log(&Log::silent()).keep(Keep::Needed);
    let mut solver = builder.device(&Device::cpu_with_threads(threads)).make().unwrap();
    solver.step(3).unwrap();
    let steps = [(); 5].map(|()| ALLOCATOR.count(|| solver.step(1).unwrap()));
    eprintln!("{steps:?}");
    [0, 1].map(|what| steps.iter().map(|counts| counts[what]).max().unwrap())
}

#[test]
fn a_step_allocates_no_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits_lmdb");
    digits::digits(&path, 100);
    let small = |name: &str| {
        let text = std::fs::read_to_string(format!("proto/bench/{name}.prototxt")).unwrap();
        ["tiles: 64", "tiles: 100", "tiles: 128"].iter().fold(text, |text, tiles| text.replace(tiles, "tiles: 8"))
    };
    let small = |name: &str| ["dim: 64\n", "dim: 100\n", "dim: 128\n"].iter().fold(small(name), |t, dim| t.replace(dim, "dim: 8\n"));
    let nets = [
        ("digits", DIGITS.replace("DIGITS", path.to_str().unwrap())),
        ("lenet", small("lenet")),
        ("cifar10_quick", small("cifar10_quick")),
        ("cifar10_full", small("cifar10_full")),
        ("resnet20", small("resnet20")),
        ("RNN", SEQUENCES.replace("TYPE", "RNN")),
        ("LSTM", SEQUENCES.replace("TYPE", "LSTM")),
    ];
    for (name, net) in nets {
        for (rule_name, rule) in [("SGD", SGD), ("Adam", ADAM)] {
            for threads in [1, 2] {
                eprintln!("NET {name} {rule_name} {threads}");
                let [number, bytes] = of_a_step(&net, rule, threads);
                println!("{name:14} {rule_name:5} {threads} threads: {number:6} allocations, {bytes:8} bytes");
            }
        }
    }
}
