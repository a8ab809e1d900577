//! `cortado extract`: writes what blobs hold over several batches, Caffe's `extract_features`.

use super::args::{Args, Command, Flag};
use super::{DEVICE, Done, Failure, STATE, nets, say, usage};
use cortado::data::{lmdb, npy};
use cortado::error::{Error, Kind, Result};
use cortado::net::Keep;
use cortado::proto::binary;
use cortado::{Log, Net, Phase, io};
use ndarray::{ArrayView3, ArrayViewD, IxDyn};
use std::path::{Path, PathBuf};

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "extract",
    words: "[WEIGHTS MODEL BLOBS DATABASES ITERATIONS lmdb]",
    about: "runs a net forward on its data, and writes what blobs hold\n\n\
            The words are those of Caffe's extract_features, and stand for the flags.",
    flags: &[&[
        Flag { name: "model",      value: "FILE",     about: "the net's prototxt, with a data layer" },
        Flag { name: "weights",    value: "FILE,..",  about: "the trained weights, .caffemodel" },
        Flag { name: "blobs",      value: "A,B",      about: "the blobs to write" },
        Flag { name: "to",         value: "PATH",     about: "a file or database for one blob; a folder for several" },
        Flag { name: "format",     value: "npy|lmdb", about: "npy if not given" },
        Flag { name: "iterations", value: "N",        about: "how many batches; 1 if not given" },
        Flag { name: "phase",      value: "PHASE",    about: "TRAIN or TEST; TEST if not given" },
    ], STATE, DEVICE],
    run,
};

/// What to write where.
struct Target {
    blob: String,
    path: PathBuf,
    /// The shape of a batch, and the values of all batches.
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn run(args: &Args) -> Done {
    let (args, paths) = positional(args)?;
    let lmdb = args.choice("format", &["npy", "lmdb"])?.unwrap_or("npy") == "lmdb";
    let blobs = args.list("blobs");
    if blobs.is_empty() {
        return Err(usage("extract needs --blobs A,B"));
    }
    let to = Path::new(args.need("to")?);
    let iterations: usize = args.count("iterations")?.unwrap_or(1);
    let path = |i: usize, blob: &str| match paths.get(i) {
        Some(path) => PathBuf::from(path),
        None if blobs.len() == 1 && (lmdb || to.extension().is_some()) => to.to_path_buf(),
        None => to.join(format!("{}{}", blob.replace('/', "_"), if lmdb { "_lmdb" } else { ".npy" })),
    };
    let log = Log::from_env();
    let mut net = nets::make(&args, nets::phase(&args)?.unwrap_or(Phase::Test), Keep::All, &log)?;
    nets::load_weights(&args, &mut net, &log)?;
    if let Some(input) = net.inputs().first() {
        let e = Error::new(Kind::Net, format!("the net's input \"{input}\" has no data"));
        return Err(e.hint("give the net a data layer, or use `cortado forward --input`").into());
    }
    let mut targets = Vec::new();
    for (i, blob) in blobs.iter().enumerate() {
        net.data(blob)?; // a wrong name is reported before the work begins
        targets.push(Target { blob: blob.to_string(), path: path(i, blob), shape: Vec::new(), values: Vec::new() });
    }
    for _ in 0..iterations {
        net.forward_loss()?;
        targets.iter_mut().try_for_each(|target| target.take(&net))?;
    }
    for target in targets {
        let rows = target.write(lmdb)?;
        say(format!("{}: {} -> {}", target.blob, rows.join(" x "), target.path.display()));
    }
    Ok(())
}

/// Turns `weights model blobs databases iterations lmdb` into flags; gives the databases.
fn positional(args: &Args) -> Result<(Args, Vec<String>), Failure> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    let (weights, model, blobs, databases, iterations, format) = match words[..] {
        [] => return Ok((Args::parse(args.command, &args.line())?, Vec::new())),
        [w, m, b, d, n, f] | [w, m, b, d, n, f, "CPU" | "GPU", ..] => (w, m, b, d, n, f),
        _ => return Err(usage(format!("extract takes 6 words or none, not {}", words.len()))),
    };
    let paths: Vec<String> = databases.split(',').map(String::from).collect();
    let count = blobs.split(',').count();
    if count != paths.len() {
        return Err(usage(format!("{count} blobs and {} databases: give one for each", paths.len())));
    }
    let flags = [
        ("weights", weights),
        ("model", model),
        ("blobs", blobs),
        ("to", databases),
        ("iterations", iterations),
        ("format", format),
    ];
    let mut line: Vec<String> =
        flags.iter().flat_map(|(flag, value)| [format!("--{flag}"), value.to_string()]).collect();
    line.extend(args.line());
    Ok((Args::parse(args.command, &line)?, paths))
}

impl Target {
    /// Appends the blob's values.
    fn take(&mut self, net: &Net) -> Result<()> {
        let y = net.read(&self.blob)?;
        if !self.shape.is_empty() && self.shape[1..] != y.shape()[1..] {
            let what = format!("the blob \"{}\" has the shape {:?}, and had {:?}", self.blob, y.shape(), self.shape);
            return Err(Error::shape(what).hint("extract samples of one shape: crop them, or resize them"));
        }
        self.shape = if y.shape().is_empty() { vec![1] } else { y.shape().to_vec() };
        self.values.extend(y.iter());
        Ok(())
    }

    /// Writes all batches as one array; gives its shape.
    fn write(&self, lmdb: bool) -> Result<Vec<String>> {
        let mut shape = self.shape.clone();
        let row: usize = shape[1..].iter().product();
        shape[0] = self.values.len() / row.max(1);
        let x = ArrayViewD::from_shape(IxDyn(&shape), &self.values).map_err(|e| Error::shape(e.to_string()))?;
        match lmdb {
            true => self.write_lmdb(x)?,
            false => npy::write(&self.path, x)?,
        }
        Ok(shape.iter().map(usize::to_string).collect())
    }

    /// A Datum of floats for each sample, with the keys of Caffe: its number in ten digits.
    fn write_lmdb(&self, x: ArrayViewD<'_, f32>) -> Result<()> {
        let axes = |i: usize| x.shape().get(i).copied().unwrap_or(1);
        if x.ndim() > 4 {
            let what = format!("the blob \"{}\" has the shape {:?}; a Datum has C x H x W", self.blob, x.shape());
            return Err(Error::shape(what).hint("write it with --format npy"));
        }
        let sample = (axes(1), axes(2), axes(3));
        let made = lmdb::create(&self.path, false, |db| {
            for (i, values) in self.values.chunks((sample.0 * sample.1 * sample.2).max(1)).enumerate() {
                let x = ArrayView3::from_shape(sample, values).map_err(|e| Error::shape(e.to_string()))?;
                db.put(format!("{i:010}").as_bytes(), &binary::encode(&io::array_to_datum(x, 0)?))?;
            }
            Ok(())
        })?;
        match made {
            true => Ok(()),
            false => Err(Error::new(Kind::File, format!("{} is there already", self.path.display()))
                .hint("remove it, or choose another folder")),
        }
    }
}
