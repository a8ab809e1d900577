//! `cortado convert`: makes Caffe's databases of a data set.

use super::args::{Args, Command, Flag};
use super::{Done, say, usage};
use cortado::data::mnist;
use cortado::files;
use std::path::PathBuf;

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "convert",
    words: "mnist",
    about: "makes the databases mnist_train_lmdb and mnist_test_lmdb from MNIST's four files",
    flags: &[&[
        Flag { name: "from",      value: "FOLDER", about: "where the four files are; the project's data/mnist if not given" },
        Flag { name: "to",        value: "FOLDER", about: "where to make the databases; the project's data if not given" },
        Flag { name: "overwrite", value: "",       about: "replace existing databases" },
    ]],
    run,
};

fn run(args: &Args) -> Done {
    match &args.words[..] {
        [] => return Err(usage("convert what? mnist can be converted")),
        [name] if name == "mnist" => {}
        [.., other] => return Err(usage(format!("convert knows mnist, not \"{other}\""))),
    }
    let folder = |flag: &str, default: &str| match args.get(flag) {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => files::root().map(|root| root.join(default)),
    };
    let (from, to) = (folder("from", "data/mnist")?, folder("to", "data")?);
    let made = mnist::convert(from, &to, args.get("overwrite").is_some())?;
    for (name, made) in ["mnist_train_lmdb", "mnist_test_lmdb"].into_iter().zip(made) {
        let what = if made { "made" } else { "was there already (--overwrite makes it again)" };
        say(format!("{} {what}", to.join(name).display()));
    }
    Ok(())
}
