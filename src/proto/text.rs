//! Prototxt, in and out.
//!
//! A prototxt is a message written down: each field by its name, `name: value` for a number, string, truth or enum
//! value, `name { ... }` for a message; a field that is `repeated` is written once for each of its values.
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
//! The way in is text, then the binary format (by [`schema`](super::schema)), then prost's decoding; the way out is the
//! same one back.

use std::io::Read;
use std::path::Path;

use super::parser::Parser;
use super::schema::Message;
use super::source::Source;
use crate::error::{Error, Kind, Result};

/// A message that the text format knows: all those of [`caffe`](super::caffe).
pub trait Named: prost::Message + Default {
    /// The message's entry in the schema: which fields it has.
    const SCHEMA: &'static Message;
}

/// A message read from text, with the places of its fields.
#[derive(Clone, Debug)]
pub struct Parsed<M> {
    /// What the text says.
    pub message: M,
    /// The text itself and where in it each field stands, for errors that are found later.
    pub source: Source,
}

/// The largest text that is read, in bytes. Nets are a thousand times smaller.
pub const MAX_BYTES: u64 = 64 << 20;

/// Reads a message from text; `file` is the name for the errors.
pub fn parse<M: Named>(text: &str, file: &str) -> Result<Parsed<M>> {
    if text.len() as u64 > MAX_BYTES {
        return Err(too_large(file));
    }
    let (wire, fields) = Parser::parse(M::SCHEMA, text, file)?;
    let message = M::decode(&*wire).map_err(|e| Error::new(Kind::Syntax, format!("{file}: {e}")))?;
    Ok(Parsed { message, source: Source::new(file, text, fields) })
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

/// The message as a prototxt, as Caffe prints it: fields by number, one a line, two spaces for each level.
pub fn print<M: Named>(message: &M) -> String {
    let mut out = String::new();
    // What prost has just encoded is well-formed.
    let _ = super::print::print(M::SCHEMA, &message.encode_to_vec(), 0, &mut out);
    out
}

fn too_large(file: &str) -> Error {
    Error::new(Kind::Syntax, format!("{file} is larger than {} MB: too large for a prototxt", MAX_BYTES >> 20))
}
