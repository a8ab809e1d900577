//! Training, testing and timing; the log's lines.

use crate::bench::{Bench, NET, SOLVER, write_idx};

/// What a log line says after its prefix `I0131 23:59:59.123456 10448 solver.rs:456] `, which is checked: Caffe's
/// own tools read month and day without a year.
fn said(line: &str) -> &str {
    let (prefix, said) = line.split_once("] ").unwrap_or_else(|| panic!("no prefix: {line}"));
    let parts: Vec<&str> = prefix.split_whitespace().collect();
    let [date, time, process, place] = parts[..] else { panic!("prefix of {line}") };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    assert!(date.len() == 5 && ["I", "W"].contains(&&date[..1]) && digits(&date[1..]), "{line}");
    let (hms, micro) = time.split_once('.').unwrap();
    assert!(hms.split(':').all(|p| p.len() == 2 && digits(p)) && hms.split(':').count() == 3, "{line}");
    assert!(micro.len() == 6 && digits(micro) && digits(process), "{line}");
    let (file, number) = place.split_once(':').unwrap();
    assert!(file.ends_with(".rs") && digits(number), "{line}");
    said
}

/// The number after `key` in a line.
fn after(line: &str, key: &str) -> f64 {
    let rest = line.split_once(key).unwrap_or_else(|| panic!("no \"{key}\" in {line}")).1;
    let number: String = rest.chars().take_while(|c| "0123456789.e+-".contains(*c)).collect();
    number.parse().unwrap_or_else(|e| panic!("{key} in {line}: {e}"))
}

/// A log's lines without prefix; lines without one (a printed message) are left out.
fn lines(log: &str) -> Vec<&str> {
    log.lines().filter(|l| l.starts_with(['I', 'W']) && l.contains("] ")).map(said).collect()
}

#[test]
fn training_logs_what_caffe_logs() {
    let bench = Bench::new();
    let ran = bench.good("train --solver solver.prototxt --seed 5");
    assert_eq!(ran.out, "");
    let lines = lines(&ran.err);
    let with = |start: &str| lines.iter().copied().filter(|l| l.starts_with(start)).collect::<Vec<_>>();
    let one = |start: &str| {
        let found = with(start);
        assert_eq!(found.len(), 1, "{start}: {found:?}\n{}", ran.err);
        found[0]
    };
    one("Use CPU");
    one("Solver scaffolding done.");
    one("Starting Optimization");
    one("Solving Small");
    one("Learning Rate Policy: fixed");
    assert_eq!(with("Top shape: 6 1 4 4 (96)").len(), 1);
    assert_eq!(with("Top shape: 5 1 4 4 (80)").len(), 1);
    assert_eq!(with("relu1 -> ip1 (in-place)").len(), 2);
    for i in [0, 10, 20, 30] {
        let progress = one(&format!("Iteration {i} ("));
        assert!(progress.contains(" iter/s, ") && progress.contains("s/10 iters), loss = "), "{progress}");
        assert!(after(progress, "loss = ") > 0.0);
        assert_eq!(after(one(&format!("Iteration {i}, lr = ")), "lr = ") as f32, 0.05);
    }
    for i in [0, 20, 40] {
        one(&format!("Iteration {i}, Testing net (#0)"));
    }
    assert_eq!(with("    Test net output #0: accuracy = ").len(), 3);
    for line in with("    Test net output #1: loss = ").into_iter().chain(with("    Train net output #0: loss = ")) {
        assert!(line.contains(" (* 1 = ") && line.ends_with(" loss)"), "{line}");
        assert_eq!(after(line, "loss = "), after(line, "(* 1 = "));
    }
    one("Snapshotting to binary proto file run/small_iter_20.caffemodel");
    one("Snapshotting solver state to binary proto file run/small_iter_40.solverstate");
    assert!(after(one("Iteration 40, loss = "), "loss = ") < after(one("Iteration 0 ("), "loss = "));
    assert_eq!(with("Optimization Done.").len(), 2);

    let mut quiet = bench.command("train --solver solver.prototxt");
    let quiet = quiet.env("GLOG_minloglevel", "2").output().unwrap();
    assert!(quiet.status.success() && quiet.stderr.is_empty());
}

