//! Thumbnails: the first sample of a blob, small: an image, a mosaic of feature maps, a row of bars, a block of cells.

use super::svg::{CARD, COLOURS, GRID, PALE, Pixels, Svg};
use crate::blob::Values;

/// The most maps and the most values that a thumbnail keeps, and its longest side in pixels.
const MAPS: usize = 96;
const CELLS: usize = 4096;
const SIDE: usize = 64;
/// The most values that are drawn as bars.
const BARS: usize = 40;

/// The first sample of a blob: index 0 of the first axis, or all values of a blob with one axis.
#[derive(Clone, PartialEq, Debug)]
pub enum Sample {
    /// There are no values.
    Empty,
    /// One number.
    Number(f32),
    /// Several numbers, at most 4096 of them.
    Row(Vec<f32>),
    /// Feature maps or colours, at most 96 of them, averaged down to at most 64 x 64 each.
    Maps {
        /// How many the blob has.
        of: usize,
        /// Rows of each.
        height: usize,
        /// Columns of each.
        width: usize,
        /// Map after map.
        values: Vec<f32>,
    },
}

impl Sample {
    /// The first sample of `values`.
    pub fn of(values: &Values) -> Sample {
        let dims = values.shape();
        if values.count() == 0 {
            return Sample::Empty;
        }
        let sample = match dims {
            [] | [_] => values.slice(),
            [n, ..] => &values.slice()[..values.count() / n],
        };
        let (maps, height, width) = match *dims {
            [_, c, h, w] => (c, h, w),
            [_, h, w] => (1, h, w),
            [_, c, .., w] if dims.len() > 4 => (c, sample.len() / (c * w), w),
            _ => (sample.len(), 1, 1),
        };
        if sample.len() == 1 {
            return Sample::Number(sample[0]);
        }
        if height * width == 1 {
            return Sample::Row(sample[..sample.len().min(CELLS)].to_vec());
        }
        let (tall, wide) = (height.min(SIDE), width.min(SIDE));
        let kept = sample.chunks_exact(height * width).take(MAPS);
        let values = kept.flat_map(|map| shrink(map, (height, width), (tall, wide))).collect();
        Sample::Maps { of: maps, height: tall, width: wide, values }
    }

    /// The size of its picture inside a box.
    fn size(&self, width: f32, height: f32) -> (f32, f32) {
        match self {
            Sample::Empty | Sample::Number(_) => (0.0, 0.0),
            Sample::Row(x) if x.len() <= BARS => ((14.0 * x.len() as f32).min(width), 0.6 * height),
            Sample::Row(x) => {
                let (columns, rows) = grid(x.len(), width, 0.75 * height, 1.0);
                let cell = (width / columns as f32).min(0.75 * height / rows as f32);
                (cell * columns as f32, cell * rows as f32)
            }
            Sample::Maps { height: h, width: w, values, .. } => {
                let n = values.len() / (h * w);
                let (columns, rows) = grid(n, width, height, *h as f32 / *w as f32);
                let (wide, tall) = (sheet(*w, columns) as f32, sheet(*h, rows) as f32);
                let scale = (width / wide).min(height / tall);
                (scale * wide, scale * tall)
            }
        }
    }

    /// Draws the sample inside a box, given by its top left corner and its size; returns the height of the picture.
    pub(super) fn draw(&self, svg: &mut Svg, (x, y): (f32, f32), (width, height): (f32, f32), colours: Colours) -> f32 {
        let size = match (self, colours) {
            (Sample::Maps { height: h, width: w, .. }, Colours::Image) => {
                let scale = (width / *w as f32).min(height / *h as f32);
                (scale * *w as f32, scale * *h as f32)
            }
            _ => self.size(width, height),
        };
        match self {
            Sample::Empty | Sample::Number(_) => {}
            Sample::Row(values) if values.len() <= BARS => bars(svg, (x, y), size, values, colours),
            Sample::Row(values) => {
                let (columns, rows) = grid(values.len(), width, 0.75 * height, 1.0);
                let mut cells = colours.pixels(1, values).rgb;
                cells.extend(card().repeat(columns * rows - values.len()));
                svg.pixels((x, y), size, &Pixels { width: columns, rgb: cells });
            }
            Sample::Maps { height: h, width: w, values, .. } => {
                let pixels = if colours == Colours::Image {
                    let plane = h * w;
                    let grey = Colours::Grey.pixels(1, values).rgb;
                    let rgb = (0..plane).flat_map(|i| [0, 1, 2].map(|c| grey[3 * (c * plane + i)])).collect();
                    Pixels { width: *w, rgb }
                } else {
                    let columns = grid(values.len() / (h * w), width, height, *h as f32 / *w as f32).0;
                    mosaic(&colours.pixels(1, values).rgb, (*h, *w), columns)
                };
                svg.pixels((x, y), size, &pixels);
            }
        }
        size.1
    }
}

