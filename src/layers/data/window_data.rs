//! # WindowData: windows of images, for a detector
//!
//! | blob     | shape                         | meaning                                                  |
//! |----------|-------------------------------|----------------------------------------------------------|
//! | `top[0]` | N x 3 x crop_size x crop_size | windows, scaled to squares                               |
//! | `top[1]` | N                             | their classes, if there is a second top; 0 is background |
//!
//! `window_data_param { source batch_size }` names a window file and N: `# number`, path, channels, height, width and number of
//! windows for each image, then `label overlap x1 y1 x2 y2` for each window. A window that overlaps an object by `fg_threshold`
//! or more is foreground, by less than `bg_threshold` background. Of a batch the part `fg_fraction` is foreground, behind the
//! background; both are drawn with replacement, by (seed, layer name, number of the sample). A window is scaled to
//! `transform_param { crop_size }`, with `context_pad` pixels of its surroundings on each side, zeros outside the image;
//! `crop_mode: "square"` takes the smallest square around it instead of warping it. `mirror`, `mean_value` and the middle of
//! `mean_file` apply; the scale is that of `window_data_param` times that of `transform_param`.

use super::DataLayer;
use crate::data::image::{self, Channels, Picture};
use crate::data::transform::Transform;
use crate::data::windows::{Window, Windows};
use crate::data::{Dataset, Sample};
use crate::layer::Cx;
use crate::proto::{DataParameter, LayerParameter, WindowDataParameter};
use crate::{Error, Kind, Result};

/// Batches of windows.
pub type WindowData = DataLayer<WindowList>;

/// The windows of a file. As a data set it has the samples of one batch, which are drawn anew each time.
pub struct WindowList {
    file: Windows,
    background: Vec<Window>,
    foreground: Vec<Window>,
    settings: WindowDataParameter,
    side: usize,
    mirror: bool,
    scale: f32,
    /// 3 x side x side.
    mean: Vec<f32>,
    /// The decoded images, with `cache_images`.
    cache: Vec<Option<Picture>>,
}

impl Dataset for WindowList {
    const MESSAGE: &'static str = "window_data_param";

    fn open(param: &LayerParameter, cx: &Cx) -> Result<WindowList> {
        let settings = param.window_data_param.clone().unwrap_or_default();
        let t = param.transform_param.clone().unwrap_or_default();
        let side = t.crop_size() as usize;
        if side == 0 {
            let e = Error::value("no crop_size is given").field("transform_param.crop_size");
            return Err(e.hint("windows are scaled to squares of crop_size: 227 is usual"));
        }
        if settings.context_pad() as usize * 2 >= side {
            let what =
                format!("a context_pad of {} on both sides of a window of {side} pixels", settings.context_pad());
            let e = Error::value(what).field("window_data_param.context_pad");
            return Err(e.hint("make it less than half of crop_size"));
        }
        if !["warp", "square"].contains(&settings.crop_mode()) {
            let e = Error::value(format!("there is no crop_mode \"{}\"", settings.crop_mode()));
            return Err(e.field("window_data_param.crop_mode").hint("it is \"warp\" or \"square\""));
        }
        let mean = Transform::new(&t, cx, param.name())?.mean_of_square(side)?;
        let file = Windows::read(settings.source(), cx).map_err(|e| e.field("window_data_param.source"))?;
        let (mut foreground, mut background) = (Vec::new(), Vec::new());
        for &window in &file.windows {
            if window.overlap >= settings.fg_threshold() {
                if window.label <= 0 {
                    let what =
                        format!("{}: a foreground window of class {}", file.list.place(window.line), window.label);
                    let e = Error::new(Kind::Data, what).field("window_data_param.source");
                    return Err(e.hint("objects have classes from 1 on; 0 is the background"));
                }
                foreground.push(window);
            } else if window.overlap < settings.bg_threshold() {
                background.push(Window { label: 0, ..window });
            }
        }
        let scale = settings.scale() * t.scale();
        let cache = vec![None; if settings.cache_images() { file.images.len() } else { 0 }];
        let all = WindowList { file, background, foreground, settings, side, mirror: t.mirror(), scale, mean, cache };
        let (fg, n) = (all.foreground_in_batch(), all.len());
        for (kind, wanted, there) in
            [("foreground", fg, all.foreground.len()), ("background", n - fg, all.background.len())]
        {
            if wanted > 0 && there == 0 {
                let e = Error::new(Kind::Data, format!("a batch has {wanted} {kind} windows, and the file has none"));
                return Err(e
                    .field("window_data_param.source")
                    .hint("change fg_fraction, fg_threshold or bg_threshold"));
            }
        }
        Ok(all)
    }

    fn len(&self) -> usize {
        self.settings.batch_size() as usize
    }

