//! Caffe's messages: the nets, solvers and weights that files hold.
//!
//! Caffe describes everything that it stores by *protocol buffers*. A schema, `proto/caffe.proto`, says what messages
//! there are and what fields they have; prost makes a Rust struct of each, in [`caffe`]. A message then has two forms:
//!
//! * binary, compact, for weights (`.caffemodel`, `.solverstate`, `.binaryproto`): [`binary`];
//! * text, for people (`.prototxt`): [`text`], with a source map, so that whatever is found wrong later can be shown
//!   in its line.
//!
//! Files from before Caffe 1.0 are brought up to date by [`upgrade`].
//!
//! A field that may be left out is an `Option`; the method of its name gives its value or its default:
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
mod hint;
mod lexer;
mod parser;
mod print;
pub mod schema;
pub mod source;
pub mod state;
pub mod text;
pub mod upgrade;
mod value;
mod wire;

pub use caffe::*;
pub use source::Source;
pub use text::Parsed;
