//! `cortado convert`: makes Caffe's databases of a data set.

use super::args::{Args, Command, Flag};
use super::train::log_above;
use super::{Done, Failure, say, usage};
use cortado::data::database::Backend;
use cortado::data::encode::Format;
use cortado::data::imageset::{self, ImageSet};
use cortado::data::{cifar10, csv, mnist};
use cortado::error::{Error, Kind, closest};
use cortado::{Log, files};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::{Path, PathBuf};

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "convert",
    words: "imageset|mnist|cifar10|csv ..",
    about: "makes Caffe's databases of images, MNIST, CIFAR-10 or a table\n\n  \
            convert imageset ROOT LIST DB  the images that a list names, each line an image's path within ROOT and its class\n  \
            convert imageset ROOT DB       the images in ROOT's subfolders, each a class; their names go to labels.txt beside DB\n  \
            convert mnist                  mnist_train_lmdb and mnist_test_lmdb of MNIST's four files\n  \
            convert cifar10                cifar10_train_lmdb and cifar10_test_lmdb of CIFAR-10's six binary files\n  \
            convert csv FILE DB            a table of numbers, a line for each sample",
    flags: &[&[
        Flag { name: "overwrite",     value: "",         about: "replace existing databases" },
        Flag { name: "backend",       value: "KIND",     about: "the kind of database: lmdb or leveldb; lmdb if not given" },
        Flag { name: "gray",          value: "",         about: "imageset: one channel, not three" },
        Flag { name: "shuffle",       value: "",         about: "imageset: put the images in another order, always the same" },
        Flag { name: "resize_height", value: "H",        about: "imageset: resize the images; needs --resize_width" },
        Flag { name: "resize_width",  value: "W",        about: "imageset: resize the images; needs --resize_height" },
        Flag { name: "check_size",    value: "",         about: "imageset: images of different sizes are an error" },
        Flag { name: "encoded",       value: "",         about: "imageset: store image files, not pixels" },
        Flag { name: "encode_type",   value: "png|jpg",  about: "imageset: store image files of this kind; of their own if not given" },
        Flag { name: "labels",        value: "FILE",     about: "imageset: where to write the names of the classes" },
        Flag { name: "from",          value: "FOLDER",   about: "mnist, cifar10: where the files are; for MNIST the project's data/mnist if not given" },
        Flag { name: "to",            value: "FOLDER",   about: "mnist, cifar10: where to make the databases; the project's data if not given" },
        Flag { name: "label_column",  value: "NAME|N",   about: "csv: the column of the classes, by name or by number from 0; -1 is the last" },
        Flag { name: "header",        value: "yes|no",   about: "csv: whether the first line names the columns; it does if it has no number" },
        Flag { name: "shape",         value: "C,H,W",    about: "csv: the shape of a sample; 1,1,columns if not given" },
    ]],
    run,
};

/// What can be converted: its name, the words and the flags it takes.
struct Source {
    name: &'static str,
    words: &'static str,
    counts: &'static [usize],
    flags: &'static [&'static str],
    run: fn(&Args, &[&Path]) -> Done,
}

#[rustfmt::skip]
const SOURCES: &[Source] = &[
    Source { name: "imageset", words: "ROOT [LIST] DB", counts: &[2, 3], run: run_imageset, flags:
        &["backend", "gray", "shuffle", "resize_height", "resize_width", "check_size", "encoded", "encode_type", "labels"] },
    Source { name: "mnist",    words: "no words",       counts: &[0],    run: run_mnist,    flags: &["from", "to"] },
    Source { name: "cifar10",  words: "no words",       counts: &[0],    run: run_cifar10,  flags: &["backend", "from", "to"] },
    Source { name: "csv",      words: "FILE DB",        counts: &[2],    run: run_csv,      flags:
        &["backend", "label_column", "header", "shape"] },
];

fn run(args: &Args) -> Done {
    let Some((name, words)) = args.words.split_first() else {
        return Err(usage("convert what? imageset, mnist, cifar10 and csv can be converted"));
    };
    let Some(source) = SOURCES.iter().find(|source| source.name == name) else {
        let near = closest(name, SOURCES.iter().map(|source| source.name));
        let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
        return Err(usage(format!("convert knows imageset, mnist, cifar10 and csv, not \"{name}\"{near}")));
    };
    if !source.counts.contains(&words.len()) {
        return Err(usage(format!("convert {name} takes {}", source.words)));
    }
    if let Some(flag) = args.given().find(|flag| *flag != "overwrite" && !source.flags.contains(flag)) {
        return Err(usage(format!("convert {name} has no use for --{flag}")));
    }
    (source.run)(args, &words.iter().map(Path::new).collect::<Vec<_>>())
}

/// The kind of database that `--backend` asks for; LMDB if it is not given, as in Caffe.
fn backend(args: &Args) -> Result<Backend, Failure> {
    let choice = args.choice("backend", &["lmdb", "leveldb"])?;
    Ok(if choice == Some("leveldb") { Backend::Leveldb } else { Backend::Lmdb })
}