#[test]
fn a_resumed_run_continues_bit_for_bit_with_any_number_of_threads() {
    let bench = Bench::new();
    bench.good("train -solver solver.prototxt -gpu 0 --threads 1");
    let last = "run/small_iter_40.caffemodel";
    let whole = (bench.read(last), bench.read("run/small_iter_40.solverstate"));
    std::fs::remove_file(bench.path(last)).unwrap();

    bench.good("train --solver=solver.prototxt --snapshot=run/small_iter_20.solverstate --threads 2");
    assert!((bench.read(last), bench.read("run/small_iter_40.solverstate")) == whole, "another run came out");

    bench.good("train --solver solver.prototxt --seed 1");
    assert!(bench.read(last) != whole.0, "the seed changed nothing");
}

#[test]
fn weights_are_where_training_starts() {
    let bench = Bench::new();
    bench.good("train --solver solver.prototxt");
    let ran = bench.good("train --solver solver.prototxt --weights run/small_iter_40.caffemodel");
    let lines = lines(&ran.err);
    let first = lines.iter().position(|l| l.starts_with("Iteration 0, Testing")).unwrap();
    assert!(after(lines[first + 1], "accuracy = ") > 0.9, "{}", lines[first + 1]);

    let both = "train --solver solver.prototxt --weights run/small_iter_40.caffemodel --snapshot run/small_iter_20.solverstate";
    assert!(bench.bad(both, 2).contains("not both"));
    assert!(bench.bad("train --solver solver.prototxt --weights no.caffemodel", 1).contains("no.caffemodel"));
    assert!(bench.bad("train --solver solver.prototxt --snapshot no.solverstate", 1).contains("no.solverstate"));
    bench.write("cut.caffemodel", &bench.read("run/small_iter_40.caffemodel")[..100]);
    bench.bad("train --solver solver.prototxt --weights cut.caffemodel", 1);
}

#[test]
fn snapshots_without_a_prefix_are_called_like_the_solver() {
    let bench = Bench::new();
    bench.write("plain.prototxt", SOLVER.replace("snapshot_prefix: \"run/small\"", ""));
    bench.good("train --solver plain.prototxt");
    bench.read("plain_iter_40.solverstate");
    std::fs::create_dir(bench.path("folder")).unwrap();
    bench.write("plain.prototxt", SOLVER.replace("run/small", "folder"));
    bench.good("train --solver plain.prototxt");
    bench.read("folder/plain_iter_40.solverstate");
}

#[test]
fn testing_averages_the_batches() {
    let bench = Bench::new();
    bench.good("train --solver solver.prototxt");
    let ran = bench.good("test --model net.prototxt --weights run/small_iter_40.caffemodel --iterations 4");
    let lines = lines(&ran.err);
    for name in ["accuracy", "loss"] {
        let of = |i: usize| {
            let start = format!("Batch {i}, {name} = ");
            after(lines.iter().find(|l| l.starts_with(&start)).unwrap(), " = ")
        };
        let mean = after(lines.iter().find(|l| l.starts_with(&format!("{name} = "))).unwrap(), " = ");
        assert!((mean - (0..4).map(of).sum::<f64>() / 4.0).abs() < 1e-5 * mean.max(0.1), "{name}");
        assert!(!lines.iter().any(|l| l.starts_with("Batch 4,")));
    }
    let n = lines.len();
    assert!(lines[n - 3].starts_with("Loss: ") && lines[n - 2].starts_with("accuracy = "), "{}", ran.err);
    assert!(lines[n - 1].starts_with("loss = ") && lines[n - 1].contains(" (* 1 = "), "{}", ran.err);
    bench.bad("test --model net.prototxt", 2);
    bench.bad("test --model net.prototxt --weights run/small_iter_40.caffemodel --iterations 0", 2);
}

#[test]
fn timing_ends_with_the_training_step() {
    let bench = Bench::new();
    let out = bench.good("time --solver solver.prototxt --iterations 3 --threads 1").out;
    for layer in ["d ", "ip1 ", "relu1 ", "ip2 ", "loss "] {
        assert_eq!(out.lines().filter(|l| l.starts_with(layer)).count(), 1, "{layer}\n{out}");
    }
    let last = out.lines().last().unwrap();
    let (min, median) = (after(last, "Training step: min "), after(last, " ms, median "));
    assert!(0.0 < min && min <= median && last.ends_with(" ms"), "{last}");
    assert!(!bench.path("run").exists(), "timing saves no snapshots");

    let out = bench.good("time --model net.prototxt --iterations 2 --phase TEST").out;
    assert!(out.contains("accuracy") && !out.contains("Training step"), "{out}");
    bench.bad("time --iterations 2", 2);
    bench.bad("time --model net.prototxt --phase BOTH", 2);
}

