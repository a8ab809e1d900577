//! The `cortado` command: a thin layer over the library, with one file for each command.
//!
//! Results go to stdout, the log goes to stderr. Exit codes: 0 success; 1 an error, printed once; 2 a wrong command
//! line; 3 the nets of `diff` differ.

mod args;
mod check;
mod classify;
mod convert;
mod device_query;
mod diff;
mod draw;
mod explain;
mod extract;
mod forward;
mod help;
mod mean;
mod nets;
mod peak;
mod plot;
mod test;
mod time;
mod train;
mod upgrade;
mod work;

use args::{Args, Command, Flag};
use cortado::log::{Level, least_from_env};
use cortado::{Device, Error, Log};
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

const COMMANDS: &[Command] = &[
    train::COMMAND,
    test::COMMAND,
    time::COMMAND,
    forward::COMMAND,
    classify::COMMAND,
    extract::COMMAND,
    check::COMMAND,
    diff::COMMAND,
    explain::COMMAND,
    convert::COMMAND,
    upgrade::COMMAND,
    draw::COMMAND,
    plot::COMMAND,
    mean::COMMAND,
    device_query::COMMAND,
];

/// The flags that choose the device.
const DEVICE: &[Flag] = &[
    Flag { name: "threads", value: "N", about: "how many CPU threads to use; one for each core if not given" },
    Flag { name: "gpu", value: "ID|all|-1", about: "the card to run on; -1 is the CPU" },
];

/// The flags that choose a net's layers.
const STATE: &[Flag] = &[
    Flag { name: "level", value: "N", about: "the level of the net's state, for include and exclude rules" },
    Flag { name: "stage", value: "A,B", about: "stages of the net's state, for include and exclude rules" },
];

/// The flags that say what to do about weights that do not belong to the net.
const WEIGHTS: &[Flag] = &[
    Flag { name: "strict", value: "", about: "refuse weights unless every layer gets its own and none are left over" },
    Flag {
        name: "skip_mismatched",
        value: "",
        about: "leave layers whose weights have another shape as their fillers made them",
    },
];

/// Why a command ends with an exit code other than 0.
pub enum Failure {
    /// The command line is wrong; the command's help follows the message.
    Usage(String),
    Error(Error),
    /// The two nets of `diff` differ.
    Differ,
}

pub type Done = Result<(), Failure>;

fn usage(message: impl Into<String>) -> Failure {
    Failure::Usage(message.into())
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
        Err(Failure::Usage(message)) => {
            let command = line.first().and_then(|name| Command::find(name).ok());
            let help = command.map_or_else(help::overview, help::of);
            complain(&format!("cortado: {message}\n\n{help}"), 2)
        }
    }
}

fn dispatch(line: &[String]) -> Done {
    let Some((name, rest)) = line.split_first() else {
        return Err(usage("give a command"));
    };
    let is_help = |word: &str| matches!(word, "--help" | "-help" | "-h");
    match name.as_str() {
        "help" => say(help::answer(rest)?),
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

/// Writes a line of a result. Ends the program if stdout is closed, as by `| head`, or with an error if it takes no more, as a
/// full disk.
fn say(text: impl Display) {
    if let Err(e) = writeln!(std::io::stdout(), "{text}") {
        let closed = e.kind() == std::io::ErrorKind::BrokenPipe;
        if !closed {
            drop(writeln!(std::io::stderr(), "cortado: cannot write the result to stdout: {e}"));
        }
        std::process::exit(i32::from(!closed));
    }
}

fn complain(message: &str, code: u8) -> ExitCode {
    drop(writeln!(std::io::stderr(), "{message}"));
    ExitCode::from(code)
}

/// A log that writes everything to stderr, or what `GLOG_minloglevel` lets through.
fn log() -> Log {
    least_from_env(Level::Info).map_or(Log::silent(), Log::stderr)
}

/// The device that the flags, then `solver_mode: CPU`, then `CORTADO_DEVICE` ask for.
fn device(args: &Args, solver_mode_cpu: bool, log: &Log) -> Result<Device, Failure> {
    let cpu = match args.count("threads")? {
        Some(n @ 1025..) => return Err(usage(format!("--threads {n}: at most 1024 are possible"))),
        threads => threads.map_or_else(Device::cpu, Device::cpu_with_threads),
    };
    let ids = match args.get("gpu") {
        Some("-1") => {
            log.info(|| format!("Use {cpu:?}."));
            return Ok(cpu);
        }
        None if solver_mode_cpu => {
            log.info(|| format!("Use {cpu:?}: the solver says solver_mode: CPU."));
            return Ok(cpu);
        }
        ids => ids,
    };
    let is_list = |ids: &str| ids == "all" || ids.split(',').all(|id| id.parse::<u32>().is_ok());
    if let Some(other) = ids.filter(|ids| !is_list(ids)) {
        return Err(usage(format!("--gpu {other}: give a card's number, all, or -1")));
    }
    let first = ids.and_then(|ids| ids.split(',').next()?.parse().ok());
    let (device, why) = Device::choose(first.unwrap_or(0))?;
    let device = if let Device::Cpu(_) = device { cpu } else { device };
    match (&device, ids) {
        (Device::Cpu(_), Some(id)) => {
            log.warning(|| format!("There is no card for --gpu {id} here: the net runs on the CPU ({why})."));
            log.info(|| format!("Use {device:?}."));
            return Ok(device);
        }
        (_, Some(ids)) if ids == "all" || ids.contains(',') => {
            log.warning(|| format!("--gpu {ids}: only one card is used."));
        }
        _ => {}
    }
    log.info(|| format!("Use {device:?}: {why}."));
    Ok(device)
}
