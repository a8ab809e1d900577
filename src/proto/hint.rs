//! What the parser says when a text is wrong: what stands there, what was expected, and what to do.

use super::lexer::Token;
use super::parser::{Open, Parser};
use super::schema::{self, Enum, Field, Label, Message, Type};
use super::source::{Span, place};
use crate::error::{Error, Kind, closest};

/// A message with at most this many fields has all of them listed.
const LISTED: usize = 20;

/// A word where a field should be, but the message has no such field.
pub(super) fn unknown_field(p: &Parser<'_>, message: &'static Message, name: &str) -> Error {
    let mut e = p.lexer.error(Kind::Unknown, p.span, format!("{} has no field `{name}`", message.name));
    let elsewhere = elsewhere(p, message, name);
    let near = nearest(name, message.fields.iter().map(|f| f.name));
    e = match (&elsewhere, near) {
        (Some(hint), _) => e.hint(hint),
        (None, Some(near)) => e.hint(format!("did you mean `{near}`?")),
        (None, None) => e,
    };
    if elsewhere.is_none() && (near.is_none() || message.fields.len() <= LISTED) {
        e = e.hint(fields_of(message));
    }
    e
}

/// The message that has this field, if it is plausible that it was meant: one around this place, one inside it, or the
/// other kind of file.
fn elsewhere(p: &Parser<'_>, message: &'static Message, name: &str) -> Option<String> {
    if let Some(moved) = moved(message, name) {
        return Some(moved);
    }
    if let Some(outer) = p.open.iter().rfind(|o| o.parent.field(name).is_some()) {
        let (parent, outer) = (outer.parent.name, opened(p, *outer));
        return Some(format!("`{name}` is a field of {parent}: is a `}}` missing for {outer}?"));
    }
    if let Some(closed) = p.closed.filter(|c| std::ptr::eq(c.parent, message)) {
        // `layer { name: "ip" } type: ...`: the group before this place was closed too early.
        let Type::Message(inner) = closed.field.ty else { return None };
        if inner.field(name).is_some() || !places_inside(inner, name).is_empty() {
            let group = opened(p, closed);
            return Some(format!(
                "`{name}` belongs inside `{} {{ }}`: was {group} closed too early?",
                closed.field.name
            ));
        }
    }
    if let (true, Some(other)) = (p.closed.is_none(), other_file(message, name)) {
        return Some(other);
    }
    let inside = places_inside(message, name);
    (!inside.is_empty()).then(|| format!("`{name}` belongs inside {}", or(&inside)))
}

/// A net where a solver is wanted, or the other way round.
fn other_file(message: &Message, name: &str) -> Option<String> {
    let (this, that, other) = match message.name {
        "NetParameter" => ("a net", "a solver", "SolverParameter"),
        "SolverParameter" => ("a solver", "a net", "NetParameter"),
        _ => return None,
    };
    schema::message(other)?.field(name)?;
    Some(format!("`{name}` is a field of {other}: {this} is wanted here; is this the file of {that}?"))
}

/// Fields of Caffe's old `layers { }` that look different in `layer { }`.
fn moved(message: &Message, name: &str) -> Option<String> {
    let new = match (message.name, name) {
        ("LayerParameter", "blobs_lr") => "param { lr_mult: ... }",
        ("LayerParameter", "weight_decay") => "param { decay_mult: ... }",
        ("LayerParameter", "blob_share_mode") => "param { share_mode: ... }",
        _ => return None,
    };
    Some(format!(
        "`{name}` is of the old `layers {{ }}`; in `layer {{ }}`, write `{new}`, once for each parameter blob"
    ))
}

/// The message fields of `message` inside which `name` could stand, as `outer { }`.
fn places_inside(message: &'static Message, name: &str) -> Vec<String> {
    let has = |f: &&Field| matches!(f.ty, Type::Message(m) if m.field(name).is_some());
    message.fields.iter().filter(|f| !is_old(f)).filter(has).map(|f| format!("`{} {{ }}`", f.name)).collect()
}

/// Is it one of the fields for layers of former times, which nobody should write any more?
fn is_old(field: &Field) -> bool {
    matches!(field.ty, Type::Message(m) if matches!(m.name, "V1LayerParameter" | "V0LayerParameter"))
}

/// The known name that was perhaps meant: by a slip of the pen, or cut short or drawn out (`AVERAGE`, `AVE`).
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Option<&'n str> {
    let lower = name.to_lowercase();
    let begins = |k: &&str| {
        let k = k.to_lowercase();
        lower.len().min(k.len()) >= 3 && (k.starts_with(&lower) || lower.starts_with(&k))
    };
    closest(name, known.clone()).or_else(|| known.filter(begins).max_by_key(|k| k.len().min(lower.len())))
}

