//! LeNet trained for ten iterations on MNIST in file order, with a snapshot in the middle.

use super::{Case, Golden, Replay, check, feed, solver::expect_history};
use cortado::Error;
use cortado::blob::Values;
use cortado::data::mnist::Mnist;
use cortado::proto::{BlobProto, NetParameter, SolverState, binary};
use cortado::solver::{Builder, Solver};
use ndarray::{ArrayD, IxDyn};
use std::path::Path;

/// As many iterations are trained before the snapshot, and after it.
const HALF: u64 = 5;

pub fn replay(case: &Case) -> Replay {
    let mut golden = case.values()?;
    let layers = feed::layers(mnist()?);
    let folder = tempfile::tempdir().unwrap();
    let new_solver = || -> cortado::Result<Solver> {
        let prototxt = case.file("_solver.prototxt").map_err(|_| Error::value("the case lists no solver"))?;
        let mut builder = Builder::read(prototxt)?.device(&case.device).layers(&layers);
        let prefix = folder.path().join("lenet");
        builder.param_mut().snapshot_prefix = Some(prefix.to_string_lossy().into_owned());
        builder.make()
    };

    let mut ours = new_solver()?;
    ours.net().copy_trained_layers_from(case.file("_init.caffemodel")?)?;
    golden.expect_params("param0", ours.net())?;
    run_half(&mut golden, &mut ours)?;
    golden.expect_params("param5", ours.net())?;
    expect_history(&mut golden, "history5/", &ours)?;
    let state = ours.snapshot()?;
    expect_files(&mut golden, &state, &case.file("_iter_5.solverstate")?)?;
    run_half(&mut golden, &mut ours)?;
    golden.expect_params("param10", ours.net())?;

    // Caffe's state, which knows nothing of our count of passes.
    let mut restored = new_solver()?;
    restored.restore(case.file("_iter_5.solverstate")?)?;
    check(restored.iter() == HALF, || format!("restored at iteration {}", restored.iter()))?;
    golden.expect_params("param5", restored.net())?;
    expect_history(&mut golden, "history5/", &restored)?;
    restored.net().set_passes(HALF);
    run_half(&mut golden, &mut restored)?;
    golden.expect_params("param10", restored.net())?;

    // Our own state goes on to the same bits.
    let mut resumed = new_solver()?;
    resumed.restore(&state)?;
    run_half(&mut golden, &mut resumed)?;
    for ((a, spec), (b, _)) in ours.net().store().iter().zip(resumed.net().store().iter()) {
        let same = a.data.slice().iter().zip(b.data.slice()).all(|(a, b)| a.to_bits() == b.to_bits());
        check(same, || format!("layer \"{}\" has other weights after a resume from our snapshot", spec.layer))?;
    }
    golden.finish()
}

/// MNIST's training images, scaled, and their labels.
fn mnist() -> cortado::Result<Vec<ArrayD<f32>>> {
    let mnist = Mnist::load(super::root().join("data/mnist"))?.train;
    let (images, labels) =
        (mnist.images.iter().map(|&x| x as f32 * 0.00390625), mnist.labels.iter().map(|&t| t as f32));
    let shape = [mnist.len(), 1, mnist.rows, mnist.cols];
    let images = ArrayD::from_shape_vec(IxDyn(&shape), images.collect()).unwrap();
    Ok(vec![images, ArrayD::from_shape_vec(IxDyn(&shape[..1]), labels.collect()).unwrap()])
}

/// Five iterations, with the rate and the loss of each.
fn run_half(golden: &mut Golden, solver: &mut Solver) -> Replay {
    for _ in 0..HALF {
        let iter = solver.iter() as usize;
        golden.expect_scalar("lr", iter, solver.rate()?);
        solver.step(1)?;
        golden.expect_scalar("loss", iter, solver.losses().last().copied().unwrap_or(f32::NAN));
    }
    Ok(())
}

/// Compares two snapshots, ours and Caffe's: a `.solverstate` and the `.caffemodel` beside each.
fn expect_files(golden: &mut Golden, ours: &Path, theirs: &Path) -> Replay {
    let (a, b): (SolverState, SolverState) = (read(ours)?, read(theirs)?);
    let heads = [(a.iter(), a.current_step(), a.history.len()), (b.iter(), b.current_step(), b.history.len())];
    check(heads[0] == heads[1], || format!("iter, current_step, arrays of history: {heads:?}"))?;
    for (k, (a, b)) in a.history.iter().zip(&b.history).enumerate() {
        expect_blob(golden, &format!("snapshot's history {k}"), a, b)?;
    }

    let model = |state: &Path| read::<NetParameter>(&state.with_extension("caffemodel"));
    let (a, b) = (model(ours)?, model(theirs)?);
    let layers = |net: &NetParameter| -> Vec<String> {
        net.layer.iter().map(|l| format!("{} {} {} blobs", l.name(), l.r#type(), l.blobs.len())).collect()
    };
    check(layers(&a) == layers(&b), || format!("the snapshot's layers are {:?}, want {:?}", layers(&a), layers(&b)))?;
    for (a, b) in a.layer.iter().zip(&b.layer) {
        for (k, (x, y)) in a.blobs.iter().zip(&b.blobs).enumerate() {
            expect_blob(golden, &format!("snapshot's {}/{k}", a.name()), x, y)?;
        }
    }
    Ok(())
}

fn read<M: cortado::proto::text::Named>(path: &Path) -> cortado::Result<M> {
    binary::decode(&std::fs::read(path).map_err(|e| Error::file(path, "read", e))?)
}

fn expect_blob(golden: &mut Golden, key: &str, ours: &BlobProto, theirs: &BlobProto) -> Replay {
    let shape =
        |blob: &BlobProto| -> Vec<usize> { blob.shape.iter().flat_map(|s| &s.dim).map(|&d| d as usize).collect() };
    let mut got = Values::new(&shape(ours))?;
    got.slice_mut().copy_from_slice(&ours.data);
    golden.compare(key, &got, &ArrayD::from_shape_vec(IxDyn(&shape(theirs)), theirs.data.clone()).unwrap());
    Ok(())
}
