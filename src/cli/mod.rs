//! The `cortado` command: a thin skin over the library, one file for each thing that it can do.
//!
//! Results go to stdout, the log goes to stderr. Exit codes: 0 all went well; 1 an error, printed once; 2 a command line
//! that cannot be meant; 3 the nets of `diff` differ.

mod args;
mod check;
mod convert;
mod device_query;
mod diff;
mod explain;
mod forward;
mod help;
mod nets;
mod test;
mod time;
mod train;

use args::{Args, Command, Flag, Usage};
use cortado::log::{Level, least_from_env};
use cortado::solver::Builder;
use cortado::{Device, Error, Log};
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

const COMMANDS: &[Command] = &[
    train::COMMAND,
    test::COMMAND,
    time::COMMAND,
    forward::COMMAND,
    check::COMMAND,
    diff::COMMAND,
    explain::COMMAND,
    convert::COMMAND,
    device_query::COMMAND,
];

/// Where a net runs.
const DEVICE: &[Flag] = &[
    Flag { name: "threads", value: "N", about: "how many threads of the CPU to use; all cores if not given" },
    Flag { name: "gpu", value: "ID|all|-1", about: "the card to run on; -1 is the CPU" },
];

/// Which of a net's layers are kept.
const STATE: &[Flag] = &[
    Flag { name: "level", value: "N", about: "the level of the net's state, for include and exclude rules" },
    Flag { name: "stage", value: "A,B", about: "stages of the net's state, for include and exclude rules" },
];

/// How a command ends when it does not end well.
pub enum Failure {
    Usage(Usage),
    Error(Error),
    /// Nothing went wrong, but the two nets are not the same.
    Differ,
}

pub type Done = Result<(), Failure>;

impl From<Usage> for Failure {
    fn from(usage: Usage) -> Failure {
        Failure::Usage(usage)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Error(error)
    }
}

/// Runs the command that the words name.
pub fn run(line: Vec<String>) -> ExitCode {
    match dispatch(&line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Error(e)) => complain(&format!("cortado: {e}"), 1),
        Err(Failure::Differ) => ExitCode::from(3),
        Err(Failure::Usage(Usage(what))) => complain(&format!("cortado: {what}"), 2),
    }
}

fn dispatch(line: &[String]) -> Done {
    let Some((name, rest)) = line.split_first() else {
        return Err(Usage(format!("a command is wanted\n\n{}", help::overview())).into());
    };
    let is_help = |word: &str| matches!(word, "--help" | "-help" | "-h");
    match name.as_str() {
        "help" => say(help::asked(rest)?),
        name if is_help(name) => say(help::overview()),
        "--version" | "-version" | "version" => say(format!("cortado {}", env!("CARGO_PKG_VERSION"))),
        name => {
            let command = Command::find(name)?;
            match rest.iter().any(|word| is_help(word)) {
                true => say(help::of(command)),
                false => (command.run)(&Args::parse(command, rest)?)?,
            }
        }
    }
    Ok(())
}

/// Writes a line of a result. If nobody reads on, there is nothing left to do.
fn say(text: impl Display) {
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

fn complain(what: &str, code: u8) -> ExitCode {
    drop(writeln!(std::io::stderr(), "{what}"));
    ExitCode::from(code)
}

/// Everything on stderr, unless `GLOG_minloglevel` says less.
fn log() -> Log {
    least_from_env(Level::Info).map_or(Log::silent(), Log::stderr)
}

/// The device that the flags, the solver's settings or `CORTADO_DEVICE` ask for, the first of them that does.
fn device_of_solver(args: &Args, solver: &Builder, log: &Log) -> Result<Device, Failure> {
    if args.get("gpu").is_none() && solver.wants_cpu() {
        let device = cpu(args)?;
        log.info(|| format!("Use {device:?}: the solver says solver_mode: CPU."));
        return Ok(device);
    }
    device(args, log)
}

/// The CPU with as many threads as the flags say.
fn cpu(args: &Args) -> Result<Device, Failure> {
    match args.number::<usize>("threads")? {
        Some(0) => Err(args.command.usage("--threads 0: at least one is needed").into()),
        Some(n @ 1025..) => Err(args.command.usage(format!("--threads {n}: at most 1024 are possible")).into()),
        threads => Ok(threads.map_or_else(Device::cpu, Device::cpu_with_threads)),
    }
}

/// The device that the flags or `CORTADO_DEVICE` ask for.
fn device(args: &Args, log: &Log) -> Result<Device, Failure> {
    let (cpu, asked) = (cpu(args)?, args.get("gpu"));
    if asked == Some("-1") {
        log.info(|| format!("Use {cpu:?}."));
        return Ok(cpu);
    }
    let is_list = |ids: &str| ids == "all" || ids.split(',').all(|id| id.parse::<u32>().is_ok());
    if let Some(other) = asked.filter(|ids| !is_list(ids)) {
        return Err(args.command.usage(format!("--gpu {other}: give a card's number, all, or -1")).into());
    }
    // Of several cards the first does the work.
    let first = asked.and_then(|ids| ids.split(',').next()?.parse().ok());
    let (device, why) = Device::choose(first.unwrap_or(0))?;
    let device = if let Device::Cpu(_) = device { cpu } else { device };
    match (&device, asked) {
        (Device::Cpu(_), Some(id)) => {
            log.warning(|| format!("There is no card for --gpu {id} here: the CPU does the work ({why})."));
            log.info(|| format!("Use {device:?}."));
        }
        (_, Some(ids)) if ids == "all" || ids.contains(',') => {
            log.warning(|| format!("--gpu {ids}: one card does the work."));
            log.info(|| format!("Use {device:?}: {why}."));
        }
        _ => log.info(|| format!("Use {device:?}: {why}.")),
    }
    Ok(device)
}
