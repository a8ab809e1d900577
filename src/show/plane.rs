//! A surface seen from above: its level lines, and paths across it.

use super::svg::{Anchor, COLOURS, GRID, PALE, Svg, ticks};
use super::{Look, Show};
use crate::{Error, Result};
use std::ops::RangeInclusive;

const WIDTH: f32 = 720.0;
const HEIGHT: f32 = 420.0;
/// The surface is sampled at the corners of this many cells, in a row and in a column.
const CELLS: [usize; 2] = [72, 42];
/// How many level lines there are unless they are given.
const LEVELS: usize = 14;
/// A path of more points than this is drawn without dots.
const DOTS: usize = 80;

/// A part of the plane with level lines, the lower the darker, and paths whose points keep their order.
///
/// ```
/// use cortado::show::{Plane, show};
/// let way: Vec<[f32; 2]> = (0..20).map(|t| [1.8 * 0.9f32.powi(t), (-0.8f32).powi(t)]).collect();
/// let plane = Plane::new("A bowl", -2.0..=2.0, -1.0..=1.0).surface(|[x, y]| x * x + 4.0 * y * y);
/// show(&plane.path("downhill", &way))?;
/// # Ok::<(), cortado::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plane {
    title: String,
    axes: [String; 2],
    x: RangeInclusive<f32>,
    y: RangeInclusive<f32>,
    /// Row by row, the least y first.
    heights: Vec<f32>,
    levels: Option<Vec<f32>>,
    paths: Vec<(String, Vec<[f32; 2]>)>,
}

impl Plane {
    /// A flat part of the plane.
    pub fn new(title: &str, x: RangeInclusive<f32>, y: RangeInclusive<f32>) -> Plane {
        let axes = ["w[0]".into(), "w[1]".into()];
        Plane { title: title.into(), axes, x, y, heights: Vec::new(), levels: None, paths: Vec::new() }
    }

    /// Names the axes; the default is `w[0]` and `w[1]`.
    pub fn axes(mut self, x: &str, y: &str) -> Plane {
        self.axes = [x.into(), y.into()];
        self
    }

    /// The height at each point. Where it is not finite there are no lines.
    pub fn surface(mut self, height: impl Fn([f32; 2]) -> f32) -> Plane {
        let corners = (0..=CELLS[1]).flat_map(|j| (0..=CELLS[0]).map(move |i| [i, j]));
        self.heights = corners.map(|corner| height(self.corner(corner))).collect();
        self
    }

    /// The heights of the lines; by default heights of the surface itself, more of them where it is low.
    pub fn levels(mut self, levels: &[f32]) -> Plane {
        self.levels = Some(levels.to_vec());
        self
    }

    /// Adds a path, with a ring at its first point and dots at the others, up to the first point that is not finite.
    pub fn path(mut self, name: &str, points: &[[f32; 2]]) -> Plane {
        let finite = points.iter().take_while(|p| p[0].is_finite() && p[1].is_finite());
        self.paths.push((name.into(), finite.copied().collect()));
        self
    }

    fn corner(&self, [i, j]: [usize; 2]) -> [f32; 2] {
        let at = |range: &RangeInclusive<f32>, part: f32| range.start() + part * (range.end() - range.start());
        [at(&self.x, i as f32 / CELLS[0] as f32), at(&self.y, j as f32 / CELLS[1] as f32)]
    }

    /// The given levels, or the heights of ranks 1, 4, 9 .. among all: in a bowl these are lines at equal distances.
    fn heights_of_lines(&self) -> Vec<f32> {
        if let Some(levels) = &self.levels {
            return levels.clone();
        }
        let mut sorted: Vec<f32> = self.heights.iter().copied().filter(|z| z.is_finite()).collect();
        sorted.sort_by(f32::total_cmp);
        (1..=LEVELS).filter_map(|k| sorted.get(sorted.len() * k * k / (LEVELS + 1).pow(2)).copied()).collect()
    }