    fn read(&mut self, i: usize, sample: &mut Sample) -> Result {
        let random = sample.random();
        let is_foreground = i >= self.len() - self.foreground_in_batch();
        let windows = if is_foreground { &self.foreground } else { &self.background };
        let window = windows[random.below(0, windows.len())];
        let mirror = self.mirror && random.below(1, 2) == 1;
        let side = self.side;
        let values = self.picture(window.image).and_then(|picture| self.cut(&picture, &window, mirror));
        let values = values.map_err(|e| e.about(self.file.list.place(window.line)))?;
        sample.values(&[3, side, side], &values)?;
        sample.label(window.label as f32)
    }

    fn settings(param: &LayerParameter) -> DataParameter {
        let p = param.window_data_param.clone().unwrap_or_default();
        DataParameter { batch_size: p.batch_size, ..Default::default() }
    }
}

impl WindowList {
    fn foreground_in_batch(&self) -> usize {
        ((self.len() as f32 * self.settings.fg_fraction()) as usize).min(self.len())
    }

    /// An image of the file.
    fn picture(&mut self, i: usize) -> Result<Picture> {
        if let Some(Some(picture)) = self.cache.get(i) {
            return Ok(picture.clone());
        }
        let (line, path) = &self.file.images[i];
        let path = self.file.list.find(*line, &format!("{}{path}", self.settings.root_folder()))?;
        let picture = image::read(path, Channels::Colour)?;
        if let Some(kept) = self.cache.get_mut(i) {
            *kept = Some(picture.clone());
        }
        Ok(picture)
    }

    /// A window of an image as 3 x side x side values.
    fn cut(&self, picture: &Picture, window: &Window, mirror: bool) -> Result<Vec<f32>> {
        let (side, [x1, y1, x2, y2]) = (self.side, window.corners);
        let [across, down] = match (self.settings.context_pad() as usize, self.settings.crop_mode() == "square") {
            (0, false) => [Span::whole(x1, x2, side), Span::whole(y1, y2, side)],
            (pad, square) => {
                let (half_x, half_y) = (half(x1, x2), half(y1, y2));
                // So much wider that the window itself has `pad` pixels on each side, once it is scaled.
                let wider = side as f32 / (side - 2 * pad) as f32;
                let span = |from: i32, half: f32, size: usize| {
                    let wanted = if square { half_x.max(half_y) } else { half };
                    Span::around(from as f32 + half, wanted * wider, size, side)
                };
                [span(x1, half_x, picture.width), span(y1, half_y, picture.height)]
            }
        };
        if !across.is_within(picture.width) || !down.is_within(picture.height) {
            let (h, w) = (picture.height, picture.width);
            let what = format!("the window {x1} {y1} {x2} {y2} is not in its image of {h} rows and {w} columns");
            return Err(Error::new(Kind::Data, what).hint("x1 <= x2 and y1 <= y2, counted from 0"));
        }
        let (top, left) = (down.before, if mirror { across.after } else { across.before });
        let part = picture.cut(down.from as usize, across.from as usize, down.len(), across.len());
        // Rounding may make it a pixel too large.
        let part = part.resized(down.scaled.min(side - top), across.scaled.min(side - left))?;
        let part = if mirror { part.mirrored() } else { part };
        let mut y = vec![0.0; 3 * side * side];
        for c in 0..3 {
            for i in 0..part.height {
                for j in 0..part.width {
                    let at = (c * side + top + i) * side + left + j;
                    y[at] = (f32::from(part.data[(i * part.width + j) * 3 + c]) - self.mean[at]) * self.scale;
                }
            }
        }
        Ok(y)
    }
}

/// Half of the length of a window.
fn half(from: i32, to: i32) -> f32 {
    (to as f32 - from as f32 + 1.0) / 2.0
}

/// One axis of a window: the pixels `from..=to` of the image, which become `scaled` pixels with zeros before and after them.
struct Span {
    from: i64,
    to: i64,
    scaled: usize,
    before: usize,
    after: usize,
}

impl Span {
    fn whole(from: i32, to: i32, side: usize) -> Span {
        Span { from: from.into(), to: to.into(), scaled: side, before: 0, after: 0 }
    }

    /// What lies around a place, as far as the image of this size goes.
    fn around(middle: f32, half: f32, size: usize, side: usize) -> Span {
        let [from, to] = [middle - half, middle + half].map(|x| i64::from(x.round() as i32));
        let (before, after) = ((-from).max(0), (to - size as i64 + 1).max(0));
        let scale = side as f32 / (to - from + 1) as f32;
        let scaled = |n: i64| ((n as f32 * scale).round() as usize).min(side);
        let (from, to) = (from + before, to - after);
        Span { from, to, scaled: scaled(to - from + 1), before: scaled(before), after: scaled(after) }
    }

    fn len(&self) -> usize {
        (self.to - self.from + 1) as usize
    }

    fn is_within(&self, size: usize) -> bool {
        self.from >= 0 && self.from <= self.to && self.to < size as i64 && self.scaled > 0
    }
}
