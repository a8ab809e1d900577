//! A snapshot that cannot be written is found out before training, not after it.

use super::{PLAIN, net, try_solver};
use cortado::{Kind, Solver};
use std::path::Path;

fn text(prefix: &Path, more: &str) -> String {
    format!("net_param {{ {} }} {PLAIN} max_iter: 4 snapshot_prefix: '{}' {more}", net(0.0), prefix.display())
}

/// Not one iteration is done for a snapshot that would fail.
fn found_before(mut solver: Solver) -> cortado::Error {
    let e = solver.solve().unwrap_err();
    assert_eq!(solver.iter(), 0, "{e}");
    e
}

/// The snapshot after training counts, although there is none on the way.
#[test]
fn the_one_after_training_is_tried_before() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("run");
    std::fs::write(folder.path().join("file"), "").unwrap();
    let e = found_before(try_solver(&text(&folder.path().join("file/run"), "")).unwrap());
    assert!(e.kind() == Kind::File && e.message().contains("file/run"), "{e}");

    // A folder has the name that a snapshot would get.
    std::fs::create_dir(folder.path().join("run_iter_4.caffemodel")).unwrap();
    let e = found_before(try_solver(&text(&prefix, "")).unwrap());
    assert!(e.kind() == Kind::File && e.message().contains("run_iter_4.caffemodel"), "{e}");

    // Nothing is checked where no snapshot is wanted, nor where only some steps are taken.
    try_solver(&text(&prefix, "snapshot_after_train: false")).unwrap().solve().unwrap();
    try_solver(&text(&prefix, "")).unwrap().step(4).unwrap();
    // A net that is trained to its end has nothing to write.
    let other = folder.path().join("other");
    let mut done = try_solver(&text(&other, "")).unwrap();
    done.solve().unwrap();
    assert!(folder.path().join("other_iter_4.solverstate").is_file());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2 + 2, "no trial file stays");
}

/// Those on the way are tried when the solver is made, and when its settings change.
#[test]
fn those_on_the_way_are_tried_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("run");
    std::fs::create_dir(folder.path().join("run_iter_2.caffemodel.h5")).unwrap();
    let e = try_solver(&text(&prefix, "snapshot: 2 snapshot_format: HDF5")).unwrap_err();
    assert!(e.message().contains("run_iter_2.caffemodel.h5"), "{e}");
    let e = try_solver(&text(Path::new(""), "snapshot: 2")).unwrap_err();
    assert!(e.message().contains("snapshot_prefix"), "{e}");
    std::fs::create_dir(folder.path().join("run_iter_2.solverstate")).unwrap();
    let e = try_solver(&text(&prefix, "snapshot: 2")).unwrap_err();
    assert!(e.kind() == Kind::File && e.message().contains("run_iter_2.solverstate"), "{e}");
    let mut solver = try_solver(&text(&prefix, "")).unwrap();
    assert!(solver.set(|p| p.snapshot = Some(2)).is_err());
    assert_eq!(solver.param().snapshot(), 0);
    solver
        .set(|p| (p.snapshot, p.snapshot_prefix) = (Some(2), Some(folder.path().join("new").display().to_string())))
        .unwrap();
    solver.solve().unwrap();
    assert!(folder.path().join("new_iter_4.caffemodel").is_file());
}
