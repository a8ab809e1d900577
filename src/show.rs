//! How things look: a net as a table, values in a line, a digit in letters, a curve as an SVG.
//!
//! ```
//! use cortado::{Net, Phase};
//! let net = Net::from_prototxt(r#"
//!     layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
//!     layer { name: "relu" type: "ReLU" bottom: "x" top: "x" }
//! "#, Phase::Test)?;
//! let table = net.to_string();
//! assert!(table.contains("x -> x (in place)"));
//! assert!(table.contains("2 x 3"));
//! assert_eq!(net.data("x")?.to_string(), "2 x 3: min 0, mean 0, max 0 | 0 0 0 0 0 0");
//! # Ok::<(), cortado::Error>(())
//! ```

mod curve;
mod draw;
mod flow;
mod histogram;
mod images;
mod look;
mod numbers;
mod plane;
mod stats;
mod strip;
pub mod svg;
mod table;
mod thumb;
mod trace;
mod training_log;
mod why;

pub use curve::{Chart, curve};
pub use draw::{Direction, Drawing};
pub use histogram::Histogram;
pub use images::Images;
pub use look::{Look, Rich, Show, show};
pub use plane::Plane;
pub use stats::{Stats, short};
pub use table::Table;
pub use thumb::Sample;
pub use trace::{Trace, Traced, TracedBottom, TracedLayer, TracedParam, TracedTop};
pub use training_log::TrainingLog;

use crate::blob::Values;
use crate::explain::{Explanation, WhyZero};
use crate::log::number;
use crate::net::view::LayerView;
use crate::{Blob, Net, Phase, Result, Solver};
use std::collections::HashSet;
use std::fmt;

look::bare_expression!(Net, Solver, Values, Blob, Chart, Images, Histogram, Plane, Trace, WhyZero, Explanation);

/// How many of a blob's values are shown.
const FIRST: usize = 8;

impl fmt::Display for Net {
    /// A line for each layer, and the totals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (title, table, totals) = self.table();
        writeln!(f, "{title}\n\n{table:width$}\n{totals}", width = f.width().unwrap_or(usize::from(u16::MAX)))
    }
}

impl Net {
    /// The title, the table of layers, and the totals.
    fn table(&self) -> (String, Table, String) {
        let mut table = Table::new(&["layer", "type", "bottoms -> tops", "top shapes", "<parameters", "<memory"]);
        let (mut layers, mut bytes, mut seen) = (0, 0, HashSet::new());
        for layer in self.layer_views() {
            let (row, memory) = row(&layer, &mut seen);
            (layers, bytes) = (layers + 1, bytes + memory);
            table.row(row);
        }
        let phase = if self.phase() == Phase::Train { "TRAIN" } else { "TEST" };
        let title = if self.name().is_empty() { "(a net without a name)" } else { self.name() };
        let params = self.store().count();
        let totals = format!(
            "{layers} layer{}; {} parameters, {}; data {}; as much again for the gradients when it learns",
            if layers == 1 { "" } else { "s" },
            thousands(params),
            memory(4 * params as u64),
            memory(bytes)
        );
        (format!("{title}, phase {phase}"), table, totals)
    }
}

/// A layer's row in the table, and the bytes of its tops. `seen` holds the parameters counted so far.
fn row(layer: &LayerView, seen: &mut HashSet<usize>) -> (Vec<String>, u64) {
    let bottoms: HashSet<&str> = layer.bottoms.iter().map(|(bottom, _)| bottom.blob).collect();
    let in_place = |top: &str| if bottoms.contains(top) { " (in place)" } else { "" };
    let reads: Vec<&str> = layer.bottoms.iter().map(|(bottom, _)| bottom.blob).collect();
    let writes: Vec<String> = layer.tops.iter().map(|(top, _)| format!("{}{}", top.blob, in_place(top.blob))).collect();
    let shapes: Vec<String> = layer.tops.iter().map(|(top, _)| shape(top.shape)).collect();
    let bytes = layer.tops.iter().map(|(top, _)| 4 * top.shape.iter().product::<usize>() as u64).sum();
    let count: usize = layer.params.iter().map(|(_, w)| w.count()).sum();
    let new = layer.params.iter().filter(|(id, _)| seen.insert(*id)).count();
    let shared = if new == 0 { " (shared)" } else { "" };
    let params = if layer.params.is_empty() { String::new() } else { thousands(count) + shared };
    let arrow = format!("{} -> {}", reads.join(", "), writes.join(", "));
    let (name, kind, arrow) = (layer.name.into(), layer.kind.into(), arrow.trim_start().into());
    (vec![name, kind, arrow, shapes.join(", "), params, memory(bytes)], bytes)
}

