//! `cortado diff`: how two nets differ.

use super::args::{Args, Command};
use super::{Done, Failure, nets, say};
use cortado::{files, net_spec};

pub const COMMAND: Command = Command {
    name: "diff",
    words: "FILE FILE",
    about: "tells how the net of the second prototxt differs from that of the first\n\n\
            Layers are matched by name and phase; a field that is not set counts as its default.\n\
            The exit code is 0 if the nets are the same, 3 if they differ.",
    flags: &[],
    run,
};

fn run(args: &Args) -> Done {
    let [first, second] = &args.words[..] else {
        return Err(args.command.usage("diff needs two prototxt files").into());
    };
    let read = |file: &String| nets::read(&files::find(file, None)?);
    let differences = net_spec::diff(&read(first)?, &read(second)?);
    for difference in &differences {
        say(difference);
    }
    match differences.is_empty() {
        true => {
            say("the nets are the same");
            Ok(())
        }
        false => Err(Failure::Differ),
    }
}