    /// The pieces of the line at `level`, one or two a cell that it crosses (marching squares).
    fn line(&self, level: f32) -> Vec<[[f32; 2]; 2]> {
        let mut pieces = Vec::new();
        for cell in 0..CELLS[0] * CELLS[1] {
            let (i, j) = (cell % CELLS[0], cell / CELLS[0]);
            let corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
            let z = corners.map(|[i, j]| self.heights.get(j * (CELLS[0] + 1) + i).copied().unwrap_or(f32::NAN));
            if z.iter().any(|z| !z.is_finite()) {
                continue;
            }
            // Where the line crosses each side.
            let mut cut = Vec::new();
            for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 0)] {
                if (z[a] < level) != (z[b] < level) {
                    let (p, q) = (self.corner(corners[a]), self.corner(corners[b]));
                    let part = (level - z[a]) / (z[b] - z[a]);
                    cut.push([p[0] + part * (q[0] - p[0]), p[1] + part * (q[1] - p[1])]);
                }
            }
            match cut[..] {
                [a, b] => pieces.push([a, b]),
                // A saddle: the mean of the corners decides which of them are connected.
                [a, b, c, d] if (z.iter().sum::<f32>() / 4.0 < level) == (z[0] < level) => {
                    pieces.extend([[a, b], [c, d]])
                }
                [a, b, c, d] => pieces.extend([[d, a], [b, c]]),
                _ => {}
            }
        }
        pieces
    }

    /// The drawing as SVG.
    ///
    /// # Errors
    /// The part of the plane is empty.
    pub fn to_svg(&self) -> Result<String> {
        for range in [&self.x, &self.y] {
            if !(range.start() < range.end() && (range.end() - range.start()).is_finite()) {
                let message = format!("\"{}\" goes from {} to {}", self.title, range.start(), range.end());
                return Err(Error::value(message).hint("a range begins with the smaller number"));
            }
        }
        let head = if self.title.is_empty() { 16.0 } else { 44.0 } + if self.paths.is_empty() { 0.0 } else { 24.0 };
        let (left, right, bottom) = (68.0, WIDTH - 24.0, head + HEIGHT - 60.0);
        // The drawing below clips points outside; clamping keeps their coordinates small.
        let part = |v: f32, range: &RangeInclusive<f32>| {
            ((v - range.start()) / (range.end() - range.start())).clamp(-9.0, 9.0)
        };
        let px = |x: f32| left + part(x, &self.x) * (right - left);
        let py = |y: f32| bottom - part(y, &self.y) * (bottom - head);
        let mut svg = Svg::new(WIDTH, head + HEIGHT, &self.title);
        svg.title(28.0);
        for x in ticks(*self.x.start() as f64, *self.x.end() as f64, 8).into_iter().map(|x| x as f32) {
            svg.line((px(x), bottom), (px(x), bottom + 5.0), PALE, 1.0);
            svg.text((px(x), bottom + 20.0), 13.0, PALE, Anchor::Middle, &crate::log::number(x));
        }
        for y in ticks(*self.y.start() as f64, *self.y.end() as f64, 6).into_iter().map(|y| y as f32) {
            svg.line((left - 5.0, py(y)), (left, py(y)), PALE, 1.0);
            svg.text((left - 9.0, py(y) + 4.5), 13.0, PALE, Anchor::End, &crate::log::number(y));
        }
        svg.axes((left, right), (head, bottom), [&self.axes[0], &self.axes[1]]);

        // A nested drawing clips what lies outside it.
        let (width, height) = (right - left, bottom - head);
        svg.mark(&format!(
            "<svg x=\"{left}\" y=\"{head}\" width=\"{width}\" height=\"{height}\" viewBox=\"{left} {head} {width} {height}\">"
        ));
        let levels = self.heights_of_lines();
        for (k, &level) in levels.iter().enumerate() {
            let piece =
                |[a, b]: &[[f32; 2]; 2]| format!("M{:.1} {:.1}L{:.1} {:.1}", px(a[0]), py(a[1]), px(b[0]), py(b[1]));
            let d: String = self.line(level).iter().map(piece).collect();
            let strength = 0.75 - 0.55 * k as f32 / levels.len() as f32;
            svg.mark(&format!("<path d=\"{d}\" fill=\"none\" stroke=\"{PALE}\" stroke-opacity=\"{strength:.2}\"/>"));
        }
        for (i, (_, points)) in self.paths.iter().enumerate() {
            let colour = COLOURS[i % COLOURS.len()];
            let at: Vec<(f32, f32)> = points.iter().map(|p| (px(p[0]), py(p[1]))).collect();
            let d: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            if !d.is_empty() {
                svg.path(&format!("M{}", d.join("L")), colour, 1.6);
            }
            for (k, (x, y)) in at.iter().enumerate().take(if at.len() > DOTS { 1 } else { DOTS }) {
                let (r, fill) = if k == 0 { (5.0, "none") } else { (2.4, colour) };
                svg.mark(&format!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r}\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"1.6\"/>"
                ));
            }
        }
        svg.mark("</svg>");
        svg.mark(&format!(
            "<rect x=\"{left}\" y=\"{head}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"{GRID}\"/>"
        ));
        let names: Vec<&str> = self.paths.iter().map(|(name, _)| name.as_str()).collect();
        svg.legend(head - 16.0, &names);
        Ok(svg.finish())
    }
}

impl Show for Plane {
    fn look(&self) -> Result<Look> {
        Ok(Look::svg(&self.title, self.to_svg()?))
    }
}
