//! A drawing, written mark by mark. Its plain background makes it readable on light and dark pages.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The card under every drawing.
pub const CARD: &str = "#faf9f6";
/// Text and axes.
pub const INK: &str = "#333333";
/// Text of the second rank.
pub const PALE: &str = "#77746c";
/// Hairlines.
pub const GRID: &str = "#e2e0da";
/// People with colour blindness can tell these apart.
pub const COLOURS: [&str; 7] = ["#005f96", "#c8500a", "#007d5f", "#964682", "#6e6414", "#2d9bd2", "#3c3c3c"];
/// What the browser's own fonts stand in for.
pub const FONT: &str = "Helvetica, Arial, sans-serif";

/// On a page that is narrower than the drawing, the drawing shrinks.
pub(super) const FITS: &str = "max-width:100%;height:auto";

/// Where a text stands against its point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// It is centred on it.
    Middle,
    /// It ends there.
    End,
}

/// A drawing in the making; all lengths are in pixels at its natural size.
#[derive(Clone, Debug)]
pub struct Svg {
    width: f32,
    height: f32,
    title: String,
    body: String,
}

impl Svg {
    /// An empty card. The title is what a screen reader says.
    pub fn new(width: f32, height: f32, title: &str) -> Svg {
        Svg { width, height, title: title.into(), body: String::new() }
    }

    /// Sets the height: it may be found out while drawing.
    pub fn set_height(&mut self, height: f32) {
        self.height = height;
    }

    /// The drawing on its card.
    pub fn finish(self) -> String {
        let Svg { width, height, title, body } = self;
        let title = escape(&title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" style=\"{FITS};font-variant-numeric:tabular-nums\" \
             font-family=\"{FONT}\" role=\"img\">\n<title>{title}</title>\n\
             <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{CARD}\"/>\n{body}</svg>"
        )
    }

    /// Any element, as it is written.
    pub fn mark(&mut self, element: &str) {
        self.body += element;
        self.body.push('\n');
    }

    /// A line of text, its baseline at `y`.
    pub fn text(&mut self, (x, y): (f32, f32), size: f32, colour: &str, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let text = escape(text);
        self.mark(&format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{colour}\"{anchor}>{text}</text>"));
    }

    /// Writes the title, if there is one, its baseline at `y`.
    pub(super) fn title(&mut self, y: f32) {
        if !self.title.is_empty() {
            let title = self.title.clone();
            self.text((20.0, y), 16.0, INK, Anchor::Start, &title);
        }
    }

    /// The names of lines in a row, each beside a piece of its line at `y`.
    pub(super) fn legend(&mut self, y: f32, names: &[&str]) {
        let mut x = 20.0;
        for (name, colour) in names.iter().zip(COLOURS.iter().cycle()) {
            self.line((x, y), (x + 18.0, y), colour, 2.0);
            self.text((x + 25.0, y + 4.5), 13.0, INK, Anchor::Start, name);
            x += 47.0 + text_width(name, 13.0);
        }
    }

    /// The names of the axes of a plot: one under it, one upright at its left.
    pub(super) fn axes(&mut self, (left, right): (f32, f32), (top, bottom): (f32, f32), [x, y]: [&str; 2]) {
        self.text(((left + right) / 2.0, bottom + 42.0), 13.0, PALE, Anchor::Middle, x);
        self.mark(&format!("<g transform=\"translate(20 {}) rotate(-90)\">", (top + bottom) / 2.0));
        self.text((0.0, 0.0), 13.0, PALE, Anchor::Middle, y);
        self.mark("</g>");
    }

    /// A straight line.
    pub fn line(&mut self, (x1, y1): (f32, f32), (x2, y2): (f32, f32), colour: &str, width: f32) {
        self.mark(&format!(
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
        ));
    }

    /// A filled rectangle.
    pub fn rect(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), fill: &str) {
        self.mark(&format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>"));
    }

    /// An outline through `d`, a path in SVG's own letters.
    pub fn path(&mut self, d: &str, colour: &str, width: f32) {
        self.mark(&format!("<path d=\"{d}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"));
    }

    /// Pixels stretched over a rectangle: each a square with sharp edges, if there is room for that.
    pub fn pixels(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), pixels: &Pixels) {
        let sharp = if pixels.width as f32 <= width { " style=\"image-rendering:pixelated\"" } else { "" };
        let png = BASE64_STANDARD.encode(pixels.to_png());
        self.mark(&format!(
            "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\"\
             {sharp} href=\"data:image/png;base64,{png}\"/>"
        ));
    }
}

