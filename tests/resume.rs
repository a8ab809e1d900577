//! A run that was stopped and goes on is the run that was not: bit for bit, for every rule.
//!
//! The net reads a shuffled, mirrored, cropped database in batches that do not divide it, has Dropout and BatchNorm, and is
//! tested by two nets in between.

#[path = "common/digits.rs"]
mod digits;

use cortado::solver::Builder;
use cortado::{Kind, Log, Solver};
use digits::digits;
use prost::Message;
use std::path::Path;
use tempfile::TempDir;

const SOLVERS: &[(&str, &str)] = &[
    ("SGD", "type: 'SGD' base_lr: 0.02 momentum: 0.9 weight_decay: 0.001 iter_size: 2 clip_gradients: 1"),
    ("Nesterov", "type: 'Nesterov' base_lr: 0.02 momentum: 0.9 weight_decay: 0.001 regularization_type: 'L1'"),
    ("AdaGrad", "type: 'AdaGrad' base_lr: 0.02 weight_decay: 0.001"),
    ("RMSProp", "type: 'RMSProp' base_lr: 0.001 rms_decay: 0.95 clip_gradients: 5"),
    ("AdaDelta", "type: 'AdaDelta' base_lr: 1 momentum: 0.95 delta: 1e-6 regularization_type: 'L1' weight_decay: 1e-4"),
    ("Adam", "type: 'Adam' base_lr: 0.002 momentum: 0.9 momentum2: 0.999 delta: 1e-8"),
];

fn net(folder: &Path) -> String {
    let data = |phase, more| {
        format!(
            r#"layer {{ name: "digits" type: "Data" top: "data" top: "label" include {{ phase: {phase} }}
                 transform_param {{ scale: 0.00390625 mirror: true crop_size: 24 }}
                 data_param {{ source: "{}/digits_lmdb" backend: LMDB batch_size: 7 {more} }} }}"#,
            folder.display()
        )
    };
    format!(
        r#"{} {}
        layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv"
                 convolution_param {{ num_output: 4 kernel_size: 5 stride: 2 weight_filler {{ type: "xavier" }} }} }}
        layer {{ name: "norm" type: "BatchNorm" bottom: "conv" top: "conv" }}
        layer {{ name: "relu" type: "ReLU" bottom: "conv" top: "conv" }}
        layer {{ name: "drop" type: "Dropout" bottom: "conv" top: "conv" dropout_param {{ dropout_ratio: 0.3 }} }}
        layer {{ name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
                 inner_product_param {{ num_output: 10 weight_filler {{ type: "xavier" }} }} }}
        layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}"#,
        data("TRAIN", "shuffle: true rand_skip: 20 prefetch: 3"),
        data("TEST", "")
    )
}

fn solver(folder: &Path, settings: &str, seed: u64) -> Solver {
    let text = format!(
        "net_param {{ {} }} {settings} lr_policy: 'multistep' gamma: 0.5 stepvalue: 4 stepvalue: 9 max_iter: 14
         test_iter: 2 test_iter: 1 test_interval: 3 snapshot_prefix: '{}/run'",
        net(folder),
        folder.display()
    );
    Builder::parse(&text, "solver").unwrap().seed(seed).log(&Log::silent()).make().unwrap()
}

/// All weights and what the rule remembers, as bits.
fn bits(solver: &mut Solver) -> Vec<u32> {
    let mut bits: Vec<u32> = solver.history().iter().flat_map(|h| h.slice()).map(|x| x.to_bits()).collect();
    let net = solver.net();
    bits.extend(net.store().iter().flat_map(|(blob, _)| blob.data.slice()).map(|x| x.to_bits()));
    bits
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    digits(&folder.path().join("digits_lmdb"), 50);
    folder
}

#[test]
fn all_rules_go_on_bit_for_bit() {
    let folder = folder();
    for (name, settings) in SOLVERS {
        let mut whole = solver(folder.path(), settings, 5);
        whole.step(11).unwrap();
        let losses = whole.losses().to_vec();
        let want = bits(&mut whole);

        let mut first = solver(folder.path(), settings, 5);
        first.step(6).unwrap();
        let state = first.snapshot().unwrap();
        first.step(3).unwrap(); // goes on, and is forgotten
        drop(first);

        // A fresh solver, even one of another seed: the snapshot knows the run's.
        for seed in [5, 6] {
            let mut second = solver(folder.path(), settings, seed);
            second.restore(&state).unwrap();
            assert_eq!(second.iter(), 6);
            second.step(5).unwrap();
            assert_eq!(second.losses(), &losses[6..], "{name}");
            assert!(bits(&mut second) == want, "{name}, made with seed {seed}, differs");
            // And once more, in the midst of a run.
            second.restore(&state).unwrap();
            second.step(5).unwrap();
            assert!(bits(&mut second) == want, "{name}, restored twice, differs");
        }
        let mut other = solver(folder.path(), settings, 6);
        other.step(11).unwrap();
        assert!(bits(&mut other) != want, "{name}: another seed is another run");
    }
}

