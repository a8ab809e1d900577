//! `cortado forward`: runs one forward pass, from .npy files to .npy files.

use super::args::{Args, Command, Flag};
use super::{DEVICE, Done, Failure, STATE, WEIGHTS, nets, say, usage};
use cortado::data::npy;
use cortado::error::{Error, Kind, Result};
use cortado::net::Keep;
use cortado::{Log, Net, Phase, files};

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "forward",
    words: "",
    about: "runs a net forward once, from .npy files to .npy files\n\n\
            An input of another batch size reshapes the net. Without --output the net's outputs are summarised.",
    flags: &[&[
        Flag { name: "model",   value: "FILE",          about: "the net's prototxt" },
        Flag { name: "weights", value: "FILE,..",       about: "the trained weights, .caffemodel" },
        Flag { name: "phase",   value: "PHASE",         about: "TRAIN or TEST; TEST if not given" },
        Flag { name: "input",   value: "BLOB=FILE.npy", about: "an input's values; once for each input" },
        Flag { name: "output",  value: "BLOB=FILE.npy", about: "where to write a blob's values; once for each blob" },
    ], WEIGHTS, STATE, DEVICE],
    run,
};

fn run(args: &Args) -> Done {
    let pairs = |flag: &str| args.all(flag).map(|value| pair(flag, value)).collect::<Result<Vec<_>, _>>();
    let (inputs, outputs) = (pairs("input")?, pairs("output")?);
    let log = Log::from_env();
    let mut net = nets::make(args, nets::phase(args)?.unwrap_or(Phase::Test), Keep::All, &log)?;
    nets::load_weights(args, &mut net, &log)?;
    // A wrong name is reported before the work begins.
    for (blob, _) in &outputs {
        net.data(blob)?;
    }
    fill(&mut net, &inputs)?;
    net.forward_loss()?;
    for (blob, file) in &outputs {
        let values = net.read(blob)?;
        npy::write(file, values.view())?;
        let shape: Vec<String> = values.shape().iter().map(usize::to_string).collect();
        say(format!("{blob}: {} -> {file}", shape.join(" x ")));
    }
    if outputs.is_empty() {
        for name in net.outputs() {
            let values = net.data(name)?;
            values.read()?;
            say(format!("{name}: {values}"));
        }
    }
    Ok(())
}

/// Reads each input's file, reshapes the net to fit, and copies the values into the inputs.
fn fill(net: &mut Net, inputs: &[(&str, &str)]) -> Result<()> {
    for (blob, _) in inputs {
        if !net.inputs().contains(blob) {
            net.data(blob)?; // an unknown name has an error of its own
            let e = Error::new(Kind::Net, format!("\"{blob}\" is not an input of this net: a layer computes it"));
            return Err(e.hint(format!("its inputs are {:?}", net.inputs())));
        }
    }
    if let Some(missing) = net.inputs().into_iter().find(|name| !inputs.iter().any(|(blob, _)| blob == name)) {
        return Err(Error::new(Kind::Net, format!("the input \"{missing}\" is not given"))
            .hint(format!("add --input {missing}=FILE.npy")));
    }
    let mut arrays = Vec::new();
    for &(blob, file) in inputs {
        let x = npy::read(files::find(file, None)?)?;
        if x.shape() != net.data(blob)?.shape() {
            net.reshape_blob(blob, x.shape())?;
        }
        arrays.push((blob, x));
    }
    net.reshape()?;
    for (blob, x) in arrays {
        net.data_mut(blob)?.assign(&x)?;
    }
    Ok(())
}

fn pair<'a>(flag: &str, value: &'a str) -> Result<(&'a str, &'a str), Failure> {
    let pair = value.split_once('=').filter(|(blob, file)| !blob.is_empty() && !file.is_empty());
    pair.ok_or_else(|| usage(format!("--{flag} {value}: give BLOB=FILE, as in --{flag} data=x.npy")))
}
