//! Just enough prototxt for one layer.

use cortado::proto::LayerParameter;
use cortado::proto::schema::{self, Message, Type};
use prost::Message as _;
use prost::encoding::{encode_key, encode_varint};

/// The layer that `text` describes; panics where it is wrong.
pub fn layer(text: &str) -> LayerParameter {
    let spaced = ["{", "}", ":", "[", "]", ","].iter().fold(text.to_string(), |t, p| t.replace(p, &format!(" {p} ")));
    let words: Vec<&str> = spaced.split_whitespace().filter(|w| ![":", "[", "]", ","].contains(w)).collect();
    let bytes = fields(schema::message("LayerParameter").unwrap(), &mut words.as_slice());
    LayerParameter::decode(bytes.as_slice()).unwrap()
}

/// The wire bytes of the fields up to the closing brace.
fn fields(message: &Message, words: &mut &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut field = None;
    while let Some((&word, rest)) = words.split_first() {
        *words = rest;
        if word == "}" {
            break;
        }
        if let Some(named) = message.field(word) {
            field = Some(named);
            continue;
        }
        let field = field.unwrap_or_else(|| panic!("no field {word} in {}", message.name));
        let bytes = |out: &mut Vec<u8>, bytes: &[u8]| {
            encode_key(field.number, prost::encoding::WireType::LengthDelimited, out);
            encode_varint(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        };
        let varint = |out: &mut Vec<u8>, value: u64| {
            encode_key(field.number, prost::encoding::WireType::Varint, out);
            encode_varint(value, out);
        };
        match field.ty {
            Type::Message(inner) => bytes(&mut out, &fields(inner, words)),
            Type::String | Type::Bytes => bytes(&mut out, word.trim_matches('"').as_bytes()),
            Type::Bool => varint(&mut out, (word == "true") as u64),
            Type::Enum(e) => varint(&mut out, e.value(word).unwrap() as u64),
            Type::Float => {
                encode_key(field.number, prost::encoding::WireType::ThirtyTwoBit, &mut out);
                out.extend_from_slice(&word.parse::<f32>().unwrap().to_le_bytes());
            }
            Type::Double => {
                encode_key(field.number, prost::encoding::WireType::SixtyFourBit, &mut out);
                out.extend_from_slice(&word.parse::<f64>().unwrap().to_le_bytes());
            }
            Type::Int32 | Type::Int64 => varint(&mut out, word.parse::<i64>().unwrap() as u64),
            Type::Uint32 | Type::Uint64 => varint(&mut out, word.parse().unwrap()),
        }
    }
    out
}
