//! The parser's errors: what it found, what it expected, and what to do.

use super::forks;
use super::lexer::Token;
use super::parser::{Open, Parser};
use super::schema::{self, Enum, Field, Label, Message, Type};
use super::source::{Span, place};
use super::stray;
use crate::error::{Error, Kind, closest};

/// The most fields of a message that a hint lists; of a larger message it lists half as many.
const LISTED: usize = 20;

/// The message has no field of this name.
pub(super) fn unknown_field(p: &Parser<'_>, message: &'static Message, name: &str) -> Error {
    let e = p.lexer.error(Kind::Unknown, p.span, format!("{} has no field `{name}`", message.name));
    if let Some(known) = forks::field(message.name, name).or_else(|| elsewhere(p, message, name)) {
        return e.hint(known);
    }
    if message.name == "LayerParameter"
        && name.ends_with("_param")
        && closest(name, message.fields.iter().map(|f| f.name)).is_none()
    {
        return e
            .hint("Caffe 1.0 does not have it: is this the file of a fork?")
            .hint("a layer of your own takes its settings as text: `python_param { param_str: \"..\" }`; see the book's \"Add a layer\"");
    }
    let Some(near) = nearest(name, message.fields.iter().map(|f| f.name)) else { return e.hint(fields_of(message)) };
    let e = e.hint(format!("did you mean `{near}`?"));
    if message.fields.len() <= LISTED { e.hint(fields_of(message)) } else { e }
}

/// Says which other message has this field, if that one was probably meant: a message around this place or inside it,
/// or the other kind of file.
fn elsewhere(p: &Parser<'_>, message: &'static Message, name: &str) -> Option<String> {
    if let Some(moved) = moved(message, name) {
        return Some(moved);
    }
    if let Some(outer) = p.open.iter().rfind(|o| o.parent.field(name).is_some()) {
        let (parent, outer) = (outer.parent.name, opened(p, *outer));
        return Some(format!("`{name}` is a field of {parent}: is a `}}` missing for {outer}?"));
    }
    if let Some(closed) = p.closed.filter(|c| std::ptr::eq(c.parent, message)) {
        // `layer { name: "ip" } type: ...`: the previous group was closed too early.
        let Type::Message(inner) = closed.field.ty else { return None };
        if inner.field(name).is_some() || !places_inside(inner, name).is_empty() {
            let (outer, group) = (closed.field.name, opened(p, closed));
            return Some(format!("`{name}` belongs inside `{outer} {{ }}`: was {group} closed too early?"));
        }
    }
    if let (true, Some(other)) = (p.closed.is_none(), other_file(message, name)) {
        return Some(other);
    }
    let inside = places_inside(message, name);
    (!inside.is_empty()).then(|| format!("`{name}` belongs inside {}", or(&inside)))
}

/// The text is a net and should be a solver, or the other way round.
fn other_file(message: &Message, name: &str) -> Option<String> {
    let (this, that, other) = match message.name {
        "NetParameter" => ("a net", "a solver", "SolverParameter"),
        "SolverParameter" => ("a solver", "a net", "NetParameter"),
        _ => return None,
    };
    schema::message(other)?.field(name)?;
    Some(format!("`{name}` is a field of {other}: {this} is wanted here; is this the file of {that}?"))
}

/// Fields of Caffe's old `layers { }` that have another name in `layer { }`.
fn moved(message: &Message, name: &str) -> Option<String> {
    let new = match (message.name, name) {
        ("LayerParameter", "blobs_lr") => "param { lr_mult: ... }",
        ("LayerParameter", "weight_decay") => "param { decay_mult: ... }",
        ("LayerParameter", "blob_share_mode") => "param { share_mode: ... }",
        ("V1LayerParameter", name) if schema::message("LayerParameter")?.field(name).is_some() => {
            return Some(new_layer(name));
        }
        _ => return None,
    };
    Some(format!(
        "`{name}` is of the old `layers {{ }}`; in `layer {{ }}`, write `{new}`, once for each parameter blob"
    ))
}

/// The message fields of `message` that have a field `name`, each as `outer { }`.
fn places_inside(message: &'static Message, name: &str) -> Vec<String> {
    let has = |f: &&Field| matches!(f.ty, Type::Message(m) if m.field(name).is_some());
    message.fields.iter().filter(|f| !is_old(f)).filter(has).map(|f| format!("`{} {{ }}`", f.name)).collect()
}

/// Whether the field holds a layer in one of Caffe's old formats.
fn is_old(field: &Field) -> bool {
    matches!(field.ty, Type::Message(m) if matches!(m.name, "V1LayerParameter" | "V0LayerParameter"))
}

/// The known name that was probably meant: one with a small difference, a shorter or a longer form (`AVERAGE`, `AVE`).
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Option<&'n str> {
    let lower = name.to_lowercase();
    let begins = |k: &&str| {
        let k = k.to_lowercase();
        lower.len().min(k.len()) >= 3 && (k.starts_with(&lower) || lower.starts_with(&k))
    };
    closest(name, known.clone()).or_else(|| known.filter(begins).max_by_key(|k| k.len().min(lower.len())))
}

