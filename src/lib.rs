//! # Cortado: Caffe made small enough to read

pub mod error;
pub use error::{Error, Kind, Place, Result};

pub mod proto;
