//! Histograms: how many of a blob's values lie where.

use super::stats::{Stats, short};
use super::svg::{Anchor, COLOURS, GRID, INK, PALE, Svg, text_width, ticks};
use super::{Look, Show, thousands};
use crate::{Error, Result};

const WIDTH: f32 = 720.0;
const HEIGHT: f32 = 320.0;

/// How often values occur, over equal bins; one or more series of them on one scale.
///
/// ```
/// use cortado::{Values, show::{Histogram, show}};
/// let mut w = Values::new(&[4])?;
/// w.slice_mut().copy_from_slice(&[0.0, 0.5, 0.9, 2.0]);
/// let histogram = Histogram::of(&w).title("Four weights").bins(2);
/// assert_eq!(histogram.counts()?, [[3, 1]]);
/// show(&histogram)?;
/// show(&Histogram::of(&w).name("before").and("after", &[0.1, 0.6, 1.0, 1.4]))?;
/// # Ok::<(), cortado::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Histogram {
    title: String,
    bins: usize,
    range: Option<(f32, f32)>,
    log: bool,
    series: Vec<(String, Vec<f32>)>,
}

impl Histogram {
    /// The histogram of values: a blob's data or diff, or any slice of numbers.
    pub fn of(values: &(impl AsRef<[f32]> + ?Sized)) -> Histogram {
        let series = vec![("values".into(), values.as_ref().to_vec())];
        Histogram { title: String::new(), bins: 40, range: None, log: false, series }
    }

    /// What it is called.
    pub fn title(mut self, title: impl Into<String>) -> Histogram {
        self.title = title.into();
        self
    }

    /// The number of bins; 40 by default.
    pub fn bins(mut self, bins: usize) -> Histogram {
        self.bins = bins.clamp(1, 1000);
        self
    }

    /// The lower limit of the first bin and the upper limit of the last; by default the least and the greatest value.
    pub fn range(mut self, low: f32, high: f32) -> Histogram {
        self.range = Some((low, high));
        self
    }

    /// Counts on a logarithmic scale: for the rare values beside the many.
    pub fn log(mut self) -> Histogram {
        self.log = true;
        self
    }

    /// What the last series is called.
    pub fn name(mut self, name: impl Into<String>) -> Histogram {
        if let Some(last) = self.series.last_mut() {
            last.0 = name.into();
        }
        self
    }

    /// Another series, on the same scale.
    pub fn and(mut self, name: impl Into<String>, values: &(impl AsRef<[f32]> + ?Sized)) -> Histogram {
        self.series.push((name.into(), values.as_ref().to_vec()));
        self
    }

    /// Where the first bin begins and the last one ends.
    ///
    /// # Errors
    /// No finite value, or a range that is empty.
    pub fn limits(&self) -> Result<(f32, f32)> {
        if let Some((low, high)) = self.range {
            return match low.is_finite() && high.is_finite() && low < high {
                true => Ok((low, high)),
                false => Err(Error::value(format!("a histogram from {low} to {high}"))
                    .hint("the range begins with the smaller number")),
            };
        }
        let finite = self.series.iter().flat_map(|(_, x)| x).filter(|x| x.is_finite());
        let (low, high) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
        match (low < high, low == high) {
            (true, _) => Ok((low, high)),
            (_, true) => {
                let margin = (0.5 * low.abs()).clamp(0.5, f32::MAX / 4.0);
                Ok((low - margin, low + margin))
            }
            _ => Err(Error::value(format!("\"{}\" has no values to count", self.title))
                .hint("a histogram needs at least one finite value")),
        }
    }

    /// For each series how many values lie in each bin. A bin includes its lower limit, the last bin both limits; no
    /// bin counts NaN or values outside the range.
    ///
    /// # Errors
    /// As [`Histogram::limits`].
    pub fn counts(&self) -> Result<Vec<Vec<usize>>> {
        let (low, high) = self.limits()?;
        let (low, high) = (low as f64, high as f64);
        let count = |x: &[f32]| {
            let mut counts = vec![0; self.bins];
            for x in x.iter().map(|&x| x as f64).filter(|x| (low..=high).contains(x)) {
                let bin = ((x - low) / (high - low) * self.bins as f64) as usize;
                counts[bin.min(self.bins - 1)] += 1;
            }
            counts
        };
        Ok(self.series.iter().map(|(_, x)| count(x)).collect())
    }

    /// A line of words for each series.
    fn words(&self) -> String {
        let title = if self.title.is_empty() { String::new() } else { format!("{}\n", self.title) };
        self.series.iter().fold(title, |text, (name, x)| format!("{text}{name}: {}\n", describe(x)))
    }