/// "a, b or c"; of many, the first ones.
fn or(names: &[String]) -> String {
    match names {
        [one] => one.clone(),
        [first @ .., last] if names.len() <= 5 => format!("{} or {last}", first.join(", ")),
        _ => format!("{} or another of {}", names[..4].join(", "), names.len()),
    }
}

fn fields_of(message: &Message) -> String {
    let names: Vec<&str> = message.fields.iter().filter(|f| !is_old(f)).map(|f| f.name).collect();
    if names.len() <= LISTED {
        return format!("fields of {}: {}", message.name, names.join(", "));
    }
    let (shown, more) = (&names[..LISTED / 2], names.len() - LISTED / 2);
    format!("fields of {}: {} and {more} more, see proto/caffe.proto", message.name, shown.join(", "))
}

/// "`layer {` (line 12)".
fn opened(p: &Parser<'_>, open: Open) -> String {
    format!("`{} {{` (line {})", open.field.name, line(p, open.span))
}

fn line(p: &Parser<'_>, span: Span) -> usize {
    place(p.lexer.file, p.lexer.text, span).line
}

/// The text ends inside a group: points at where it was opened.
pub(super) fn unclosed(p: &Parser<'_>) -> Error {
    let Some(open) = p.open.last() else { return p.error("the text ends too early") };
    let e = p.lexer.error(Kind::Syntax, open.span, format!("`{} {{` is never closed", open.field.name));
    let last = p.lexer.text.trim_end().lines().count();
    let mut e = e.hint(format!("the text ends on line {last} and a `}}` is missing"));
    if let Some((open, close)) = p.suspect {
        let (open, close) = (opened(p, open), line(p, close));
        e = e
            .hint(format!("the `}}` on line {close} closes {open}, but stands further left: is a `}}` missing there?"));
    } else if p.open.len() > 1 {
        let around: Vec<String> = p.open[..p.open.len() - 1].iter().rev().map(|o| opened(p, *o)).collect();
        e = e.hint(format!("it is inside {}", around.join(", inside ")));
    }
    e
}

/// Something that is no word stands where a field should begin.
pub(super) fn no_field(p: &Parser<'_>, message: &Message, close: Option<char>) -> Error {
    let Some(close) = close else {
        return match p.token {
            Token::Symbol(c @ ('}' | '>')) => {
                let e = p.error(format!("this `{c}` closes nothing"));
                match p.closed {
                    Some(closed) => e.hint(format!("the group before it was {}", opened(p, closed))),
                    None => e,
                }
            }
            _ => not_a_name(p, message),
        };
    };
    match (p.token, p.open.last()) {
        (Token::Symbol(c @ ('}' | '>')), Some(open)) => {
            let opening = if close == '}' { '{' } else { '<' };
            let e = p.error(format!("`{c}` cannot close a group that `{opening}` opened: expected `{close}`"));
            e.hint(format!("`{} {opening}` was opened on line {}", open.field.name, line(p, open.span)))
        }
        _ => not_a_name(p, message),
    }
}

fn not_a_name(p: &Parser<'_>, message: &Message) -> Error {
    let e = p.error(format!("expected a field of {}, found {}", message.name, describe(p.token)));
    match p.token {
        Token::Symbol('/') => e.hint("a comment begins with `#`"),
        Token::Symbol('[') => e.hint("Caffe's messages have no extensions"),
        Token::Symbol('{' | '<') => e.hint("a group begins with its name, as in `layer {`"),
        Token::Symbol(']' | ')') => match p.open.last() {
            Some(open) => e.hint(format!("{} is closed by the same kind of bracket", opened(p, *open))),
            None => e,
        },
        Token::Number(_) => e.hint("a number stands after `name:`, and its fraction after a point"),
        _ => e.hint("a field is written `name: value` or `name { ... }`"),
    }
}

pub(super) fn set_twice(p: &Parser<'_>, message: &Message, field: &Field, first: Span) -> Error {
    let first = place(p.lexer.file, p.lexer.text, first);
    let name = field.name;
    let e = p.error(format!("`{name}` is set twice in one {}", message.name));
    let e = e.hint(format!("it was set first on line {}, column {}: {}", first.line, first.column, first.text.trim()));
    match (message.name, p.open.last()) {
        ("LayerParameter", Some(open)) if matches!(name, "name" | "type") => {
            e.hint(format!("is a `}}` missing for {}?", opened(p, *open)))
        }
        _ => e,
    }
}

