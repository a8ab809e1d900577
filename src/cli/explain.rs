//! `cortado explain`: tells where a blob of a net comes from and where it goes.

use super::args::{Args, Command, Flag};
use super::{Done, Failure, STATE, check, nets, say, usage};
use cortado::explain::Explanation;
use cortado::{Layers, Log, Phase};

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "explain",
    words: "FILE BLOB",
    about: "tells which layers write and read a blob, where its shape comes from, and whether a gradient reaches it\n\n\
            A net whose layers differ by phase is built for TRAIN, or for TEST if only that net has the blob.",
    flags: &[&[
        Flag { name: "phase", value: "PHASE", about: "TRAIN or TEST" },
    ], STATE],
    run,
};

fn run(args: &Args) -> Done {
    let [file, blob] = &args.words[..] else {
        return Err(usage("explain needs a net's prototxt and the name of a blob"));
    };
    let (file, log) = (nets::Prototxt::read(file)?, Log::from_env());
    let layers = Layers::caffe().without_data(None).0;
    let explain = |phase: Phase| -> Result<Explanation, Failure> {
        Ok(nets::builder(args, &file, phase, &log)?.layers(&layers).make()?.explain(blob)?)
    };
    let phases = match nets::phase(args)? {
        Some(phase) => vec![phase],
        None => check::phases(&file.net()?),
    };
    let mut explanation = explain(phases[0]);
    for &phase in &phases[1..] {
        explanation = explanation.or_else(|e| explain(phase).map_err(|_| e));
    }
    say(explanation?);
    Ok(())
}
