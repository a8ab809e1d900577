//! Binary messages: caffemodel, solverstate and binaryproto files.

use super::schema::{Message, Type};
use super::text::Named;
use super::wire::{self, Value};
use crate::error::{Error, Kind, Result};

/// The most layers of a net in a file, and the most messages within a message. Real nets have hundreds of layers; in a
/// hostile file two bytes make a layer, which takes kilobytes of memory.
const MAX_LAYERS: usize = 10_000;
const MAX_MESSAGES: usize = 200_000;

/// Decodes a message.
///
/// # Errors
/// The data are truncated, are no such message, or hold too many messages or layers.
///
/// ```
/// use cortado::proto::{NetParameter, binary};
/// let net = NetParameter { name: Some("LeNet".into()), ..Default::default() };
/// let bytes = binary::encode(&net);
/// assert_eq!(binary::decode::<NetParameter>(&bytes)?, net);
/// assert!(binary::decode::<NetParameter>(&bytes[..4]).is_err());
/// # Ok::<(), cortado::Error>(())
/// ```
pub fn decode<M: Named>(bytes: &[u8]) -> Result<M> {
    let name = M::SCHEMA.name;
    let mut counts = Counts::default();
    counts.add(M::SCHEMA, bytes)?;
    if counts.layers > MAX_LAYERS || counts.messages > MAX_MESSAGES {
        let Counts { layers, messages } = counts;
        let what = format!("not a {name}: it contains {messages} messages, {layers} of them layers");
        return Err(Error::new(Kind::Weights, what)
            .hint(format!("at most {MAX_LAYERS} layers and {MAX_MESSAGES} messages are possible")));
    }
    M::decode(bytes).map_err(|e| Error::new(Kind::Weights, format!("not a {name}: {e}")))
}

/// Says what a file is that cannot be read as `wanted` (`.caffemodel` or `.solverstate`), and which command reads it.
/// Looks at the outermost fields only.
pub(crate) fn what_it_is(bytes: &[u8], wanted: &str) -> String {
    let (mut rest, mut kind, mut weights) = (bytes, "", "a .caffemodel".to_string());
    let whole = loop {
        match wire::take(&mut rest) {
            Ok(Some((1, Value::Varint(_)))) => kind = ".solverstate", // its `iter`; field 1 of a net is a name
            Ok(Some((2, Value::Bytes(name)))) => weights = String::from_utf8_lossy(name).into_owned(),
            Ok(Some((100, Value::Bytes(_)))) => kind = ".caffemodel", // a layer
            Ok(Some(_)) => {}
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    let is_text = std::str::from_utf8(bytes).is_ok_and(|text| text.contains([':', '{']) && !text.contains('\0'));
    match kind {
        _ if is_text => "it is a text, as a prototxt is; weights and snapshots are binary files".into(),
        ".caffemodel" if kind != wanted && whole => "it is a .caffemodel, which holds weights alone: `cortado train \
            --weights`, or `copy_trained_layers_from`, starts from it"
            .into(),
        ".solverstate" if kind != wanted && whole => format!(
            "it is a .solverstate: `cortado train --snapshot`, or `Solver::restore`, continues from it; its weights are in \
             {weights}"
        ),
        _ => "the file is truncated, or of another kind".into(),
    }
}

/// The numbers of messages and of layers within a message, at any depth.
#[derive(Default)]
struct Counts {
    messages: usize,
    layers: usize,
}

impl Counts {
    /// Counts without decoding, and skips the values of blobs. None of Caffe's messages contains itself, so the
    /// recursion is not deep.
    fn add(&mut self, schema: &Message, mut wire: &[u8]) -> Result {
        while let Some((number, value)) = wire::take(&mut wire)? {
            if let (Value::Bytes(inner), Some(Type::Message(schema))) = (value, schema.number(number).map(|f| f.ty)) {
                self.messages += 1;
                self.layers += usize::from(schema.name.ends_with("LayerParameter"));
                self.add(schema, inner)?;
            }
        }
        Ok(())
    }
}

/// Encodes a message.
pub fn encode<M: Named>(message: &M) -> Vec<u8> {
    message.encode_to_vec()
}
