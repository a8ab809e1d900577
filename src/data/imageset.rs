//! Sets of image files: a list as Caffe's tools read it, or a folder with a subfolder for each class. They become arrays, or
//! a database as Caffe's `convert_imageset` makes it.

use super::database::{self, Backend};
use super::encode::{self, Format};
use super::image::{self, Channels, Picture};
use crate::proto::Datum;
use crate::random::Random;
use crate::{Error, Kind, Result, blob};
use ndarray::{Array1, Array4};
use prost::Message;
use std::path::{Path, PathBuf};

/// Image files and their classes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageSet {
    /// The folder in which the files are.
    pub root: PathBuf,
    /// The files, by their paths within `root`, each with its class.
    pub images: Vec<(PathBuf, i32)>,
    /// The names of the classes 0, 1, .. of a folder; a list has none.
    pub labels: Vec<String>,
}

impl ImageSet {
    /// The images of a list: each line is a path within `root` and, after the last space, the class. Paths may have spaces.
    ///
    /// # Errors
    /// The list cannot be read or has no images; a line has no class, or one that is no whole number.
    pub fn of_list(root: impl AsRef<Path>, list: impl AsRef<Path>) -> Result<ImageSet> {
        let (root, list) = (root.as_ref().to_path_buf(), list.as_ref());
        let bytes = std::fs::read(list).map_err(|e| Error::file(list, "read the list", e))?;
        let mut images = Vec::new();
        for (i, line) in bytes.split(|&b| b == b'\n').enumerate() {
            let wrong = |what: String| {
                let e = Error::new(Kind::Data, format!("{}:{}: {what}", list.display(), i + 1));
                e.hint("each line is an image's path, a space, and its class: cats/1.jpg 0")
            };
            let line = std::str::from_utf8(line).map_err(|_| wrong("the line is not UTF-8 text".into()))?;
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() {
                continue;
            }
            let (name, label) =
                line.rsplit_once([' ', '\t']).ok_or_else(|| wrong(format!("{} is one word", short(line))))?;
            let label = label.parse().map_err(|_| wrong(format!("{} is no class", short(label))))?;
            images.push((PathBuf::from(name.trim_end()), label));
        }
        if images.is_empty() {
            return Err(Error::new(Kind::Data, format!("{}: the list has no images", list.display())));
        }
        Ok(ImageSet { root, images, labels: Vec::new() })
    }

    /// The images of a folder: each subfolder is a class, in the order of their names. Hidden files and folders are left out.
    ///
    /// # Errors
    /// A folder cannot be read; there is no subfolder, or no image in any.
    pub fn of_folder(root: impl AsRef<Path>) -> Result<ImageSet> {
        let root = root.as_ref();
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for class in names_in(root)?.into_iter().filter(|class| root.join(class).is_dir()) {
            let label = labels.len() as i32;
            images.extend(names_in(&root.join(&class))?.into_iter().map(|name| (class.join(name), label)));
            labels.push(class.display().to_string());
        }
        if images.is_empty() {
            let what = if labels.is_empty() { "has no subfolders" } else { "has no files in its subfolders" };
            let e = Error::new(Kind::Data, format!("{} {what}", root.display()));
            return Err(e.hint("put each class's images into a subfolder of its own, or give a list of images"));
        }
        Ok(ImageSet { root: root.to_path_buf(), images, labels })
    }

    /// Puts the images in an order that depends on the seed alone.
    pub fn shuffle(&mut self, seed: u64) {
        let order = Random::new(seed, "shuffle", 0).permutation(self.images.len());
        self.images = order.iter().map(|&i| self.images[i as usize].clone()).collect();
    }

    /// The path of image `i`. As in Caffe a name that begins with / is still one within `root`, if there is a root.
    pub fn path(&self, i: usize) -> PathBuf {
        let name = &self.images[i].0;
        match self.root.as_os_str().is_empty() {
            true => name.clone(),
            false => self.root.join(name.strip_prefix("/").unwrap_or(name)),
        }
    }

    /// All images as an array N x C x H x W, blue, green, red or grey, from 0 to 255; and their classes.
    ///
    /// # Errors
    /// An image cannot be read; there is no memory for all.
    pub fn arrays(&self, channels: Channels, [h, w]: [usize; 2]) -> Result<(Array4<f32>, Array1<f32>)> {
        let channels = if channels == Channels::Grey { channels } else { Channels::Colour };
        let c = if channels == Channels::Grey { 1 } else { 3 };
        let shape = (self.images.len(), c, h, w);
        let mut x = Vec::new();
        x.try_reserve_exact(blob::count(&[shape.0, c, h, w])?)
            .map_err(|_| Error::shape(format!("no memory for images of shape {shape:?}")))?;
        for i in 0..self.images.len() {
            let picture = image::read(self.path(i), channels)?.resized(h, w)?;
            x.extend(picture.planes().into_iter().map(f32::from));
        }
        let x = Array4::from_shape_vec(shape, x).map_err(|e| Error::shape(e.to_string()))?;
        Ok((x, self.images.iter().map(|&(_, label)| label as f32).collect()))
    }
}

