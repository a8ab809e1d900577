//! Caffe's messages: nets, solvers and weights, as files store them.
//!
//! Caffe describes everything that it stores by *protocol buffers*. The schema, `proto/caffe.proto`, lists the messages
//! and their fields; prost makes a Rust struct of each, in [`caffe`]. A message has two forms:
//!
//! * binary, compact, for weights (`.caffemodel`, `.solverstate`, `.binaryproto`): [`binary`];
//! * text, for people (`.prototxt`): [`text`], with a source map, so that later errors can show the line.
//!
//! Files from before Caffe 1.0 are brought up to date by [`upgrade`].
//!
//! An optional field is an `Option`; the method of its name returns its value or its default:
//!
//! ```
//! use cortado::proto::caffe::PoolingParameter;
//! let pool = PoolingParameter { kernel_size: Some(2), ..Default::default() };
//! assert_eq!((pool.stride, pool.stride()), (None, 1));
//! ```

pub mod binary;
#[allow(clippy::all, rustdoc::all, missing_docs)]
pub mod caffe;
pub mod compare;
pub(crate) mod forks;
mod hint;
mod lexer;
mod parser;
mod print;
pub mod schema;
pub mod source;
pub mod state;
pub(crate) mod stored;
pub(crate) mod stray;
pub mod text;
pub mod upgrade;
mod value;
pub(crate) mod wire;

pub use caffe::*;
pub use source::SourceMap;
pub use text::Parsed;
