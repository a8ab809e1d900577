//! Curves as SVG: lines over a grid, its numbers at the axes.

use super::svg::{Anchor, COLOURS, FITS, GRID, PALE, Svg, ticks};
use crate::{Error, Result, files};
use std::path::Path;

const WIDTH: f32 = 720.0;
/// The height without title and names.
const HEIGHT: f32 = 400.0;
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

/// Draws lines of (x, y) points, each with its name, into an SVG file: iterations and losses. [`Chart`] can set more.
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

    /// The chart's title.
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
        let lines: Vec<(&str, Vec<(f64, f64)>)> = self
            .lines
            .iter()
            .map(|(name, points)| {
                (name.as_str(), points.iter().copied().filter(|&point| self.drawable(point)).collect())
            })
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
                let margin = if high > low { 0.04 * (high - low) } else { (1e-3 * low.abs()).max(1.0) };
                (if (0.0..=high - low).contains(&low) { 0.0 } else { low - margin }, high + margin)
            }
        };
        // A range that ends just before a round number (iteration 1999) goes on to it.
        let after = ticks(left, right + 0.02 * (right - left), 8).last().copied().unwrap_or(right);
        let x = Axis { low: left, high: right.max(after), log: false };
        Ok(self.draw(&lines, x, Axis { low, high, log: self.log }))
    }

    /// Whether there is a point to draw.
    pub(super) fn has_points(&self) -> bool {
        self.lines.iter().flat_map(|(_, points)| points).any(|&point| self.drawable(point))
    }

    fn drawable(&self, (x, y): (f64, f64)) -> bool {
        x.is_finite() && y.is_finite() && (y > 0.0 || !self.log)
    }

    /// The height above the plot: of the title, and of the names.
    fn head(&self) -> f32 {
        (if self.title.is_empty() { 0.0 } else { 28.0 }) + if self.lines.len() > 1 { 24.0 } else { 0.0 }
    }

    fn draw(&self, lines: &[(&str, Vec<(f64, f64)>)], x: Axis, y: Axis) -> String {
        let names: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
        let head = self.head();
        let (left, right, top, bottom) = (84.0, WIDTH - 32.0, head + 18.0, head + HEIGHT - 66.0);
        let px = |v: f64| left + x.part(v) * (right - left);
        let py = |v: f64| bottom - y.part(v) * (bottom - top);
        let mut svg = Svg::new(WIDTH, HEIGHT + head, &self.title);
        svg.title(32.0);
        if names.len() > 1 {
            svg.legend(head + 4.0, &names);
        }
        for v in x.ticks(8) {
            svg.line((px(v), top), (px(v), bottom + 5.0), GRID, 1.0);
            svg.text((px(v), bottom + 21.0), 13.0, PALE, Anchor::Middle, &tick(v));
        }
        for v in y.ticks(7) {
            svg.line((left - 5.0, py(v)), (right, py(v)), GRID, 1.0);
            svg.text((left - 10.0, py(v) + 4.5), 13.0, PALE, Anchor::End, &tick(v));
        }
        svg.line((left, top), (left, bottom), GRID, 1.0);
        svg.line((left, bottom), (right, bottom), GRID, 1.0);
        svg.axes((left, right), (top, bottom), [&self.x, &self.y]);
        for ((_, points), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
            let path = |points: &[(f64, f64)]| {
                let places: Vec<String> = points.iter().map(|&(x, y)| format!("{:.1} {:.1}", px(x), py(y))).collect();
                format!("M{}", places.join("L"))
            };
            match points.len() {
                0 => {}
                n if n > SMOOTH_FROM => {
                    svg.mark(&format!(
                        "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-opacity=\"0.25\"/>",
                        path(points)
                    ));
                    svg.path(&path(&smooth(points, n / 50)), colour, 2.0);
                }
                _ => svg.path(&path(points), colour, 2.0),
            }
        }
        svg.finish()
    }
}

/// Charts below each other, as one SVG.
///
/// # Errors
/// There is no chart, or one without a point.
pub(super) fn stack(charts: &[Chart]) -> Result<String> {
    let (mut body, mut y) = (String::new(), 0.0);
    for chart in charts {
        body += &chart.to_svg()?.replacen("<svg ", &format!("<svg y=\"{y}\" "), 1);
        y += HEIGHT + chart.head() + 12.0;
    }
    if charts.is_empty() {
        return Err(Error::value("there are no points to draw"));
    }
    let height = y - 12.0;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         style=\"{FITS}\" role=\"img\">\n{body}\n</svg>\n"
    ))
}

/// An axis with ticks at round numbers.
struct Axis {
    low: f64,
    high: f64,
    log: bool,
}

impl Axis {
    /// The position of a value on the axis, from 0 at the lower end to 1 at the upper.
    fn part(&self, value: f64) -> f32 {
        match self.log {
            true => ((value / self.low).ln() / (self.high / self.low).ln()) as f32,
            false => ((value - self.low) / (self.high - self.low)) as f32,
        }
    }

    fn ticks(&self, count: usize) -> Vec<f64> {
        match self.log {
            true => log_ticks(self.low, self.high),
            false => ticks(self.low, self.high, count),
        }
    }
}

/// The ticks of a logarithmic axis: 1, 2 and 5 in each decade, or only powers of 10 if there are many decades.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    let few: &[f64] = if high / low < 3e3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = decades.clone().count().div_ceil(8);
    let powers = decades.step_by(every);
    powers.flat_map(|p| few.iter().map(move |m| m * 10f64.powi(p))).filter(|v| (low..=high).contains(v)).collect()
}

/// The running mean over `window` points to either side, fewer near the start and the end.
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
fn tick(x: f64) -> String {
    match (1e4..1e15).contains(&x) && x.fract() == 0.0 {
        true => crate::show::thousands(x as usize).replace(',', "\u{2009}"),
        false => crate::log::number(x as f32),
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