pub(super) fn no_colon(p: &Parser<'_>, field: &Field) -> Error {
    let name = field.name;
    let e = p.error(format!("expected `:` after `{name}`, found {}", describe(p.token)));
    match p.token {
        Token::Symbol('{' | '<') => e.hint(format!("`{name}` is {}, not a group", what(field))),
        Token::Word(value) | Token::Number(value) | Token::Quoted(value) => {
            e.hint(format!("write `{name}: {}`", clip(value)))
        }
        _ => e.hint(format!("write `{name}: ...`, for `{name}` is {}", what(field))),
    }
}

pub(super) fn list(p: &Parser<'_>, field: &Field, open: Span) -> Error {
    let e = p.error(format!("expected `,` or `]` in the list of `{}`, found {}", field.name, describe(p.token)));
    e.hint(format!("the list was opened on line {}", line(p, open)))
}

pub(super) fn no_group(p: &Parser<'_>, field: &Field, message: &Message) -> Error {
    let name = field.name;
    if let Token::Symbol('[') = p.token {
        return no_list(p, field);
    }
    let e = p.error(format!("expected `{{` after `{name}`, found {}", describe(p.token)));
    e.hint(format!("`{name}` is a message: `{name} {{ ... }}`")).hint(fields_of(message))
}

/// A list where one value is wanted.
fn no_list(p: &Parser<'_>, field: &Field) -> Error {
    match (field.label, field.ty) {
        (Label::Repeated, _) => p.error("a list cannot stand in a list"),
        (_, Type::Message(m)) => {
            p.error(format!("`{}` is not repeated: it takes one {}, not a list", field.name, m.name))
        }
        _ => p.error(format!("`{}` is not repeated: it takes one value, not a list", field.name)),
    }
}

/// A value that is not what its field holds.
pub(super) fn wrong_type(p: &Parser<'_>, field: &Field) -> Error {
    let name = field.name;
    if let Token::Symbol('[') = p.token {
        return no_list(p, field);
    }
    let e = p.error(format!("`{name}` is {}, found {}", what(field), describe(p.token)));
    match (p.token, field.ty) {
        (Token::Word(word), Type::String | Type::Bytes) => e.hint(format!("strings are quoted: `{name}: \"{word}\"`")),
        (Token::Quoted(text), ty) if !matches!(ty, Type::String | Type::Bytes) => {
            e.hint(format!("without the quotes: `{name}: {}`", clip(text.trim_matches(['"', '\'']))))
        }
        (Token::Number(text), Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64) if text.contains('.') => {
            e.hint("without a decimal point")
        }
        (Token::Symbol('+'), _) => e.hint("a positive number has no sign"),
        (Token::Symbol('“' | '”' | '„' | '‘' | '’' | '«'), _) => e.hint("use the plain quotes \" or '"),
        (Token::Symbol('-'), Type::Uint32 | Type::Uint64) => e.hint("it cannot be negative"),
        _ => e,
    }
}

pub(super) fn unknown_value(p: &Parser<'_>, field: &Field, e: &Enum, word: &str) -> Error {
    let error = p.lexer.error(Kind::Unknown, p.span, format!("`{}` has no value `{word}`", field.name));
    let names = e.values.iter().map(|v| v.0);
    let error = match nearest(word, names.clone()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    };
    error.hint(format!("values of {}: {}", e.name, names.collect::<Vec<_>>().join(", ")))
}

/// What a field holds, in words.
fn what(field: &Field) -> String {
    let number = |bits: u32, sign: &str| format!("{sign} integer of {bits} bits");
    match field.ty {
        Type::Bool => "true or false".to_owned(),
        Type::Int32 => number(32, "an"),
        Type::Int64 => number(64, "an"),
        Type::Uint32 => number(32, "an unsigned"),
        Type::Uint64 => number(64, "an unsigned"),
        Type::Float | Type::Double => "a decimal number".to_owned(),
        Type::String | Type::Bytes => "a quoted string".to_owned(),
        Type::Enum(e) => {
            let names: Vec<String> = e.values.iter().map(|v| v.0.to_owned()).collect();
            format!("one of {}", or(&names))
        }
        Type::Message(m) => format!("a {}", m.name),
    }
}

fn describe(token: Token<'_>) -> String {
    match token {
        Token::Word(text) | Token::Number(text) => format!("`{}`", clip(text)),
        Token::Quoted(text) => format!("the string {}", clip(text)),
        Token::Symbol(c) if c.is_control() => format!("the character U+{:04X}", c as u32),
        Token::Symbol(c) => format!("`{c}`"),
        Token::End => "the end of the text".to_owned(),
    }
}

/// The beginning of a long text; a line is enough of it.
fn clip(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let short: String = text.chars().take(40).map(clean).collect();
    if text.chars().nth(40).is_some() { short + "..." } else { short }
}
