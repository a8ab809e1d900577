//! The index arithmetic of a layer as a picture: the cells of one axis, and above them what each output reads.

use crate::example::{self, Example, Run};
use cortado::Result;
use cortado::show::svg::{Anchor, COLOURS, GRID, INK, PALE, Svg, text_width};
use std::ops::Range;

/// The cells of an axis, some of them beyond its ends, and the spans above them.
struct Map {
    title: String,
    /// What the cells are called.
    name: &'static str,
    cells: Range<i64>,
    size: i64,
    spans: Vec<Span>,
}

/// The cells that belong together: those of a window, or those of a part.
struct Span {
    label: String,
    cells: Vec<i64>,
}

/// The picture of a type's example, if there is something to see.
pub fn of(kind: &str) -> Result<Option<String>> {
    let example = example::of(kind)?;
    if example.run == Run::Not { Ok(None) } else { Ok(map(example)?.map(draw)) }
}

/// Where the indices of a layer's example lead.
fn map(example: &Example) -> Result<Option<Map>> {
    let number = |field: &str, or: i64| {
        let given = example.fields.split("; ").find_map(|f| f.strip_prefix(field)?.strip_prefix(": ")?.parse().ok());
        given.unwrap_or(or)
    };
    let [kernel, stride, pad] = [("kernel_size", 1), ("stride", 1), ("pad", 0)].map(|(field, or)| number(field, or));
    let dilation = number("dilation", 1);
    let window = |label: &str, o: i64| Span {
        label: format!("{label}[{o}]"),
        cells: (0..kernel).map(|j| o * stride + j * dilation - pad).collect(),
    };
    let net = example.run()?;
    let last = |blob: &str| net.shape(blob).map(|shape| shape.last().map_or(0, |&n| n as i64));
    let described = |what: &str, size: i64, outs: String| {
        let dilated = if dilation > 1 { format!(", dilation {dilation}") } else { String::new() };
        format!("{what}: size {size}, kernel {kernel}, stride {stride}, pad {pad}{dilated}; {outs}")
    };
    // Parts of an axis, one after the other.
    let parts = |lengths: Vec<(&str, i64)>| {
        let mut start = 0;
        let span = |(label, n): (&str, i64)| {
            start += n;
            Span { label: label.into(), cells: (start - n..start).collect() }
        };
        lengths.into_iter().map(span).collect::<Vec<_>>()
    };
    let map = match example.kind {
        "Convolution" | "Im2col" | "Pooling" => {
            let (size, outs) = (last("x")?, last("y")?);
            let title = described("The last axis of x", size, format!("{outs} windows"));
            Map { title, name: "x", cells: 0..size, size, spans: (0..outs).map(|o| window("y", o)).collect() }
        }
        "Deconvolution" => {
            let (size, outs) = (last("x")?, last("y")?);
            let title = described("The last axis", size, format!("{outs} values of y"));
            Map { title, name: "y", cells: 0..outs, size: outs, spans: (0..size).map(|o| window("x", o)).collect() }
        }
        "SPP" => {
            let size = last("x")?;
            let bins = |level: u32| {
                let n = 1i64 << level;
                let kernel = (size + n - 1) / n;
                let pad = (kernel * n - size + 1) / 2;
                let at = move |b: i64| (b * kernel - pad..(b + 1) * kernel - pad).collect();
                (0..n).map(move |b| Span { label: format!("level {level}, bin {b}"), cells: at(b) })
            };
            let levels = number("pyramid_height", 1) as u32;
            let title = format!("One axis of x, of size {size}: the bins of {levels} levels");
            Map { title, name: "x", cells: 0..size, size, spans: (0..levels).flat_map(bins).collect() }
        }
        "LRN" => {
            let (size, n) = (net.shape("x")?[1] as i64, number("local_size", 5));
            let around = |c: i64| Span { label: format!("y[{c}]"), cells: (c - n / 2..=c + n / 2).collect() };
            let title = format!("The channels of x: the {n} that each y divides by");
            Map { title, name: "x", cells: 0..size, size, spans: (0..size).map(around).collect() }
        }
        "Crop" => {
            let (size, outs, offset) = (last("x")?, last("y")?, number("offset", 0));
            let spans = (0..outs).map(|i| Span { label: format!("y[{i}]"), cells: vec![i + offset] }).collect();
            Map { title: format!("The last axis of x: offset {offset}"), name: "x", cells: 0..size, size, spans }
        }
        "Concat" | "Tile" => {
            let size = last("y")?;
            let lengths = match example.kind {
                "Tile" => vec![("x", last("x")?); number("tiles", 1) as usize],
                _ => vec![("a", last("a")?), ("b", last("b")?)],
            };
            Map { title: "Axis 1 of y".into(), name: "y", cells: 0..size, size, spans: parts(lengths) }
        }
        "Slice" => {
            let (size, spans) = (last("x")?, parts(vec![("a", last("a")?), ("b", last("b")?)]));
            Map {
                title: format!("Axis 1 of x: slice_point {}", number("slice_point", 0)),
                name: "x",
                cells: 0..size,
                size,
                spans,
            }
        }
        _ => return Ok(None),
    };
    let reached = |end: fn(i64, i64) -> i64, from: i64| map.spans.iter().flat_map(|s| s.cells.clone()).fold(from, end);
    let cells = reached(i64::min, map.cells.start)..reached(|a, b| a.max(b + 1), map.cells.end);
    Ok(Some(Map { cells, ..map }))
}

