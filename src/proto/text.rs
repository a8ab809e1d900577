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
use super::stray;
use crate::error::{Error, Kind, Result};
use crate::files::kind::FileKind;

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
    parse(&load(path.as_ref())?, &path.as_ref().display().to_string())
}

/// The text of a prototxt file, once: a pipe cannot be read again. Caffe takes any byte in comments and strings; a byte that is
/// not UTF-8 becomes a character of Unicode's private use area (U+F780 to U+F7FF), and the byte again in the path of a file.
///
/// # Errors
/// The file is missing, too large, or binary.
pub fn load(path: &Path) -> Result<String> {
    let file = path.display();
    let fail = |e| Error::file(path, "read", e);
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(fail)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(&file.to_string()));
    }
    if let Some(other) = FileKind::of(&bytes).name().filter(|_| !bytes.is_empty()) {
        return Err(Error::new(Kind::Syntax, format!("{file} is {other}, not a prototxt"))
            .hint(FileKind::of(&bytes).what_to_do()));
    }
    // Text has no control characters but these, and that of old DOS editors for its end.
    let is_control = |b: &u8| b.is_ascii_control() && !b"\t\n\x0b\x0c\r\x1a".contains(b);
    if let Some(at) = bytes.iter().position(is_control).filter(|_| std::str::from_utf8(&bytes).is_err()) {
        let e = Error::new(Kind::Syntax, format!("{file} is not a text: its byte {at} is {:02X}", bytes[at]));
        return Err(e.hint(match bytes[..2] {
            [0xff, 0xfe] | [0xfe, 0xff] => "it begins as UTF-16 does: save it as UTF-8",
            _ => "a prototxt is wanted here; is this a binary file, such as a caffemodel?",
        }));
    }
    Ok(stray::decode(&bytes))
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
