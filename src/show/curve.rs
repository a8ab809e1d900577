//! Curves as SVG: plotters draws the axes and the lines, on our card with our title.

use super::svg::{self, Anchor, Svg, text_width, ticks};
use crate::{Error, Kind, Result, files};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use std::path::Path;

/// The plot's size.
const SIZE: (u32, u32) = (720, 400);
/// Lines of plotters run from one whole pixel to another; it draws this much larger, so that they run smoothly.
const FINE: u32 = 8;
/// A line of more points than this is drawn pale, with its running mean over it.
const SMOOTH_FROM: usize = 100;

/// A drawing of lines over two axes.
///
/// ```
/// use cortado::show::Chart;
/// let loss: Vec<(f64, f64)> = (0..50).map(|i| (i as f64, 2.3 * (-0.1 * i as f64).exp())).collect();
/// let svg = Chart::new("Training").axes("iteration", "loss").log().line("loss", &loss).to_svg()?;
/// assert!(svg.starts_with("<svg"));
/// # Ok::<(), cortado::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chart {
    title: String,
    x: String,
    y: String,
    log: bool,
    lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// Draws lines of (x, y) points, each with its name, into an SVG file: iterations and losses. [`Chart`] has more to set.
///
/// # Errors
/// As [`Chart::save`].
pub fn curve(lines: &[(&str, &[(f64, f64)])], title: &str, path: impl AsRef<Path>) -> Result {
    let chart = Chart::new(title).axes("iteration", "loss");
    lines.iter().fold(chart, |chart, (name, points)| chart.line(name, points)).save(path)
}

impl Chart {
    /// A chart without lines: the title, axes without names, linear scales.
    pub fn new(title: &str) -> Chart {
        Chart { title: title.into(), x: String::new(), y: String::new(), log: false, lines: Vec::new() }
    }

    /// What it is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Names the axes.
    pub fn axes(mut self, x: &str, y: &str) -> Chart {
        (self.x, self.y) = (x.into(), y.into());
        self
    }

    /// Makes the y axis logarithmic; points that are not positive are left out.
    pub fn log(mut self) -> Chart {
        self.log = true;
        self
    }

    /// Adds a line. Points that are not finite are left out.
    pub fn line(mut self, name: &str, points: &[(f64, f64)]) -> Chart {
        self.lines.push((name.into(), points.to_vec()));
        self
    }

    /// Writes the drawing to a file.
    ///
    /// # Errors
    /// There is no point to draw, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result {
        files::write_aside(path.as_ref(), self.to_svg()?.as_bytes())
    }

    /// The drawing as SVG.
    ///
    /// # Errors
    /// There is no point to draw.
    pub fn to_svg(&self) -> Result<String> {
        let drawable = |&&(x, y): &&(f64, f64)| x.is_finite() && y.is_finite() && (y > 0.0 || !self.log);
        let lines: Vec<(&str, Vec<(f64, f64)>)> = self
            .lines
            .iter()
            .map(|(name, points)| (name.as_str(), points.iter().filter(drawable).copied().collect()))
            .collect();
        let points = || lines.iter().flat_map(|(_, points)| points);
        let range = |of: fn(&(f64, f64)) -> f64| {
            points().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
        };
        let ((left, right), (low, high)) = (range(|p| p.0), range(|p| p.1));
        if !left.is_finite() || !low.is_finite() {
            return Err(Error::value(format!("\"{}\" has no points to draw", self.title)));
        }
        let right = if right > left { right } else { left + 1.0 };
        let (low, high) = match self.log {
            true => (low / 1.3, high * 1.3),
            false => {
                let margin = if high > low { 0.04 * (high - low) } else { 1.0 };
                (if (0.0..=high - low).contains(&low) { 0.0 } else { low - margin }, high + margin)
            }
        };
        // A range that ends just before a round number (iteration 1999) goes on to it.
        let after = ticks(left, right + 0.02 * (right - left), 8).last().copied().unwrap_or(right);
        let x = Axis { low: left, high: right.max(after), log: false };
        let y = Axis { low, high, log: self.log };
        let mut plot = String::new();
        let root = SVGBackend::with_string(&mut plot, (SIZE.0 * FINE, SIZE.1 * FINE)).into_drawing_area();
        let drawn = self.draw(&root, &lines, x, y);
        drawn.map_err(|e| Error::new(Kind::Value, format!("cannot draw \"{}\": {e}", self.title)))?;
        drop(root);
        Ok(self.on_card(&plot))
    }

    /// The plot on its card, under the title and the lines' names.
    fn on_card(&self, plot: &str) -> String {
        let (width, height) = (SIZE.0 as f32, SIZE.1 as f32);
        let names: Vec<&str> = self.lines.iter().map(|(name, _)| name.as_str()).collect();
        let head = if self.title.is_empty() { 0.0 } else { 28.0 } + if names.len() > 1 { 24.0 } else { 0.0 };
        let mut svg = Svg::new(width, height + head, &self.title);
        if !self.title.is_empty() {
            svg.text((20.0, 32.0), 16.0, svg::INK, Anchor::Start, &self.title);
        }
        let mut x = 20.0;
        for (i, name) in names.iter().enumerate().filter(|_| names.len() > 1) {
            svg.line((x, head + 4.0), (x + 18.0, head + 4.0), svg::COLOURS[i % svg::COLOURS.len()], 2.0);
            svg.text((x + 25.0, head + 8.5), 13.0, svg::INK, Anchor::Start, name);
            x += 47.0 + text_width(name, 13.0);
        }
        let inner = plot.split_once('>').map_or("", |(_, rest)| rest.trim_end().trim_end_matches("</svg>"));
        let scale = 1.0 / FINE as f32;
        svg.mark(&format!("<g transform=\"translate(0 {head}) scale({scale})\">{inner}</g>"));
        svg.finish()
    }

    fn draw(
        &self,
        root: &DrawingArea<SVGBackend, Shift>,
        lines: &[(&str, Vec<(f64, f64)>)],
        x: Axis,
        y: Axis,
    ) -> std::result::Result<(), Box<dyn std::error::Error>> {
        let fine = |pixels: u32| pixels * FINE;
        let font = |size: u32| (svg::FONT, fine(size)).into_font().color(&rgb(svg::PALE));
        let mut chart = ChartBuilder::on(root)
            .margin(fine(18))
            .margin_right(fine(32))
            .x_label_area_size(fine(48))
            .y_label_area_size(fine(66))
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(rgb(svg::GRID).stroke_width(FINE))
            .axis_style(rgb(svg::GRID).stroke_width(FINE))
            .set_all_tick_mark_size(fine(5))
            .x_labels(8)
            .y_labels(7)
            .x_desc(&self.x)
            .y_desc(&self.y)
            .label_style(font(16))
            .axis_desc_style(font(16))
            .x_label_formatter(&tick)
            .y_label_formatter(&tick)
            .draw()?;
        for ((_, points), colour) in lines.iter().zip(svg::COLOURS.iter().cycle()) {
            let colour = rgb(colour);
            let mut strong = points.clone();
            if points.len() > SMOOTH_FROM {
                chart.draw_series(LineSeries::new(points.iter().copied(), colour.mix(0.25).stroke_width(FINE)))?;
                strong = smooth(points, points.len() / 50);
            }
            chart.draw_series(LineSeries::new(strong, colour.stroke_width(2 * FINE)))?;
        }
        root.present()?;
        Ok(())
    }
}

