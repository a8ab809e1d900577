//! `cortado train`: trains the net of a solver file.

use super::args::{Args, Command, Flag};
use super::plot::is_svg;
use super::{DEVICE, Done, STATE, WEIGHTS, nets, usage};
use cortado::log::{Level, least_from_env, number};
use cortado::show::TrainingLog;
use cortado::solver::Remote;
use cortado::{Error, Log, files};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "train",
    words: "",
    about: "trains the net of a solver file\n\n\
            Ctrl-C stops after the current iteration and saves a snapshot; a second Ctrl-C stops at once. SIGTERM, by which\n\
            docker and Slurm end a program, does the same.",
    flags: &[&[
        Flag { name: "solver",        value: "FILE",    about: "the solver's prototxt" },
        Flag { name: "snapshot",      value: "FILE",    about: "continue from a .solverstate" },
        Flag { name: "weights",       value: "FILE,..", about: "start from .caffemodel files: layers of the same name are loaded" },
        Flag { name: "seed",          value: "N",       about: "the seed of all random numbers, in place of random_seed" },
        Flag { name: "sigint_effect", value: "EFFECT",  about: "on SIGINT (Ctrl-C): stop, snapshot or none; stop if not given" },
        Flag { name: "sighup_effect", value: "EFFECT",  about: "on SIGHUP: stop, snapshot or none; snapshot if not given" },
        Flag { name: "sigterm_effect", value: "EFFECT", about: "on SIGTERM: stop, snapshot or none; stop if not given" },
        Flag { name: "plot",          value: "FILE.svg", about: "keep the curves of this run there, redrawn after each display and test" },
        Flag { name: "model",         value: "FILE",    about: "ignored: the solver names its net" },
    ], WEIGHTS, STATE, DEVICE],
    run,
};

fn run(args: &Args) -> Done {
    let file = args.need("solver")?;
    if args.get("snapshot").is_some() && args.get("weights").is_some() {
        return Err(usage("give --snapshot to continue or --weights to finetune, not both"));
    }
    let effects = ["stop", "snapshot", "none"];
    let sigint_effect = args.choice("sigint_effect", &effects)?.unwrap_or("stop");
    let sighup_effect = args.choice("sighup_effect", &effects)?.unwrap_or("snapshot");
    let sigterm_effect = args.choice("sigterm_effect", &effects)?.unwrap_or("stop");

    args.get("plot").map_or(Ok(()), |file| is_svg("plot", Path::new(file)))?;
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let (mut plot, lines) = Plot::new(args.get("plot"));
    let log = log_above(&bar, lines);
    if args.get("model").is_some() {
        log.warning(|| "--model is ignored: the solver names its net".into());
    }
    let mut solver = nets::make_solver(args, file, &log, |builder| builder)?;
    nets::load_weights(args, solver.net(), &log)?;
    if let Some(snapshot) = args.get("snapshot") {
        log.info(|| format!("Resuming from {snapshot}"));
        solver.restore(files::find(snapshot, None)?)?;
    }

    if solver.param().max_iter.is_none() {
        let e = Error::value("the solver has no max_iter, so that nothing would be trained").field("max_iter");
        return Err(e
            .hint(format!("add max_iter to {file}: the number of iterations, such as max_iter: 10000"))
            .into());
    }
    watch_signals([sigint_effect, sighup_effect, sigterm_effect], &solver.remote())?;
    log.info(|| "Starting Optimization".into());
    bar.set_length(solver.param().max_iter() as u64);
    bar.set_position(solver.iter());
    bar.reset_eta();
    bar.set_style(style());
    bar.set_draw_target(ProgressDrawTarget::stderr()); // draws only on a terminal
    let done = solver.solve_watched(|iter, loss| {
        bar.set_position(iter);
        if !loss.is_nan() {
            bar.set_message(number(loss)); // on a GPU, the loss is known at each display only
        }
        plot.draw(&log);
    });
    plot.draw(&log);
    bar.finish_and_clear();
    done?;
    log.info(|| "Optimization Done.".into());
    Ok(())
}

/// A log that writes its lines above the progress bar, and hands them to a plot.
pub fn log_above(bar: &ProgressBar, lines: Option<Sender<String>>) -> Log {
    let (bar, least) = (bar.clone(), least_from_env(Level::Info));
    if least.is_none() && lines.is_none() {
        return Log::silent();
    }
    Log::lines(Level::Info, move |line| {
        if least.is_some_and(|least| least == Level::Info || line.starts_with('W')) {
            bar.suspend(|| drop(writeln!(std::io::stderr(), "{line}")));
        }
        if let Some(lines) = &lines {
            drop(lines.send(line.into()));
        }
    })
}

/// The picture of the run, which grows with its log.
struct Plot {
    to: Option<PathBuf>,
    log: TrainingLog,
    lines: Receiver<String>,
}

impl Plot {
    /// A plot in a file, and where the log's lines go; without a file it draws nothing.
    fn new(to: Option<&str>) -> (Plot, Option<Sender<String>>) {
        let (send, lines) = channel();
        (Plot { to: to.map(PathBuf::from), log: TrainingLog::new("train"), lines }, to.map(|_| send))
    }

    /// Draws anew if the log told something. A picture that cannot be drawn is no reason to stop: it is given up with a warning.
    fn draw(&mut self, log: &Log) {
        let news = self.lines.try_iter().fold(false, |news, line| self.log.line(&line) | news);
        let Some(to) = self.to.as_ref().filter(|_| news) else { return };
        let logs = std::slice::from_ref(&self.log);
        let drawn = TrainingLog::draw(logs, None, false).and_then(|svg| files::write_aside(to, svg.as_bytes()));
        if let Err(e) = drawn {
            log.warning(|| format!("--plot: {e}"));
            self.to = None;
        }
    }
}

fn style() -> ProgressStyle {
    let template = "{bar:40} {pos}/{len}  loss {msg}  {per_sec}  {eta} left";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Lets SIGINT, SIGHUP and SIGTERM set the solver's flags from now on.
fn watch_signals([sigint, sighup, sigterm]: [&str; 3], remote: &Remote) -> cortado::Result {
    use signal_hook::{consts, flag};
    let watch = |signal, effect| {
        let set = match effect {
            "stop" => remote.stop.clone(),
            "snapshot" => remote.snapshot.clone(),
            _ => Arc::new(AtomicBool::new(false)),
        };
        if effect == "stop" {
            // A second signal ends the program at once.
            flag::register_conditional_shutdown(signal, 128 + signal, set.clone())?;
        }
        flag::register(signal, set)
    };
    let fail = |e| Error::value(format!("cannot watch for signals: {e}"));
    watch(consts::SIGINT, sigint).map_err(fail)?;
    watch(consts::SIGTERM, sigterm).map_err(fail)?;
    #[cfg(unix)]
    watch(consts::SIGHUP, sighup).map_err(fail)?;
    #[cfg(not(unix))]
    let _ = sighup;
    Ok(())
}
