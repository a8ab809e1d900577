//! What pycaffe's `caffe.io` does: arrays as Caffe's messages, images as arrays, and arrays as a net wants them.
//!
//! | module        | contents                                                                       |
//! |---------------|--------------------------------------------------------------------------------|
//! | `message`     | BlobProto, BlobProtoVector and Datum, to arrays and back                       |
//! | `image`       | an image of a file, another size, ten crops                                    |
//! | `transformer` | from an image to a net's input, and back                                       |
//!
//! An image is an array of shape H x W x K: K = 3 for red, green and blue, from 0 to 1, or K = 1 for grey.
//!
//! ```
//! use cortado::io::Transformer;
//! use ndarray::{Array3, arr1};
//! let image = Array3::from_elem([4, 4, 3], 0.5); // a grey square
//! let mut transformer = Transformer::new(&[1, 3, 4, 4])?;
//! transformer.set_transpose([2, 0, 1])?;
//! transformer.set_raw_scale(255.0);
//! transformer.set_channel_swap(&[2, 1, 0])?;
//! transformer.set_mean(&arr1(&[104.0, 117.0, 123.0]))?;
//! let x = transformer.preprocess(&image)?;
//! assert_eq!((x.shape(), x[[0, 0, 0]]), (&[3, 4, 4][..], 23.5));
//! # Ok::<(), cortado::Error>(())
//! ```

mod image;
mod message;
mod transformer;

pub use image::{center_crop, load_image, oversample, resize_image};
pub use message::{
    array_to_blobproto, array_to_datum, arraylist_to_blobprotovector, blobproto_to_array, blobproto_to_diff,
    blobprotovector_to_arraylist, bytes_to_datum, datum_to_array,
};
pub use transformer::Transformer;
