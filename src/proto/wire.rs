//! Protobuf's binary format, as far as parsing and printing text need it.
//!
//! A message is a sequence of fields, each a key and a value. The key is `number << 3 | wire type`. The wire types are
//! 0 for a varint (seven bits a byte, low bits first, the top bit set on all but the last byte), 1 for eight bytes, 2
//! for a length and that many bytes, 5 for four bytes.

use crate::error::{Error, Kind, Result};

/// A stored value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Eight(u64),
    Bytes(&'a [u8]),
    Four(u32),
}

pub(super) fn put_varint(wire: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        wire.push(value as u8 | 0x80);
        value >>= 7;
    }
    wire.push(value as u8);
}

pub(crate) fn put(wire: &mut Vec<u8>, number: u32, value: Value<'_>) {
    let wire_type = match value {
        Value::Varint(_) => 0,
        Value::Eight(_) => 1,
        Value::Bytes(_) => 2,
        Value::Four(_) => 5,
    };
    put_varint(wire, u64::from(number) << 3 | wire_type);
    match value {
        Value::Varint(v) => put_varint(wire, v),
        Value::Eight(v) => wire.extend(v.to_le_bytes()),
        Value::Four(v) => wire.extend(v.to_le_bytes()),
        Value::Bytes(bytes) => {
            put_varint(wire, bytes.len() as u64);
            wire.extend(bytes);
        }
    }
}

/// Takes the number and the value of the next field off the front; `None` at the end.
pub(crate) fn take<'a>(wire: &mut &'a [u8]) -> Result<Option<(u32, Value<'a>)>> {
    if wire.is_empty() {
        return Ok(None);
    }
    let key = take_varint(wire)?;
    let number = u32::try_from(key >> 3).map_err(|_| broken("a field number is too large"))?;
    let value = match key & 7 {
        0 => Value::Varint(take_varint(wire)?),
        1 => Value::Eight(u64::from_le_bytes(take_array(wire)?)),
        2 => {
            let len = usize::try_from(take_varint(wire)?).unwrap_or(usize::MAX);
            let (bytes, rest) = wire.split_at_checked(len).ok_or_else(truncated)?;
            *wire = rest;
            Value::Bytes(bytes)
        }
        5 => Value::Four(u32::from_le_bytes(take_array(wire)?)),
        _ => return Err(broken("a field has a wire type that does not exist")),
    };
    Ok(Some((number, value)))
}

pub(super) fn take_varint(wire: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for i in 0..10 {
        let byte = *wire.get(i).ok_or_else(truncated)?;
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *wire = &wire[i + 1..];
            return Ok(value);
        }
    }
    Err(broken("a number has no end"))
}

pub(super) fn take_array<const N: usize>(wire: &mut &[u8]) -> Result<[u8; N]> {
    let bytes = *wire.first_chunk::<N>().ok_or_else(truncated)?;
    *wire = &wire[N..];
    Ok(bytes)
}

fn truncated() -> Error {
    broken("the data end in the middle of a field")
}

fn broken(why: &str) -> Error {
    Error::new(Kind::Weights, format!("not a protobuf message: {why}"))
}
