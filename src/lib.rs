//! # Cortado: Caffe made small enough to read
//!
//! The modules in reading order:

pub mod error;

pub mod log;

pub mod device;

pub mod random;

pub mod memory;

pub mod blob;

pub mod proto;

pub mod files;

pub mod filler;

pub mod layer;

pub mod data;

pub mod layers;

pub mod net;

pub mod solver;

pub mod show;

pub mod check;

pub use blob::{Blob, Values};
pub use device::Device;
pub use error::{Error, Kind, Place, Result};
pub use layer::{Layer, Phase};
pub use layers::Layers;
pub use log::Log;
pub use net::Net;
pub use solver::Solver;
