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
    /// Bytes that a matrix product packs its factors into. They are aligned for vectors, as nothing else is.
    packed: AtomicUsize,
}

/// The alignment of a packed factor is at least this.
const FOR_VECTORS: usize = 64;

#[global_allocator]
static ALLOCATOR: Counting = Counting {
    counts: AtomicBool::new(false),
    number: AtomicUsize::new(0),
    bytes: AtomicUsize::new(0),
    packed: AtomicUsize::new(0),
};

impl Counting {
    fn note(&self, align: usize, bytes: usize) {
        if !self.counts.load(SeqCst) {
            return;
        }
        if align >= FOR_VECTORS {
            self.packed.fetch_add(bytes, SeqCst);
        } else {
            self.number.fetch_add(1, SeqCst);
            self.bytes.fetch_add(bytes, SeqCst);
        }
    }

    /// How many allocations `work` made, of how many bytes, and how many more bytes were packed factors.
    fn count(&self, work: impl FnOnce()) -> [usize; 3] {
        let counts = [&self.number, &self.bytes, &self.packed];
        counts.iter().for_each(|n| n.store(0, SeqCst));
        self.counts.store(true, SeqCst);
        work();
        self.counts.store(false, SeqCst);
        counts.map(|n| n.load(SeqCst))
    }
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.note(layout.align(), layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.note(layout.align(), layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.note(layout.align(), size);
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

/// What five steps after the first three allocate, each as [`Counting::count`] says.
fn of_five_steps(net: &str, rule: &str, threads: usize) -> [[usize; 3]; 5] {
    let text = format!("net_param {{ {net} }} {rule}");
    let builder = Builder::parse(&text, "solver").unwrap().log(&Log::silent()).keep(Keep::Needed);
    let mut solver = builder.device(&Device::cpu_with_threads(threads)).make().unwrap();
    solver.step(3).unwrap();
    [(); 5].map(|()| ALLOCATOR.count(|| solver.step(1).unwrap()))
}

/// A net of proto/bench with batches of eight.
fn small(name: &str) -> String {
    let mut text = std::fs::read_to_string(format!("proto/bench/{name}.prototxt")).unwrap();
    for batch in [64, 100, 128] {
        text = text.replace(&format!("tiles: {batch}\n"), "tiles: 8\n");
    }
    // The labels are the only blob of one axis.
    let (before, labels) = text.split_once("top: \"label\"").unwrap();
    let (filler, dim) = labels.split_once("dim: ").unwrap();
    let (_, after) = dim.split_once('\n').unwrap();
    format!("{before}top: \"label\"{filler}dim: 8\n{after}")
}

/// What stays are lists of a few numbers or pointers: a layer's shapes in `reshape`, the names and positions of data
/// layers, a convolution's offsets, a matrix product's marks of what it has packed. Now and then rayon's queue grows.
const MOST: [usize; 2] = [200, 12 * 1024];

/// Not bounded here: a matrix product allocates what it packs its factors into, at each call.
#[test]
fn a_step_allocates_no_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits_lmdb");
    digits::digits(&path, 100);
    let nets = [
        ("digits", DIGITS.replace("DIGITS", path.to_str().unwrap())),
        ("lenet", small("lenet")),
        ("cifar10_quick", small("cifar10_quick")),
        ("cifar10_full", small("cifar10_full")),
        ("resnet20", small("resnet20")),
        ("RNN", SEQUENCES.replace("TYPE", "RNN")),
        ("LSTM", SEQUENCES.replace("TYPE", "LSTM")),
    ];
    for (name, net) in &nets {
        for (rule_name, rule) in [("SGD", SGD), ("Adam", ADAM)] {
            for threads in [1, 2] {
                let steps = of_five_steps(net, rule, threads);
                let counts = |what: usize| steps.iter().map(move |counts| counts[what]);
                // A second thread may get its first piece of work late, and then its work memory with it.
                let of = |what| if threads == 1 { counts(what).max() } else { counts(what).min() }.unwrap();
                let [number, bytes, packed] = [of(0), of(1), of(2)];
                println!(
                    "{name:13} {rule_name:4} {threads} threads: {number:3} of {bytes:5} bytes; packed {packed:6} bytes"
                );
                assert!(number <= MOST[0] && bytes <= MOST[1], "{name}, {rule_name}, {threads} threads: {steps:?}");
            }
        }
    }
}
