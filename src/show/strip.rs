//! The data-flow strip: a row per layer, from the data down to the loss. Lines at the left join the layer that makes a
//! blob to those that read it; beside each layer are pictures of what it made, and of the gradient that came back.

use super::flow::{Crossing, lanes};
use super::stats::short;
use super::svg::{Anchor, COLOURS, GRID, INK, PALE, Svg, fit, text_width};
use super::thumb::{Colours, Sample};
use super::trace::{Trace, Traced, TracedBottom, TracedLayer, TracedTop, versioned};
use super::{Look, Show, shape, thousands};
use crate::Result;
use std::collections::HashMap;

const MARGIN: f32 = 20.0;
/// From lane to lane.
const LANE: f32 = 18.0;
/// The columns' widths: words, a picture, the figures' names, figures.
const WORDS: f32 = 208.0;
const PICTURE: (f32, f32) = (118.0, 66.0);
const NAMES: f32 = 40.0;
const FIGURES: f32 = 68.0;
/// The sizes of the title, of names and figures, and of what is less important.
const LARGE: f32 = 16.0;
const NORMAL: f32 = 13.0;
const SMALL: f32 = 12.0;
/// From baseline to baseline.
const LEADING: f32 = 17.0;
/// The colour of counts of NaN and infinite values.
const ALARM: &str = "#b00060";

/// The left edges of the columns; for figures the right edges.
struct Columns {
    words: f32,
    data: f32,
    diff: f32,
    names: f32,
    data_figures: f32,
    diff_figures: f32,
    right: f32,
}

impl Columns {
    fn beside(lanes: usize) -> Columns {
        let words = MARGIN + lanes as f32 * LANE + 8.0;
        let data = words + WORDS + 10.0;
        let diff = data + PICTURE.0 + 12.0;
        let names = diff + PICTURE.0 + 16.0;
        let data_figures = names + NAMES + FIGURES;
        let diff_figures = data_figures + FIGURES + 8.0;
        Columns { words, data, diff, names, data_figures, diff_figures, right: diff_figures }
    }
}

/// The names of a Split's copies: each gets the name that the prototxt gives the blob.
struct Copies(HashMap<String, String>);

impl Copies {
    fn of(trace: &Trace) -> Copies {
        let splits = trace.layers.iter().filter(|l| l.kind == "Split");
        let pairs = splits.filter_map(|l| Some((l.bottoms.first()?, &l.tops)));
        let name = |b: &TracedBottom| versioned(&b.blob, b.version);
        Copies(pairs.flat_map(|(b, tops)| tops.iter().map(move |t| (t.blob.clone(), name(b)))).collect())
    }

    fn name(&self, blob: &str, version: usize) -> String {
        self.0.get(blob).filter(|_| version == 0).cloned().unwrap_or_else(|| versioned(blob, version))
    }
}

impl Trace {
    /// The strip as SVG.
    pub fn to_svg(&self) -> String {
        let copies = Copies::of(self);
        let (crossings, lanes) = lanes(self);
        let at = Columns::beside(lanes);
        let mut svg = Svg::new(at.right + MARGIN, 0.0, &self.title());
        svg.text((MARGIN, 32.0), LARGE, INK, Anchor::Start, &self.title());
        let y = 62.0;
        for (x, anchor, word) in [
            (at.data, Anchor::Start, "data"),
            (at.diff, Anchor::Start, "diff"),
            (at.data_figures, Anchor::End, "data"),
            (at.diff_figures, Anchor::End, "diff"),
        ] {
            svg.text((x, y), NORMAL, PALE, anchor, word);
        }
        let mut y = y + 10.0;
        for (layer, crossing) in self.layers.iter().zip(&crossings) {
            svg.line((at.words, y), (at.right, y), GRID, 1.0);
            let end = row(&mut svg, &at, layer, &arrow(layer, &copies), &readers(layer, self), y);
            cross(&mut svg, crossing, layer, y, end);
            y = end;
        }
        svg.line((at.words, y), (at.right, y), GRID, 1.0);
        y = legend(&mut svg, y + 24.0, self);
        svg.set_height(y + 16.0);
        svg.finish()
    }
}

