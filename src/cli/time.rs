//! `cortado time`: measures the time of each layer and of a whole training step, and says what bounds each layer.

use super::args::{Args, Command, Flag};
use super::peak::Peak;
use super::{DEVICE, Done, STATE, log, nets, say, usage, work};
use cortado::error::Result;
use cortado::net::Keep;
use cortado::show::Table;
use cortado::{Device, Net, Phase, Solver};
use std::time::Instant;

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "time",
    words: "",
    about: "times each layer forward and backward; with a solver, whole training steps too\n\n\
            A layer's times are its shortest; rates and shares go by their sum, forward and backward.\n\
            GFLOP counts the matrix products of Convolution and InnerProduct, in both directions.\n\
            MB counts what a layer must move at least, each array once: the data of its bottoms, tops and\n\
            parameters; if it runs backward, also the diffs of its tops, of the bottoms that get a gradient\n\
            and of the parameters that learn.\n\n\
            On the CPU, what the machine can do on as many threads is measured first: GFLOP/s by products of\n\
            small matrices, GB/s by y = 2x on arrays of 128 MiB, bytes read and written. The shares are\n\
            % of peak, of these GFLOP/s, and % of memory, of these GB/s: the larger one bounds the layer.\n\
            Where a layer's blobs lie in a cache, % of memory may exceed 100.\n\n\
            A net in which nothing runs backward, such as one for deployment, is timed forward only.\n\n\
            Training steps (data, forward, backward, update) are timed in 15 blocks of about 0.15 s.",
    flags: &[&[
        Flag { name: "solver",       value: "FILE",    about: "a solver's prototxt: its train net and its training steps are timed" },
        Flag { name: "model",        value: "FILE",    about: "a net's prototxt, in place of a solver" },
        Flag { name: "weights",      value: "FILE,..", about: "load .caffemodel files first: layers of the same name are loaded" },
        Flag { name: "iterations",   value: "N",       about: "how often each layer is run; 50 if not given" },
        Flag { name: "forward_only", value: "",        about: "time no backward pass, for --model" },
        Flag { name: "phase",        value: "PHASE",   about: "TRAIN or TEST, for --model; TRAIN if not given" },
    ], STATE, DEVICE],
    run,
};

const BLOCKS: usize = 15;
const BLOCK_SECONDS: f64 = 0.15;

fn run(args: &Args) -> Done {
    let iterations = args.count("iterations")?.unwrap_or(50);
    let phase = nets::phase(args)?.unwrap_or(Phase::Train);
    let (forward_only, log) = (args.get("forward_only").is_some(), log());
    match (args.get("solver"), args.get("model")) {
        (Some(_), None) if forward_only => {
            return Err(usage("--forward-only goes with --model FILE: a solver's training steps run backward"));
        }
        (Some(file), None) => {
            // A training step has no tests, displays or snapshots.
            let mut solver = nets::make_solver(args, file, &log, |mut builder| {
                let param = builder.param_mut();
                (param.display, param.snapshot) = (Some(0), Some(0));
                builder.without_test_nets()
            })?;
            nets::load_weights(args, solver.net(), &log)?;
            say_layers(solver.net(), iterations, false)?;
            say_counts(&mut solver)?;
            let steps = time_steps(&mut solver)?;
            say(format!("Training step: min {:.3} ms, median {:.3} ms", steps.min(), steps.median()));
        }
        (None, Some(_)) => {
            let mut net = nets::make(args, phase, Keep::Needed, &log)?;
            nets::load_weights(args, &mut net, &log)?;
            say_layers(&mut net, iterations, forward_only)?;
        }
        _ => return Err(usage("time needs either --solver FILE or --model FILE")),
    }
    Ok(())
}

/// The columns of the table that each net has. Backward has one more, after the third; a peak two more, at the end.
const COLUMNS: [&str; 6] = ["layer", "type", "<forward min", "<GFLOP", "<GFLOP/s", "<MB"];

