//! Errors: what went wrong, where, and what to do about it.
//!
//! Every mistake that a user can type, load or feed becomes an [`Error`]. It carries the place in the prototxt (if
//! there is one), the layer, and a hint; each caller adds what it knows:
//!
//! ```
//! use cortado::{Error, Kind};
//! let e = Error::new(Kind::Shape, "kernel 7x7 does not fit into 5x5")
//!     .field("convolution_param.kernel_size")
//!     .layer("conv1")
//!     .hint("make the kernel smaller or pad the input");
//! assert_eq!(
//!     e.to_string(),
//!     "layer \"conv1\": kernel 7x7 does not fit into 5x5\n  = help: make the kernel smaller or pad the input"
//! );
//! ```

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The result of everything in this crate that can fail.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// The class of an [`Error`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The text is not well-formed prototxt.
    Syntax,
    /// A field, enum value, layer type, filler, policy or name that does not exist.
    Unknown,
    /// Layers, blobs and parameters that do not fit together.
    Net,
    /// Shapes that do not fit, or are too large.
    Shape,
    /// A value outside its range: a label, a ratio, a count.
    Value,
    /// A file that cannot be found, read or written.
    File,
    /// A data set that is broken or empty.
    Data,
    /// Weights or a snapshot that are broken or belong to another net.
    Weights,
    /// The card, its driver or its compiler.
    Device,
    /// A loss or gradient that is no longer a finite number.
    NonFinite,
    /// A panic in somebody's code: a mistake in the program.
    Panic,
}

/// A position in a text file: 1-based line and column, with the line itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file's path, or another name of the text.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The text of the line, which is shown under the message.
    pub text: String,
    /// The number of columns that the mistake covers (at least 1).
    pub width: usize,
}

/// An error with its place, layer and hints. See the [module](self).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: Kind,
    message: String,
    layer: Option<String>,
    field: Option<String>,
    place: Option<Place>,
    hints: Vec<String>,
}

impl Error {
    /// An error of this class; the methods below add more.
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        let message = message.into();
        Error(Box::new(Inner { kind, message, layer: None, field: None, place: None, hints: Vec::new() }))
    }

    /// Shapes that do not fit.
    pub fn shape(message: impl Into<String>) -> Error {
        Error::new(Kind::Shape, message)
    }

    /// A value outside its range.
    pub fn value(message: impl Into<String>) -> Error {
        Error::new(Kind::Value, message)
    }

    /// The operating system's error for a file: "cannot `what` `path`: `why`".
    pub fn file(path: impl AsRef<std::path::Path>, what: &str, why: impl fmt::Display) -> Error {
        Error::new(Kind::File, format!("cannot {what} {}: {why}", path.as_ref().display()))
    }

    /// Names the layer, unless the error has one.
    pub fn layer(mut self, name: impl Into<String>) -> Error {
        self.0.layer.get_or_insert_with(|| name.into());
        self
    }

    /// Names the prototxt field at fault, relative to its layer (`pooling_param.kernel_size`), so that its place can be
    /// looked up.
    pub fn field(mut self, path: impl Into<String>) -> Error {
        self.0.field.get_or_insert_with(|| path.into());
        self
    }

    /// Points at the place, unless the error has one.
    pub fn at(mut self, place: Place) -> Error {
        self.0.place.get_or_insert(place);
        self
    }

    /// Adds a hint: what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds a "did you mean", if one of `known` is close to `name`.
    pub fn did_you_mean<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
        match closest(name, known) {
            Some(near) => self.hint(format!("did you mean \"{near}\"?")),
            None => self,
        }
    }

    /// For an unknown type: adds a "did you mean" if a known name is close, else all known names; and the hint `own`
    /// about types of one's own.
    pub(crate) fn near_or_all(self, name: &str, known: &[&str], own: &str) -> Error {
        match closest(name, known.iter().copied()) {
            Some(near) => self.hint(format!("did you mean \"{near}\"?")).hint(own),
            None => self.hint(own).hint(format!("the types are {}", known.join(", "))),
        }
    }

    /// Puts the subject before the message, such as the file and the entry with the mistake.
    pub fn about(mut self, what: impl fmt::Display) -> Error {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// The class of mistake, for programs that treat one class differently.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }
    /// What is wrong, without layer, place and hints.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// The layer at fault, if one was named by [`Error::layer`].
    pub fn layer_name(&self) -> Option<&str> {
        self.0.layer.as_deref()
    }
    /// The prototxt field at fault, if one was named by [`Error::field`].
    pub fn field_path(&self) -> Option<&str> {
        self.0.field.as_deref()
    }
    /// The place of the mistake in a text, if it is known.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }
    /// The hints, in the order in which they were added.
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, layer, place, hints, .. } = &*self.0;
        if let Some(p) = place {
            write!(f, "{}:{}:{}: ", p.file, p.line, p.column)?;
        }
        if let Some(layer) = layer {
            write!(f, "layer \"{layer}\": ")?;
        }
        write!(f, "{message}")?;
        if let Some(p) = place {
            let number = p.line.to_string();
            let margin = " ".repeat(number.len());
            // Tabs stay tabs, so that the caret stands under its column.
            let indent: String =
                p.text.chars().take(p.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let carets = "^".repeat(p.width.max(1));
            write!(f, "\n{margin} |\n{number} | {}\n{margin} | {indent}{carets}", p.text)?;
        }
        for hint in hints {
            write!(f, "\n  = help: {hint}")?;
        }
        Ok(())
    }
}

/// The same text as `Display`: programs that return the error from `main` and notebooks print errors by `Debug`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

/// What `work` gives, or its panic as an error: others go on after a mistake in somebody's code.
pub(crate) fn caught<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(Error::new(Kind::Panic, format!("{what} panicked: {}", text.unwrap_or("without a word"))))
    })
}

/// The name in `known` that is nearest to `name` by edit distance, if it is near enough for a typing mistake.
pub fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|k| (edit_distance(&lower, &k.to_lowercase()), k))
        .filter(|(d, k)| *d <= 1 + k.chars().count().min(name.chars().count()) / 4)
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// Levenshtein's distance: the least number of letters to insert, delete or replace.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replace = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_drawn_under_the_message() {
        let place =
            Place { file: "net.prototxt".into(), line: 12, column: 3, text: "\tkernel_sise: 5".into(), width: 11 };
        let e = Error::new(Kind::Unknown, "unknown field \"kernel_sise\"").at(place);
        let text = e.did_you_mean("kernel_sise", ["kernel_h", "kernel_size"]).to_string();
        assert_eq!(
            text,
            "net.prototxt:12:3: unknown field \"kernel_sise\"\n   |\n12 | \tkernel_sise: 5\n   | \t ^^^^^^^^^^^\n  = help: did you mean \"kernel_size\"?"
        );
    }

    #[test]
    fn far_names_are_not_suggested() {
        assert_eq!(closest("Relu", ["ReLU", "ELU"]), Some("ReLU"));
        assert_eq!(closest("Transformer", ["ReLU", "ELU"]), None);
    }
}