const CELL: f32 = 38.0;
const ROW: f32 = 24.0;
const SIZE: f32 = 13.0;

fn draw(map: Map) -> String {
    let Map { title, name, cells, size, spans } = map;
    let label = spans.iter().map(|s| text_width(&s.label, SIZE)).fold(text_width(name, SIZE), f32::max);
    let (left, top) = ((label + 32.0).ceil(), 46.0);
    let width = (left + (cells.end - cells.start) as f32 * CELL + 20.0).max(text_width(&title, SIZE) + 40.0).ceil();
    let floor = top + spans.len() as f32 * ROW + 4.0;
    let mut svg = Svg::new(width, floor + CELL + 20.0, &title);
    svg.text((20.0, 28.0), SIZE, INK, Anchor::Start, &title);
    let x = |cell: i64| left + (cell - cells.start) as f32 * CELL;
    for (k, span) in spans.iter().enumerate() {
        let (y, colour) = (top + (k as f32 + 0.5) * ROW, COLOURS[k % COLOURS.len()]);
        svg.text((left - 12.0, y + 4.5), SIZE, colour, Anchor::End, &span.label);
        let (Some(first), Some(last)) = (span.cells.first(), span.cells.last()) else { continue };
        svg.line((x(*first) + 5.0, y), (x(last + 1) - 5.0, y), colour, 2.0);
        for cell in &span.cells {
            svg.rect((x(*cell) + 5.0, y - 5.0), (CELL - 10.0, 10.0), colour);
        }
    }
    svg.text((left - 12.0, floor + CELL / 2.0 + 4.5), SIZE, INK, Anchor::End, name);
    for cell in cells.clone() {
        let inside = (0..size).contains(&cell);
        let (stroke, colour) = if inside { (INK, INK) } else { (GRID, PALE) };
        svg.mark(&format!(
            "<rect x=\"{}\" y=\"{floor}\" width=\"{}\" height=\"{CELL}\" rx=\"2\" fill=\"{}\" stroke=\"{stroke}\"/>",
            x(cell) + 1.0,
            CELL - 2.0,
            if inside { "white" } else { "none" },
        ));
        svg.text((x(cell) + CELL / 2.0, floor + CELL / 2.0 + 4.5), SIZE, colour, Anchor::Middle, &cell.to_string());
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture shows what the layer does: where the diff of one output goes, is its span.
    #[test]
    fn the_spans_are_where_gradients_go() {
        for (kind, axis, all) in [
            ("Convolution", 2, true),
            ("Im2col", 2, true),
            ("Deconvolution", 2, true),
            ("Pooling", 3, false), // the maximum is only one of its window
            ("Crop", 3, true),
            ("LRN", 1, true),
        ] {
            let example = example::of(kind).unwrap();
            let map = map(example).unwrap().unwrap();
            let mut net = example.run().unwrap();
            let outs = net.shape("y").unwrap()[axis] as i64;
            for o in 0..outs {
                let dy = net.diff_mut("y").unwrap();
                dy.fill(0.0);
                dy.view_mut().index_axis_mut(cortado::ndarray::Axis(axis), o as usize).fill(1.0);
                net.backward().unwrap();
                let dx = net.diff("x").unwrap().view();
                let found: Vec<i64> = (0..dx.shape()[axis] as i64)
                    .filter(|i| dx.index_axis(cortado::ndarray::Axis(axis), *i as usize).iter().any(|dx| *dx != 0.0))
                    .collect();
                let expected: Vec<i64> = match kind {
                    "Deconvolution" => {
                        (0..).zip(&map.spans).filter(|(_, s)| s.cells.contains(&o)).map(|(i, _)| i).collect()
                    }
                    _ => map.spans[o as usize].cells.iter().copied().filter(|c| (0..map.size).contains(c)).collect(),
                };
                match all {
                    true => assert_eq!(found, expected, "{kind}, output {o}"),
                    false => {
                        assert!(!found.is_empty() && found.iter().all(|i| expected.contains(i)), "{kind}, output {o}")
                    }
                }
            }
        }
    }
}