fn say_layers(net: &mut Net, iterations: usize, forward_only: bool) -> Result<()> {
    let backward = !forward_only && runs_backward(net)?;
    let peak = match net.device() {
        Device::Cpu(cpu) => Some(Peak::measure(cpu)),
        Device::Gpu(_) => None,
    };
    time_layers(net, iterations.min(3), backward)?; // allocates memory and starts threads
    let layers = time_layers(net, iterations, backward)?;
    let mut columns = COLUMNS.to_vec();
    if backward {
        columns.insert(3, "<backward min");
    }
    if peak.is_some() {
        columns.extend(["<% of peak", "<% of memory"]);
    }
    let mut table = Table::new(&columns);
    for (layer, [forward_times, backward_times]) in net.layer_names().into_iter().zip(&layers) {
        let (flop, bytes) = (work::flop(net, layer, backward)? as f64, work::bytes(net, layer, backward)? as f64);
        let seconds = (forward_times.min() + if backward { backward_times.min() } else { 0.0 }) / 1e3;
        // A layer without such work has an empty cell.
        let cell = |work: f64, text: String| if work > 0.0 && seconds > 0.0 { text } else { String::new() };
        let mut row = vec![
            layer.to_string(),
            net.layer_type(layer)?.to_string(),
            format!("{:.4}", forward_times.min()),
            cell(flop, format!("{:.4}", flop / 1e9)),
            cell(flop, format!("{:.1}", flop / 1e9 / seconds)),
            cell(bytes, format!("{:.3}", bytes / 1e6)),
        ];
        if backward {
            row.insert(3, format!("{:.4}", backward_times.min()));
        }
        if let Some(peak) = &peak {
            row.push(cell(flop, format!("{:.1}", 100.0 * flop / seconds / peak.flop)));
            row.push(cell(bytes, format!("{:.1}", 100.0 * bytes / seconds / peak.bytes)));
        }
        table.row(row);
    }
    if let Some(peak) = &peak {
        say(peak.describe());
    }
    say(format!("{}, {iterations} iterations, milliseconds\n\n{table}", net.name()));
    let sum = |i: usize, direction: usize| layers.iter().map(|times| times[direction].0[i]).sum::<f64>();
    let total = |of: &dyn Fn(usize) -> f64| Times((0..iterations).map(of).collect());
    let say_total = |what: &str, times: Times| {
        say(format!("{what}: min {:.3} ms, median {:.3} ms", times.min(), times.median()));
    };
    say_total("Forward pass", total(&|i| sum(i, 0)));
    if backward {
        say_total("Backward pass", total(&|i| sum(i, 1)));
        say_total("Forward-backward", total(&|i| sum(i, 0) + sum(i, 1)));
    }
    Ok(())
}

/// Whether any layer runs backward.
fn runs_backward(net: &Net) -> Result<bool> {
    for layer in net.layer_names() {
        if net.propagates_down(layer)?.0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Repeated measurements of one time, in milliseconds.
#[derive(Clone, Default)]
struct Times(Vec<f64>);

impl Times {
    fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    /// The middle value, or the mean of the middle two. There is at least one time: `--iterations 0` is refused.
    fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
    }
}

/// The times of each layer, forward and, if `backward`, backward, over a number of passes.
fn time_layers(net: &mut Net, iterations: usize, backward: bool) -> Result<Vec<[Times; 2]>> {
    let mut layers = vec![<[Times; 2]>::default(); net.layer_names().len()];
    let device = net.device().clone();
    // The thread pool is entered once, not for each layer.
    device.install(|| {
        for _ in 0..iterations {
            let mut i = 0;
            let mut clock = Instant::now();
            net.forward_each(|net, _| {
                net.device().wait()?;
                layers[i][0].0.push(lap(&mut clock));
                i += 1;
                Ok(())
            })?;
            if !backward {
                continue;
            }
            net.clear_param_diffs();
            clock = Instant::now();
            net.backward_each(|net, _| {
                net.device().wait()?;
                i -= 1;
                layers[i][1].0.push(lap(&mut clock));
                Ok(())
            })?;
        }
        Ok(layers)
    })
}

/// Milliseconds since the last call.
fn lap(clock: &mut Instant) -> f64 {
    let now = Instant::now();
    (now - std::mem::replace(clock, now)).as_secs_f64() * 1e3
}

/// Prints how many launches, products and copies a training step that is not replayed takes on a GPU.
fn say_counts(solver: &mut Solver) -> Result {
    solver.step(1)?; // allocates memory and compiles kernels
    let Device::Gpu(gpu) = solver.net().device().clone() else { return Ok(()) };
    solver.step(1)?;
    let before = gpu.counts();
    solver.step(1)?;
    let now = gpu.counts();
    say(format!(
        "A training step: {} launches, {} matrix products, {} fills and copies, {:.2} MB given to them; {:.3} MB from the \
         host, {:.3} MB back.",
        now.launches - before.launches,
        now.products - before.products,
        now.moves - before.moves,
        (now.bytes - before.bytes) as f64 / 1e6,
        (now.uploaded - before.uploaded) as f64 / 1e6,
        (now.downloaded - before.downloaded) as f64 / 1e6,
    ));
    Ok(())
}

/// The time of a training step: the mean of each block.
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
