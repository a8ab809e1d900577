//! Values as pictures: digits, filters, feature maps, side by side on a card.

use super::svg::{Anchor, GRID, INK, PALE, Pixels, Svg, fit, text_width};
use super::{Look, Show, shape};
use crate::blob::Values;
use crate::{Error, Result};

/// Pictures side by side, made of a blob's values.
///
/// ```
/// use cortado::{Values, show::{Images, show}};
/// let mut digits = Values::new(&[12, 1, 28, 28])?;
/// digits.fill(0.5);
/// show(&Images::of(&digits)?.title("Twelve grey squares").captions((0..12).map(|n| n.to_string())))?;
/// # Ok::<(), cortado::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Images {
    title: String,
    captions: Vec<String>,
    columns: usize,
    tile: f32,
    /// Channels, rows and columns of every picture.
    channels: usize,
    height: usize,
    width: usize,
    values: Vec<f32>,
    range: Option<(f32, f32)>,
    signed: bool,
}

impl Images {
    /// The pictures in `n x channels x height x width` values: with three channels in colour, with one in grey, else a
    /// picture for each channel. Two axes are one picture, three are `channels x height x width`. All share one scale:
    /// the least value is black, the greatest white; see [`Images::range`].
    ///
    /// # Errors
    /// Fewer than two axes or more than four, or no values.
    pub fn of(values: &Values) -> Result<Images> {
        let dims = values.shape();
        let (channels, height, width) = match *dims {
            [h, w] => (1, h, w),
            [c, h, w] => (c, h, w),
            [_, c, h, w] => (c, h, w),
            _ => {
                let message = format!("{} values are no pictures", shape(dims));
                return Err(
                    Error::value(message).hint("pictures have height x width, with channels and a number before them")
                );
            }
        };
        if values.count() == 0 {
            return Err(Error::value(format!("{} values: there is no picture to show", shape(dims))));
        }
        let channels = if channels == 3 { 3 } else { 1 };
        Ok(Images {
            title: String::new(),
            captions: Vec::new(),
            columns: 10,
            tile: if height.max(width) <= 8 { 48.0 } else { 64.0 },
            channels,
            height,
            width,
            values: values.slice().to_vec(),
            range: None,
            signed: false,
        })
    }

    /// Pictures whose sign matters (filters, gradients): blue below zero, white at zero, orange above. Each channel is
    /// a picture of its own, even if there are three.
    ///
    /// # Errors
    /// As [`Images::of`].
    pub fn signed(values: &Values) -> Result<Images> {
        Ok(Images { signed: true, channels: 1, ..Images::of(values)? })
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.size()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn size(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// A line above them.
    pub fn title(mut self, title: impl Into<String>) -> Images {
        self.title = title.into();
        self
    }

    /// A word under each.
    pub fn captions(mut self, captions: impl IntoIterator<Item = impl Into<String>>) -> Images {
        self.captions = captions.into_iter().map(Into::into).collect();
        self
    }

    /// How many stand side by side; 10 by default.
    pub fn columns(mut self, columns: usize) -> Images {
        self.columns = columns.max(1);
        self
    }

    /// The width of a picture on the page, in pixels.
    pub fn tile(mut self, pixels: f32) -> Images {
        self.tile = pixels.clamp(4.0, 2000.0);
        self
    }

    /// The value that is black and the one that is white.
    pub fn range(mut self, black: f32, white: f32) -> Images {
        self.range = Some((black, white));
        self
    }

    /// Only the first `n`.
    pub fn take(mut self, n: usize) -> Images {
        self.values.truncate(n.max(1) * self.size());
        self
    }

    /// Only these, in this order; numbers without a picture are left out.
    pub fn pick(mut self, which: impl IntoIterator<Item = usize>) -> Images {
        let size = self.size();
        let some: Vec<f32> =
            which.into_iter().filter_map(|i| self.values.get(i * size..(i + 1) * size)).flatten().copied().collect();
        self.values = some;
        self
    }

    fn pixels(&self, image: &[f32]) -> Pixels {
        let finite = || self.values.iter().copied().filter(|v| v.is_finite());
        if self.signed {
            let most = finite().fold(0.0f32, |m, v| m.max(v.abs())).max(f32::MIN_POSITIVE);
            return Pixels::signed(self.width, image.iter().map(|v| v / most));
        }
        let (black, white) = self
            .range
            .unwrap_or_else(|| finite().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v))));
        // Where all values are equal they are grey; a NaN stays a NaN.
        let scale = |v: f32| if white > black || v.is_nan() { (v - black) / (white - black) } else { 0.5 };
        let plane = self.height * self.width;
        match self.channels {
            3 => {
                let grey = |c: usize| Pixels::grey(self.width, image[c * plane..][..plane].iter().map(|&v| scale(v)));
                let (red, green, blue) = (grey(0), grey(1), grey(2));
                let rgb = (0..plane).flat_map(|i| [red.rgb[3 * i], green.rgb[3 * i], blue.rgb[3 * i]]).collect();
                Pixels { width: self.width, rgb }
            }
            _ => Pixels::grey(self.width, image.iter().map(|&v| scale(v))),
        }
    }

    /// The drawing as SVG.
    pub fn to_svg(&self) -> String {
        let (gap, margin) = (8.0, 16.0);
        let count = self.len();
        let columns = self.columns.min(count).max(1);
        let (width, height) = (self.tile, self.tile * self.height as f32 / self.width as f32);
        let caption = if self.captions.is_empty() { 0.0 } else { 18.0 };
        let head = if self.title.is_empty() { 0.0 } else { 30.0 };
        let rows = count.div_ceil(columns);
        let wide =
            (2.0 * margin + columns as f32 * (width + gap) - gap).max(2.0 * margin + text_width(&self.title, 16.0));
        let tall = 2.0 * margin + head + rows as f32 * (height + caption + gap) - gap;
        let mut svg = Svg::new(wide, tall, &self.title);
        if !self.title.is_empty() {
            svg.text((margin, margin + 13.0), 16.0, INK, Anchor::Start, &self.title);
        }
        for (i, image) in self.values.chunks_exact(self.size()).enumerate() {
            let x = margin + (i % columns) as f32 * (width + gap);
            let y = margin + head + (i / columns) as f32 * (height + caption + gap);
            svg.pixels((x, y), (width, height), &self.pixels(image));
            if self.signed {
                // Zero is white, and so is the page: a line shows where a picture ends.
                svg.path(&format!("M{x} {y}h{width}v{height}h-{width}z"), GRID, 1.0);
            }
            if let Some(word) = self.captions.get(i) {
                svg.text(
                    (x + width / 2.0, y + height + 14.0),
                    12.0,
                    PALE,
                    Anchor::Middle,
                    &fit(word, 12.0, width + gap - 2.0),
                );
            }
        }
        svg.finish()
    }
}

impl Show for Images {
    fn look(&self) -> Result<Look> {
        Ok(Look::svg(&self.title, self.to_svg()))
    }
}
