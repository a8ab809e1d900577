//! # Data: batches from a database
//!
//! | blob     | shape         | meaning                                  |
//! |----------|---------------|------------------------------------------|
//! | `top[0]` | N x C x H x W | images, transformed by `transform_param` |
//! | `top[1]` | N             | labels, if there is a second top         |
//!
//! `data_param { source batch_size }` names a database and N: an LMDB or a LevelDB, whichever the folder holds, whatever
//! `backend` says. Samples come in the order of the keys, or with `shuffle` in
//! a new order each epoch. After the last comes the first again, also within a batch. `rand_skip: n` starts at a random
//! one of the first n samples (Caffe 1.0 ignores it), and `prefetch` is how many batches a thread keeps ready. An
//! order, a crop, a mirrored image are functions of (seed, layer name, number of the sample): a layer that seeks to a
//! number goes on as if it had counted up to it. Entries may hold PNG or JPEG files (`encoded`), which
//! `transform_param { force_color }` or `{ force_gray }` decodes to three channels or one.

use super::DataLayer;
use crate::data::datum::{self, Pixels};
use crate::data::image::Channels;
use crate::data::{Dataset, Sample, database};
use crate::layer::Cx;
use crate::proto::{Datum, LayerParameter};
use crate::{Error, Result};

/// Batches from a database.
pub type Data = DataLayer<Database>;

/// The images of a database, each with its label.
pub struct Database {
    db: database::Reader,
    /// The path, for errors.
    path: String,
    datum: Datum,
    /// What image files in the database are decoded to.
    channels: Channels,
}

impl Dataset for Database {
    fn open(param: &LayerParameter, cx: &Cx) -> Result<Database> {
        let p = param.data_param.clone().unwrap_or_default();
        if p.source().is_empty() {
            let e = Error::value("no `source` is given").field("data_param.source");
            return Err(e.hint("name the database's folder"));
        }
        let t = param.transform_param.clone().unwrap_or_default();
        let channels = match (t.force_color() || p.force_encoded_color(), t.force_gray()) {
            (true, true) => {
                let e = Error::value("force_color and force_gray are both given").field("transform_param.force_gray");
                return Err(e.hint("keep one of them"));
            }
            (true, false) => Channels::Colour,
            (false, true) => Channels::Grey,
            (false, false) => Channels::AsStored,
        };
        let db = cx.find(p.source()).and_then(database::Reader::open).map_err(|e| e.field("data_param.source"))?;
        Ok(Database { path: db.path().display().to_string(), db, datum: Datum::default(), channels })
    }

    fn len(&self) -> usize {
        self.db.len() as usize
    }

    fn read(&mut self, i: usize, sample: &mut Sample) -> Result {
        let (key, value) = self.db.get(i as u64)?;
        let image = datum::decode_as(self.channels, key, value, &mut self.datum);
        let image = image.map_err(|e| e.about(&self.path))?;
        match image.pixels {
            Pixels::Bytes(x) => sample.image(image.shape, x),
            Pixels::Floats(x) => sample.image(image.shape, x),
        }
        .and_then(|()| sample.label(image.label as f32))
        .map_err(|e| e.about(format!("{}: entry \"{}\"", self.path, datum::key_text(key))))
    }

    fn warning(param: &LayerParameter) -> Option<String> {
        let p = param.data_param.clone().unwrap_or_default();
        let old = [
            ("scale", p.scale.is_some()),
            ("mean_file", p.mean_file.is_some()),
            ("crop_size", p.crop_size.is_some()),
            ("mirror", p.mirror.is_some()),
        ];
        ignored("data_param", &old)
    }
}

/// A warning about those fields that are given, which Caffe moved to `transform_param`.
pub(super) fn ignored(message: &str, old: &[(&str, bool)]) -> Option<String> {
    let given: Vec<&str> = old.iter().filter(|(_, given)| *given).map(|(field, _)| *field).collect();
    let ignored = format!("{} in {message} is ignored, as in Caffe; write it into transform_param", given.join(", "));
    (!given.is_empty()).then_some(ignored)
}
