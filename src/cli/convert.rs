//! `cortado convert`: data sets to Caffe's databases.

use super::args::{Args, Command, Flag};
use super::{Done, say};
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
        Flag { name: "overwrite", value: "",       about: "replace databases that are there" },
    ]],
    run,
};

fn run(args: &Args) -> Done {
    match args.words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["mnist"] => {}
        [] => return Err(args.command.usage("convert what? mnist can be converted").into()),
        [.., other] => return Err(args.command.usage(format!("convert knows mnist, not \"{other}\"")).into()),
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
