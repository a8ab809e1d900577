//! Parses numbers, strings, bools and enum values by their field's type, and encodes them.

use super::hint;
use super::lexer::{Token, unescape};
use super::parser::Parser;
use super::schema::{Enum, Field, Type};
use super::source::Span;
use super::stray;
use super::wire::{self, Value};
use crate::error::{Error, Kind, Result};

/// Parses one value that is not a message and appends it to `wire`; returns the end of its last token.
pub(super) fn scalar(p: &mut Parser<'_>, field: &'static Field, wire: &mut Vec<u8>) -> Result<u32> {
    let mut end = p.span.at + p.span.len;
    let value = match field.ty {
        Type::String | Type::Bytes => {
            let bytes = string(p, field, &mut end)?;
            wire::put(wire, field.number, Value::Bytes(&bytes));
            return Ok(end);
        }
        Type::Bool => Value::Varint(boolean(p, field)?.into()),
        Type::Enum(e) => Value::Varint(enum_value(p, field, e)? as u64),
        // Negative numbers are stored as if they had 64 bits.
        Type::Int32 => Value::Varint(integer(p, field, i32::MIN.into(), i32::MAX.into())? as u64),
        Type::Int64 => Value::Varint(integer(p, field, i64::MIN.into(), i64::MAX.into())? as u64),
        Type::Uint32 => Value::Varint(integer(p, field, 0, u32::MAX.into())? as u64),
        Type::Uint64 => Value::Varint(integer(p, field, 0, u64::MAX.into())? as u64),
        Type::Double => Value::Eight(real(p, field)?.to_bits()),
        Type::Float => {
            let start = p.span;
            let v = real(p, field)?;
            if v.is_finite() && (v as f32).is_infinite() {
                let why = format!("`{}` is a float: {v} is too large for it (at most 3.4e38)", field.name);
                return Err(p.lexer.error(Kind::Syntax, start, why).hint("infinity is written `inf`"));
            }
            Value::Four((v as f32).to_bits())
        }
        Type::Message(_) => return Err(hint::wrong_type(p, field)),
    };
    end = end.max(p.span.at + p.span.len);
    p.advance()?;
    wire::put(wire, field.number, value);
    Ok(end)
}

/// A whole number with its sign: its text, its value, and its place, sign included.
fn signed(p: &mut Parser<'_>, field: &Field) -> Result<(String, i128, Span)> {
    let start = p.span.at;
    let minus = p.accept('-')?;
    let (digits, magnitude) = match p.token {
        Token::Number(digits) => (digits, magnitude(digits)),
        _ => ("", None),
    };
    let magnitude = magnitude.ok_or_else(|| hint::wrong_type(p, field))?;
    let span = Span { at: start, len: p.span.at + p.span.len - start };
    Ok(match minus {
        true => (format!("-{digits}"), -magnitude, span),
        false => (digits.to_owned(), magnitude, span),
    })
}

fn integer(p: &mut Parser<'_>, field: &Field, min: i128, max: i128) -> Result<i128> {
    let (text, value, span) = signed(p, field)?;
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    let why = match min == 0 && value < 0 {
        true => format!("`{}` cannot be negative", field.name),
        false => format!("{text} is out of range for `{}` ({min} to {max})", field.name),
    };
    Err(p.lexer.error(Kind::Syntax, span, why))
}

/// A whole number without a sign: decimal, `0x` hexadecimal or, after a zero, octal. 2^64 stands for all numbers above
/// the range of any field.
fn magnitude(text: &str) -> Option<i128> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    let all_digits = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    all_digits.then(|| u64::from_str_radix(digits, radix).map_or(1 << 64, i128::from))
}

fn real(p: &mut Parser<'_>, field: &Field) -> Result<f64> {
    let minus = p.accept('-')?;
    let value = match p.token {
        Token::Word(word) => match word.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => f64::INFINITY,
            "nan" => f64::NAN,
            _ => return Err(hint::wrong_type(p, field)),
        },
        Token::Number(text) => {
            let octal = text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
            let digits = text.strip_suffix(['f', 'F']).unwrap_or(text);
            // Rust parses the same numbers as C, except for words (`inf`), which are no number tokens.
            let value = digits.parse().ok().filter(|_| !octal);
            value.ok_or_else(|| hint::wrong_type(p, field))?
        }
        _ => return Err(hint::wrong_type(p, field)),
    };
    Ok(if minus { -value } else { value })
}

fn boolean(p: &mut Parser<'_>, field: &Field) -> Result<bool> {
    match p.token {
        Token::Word("true" | "True" | "t") => Ok(true),
        Token::Word("false" | "False" | "f") => Ok(false),
        Token::Number(text) => match magnitude(text) {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err(hint::wrong_type(p, field)),
        },
        _ => Err(hint::wrong_type(p, field)),
    }
}

fn enum_value(p: &mut Parser<'_>, field: &Field, e: &Enum) -> Result<i64> {
    if let Token::Word(word) = p.token {
        return e.value(word).map(i64::from).ok_or_else(|| hint::unknown_value(p, field, e, word));
    }
    let (text, value, span) = signed(p, field)?;
    match i32::try_from(value).ok().filter(|n| e.name_of(*n).is_some()) {
        Some(n) => Ok(n.into()),
        None => {
            p.span = span;
            Err(hint::unknown_value(p, field, e, &text))
        }
    }
}

/// One quoted string, or several in a row, which are joined.
fn string(p: &mut Parser<'_>, field: &Field, end: &mut u32) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if !matches!(p.token, Token::Quoted(_)) {
        return Err(hint::wrong_type(p, field));
    }
    while let Token::Quoted(quoted) = p.token {
        bytes.extend(unescape(quoted).map_err(|(at, why)| -> Error {
            let span = Span { at: p.span.at + at as u32, len: 2 };
            p.lexer.error(Kind::Syntax, span, why)
        })?);
        *end = p.span.at + p.span.len;
        p.advance()?;
    }
    // Escapes such as `\321` may make stray bytes.
    Ok(if matches!(field.ty, Type::String) { stray::decode(&bytes).into_bytes() } else { bytes })
}
