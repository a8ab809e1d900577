//! Image files, PNG and JPEG, as OpenCV gives them to Caffe: H x W pixels of blue, green and red, or of one grey.
//!
//! Of 16 bits a channel the upper 8 stay, alpha is dropped, and a photograph is turned as its EXIF orientation says. A
//! PNG has OpenCV's very bytes; those of a JPEG differ by rounding, since the standard leaves that to the decoder.

use crate::{Error, Kind, Result};
use std::io::Cursor;
use std::path::Path;

/// The most pixels of an image that is decoded: 128 Mi.
const PIXELS_MAX: usize = 1 << 27;
/// The most pixels for which a byte of a file can stand: deflate's best ratio, in an image of one bit a pixel.
const PIXELS_PER_BYTE: usize = 8 * 1032;

/// How many channels a decoded image has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Channels {
    /// Those of the file: one if it is grey, else three.
    #[default]
    AsStored,
    /// Three: blue, green, red. A grey image has the same value in each.
    Colour,
    /// One. Colours are weighted 0.299 red + 0.587 green + 0.114 blue.
    Grey,
}

/// A decoded image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// 1 or 3.
    pub channels: usize,
    /// H x W x C bytes.
    pub data: Vec<u8>,
}

/// Reads an image file.
///
/// # Errors
/// The file cannot be read, is neither PNG nor JPEG, or is broken; the error names it.
pub fn read(path: impl AsRef<Path>, channels: Channels) -> Result<Picture> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|e| Error::file(path, "read the image", e))?;
    decode(&bytes, channels).map_err(|e| e.about(path.display()))
}

/// Decodes the bytes of an image file.
///
/// # Errors
/// The bytes are neither PNG nor JPEG, are broken or truncated, or declare a size that they cannot hold.
pub fn decode(bytes: &[u8], channels: Channels) -> Result<Picture> {
    let decoded = match bytes {
        [0x89, b'P', b'N', b'G', ..] => png(bytes, channels),
        [0xFF, 0xD8, ..] => jpeg(bytes, channels),
        _ => {
            let e = Error::new(Kind::Data, format!("{}; PNG and JPEG can be decoded", name_of(bytes)));
            return Err(e.hint("convert the file to PNG or JPEG"));
        }
    };
    decoded.map_err(|what| Error::new(Kind::Data, what))
}