/// "a, b or c"; of many names only the first four.
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
        e = e.hint(format!("the `}}` on line {close} closes {open}, but is indented less: is a `}}` missing there?"));
    } else if p.open.len() > 1 {
        let around: Vec<String> = p.open[..p.open.len() - 1].iter().rev().map(|o| opened(p, *o)).collect();
        e = e.hint(format!("it is inside {}", around.join(", inside ")));
    }
    e
}

/// A field should begin here, but the token is no word.
pub(super) fn no_field(p: &Parser<'_>, message: &Message, close: Option<char>) -> Error {
    let Token::Symbol(found @ ('}' | '>')) = p.token else { return not_a_name(p, message) };
    let (Some(close), Some(open)) = (close, p.open.last()) else {
        let e = p.error(format!("this `{found}` closes nothing"));
        return match p.closed {
            Some(closed) => e.hint(format!("the group before it was {}", opened(p, closed))),
            None => e,
        };
    };
    let opening = if close == '}' { '{' } else { '<' };
    let e = p.error(format!("`{found}` cannot close a group that `{opening}` opened: expected `{close}`"));
    e.hint(format!("`{} {opening}` was opened on line {}", open.field.name, line(p, open.span)))
}

fn not_a_name(p: &Parser<'_>, message: &Message) -> Error {
    let e = p.error(format!("expected a field of {}, found {}", message.name, describe(p.token)));
    match p.token {
        Token::Symbol('/') => e.hint("a comment begins with `#`"),
        Token::Symbol(c) if is_unseen(c) => e.hint(UNSEEN),
        Token::Symbol('[') => e.hint("Caffe's messages have no extensions"),
        Token::Symbol('{' | '<') => e.hint("a group begins with its name, as in `layer {`"),
        Token::Symbol(']' | ')') => match p.open.last() {
            Some(open) => e.hint(format!("{} is closed by the same kind of bracket", opened(p, *open))),
            None => e,
        },
        Token::Number(_) => e.hint("write a number after `name:`, and its fraction after a point"),
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

/// What to say of `param { .. }` and of a quoted type in an old `layers { }`, where only the new `layer { }` has them.
fn new_in_old(p: &Parser<'_>, field: &Field) -> Option<String> {
    let is_new = match p.token {
        Token::Symbol('{' | '<') => field.name == "param",
        Token::Quoted(_) => field.name == "type",
        _ => false,
    };
    let is_old = p.open.last().is_some_and(|o| matches!(o.field.ty, Type::Message(m) if m.name == "V1LayerParameter"));
    (is_new && is_old).then(|| new_layer(field.name))
}

fn new_layer(name: &str) -> String {
    format!(
        "`{name}` is written so in the new `layer {{ }}`, and this is an old `layers {{ }}`: write `layer {{`, and the type as a \
         string, such as \"Convolution\""
    )
}

pub(super) fn no_colon(p: &Parser<'_>, field: &Field) -> Error {
    let name = field.name;
    let e = p.error(format!("expected `:` after `{name}`, found {}", describe(p.token)));
    if let Some(new) = new_in_old(p, field) {
        return e.hint(new);
    }
    match p.token {
        Token::Symbol('{' | '<') => e.hint(format!("`{name}` is {}, not a group", type_of(field))),
        Token::Word(value) | Token::Number(value) | Token::Quoted(value) => {
            e.hint(format!("write `{name}: {}`", clip(value)))
        }
        _ => e.hint(format!("write `{name}: ...`, for `{name}` is {}", type_of(field))),
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

/// A list in place of a single value.
fn no_list(p: &Parser<'_>, field: &Field) -> Error {
    if field.label == Label::Repeated {
        return p.error("a list cannot stand in a list");
    }
    let one = if let Type::Message(m) = field.ty { m.name } else { "value" };
    p.error(format!("`{}` is not repeated: it takes one {one}, not a list", field.name))
}

/// A value of another type than its field's.
pub(super) fn wrong_type(p: &Parser<'_>, field: &Field) -> Error {
    let name = field.name;
    if let Token::Symbol('[') = p.token {
        return no_list(p, field);
    }
    let e = p.error(format!("`{name}` is {}, found {}", type_of(field), describe(p.token)));
    if let Some(new) = new_in_old(p, field) {
        return e.hint(new);
    }
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
        (Token::Symbol(c), _) if is_unseen(c) => e.hint(UNSEEN),
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

/// A field's type in words.
fn type_of(field: &Field) -> String {
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
        Token::Symbol(c) if stray::byte(c).is_some() => format!("the byte {:02X}, which is not UTF-8", c as u32 & 0xff),
        Token::Symbol(c) if is_unseen(c) => format!("the character U+{:04X}", c as u32),
        Token::Symbol(c) => format!("`{c}`"),
        Token::End => "the end of the text".to_owned(),
    }
}

/// Whether a character shows nothing: a control character, a space of another kind than Caffe's, one without a width.
fn is_unseen(c: char) -> bool {
    let no_width = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    no_width || c.is_control() || c.is_whitespace()
}

const UNSEEN: &str = "it cannot be seen in an editor: put a plain space in its place";

/// The first 40 characters of a text.
fn clip(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let short: String = text.chars().take(40).map(clean).collect();
    if text.chars().nth(40).is_some() { short + "..." } else { short }
}