impl Show for Trace {
    fn look(&self) -> Result<Look> {
        Ok(Look { text: self.to_string(), ..Look::svg(self.title(), self.to_svg()) })
    }
}

/// Which layer reads each top; none if none does.
fn readers<'a>(layer: &TracedLayer, trace: &'a Trace) -> Vec<Option<&'a str>> {
    let reads = |l: &TracedLayer, t: &TracedTop| l.bottoms.iter().any(|b| b.blob == t.blob && b.version == t.version);
    let reader = |t: &TracedTop| trace.layers.iter().find(|l| reads(l, t)).map(|l| l.name.as_str());
    layer.tops.iter().map(reader).collect()
}

/// Draws a layer's row from `top` on; gives where it ends.
fn row(svg: &mut Svg, at: &Columns, layer: &TracedLayer, arrow: &str, readers: &[Option<&str>], top: f32) -> f32 {
    let copies = layer.kind == "Split";
    let mut words = top + 24.0;
    let name = fit(&layer.name, NORMAL, 0.66 * WORDS);
    svg.text((at.words, words), NORMAL, INK, Anchor::Start, &name);
    let x = at.words + text_width(&name, NORMAL) + 10.0;
    let kind = fit(&layer.kind, NORMAL, at.words + WORDS - x);
    svg.text((x, words), NORMAL, PALE, Anchor::Start, &kind);
    words += LEADING;
    svg.text((at.words, words), SMALL, PALE, Anchor::Start, &fit(arrow, SMALL, WORDS));

    let (mut figures, mut pictures) = (top + 24.0, top + 13.0);
    for (i, t) in layer.tops.iter().enumerate() {
        let shown = [(&t.data, at.data, at.data_figures), (&t.diff, at.diff, at.diff_figures)];
        let shown = if copies { &shown[1..] } else { &shown[..] };
        if copies && !worth_drawing(&t.diff) {
            continue; // a copy of the blob above, without a gradient
        }
        // The first top stands beside the layer's name, each other one under the one before.
        if i > 0 {
            let next = words.max(figures).max(pictures + 8.0);
            (figures, pictures) = (next + 8.0, next - 3.0);
            words = words.max(figures - LEADING);
        }
        words += LEADING;
        let own = match readers[i] {
            Some(reader) if copies => format!("from {reader}: "),
            _ if layer.tops.len() > 1 => format!("{}: ", t.blob),
            _ => String::new(),
        };
        svg.text((at.words, words), SMALL, PALE, Anchor::Start, &fit(&(own + &about(t)), SMALL, WORDS));
        let mut tall = 0.0f32;
        for (side, x, _) in shown {
            tall = tall.max(picture(svg, (*x, pictures), side, layer, *x == at.diff));
        }
        let lines = columns(shown.iter().map(|(side, ..)| *side));
        // A side without figures shows its word on the line of the mean.
        let middle = lines.iter().find(|line| **line == "mean").or(lines.first()).copied();
        for line in lines {
            for (side, _, x) in shown {
                figure(svg, (line, Some(line) == middle), side, *x, figures);
            }
            svg.text((at.names, figures), SMALL, PALE, Anchor::Start, line);
            figures += LEADING;
        }
        pictures += tall;
    }
    let mut y = words.max(figures - LEADING);
    for (i, p) in layer.params.iter().enumerate() {
        y = y.max(if i == 0 { pictures - 8.0 } else { y }) + LEADING;
        let shared = if p.shared { ", shared" } else { "" };
        let text = format!("param {i}: {}{shared}", times(&p.shape));
        svg.text((at.words, y), SMALL, PALE, Anchor::Start, &fit(&text, SMALL, WORDS));
        svg.text((at.names, y), SMALL, PALE, Anchor::Start, "|x|");
        figure(svg, ("|x|", true), &p.data, at.data_figures, y);
        figure(svg, ("|x|", true), &p.diff, at.diff_figures, y);
    }
    (y + 14.0).max(pictures + 12.0)
}

/// What a layer does with which blobs.
fn arrow(layer: &TracedLayer, copies: &Copies) -> String {
    match (layer.bottoms.as_slice(), layer.tops.as_slice()) {
        ([bottom], tops) if layer.kind == "Split" => {
            format!("{} \u{2192} {} copies", versioned(&bottom.blob, bottom.version), tops.len())
        }
        ([bottom], [top]) if bottom.blob == top.blob => {
            format!("{}, in place \u{2192} v{}", versioned(&bottom.blob, bottom.version), top.version)
        }
        _ => layer.flow(|blob, version| copies.name(blob, version)).replace("->", "\u{2192}"),
    }
}

