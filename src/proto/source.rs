//! The source map: the place of each field in a parsed text.
//!
//! Many mistakes show only after parsing, when the layers are set up. The net then knows a path, such as
//! `layer[3].convolution_param.kernel_size[0]`, and looks up its line here:
//!
//! ```
//! use cortado::proto::{NetParameter, text};
//! let net = text::parse::<NetParameter>("layer {\n  name: \"conv1\"\n  top: \"x\" top: \"y\"\n}", "net.prototxt")?;
//! let place = net.source.place("layer[0].top[1]").unwrap();
//! assert_eq!((place.line, place.column, place.width), (3, 12, 8));
//! # Ok::<(), cortado::Error>(())
//! ```

use std::sync::Arc;

use super::stray;
use crate::error::{Error, Place};

/// The source map of one text. It is cheap to clone; the default is empty, for messages made in code.
#[derive(Clone, Default, Debug)]
pub struct SourceMap(Arc<Map>);

#[derive(Clone, Default, Debug)]
struct Map {
    file: Arc<str>,
    text: Arc<str>,
    fields: Vec<Node>,
}

/// A field in the text and the fields inside it: the `index`-th of its name in its message, or a list of `count` values
/// from that index on.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub name: &'static str,
    pub index: usize,
    pub count: usize,
    pub span: Span,
    pub fields: Vec<Node>,
}

/// A part of the text, in bytes; 32 bits suffice for the largest file that is read.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Span {
    pub at: u32,
    pub len: u32,
}

impl SourceMap {
    pub(super) fn new(file: &str, text: &str, fields: Vec<Node>) -> SourceMap {
        SourceMap(Arc::new(Map { file: file.into(), text: text.into(), fields }))
    }

    /// The file's name; empty for a net made in code.
    pub fn file(&self) -> &str {
        &self.0.file
    }

    /// The place of a field. A repeated field without an index means its first.
    pub fn place(&self, path: &str) -> Option<Place> {
        let (node, complete) = self.walk(path);
        node.filter(|_| complete).map(|n| self.place_of(n.span))
    }

    /// The place of a field or, if it is left out, of the innermost message around it.
    pub fn nearest(&self, path: &str) -> Option<Place> {
        self.walk(path).0.map(|n| self.place_of(n.span))
    }

    /// The source map of the message at a path, such as a net inside a solver.
    pub fn inside(&self, path: &str) -> SourceMap {
        let fields = match self.walk(path) {
            (Some(node), true) => node.fields.clone(),
            _ => Vec::new(),
        };
        SourceMap(Arc::new(Map { fields, ..(*self.0).clone() }))
    }

    /// Points the error at its field below `path` (such as `layer[3]`), or at the nearest message around it, or at the
    /// first field of the text.
    pub fn locate(&self, error: Error, path: &str) -> Error {
        let place = match error.field_path() {
            Some(field) if path.is_empty() => self.nearest(field),
            Some(field) => self.nearest(&format!("{path}.{field}")),
            None => self.nearest(path),
        };
        match place.or_else(|| self.0.fields.first().map(|n| self.place_of(n.span))) {
            Some(place) => error.at(place),
            None => error,
        }
    }

    /// The innermost field on the path that the text has, and whether it is the path's last.
    fn walk(&self, path: &str) -> (Option<&Node>, bool) {
        let mut node: Option<&Node> = None;
        for step in path.split('.') {
            let fields = node.map_or(&self.0.fields, |n| &n.fields);
            match fields.iter().find(|n| n.is(step)) {
                Some(next) => node = Some(next),
                None => return (node, false),
            }
        }
        (node, true)
    }

    fn place_of(&self, span: Span) -> Place {
        place(&self.0.file, &self.0.text, span)
    }

    /// The fields inside the message at a path, for an upgrade that moves them; the empty path means the whole text.
    pub(super) fn inside_mut(&mut self, path: &str) -> Option<&mut Vec<Node>> {
        let mut fields = &mut Arc::make_mut(&mut self.0).fields;
        for step in path.split('.').filter(|s| !s.is_empty()) {
            fields = &mut fields.iter_mut().find(|n| n.is(step))?.fields;
        }
        Some(fields)
    }
}

impl Node {
    /// Whether a step of a path, `layer[3]` or `layer` for the first, means this field.
    fn is(&self, step: &str) -> bool {
        let (name, index) = match step.split_once('[') {
            Some((name, rest)) => (name, rest.trim_end_matches(']').parse().unwrap_or(usize::MAX)),
            None => (step, 0),
        };
        self.name == name && (self.index..self.index + self.count).contains(&index)
    }
}

/// The most characters of a line that are shown.
const MAX_SHOWN: usize = 160;

/// The last column that is shown; further right, the error has line and column only.
const LAST_COLUMN: usize = 1000;

/// The place of a part of the text: line, column and width in characters, clipped to its first line.
pub(super) fn place(file: &str, text: &str, span: Span) -> Place {
    let at = (span.at as usize).min(text.len());
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
    let column = text[start..at].chars().count() + 1;
    let stop = (at + span.len as usize).min(end);
    let width = text.get(at..stop).map_or(1, |s| s.trim_end().chars().count()).clamp(1, MAX_SHOWN);
    // Control characters would disturb a terminal; each is replaced by one character, so that the columns stay.
    let is_visible = |c: char| c == '\t' || !(c.is_control() || stray::byte(c).is_some());
    let visible = |c: char| if is_visible(c) { c } else { '\u{fffd}' };
    let line = text[start..end].trim_end_matches('\r');
    let shown = if column > LAST_COLUMN {
        "(this line is too long to be shown)".to_owned()
    } else {
        line.chars().take(MAX_SHOWN.max(column + width)).map(visible).collect()
    };
    let number = text[..start].bytes().filter(|b| *b == b'\n').count() + 1;
    Place { file: file.to_owned(), line: number, column, text: shown, width }
}