/// Two snapshots one after the other: A to B, to C, to D.
#[test]
fn a_snapshot_of_a_resumed_run() {
    let folder = folder();
    let settings = SOLVERS[5].1;
    let mut whole = solver(folder.path(), settings, 1);
    whole.step(9).unwrap();
    let mut state = None;
    for steps in [2, 4, 3] {
        let mut part = solver(folder.path(), settings, 1);
        if let Some(state) = &state {
            part.restore(state).unwrap();
        }
        part.step(steps).unwrap();
        state = Some(part.snapshot().unwrap());
        if part.iter() == 9 {
            assert!(bits(&mut part) == bits(&mut whole));
        }
    }
    assert!(state.unwrap().ends_with("run_iter_9.solverstate"));
}

#[test]
fn a_snapshot_may_be_moved() {
    let folder = folder();
    let mut first = solver(folder.path(), SOLVERS[0].1, 1);
    first.step(2).unwrap();
    let state = first.snapshot().unwrap();
    let moved = folder.path().join("elsewhere");
    std::fs::create_dir(&moved).unwrap();
    for kind in ["solverstate", "caffemodel"] {
        let name = format!("run_iter_2.{kind}");
        std::fs::rename(state.with_extension(kind), moved.join(name)).unwrap();
    }
    let mut second = solver(folder.path(), SOLVERS[0].1, 1);
    second.restore(moved.join("run_iter_2.solverstate")).unwrap();
    assert!(bits(&mut second) == bits(&mut first));
}

/// Caffe's own snapshots know neither seed nor position.
#[test]
fn a_snapshot_of_caffe() {
    let folder = folder();
    let mut first = solver(folder.path(), SOLVERS[0].1, 1);
    first.step(2).unwrap();
    let state = first.snapshot().unwrap();
    let mut message = cortado::proto::SolverState::decode(&std::fs::read(&state).unwrap()[..]).unwrap();
    (message.seed, message.pass) = (None, None);
    message.position.clear();
    std::fs::write(&state, message.encode_to_vec()).unwrap();
    let mut second = solver(folder.path(), SOLVERS[0].1, 1);
    second.restore(&state).unwrap();
    assert_eq!(second.iter(), 2);
    assert!(bits(&mut second) == bits(&mut first));
    second.step(1).unwrap();
}

#[test]
fn a_restore_that_fails_changes_nothing() {
    let folder = folder();
    let mut other = solver(folder.path(), SOLVERS[5].1, 1);
    other.step(1).unwrap();
    let state = other.snapshot().unwrap();
    let run = |restore: bool| {
        let mut solver = solver(folder.path(), SOLVERS[0].1, 1);
        solver.step(3).unwrap();
        if restore {
            assert_eq!(solver.restore(&state).unwrap_err().kind(), Kind::Weights); // Adam's state
            assert_eq!(solver.restore(folder.path().join("none")).unwrap_err().kind(), Kind::File);
        }
        assert_eq!((solver.iter(), solver.losses().len()), (3, 3));
        solver.step(3).unwrap();
        bits(&mut solver)
    };
    assert!(run(true) == run(false));
}

/// SGD's velocities are no sums of squares: a state says whose it is. Caffe's do not, and are judged by what they hold.
#[test]
fn a_state_of_another_rule_is_refused() {
    let folder = folder();
    let mut sgd = solver(folder.path(), SOLVERS[0].1, 1);
    sgd.step(3).unwrap();
    let state = sgd.snapshot().unwrap();
    let bytes = std::fs::read(&state).unwrap();
    let message = cortado::proto::SolverState::decode(&bytes[..]).unwrap();
    let unsigned = |nameless: bool, negative: bool| {
        let mut message = message.clone();
        if nameless {
            message.r#type = None;
        }
        for x in message.history.iter_mut().flat_map(|h| &mut h.data).filter(|_| !negative) {
            *x = x.abs();
        }
        std::fs::write(&state, message.encode_to_vec()).unwrap();
    };
    for (name, settings) in &SOLVERS[1..4] {
        let mut other = solver(folder.path(), settings, 1);
        other.step(2).unwrap();
        let before = bits(&mut other);
        unsigned(false, false);
        let e = other.restore(&state).unwrap_err();
        let says_both = e.message().contains("SGD") && e.message().contains(name);
        assert!(e.kind() == Kind::Weights && says_both && !e.hints().is_empty(), "{e}");
        // Without the name, no sum of squares is negative; velocities may be anything.
        unsigned(true, true);
        assert_eq!(other.restore(&state).is_err(), *name != "Nesterov", "{name}");
        if *name != "Nesterov" {
            assert_eq!((other.iter(), bits(&mut other)), (2, before), "{name}");
        }
        unsigned(true, false);
        other.restore(&state).unwrap();
        assert_eq!(other.iter(), 3);
        other.step(2).unwrap();
    }
    unsigned(false, true);
    sgd.restore(&state).unwrap();
}

