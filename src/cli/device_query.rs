//! `cortado device_query`: tells which device nets run on, and which parts of CUDA were found.

use super::args::{Args, Command};
use super::{DEVICE, Done, say};
use cortado::Log;
use cortado::device::{cuda, emulator};

pub const COMMAND: Command = Command {
    name: "device_query",
    words: "",
    about: "tells which device nets run on, and which parts of CUDA were found",
    flags: &[DEVICE],
    run,
};

fn run(args: &Args) -> Done {
    let device = super::device(args, false, &Log::silent());
    if let Ok(device) = &device {
        say(format!("Nets run on: {device:?}."));
    }
    cuda::describe().into_iter().for_each(say);
    say(cuda::fact("Emulated GPU's compiler", emulator::compiler().unwrap_or_else(|e| e.message().into())));
    device.map(drop)
}
