//! `cortado plot` and `train --plot`: the curves of logs, Cortado's and real Caffe's.

use crate::bench::{Bench, SOLVER};
use cortado::show::TrainingLog;
use std::path::{Path, PathBuf};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/logs/lenet_train_500.log")
}

#[test]
fn the_log_of_real_caffe_is_read() {
    let log = TrainingLog::read(golden()).unwrap();
    assert_eq!(log.points("accuracy", "test"), [(0.0, 0.0997), (250.0, 0.9593), (500.0, 0.9745)]);
    assert_eq!(log.points("loss", "test")[..2], [(0.0, 2.36552), (250.0, 0.13082)]);
    let loss = log.points("loss", "train");
    assert_eq!(loss[..3], [(0.0, 2.40561), (50.0, 0.357597), (100.0, 0.227817)]);
    assert_eq!(loss.len(), 11, "one each 50 iterations, and the last");
    assert_eq!(log.points("lr", "train")[..2], [(0.0, 0.01), (50.0, 0.00996266)]);
    assert!(log.points("loss", "test 1").is_empty());
}

#[test]
fn lines_of_all_kinds_are_understood() {
    let mut log = TrainingLog::new("log");
    let told = [
        ("I0131 12:00:00.000000 1 solver.cpp:209] Iteration 20, loss = 1.5", true), // Caffe of 2014
        ("I0131 12:00:00.000000 1 solver.cpp:224]     Train net output #0: loss = 1.75 (* 1 = 1.75 loss)", false), // known
        ("I0131 12:00:00.000000 1 solver.cpp:224]     Train net output #1: top-5 error = 0.5", true),
        ("I0131 12:00:00.000000 1 solver.cpp:470] Iteration 20, lr = 1e-05", true),
        ("I0131 12:00:00.000000 1 solver.cpp:247] Iteration 40, Testing net (#1)", false),
        ("I0131 12:00:00.000000 1 solver.cpp:414]     Test net output #0: accuracy = nan", true),
        ("I0131 12:00:00.000000 1 solver.cpp:239] Iteration 40 (1e+03 iter/s, 0.02s/20 iters), loss = 1.25", true),
        ("I0131 12:00:00.000000 1 solver.cpp:239] Iteration 60 (1 iter/s, 2s/20 iters), loss = 9", true),
        ("I0131 12:00:00.000000 1 solver.cpp:239] Iteration 60, loss = many", false),
        ("Iteration , loss = 3", false),
        ("Iteration 99999999999999999999999999, hello", false),
        ("", false),
        ("Snapshotting to binary proto file x_iter_40.caffemodel", false),
        // Resumed from iteration 40.
        ("I0131 12:00:00.000000 1 solver.cpp:239] Iteration 60 (1 iter/s, 2s/20 iters), loss = 1", true),
    ];
    for (line, is_told) in told {
        assert_eq!(log.line(line), is_told, "{line}");
    }
    assert_eq!(log.points("loss", "train"), [(20.0, 1.5), (40.0, 1.25), (60.0, 1.0)]);
    assert_eq!(log.points("top-5 error", "train"), [(20.0, 0.5)]);
    assert_eq!(log.points("lr", "train"), [(20.0, 1e-5)]);
    assert!(log.points("accuracy", "test 1")[0].1.is_nan());
}

#[test]
fn logs_become_one_picture() {
    let bench = Bench::new();
    let ran = bench.good("train --solver solver.prototxt --seed 5");
    bench.write("ours.log", &ran.err);
    bench.write("caffe.log", std::fs::read(golden()).unwrap());
    let out = bench.good("plot ours.log caffe.log --to both.svg").out;
    assert!(out.starts_with("ours: ") && out.contains("\ncaffe: ") && out.ends_with("drawn to both.svg\n"), "{out}");
    assert!(out.contains("accuracy (test) 0.975 at 500"), "{out}");
    let svg = String::from_utf8(bench.read("both.svg")).unwrap();
    assert_eq!(svg.matches("<svg ").count(), 1 + 3, "loss, accuracy and rate");
    assert_eq!(svg.matches("<svg ").count(), svg.matches("</svg>").count());
    for line in ["ours train", "ours test", "caffe train", "caffe test"] {
        assert!(svg.contains(&format!(">{line}<")), "{line}");
    }
    assert_eq!(svg.matches("fill=\"none\"").count(), 4 + 2 + 2, "a path for each line");
    bench.good("plot caffe.log --to one.svg --only loss --log_y");
    let one = String::from_utf8(bench.read("one.svg")).unwrap();
    assert_eq!(one.matches("<svg ").count(), 2);

    assert!(bench.bad("plot caffe.log --to x.svg --only los", 1).contains("did you mean \"loss\"?"));
    bench.write("test.log", "I0131 12:00:00.000000 1 caffe.cpp:1] Batch 0, accuracy = 1\n\u{0}\n");
    let error = bench.bad("plot caffe.log test.log --to x.svg", 1);
    assert!(error.contains("test.log tells nothing of a training") && error.contains("help: "), "{error}");
    assert!(bench.bad("plot none.log --to x.svg", 1).contains("none.log is not there"));
    assert!(bench.bad("plot caffe.log", 2).contains("plot needs --to FILE.svg"));
    assert!(bench.bad("plot --to x.svg", 2).contains("plot needs a training log"));
    assert!(!bench.path("x.svg").exists());
}

#[test]
fn a_run_draws_itself() {
    let bench = Bench::new();
    let ran = bench.good("train --solver solver.prototxt --seed 5 --plot run/now.svg");
    bench.write("run.log", &ran.err);
    bench.good("plot run.log --to later.svg");
    assert_eq!(bench.read("run/now.svg"), bench.read("later.svg"), "the run's own picture is that of its log");
    // A log that is not shown is drawn all the same.
    let mut quiet = bench.command("train --solver solver.prototxt --seed 5 --plot quiet.svg");
    let quiet = quiet.env("GLOG_minloglevel", "2").output().unwrap();
    assert!(quiet.status.success() && quiet.stderr.is_empty(), "{}", String::from_utf8_lossy(&quiet.stderr));
    assert_eq!(bench.read("quiet.svg"), bench.read("later.svg"));
    // A picture that cannot be written does not end the run.
    bench.write("file", "");
    bench.write("other.prototxt", SOLVER.replace("run/small", "run/other"));
    let ran = bench.good("train --solver other.prototxt --plot file/now.svg");
    assert_eq!(ran.err.matches("--plot: ").count(), 1, "{}", ran.err);
    assert!(ran.err.contains("Optimization Done."));
}

/// A loss far from 1 that never changes still has an axis; a picture of another kind is refused.
#[test]
fn large_numbers_and_other_endings() {
    let bench = Bench::new();
    let line = |i: u32| format!("I0101 00:00:00.000000 1 solver.cpp:1] Iteration {i}, loss = 1e+30\n");
    bench.write("big.log", [line(0), line(10)].concat());
    bench.good("plot big.log --to big.svg");
    assert!(!String::from_utf8(bench.read("big.svg")).unwrap().contains("NaN"));
    assert!(bench.bad("plot big.log --to big.png", 2).contains("must end with .svg"));
    assert!(bench.bad("train --solver solver.prototxt --plot p.png", 2).contains("--plot p.png"));
    assert!(bench.bad("mean train_lmdb mean.png", 2).contains(".binaryproto or .npy"));
}
