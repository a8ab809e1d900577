//! Caffe's messages.

#[allow(clippy::all, rustdoc::all, missing_docs)]
pub mod caffe;
pub mod schema;

pub use caffe::*;