/// A shape with a proper sign between the numbers.
fn times(dims: &[usize]) -> String {
    shape(dims).replace('x', "\u{d7}")
}

/// A top's shape, loss weight and number of maps drawn.
fn about(top: &TracedTop) -> String {
    let mut text = times(&top.shape);
    if top.loss_weight != 0.0 {
        text += &format!(", loss weight {}", short(top.loss_weight));
    }
    if let Traced::Kept(_, Sample::Maps { of, height, width, values }) = &top.data
        && values.len() < of * height * width
    {
        text += &format!(", {} maps drawn", values.len() / (height * width));
    }
    text
}

fn worth_drawing(side: &Traced) -> bool {
    matches!(side, Traced::Kept(stats, _) if stats.count > 0 && !stats.all_zero())
}

/// Draws a side's first sample; gives its height.
fn picture(svg: &mut Svg, (x, y): (f32, f32), side: &Traced, layer: &TracedLayer, diff: bool) -> f32 {
    let Traced::Kept(stats, sample) = side else { return 0.0 };
    if diff && stats.all_zero() {
        return 0.0;
    }
    let image = layer.bottoms.is_empty() && matches!(sample, Sample::Maps { of: 3, .. });
    let colours = match diff {
        true => Colours::Signed,
        false if image => Colours::Image,
        false => Colours::Grey,
    };
    sample.draw(svg, (x, y), PICTURE, colours)
}

/// The figures that some of the sides have.
fn columns<'a>(sides: impl Iterator<Item = &'a Traced>) -> Vec<&'static str> {
    let mut lines = Vec::new();
    for side in sides {
        let Traced::Kept(stats, _) = side else { continue };
        let names: &[&str] = match stats {
            s if s.count == 0 => &["empty"],
            s if s.all_zero() => &["mean"],
            s if s.count == 1 && s.broken == 0 => &["value"],
            _ => &["min", "mean", "max"],
        };
        lines.extend(names);
        if stats.broken > 0 {
            lines.push("broken");
        } else if stats.count > 1 && stats.zeros * 100 >= stats.count && !stats.all_zero() {
            lines.push("zeros");
        }
    }
    let order = ["empty", "min", "value", "mean", "max", "zeros", "broken"];
    let mut kept: Vec<&str> = order.into_iter().filter(|name| lines.contains(name)).collect();
    if kept.contains(&"value") {
        kept.retain(|name| *name != "mean");
    }
    if kept.is_empty() { vec!["mean"] } else { kept }
}

/// Writes one figure of a side, flush right; on the middle line also the word of a side that has no figures.
fn figure(svg: &mut Svg, (line, middle): (&str, bool), side: &Traced, x: f32, y: f32) {
    let (text, colour) = match (line, side) {
        (_, Traced::Freed) if middle => ("freed".into(), PALE),
        (_, Traced::Untouched) if middle => ("\u{2013}".into(), PALE),
        (_, Traced::Kept(s, _)) if middle && s.count == 0 => ("0 values".into(), PALE),
        (_, Traced::Kept(s, _)) if middle && s.all_zero() => ("0".into(), PALE),
        (_, Traced::Freed | Traced::Untouched) => return,
        (_, Traced::Kept(s, _)) if s.count == 0 || s.all_zero() => return,
        ("min", Traced::Kept(s, _)) => (short(s.min), INK),
        ("mean" | "value", Traced::Kept(s, _)) => (short(s.mean), INK),
        ("max", Traced::Kept(s, _)) => (short(s.max), INK),
        ("|x|", Traced::Kept(s, _)) => (short(s.size), INK),
        ("zeros", Traced::Kept(s, _)) => (format!("{:.0} %", 100.0 * s.zeros as f32 / s.count as f32), PALE),
        ("broken", Traced::Kept(s, _)) if s.broken > 0 => (thousands(s.broken), ALARM),
        _ => return,
    };
    svg.text((x, y), NORMAL, colour, Anchor::End, &text.replace('-', "\u{2212}"));
}

