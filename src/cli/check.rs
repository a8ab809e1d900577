//! `cortado check`: builds the net or solver of a prototxt and shows it as a table.

use super::args::{Args, Command};
use super::{Done, STATE, nets, say, usage};
use cortado::error::{Error, Kind, Result};
use cortado::proto::{NetParameter, SolverParameter, text};
use cortado::{Log, Phase, files};
use std::path::Path;

pub const COMMAND: Command = Command {
    name: "check",
    words: "FILE",
    about: "builds the net or solver of a prototxt and shows layers, shapes, parameters and memory",
    flags: &[STATE],
    run,
};

fn run(args: &Args) -> Done {
    let [file] = &args.words[..] else {
        return Err(usage("check needs one prototxt file"));
    };
    let path = files::find(file, None)?;
    let log = Log::from_env();
    if is_solver(&path)? {
        let mut solver = nets::solver_builder(args, &path, &log)?.make()?;
        say(format!("{solver}\n"));
        say(&*solver.net());
        for i in 0..solver.test_nets() {
            say(&*solver.test_net(i)?);
        }
    } else {
        for phase in phases(&nets::read(&path)?) {
            say(nets::builder(args, &path, phase, &log)?.make()?);
        }
    }
    Ok(())
}

/// Whether the file is a solver or a net. If it parses as neither, the error is that of the parse that got further.
fn is_solver(path: &Path) -> Result<bool> {
    let (net, solver) = (text::read::<NetParameter>(path), text::read::<SolverParameter>(path));
    match (net, solver) {
        (Ok(net), Ok(_)) if net.message == NetParameter::default() => {
            let what = format!("{} is empty: neither a net nor a solver", path.display());
            Err(Error::new(Kind::Net, what).hint("a net has `layer { .. }`, a solver has `net: \"FILE\"`"))
        }
        (Ok(_), _) => Ok(false),
        (Err(_), Ok(_)) => Ok(true),
        (Err(as_net), Err(as_solver)) => {
            let place = |e: &Error| e.place().map_or((0, 0), |p| (p.line, p.column));
            Err(if place(&as_solver) > place(&as_net) { as_solver } else { as_net })
        }
    }
}

/// Both phases if a rule names one, else TEST alone.
pub fn phases(param: &NetParameter) -> Vec<Phase> {
    let mut rules = param.layer.iter().flat_map(|layer| layer.include.iter().chain(&layer.exclude));
    match rules.any(|rule| rule.phase.is_some()) {
        true => vec![Phase::Train, Phase::Test],
        false => vec![Phase::Test],
    }
}
