//! `cortado time`: how long each layer takes, and how long a whole training step.

use super::args::{Args, Command, Flag};
use super::{DEVICE, Done, STATE, log, nets, say};
use cortado::error::Result;
use cortado::net::{LayerTime, Times};
use cortado::show::Table;
use cortado::solver::Builder;
use cortado::{Net, Phase, Solver, files};
use std::time::Instant;

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "time",
    words: "",
    about: "times each layer forward and backward; with a solver, whole training steps too\n\n\
            Training steps (data, forward, backward, update) are timed in 15 blocks of about 0.15 s.\n\
            GFLOP counts the matrix products of both directions; GFLOP/s goes by the smallest times.",
    flags: &[&[
        Flag { name: "solver",     value: "FILE",  about: "a solver's prototxt: its train net is timed, and its training" },
        Flag { name: "model",      value: "FILE",  about: "a net's prototxt, in place of a solver" },
        Flag { name: "iterations", value: "N",     about: "how often each layer is run; 50 if not given" },
        Flag { name: "phase",      value: "PHASE", about: "TRAIN or TEST, for --model; TRAIN if not given" },
    ], STATE, DEVICE],
    run,
};

const BLOCKS: usize = 15;
const BLOCK_SECONDS: f64 = 0.15;

fn run(args: &Args) -> Done {
    let iterations = args.number::<usize>("iterations")?.unwrap_or(50);
    if iterations == 0 {
        return Err(args.command.usage("--iterations 0: at least one is needed").into());
    }
    let phase = nets::phase(args, Phase::Train)?;
    match (args.get("solver"), args.get("model")) {
        (Some(file), None) => {
            let mut solver = make_solver(args, file)?;
            say_layers(solver.net(), iterations)?;
            let steps = time_steps(&mut solver)?;
            say(format!("Training step: min {:.3} ms, median {:.3} ms", steps.min(), steps.median()));
        }
        (None, Some(_)) => {
            let mut net = nets::make(args, phase, &log())?;
            say_layers(&mut net, iterations)?;
        }
        _ => return Err(args.command.usage("time needs either --solver FILE or --model FILE").into()),
    }
    Ok(())
}

/// The solver without what is no part of a training step: tests, displays, snapshots.
fn make_solver(args: &Args, file: &str) -> Result<Solver, super::Failure> {
    let log = log();
    let path = files::find(file, None)?;
    let mut builder = Builder::read(&path)?.device(&super::device(args, &log)?).log(&log).without_test_nets();
    if let Some(level) = args.number("level")? {
        builder = builder.level(level);
    }
    builder = args.list("stage").into_iter().fold(builder, |b, stage| b.stage(stage));
    let param = builder.param_mut();
    (param.display, param.snapshot) = (Some(0), Some(0));
    nets::ensure_mnist_of_solver(param, path.parent(), &log)?;
    Ok(builder.make()?)
}

fn say_layers(net: &mut Net, iterations: usize) -> Result<()> {
    net.time_layers(iterations.min(3))?; // memory is allocated and threads are started
    let layers = net.time_layers(iterations)?;
    let mut table =
        Table::new(&["layer", "type", "<forward min", "<mean", "<backward min", "<mean", "<GFLOP", "<GFLOP/s"]);
    let ms = |x: f64| format!("{x:.4}");
    for layer in &layers {
        let LayerTime { forward, backward, .. } = layer;
        let flop = (layer.forward_flop + layer.backward_flop) as f64;
        let (gflop, speed) = match flop > 0.0 {
            true => (format!("{:.4}", flop / 1e9), format!("{:.1}", flop / 1e6 / (forward.min() + backward.min()))),
            false => Default::default(),
        };
        let times = [forward.min(), forward.mean(), backward.min(), backward.mean()].map(ms);
        table.row([layer.layer.clone(), layer.kind.clone()].into_iter().chain(times).chain([gflop, speed]));
    }
    say(format!("{}, {iterations} iterations, milliseconds\n\n{table}", net.name()));
    let forward = total(&layers, iterations, |layer| &layer.forward);
    let backward = total(&layers, iterations, |layer| &layer.backward);
    let both = Times(forward.0.iter().zip(&backward.0).map(|(f, b)| f + b).collect());
    for (what, times) in [("Forward pass", forward), ("Backward pass", backward), ("Forward-backward", both)] {
        say(format!("{what}: min {:.3} ms, median {:.3} ms", times.min(), times.median()));
    }
    Ok(())
}

/// All layers together, in each iteration.
fn total(layers: &[LayerTime], iterations: usize, of: fn(&LayerTime) -> &Times) -> Times {
    Times((0..iterations).map(|i| layers.iter().filter_map(|layer| of(layer).0.get(i)).sum()).collect())
}

/// Milliseconds of a training step, the mean of each block.
fn time_steps(solver: &mut Solver) -> Result<Times> {
    let start = Instant::now();
    solver.step(2)?;
    let one = start.elapsed().as_secs_f64() / 2.0;
    let steps = (BLOCK_SECONDS / one.max(1e-6)).clamp(1.0, 200.0) as u64;
    solver.step(steps / 2)?;
    let mut times = Times::default();
    for _ in 0..BLOCKS {
        let start = Instant::now();
        solver.step(steps)?;
        times.0.push(start.elapsed().as_secs_f64() * 1e3 / steps as f64);
    }
    Ok(times)
}
