//! # Cortado: Caffe made small enough to read
//!
//! Blobs flow through layers, layers make a net, a solver trains it. The modules in reading order, and what each adds:
//!
//! | module      | what it is                                                                    |
//! |-------------|-------------------------------------------------------------------------------|
//! | [`blob`]    | an array twice: data, and diff, the gradient                                  |
//! | [`layer`]   | the contract of a layer: setup, reshape, forward, backward                    |
//! | [`layers`]  | Caffe's layers, one file each, and the table that finds them                  |
//! | [`net`]     | layers in order, the blobs between them, the store of parameters              |
//! | [`explain`] | where a blob comes from and goes to; why its gradient is zero; what a layer costs |
//! | [`net_spec`]| nets written in Rust, and how two nets differ                                  |
//! | [`solver`]  | the training loop: rates, update rules, testing, snapshots                    |
//! | [`training`]| what goes around a solver: validation, averages, searches, other methods       |
//! | [`filler`]  | the initial values of parameters                                              |
//! | [`data`]    | MNIST, LMDB, transforms: from files to batches                                |
//! | [`proto`]   | Caffe's messages, as text and as bytes                                        |
//! | [`check`]   | is a layer right? formula, slope, shapes, weights, threads                    |
//! | [`show`]    | how nets, blobs and losses look                                               |
//! | [`device`]  | where arithmetic happens: the CPU, or a GPU (a card or its emulator)          |
//! | [`memory`]  | one buffer in two places, host and card                                       |
//! | [`random`]  | random numbers as a function of seed, name, pass and index                    |
//! | [`files`]   | where files are, and how they are written whole                               |
//! | [`log`]     | the library's messages, and where they go                                     |
//! | [`error`]   | what went wrong, where, and what to do about it                               |
//!
//! ```no_run
//! use cortado::Solver;
//! let mut solver = Solver::from_file("proto/lenet_solver.prototxt")?;
//! solver.step(500)?;
//! println!("{}", solver.test(0)?); // accuracy = 0.97.., loss = ..
//! # Ok::<(), cortado::Error>(())
//! ```

#![warn(missing_docs)]

pub mod blob;

pub mod layer;

pub mod layers;

pub mod net;

pub mod classifier;

pub mod explain;

pub mod net_spec;

pub mod solver;

pub mod training;

pub mod filler;

pub mod data;

pub mod io;
pub mod weights;

pub mod proto;

pub mod check;

pub mod show;

pub mod device;

pub mod memory;

pub mod random;

pub mod files;

pub mod log;

pub mod error;

/// The arrays that go into blobs and come out of them, and random ones.
pub use {ndarray, ndarray_rand};

pub use blob::{Blob, Values};
pub use device::Device;
pub use error::{Error, Kind, Place, Result};
pub use layer::{Layer, Phase};
pub use layers::Layers;
pub use log::Log;
pub use net::Net;
pub use solver::Solver;

/// The programs in README.md compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
