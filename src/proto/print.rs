//! A message as text, in the form that Caffe prints.

use std::fmt::Write as _;

use super::schema::{Message, Type};
use super::wire::{self, Value};
use crate::error::Result;

/// Prints the fields by number, each on its line, two spaces deeper for each message around it.
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
            (Type::String | Type::Bytes, Value::Bytes(bytes)) => {
                let _ = writeln!(out, "{indent}{}: \"{}\"", field.name, escape(bytes));
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

/// The values of a field that is no message: several if it is repeated and they are packed in one row.
pub(super) fn unpack<'a>(ty: Type, value: Value<'a>) -> Vec<Value<'a>> {
    let Value::Bytes(mut row) = value else { return vec![value] };
    if matches!(ty, Type::String | Type::Bytes) {
        return vec![value];
    }
    let mut take = || match ty {
        Type::Float => wire::take_array(&mut row).map(|four| Value::Four(u32::from_le_bytes(four))),
        Type::Double => wire::take_array(&mut row).map(|eight| Value::Eight(u64::from_le_bytes(eight))),
        _ => wire::take_varint(&mut row).map(Value::Varint),
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
        (_, Value::Bytes(bytes)) => escape(bytes),
    }
}

/// Six digits if they give the same float again, else nine, which always do.
pub(super) fn float(v: f32) -> String {
    let short = general(v.into(), 6);
    if short.parse() == Ok(v) || v.is_nan() { short } else { general(v.into(), 9) }
}

fn double(v: f64) -> String {
    let short = general(v, 15);
    if short.parse() == Ok(v) || v.is_nan() { short } else { general(v, 17) }
}

/// C's `%.{digits}g`: without an exponent from 0.0001 up to as many places as there are digits, no zeros at the end.
fn general(v: f64, digits: usize) -> String {
    if v.is_nan() {
        return "nan".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{v:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim =
        |s: &str| if s.contains('.') { s.trim_end_matches('0').trim_end_matches('.').to_owned() } else { s.to_owned() };
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
    } else {
        trim(&format!("{v:.*}", (digits as i32 - 1 - exponent) as usize))
    }
}

/// What cannot be seen, or would end the string, as an escape; bytes that are not ASCII in octal.
pub(super) fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &b in bytes {
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
    out
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
