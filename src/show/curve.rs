//! Curves as SVG, by plotters: on a card of a quiet colour, so that they can be read on a light and on a dark page.

use crate::{Error, Kind, Result, files};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (760, 440);
const CARD: RGBColor = RGBColor(250, 249, 246);
const INK: RGBColor = RGBColor(51, 51, 51);
const GRID: RGBColor = RGBColor(226, 224, 218);
/// Told apart by people who see few colours, too.
const COLOURS: [RGBColor; 5] =
    [RGBColor(0, 95, 150), RGBColor(200, 80, 10), RGBColor(0, 125, 95), RGBColor(150, 70, 130), RGBColor(110, 100, 20)];
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
        let mut svg = String::new();
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let drawn = match self.log {
            true => self.draw(&root, &lines, left..right, (low / 1.3..high * 1.3).log_scale()),
            false => {
                let margin = if high > low { 0.04 * (high - low) } else { 1.0 };
                let bottom = if (0.0..=high - low).contains(&low) { 0.0 } else { low - margin };
                self.draw(&root, &lines, left..right, bottom..high + margin)
            }
        };
        drawn.map_err(|e| Error::new(Kind::Value, format!("cannot draw \"{}\": {e}", self.title)))?;
        drop(root);
        Ok(svg)
    }

    fn draw<Y>(
        &self,
        root: &DrawingArea<SVGBackend, Shift>,
        lines: &[(&str, Vec<(f64, f64)>)],
        x: std::ops::Range<f64>,
        y: Y,
    ) -> std::result::Result<(), Box<dyn std::error::Error>>
    where
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let font = |size: i32| ("Helvetica, Arial, sans-serif", size).into_font().color(&INK);
        root.fill(&CARD)?;
        let mut chart = ChartBuilder::on(root)
            .caption(&self.title, font(22))
            .margin(18)
            .x_label_area_size(48)
            .y_label_area_size(66)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .x_labels(8)
            .y_labels(8)
            .x_desc(&self.x)
            .y_desc(&self.y)
            .label_style(font(16))
            .axis_desc_style(font(17))
            .x_label_formatter(&tick)
            .y_label_formatter(&tick)
            .draw()?;
        for ((name, points), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
            let mut strong = points.clone();
            if points.len() > SMOOTH_FROM {
                chart.draw_series(LineSeries::new(points.iter().copied(), colour.mix(0.25)))?;
                strong = smooth(points, points.len() / 50);
            }
            let line = LineSeries::new(strong, colour.stroke_width(2));
            chart
                .draw_series(line)?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        if lines.len() > 1 {
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .label_font(font(16))
                .background_style(CARD)
                .border_style(GRID)
                .draw()?;
        }
        root.present()?;
        Ok(())
    }
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
