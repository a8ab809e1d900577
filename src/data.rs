//! Reads data files and makes batches of them.
//!
//! | module        | contents                                                                          |
//! |---------------|-----------------------------------------------------------------------------------|
//! | `idx`         | MNIST's image and label files                                                     |
//! | `mnist`       | the digits as arrays, and as Caffe's two databases                                |
//! | `cifar10`     | CIFAR-10's files, and Caffe's two databases of them                               |
//! | `csv`         | tables of numbers as text                                                         |
//! | `imageset`    | image files in a list or in folders, as arrays or as a database                   |
//! | `mean`        | the mean image of a database                                                      |
//! | `npy`         | NumPy's arrays                                                                    |
//! | `binaryproto` | files of one blob: a mean image, a matrix                                         |
//! | `lmdb`        | Caffe's databases: keys and values in a B+ tree                                   |
//! | `leveldb`     | Caffe's older databases: keys and values in sorted tables and a log               |
//! | `database`    | a folder of either kind, opened as what it is                                     |
//! | `image`       | PNG and JPEG files to pixels, and their size changed                              |
//! | `list`        | text files that name other files                                                  |
//! | `windows`     | Caffe's files of windows in images                                                |
//! | `encode`      | pixels to PNG and JPEG files                                                      |
//! | `datum`       | the message that a database holds: one image and its label                        |
//! | `transform`   | mean, scale, crop and mirror                                                      |
//! | `dataset`     | the trait of a data source: samples by number                                     |
//! | `feed`        | order, shuffle, batches and position: from a data set to a layer's tops           |
//! | `prefetch`    | a thread that reads ahead                                                         |
//!
//! A data layer is a [`Dataset`] and a [`Feed`](feed::Feed): `database -> datum -> transform -> batch -> prefetch -> tops`.
//!
//! Data in a program's own hands become batches through the layer `MemoryData`: an array, a table, a folder of images.
//!
//! ```
//! use cortado::data::csv::{Options, Table};
//! use cortado::data::{image::Channels, imageset::ImageSet};
//! use cortado::layers::MemoryData;
//! use cortado::{Net, Phase, Result};
//! use ndarray::{Array1, Array4};
//!
//! /// A net that gets batches of 3 of these samples.
//! fn batches(x: &Array4<f32>, labels: &Array1<f32>) -> Result<Net> {
//!     let &[_, c, h, w] = x.shape() else { unreachable!() };
//!     let sizes = format!("batch_size: 3 channels: {c} height: {h} width: {w}");
//!     let layer = format!(r#"layer {{ name: "d" type: "MemoryData" top: "x" top: "t" memory_data_param {{ {sizes} }} }}"#);
//!     let mut net = Net::from_prototxt(&layer, Phase::Train)?;
//!     net.layer_mut::<MemoryData>("d")?.set_input_arrays(x, labels)?;
//!     net.forward()?;
//!     Ok(net)
//! }
//!
//! // An array.
//! let net = batches(&Array4::ones([6, 1, 2, 3]), &Array1::zeros(6))?;
//! assert_eq!(net.shape("x")?, [3, 1, 2, 3]);
//!
//! // A table: 1797 lines of 8 x 8 values and a class.
//! let table = Table::read("data/digits8x8/digits.csv.gz", Options { label: Some("-1"), header: None })?;
//! let (x, labels) = table.arrays([1, 8, 8])?;
//! let net = batches(&x, &labels)?;
//! assert_eq!(net.data("t")?.slice(), [0.0, 1.0, 2.0]);
//!
//! // A folder whose subfolders are the classes: here photographs and digits.
//! let mut set = ImageSet::of_folder("data")?;
//! set.images.retain(|(file, _)| file.extension().is_some_and(|e| e == "png" || e == "jpg"));
//! set.images.truncate(3);
//! let (x, labels) = set.arrays(Channels::Colour, [32, 32])?;
//! let net = batches(&x, &labels)?;
//! assert_eq!((net.shape("x")?, &set.labels[1][..]), (&[3, 3, 32, 32][..], "digits8x8"));
//! # Ok::<(), cortado::Error>(())
//! ```

pub mod binaryproto;
pub mod cifar10;
pub mod csv;
pub mod database;
pub mod dataset;
pub mod datum;
pub mod encode;
pub mod feed;
pub mod idx;
pub mod image;
pub mod imageset;
pub mod leveldb;
pub(crate) mod list;
pub mod lmdb;
pub mod mean;
pub mod mnist;
pub mod npy;
pub mod prefetch;
pub mod transform;
pub(crate) mod windows;

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