#[test]
fn missing_mnist_databases_are_made() {
    let bench = Bench::new();
    bench.write("proto/caffe.proto", "");
    write_idx(&bench, "data/mnist", 12);
    let first = NET.replacen("train_lmdb", "data/mnist_train_lmdb", 1);
    bench.write("net.prototxt", first.replace("\"train_lmdb", "\"data/mnist_test_lmdb"));
    let log = bench.good("train --solver solver.prototxt").err;
    assert_eq!(log.matches("Making MNIST's databases in ").count(), 1);
    assert!(bench.path("data/mnist_train_lmdb/data.mdb").is_file());
    assert!(!bench.good("train --solver solver.prototxt").err.contains("Making MNIST"));
}

#[cfg(unix)]
#[test]
fn a_signal_stops_or_saves() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let bench = Bench::new();
    // Long enough to be interrupted; the test's end does not depend on it.
    bench.write("long.prototxt", SOLVER.replace("max_iter: 40", "max_iter: 5000000").replace("snapshot: 20", ""));
    let mut child = bench.command("train --solver long.prototxt").stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let send = |signal: &str, pid: u32| {
        assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
    };
    lines.find(|l| l.contains("Iteration 10 (")).expect("training begins");
    send("-HUP", child.id());
    let saved = lines.find(|l| l.contains("Snapshotting solver state")).expect("SIGHUP saves");
    lines.find(|l| l.contains(" iter/s")).expect("SIGHUP does not stop");
    send("-INT", child.id());
    let rest: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
    assert!(rest.iter().any(|l| l.contains("Optimization stopped early.")), "{rest:?}");
    for line in rest.iter().filter(|l| l.contains("Snapshotting")).chain([&saved]) {
        bench.read(line.rsplit(' ').next().unwrap());
    }
    assert_eq!(rest.iter().filter(|l| l.contains("Snapshotting solver state")).count(), 1, "SIGINT saves");

    // SIGTERM, as docker and Slurm send it, stops and saves as well.
    let mut child = bench.command("train --solver long.prototxt").stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|l| l.contains("Iteration 10 (")).expect("training begins");
    send("-TERM", child.id());
    let rest: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
    assert_eq!(rest.iter().filter(|l| l.contains("Snapshotting solver state")).count(), 1, "SIGTERM saves");
}

#[test]
fn a_solver_without_max_iter_is_no_success() {
    let bench = Bench::new();
    bench.write("s.prototxt", SOLVER.replace("max_iter: 40", ""));
    assert!(bench.bad("train --solver s.prototxt", 1).contains("no max_iter"));
}

/// `test_iter: 0` makes a test net and runs no batch through it, as in Caffe.
#[test]
fn no_test_batches() {
    let bench = Bench::new();
    bench.write("s.prototxt", SOLVER.replace("test_iter: 4", "test_iter: 0"));
    let said = bench.good("train --solver s.prototxt").err;
    assert!(said.contains("Iteration 20, Testing net (#0)") && !said.contains("Test net output"), "{said}");
    bench.write("s.prototxt", SOLVER.replace("test_iter: 4", "test_iter: -1"));
    assert!(bench.bad("train --solver s.prototxt", 1).contains("test_iter -1"));
}

/// What a process that was killed left of a snapshot is removed by the next one of that name.
#[cfg(target_os = "linux")]
#[test]
fn leftovers_of_a_killed_run_are_removed() {
    let bench = Bench::new();
    let gone = std::process::Command::new("true")
        .spawn()
        .map(|mut child| {
            child.wait().unwrap();
            child.id()
        })
        .unwrap();
    let (left, living) = (
        format!("run/small_iter_20.caffemodel.{gone}.tmp"),
        format!("run/small_iter_20.caffemodel.{}.tmp", std::process::id()),
    );
    bench.write(&left, "half");
    bench.write(&living, "half");
    bench.write("run/small_iter_20.caffemodel.old.tmp", "a file of the user's");
    bench.good("train --solver solver.prototxt");
    assert!(!bench.path(&left).exists());
    assert!(bench.path(&living).exists() && bench.path("run/small_iter_20.caffemodel.old.tmp").exists());
}