/// The names in a folder, sorted, without hidden ones.
fn names_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |e| Error::file(folder, "read the folder", e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        names.push(PathBuf::from(entry.map_err(fail)?.file_name()));
    }
    names.retain(|name| !name.as_os_str().as_encoded_bytes().starts_with(b"."));
    names.sort();
    Ok(names)
}

/// A word for a message, cut to 60 characters.
fn short(word: &str) -> String {
    format!("\"{}\"", word.chars().take(60).collect::<String>().escape_debug())
}

/// What becomes of an image on its way into a database.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// One channel, not three.
    pub grey: bool,
    /// H x W pixels; each image's own size if not given.
    pub size: Option<[usize; 2]>,
    /// Images of different sizes are an error.
    pub check_size: bool,
    /// Store files, not pixels: of the given format, or of the image's own.
    pub encoded: Option<Option<Format>>,
    /// The kind of database.
    pub backend: Backend,
}

/// What a database was made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Made {
    /// The images that it holds.
    pub images: usize,
    /// The images that could not be read.
    pub skipped: usize,
    /// C, H, W of the first image.
    pub shape: [usize; 3],
    /// Whether an image has another shape.
    pub mixed: bool,
}

impl Options {
    /// The Datum of an image file, and the image's shape. As Caffe's, one of a whole file has no sizes.
    ///
    /// # Errors
    /// The file is no image.
    pub fn datum(&self, path: &Path, label: i32) -> Result<(Datum, [usize; 3])> {
        let bytes = std::fs::read(path).map_err(|e| Error::file(path, "read the image", e))?;
        let channels = if self.grey { Channels::Grey } else { Channels::Colour };
        let mut picture = image::decode(&bytes, channels).map_err(|e| e.about(path.display()))?;
        if let Some([h, w]) = self.size {
            picture = picture.resized(h, w).map_err(|e| e.about(path.display()))?;
        }
        let shape = picture.shape();
        let Some(wanted) = self.encoded else { return Ok((pixels(&picture, label)?, shape)) };
        let own = Format::of(&bytes);
        let format = wanted.or(own).unwrap_or(Format::Png);
        let data = match self.size.is_none() && own == Some(format) {
            true => bytes,
            false => encode::encode(&picture, format).map_err(|e| e.about(path.display()))?,
        };
        Ok((Datum { data: Some(data), label: Some(label), encoded: Some(true), ..Datum::default() }, shape))
    }
}

fn pixels(picture: &Picture, label: i32) -> Result<Datum> {
    let shape = picture.shape();
    let size = |n: usize| i32::try_from(n).map_err(|_| Error::shape(format!("an image of shape {shape:?}")));
    Ok(Datum {
        channels: Some(size(shape[0])?),
        height: Some(size(shape[1])?),
        width: Some(size(shape[2])?),
        data: Some(picture.planes()),
        label: Some(label),
        encoded: Some(false),
        ..Datum::default()
    })
}

/// Makes a database of the images. The key is the image's number in eight digits, `_`, and its path. `after` is called after
/// each image, with the reason if it was skipped.
///
/// # Errors
/// No image can be read; with `check_size`, two sizes; the database cannot be written, or exists and not `overwrite`.
pub fn convert(
    set: &ImageSet,
    db: impl AsRef<Path>,
    options: Options,
    overwrite: bool,
    mut after: impl FnMut(Option<Error>),
) -> Result<Made> {
    let mut made = Made::default();
    database::create(db, options.backend, overwrite, |db| {
        for (i, (name, label)) in set.images.iter().enumerate() {
            let (datum, shape) = match options.datum(&set.path(i), *label) {
                Ok(whole) => whole,
                Err(e) => {
                    made.skipped += 1;
                    after(Some(e));
                    continue;
                }
            };
            made.add(shape);
            if made.mixed && options.check_size {
                let [[c, h, w], first] = [shape, made.shape];
                let what = format!("{} is of {c} x {h} x {w}, the first image of {first:?}", set.path(i).display());
                return Err(Error::shape(what).hint("give all images one size: --resize-height H --resize-width W"));
            }
            db.put(format!("{i:08}_{}", name.display()).as_bytes(), &datum.encode_to_vec())?;
            after(None);
        }
        match made.images {
            0 => Err(Error::new(Kind::Data, format!("none of the {} images can be read", made.skipped))
                .hint("the images are PNG or JPEG files; a list's paths start at the root that is given")),
            _ => Ok(()),
        }
    })?;
    Ok(made)
}

impl Made {
    fn add(&mut self, shape: [usize; 3]) {
        if self.images == 0 {
            self.shape = shape;
        }
        self.images += 1;
        self.mixed |= shape != self.shape;
    }
}