/// Two layers are called `ip`, and two data layers `noise`, as Caffe allows: each has weights, random numbers and a position of
/// its own, in training, in tests and after a restore.
#[test]
fn layers_of_one_name_go_on_bit_for_bit() {
    let folder = folder();
    let ip = |bottom: &str, top: &str| {
        format!(
            r#"layer {{ name: "ip" type: "InnerProduct" bottom: "{bottom}" top: "{top}"
                 inner_product_param {{ num_output: 24 weight_filler {{ type: "xavier" }} }} }}
               layer {{ name: "drop" type: "Dropout" bottom: "{top}" top: "{top}" }}"#
        )
    };
    let data = |top: &str, more: &str| {
        format!(
            r#"layer {{ name: "digits" type: "Data" top: "{top}" top: "l{top}"
                 data_param {{ source: "{}/digits_lmdb" backend: LMDB {more} shuffle: true }}
                 transform_param {{ scale: 0.00390625 crop_size: 6 }} }}"#,
            folder.path().display()
        )
    };
    let net = format!(
        r#"{} {} layer {{ name: "silence" type: "Silence" bottom: "lb" }}
           layer {{ name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "x" }}
           layer {{ name: "flat" type: "InnerProduct" bottom: "x" top: "flat"
                    inner_product_param {{ num_output: 24 weight_filler {{ type: "xavier" }} }} }}
           {} {}
           layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "z" bottom: "la" top: "loss" }}"#,
        data("a", "batch_size: 7"),
        data("b", "batch_size: 7 rand_skip: 30"),
        ip("flat", "y"),
        ip("y", "z")
    );
    let make = |seed| {
        let text = format!(
            "net_param {{ {net} }} base_lr: 0.05 momentum: 0.9 lr_policy: 'fixed' test_iter: 2 test_interval: 100
             snapshot_prefix: '{}/run'",
            folder.path().display()
        );
        Builder::parse(&text, "solver").unwrap().seed(seed).log(&Log::silent()).make().unwrap()
    };
    let mut whole = make(5);
    let w: Vec<Vec<f32>> =
        (0..2).map(|k| whole.net().store().get(2 + 2 * k).unwrap().0.data.slice().to_vec()).collect();
    assert_ne!(w[0], w[1], "two layers of one name start with weights of their own");
    whole.step(6).unwrap();
    let (state, scores) = (whole.snapshot().unwrap(), whole.test(0).unwrap());
    whole.step(4).unwrap();
    let want = bits(&mut whole);
    let mut resumed = make(6);
    resumed.restore(&state).unwrap();
    assert_eq!(resumed.test(0).unwrap().scores, scores.scores);
    resumed.step(4).unwrap();
    assert_eq!(resumed.losses(), &whole.losses()[6..]);
    assert!(bits(&mut resumed) == want);
}

/// Files are written under another name and renamed: there is a whole one or none.
#[test]
fn snapshots_are_whole_or_not_there() {
    let folder = folder();
    let names = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let mut solver = solver(folder.path(), SOLVERS[0].1, 1);
    solver.step(1).unwrap();
    solver.snapshot().unwrap();
    assert_eq!(names(), ["digits_lmdb", "run_iter_1.caffemodel", "run_iter_1.solverstate"]);
    let before = std::fs::read(folder.path().join("run_iter_1.caffemodel")).unwrap();
    solver.snapshot().unwrap(); // over the old one
    assert_eq!(std::fs::read(folder.path().join("run_iter_1.caffemodel")).unwrap(), before);

    solver.step(1).unwrap();
    std::fs::create_dir(folder.path().join("run_iter_2.caffemodel")).unwrap(); // what cannot be replaced
    let e = solver.snapshot().unwrap_err();
    assert!(e.kind() == Kind::File && e.message().contains("run_iter_2.caffemodel"), "{e}");
    assert_eq!(names().len(), 4, "nothing half-written stays: {:?}", names());

    let file = folder.path().join("digits_lmdb/data.mdb/run");
    solver.set(|p| p.snapshot_prefix = Some(file.to_str().unwrap().into())).unwrap();
    assert_eq!(solver.snapshot().unwrap_err().kind(), Kind::File); // a folder below a file
    let deep = folder.path().join("new/folder/run");
    solver.set(|p| p.snapshot_prefix = Some(deep.to_str().unwrap().into())).unwrap();
    assert!(solver.snapshot().unwrap().is_file()); // folders are made
}
