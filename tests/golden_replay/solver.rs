//! A solver on a small net: every parameter, update, rate and loss of twelve iterations; and half of them after a restore.

use super::values::Golden;
use super::{Case, Replay, Stop, check, feed};
use cortado::Solver;
use cortado::solver::Builder;
use std::path::PathBuf;

/// The solver's own prototxt is the one that does not describe a net.
fn prototxt(case: &Case) -> Replay<PathBuf> {
    let is_net = |p: &PathBuf| p.file_name().is_some_and(|name| name.to_string_lossy().starts_with("net_"));
    let file = case.files(".prototxt").into_iter().find(|p| !is_net(p));
    file.ok_or_else(|| Stop::Failed("the case lists no solver".into()))
}

/// A solver whose net is fed the recorded rows, five a pass.
fn solver(case: &Case, golden: &mut Golden) -> Replay<Solver> {
    let rows = vec![golden.array("data"), golden.array("label")];
    Ok(Builder::read(prototxt(case)?)?.device(&case.device).layers(&feed::layers(rows)).make()?)
}

pub fn replay(case: &Case) -> Replay {
    let mut golden = case.values()?;
    let mut solver = solver(case, &mut golden)?;
    for (key, layer, i) in golden.params("param") {
        let w = golden.row(&key, 0);
        solver.net().param_mut(&layer, i)?.data.assign(&w)?;
    }
    let (rates, losses) = (golden.array("lr"), golden.array("loss"));
    let passes = losses.len() / rates.len();
    for iter in 0..rates.len() {
        // The loss of each pass, looked at before the step goes through the same passes.
        let first = solver.net().passes();
        for pass in 0..passes {
            let loss = solver.net().forward_loss()?;
            golden.expect_scalar("loss", iter * passes + pass, loss);
        }
        solver.net().set_passes(first);

        golden.expect_scalar("lr", iter, solver.rate()?);
        solver.step(1)?;
        let mean = (0..passes).map(|p| losses[[iter * passes + p]]).sum::<f32>() / passes as f32;
        golden.compare_scalar(&format!("mean loss of iteration {iter}"), solver.losses()[iter], mean);
        for (key, layer, i) in golden.params("param") {
            golden.expect_row(&key, iter + 1, &solver.net().param(&layer, i)?.data);
        }
        for (key, layer, i) in golden.params("update") {
            golden.expect_row(&key, iter, &solver.net().param(&layer, i)?.diff);
        }
    }
    expect_history(&mut golden, "history/", &solver)?;
    golden.finish()
}

/// Twice the state at iteration 6: trained here, and restored from Caffe's file; then on to 12.
pub fn replay_checkpoint(case: &Case) -> Replay {
    let state = case.file(".solverstate").or_else(|_| case.file(".solverstate.h5"))?;
    let mut golden = case.values()?;
    let mut ours = solver(case, &mut golden)?;
    golden.set_params("init", ours.net())?;
    ours.step(6)?;
    golden.expect_params("at6", ours.net())?;
    // The cases of HDF5 record no history; what comes after the restore tells that it was right.
    let recorded = !golden.under("history6/").is_empty();
    if recorded {
        expect_history(&mut golden, "history6/", &ours)?;
    }

    let mut restored = solver(case, &mut golden)?;
    restored.restore(&state)?;
    check(restored.iter() == 6, || format!("restored at iteration {}, want 6", restored.iter()))?;
    golden.expect_params("at6", restored.net())?;
    if recorded {
        expect_history(&mut golden, "history6/", &restored)?;
    }
    restored.step(6)?;
    golden.expect_params("at12", restored.net())?;
    for (i, &loss) in restored.losses().iter().enumerate() {
        golden.expect_scalar("loss_after_restore", i, loss);
    }
    golden.finish()
}

/// Compares what the rule remembers, in the order of a `.solverstate`.
pub fn expect_history(golden: &mut Golden, room: &str, solver: &Solver) -> Replay {
    let recorded = golden.under(room).len();
    let history = solver.history();
    check(history.len() == recorded, || format!("{} arrays of history, want {recorded}", history.len()))?;
    for (k, values) in history.iter().enumerate() {
        golden.expect(&format!("{room}{k}"), values);
    }
    Ok(())
}