/// A drawing's colour, `#005f96`, as plotters has it.
fn rgb(colour: &str) -> RGBColor {
    let [_, r, g, b] = u32::from_str_radix(colour.trim_start_matches('#'), 16).unwrap_or(0).to_be_bytes();
    RGBColor(r, g, b)
}

/// An axis with ticks at round numbers.
struct Axis {
    low: f64,
    high: f64,
    log: bool,
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let part = match self.log {
            true => (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        from + (part * (to - from) as f64).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match (hint.weight().allow_light_points(), self.log) {
            (true, _) => Vec::new(),
            (_, true) => log_ticks(self.low, self.high),
            (_, false) => ticks(self.low, self.high, hint.max_num_points()),
        }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.low..self.high
    }
}

/// What stands at a logarithmic axis: 1, 2 and 5 in each decade, or of many decades only the powers of 10.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    let few: &[f64] = if high / low < 3e3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = decades.clone().count().div_ceil(8);
    let powers = decades.step_by(every);
    powers.flat_map(|p| few.iter().map(move |m| m * 10f64.powi(p))).filter(|v| (low..=high).contains(v)).collect()
}

/// The running mean over `window` points to either side; fewer at the start, and none to come at the end.
fn smooth(points: &[(f64, f64)], window: usize) -> Vec<(f64, f64)> {
    let mut sums = vec![0.0];
    for (_, y) in points {
        sums.push(sums[sums.len() - 1] + y);
    }
    let mean = |i: usize| {
        let left = window.min(i);
        let right = left.min(points.len() - 1 - i);
        let (from, to) = (i - left, i + right + 1);
        (sums[to] - sums[from]) / (to - from) as f64
    };
    points.iter().enumerate().map(|(i, &(x, _))| (x, mean(i))).collect()
}

/// The number at a tick: short, as people write it.
fn tick(x: &f64) -> String {
    match (1e4..1e15).contains(x) && x.fract() == 0.0 {
        true => crate::show::thousands(*x as usize).replace(',', "\u{2009}"),
        false => crate::log::number(*x as f32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_mean_keeps_a_straight_line() {
        let line: Vec<(f64, f64)> = (0..40).map(|i| (i as f64, 2.0 * i as f64)).collect();
        let smoothed = smooth(&line, 5);
        assert_eq!(smoothed.len(), line.len());
        for (smooth, raw) in smoothed.iter().zip(&line).take(35) {
            assert!((smooth.1 - raw.1).abs() < 1e-9);
        }
        assert_eq!(smoothed[39].1, 73.0); // the mean of 68, 70, .. 78
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        assert!(Chart::new("empty").to_svg().is_err());
        assert!(Chart::new("log of 0").log().line("zero", &[(0.0, 0.0)]).to_svg().is_err());
        assert!(Chart::new("nan").line("nan", &[(0.0, f64::NAN), (1.0, 2.0)]).to_svg().is_ok());
    }
}
