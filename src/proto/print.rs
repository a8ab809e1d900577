//! Prints a message as text, as Caffe does.

use std::fmt::Write as _;

use super::schema::{Message, Type};
use super::stray;
use super::wire::{self, Value};
use crate::error::Result;
use crate::log::general;

/// Prints the fields in the order of their numbers, one per line, indented by two spaces for each message around them.
pub(super) fn print(message: &Message, mut data: &[u8], depth: usize, out: &mut String) -> Result {
    let mut fields = Vec::new();
    while let Some((number, value)) = wire::take(&mut data)? {
        fields.push((number, value));
    }
    fields.sort_by_key(|f| f.0);
    let indent = "  ".repeat(depth);
    for (number, value) in fields {
        let Some(field) = message.number(number) else { continue };
        match (field.ty, value) {
            (Type::Message(inner), Value::Bytes(body)) => {
                let _ = writeln!(out, "{indent}{} {{", field.name);
                print(inner, body, depth + 1, out)?;
                let _ = writeln!(out, "{indent}}}");
            }
            (ty, value) => {
                for value in unpack(ty, value) {
                    let _ = writeln!(out, "{indent}{}: {}", field.name, scalar(ty, value));
                }
            }
        }
    }
    Ok(())
}

/// The values of a field that is no message: several if it is repeated and packed.
pub(super) fn unpack<'a>(ty: Type, value: Value<'a>) -> Vec<Value<'a>> {
    let (Value::Bytes(mut packed), false) = (value, matches!(ty, Type::String | Type::Bytes)) else {
        return vec![value];
    };
    let mut take = || match ty {
        Type::Float => wire::take_array(&mut packed).map(|four| Value::Four(u32::from_le_bytes(four))),
        Type::Double => wire::take_array(&mut packed).map(|eight| Value::Eight(u64::from_le_bytes(eight))),
        _ => wire::take_varint(&mut packed).map(Value::Varint),
    };
    std::iter::from_fn(|| take().ok()).collect()
}

pub(super) fn scalar(ty: Type, value: Value<'_>) -> String {
    match (ty, value) {
        (Type::Bool, Value::Varint(v)) => (v != 0).to_string(),
        (Type::Int32, Value::Varint(v)) => (v as i32).to_string(),
        (Type::Int64, Value::Varint(v)) => (v as i64).to_string(),
        (Type::Enum(e), Value::Varint(v)) => e.name_of(v as i32).map_or((v as i32).to_string(), str::to_owned),
        (_, Value::Varint(v)) => v.to_string(),
        (_, Value::Four(bits)) => float(f32::from_bits(bits)),
        (_, Value::Eight(bits)) => double(f64::from_bits(bits)),
        (_, Value::Bytes(bytes)) => quote(bytes),
    }
}

/// Six digits if they parse to the same float, else nine, which always do.
pub(super) fn float(v: f32) -> String {
    let short = general(v.into(), 6);
    if short.parse() == Ok(v) || v.is_nan() { short } else { general(v.into(), 9) }
}

fn double(v: f64) -> String {
    let short = general(v, 15);
    if short.parse() == Ok(v) || v.is_nan() { short } else { general(v, 17) }
}

/// The bytes in quotes; quotes, backslashes and bytes that are not printable ASCII are escaped.
fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &b in &*std::str::from_utf8(bytes).map_or(bytes.into(), stray::encode) {
        match b {
            b'\n' => out += "\\n",
            b'\r' => out += "\\r",
            b'\t' => out += "\\t",
            b'"' | b'\'' | b'\\' => out.extend(['\\', b as char]),
            b' '..=b'~' => out.push(b as char),
            _ => {
                let _ = write!(out, "\\{b:03o}");
            }
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_c_prints_them() {
        let cases = [
            (0.1, "0.1"),
            (1.0, "1"),
            (0.0, "0"),
            (-0.0, "-0"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (0.00390625, "0.00390625"),
            (1e6, "1e+06"),
            (999999.0, "999999"),
            (1234567.0, "1234567"),
            (16777216.0, "16777216"),
            (0.1 + f32::EPSILON, "0.100000121"),
            (f32::MAX, "3.40282347e+38"),
            (f32::from_bits(1), "1.4013e-45"),
            (f32::INFINITY, "inf"),
            (f32::NEG_INFINITY, "-inf"),
            (f32::NAN, "nan"),
        ];
        for (v, text) in cases {
            assert_eq!(float(v), text);
        }
        assert_eq!(double(0.1), "0.1");
        assert_eq!(double(1.0 / 3.0), "0.33333333333333331");
    }
}
