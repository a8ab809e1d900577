//! CIFAR-10 (Krizhevsky 2009): 60000 photographs of ten classes, 3 x 32 x 32, in six files of the "binary version".
//!
//! A file is an array of records: a byte with the class, then 3 x 32 x 32 bytes, the red values before green and blue.

use super::database::{self, Backend};
use super::datum;
use crate::{Error, Kind, Result};
use std::path::{Path, PathBuf};

/// C, H, W of an image.
pub const SHAPE: [usize; 3] = [3, 32, 32];
/// The bytes of an image.
const SIZE: usize = 3 * 32 * 32;
const CLASSES: u8 = 10;

/// The databases that [`convert`] makes, and their source files.
const PARTS: [(&str, &[&str]); 2] = [
    (
        "cifar10_train",
        &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
    ),
    ("cifar10_test", &["test_batch.bin"]),
];

/// The images of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    records: Vec<u8>,
}

impl Batch {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, is not made of whole records, or has a class above 9; the error names the record.
    pub fn read(path: impl AsRef<Path>) -> Result<Batch> {
        let path = path.as_ref();
        let records = std::fs::read(path).map_err(|e| {
            Error::file(path, "read", e)
                .hint("CIFAR-10's \"binary version\" has data_batch_1.bin to 5 and test_batch.bin")
        })?;
        let wrong = |what: String| Err(Error::new(Kind::Data, format!("{}: {what}", path.display())));
        if records.is_empty() || !records.len().is_multiple_of(1 + SIZE) {
            return wrong(format!("{} bytes are no whole number of records of {} bytes", records.len(), 1 + SIZE));
        }
        let batch = Batch { records };
        match (0..batch.len()).find(|&i| batch.label(i) >= CLASSES) {
            Some(i) => wrong(format!("record {i} is of class {}; CIFAR-10 has classes 0 to 9", batch.label(i))),
            None => Ok(batch),
        }
    }

    /// The number of images, at least 1.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.records.len() / (1 + SIZE)
    }

    /// The class of image `i`.
    pub fn label(&self, i: usize) -> u8 {
        self.records[i * (1 + SIZE)]
    }

    /// The 3 x 32 x 32 bytes of image `i`: red, green, blue.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.records[i * (1 + SIZE) + 1..][..SIZE]
    }
}

/// Makes Caffe's two databases, `cifar10_train_lmdb` and `cifar10_test_lmdb`, or `.._leveldb`, in the folder `to` from the six files in
/// `from`. The key is the image's number in five digits. Returns for both where they are and how many images they have.
///
/// # Errors
/// A file is missing or broken; a database cannot be written, or exists and not `overwrite`.
pub fn convert(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    backend: Backend,
    overwrite: bool,
) -> Result<Vec<(PathBuf, usize)>> {
    let from = from.as_ref();
    let unpacked = from.join("cifar-10-batches-bin"); // what the archive unpacks to
    let from = if unpacked.is_dir() { &unpacked } else { from };
    let mut made = Vec::new();
    for (name, files) in PARTS {
        let kind = if backend == Backend::Lmdb { "lmdb" } else { "leveldb" };
        let (target, mut n) = (to.as_ref().join(format!("{name}_{kind}")), 0);
        database::create(&target, backend, overwrite, |db| {
            let mut value = Vec::new();
            for file in files {
                let batch = Batch::read(from.join(file))?;
                for i in 0..batch.len() {
                    datum::encode(SHAPE, batch.image(i), batch.label(i).into(), &mut value)?;
                    db.put(format!("{n:05}").as_bytes(), &value)?;
                    n += 1;
                }
            }
            Ok(())
        })?;
        made.push((target, n));
    }
    Ok(made)
}
