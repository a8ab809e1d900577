//! Reads data files and makes batches of them.
//!
//! | module        | contents                                                                          |
//! |---------------|-----------------------------------------------------------------------------------|
//! | `idx`         | MNIST's image and label files                                                     |
//! | `mnist`       | the digits as arrays, and as Caffe's two databases                                |
//! | `npy`         | NumPy's arrays                                                                    |
//! | `binaryproto` | files of one blob: a mean image, a matrix                                         |
//! | `lmdb`        | Caffe's databases: keys and values in a B+ tree                                   |
//! | `leveldb`     | Caffe's older databases: keys and values in sorted tables and a log               |
//! | `database`    | a folder of either kind, opened as what it is                                     |
//! | `image`       | PNG and JPEG files to pixels, and their size changed                              |
//! | `list`        | text files that name other files                                                  |
//! | `datum`       | the message that a database holds: one image and its label                        |
//! | `transform`   | mean, scale, crop and mirror                                                      |
//! | `dataset`     | the trait of a data source: samples by number                                     |
//! | `feed`        | order, shuffle, batches and position: from a data set to a layer's tops           |
//! | `prefetch`    | a thread that reads ahead                                                         |
//!
//! A data layer is a [`Dataset`] and a [`Feed`](feed::Feed): `database -> datum -> transform -> batch -> prefetch -> tops`.

pub mod binaryproto;
pub mod database;
pub mod dataset;
pub mod datum;
pub mod feed;
pub mod idx;
pub mod image;
pub mod leveldb;
pub(crate) mod list;
pub mod lmdb;
pub mod mnist;
pub mod npy;
pub mod prefetch;
pub mod transform;

pub use dataset::{Dataset, Sample};

use std::io::Read;

/// Reads the `len` bytes of a file's `part`. Memory grows with the bytes read, not with the length in a header.
fn read_exactly(file: &mut impl Read, len: usize, part: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    file.take(len as u64).read_to_end(&mut bytes).map_err(|e| format!("cannot read: {e}"))?;
    match bytes.len() {
        n if n == len => Ok(bytes),
        n => Err(format!("the file ends within its {part}: it has {n} of {len} bytes")),
    }
}
