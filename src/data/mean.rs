//! The mean image of a database, Caffe's `compute_image_mean`.

use super::database;
use super::datum::{self, Pixels};
use crate::proto::Datum;
use crate::{Error, Result};
use std::path::Path;

/// The mean of images of one size.
#[derive(Clone, PartialEq, Debug)]
pub struct Mean {
    /// C, H, W.
    pub shape: [usize; 3],
    /// C x H x W values.
    pub values: Vec<f32>,
    /// The number of images.
    pub images: u64,
}

impl Mean {
    /// The mean image of a database; image files in it are decoded. `after` is called after each image, with its number and
    /// that of all.
    ///
    /// # Errors
    /// The database is broken or empty; an entry is no image, or of another size than the first: the error names its key.
    pub fn of_database(path: impl AsRef<Path>, mut after: impl FnMut(u64, u64)) -> Result<Mean> {
        let path = path.as_ref();
        let mut db = database::Reader::open(path)?;
        let (images, mut shape, mut sum) = (db.len(), [0; 3], Vec::<f64>::new());
        let mut buffer = Datum::default();
        for i in 0..images {
            let (key, value) = db.get(i)?;
            let image = datum::decode(key, value, &mut buffer).map_err(|e| e.about(path.display()))?;
            if i == 0 {
                shape = image.shape;
                sum.resize(shape.iter().product(), 0.0);
            }
            if image.shape != shape {
                let ([c, h, w], [fc, fh, fw]) = (image.shape, shape);
                let key = datum::key_text(key);
                let what = format!(
                    "{}: entry \"{key}\" is of {c} x {h} x {w}, the first of {fc} x {fh} x {fw}",
                    path.display()
                );
                return Err(Error::shape(what).hint(
                    "a mean image needs images of one size: cortado convert imageset --resize-height H --resize-width W",
                ));
            }
            match image.pixels {
                Pixels::Bytes(x) => sum.iter_mut().zip(x).for_each(|(sum, &x)| *sum += f64::from(x)),
                Pixels::Floats(x) => sum.iter_mut().zip(x).for_each(|(sum, &x)| *sum += f64::from(x)),
            }
            after(i + 1, images);
        }
        let values = sum.iter().map(|sum| (sum / images as f64) as f32).collect();
        Ok(Mean { shape, values, images })
    }

    /// The mean of each channel, for a `mean_value`.
    pub fn channels(&self) -> Vec<f32> {
        let size = (self.shape[1] * self.shape[2]).max(1);
        let mean = |x: &[f32]| (x.iter().map(|&x| f64::from(x)).sum::<f64>() / size as f64) as f32;
        self.values.chunks(size).map(mean).collect()
    }
}
