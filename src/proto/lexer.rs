//! Splits a prototxt into words, numbers, quoted strings and symbols.

use super::source::{Span, place};
use crate::error::{Error, Kind, Result};

/// A token, as the text spells it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Token<'a> {
    /// A field's name, an enum value, `true`, `inf`.
    Word(&'a str),
    /// A digit and the word after it; the field's type decides whether this is a number.
    Number(&'a str),
    /// A string with its quotes.
    Quoted(&'a str),
    Symbol(char),
    End,
}

pub(super) struct Lexer<'a> {
    pub file: &'a str,
    pub text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str, file: &'a str) -> Lexer<'a> {
        // Some editors begin a file with an invisible byte order mark.
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Lexer { file, text, at }
    }

    /// An error that points at a piece of the text.
    pub fn error(&self, kind: Kind, span: Span, message: impl Into<String>) -> Error {
        Error::new(kind, message).at(place(self.file, self.text, span))
    }

    /// The next token and its place.
    pub fn next(&mut self) -> Result<(Token<'a>, Span)> {
        self.skip_space();
        let start = self.at;
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return Ok((Token::End, span(start, start)));
        };
        let token = match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                self.at += rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                Token::Word(&self.text[start..self.at])
            }
            '0'..='9' => self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            '"' | '\'' => self.quoted(first)?,
            symbol => {
                self.at += symbol.len_utf8();
                Token::Symbol(symbol)
            }
        };
        Ok((token, span(start, self.at)))
    }

    /// Skips spaces, line ends and comments.
    fn skip_space(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let text = rest.trim_start_matches([' ', '\t', '\r', '\n', '\x0b', '\x0c']);
            self.at += rest.len() - text.len();
            if !text.starts_with('#') {
                return;
            }
            self.at += text.find('\n').unwrap_or(text.len());
        }
    }

    fn number(&mut self) -> Token<'a> {
        let rest = &self.text.as_bytes()[self.at..];
        let hex = rest.starts_with(b"0x") || rest.starts_with(b"0X");
        let mut len = 0;
        while let Some(&c) = rest.get(len) {
            let exponent_sign = matches!(c, b'+' | b'-') && !hex && len > 0 && matches!(rest[len - 1], b'e' | b'E');
            if !(is_word(c as char) || c == b'.' || exponent_sign) {
                break;
            }
            len += 1;
        }
        let start = self.at;
        self.at += len;
        Token::Number(&self.text[start..self.at])
    }

    fn quoted(&mut self, quote: char) -> Result<Token<'a>> {
        let start = self.at;
        let rest = &self.text[start..];
        let mut escaped = false;
        for (i, c) in rest.char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == quote => {
                    self.at = start + i + 1;
                    return Ok(Token::Quoted(&rest[..=i]));
                }
                _ => {}
            }
        }
        let line = rest.find('\n').unwrap_or(rest.len());
        let error = self.error(Kind::Syntax, span(start, start + line), "this string is not closed");
        Err(error.hint(format!("end it with {quote} on the same line")))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

pub(super) fn span(start: usize, end: usize) -> Span {
    // Longer texts are refused before they are split.
    Span { at: start as u32, len: (end - start) as u32 }
}

/// The bytes of a quoted string, with its escapes replaced. An error holds the byte's position in the token and the
/// reason.
pub(super) fn unescape(quoted: &str) -> Result<Vec<u8>, (usize, String)> {
    let inner = &quoted.as_bytes()[1..quoted.len() - 1];
    let mut out = Vec::with_capacity(inner.len());
    let mut i = 0;
    while i < inner.len() {
        let start = i;
        i += 1;
        if inner[start] != b'\\' {
            out.push(inner[start]);
            continue;
        }
        let fail = |what: &str| (start + 1, what.to_owned());
        // The number of digits from here, at most `max`, and their value.
        let digits = |from: usize, max: usize, radix: u32| {
            let digits = inner[from..].iter().take(max).map_while(|b| (*b as char).to_digit(radix));
            digits.fold((0, 0), |(n, value), digit| (n + 1, value * radix + digit))
        };
        let code = *inner.get(i).ok_or_else(|| fail("a backslash needs something after it"))?;
        i += 1;
        match code {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'\\' | b'\'' | b'"' | b'?' => out.push(code),
            b'0'..=b'7' => {
                let (n, value) = digits(i - 1, 3, 8);
                i += n - 1;
                out.push(u8::try_from(value).map_err(|_| fail("an octal escape goes up to \\377"))?);
            }
            b'x' | b'X' => {
                let (n, value) = digits(i, 2, 16);
                if n == 0 {
                    return Err(fail("\\x needs one or two hexadecimal digits"));
                }
                i += n;
                out.push(value as u8);
            }
            b'u' | b'U' => {
                let len = if code == b'u' { 4 } else { 8 };
                let (n, value) = digits(i, len, 16);
                let c = char::from_u32(value).filter(|_| n == len);
                let c = c.ok_or_else(|| fail("\\u needs four hexadecimal digits of a character, \\U eight"))?;
                i += n;
                out.extend(c.encode_utf8(&mut [0; 4]).bytes());
            }
            _ => return Err(fail("there is no such escape; in a path write /, and a backslash itself as \\\\")),
        }
    }
    Ok(out)
}
