//! From prototxt to protobuf's binary format: recursive descent over the schema.
//!
//! ```text
//! body  = { field [ "," | ";" ] }
//! field = name ":" ( value | "[" value { "," value } "]" )
//!       | name [":"] ( group | "[" group { "," group } "]" )
//! group = "{" body "}" | "<" body ">"
//! ```
//!
//! Every group is a field of a known message, and none of Caffe's messages contains itself, so the schema bounds how
//! deep this goes, whatever the text says.

use super::hint;
use super::lexer::{Lexer, Token};
use super::schema::{Field, Label, Message, Type};
use super::source::{Node, Span};
use super::value;
use super::wire::{self, Value};
use crate::error::{Error, Kind, Result};

/// How many groups a text may have. A net has some hundreds; an empty `layer {}` is eight bytes of text and three
/// kilobytes of memory.
const MAX_GROUPS: usize = 100_000;

pub(super) struct Parser<'a> {
    pub lexer: Lexer<'a>,
    pub token: Token<'a>,
    pub span: Span,
    /// The groups around the present place, the outermost first.
    pub open: Vec<Open>,
    /// The group that was closed last.
    pub closed: Option<Open>,
    /// The first group whose closing line stands further left than the line that opened it: perhaps it is not the one
    /// that the writer meant to close.
    pub suspect: Option<(Open, Span)>,
    groups: usize,
}

/// A group that has been opened: its field, where its name stands, and what message it is in.
#[derive(Clone, Copy)]
pub(super) struct Open {
    pub field: &'static Field,
    pub span: Span,
    pub parent: &'static Message,
}

impl<'a> Parser<'a> {
    /// The text as bytes of `message`, and where its fields stand.
    pub fn parse(message: &'static Message, text: &'a str, file: &'a str) -> Result<(Vec<u8>, Vec<Node>)> {
        let lexer = Lexer::new(text, file);
        let (token, span) = (Token::End, Span::default());
        let mut parser = Parser { lexer, token, span, open: Vec::new(), closed: None, suspect: None, groups: 0 };
        parser.advance()?;
        let mut nodes = Vec::new();
        let wire = parser.body(message, None, &mut nodes)?;
        Ok((wire, nodes))
    }

    pub fn advance(&mut self) -> Result {
        (self.token, self.span) = self.lexer.next()?;
        Ok(())
    }

    /// Takes the symbol if it is next.
    fn accept(&mut self, symbol: char) -> Result<bool> {
        let found = self.token == Token::Symbol(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// An error that points at the present token.
    pub fn error(&self, message: impl Into<String>) -> Error {
        self.lexer.error(Kind::Syntax, self.span, message)
    }

    /// The fields up to the closing symbol, or to the end of the text.
    fn body(&mut self, message: &'static Message, close: Option<char>, nodes: &mut Vec<Node>) -> Result<Vec<u8>> {
        let mut wire = Vec::new();
        let mut seen: Vec<Seen> = vec![Seen::default(); message.fields.len()];
        loop {
            match self.token {
                Token::End if close.is_none() => break,
                Token::End => return Err(hint::unclosed(self)),
                Token::Symbol(c) if close == Some(c) => break,
                Token::Word(name) => match message.fields.iter().position(|f| f.name == name) {
                    Some(i) => self.field(message, &message.fields[i], &mut seen[i], &mut wire, nodes)?,
                    None => return Err(hint::unknown_field(self, message, name)),
                },
                _ => return Err(hint::no_field(self, message, close)),
            }
        }
        let mut fields = message.fields.iter().zip(&seen);
        if let Some((field, _)) = fields.find(|(f, s)| f.label == Label::Required && s.count == 0) {
            let span = self.open.last().map_or(self.span, |o| o.span);
            let why = format!("{} needs its field `{}`, which has no default", message.name, field.name);
            return Err(self.lexer.error(Kind::Syntax, span, why));
        }
        Ok(wire)
    }

    fn field(
        &mut self,
        message: &'static Message,
        field: &'static Field,
        seen: &mut Seen,
        wire: &mut Vec<u8>,
        nodes: &mut Vec<Node>,
    ) -> Result {
        let name = self.span;
        if field.label != Label::Repeated && seen.count > 0 {
            return Err(hint::set_twice(self, message, field, seen.first));
        }
        if seen.count == 0 {
            seen.first = name;
        }
        self.advance()?;
        let colon = self.accept(':')?;
        let is_message = matches!(field.ty, Type::Message(_));
        if !colon && !is_message {
            return Err(hint::no_colon(self, field));
        }
        if self.token == Token::Symbol('[') && field.label == Label::Repeated {
            let open = self.span;
            self.advance()?;
            if !self.accept(']')? {
                loop {
                    let at = if is_message { self.span } else { name };
                    self.value(message, field, at, seen, wire, nodes)?;
                    if self.accept(']')? {
                        break;
                    }
                    if !self.accept(',')? {
                        return Err(hint::list(self, field, open));
                    }
                }
            }
        } else {
            self.value(message, field, name, seen, wire, nodes)?;
        }
        if !self.accept(',')? {
            self.accept(';')?;
        }
        Ok(())
    }

    /// One value of a field; `at` is where the source map says that it begins.
    fn value(
        &mut self,
        parent: &'static Message,
        field: &'static Field,
        at: Span,
        seen: &mut Seen,
        wire: &mut Vec<u8>,
        nodes: &mut Vec<Node>,
    ) -> Result {
        let index = seen.count;
        seen.count += 1;
        let Type::Message(message) = field.ty else {
            let end = value::scalar(self, field, wire)?;
            // The later values of a list share the place of its first.
            if nodes.last().is_none_or(|n| n.name != field.name || n.span.at != at.at) {
                let span = Span { at: at.at, len: end - at.at };
                nodes.push(Node { name: field.name, index, count: 1, span, fields: Vec::new() });
            } else if let Some(node) = nodes.last_mut() {
                node.count += 1;
                node.span.len = end - at.at;
            }
            return Ok(());
        };
        let close = match self.token {
            Token::Symbol('{') => '}',
            Token::Symbol('<') => '>',
            _ => return Err(hint::no_group(self, field, message)),
        };
        self.groups += 1;
        if self.groups > MAX_GROUPS {
            return Err(self.error(format!("more than {MAX_GROUPS} groups: too many for a net")));
        }
        self.advance()?;
        self.open.push(Open { field, span: at, parent });
        let mut inner = Vec::new();
        let body = self.body(message, Some(close), &mut inner)?;
        self.closed = self.open.pop();
        if let (Some(open), Some(depth)) = (self.closed, self.indent_if_first(self.span)) {
            let opened = self.indent_if_first(open.span);
            if self.suspect.is_none() && opened.is_some_and(|o| depth < o) {
                self.suspect = Some((open, self.span));
            }
        }
        self.advance()?;
        wire::put(wire, field.number, Value::Bytes(&body));
        nodes.push(Node { name: field.name, index, count: 1, span: at, fields: inner });
        Ok(())
    }
}

impl Parser<'_> {
    /// How many spaces and tabs stand before a token, if nothing else does in its line.
    fn indent_if_first(&self, span: Span) -> Option<usize> {
        let before = self.lexer.text[..span.at as usize].bytes().rev();
        let indent = before.clone().take_while(|b| matches!(b, b' ' | b'\t')).count();
        matches!(before.clone().nth(indent), None | Some(b'\n')).then_some(indent)
    }
}

/// How often a field was met in the present message, and where first.
#[derive(Clone, Copy, Default)]
struct Seen {
    count: usize,
    first: Span,
}
