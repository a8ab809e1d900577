//! Binary messages: caffemodel, solverstate and binaryproto files.

use super::schema::{Message, Type};
use super::text::Named;
use super::wire::{self, Value};
use crate::error::{Error, Kind, Result};

/// How many layers a net in a file may have, and how many messages may stand within a message in all. Real nets have
/// hundreds and thousands; two bytes of a hostile file make a layer of kilobytes, or another message of a tenth of that.
const MAX_LAYERS: usize = 10_000;
const MAX_MESSAGES: usize = 200_000;

/// Decodes a message. Data that are cut short or no message at all give an `Err`.
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
        let what = format!("not a {name}: {messages} messages stand within, {layers} of them layers");
        return Err(Error::new(Kind::Weights, what)
            .hint(format!("{MAX_LAYERS} layers are possible, and {MAX_MESSAGES} messages")));
    }
    M::decode(bytes).map_err(|e| Error::new(Kind::Weights, format!("not a {name}: {e}")))
}

/// What stands within a message, at any depth.
#[derive(Default)]
struct Counts {
    messages: usize,
    layers: usize,
}

impl Counts {
    /// Walks over the wire alone: nothing is built, and the values of blobs are skipped. No message of Caffe's can hold
    /// one of its own kind, so the walk is not deep.
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
