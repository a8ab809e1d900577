//! `cortado train`: trains the net of a solver file.

use super::args::{Args, Command, Flag, Usage};
use super::{DEVICE, Done, STATE, nets};
use cortado::log::{Level, least_from_env, number};
use cortado::net::Keep;
use cortado::solver::{Builder, Remote};
use cortado::{Log, files};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "train",
    words: "",
    about: "trains the net of a solver file\n\n\
            Ctrl-C stops after the iteration in hand and saves a snapshot; a second Ctrl-C stops at once.",
    flags: &[&[
        Flag { name: "solver",        value: "FILE",    about: "the solver's prototxt" },
        Flag { name: "snapshot",      value: "FILE",    about: "continue from a .solverstate" },
        Flag { name: "weights",       value: "FILE,..", about: "start from .caffemodel files, layer by layer of the same name" },
        Flag { name: "seed",          value: "N",       about: "the seed of everything random, in place of random_seed" },
        Flag { name: "sigint_effect", value: "EFFECT",  about: "on SIGINT (Ctrl-C): stop, snapshot or none; stop if not given" },
        Flag { name: "sighup_effect", value: "EFFECT",  about: "on SIGHUP: stop, snapshot or none; snapshot if not given" },
        Flag { name: "model",         value: "FILE",    about: "not used: the solver names its net" },
    ], STATE, DEVICE],
    run,
};

fn run(args: &Args) -> Done {
    let file = args.need("solver")?;
    if args.get("snapshot").is_some() && args.get("weights").is_some() {
        return Err(args.command.usage("give --snapshot to continue or --weights to finetune, not both").into());
    }
    let on_signals = [effect(args, "sigint_effect", Effect::Stop)?, effect(args, "sighup_effect", Effect::Snapshot)?];

    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let log = log_above(&bar);
    if args.get("model").is_some() {
        log.warning(|| "--model is not used: the solver names its net".into());
    }
    let path = files::find(file, None)?;
    let builder = Builder::read(&path)?.keep(Keep::Needed).log(&log);
    let device = super::device_of_solver(args, &builder, &log)?;
    let mut builder = builder.device(&device);
    if let Some(seed) = args.number("seed")? {
        builder = builder.seed(seed);
    }
    if let Some(level) = args.number("level")? {
        builder = builder.level(level);
    }
    builder = builder.stages(args.list("stage"));
    nets::ensure_mnist_of_solver(builder.param_mut(), path.parent(), &log)?;
    let mut solver = builder.make()?;
    nets::describe_all(&mut solver, &log)?;
    nets::load_weights(args, solver.net(), &log)?;
    if let Some(snapshot) = args.get("snapshot") {
        log.info(|| format!("Resuming from {snapshot}"));
        solver.restore(files::find(snapshot, None)?)?;
    }

    watch_signals(on_signals, &solver.remote())?;
    log.info(|| "Starting Optimization".into());
    bar.set_length(solver.param().max_iter() as u64);
    bar.set_position(solver.iter());
    bar.reset_eta();
    bar.set_style(style());
    bar.set_draw_target(ProgressDrawTarget::stderr()); // which draws nothing unless stderr is a terminal
    let done = solver.solve_each(|iter, loss| {
        bar.set_position(iter);
        bar.set_message(number(loss));
    });
    bar.finish_and_clear();
    done?;
    log.info(|| "Optimization Done.".into());
    Ok(())
}

/// A log whose lines stand above the progress bar.
fn log_above(bar: &ProgressBar) -> Log {
    let bar = bar.clone();
    let write = move |line: &str| bar.suspend(|| drop(writeln!(std::io::stderr(), "{line}")));
    least_from_env(Level::Info).map_or(Log::silent(), |least| Log::lines(least, write))
}

fn style() -> ProgressStyle {
    let template = "{bar:40} {pos}/{len}  loss {msg}  {per_sec}  {eta} left";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What a signal does.
#[derive(Clone, Copy, PartialEq)]
enum Effect {
    Stop,
    Snapshot,
    None,
}

fn effect(args: &Args, flag: &str, default: Effect) -> Result<Effect, Usage> {
    match args.get(flag) {
        None => Ok(default),
        Some("stop") => Ok(Effect::Stop),
        Some("snapshot") => Ok(Effect::Snapshot),
        Some("none") => Ok(Effect::None),
        Some(other) => Err(args.command.usage(format!("--{flag} {other}: the effects are stop, snapshot and none"))),
    }
}

/// Has SIGINT and SIGHUP set the solver's flags from now on.
fn watch_signals([sigint, sighup]: [Effect; 2], remote: &Remote) -> cortado::Result {
    use signal_hook::{consts, flag};
    let watch = |signal, effect| {
        let set = match effect {
            Effect::Stop => remote.stop.clone(),
            Effect::Snapshot => remote.snapshot.clone(),
            Effect::None => Arc::new(AtomicBool::new(false)),
        };
        if effect == Effect::Stop {
            // Asked to stop while it is stopping: somebody is in a hurry.
            flag::register_conditional_shutdown(signal, 128 + signal, set.clone())?;
        }
        flag::register(signal, set)
    };
    let fail = |e| cortado::Error::new(cortado::Kind::Value, format!("cannot watch for signals: {e}"));
    watch(consts::SIGINT, sigint).map_err(fail)?;
    #[cfg(unix)]
    watch(consts::SIGHUP, sighup).map_err(fail)?;
    #[cfg(not(unix))]
    let _ = sighup;
    Ok(())
}
