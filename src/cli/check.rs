//! `cortado check`: builds the net or solver of a prototxt and shows it as a table.

use super::args::{Args, Command, Flag};
use super::nets::Prototxt;
use super::{Done, Failure, STATE, nets, say, usage};
use cortado::error::{Error, Kind, Result};
use cortado::proto::{NetParameter, SolverParameter};
use cortado::{Layers, Log, Phase};
use std::fmt::Display;
use std::sync::mpsc::Receiver;

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "check",
    words: "FILE",
    about: "builds the net or solver of a prototxt and shows layers, shapes, parameters and memory\n\n\
            It needs no data and writes no file. Where a database, a list or a mean image is missing, the shape of\n\
            the images is assumed from crop_size, batch_size and the mean values, and the assumption is said.",
    flags: &[&[
        Flag { name: "phase",      value: "PHASE", about: "TRAIN or TEST; if not given, each phase that a rule names" },
        Flag { name: "data_shape", value: "C,H,W", about: "channels, height and width of the images, where the data are missing" },
    ], STATE],
    run,
};

fn run(args: &Args) -> Done {
    let [file] = &args.words[..] else {
        return Err(usage("check needs one prototxt file"));
    };
    let (file, log) = (Prototxt::read(file)?, Log::from_env());
    let (layers, assumed) = Layers::caffe().without_data(data_shape(args)?);
    let mut seen = Vec::new();
    if is_solver(&file)? {
        let mut builder = nets::solver_builder(args, &file, &log)?.layers(&layers);
        builder.param_mut().snapshot = Some(0); // whether snapshots can be written is tried by writing
        let mut solver = builder.make().map_err(|e| with_notes(e, &assumed))?;
        say(format!("{solver}\n"));
        show(&*solver.net());
        for i in 0..solver.test_nets() {
            show(&*solver.test_net(i)?);
        }
    } else {
        let phases =
            nets::phase(args)?.map_or_else(|| Ok(phases(&file.net()?)), |phase| Ok::<_, Error>(vec![phase]))?;
        for phase in phases {
            let builder = nets::builder(args, &file, phase, &log)?.layers(&layers);
            show(builder.make().map_err(|e| with_notes(e, &assumed))?);
        }
    }
    for note in assumed.try_iter() {
        if !seen.contains(&note) {
            say(&note);
            seen.push(note);
        }
    }
    Ok(())
}

/// Shows a net, folded to the terminal's width if there is one.
fn show(net: impl Display) {
    match console::Term::stdout().size_checked() {
        Some((_, width)) => say(format!("{net:width$}", width = usize::from(width))),
        None => say(net),
    }
}

/// An error of a net that was built on assumptions, with these as hints.
pub fn with_notes(error: Error, assumed: &Receiver<String>) -> Error {
    assumed.try_iter().fold(error, |error, note| error.hint(note))
}

/// Channels, height and width of `--data-shape`.
pub fn data_shape(args: &Args) -> Result<Option<[usize; 3]>, Failure> {
    let parse = |value: &str| {
        let sizes: Option<Vec<usize>> = value.split(',').map(|n| n.trim().parse().ok().filter(|n| *n > 0)).collect();
        let shape = sizes.and_then(|sizes| sizes.try_into().ok());
        shape.ok_or_else(|| usage(format!("--data-shape {value}: give channels, height and width, as in 3,227,227")))
    };
    args.get("data_shape").map(parse).transpose()
}

/// Whether the file is a solver or a net. If it parses as neither, the error is that of the parse that got further.
fn is_solver(file: &Prototxt) -> Result<bool> {
    match (file.parse::<NetParameter>(), file.parse::<SolverParameter>()) {
        (Ok(net), Ok(_)) if net.message == NetParameter::default() => {
            let what = format!("{} is empty: neither a net nor a solver", net.source.file());
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