    /// The drawing as SVG.
    ///
    /// # Errors
    /// As [`Histogram::limits`].
    pub fn to_svg(&self) -> Result<String> {
        let counts = self.counts()?;
        let (low, high) = self.limits()?;
        let most = counts.iter().flatten().copied().max().unwrap_or(0).max(1) as f64;
        let top = if self.log { most * 1.5 } else { most * 1.04 };
        // Dividing by 0.7 keeps a bin of one value above the axis on a logarithmic scale.
        let up = |n: f64| if self.log { (n / 0.7).ln().max(0.0) / (top / 0.7).ln() } else { n / top };

        let head = if self.title.is_empty() { 16.0 } else { 44.0 } + 19.0 * self.series.len() as f32;
        let (left, right, bottom) = (72.0, WIDTH - 24.0, HEIGHT + head - 84.0);
        let px = |x: f64| left + ((x - low as f64) / (high as f64 - low as f64)) as f32 * (right - left);
        let py = |n: f64| bottom - up(n) as f32 * (bottom - head - 8.0);
        let mut svg = Svg::new(WIDTH, HEIGHT + head - 48.0, &self.title);
        svg.title(28.0);
        let levels = if self.log { powers(most) } else { whole(ticks(0.0, top, 5)) };
        for n in levels.into_iter().filter(|&n| n <= top) {
            svg.line((left, py(n)), (right, py(n)), GRID, 1.0);
            svg.text((left - 8.0, py(n) + 4.0), 13.0, PALE, Anchor::End, &thousands(n as usize));
        }
        for (i, counts) in counts.iter().enumerate() {
            let colour = COLOURS[i % COLOURS.len()];
            let edge = |bin: usize| px(low as f64 + (high as f64 - low as f64) * bin as f64 / self.bins as f64);
            let mut outline = format!("M{:.1} {bottom:.1}", edge(0));
            for (bin, &n) in counts.iter().enumerate() {
                let y = py(n as f64).min(bottom);
                outline += &format!("L{:.1} {y:.1}L{:.1} {y:.1}", edge(bin), edge(bin + 1));
            }
            outline += &format!("L{:.1} {bottom:.1}Z", edge(self.bins));
            let weight = if counts.len() > 1 { 0.28 } else { 0.5 };
            svg.mark(&format!("<path d=\"{outline}\" fill=\"{colour}\" fill-opacity=\"{weight}\"/>"));
            svg.path(&outline, colour, 1.2);
        }
        svg.line((left, bottom), (right, bottom), PALE, 1.0);
        let marks = ticks(low as f64, high as f64, 8);
        for &x in &marks {
            svg.line((px(x), bottom), (px(x), bottom + 5.0), PALE, 1.0);
            svg.text((px(x), bottom + 20.0), 13.0, PALE, Anchor::Middle, &crate::log::number(x as f32));
        }
        for (i, (name, x)) in self.series.iter().enumerate() {
            let y = head - 19.0 * (self.series.len() - i) as f32 + 8.0;
            svg.rect((20.0, y - 9.0), (10.0, 10.0), COLOURS[i % COLOURS.len()]);
            svg.text((38.0, y), 13.0, INK, Anchor::Start, name);
            let after = 38.0 + text_width(name, 13.0) + 14.0;
            svg.text((after, y), 13.0, PALE, Anchor::Start, &describe(x));
        }
        Ok(svg.finish())
    }
}

/// The ticks that are whole numbers, as counts are.
fn whole(ticks: Vec<f64>) -> Vec<f64> {
    ticks.into_iter().filter(|n| n.fract() == 0.0).collect()
}

/// 1, 10, 100 .. up to `most`.
fn powers(most: f64) -> Vec<f64> {
    (0..=most.log10() as i32).map(|p| 10f64.powi(p)).collect()
}

fn describe(x: &[f32]) -> String {
    let s = Stats::of(x);
    let numbers = match s.count - s.broken {
        0 => "no finite value".into(),
        _ => format!("mean {}, deviation {}, from {} to {}", short(s.mean), short(s.std), short(s.min), short(s.max)),
    };
    let broken = if s.broken > 0 { format!("; {} are not finite", s.broken) } else { String::new() };
    let values = if s.count == 1 { "value" } else { "values" };
    format!("{} {values}, {numbers}{broken}", thousands(s.count))
}

impl Show for Histogram {
    fn look(&self) -> Result<Look> {
        Ok(Look { text: self.words(), ..Look::svg(&self.title, self.to_svg()?) })
    }
}
