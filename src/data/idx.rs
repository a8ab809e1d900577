//! The IDX format of MNIST's files: images and labels as arrays of bytes.
//!
//! Two zero bytes, a type (8 = bytes), the number of axes, each axis as a big-endian u32, then the values. The files are
//! mostly gzipped; that is seen from their first two bytes, not from their name.

use super::read_up_to;
use crate::{Error, Kind, Result, blob};
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
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
        let cannot = |e| Error::file(path, "read", e);
        let mut file = File::open(path).map_err(|e| Error::file(path, "open", e))?;
        let mut magic = Vec::new();
        file.by_ref().take(2).read_to_end(&mut magic).map_err(cannot)?;
        file.seek(SeekFrom::Start(0)).map_err(cannot)?;
        let file = BufReader::new(file);
        match magic[..] == [0x1F, 0x8B] {
            true => Idx::parse(GzDecoder::new(file)),
            false => Idx::parse(file),
        }
        .map_err(|what| Error::new(Kind::Data, format!("{}: {what}", path.display())))
    }

    /// Reads the format itself; the error says what is wrong.
    fn parse(mut file: impl Read) -> Result<Idx, String> {
        let mut read = |len: usize| {
            let bytes = read_up_to(&mut file, len)?;
            let whole = bytes.len() == len;
            Ok::<_, String>((bytes, whole))
        };
        let (head, whole) = read(4)?;
        let &[0, 0, kind, axes @ 1..=4] = &head[..] else {
            return Err(match whole {
                true => format!("the first bytes {head:02x?} are not those of an IDX file"),
                false => "the file is too short for an IDX file".into(),
            });
        };
        if kind != 8 {
            return Err(format!("an IDX file of type {kind:#04x}; only bytes (0x08) are known"));
        }
        let (sizes, whole) = read(4 * axes as usize)?;
        if !whole {
            return Err("the file ends within its sizes".into());
        }
        let size = |b: &[u8]| b.iter().fold(0, |n, &b| n << 8 | b as usize);
        let shape: Vec<usize> = sizes.chunks(4).map(size).collect();
        let count = blob::count(&shape).map_err(|_| format!("the sizes {shape:?} are too large"))?;
        let (data, whole) = read(count)?;
        if !whole {
            return Err(format!("the sizes {shape:?} need {count} values, the file has {}", data.len()));
        }
        match read(1)?.0.is_empty() {
            true => Ok(Idx { shape, data }),
            false => Err(format!("the file goes on after the {count} values of its sizes {shape:?}")),
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
    /// As [`Idx::read`]; or the two do not belong together.
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

    /// Whether there are none; a file that was read has some.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Image `i`, row by row.
    pub fn image(&self, i: usize) -> &[u8] {
        let size = self.rows * self.cols;
        &self.images[i * size..(i + 1) * size]
    }
}
