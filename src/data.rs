//! Reading data: files on one side, batches of numbers on the other.
//!
//! | module      | what it knows                                                                     |
//! |-------------|-----------------------------------------------------------------------------------|
//! | `idx`       | MNIST's image and label files                                                     |
//! | `mnist`     | the digits as arrays, and as Caffe's two databases                                |
//! | `npy`       | NumPy's arrays                                                                    |
//! | `lmdb`      | Caffe's databases: keys and bytes in a B+ tree                                    |
//! | `datum`     | the message that a database holds: one image and its label                        |
//! | `transform` | mean, scale, crop and mirror                                                      |
//! | `prefetch`  | a thread that works ahead                                                         |
//!
//! The Data layer puts the last four together: `lmdb -> datum -> transform -> prefetch -> tops`.

pub mod datum;
pub mod idx;
pub mod lmdb;
pub mod mnist;
pub mod npy;
pub mod prefetch;
pub mod transform;