/// The lines of a row: what passes by, what comes in, what goes out, and the layer's dot.
fn cross(svg: &mut Svg, crossing: &Crossing, layer: &TracedLayer, top: f32, end: f32) {
    let x = |lane: usize| MARGIN + (lane as f32 + 0.5) * LANE;
    let (cx, cy) = (x(crossing.node), top + 20.0);
    let bend = 12.0;
    for &(lane, gradient) in &crossing.past {
        wire(svg, &format!("M{} {top}V{end}", x(lane)), gradient);
    }
    for &(lane, gradient) in &crossing.into {
        let path = match lane == crossing.node {
            true => format!("M{cx} {top}V{cy}"),
            false => format!("M{0} {top}V{1}Q{0} {cy} {cx} {cy}", x(lane), cy - bend),
        };
        wire(svg, &path, gradient);
    }
    for &(lane, gradient) in &crossing.out {
        let path = match lane == crossing.node {
            true => format!("M{cx} {cy}V{end}"),
            false => format!("M{cx} {cy}Q{0} {cy} {0} {1}V{end}", x(lane), cy + bend),
        };
        wire(svg, &path, gradient);
    }
    let in_place = layer.tops.iter().any(|t| t.version > 0);
    dot(svg, (cx, cy), in_place, crossing.out.is_empty());
}

fn wire(svg: &mut Svg, path: &str, gradient: bool) {
    let dash = if gradient { "" } else { " stroke-dasharray=\"2 3\"" };
    svg.mark(&format!("<path d=\"{path}\" fill=\"none\" stroke=\"{PALE}\" stroke-width=\"1.4\"{dash}/>"));
}

/// A layer: a dot; a ring if nothing below reads it; with a loop around it if it computes in place.
fn dot(svg: &mut Svg, (x, y): (f32, f32), in_place: bool, last: bool) {
    let fill = if last { super::svg::CARD } else { COLOURS[0] };
    let colour = COLOURS[0];
    svg.mark(&format!(
        "<circle cx=\"{x}\" cy=\"{y}\" r=\"4\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"1.6\"/>"
    ));
    if in_place {
        // Three quarters of a circle, and an arrow's head at its end.
        let arc = format!("M{:.1} {:.1}A7.5 7.5 0 1 0 {:.1} {:.1}", x + 5.3, y - 5.3, x + 5.3, y + 5.3);
        svg.path(&arc, colour, 1.2);
        let (tip, barbs) = ((x + 6.2, y + 4.4), [(x + 4.8, y + 9.3), (x + 1.6, y + 6.2)]);
        let [(ax, ay), (bx, by)] = barbs;
        svg.mark(&format!("<path d=\"M{} {}L{ax} {ay}L{bx} {by}Z\" fill=\"{colour}\"/>", tip.0, tip.1));
    }
}

/// What colours and lines mean; gives where it ends.
fn legend(svg: &mut Svg, y: f32, trace: &Trace) -> f32 {
    let text = "Pictures of sample 0: data from black (least) to white (greatest); diffs blue below zero, orange above (by their square root).";
    svg.text((MARGIN, y), SMALL, PALE, Anchor::Start, text);
    let y = y + LEADING + 2.0;
    let mut x = MARGIN;
    let mut entry = |svg: &mut Svg, wide: f32, text: &str| {
        svg.text((x + wide, y), SMALL, PALE, Anchor::Start, text);
        let mark = (x, y - 4.0);
        x += wide + text_width(text, SMALL) + 22.0;
        mark
    };
    let (left, level) = entry(svg, 30.0, "a gradient comes back");
    wire(svg, &format!("M{left} {level}h22"), true);
    let (left, level) = entry(svg, 30.0, "none does");
    wire(svg, &format!("M{left} {level}h22"), false);
    let in_place = trace.layers.iter().any(|l| l.tops.iter().any(|t| t.version > 0));
    if in_place {
        let (left, level) = entry(svg, 24.0, "in place: a new version of the blob");
        dot(svg, (left + 8.0, level), true, false);
    }
    let (left, level) = entry(svg, 18.0, "no layer reads it");
    dot(svg, (left + 5.0, level), false, true);
    y
}
