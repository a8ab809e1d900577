//! `cortado device_query`: what nets run on here, and what there is besides.

use super::args::{Args, Command};
use super::{DEVICE, Done, say};
use cortado::Log;
use cortado::device::{cuda, emulator};

pub const COMMAND: Command = Command {
    name: "device_query",
    words: "",
    about: "says what nets run on here, and what was found of CUDA",
    flags: &[DEVICE],
    run,
};

fn run(args: &Args) -> Done {
    let device = super::device(args, &Log::silent());
    if let Ok(device) = &device {
        say(format!("Nets run on: {device:?}."));
    }
    cuda::describe().into_iter().for_each(say);
    say(cuda::fact("Emulated GPU's compiler", emulator::compiler().unwrap_or_else(|e| e.message().into())));
    device.map(drop)
}
