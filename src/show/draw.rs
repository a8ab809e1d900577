//! A net as a drawing: one page that works offline, an SVG, or a graph for Graphviz.
//!
//! The boxes are layers; the small ones at a box's foot compute in place. The page shows a layer's fields, shapes, parameters,
//! multiply-adds and receptive field when the layer is clicked.

mod dot;
mod graph;
mod layout;
mod page;
mod picture;

pub use layout::Direction;

use super::{memory, thousands};
use crate::Phase;
use crate::net::Net;
use crate::proto::NetParameter;
use graph::Graph;

/// A net, ready to be drawn.
///
/// ```
/// use cortado::{Net, Phase};
/// let net = Net::from_prototxt(r#"
///     name: "Tiny"
///     layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }
///     layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2 } }
/// "#, Phase::Test)?;
/// let drawing = net.drawing();
/// assert!(drawing.to_svg().starts_with("<svg"));
/// assert!(drawing.to_dot().starts_with("digraph"));
/// assert!(drawing.to_html().contains("<title>Tiny</title>"));
/// # Ok::<(), cortado::Error>(())
/// ```
pub struct Drawing {
    graph: Graph,
    title: String,
    phase: Phase,
    direction: Direction,
    notes: Vec<String>,
    /// The samples of a batch: the first axis of the first blob.
    batch: usize,
    parameters: usize,
    data_bytes: u64,
}

impl Net {
    /// The net as a drawing.
    pub fn drawing(&self) -> Drawing {
        Drawing::new(self, &NetParameter::default())
    }
}

impl Drawing {
    /// A net as a drawing, its layers' fields as `param` has them: the message that the net was built from, or one with as
    /// many layers.
    pub fn new(net: &Net, param: &NetParameter) -> Drawing {
        let bytes = net.blobs.iter().map(|blob| 4 * blob.count() as u64).sum();
        Drawing {
            graph: Graph::of(net, param),
            title: if net.name().is_empty() { "(a net without a name)" } else { net.name() }.into(),
            phase: net.phase(),
            direction: Direction::default(),
            notes: Vec::new(),
            batch: net.blobs.first().and_then(|blob| blob.shape().first()).copied().unwrap_or(1).max(1),
            parameters: net.store().count(),
            data_bytes: bytes,
        }
    }

    /// Where the data flow to; down if it is not given.
    pub fn direction(mut self, direction: Direction) -> Drawing {
        self.direction = direction;
        self
    }

    /// Adds a sentence that the page shows below the totals.
    pub fn note(mut self, note: impl Into<String>) -> Drawing {
        self.notes.push(note.into());
        self
    }

    /// The totals, in words: layers, parameters, multiply-adds, memory.
    pub fn totals(&self) -> Vec<(&'static str, String)> {
        let multiply_adds = self.graph.cards.iter().fold(0u64, |n, card| n.saturating_add(card.multiply_adds));
        let phase = if self.phase == Phase::Train { "TRAIN" } else { "TEST" };
        vec![
            ("phase", phase.into()),
            ("layers", thousands(self.graph.cards.len())),
            ("parameters", format!("{} ({})", thousands(self.parameters), memory(4 * self.parameters as u64))),
            ("multiply-adds", self.each(multiply_adds)),
            ("data", memory(self.data_bytes)),
        ]
    }

    /// Multiply-adds of a sample, and of the whole batch if that is more.
    fn each(&self, multiply_adds: u64) -> String {
        match self.batch as u64 {
            1 => count(multiply_adds),
            n => format!("{} a sample, {} a batch of {n}", count(multiply_adds / n), count(multiply_adds)),
        }
    }
}

/// A large number with three digits: 1.58 G.
fn count(n: u64) -> String {
    let (n, unit) = match n {
        0..10_000 => return thousands(n as usize),
        10_000..1_000_000 => (n as f64 / 1e3, "k"),
        1_000_000..1_000_000_000 => (n as f64 / 1e6, "M"),
        1_000_000_000..1_000_000_000_000 => (n as f64 / 1e9, "G"),
        _ => (n as f64 / 1e12, "T"),
    };
    format!("{} {unit}", crate::log::general(n, 3))
}

/// Text for a page: no control characters, which XML cannot hold, and escaped.
fn clean(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c }
    };
    super::svg::escape(&text.chars().map(shown).collect::<String>())
}

/// The first and the last letters of a name that is far too long for a box.
fn shorten(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    match letters.len() {
        0..=80 => name.into(),
        n => letters[..40].iter().chain(&['.', '.']).chain(&letters[n - 40..]).collect(),
    }
}