fn run_imageset(args: &Args, words: &[&Path]) -> Done {
    let (root, list, db) = match *words {
        [root, db] => (root, None, db),
        [root, list, db] => (root, Some(list), db),
        _ => return Err(usage("convert imageset takes ROOT [LIST] DB")),
    };
    let options = options(args)?;
    let mut set = match list {
        Some(list) => ImageSet::of_list(root, files::find(list, None)?)?,
        None => ImageSet::of_folder(root)?,
    };
    if list.is_some() && args.get("labels").is_some() {
        return Err(usage("--labels is for a folder of classes: a list has no names of them"));
    }
    let overwrite = args.get("overwrite").is_some();
    let labels = list.is_none().then(|| args.get("labels").map_or(db.with_file_name("labels.txt"), PathBuf::from));
    let names: String = set.labels.iter().map(|name| format!("{name}\n")).collect();
    if let Some(file) = labels.as_ref().filter(|file| !overwrite && file.exists()) {
        // Another set's numbers would mean other classes.
        if std::fs::read(file).map_err(|e| Error::file(file, "read", e))? != names.as_bytes() {
            let e = Error::new(Kind::Data, format!("{} is there already, with other classes", file.display()));
            return Err(e
                .hint("training and test images need the same subfolders; or give --labels FILE or --overwrite")
                .into());
        }
    }
    if args.get("shuffle").is_some() {
        set.shuffle(0);
    }
    let (bar, log) = progress(set.images.len() as u64);
    let made = imageset::convert(&set, db, options, overwrite, |skipped| {
        bar.inc(1);
        if let Some(e) = skipped {
            log.warning(|| format!("Skipped: {}", e.message()));
        }
    });
    bar.finish_and_clear();
    let made = made?;
    let [c, h, w] = made.shape;
    let shape = if made.mixed { "of several sizes".into() } else { format!("of {c} x {h} x {w}") };
    let skipped = if made.skipped > 0 { format!("; {} skipped", made.skipped) } else { String::new() };
    say(format!("{}: {} images {shape}{skipped}", db.display(), made.images));
    if let Some(file) = labels {
        files::write_aside(&file, names.as_bytes())?;
        say(format!("{}: {} classes", file.display(), set.labels.len()));
    }
    Ok(())
}

fn options(args: &Args) -> Result<imageset::Options, Failure> {
    let size = |flag: &str| Ok::<_, Failure>(args.number::<usize>(flag)?.unwrap_or(0));
    let size = match (size("resize_height")?, size("resize_width")?) {
        (0, 0) => None,
        (h, w) if h > 0 && w > 0 => Some([h, w]),
        _ => return Err(usage("give both --resize_height and --resize_width")),
    };
    let format = match args.choice("encode_type", &["png", "jpg", "jpeg"])? {
        None => None,
        Some("png") => Some(Format::Png),
        Some(_) => Some(Format::Jpeg),
    };
    Ok(imageset::Options {
        grey: args.get("gray").is_some(),
        size,
        check_size: args.get("check_size").is_some(),
        backend: backend(args)?,
        encoded: (format.is_some() || args.get("encoded").is_some()).then_some(format),
    })
}

fn run_mnist(args: &Args, _: &[&Path]) -> Done {
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

fn run_cifar10(args: &Args, _: &[&Path]) -> Done {
    let to = args.get("to").map_or_else(|| files::root().map(|root| root.join("data")), |to| Ok(PathBuf::from(to)))?;
    for (db, images) in cifar10::convert(args.need("from")?, to, backend(args)?, args.get("overwrite").is_some())? {
        say(format!("{}: {images} images of 3 x 32 x 32", db.display()));
    }
    Ok(())
}

fn run_csv(args: &Args, words: &[&Path]) -> Done {
    let [file, db] = *words else { return Err(usage("convert csv takes FILE DB")) };
    let header = args.choice("header", &["yes", "no"])?.map(|choice| choice == "yes");
    let shape: Option<Vec<usize>> = args.list("shape").into_iter().map(|n| n.parse().ok()).collect();
    let table = csv::Table::read(files::find(file, None)?, csv::Options { label: args.get("label_column"), header })?;
    let shape = match shape.as_deref() {
        Some([]) => [1, 1, table.columns],
        Some(&[c, h, w]) => [c, h, w],
        _ => return Err(usage("--shape: give C,H,W, as in --shape 1,28,28")),
    };
    table.convert(shape, db, backend(args)?, args.get("overwrite").is_some())?;
    let [c, h, w] = shape;
    say(format!("{}: {} samples of {c} x {h} x {w}", db.display(), table.len()));
    Ok(())
}

/// A progress bar, and a log that writes above it.
pub fn progress(len: u64) -> (ProgressBar, Log) {
    let bar = ProgressBar::with_draw_target(Some(len), ProgressDrawTarget::stderr()); // draws only on a terminal
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {per_sec}  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let log = log_above(&bar, None);
    (bar, log)
}
