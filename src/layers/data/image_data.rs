//! # ImageData: batches of the image files of a list
//!
//! | blob     | shape         | meaning                                  |
//! |----------|---------------|------------------------------------------|
//! | `top[0]` | N x C x H x W | images, transformed by `transform_param` |
//! | `top[1]` | N             | labels, if there is a second top         |
//!
//! `image_data_param { source batch_size }` names a list and N. Each line of the list is the path of a PNG or JPEG file, a space
//! and a label, a number; the path may hold spaces. `root_folder` is put in front of each path as it is, so end it with `/`. A
//! relative path starts at the current folder, the list's or the prototxt's. Images have three channels, blue, green and red, or
//! with `is_color: false` one; `new_height` and `new_width` scale them. They come in the order of the list, or with `shuffle` in a
//! new order each epoch; `rand_skip: n` starts at a random one of the first n.

use super::DataLayer;
use crate::data::image::{self, Channels};
use crate::data::list::List;
use crate::data::{Dataset, Sample};
use crate::layer::Cx;
use crate::proto::{DataParameter, LayerParameter};
use crate::{Error, Kind, Result};

/// Batches of image files.
pub type ImageData = DataLayer<ImageList>;

/// The images of a list, each with its label.
pub struct ImageList {
    list: List,
    /// The number of the line, the path and the label.
    images: Vec<(usize, String, f32)>,
    channels: Channels,
    /// Height and width that all images get.
    size: Option<(usize, usize)>,
}

impl Dataset for ImageList {
    const MESSAGE: &'static str = "image_data_param";

    fn open(param: &LayerParameter, cx: &Cx) -> Result<ImageList> {
        let p = param.image_data_param.clone().unwrap_or_default();
        let size = match (p.new_height() as usize, p.new_width() as usize) {
            (0, 0) => None,
            (h, w) if h > 0 && w > 0 => Some((h, w)),
            (h, w) => {
                let what = format!("new_height is {h} and new_width is {w}");
                let e = Error::value(what).field("image_data_param.new_height");
                return Err(e.hint("give both, or neither"));
            }
        };
        let read = || {
            let (list, lines) = List::read(p.source(), cx)?;
            let image = |(line, text): (usize, String)| match path_and_label(&text) {
                Ok((path, label)) => Ok((line, format!("{}{path}", p.root_folder()), label)),
                Err(why) => Err(Error::new(Kind::Data, format!("{}: {why}", list.place(line)))
                    .hint("a line is the path of an image, a space and a number: cat.jpg 3")),
            };
            let images = lines.into_iter().map(image).collect::<Result<Vec<_>>>()?;
            Ok((list, images))
        };
        let (list, images) = read().map_err(|e: Error| e.field("image_data_param.source"))?;
        let channels = if p.is_color() { Channels::Colour } else { Channels::Grey };
        Ok(ImageList { list, images, channels, size })
    }

    fn len(&self) -> usize {
        self.images.len()
    }

    fn read(&mut self, i: usize, sample: &mut Sample) -> Result {
        let (line, path, label) = &self.images[i];
        let path = self.list.find(*line, path)?;
        let mut read = || {
            let mut picture = image::read(&path, self.channels)?;
            if let Some((height, width)) = self.size {
                picture = picture.resized(height, width)?;
            }
            sample.image(picture.shape(), &picture.planes())?;
            sample.label(*label)
        };
        read().map_err(|e| e.about(self.list.place(*line)))
    }

    fn settings(param: &LayerParameter) -> DataParameter {
        let p = param.image_data_param.clone().unwrap_or_default();
        let batch_size = Some(p.batch_size());
        DataParameter { batch_size, shuffle: p.shuffle, rand_skip: p.rand_skip, ..Default::default() }
    }

    fn warning(param: &LayerParameter) -> Option<String> {
        let p = param.image_data_param.clone().unwrap_or_default();
        let old = [
            ("scale", p.scale.is_some()),
            ("mean_file", p.mean_file.is_some()),
            ("crop_size", p.crop_size.is_some()),
            ("mirror", p.mirror.is_some()),
        ];
        let root = Some(p.root_folder()).filter(|root| !root.is_empty() && !root.ends_with('/'));
        let joined = root.map(|root| {
            format!("root_folder \"{root}\" does not end with /, and is put in front of each path as it is")
        });
        joined.or(super::data::ignored("image_data_param", &old))
    }
}

/// What stands before the last space of a line, and the number behind it.
fn path_and_label(line: &str) -> Result<(&str, f32), String> {
    let (path, label) = line.rsplit_once([' ', '\t']).ok_or_else(|| format!("\"{line}\" has no label"))?;
    match label.parse::<f32>() {
        Ok(number) if number.is_finite() => Ok((path.trim_end(), number)),
        _ => Err(format!("the label \"{label}\" is not a number")),
    }
}