/// What the first bytes say that a file is.
fn name_of(bytes: &[u8]) -> String {
    let known: [(&[u8], &str); 8] = [
        (b"GIF8", "a GIF image"),
        (b"BM", "a BMP image"),
        (b"RIFF", "a WebP image"),
        (b"II*\0", "a TIFF image"),
        (b"MM\0*", "a TIFF image"),
        (b"<", "text, perhaps HTML"),
        (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
        (b"%PDF", "a PDF"),
    ];
    match known.iter().find(|(start, _)| bytes.starts_with(start)) {
        Some((_, name)) => format!("it is {name}"),
        None if bytes.is_empty() => "it is empty".into(),
        None => format!("its first bytes {:02x?} are of no image", &bytes[..bytes.len().min(4)]),
    }
}

/// An image of this size, still black. A size is taken on trust only as far as `bytes` of a file can hold it.
fn black(height: usize, width: usize, channels: usize, bytes: usize) -> Result<Picture, String> {
    let pixels = height.checked_mul(width).filter(|&n| n <= PIXELS_MAX && n / PIXELS_PER_BYTE <= bytes);
    let refuse = || format!("{width} x {height} pixels are declared, too many for a file of {bytes} bytes");
    let len = pixels.ok_or_else(refuse)? * channels;
    let mut data = Vec::new();
    data.try_reserve_exact(len).map_err(|_| format!("no memory for {width} x {height} pixels"))?;
    data.resize(len, 0);
    Ok(Picture { height, width, channels, data })
}

fn png(bytes: &[u8], channels: Channels) -> Result<Picture, String> {
    let broken = |e: png::DecodingError| format!("a broken PNG: {e}");
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let info = decoder.read_header_info().map_err(broken)?;
    let (height, width) = (info.height as usize, info.width as usize);
    black(height, width, 0, bytes.len())?; // before the decoder reserves its rows
    let mut reader = decoder.read_info().map_err(broken)?;
    let samples = reader.output_color_type().0.samples();
    let mut picture = black(height, width, samples, bytes.len())?;
    reader.next_frame(&mut picture.data).map_err(broken)?;
    reader.finish().map_err(broken)?;
    if samples.is_multiple_of(2) {
        picture.data = picture.data.chunks_exact(samples).flat_map(|p| &p[..samples - 1]).copied().collect();
        picture.channels = samples - 1; // without alpha
    }
    picture.swap_red_and_blue();
    Ok(picture.with(channels))
}

fn jpeg(bytes: &[u8], channels: Channels) -> Result<Picture, String> {
    use zune_core::{colorspace::ColorSpace, options::DecoderOptions};
    let broken = |e: zune_jpeg::errors::DecodeErrors| format!("a broken JPEG: {e}");
    let options = DecoderOptions::default().set_max_width(1 << 16).set_max_height(1 << 16).set_strict_mode(true);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(broken)?;
    let (width, height) = decoder.dimensions().ok_or("a broken JPEG: it has no size")?;
    // The luminance alone is decoded where it suffices, as libjpeg does it.
    let stored = decoder.input_colorspace();
    let grey = stored == Some(ColorSpace::Luma) || (channels == Channels::Grey && stored == Some(ColorSpace::YCbCr));
    let (space, samples) = if grey { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let mut picture = black(height, width, samples, bytes.len())?;
    decoder.decode_into(&mut picture.data).map_err(broken)?;
    picture.swap_red_and_blue();
    let orientation = decoder.exif().and_then(|exif| orientation(exif)).unwrap_or(1);
    Ok(picture.turned(orientation).with(channels))
}

/// The orientation, 1 to 8, in an EXIF block: tag 0x112 of the first directory of a TIFF header.
fn orientation(exif: &[u8]) -> Option<u16> {
    let little = exif.starts_with(b"II");
    let u16_at = |at: usize| {
        let bytes = exif.get(at..at + 2)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let (low, high) = if little { (4, 6) } else { (6, 4) };
    let start = usize::from(u16_at(low)?) | usize::from(u16_at(high)?) << 16;
    let mut entries = (0..usize::from(u16_at(start)?)).map(|i| start + 2 + 12 * i);
    u16_at(entries.find(|&at| u16_at(at) == Some(0x112))? + 8)
}

impl Picture {
    /// Puts blue first.
    fn swap_red_and_blue(&mut self) {
        if self.channels == 3 {
            self.data.as_chunks_mut().0.iter_mut().for_each(|[r, _, b]| std::mem::swap(r, b));
        }
    }

    fn with(self, channels: Channels) -> Picture {
        let data = match (channels, self.channels) {
            (Channels::Colour, 1) => self.data.iter().flat_map(|&y| [y; 3]).collect(),
            (Channels::Grey, 3) => self.data.as_chunks().0.iter().map(|&bgr| luminance(bgr)).collect(),
            _ => return self,
        };
        Picture { channels: if channels == Channels::Grey { 1 } else { 3 }, data, ..self }
    }

    /// The image upright, of one whose first row and column lie as EXIF's orientation says.
    fn turned(self, orientation: u16) -> Picture {
        let (h, w, c) = (self.height, self.width, self.channels);
        if !(2..=8).contains(&orientation) {
            return self;
        }
        let (height, width) = if orientation > 4 { (w, h) } else { (h, w) };
        let mut data = Vec::with_capacity(self.data.len());
        for i in 0..height {
            for j in 0..width {
                let (y, x) = match orientation {
                    2 => (i, w - 1 - j),
                    3 => (h - 1 - i, w - 1 - j),
                    4 => (h - 1 - i, j),
                    5 => (j, i),
                    6 => (h - 1 - j, i),
                    7 => (h - 1 - j, w - 1 - i),
                    _ => (j, w - 1 - i),
                };
                data.extend_from_slice(&self.data[(y * w + x) * c..][..c]);
            }
        }
        Picture { height, width, channels: c, data }
    }

    /// C, H, W: the shape of [`planes`](Picture::planes).
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// The values in the order of a blob: C x H x W.
    pub fn planes(&self) -> Vec<u8> {
        let c = self.channels;
        (0..c).flat_map(|k| self.data[k..].iter().step_by(c)).copied().collect()
    }

    /// The `height` rows and `width` columns from row `top` and column `left` on.
    pub fn cut(&self, top: usize, left: usize, height: usize, width: usize) -> Picture {
        let c = self.channels;
        let rows = (top..top + height).flat_map(|i| &self.data[(i * self.width + left) * c..][..width * c]);
        Picture { height, width, channels: c, data: rows.copied().collect() }
    }

    /// The same image left to right.
    pub fn mirrored(self) -> Picture {
        self.turned(2)
    }

    /// The image scaled to another size, bilinearly, with OpenCV's integer arithmetic (`INTER_LINEAR`).
    ///
    /// # Errors
    /// The size is 0, or too large.
    pub fn resized(&self, height: usize, width: usize) -> Result<Picture> {
        if (height, width) == (self.height, self.width) {
            return Ok(self.clone());
        }
        let c = self.channels;
        let refuse = || {
            let e = Error::value(format!("an image cannot be scaled to {width} x {height} pixels"));
            e.hint("give a height and a width of at least 1, and no more than 128 Mi pixels together")
        };
        if height == 0 || width == 0 || self.data.is_empty() {
            return Err(refuse());
        }
        let mut y = black(height, width, c, usize::MAX).map_err(|_| refuse())?;
        let columns: Vec<Between> = (0..width).map(|j| between(j, self.width, width).inside(self.width)).collect();
        let row_len = width * c;
        // Two rows of the source, scaled in width: those above and below the row that is made.
        let (mut rows, mut have) = ([vec![0; row_len], vec![0; row_len]], [usize::MAX; 2]);
        for (i, out) in y.data.chunks_exact_mut(row_len).enumerate() {
            let Between { at, weights: [above, below] } = between(i, self.height, height);
            let wanted = [at, at + 1].map(|k| k.clamp(0, self.height as i64 - 1) as usize);
            if have[1] == wanted[0] {
                rows.swap(0, 1);
                have.swap(0, 1);
            }
            for k in 0..2 {
                if have[k] != wanted[k] {
                    let source = &self.data[wanted[k] * self.width * c..][..self.width * c];
                    scale_row(source, c, &columns, &mut rows[k]);
                    have[k] = wanted[k];
                }
            }
            for ((out, &a), &b) in out.iter_mut().zip(&rows[0]).zip(&rows[1]) {
                let sum = ((above * (a >> 4)) >> 16) + ((below * (b >> 4)) >> 16);
                *out = ((sum + 2) >> 2).clamp(0, 255) as u8;
            }
        }
        Ok(y)
    }
}

/// Blue, green, red to grey, in 14 bits.
fn luminance([b, g, r]: [u8; 3]) -> u8 {
    ((u32::from(r) * 4899 + u32::from(g) * 9617 + u32::from(b) * 1868 + (1 << 13)) >> 14) as u8
}

/// A place between pixel `at` and the next, with their weights in 1/2048.
#[derive(Clone, Copy)]
struct Between {
    at: i64,
    weights: [i32; 2],
}

/// Where the middle of pixel `i` of `to` lies among `from` pixels.
fn between(i: usize, from: usize, to: usize) -> Between {
    let place = ((i as f64 + 0.5) * (from as f64 / to as f64) - 0.5) as f32;
    let part = place - place.floor();
    let weight = |x: f32| (x * 2048.0).round_ties_even() as i32;
    Between { at: place.floor() as i64, weights: [weight(1.0 - part), weight(part)] }
}

impl Between {
    /// At the edges the outermost pixel alone.
    fn inside(self, len: usize) -> Between {
        match self.at {
            at if at < 0 => Between { at: 0, weights: [2048, 0] },
            at if at >= len as i64 - 1 => Between { at: len as i64 - 1, weights: [2048, 0] },
            _ => self,
        }
    }
}

/// Scales a row of pixels of `c` channels; the sums are 2048 times the values.
fn scale_row(x: &[u8], c: usize, columns: &[Between], y: &mut [i32]) {
    for (y, column) in y.chunks_exact_mut(c).zip(columns) {
        let left = &x[column.at as usize * c..];
        let right = if left.len() > c { &left[c..] } else { left };
        for (k, y) in y.iter_mut().enumerate() {
            *y = i32::from(left[k]) * column.weights[0] + i32::from(right[k]) * column.weights[1];
        }
    }
}
