//! Binary messages: caffemodel, solverstate and binaryproto files.

use super::text::Named;
use super::wire::{self, Value};
use crate::error::{Error, Kind, Result};

/// How many layers a net in a file may have. Real ones have hundreds; three bytes of a hostile file make a layer of
/// kilobytes.
const MAX_LAYERS: usize = 100_000;

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
    let mut rest = bytes;
    let mut layers = 0;
    while let Some((number, value)) = wire::take(&mut rest)? {
        let field = M::SCHEMA.number(number);
        if matches!(value, Value::Bytes(_)) && field.is_some_and(|f| f.name.starts_with("layer")) {
            layers += 1;
        }
    }
    if layers > MAX_LAYERS {
        return Err(Error::new(Kind::Weights, format!("more than {MAX_LAYERS} layers: not a {name}")));
    }
    M::decode(bytes).map_err(|e| Error::new(Kind::Weights, format!("not a {name}: {e}")))
}

/// Encodes a message.
pub fn encode<M: Named>(message: &M) -> Vec<u8> {
    message.encode_to_vec()
}
