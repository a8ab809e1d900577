//! Reading data: files on one side, batches of numbers on the other.
//!
//! | module        | what it knows                                                                     |
//! |---------------|-----------------------------------------------------------------------------------|
//! | `idx`         | MNIST's image and label files                                                     |
//! | `mnist`       | the digits as arrays, and as Caffe's two databases                                |
//! | `npy`         | NumPy's arrays                                                                    |
//! | `binaryproto` | files of one blob: a mean image, a matrix                                         |
//! | `lmdb`        | Caffe's databases: keys and bytes in a B+ tree                                    |
//! | `datum`       | the message that a database holds: one image and its label                        |
//! | `transform`   | mean, scale, crop and mirror                                                      |
//! | `samples`     | the three together: a database's images, in order or shuffled, as batches         |
//! | `prefetch`    | a thread that works ahead                                                         |
//!
//! The Data layer puts the last two together: `lmdb -> datum -> transform -> samples -> prefetch -> tops`.

pub mod binaryproto;
pub mod datum;
pub mod idx;
pub mod lmdb;
pub mod mnist;
pub mod npy;
pub mod prefetch;
pub mod samples;
pub mod transform;

use std::io::Read;

/// Reads `len` bytes, or as many as there are: memory grows with what is there, not with what a header claims.
fn read_up_to(file: &mut impl Read, len: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    file.take(len as u64).read_to_end(&mut bytes).map_err(|e| format!("cannot read: {e}"))?;
    Ok(bytes)
}
