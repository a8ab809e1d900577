//! `cortado explain`: how one blob of a net comes about.

use super::args::{Args, Command, Flag};
use super::{Done, STATE, check, nets, say};
use cortado::error::Result;
use cortado::explain::Explanation;
use cortado::{Log, Phase, files, net};
use std::path::Path;

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "explain",
    words: "FILE BLOB",
    about: "tells of a net's blob who writes and reads it, where its shape comes from, and whether a gradient reaches it\n\n\
            A net whose layers differ by phase is built for TRAIN, and for TEST if the blob is only there.",
    flags: &[&[
        Flag { name: "phase", value: "PHASE", about: "TRAIN or TEST" },
    ], STATE],
    run,
};

fn run(args: &Args) -> Done {
    let [file, blob] = &args.words[..] else {
        return Err(args.command.usage("explain needs a net's prototxt and the name of a blob").into());
    };
    let (path, log, level) = (files::find(file, None)?, Log::from_env(), args.number("level")?);
    let param = nets::read(&path)?;
    nets::ensure_mnist(&param, path.parent(), &log)?;
    let explain = |path: &Path, phase: Phase| -> Result<Explanation> {
        let mut builder = net::Builder::read(path)?.phase(phase).log(&log);
        if let Some(level) = level {
            builder = builder.level(level);
        }
        builder.stages(args.list("stage")).make()?.explain(blob)
    };
    let told = match (args.get("phase"), &check::phases(&param)[..]) {
        (Some(_), _) => explain(&path, nets::phase(args, Phase::Test)?),
        (None, [first, others @ ..]) => others
            .iter()
            .fold(explain(&path, *first), |told, phase| told.or_else(|e| explain(&path, *phase).map_err(|_| e))),
        (None, []) => explain(&path, Phase::Test),
    };
    say(told?);
    Ok(())
}
