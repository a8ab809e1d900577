//! `cortado mean`: the mean image of a database, Caffe's `compute_image_mean`.

use super::args::{Args, Command, Flag};
use super::convert::progress;
use super::{Done, say, usage};
use cortado::data::mean::Mean;
use cortado::data::{binaryproto, npy};
use cortado::error::Error;
use cortado::files;
use cortado::log::number;
use ndarray::ArrayView3;
use std::path::Path;

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "mean",
    words: "DB [FILE]",
    about: "writes the mean image of a database, a .binaryproto or .npy, and tells the mean of each channel",
    flags: &[&[Flag { name: "backend", value: "lmdb|leveldb", about: "ignored: a database says what it is" }]],
    run,
};

fn run(args: &Args) -> Done {
    args.choice("backend", &["lmdb", "leveldb"])?; // the database says what it is
    let (db, file) = match &args.words[..] {
        [db] => (db, None),
        [db, file] => (db, Some(Path::new(file))),
        _ => return Err(usage("mean takes DB [FILE]")),
    };
    let ending = file.and_then(Path::extension).and_then(|e| e.to_str()).unwrap_or_default();
    if let Some(file) = file.filter(|_| !["binaryproto", "npy"].contains(&ending)) {
        return Err(usage(format!("{}: its name must end with .binaryproto or .npy", file.display())));
    }
    let (bar, _) = progress(0);
    let mean = Mean::of_database(files::find(db, None)?, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let mean = mean?;
    let [c, h, w] = mean.shape;
    say(format!("{db}: {} images of {c} x {h} x {w}", mean.images));
    for (channel, x) in mean.channels().into_iter().enumerate() {
        say(format!("mean_value of channel {channel}: {}", number(x)));
    }
    match file {
        None => {}
        Some(file) if file.extension().is_some_and(|e| e == "npy") => {
            let x = ArrayView3::from_shape((c, h, w), &mean.values).map_err(|e| Error::shape(e.to_string()))?;
            npy::write(file, x.into_dyn())?;
        }
        Some(file) => binaryproto::write(file, mean.shape, &mean.values)?,
    }
    if let Some(file) = file {
        say(format!("written to {}", file.display()));
    }
    Ok(())
}
