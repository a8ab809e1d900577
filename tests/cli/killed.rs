//! Snapshots of runs that are killed, and of a disk that is full: what was saved before can be read.
#![cfg(unix)]

use crate::bench::{Bench, SOLVER};
use cortado::{Log, solver};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

/// A solver that saves after each iteration, and the ending of its states.
fn bench(format: &str) -> (Bench, &'static str) {
    let bench = Bench::new();
    let solver = SOLVER.replace("snapshot: 20", &format!("snapshot: 1 snapshot_format: {format}"));
    bench.write(
        "s.prototxt",
        solver.replace("max_iter: 40", "max_iter: 1000000").replace("test_iter: 4\ntest_interval: 20", ""),
    );
    (bench, if format == "HDF5" { ".solverstate.h5" } else { ".solverstate" })
}

/// The states that are there, the newest last.
fn states(bench: &Bench, ending: &str) -> Vec<(u64, PathBuf)> {
    let iter =
        |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix("small_iter_")?.strip_suffix(ending)?.parse().ok();
    let mut states: Vec<(u64, PathBuf)> =
        bench.listing().into_iter().filter_map(|path| Some((iter(&path)?, path))).collect();
    states.sort();
    states
}

/// Twenty times a run goes on from the last state and is killed at some moment around a snapshot. Every state that is there can be
/// restored with its weights, and the next run leaves nothing half-written behind.
#[test]
fn a_kill_costs_no_snapshot() {
    for format in ["BINARYPROTO", "HDF5"] {
        let (bench, ending) = bench(format);
        let mut last: Option<(u64, PathBuf)> = None;
        let mut chance = 1u64;
        for _ in 0..20 {
            let from = last.as_ref().map_or(String::new(), |(_, path)| format!(" --snapshot {}", path.display()));
            let mut run =
                bench.command(&format!("train --solver s.prototxt{from}")).stderr(Stdio::null()).spawn().unwrap();
            let begun = last.as_ref().map_or(0, |(iter, _)| *iter);
            while states(&bench, ending).last().is_none_or(|(iter, _)| *iter <= begun) {
                assert!(run.try_wait().unwrap().is_none(), "{format}: the run ends by itself after {begun}");
                std::thread::sleep(Duration::from_millis(1));
            }
            chance = chance.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            std::thread::sleep(Duration::from_micros(chance >> 51)); // up to 8 ms: some snapshots further
            run.kill().unwrap(); // SIGKILL
            run.wait().unwrap();
            let all = states(&bench, ending);
            let mut solver =
                solver::Builder::read(bench.path("s.prototxt")).unwrap().log(&Log::silent()).make().unwrap();
            for (iter, path) in &all {
                solver.restore(path).unwrap_or_else(|e| panic!("{format}: {}: {e}", path.display()));
                assert_eq!(solver.iter(), *iter);
            }
            for (_, path) in &all[..all.len() - 1] {
                std::fs::remove_file(path).unwrap();
            }
            last = all.last().cloned();
        }
        let (iter, path) = last.unwrap();
        let end =
            std::fs::read_to_string(bench.path("s.prototxt")).unwrap().replace("1000000", &(iter + 2).to_string());
        bench.write("end.prototxt", end);
        bench.good(&format!("train --solver end.prototxt --snapshot {}", path.display()));
        let left: Vec<PathBuf> =
            bench.listing().into_iter().filter(|p| p.extension().is_some_and(|e| e == "tmp")).collect();
        assert!(left.is_empty(), "{format}: {left:?}");
    }
}

/// A limit on the size of files stands for a full disk: the write fails, the error names the file, and the snapshot before is as it
/// was.
#[test]
fn a_full_disk_costs_no_snapshot() {
    for format in ["BINARYPROTO", "HDF5"] {
        let (bench, ending) = bench(format);
        let two = std::fs::read_to_string(bench.path("s.prototxt")).unwrap().replace("1000000", "2");
        bench.write("two.prototxt", two.replace("snapshot: 1 ", "snapshot: 2 "));
        bench.good("train --solver two.prototxt");
        let before = bench.listing();
        let state = states(&bench, ending).pop().unwrap().1;
        let command = format!(
            "trap '' XFSZ; ulimit -f 1; exec '{}' train --solver s.prototxt --snapshot '{}'",
            env!("CARGO_BIN_EXE_cortado"),
            state.display()
        );
        let mut shell = bench.command("");
        let folder = shell.get_current_dir().unwrap().to_path_buf();
        shell = std::process::Command::new("sh");
        let ran = shell.args(["-c", &command]).current_dir(folder).output().unwrap();
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{format}: {said}");
        assert!(said.contains("cortado: cannot write run/small_iter_3.caffemodel"), "{format}: {said}");
        assert_eq!(bench.listing(), before, "{format}");
        let mut solver = solver::Builder::read(bench.path("s.prototxt")).unwrap().log(&Log::silent()).make().unwrap();
        solver.restore(&state).unwrap();
        assert_eq!(solver.iter(), 2);
        // The same for arrays that a command writes.
        let command = format!(
            "trap '' XFSZ; ulimit -f 1; exec '{}' forward --model net.prototxt --output data=x.npy",
            env!("CARGO_BIN_EXE_cortado")
        );
        let big = "layer { name: \"d\" type: \"DummyData\" top: \"data\" dummy_data_param { shape { dim: 4096 } } }";
        bench.write("net.prototxt", big);
        let folder = bench.command("").get_current_dir().unwrap().to_path_buf();
        let ran = std::process::Command::new("sh").args(["-c", &command]).current_dir(folder).output().unwrap();
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot write x.npy") && !bench.path("x.npy").exists(), "{said}");
    }
}
