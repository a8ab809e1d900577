//! MNIST, the handwritten digits (LeCun, Bottou, Bengio and Haffner 1998): 60000 to train, 10000 to test, each 28 x 28.
//!
//! ```
//! use cortado::data::mnist::Mnist;
//! let mnist = Mnist::load("data/mnist")?;
//! assert_eq!((mnist.train.len(), mnist.test.len()), (60000, 10000));
//! assert_eq!((mnist.test.labels[0], mnist.test.image(0).len()), (7, 28 * 28));
//! # Ok::<(), cortado::Error>(())
//! ```

use crate::data::idx::Labelled;
use crate::data::{datum, lmdb};
use crate::{Error, Kind, Result};
use std::path::Path;

/// Both parts, as bytes. Fashion-MNIST and similar data sets have files of the same names and format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mnist {
    /// The 60,000 images to learn from.
    pub train: Labelled,
    /// The 10,000 images to test with.
    pub test: Labelled,
}

/// The databases that [`convert`] makes, and the first part of their source files' names.
const PARTS: [(&str, &str); 2] = [("mnist_train_lmdb", "train"), ("mnist_test_lmdb", "t10k")];

impl Mnist {
    /// Reads the four files of `folder`, gzipped or not.
    ///
    /// # Errors
    /// A file is missing or broken.
    pub fn load(folder: impl AsRef<Path>) -> Result<Mnist> {
        let folder = folder.as_ref();
        Ok(Mnist { train: load_part(folder, "train")?, test: load_part(folder, "t10k")? })
    }
}

fn load_part(folder: &Path, part: &str) -> Result<Labelled> {
    let file = |what: &str| {
        let plain = folder.join(format!("{part}-{what}-ubyte"));
        let gz = folder.join(format!("{part}-{what}-ubyte.gz"));
        if plain.exists() && !gz.exists() { plain } else { gz }
    };
    Labelled::read(file("images-idx3"), file("labels-idx1"))
        .map_err(|e| e.hint("MNIST's four files are in the project's folder data/mnist"))
}

/// Makes Caffe's two databases, `mnist_train_lmdb` and `mnist_test_lmdb`, in the folder `out` from the files in
/// `folder`. The key is the image's number in eight digits, the value a Datum of shape 1 x 28 x 28. An existing
/// database is kept unless `overwrite`. Returns for train and test whether the database was made.
///
/// # Errors
/// A broken file; a folder that cannot be written; an existing database that is broken.
pub fn convert(folder: impl AsRef<Path>, out: impl AsRef<Path>, overwrite: bool) -> Result<[bool; 2]> {
    let mut made = [false; 2];
    for (made, (name, part)) in made.iter_mut().zip(PARTS) {
        let target = out.as_ref().join(name);
        if overwrite || !target.exists() {
            *made = write_lmdb(&load_part(folder.as_ref(), part)?, &target, overwrite)?;
        }
        if !*made {
            check_whole(&target)?;
        }
    }
    Ok(made)
}

/// Makes those of the two databases that are missing in the folder `data` of the project at `root`. Returns whether any
/// was made.
///
/// # Errors
/// Those of [`convert`].
pub fn ensure_lmdb(root: impl AsRef<Path>) -> Result<bool> {
    let data = root.as_ref().join("data");
    let made = convert(data.join("mnist"), data, false)?;
    Ok(made.contains(&true))
}

/// Whether a data layer's `source` is one of the databases that [`ensure_lmdb`] makes.
pub fn is_lmdb(source: &str) -> bool {
    PARTS.iter().any(|(name, _)| Path::new(source).ends_with(Path::new("data").join(name)))
}

/// Writes images and labels as a database, as [`convert`] does. Returns whether it was made.
///
/// # Errors
/// A folder that cannot be written.
pub fn write_lmdb(digits: &Labelled, target: &Path, overwrite: bool) -> Result<bool> {
    lmdb::create(target, overwrite, |db| {
        let shape = [1, digits.rows, digits.cols];
        let mut value = Vec::new();
        for (i, &label) in digits.labels.iter().enumerate() {
            datum::encode(shape, digits.image(i), label as i32, &mut value)?;
            db.put(format!("{i:08}").as_bytes(), &value)?;
        }
        Ok(())
    })
}

/// Checks that an existing database can be read to its end.
fn check_whole(target: &Path) -> Result {
    let whole = lmdb::Reader::open(target).and_then(|mut db| db.get(db.len() - 1).map(|_| ()));
    whole.map_err(|e| {
        let what = format!("{} exists already, but is broken: {}", target.display(), e.message());
        Error::new(Kind::Data, what).hint("replace it with `cortado convert mnist --overwrite`, or remove it")
    })
}
