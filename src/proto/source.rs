//! Where each field of a parsed text stands: the source map.
//!
//! A mistake often shows only after parsing, when the layers are set up. The net then knows a path, such as
//! `layer[3].convolution_param.kernel_size[0]`, and asks here for the line:
//!
//! ```
//! use cortado::proto::{NetParameter, text};
//! let net = text::parse::<NetParameter>("layer {\n  name: \"conv1\"\n  top: \"x\" top: \"y\"\n}", "net.prototxt")?;
//! let place = net.source.place("layer[0].top[1]").unwrap();
//! assert_eq!((place.line, place.column, place.width), (3, 12, 8));
//! # Ok::<(), cortado::Error>(())
//! ```

use std::sync::Arc;

use crate::error::{Error, Place};

/// The source map of one text. Cheap to clone; the default one is empty, for messages that were made in code.
#[derive(Clone, Default, Debug)]
pub struct Source(Arc<Map>);

#[derive(Clone, Default, Debug)]
struct Map {
    file: Arc<str>,
    text: Arc<str>,
    fields: Vec<Node>,
}

/// A field in the text, with the fields inside it: the `index`-th of its name in its message, or `count` from there on
/// if it is a list of numbers or strings.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub name: &'static str,
    pub index: usize,
    pub count: usize,
    pub span: Span,
    pub fields: Vec<Node>,
}

/// A piece of the text, in bytes; 32 bits suffice for the largest file that is read.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Span {
    pub at: u32,
    pub len: u32,
}

impl Source {
    pub(super) fn new(file: &str, text: &str, fields: Vec<Node>) -> Source {
        Source(Arc::new(Map { file: file.into(), text: text.into(), fields }))
    }

    /// The file's name, as it was given; empty for a net made in code.
    pub fn file(&self) -> &str {
        &self.0.file
    }

    /// The place of a field. A repeated field without an index means its first.
    pub fn place(&self, path: &str) -> Option<Place> {
        let (node, complete) = self.walk(path);
        node.filter(|_| complete).map(|n| self.place_of(n.span))
    }

    /// The place of a field or, where it is left out, of the innermost message around it.
    pub fn nearest(&self, path: &str) -> Option<Place> {
        self.walk(path).0.map(|n| self.place_of(n.span))
    }

    /// The source map of the message at a path, as if it were a text of its own: of a net written in a solver.
    pub fn inside(&self, path: &str) -> Source {
        let fields = match self.walk(path) {
            (Some(node), true) => node.fields.clone(),
            _ => Vec::new(),
        };
        Source(Arc::new(Map { fields, ..(*self.0).clone() }))
    }

    /// Points the error at its field below `path` (say `layer[3]`), or at the nearest thing around it: at worst at where
    /// the text begins.
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

    /// Goes down the path as far as the text has it; was that all the way?
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

    /// The fields inside the message at a path (at the empty path, all), for an upgrade that moves them.
    pub(super) fn inside_mut(&mut self, path: &str) -> Option<&mut Vec<Node>> {
        let mut fields = &mut Arc::make_mut(&mut self.0).fields;
        for step in path.split('.').filter(|s| !s.is_empty()) {
            fields = &mut fields.iter_mut().find(|n| n.is(step))?.fields;
        }
        Some(fields)
    }
}

impl Node {
    /// Is it this step of a path: `layer[3]`, or `layer` for the first?
    fn is(&self, step: &str) -> bool {
        let (name, index) = match step.split_once('[') {
            Some((name, rest)) => (name, rest.trim_end_matches(']').parse().unwrap_or(usize::MAX)),
            None => (step, 0),
        };
        self.name == name && (self.index..self.index + self.count).contains(&index)
    }
}

/// How much of a line is shown: enough for a person, little of a machine's endless line.
const LINE: usize = 160;

/// A place further right than this is told, not shown.
const FAR: usize = 1000;

/// A piece of the text as a place: line, column and width in characters, clipped to its first line.
pub(super) fn place(file: &str, text: &str, span: Span) -> Place {
    let at = (span.at as usize).min(text.len());
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
    let column = text[start..at].chars().count() + 1;
    let stop = (at + span.len as usize).min(end);
    let width = text.get(at..stop).map_or(1, |s| s.trim_end().chars().count()).clamp(1, LINE);
    // Control characters would play tricks in a terminal; one for one, so that the columns stay.
    let visible = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    let line = text[start..end].trim_end_matches('\r');
    let shown = if column > FAR {
        "(this line is too long to be shown)".to_owned()
    } else {
        line.chars().take(LINE.max(column + width)).map(visible).collect()
    };
    let number = text[..start].bytes().filter(|b| *b == b'\n').count() + 1;
    Place { file: file.to_owned(), line: number, column, text: shown, width }
}
