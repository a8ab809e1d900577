//! `cortado check`: builds what a prototxt describes and shows it as a table.

use super::args::{Args, Command};
use super::{Done, STATE, nets, say};
use cortado::error::{Error, Kind, Result};
use cortado::proto::{NetParameter, SolverParameter, text};
use cortado::{Log, Net, Phase, files, net, solver};
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
        return Err(args.command.usage("check needs one prototxt file").into());
    };
    let path = files::find(file, None)?;
    let log = Log::from_env();
    match read(&path)? {
        Either::Net => {
            let param = nets::read(&path)?;
            nets::ensure_mnist(&param, path.parent(), &log)?;
            for phase in phases(&param) {
                let mut builder = net::Builder::read(&path)?.phase(phase);
                if let Some(level) = args.number("level")? {
                    builder = builder.level(level);
                }
                say(builder.stages(args.list("stage")).make()?);
            }
        }
        Either::Solver => {
            let mut builder = solver::Builder::read(&path)?;
            if let Some(level) = args.number("level")? {
                builder = builder.level(level);
            }
            nets::ensure_mnist_of_solver(builder.param_mut(), path.parent(), &log)?;
            let mut solver = builder.stages(args.list("stage")).make()?;
            say(format!("{solver}\n"));
            say(&*solver.net());
            for i in 0..solver.test_nets() {
                let net: &Net = solver.test_net(i)?;
                say(net);
            }
        }
    }
    Ok(())
}

enum Either {
    Net,
    Solver,
}

/// Whether the file is a net or a solver; if it is neither, the error of the one that could be read further.
fn read(path: &Path) -> Result<Either> {
    let (net, solver) = (text::read::<NetParameter>(path), text::read::<SolverParameter>(path));
    match (net, solver) {
        (Ok(net), Ok(_)) if net.message == NetParameter::default() => {
            let what = format!("{} is empty: neither a net nor a solver", path.display());
            Err(Error::new(Kind::Net, what).hint("a net has `layer { .. }`, a solver has `net: \"FILE\"`"))
        }
        (Ok(_), _) => Ok(Either::Net),
        (Err(_), Ok(_)) => Ok(Either::Solver),
        (Err(as_net), Err(as_solver)) => {
            let place = |e: &Error| e.place().map_or((0, 0), |p| (p.line, p.column));
            Err(if place(&as_solver) > place(&as_net) { as_solver } else { as_net })
        }
    }
}

/// Both phases if a rule tells them apart, else one.
pub fn phases(param: &NetParameter) -> Vec<Phase> {
    let rules = |l: &cortado::proto::LayerParameter| l.include.iter().chain(&l.exclude).any(|r| r.phase.is_some());
    match param.layer.iter().any(rules) {
        true => vec![Phase::Train, Phase::Test],
        false => vec![Phase::Test],
    }
}
