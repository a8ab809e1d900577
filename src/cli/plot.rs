//! `cortado plot`: draws what training logs tell.

use super::args::{Args, Command, Flag};
use super::{Done, say, usage};
use cortado::files;
use cortado::show::TrainingLog;
use std::path::Path;

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "plot",
    words: "LOG ..",
    about: "draws the curves of training logs, Cortado's or Caffe's, into an SVG file\n\n\
            Each quantity has a plot of its own: the loss, each output of the test nets, the learning rate.\n\
            In a plot each log has a line, or two: while training, and tested.",
    flags: &[&[
        Flag { name: "to",    value: "FILE.svg", about: "where to draw" },
        Flag { name: "only",  value: "NAME,..",  about: "the quantities to draw: loss,accuracy" },
        Flag { name: "log_y", value: "",         about: "a logarithmic scale for losses" },
    ]],
    run,
};

fn run(args: &Args) -> Done {
    if args.words.is_empty() {
        return Err(usage("plot needs a training log, or more than one"));
    }
    let to = Path::new(args.need("to")?);
    is_svg("to", to)?;
    let mut logs = Vec::new();
    for file in &args.words {
        logs.push(TrainingLog::read(files::find(file, None)?)?);
    }
    let only = args.list("only");
    let only = if only.is_empty() { None } else { Some(&only[..]) };
    files::write_aside(to, TrainingLog::draw(&logs, only, args.get("log_y").is_some())?.as_bytes())?;
    for log in &logs {
        say(log);
    }
    say(format!("drawn to {}", to.display()));
    Ok(())
}

/// Refuses a picture's name with another ending: it would be an SVG all the same.
pub fn is_svg(flag: &str, file: &Path) -> Done {
    match file.extension().is_some_and(|e| e.eq_ignore_ascii_case("svg")) {
        true => Ok(()),
        false => {
            Err(usage(format!("--{flag} {}: the picture is an SVG, so its name must end with .svg", file.display())))
        }
    }
}
