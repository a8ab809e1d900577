//! A trace: what every layer of a net was given and what it made of it, as it stands after the last pass.

use super::stats::{Stats, short};
use super::thumb::Sample;
use super::{Table, shape};
use crate::blob::Values;
use crate::memory::Side;
use crate::net::view::VersionView;
use crate::{Blob, Net, Phase, Result};
use std::fmt;

/// What flowed through a net. `show(&net.trace()?)?` draws a strip: a row per layer, with pictures of the first sample.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The net's name.
    pub net: String,
    /// The net's phase.
    pub phase: Phase,
    /// How many passes had begun.
    pub passes: u64,
    /// The layers, in the order in which they run forward.
    pub layers: Vec<TracedLayer>,
}

/// A layer in a [`Trace`].
#[derive(Clone, Debug)]
pub struct TracedLayer {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// What it reads.
    pub bottoms: Vec<TracedBottom>,
    /// What it writes.
    pub tops: Vec<TracedTop>,
    /// What it learns.
    pub params: Vec<TracedParam>,
}

/// A blob that a layer reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TracedBottom {
    /// The blob's name.
    pub blob: String,
    /// Its version: 0, and one more for each layer in place that ran on it.
    pub version: usize,
    /// Whether the layer's backward writes the blob's diff.
    pub gradient: bool,
}

/// A blob that a layer writes.
#[derive(Clone, Debug)]
pub struct TracedTop {
    /// The blob's name.
    pub blob: String,
    /// The version that this layer makes; greater than 0 if it computes in place.
    pub version: usize,
    /// The blob's shape.
    pub shape: Vec<usize>,
    /// The weight of the blob in the objective.
    pub loss_weight: f32,
    /// What forward made.
    pub data: Traced,
    /// What backward made.
    pub diff: Traced,
}

/// A learnable blob of a layer.
#[derive(Clone, Debug)]
pub struct TracedParam {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Whether an earlier layer uses the same parameter.
    pub shared: bool,
    /// Its values.
    pub data: Traced,
    /// Its gradient.
    pub diff: Traced,
}

/// The values of one side of a blob.
#[derive(Clone, Debug)]
pub enum Traced {
    /// Nobody has written or read them yet: they are zeros.
    Untouched,
    /// A net of [`Keep::Needed`](crate::net::Keep) has handed their array on.
    Freed,
    /// Their statistics, and the first sample of the batch.
    Kept(Stats, Sample),
}

impl Traced {
    fn of(values: &Values) -> Traced {
        match values.memory().side() {
            Side::Nowhere => Traced::Untouched,
            _ => Traced::Kept(Stats::of(values.slice()), Sample::of(values)),
        }
    }

    /// The statistics of the values, if they are there.
    pub fn stats(&self) -> Option<&Stats> {
        match self {
            Traced::Kept(stats, _) => Some(stats),
            _ => None,
        }
    }
}

impl Net {
    /// What every layer was given and what it made of it, as it stands now: after a forward the data, after a backward
    /// also the diffs. The trace is a copy, so the net can run on.
    ///
    /// ```
    /// use cortado::{Net, Phase, show::show};
    /// let mut net = Net::from_prototxt(r#"
    ///     layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
    ///     layer { name: "relu" type: "ReLU" bottom: "x" top: "x" }
    /// "#, Phase::Test)?;
    /// net.data_mut("x")?.assign(&ndarray::array![[-1.0, 0.0, 4.0], [-2.0, -2.0, 0.0]])?;
    /// net.forward()?;
    /// let trace = net.trace()?;
    /// let before = trace.layers[0].tops[0].data.stats().copied();
    /// let after = trace.layers[1].tops[0].data.stats().copied();
    /// assert_eq!(before.map(|s| (s.min, s.zeros)), Some((-2.0, 2)));
    /// assert_eq!(after.map(|s| (s.min, s.zeros)), Some((0.0, 5)));
    /// show(&trace)?;
    /// # Ok::<(), cortado::Error>(())
    /// ```
    ///
    /// # Errors
    /// None that a whole net can give.
    pub fn trace(&self) -> Result<Trace> {
        let mut seen = Vec::new();
        let mut layers = Vec::new();
        for layer in self.layer_views() {
            let bottom =
                |(b, gradient): (VersionView, bool)| TracedBottom { blob: b.blob.into(), version: b.version, gradient };
            let top = |(t, loss_weight): (VersionView, f32)| TracedTop {
                blob: t.blob.into(),
                version: t.version,
                shape: t.shape.to_vec(),
                loss_weight,
                data: t.data.map_or(Traced::Freed, Traced::of),
                diff: t.diff.map_or(Traced::Freed, Traced::of),
            };
            let param = |&(id, w): &(usize, &Blob)| TracedParam {
                shape: w.shape().to_vec(),
                shared: seen.contains(&id),
                data: Traced::of(&w.data),
                diff: Traced::of(&w.diff),
            };
            let params = layer.params.iter().map(param).collect();
            seen.extend(layer.params.iter().map(|(id, _)| *id));
            layers.push(TracedLayer {
                name: layer.name.into(),
                kind: layer.kind.into(),
                bottoms: layer.bottoms.into_iter().map(bottom).collect(),
                tops: layer.tops.into_iter().map(top).collect(),
                params,
            });
        }
        Ok(Trace { net: self.name().into(), phase: self.phase(), passes: self.passes(), layers })
    }
}

