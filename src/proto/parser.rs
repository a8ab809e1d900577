//! From prototxt to protobuf's binary format: recursive descent over the schema.
//!
//! ```text
//! body  = { field [ "," | ";" ] }
//! field = name ":" ( value | "[" value { "," value } "]" )
//!       | name [":"] ( group | "[" group { "," group } "]" )
//! group = "{" body "}" | "<" body ">"
//! ```
//!
//! Every group is a field of a known message, and none of Caffe's messages contains itself, so the schema bounds the
//! depth of the recursion.

use super::hint;
use super::lexer::{Lexer, Token};
use super::schema::{Field, Label, Message, Type};
use super::source::{Node, Span};
use super::value;
use super::wire::{self, Value};
use crate::error::{Error, Kind, Result};

/// The most groups of a text. A net has some hundreds; an empty `layer {}` of eight bytes takes 3 KB of memory.
const MAX_GROUPS: usize = 100_000;

pub(super) struct Parser<'a> {
    pub lexer: Lexer<'a>,
    pub token: Token<'a>,
    pub span: Span,
    /// The groups around the current token, the outermost first.
    pub open: Vec<Open>,
    /// The group closed last.
    pub closed: Option<Open>,
    /// The first group whose closing bracket is indented less than its opening line, and the bracket: probably another
    /// group was to be closed.
    pub suspect: Option<(Open, Span)>,
    groups: usize,
}

/// An open group: its field, the place of its name, and the message around it.
#[derive(Clone, Copy)]
pub(super) struct Open {
    pub field: &'static Field,
    pub span: Span,
    pub parent: &'static Message,
}

impl<'a> Parser<'a> {
    /// The text as bytes of `message`, and the places of its fields.
    pub fn parse(message: &'static Message, text: &'a str, file: &'a str) -> Result<(Vec<u8>, Vec<Node>)> {
        let lexer = Lexer::new(text, file);
        let (token, span) = (Token::End, Span::default());
        let mut parser = Parser { lexer, token, span, open: Vec::new(), closed: None, suspect: None, groups: 0 };
        parser.advance()?;
        let body = parser.body(message, None)?;
        Ok((body.wire, body.nodes))
    }

    pub fn advance(&mut self) -> Result {
        (self.token, self.span) = self.lexer.next()?;
        Ok(())
    }

    /// Consumes the symbol if it is next.
    pub fn accept(&mut self, symbol: char) -> Result<bool> {
        let found = self.token == Token::Symbol(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// An error that points at the current token.
    pub fn error(&self, message: impl Into<String>) -> Error {
        self.lexer.error(Kind::Syntax, self.span, message)
    }

    /// The fields up to the closing symbol, or to the end of the text.
    fn body(&mut self, message: &'static Message, close: Option<char>) -> Result<Body> {
        let seen = vec![Seen::default(); message.fields.len()];
        let mut body = Body { message, wire: Vec::new(), nodes: Vec::new(), seen };
        loop {
            match self.token {
                Token::End if close.is_none() => break,
                Token::End => return Err(hint::unclosed(self)),
                Token::Symbol(c) if close == Some(c) => break,
                Token::Word(name) => match message.fields.iter().position(|f| f.name == name) {
                    Some(i) => self.field(&mut body, i)?,
                    None => return Err(hint::unknown_field(self, message, name)),
                },
                _ => return Err(hint::no_field(self, message, close)),
            }
        }
        let mut fields = message.fields.iter().zip(&body.seen);
        if let Some((field, _)) = fields.find(|(f, s)| f.label == Label::Required && s.count == 0) {
            let span = self.open.last().map_or(self.span, |o| o.span);
            let why = format!("{} needs its field `{}`, which has no default", message.name, field.name);
            return Err(self.lexer.error(Kind::Syntax, span, why));
        }
        Ok(body)
    }

    /// Field `i` of the message: its name and its values.
    fn field(&mut self, body: &mut Body, i: usize) -> Result {
        let (name, field, seen) = (self.span, &body.message.fields[i], &mut body.seen[i]);
        if field.label != Label::Repeated && seen.count > 0 {
            return Err(hint::set_twice(self, body.message, field, seen.first));
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
                    self.value(body, i, at)?;
                    if self.accept(']')? {
                        break;
                    }
                    if !self.accept(',')? {
                        return Err(hint::list(self, field, open));
                    }
                }
            }
        } else {
            self.value(body, i, name)?;
        }
        if !self.accept(',')? {
            self.accept(';')?;
        }
        Ok(())
    }

    /// One value of field `i`; in the source map it begins at `at`.
    fn value(&mut self, body: &mut Body, i: usize, at: Span) -> Result {
        let Body { message: parent, wire, nodes, seen } = body;
        let (field, index) = (&parent.fields[i], seen[i].count);
        seen[i].count += 1;
        let Type::Message(message) = field.ty else {
            let end = value::scalar(self, field, wire)?;
            // All values of a list share one place.
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
        let inner = self.body(message, Some(close))?;
        self.closed = self.open.pop();
        if let (Some(open), Some(depth)) = (self.closed, self.indent_if_first(self.span)) {
            let opened = self.indent_if_first(open.span);
            if self.suspect.is_none() && opened.is_some_and(|o| depth < o) {
                self.suspect = Some((open, self.span));
            }
        }
        self.advance()?;
        wire::put(wire, field.number, Value::Bytes(&inner.wire));
        nodes.push(Node { name: field.name, index, count: 1, span: at, fields: inner.nodes });
        Ok(())
    }

    /// The number of spaces and tabs before a token, if it is the first of its line.
    fn indent_if_first(&self, span: Span) -> Option<usize> {
        let before = self.lexer.text[..span.at as usize].bytes().rev();
        let indent = before.clone().take_while(|b| matches!(b, b' ' | b'\t')).count();
        matches!(before.clone().nth(indent), None | Some(b'\n')).then_some(indent)
    }
}

/// A message while it is parsed: its binary form, the places of its fields, and how often each was set.
struct Body {
    message: &'static Message,
    wire: Vec<u8>,
    nodes: Vec<Node>,
    seen: Vec<Seen>,
}

/// How often a field was set in the current message, and the place of the first time.
#[derive(Clone, Copy, Default)]
struct Seen {
    count: usize,
    first: Span,
}