/// What the colours of a thumbnail mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Colours {
    /// The least value is black, the greatest white.
    Grey,
    /// Below zero blue, above zero orange.
    Signed,
    /// Three maps are red, green and blue.
    Image,
}

impl Colours {
    fn pixels(self, width: usize, values: &[f32]) -> Pixels {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        if self == Colours::Signed {
            let most = finite().fold(f32::MIN_POSITIVE, |m, v| m.max(v.abs()));
            // Gradients have a few large values and many small ones: their square roots make both visible.
            return Pixels::signed(width, values.iter().map(|v| (v.abs() / most).sqrt().copysign(*v)));
        }
        let (low, high) = finite().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let scale = |&v: &f32| if v.is_nan() || high > low { (v - low) / (high - low) } else { 0.5 };
        Pixels::grey(width, values.iter().map(scale))
    }
}

/// Averages a map down to fewer rows and columns.
fn shrink(map: &[f32], (height, width): (usize, usize), (tall, wide): (usize, usize)) -> Vec<f32> {
    if (height, width) == (tall, wide) {
        return map.to_vec();
    }
    let mut small = Vec::with_capacity(tall * wide);
    for r in 0..tall {
        for c in 0..wide {
            let rows = r * height / tall..((r + 1) * height / tall);
            let columns = c * width / wide..((c + 1) * width / wide);
            let n = (rows.len() * columns.len()) as f32;
            let sum: f32 = rows.map(|y| map[y * width..][columns.clone()].iter().sum::<f32>()).sum();
            small.push(sum / n);
        }
    }
    small
}

/// Columns and rows for `n` tiles, each `aspect` times as tall as wide, that fill a box best.
fn grid(n: usize, width: f32, height: f32, aspect: f32) -> (usize, usize) {
    let tile = |columns: usize| (width / columns as f32).min(height / (n.div_ceil(columns) as f32 * aspect));
    let best = (1..=n.max(1)).max_by(|&a, &b| tile(a).total_cmp(&tile(b)).then(b.cmp(&a))).unwrap_or(1);
    (best, n.div_ceil(best))
}

/// The gap between the tiles of a mosaic.
fn gap(tile: usize) -> usize {
    (tile / 12).max(1)
}

/// The length of `count` tiles with the gaps between them.
fn sheet(tile: usize, count: usize) -> usize {
    count * tile + (count - 1) * gap(tile)
}

/// Maps side by side on the colour of the card. `rgb` has them one after another.
fn mosaic(rgb: &[u8], (height, width): (usize, usize), columns: usize) -> Pixels {
    let count = rgb.len() / (3 * height * width);
    let (wide, tall) = (sheet(width, columns), sheet(height, count.div_ceil(columns)));
    let mut out = card().repeat(wide * tall);
    for (i, map) in rgb.chunks_exact(3 * height * width).enumerate() {
        // Gaps lie between the tiles of a row by the tile's width, between the rows by its height.
        let (left, top) = ((i % columns) * (width + gap(width)), (i / columns) * (height + gap(height)));
        for (r, row) in map.chunks_exact(3 * width).enumerate() {
            out[3 * ((top + r) * wide + left)..][..3 * width].copy_from_slice(row);
        }
    }
    Pixels { width: wide, rgb: out }
}

fn card() -> Vec<u8> {
    let digits = CARD.trim_start_matches('#');
    (0..3).map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap_or(255)).collect()
}

/// A bar for each value, up or down from zero.
fn bars(svg: &mut Svg, (x, y): (f32, f32), (width, height): (f32, f32), values: &[f32], colours: Colours) {
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = finite().fold((0.0f32, 0.0f32), |(a, b), v| (a.min(v), b.max(v)));
    let span = if high > low { high - low } else { 1.0 };
    let (zero, step) = (y + height * high / span, width / values.len() as f32);
    for (i, &v) in values.iter().enumerate() {
        let left = x + i as f32 * step;
        let size = (0.8 * step, height * v.abs() / span);
        let colour = match colours {
            Colours::Signed if v < 0.0 => COLOURS[0],
            Colours::Signed => COLOURS[1],
            _ => PALE,
        };
        match v.is_finite() {
            true => svg.rect((left, if v < 0.0 { zero } else { zero - size.1 }), size, colour),
            false => svg.rect((left, y), (0.8 * step, height), "#ff00ff"),
        }
    }
    svg.line((x, zero), (x + width, zero), if high > low { PALE } else { GRID }, 0.7);
}
