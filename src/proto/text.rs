//! Reads and prints prototxt, the text format.
//!
//! A prototxt lists a message's fields by name: `name: value` for a number, string, bool or enum value, `name { ... }`
//! for a message. A `repeated` field is written once for each of its values.
//!
//! ```
//! use cortado::proto::{NetParameter, text};
//! let net = text::parse::<NetParameter>("layer { name: 'ip' type: 'InnerProduct' }  # a comment", "net.prototxt")?;
//! assert_eq!(net.message.layer[0].name(), "ip");
//! assert_eq!(text::print(&net.message), "layer {\n  name: \"ip\"\n  type: \"InnerProduct\"\n}\n");
//!
//! let wrong = text::parse::<NetParameter>("layer { nmae: 'ip' }", "net.prototxt").unwrap_err();
//! assert!(wrong.to_string().starts_with("net.prototxt:1:9: LayerParameter has no field `nmae`"));
//! # Ok::<(), cortado::Error>(())
//! ```
//!
//! The parser translates text to the binary format, guided by the [`schema`](super::schema), and prost decodes that.
//! Printing goes the same way back.

use std::io::Read;
use std::path::Path;

use super::parser::Parser;
use super::schema::Message;
use super::source::SourceMap;
use crate::error::{Error, Kind, Result};

/// A message with a schema: each message of [`caffe`](super::caffe).
pub trait Named: prost::Message + Default {
    /// The message's name and fields.
    const SCHEMA: &'static Message;
}

/// A message parsed from text, with the places of its fields.
#[derive(Clone, Debug)]
pub struct Parsed<M> {
    /// The message.
    pub message: M,
    /// The text and the place of each field in it, for errors found later.
    pub source: SourceMap,
}

/// The largest text that is read, in bytes; a net's is a thousand times smaller.
pub const MAX_BYTES: u64 = 64 << 20;

/// Parses a message from text; errors call it `file`.
pub fn parse<M: Named>(text: &str, file: &str) -> Result<Parsed<M>> {
    if text.len() as u64 > MAX_BYTES {
        return Err(too_large(file));
    }
    let (wire, fields) = Parser::parse(M::SCHEMA, text, file)?;
    let message = M::decode(&*wire).map_err(|e| Error::new(Kind::Syntax, format!("{file}: {e}")))?;
    Ok(Parsed { message, source: SourceMap::new(file, text, fields) })
}

/// Reads a message from a prototxt file.
pub fn read<M: Named>(path: impl AsRef<Path>) -> Result<Parsed<M>> {
    let path = path.as_ref();
    let file = path.display().to_string();
    let fail = |e| Error::file(path, "read", e);
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(fail)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(&file));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let line = e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        Error::new(Kind::Syntax, format!("{file} is not text: line {line} is not UTF-8"))
            .hint("a prototxt is wanted here; is this a binary file, such as a caffemodel?")
    })?;
    parse(&text, &file)
}

/// The message as a prototxt, as Caffe prints it: fields in the order of their numbers, one per line.
pub fn print<M: Named>(message: &M) -> String {
    let mut out = String::new();
    // A message that prost has just encoded is well-formed.
    let _ = super::print::print(M::SCHEMA, &message.encode_to_vec(), 0, &mut out);
    out
}

fn too_large(file: &str) -> Error {
    Error::new(Kind::Syntax, format!("{file} is larger than {} MB: too large for a prototxt", MAX_BYTES >> 20))
}