/// About how wide a text will be, in pixels. Fonts differ: this is on the safe side of the common ones.
pub fn text_width(text: &str, size: f32) -> f32 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.28,
        'f' | 't' | 'r' | ' ' | '(' | ')' | '[' | ']' | '-' | '/' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.86,
        c if c.is_uppercase() || !c.is_ascii() => 0.72,
        _ => 0.57,
    };
    size * text.chars().map(em).sum::<f32>()
}

/// The text if it is at most `width` pixels wide, or else its two ends with dots between them.
///
/// ```
/// use cortado::show::svg::fit;
/// assert_eq!(fit("conv1", 12.0, 100.0), "conv1");
/// assert_eq!(fit("label_mnist_1_split_0", 12.0, 75.0), "labe..split_0");
/// ```
pub fn fit(text: &str, size: f32, width: f32) -> String {
    if text_width(text, size) <= width {
        return text.into();
    }
    let letters: Vec<char> = text.chars().collect();
    let ends = |kept: usize| {
        let left = kept * 2 / 5;
        let right = letters.len() - (kept - left);
        format!("{}..{}", letters[..left].iter().collect::<String>(), letters[right..].iter().collect::<String>())
    };
    let fits = |kept: &usize| text_width(&ends(*kept), size) <= width;
    ends((2..letters.len()).rev().find(fits).unwrap_or(letters.len().min(2)))
}

/// Round numbers from `low` to `high`, about `count` of them: what stands at an axis.
///
/// ```
/// use cortado::show::svg::ticks;
/// assert_eq!(ticks(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
/// assert_eq!(ticks(-13.0, 31.0, 4), [-10.0, 0.0, 10.0, 20.0, 30.0]);
/// ```
pub fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return vec![low];
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= 0.9 * rough).unwrap_or(rough);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    // Dividing by a whole number keeps 0.6 from becoming 0.6000000000000001.
    let at = |i: i64| if step < 1.0 { i as f64 / (1.0 / step).round() } else { i as f64 * step };
    (first..=last).map(at).collect()
}

/// A small picture: red, green and blue bytes, row by row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pixels {
    /// Pixels in a row.
    pub width: usize,
    /// Three bytes a pixel; as many rows as they fill.
    pub rgb: Vec<u8>,
}

impl Pixels {
    /// From values between 0 (black) and 1 (white); what lies outside is clipped, what is not a number is magenta.
    pub fn grey(width: usize, values: impl IntoIterator<Item = f32>) -> Pixels {
        let pixel = |v: f32| if v.is_nan() { [255, 0, 255] } else { [(v.clamp(0.0, 1.0) * 255.0).round() as u8; 3] };
        Pixels { width, rgb: values.into_iter().flat_map(pixel).collect() }
    }

    /// From values between -1 (blue) and 1 (orange) with white between: for filters and gradients, whose sign matters.
    pub fn signed(width: usize, values: impl IntoIterator<Item = f32>) -> Pixels {
        let pixel = |v: f32| {
            let end = if v < 0.0 { [0.0, 95.0, 150.0] } else { [200.0, 80.0, 10.0] };
            let shade = (100.0 * v.abs().min(1.0)).round() / 100.0; // few enough shades for a palette
            let mix = |c: f32| (255.0 + (c - 255.0) * shade).round() as u8;
            if v.is_nan() { [255, 0, 255] } else { end.map(mix) }
        };
        Pixels { width, rgb: values.into_iter().flat_map(pixel).collect() }
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.rgb.len() / (3 * self.width).max(1)
    }

    /// The bytes of a PNG file; with a palette if there are at most 256 colours. An empty picture is one white pixel.
    fn to_png(&self) -> Vec<u8> {
        let white = Pixels { width: 1, rgb: vec![255; 3] };
        let picture = if self.height() == 0 { &white } else { self };
        let (width, height) = (picture.width, picture.height());
        let rgb = &picture.rgb[..3 * width * height];
        let colours: BTreeSet<&[u8]> = rgb.chunks_exact(3).collect();
        let colours: Vec<&[u8]> = colours.into_iter().collect();
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
        encoder.set_depth(png::BitDepth::Eight);
        let data = if colours.len() <= 256 {
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(colours.concat());
            rgb.chunks_exact(3).map(|pixel| colours.binary_search(&pixel).unwrap_or(0) as u8).collect()
        } else {
            encoder.set_color(png::ColorType::Rgb);
            rgb.to_vec()
        };
        // A picture in memory, of the size that its header says: nothing here can fail.
        if let Ok(mut writer) = encoder.write_header() {
            let _ = writer.write_image_data(&data);
        }
        bytes
    }
}

/// Text inside an element or an attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            c => {
                let _ = write!(out, "{c}");
            }
        }
    }
    out
}
