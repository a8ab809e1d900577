//! `cortado device_query`: what nets run on here.

use super::args::{Args, Command};
use super::{DEVICE, Done, say};
use cortado::Log;

pub const COMMAND: Command = Command {
    name: "device_query",
    words: "",
    about: "says in a sentence what nets run on here",
    flags: &[DEVICE],
    run,
};

fn run(args: &Args) -> Done {
    say(format!("Nets run on: {:?}.", super::device(args, &Log::silent())?));
    Ok(())
}
