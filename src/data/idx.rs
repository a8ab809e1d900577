//! The IDX format of MNIST's files: images and labels as arrays of bytes.
//!
//! Two zero bytes, a type (8 = bytes), the number of axes, each axis as a big-endian u32, then the values. A gzipped
//! file is recognised by its first two bytes, not by its name.

use super::read_exactly;
use crate::{Error, Kind, Result, blob};
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// An array of bytes: images `[N, H, W]` or labels `[N]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Idx {
    /// The size of each axis.
    pub shape: Vec<usize>,
    /// The values in order, last axis fastest.
    pub data: Vec<u8>,
}

impl Idx {
    /// Reads a file, gzipped or plain.
    ///
    /// # Errors
    /// The file cannot be read, is not IDX, or its sizes disagree with its length.
    pub fn read(path: impl AsRef<Path>) -> Result<Idx> {
        let path = path.as_ref();
        let mut file = BufReader::new(File::open(path).map_err(|e| Error::file(path, "open", e))?);
        let is_gzipped = file.fill_buf().map_err(|e| Error::file(path, "read", e))?.starts_with(&[0x1F, 0x8B]);
        let idx = if is_gzipped { Idx::parse(GzDecoder::new(file)) } else { Idx::parse(file) };
        idx.map_err(|what| Error::new(Kind::Data, format!("{}: {what}", path.display())))
    }

    fn parse(mut file: impl Read) -> Result<Idx, String> {
        let mut read = |len: usize, part: &str| read_exactly(&mut file, len, part);
        let head = read(4, "first bytes")?;
        let &[0, 0, kind, axes @ 1..=4] = &head[..] else {
            return Err(format!("the first bytes {head:02x?} are not those of an IDX file"));
        };
        if kind != 8 {
            return Err(format!("an IDX file of type {kind:#04x}; only bytes (0x08) can be read"));
        }
        let sizes = read(4 * axes as usize, "sizes")?;
        let size = |b: &[u8]| b.iter().fold(0, |n, &b| n << 8 | b as usize);
        let shape: Vec<usize> = sizes.chunks(4).map(size).collect();
        let count = blob::count(&shape).map_err(|_| format!("the sizes {shape:?} are too large"))?;
        let data = read(count, &format!("values of shape {shape:?}"))?;
        match file.read(&mut [0]) {
            Ok(0) => Ok(Idx { shape, data }),
            Ok(_) => Err(format!("the file goes on after the {count} values of its sizes {shape:?}")),
            Err(e) => Err(format!("cannot read: {e}")),
        }
    }
}

/// Images with their labels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Labelled {
    /// The height of an image.
    pub rows: usize,
    /// The width of an image.
    pub cols: usize,
    /// The images one after another, each row by row; 0 is black.
    pub images: Vec<u8>,
    /// The class of each image.
    pub labels: Vec<u8>,
}

impl Labelled {
    /// Reads a file of images and the file of their labels.
    ///
    /// # Errors
    /// Those of [`Idx::read`]; the two files have different numbers of entries.
    pub fn read(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Labelled> {
        let (image_path, label_path) = (images.as_ref().display(), labels.as_ref().display());
        let (x, t) = (Idx::read(images.as_ref())?, Idx::read(labels.as_ref())?);
        let wrong = |what| Err(Error::new(Kind::Data, what));
        let &[n, rows, cols] = &x.shape[..] else {
            return wrong(format!("{image_path}: images need three axes, these are {:?}", x.shape));
        };
        let &[m] = &t.shape[..] else {
            return wrong(format!("{label_path}: labels need one axis, these are {:?}", t.shape));
        };
        if n != m {
            return wrong(format!("{image_path} has {n} images, {label_path} has {m} labels"));
        }
        if n == 0 || rows == 0 || cols == 0 {
            return wrong(format!("{image_path} is empty: its sizes are {:?}", x.shape));
        }
        Ok(Labelled { rows, cols, images: x.data, labels: t.data })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images; [`Labelled::read`] refuses such files.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Image `i`, row by row.
    pub fn image(&self, i: usize) -> &[u8] {
        let size = self.rows * self.cols;
        &self.images[i * size..(i + 1) * size]
    }
}
