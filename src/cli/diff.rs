//! `cortado diff`: lists the differences between two nets.

use super::args::{Args, Command};
use super::{Done, Failure, nets, say, usage};
use cortado::net_spec;

pub const COMMAND: Command = Command {
    name: "diff",
    words: "FILE FILE",
    about: "lists how the net of the second prototxt differs from that of the first\n\n\
            Layers are matched by name and phase; a field that is not set counts as its default.\n\
            The exit code is 0 if the nets are the same, 3 if they differ.",
    flags: &[],
    run,
};

fn run(args: &Args) -> Done {
    let [first, second] = &args.words[..] else {
        return Err(usage("diff needs two prototxt files"));
    };
    let read = |file: &String| nets::Prototxt::read(file)?.net();
    let differences = net_spec::diff(&read(first)?, &read(second)?);
    if differences.is_empty() {
        say("the nets are the same");
        return Ok(());
    }
    differences.iter().for_each(say);
    Err(Failure::Differ)
}