impl fmt::Display for Solver {
    /// One line: the rule and its settings, the iteration, the net.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = self.param();
        write!(f, "{}, base_lr {} ({})", p.r#type(), number(p.base_lr()), p.lr_policy())?;
        for (name, value) in [
            ("momentum", p.momentum),
            ("momentum2", p.momentum2),
            ("rms_decay", p.rms_decay),
            ("weight_decay", p.weight_decay),
            ("clip_gradients", p.clip_gradients),
        ] {
            if let Some(value) = value {
                write!(f, ", {name} {}", number(value))?;
            }
        }
        let tests = match self.test_nets() {
            0 => "no test net".into(),
            1 => "1 test net".into(),
            n => format!("{n} test nets"),
        };
        write!(f, "; iteration {} of {}; trains {}, {tests}", self.iter(), p.max_iter(), self.name())
    }
}

impl fmt::Display for Values {
    /// Shape, smallest, mean and largest value, and the first few.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let x = self.slice();
        if x.is_empty() {
            return write!(f, "{}: empty", shape(self.shape()));
        }
        let first: Vec<String> = x.iter().take(FIRST).map(|&x| number(x)).collect();
        let more = if x.len() > FIRST { " .." } else { "" };
        if self.shape().is_empty() {
            return write!(f, "{}", first.join(" "));
        }
        let (min, max) = x.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
        let mean = x.iter().map(|&x| x as f64).sum::<f64>() / x.len() as f64;
        let (min, mean, max) = (number(min), number(mean as f32), number(max));
        write!(f, "{}: min {min}, mean {mean}, max {max} | {}{more}", shape(self.shape()), first.join(" "))
    }
}

impl fmt::Display for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data {}\ndiff {}", self.data, self.diff)
    }
}

impl Show for Net {
    /// The table.
    fn look(&self) -> Result<Look> {
        let (title, table, totals) = self.table();
        let html = table.to_html(&title, &totals);
        Ok(Look { title, rich: Some(Rich::Html(html)), ..Look::text(self.to_string()) })
    }
}

impl Show for Values {
    /// The summary; for one or two axes also the first numbers.
    fn look(&self) -> Result<Look> {
        Ok(Look::text(numbers::words(self)))
    }
}

impl Show for Blob {
    fn look(&self) -> Result<Look> {
        Ok(Look::text(format!("data {}\ndiff {}", numbers::words(&self.data), numbers::words(&self.diff))))
    }
}

impl Show for Chart {
    fn look(&self) -> Result<Look> {
        Ok(Look::svg(self.title(), self.to_svg()?))
    }
}

impl Show for Solver {
    /// The curve of its losses; before the first step only text.
    fn look(&self) -> Result<Look> {
        if self.losses().is_empty() {
            return Ok(Look::text(self.to_string()));
        }
        let loss: Vec<(f64, f64)> = self.losses().iter().enumerate().map(|(i, &y)| (i as f64, y as f64)).collect();
        Chart::new(&format!("The loss of {}", self.name())).axes("iteration", "loss").log().line("loss", &loss).look()
    }
}

/// A picture in letters: a grey image of bytes, `width` wide, two rows of pixels to a line. 0 is blank.
///
/// ```
/// let picture = cortado::show::picture(&[0, 255, 128, 0, 255, 128], 3);
/// assert_eq!(picture, " █▒\n");
/// ```
pub fn picture(pixels: &[u8], width: usize) -> String {
    let shades = [' ', '░', '▒', '▓', '█'];
    let rows: Vec<&[u8]> = pixels.chunks_exact(width.max(1)).collect();
    let mut text = String::new();
    for pair in rows.chunks(2) {
        let mean = |x: usize| pair.iter().map(|row| row[x] as usize).sum::<usize>() / pair.len();
        let line: String = (0..width).map(|x| shades[mean(x) * shades.len() / 256]).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A shape for people: `64 x 20 x 24 x 24`; a scalar is `(1)`, as in Caffe's logs.
pub fn shape(shape: &[usize]) -> String {
    match shape {
        [] => "(1)".into(),
        _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x "),
    }
}

/// Bytes for people.
pub fn memory(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} KB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// A number with its thousands set apart: 431,080.
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