/// A blob's name, with its version if that is not the first.
pub(super) fn versioned(blob: &str, version: usize) -> String {
    if version == 0 { blob.into() } else { format!("{blob} v{version}") }
}

impl TracedLayer {
    /// `ip1 -> ip2`, each blob as `name` calls it.
    pub(super) fn flow(&self, name: impl Fn(&str, usize) -> String) -> String {
        let bottoms: Vec<String> = self.bottoms.iter().map(|b| name(&b.blob, b.version)).collect();
        let tops: Vec<String> = self.tops.iter().map(|t| name(&t.blob, t.version)).collect();
        match (bottoms.is_empty(), tops.is_empty()) {
            (true, _) => format!("-> {}", tops.join(", ")),
            (_, true) => format!("{} ->", bottoms.join(", ")),
            _ => format!("{} -> {}", bottoms.join(", "), tops.join(", ")),
        }
    }
}

impl Trace {
    /// The net, its phase and how often it ran.
    pub(super) fn title(&self) -> String {
        let name = if self.net.is_empty() { "A net" } else { &self.net };
        let phase = if self.phase == Phase::Train { "TRAIN" } else { "TEST" };
        let passes = match self.passes {
            0 => "before its first pass".into(),
            1 => "after 1 pass".into(),
            n => format!("after {n} passes"),
        };
        format!("{name}, phase {phase}, {passes}")
    }
}

impl fmt::Display for Trace {
    /// A line for each blob version and each parameter: shape, and least, mean and greatest value of data and of diff.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = ["layer", "type", "bottoms -> tops", "shape"];
        let figures = ["<data min", "<mean", "<max", "<diff min", "<mean", "<max"];
        let mut table = Table::new(&[headings.as_slice(), figures.as_slice()].concat());
        let figures = |data: &Traced, diff: &Traced| [words(data), words(diff)].concat();
        for layer in &self.layers {
            let mut start = [layer.name.clone(), layer.kind.clone(), layer.flow(versioned)];
            for top in &layer.tops {
                let cells = [start.as_slice(), &[shape(&top.shape)], &figures(&top.data, &top.diff)].concat();
                table.row(cells);
                start = Default::default();
            }
            for (i, param) in layer.params.iter().enumerate() {
                let shared = if param.shared { " (shared)" } else { "" };
                let what = ["".into(), "".into(), format!("   param {i}{shared}"), shape(&param.shape)];
                table.row([what.as_slice(), &figures(&param.data, &param.diff)].concat());
            }
            if layer.tops.is_empty() {
                table.row(start);
            }
        }
        write!(f, "{}\n\n{table}", self.title())
    }
}

fn words(side: &Traced) -> Vec<String> {
    let one = |word: &str| vec![word.to_string(), String::new(), String::new()];
    match side {
        Traced::Untouched => one("-"),
        Traced::Freed => one("freed"),
        Traced::Kept(s, _) if s.count == 0 => one("empty"),
        Traced::Kept(s, _) if s.all_zero() => one("0"),
        Traced::Kept(s, _) if s.broken > 0 => vec![short(s.min), format!("{} broken", s.broken), short(s.max)],
        Traced::Kept(s, _) if s.count == 1 => vec![String::new(), short(s.mean), String::new()],
        Traced::Kept(s, _) => vec![short(s.min), short(s.mean), short(s.max)],
    }
}
