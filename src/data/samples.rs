//! Samples: a database's entries in the order they are wanted, transformed, and gathered into batches.
//!
//! Sample number `i` is a function of the seed, the layer's name and `i`: entry `i` of the database, counted on after its
//! end from its beginning, or with a shuffle the entry that the epoch's permutation has in that place.

use super::datum::{self, Pixels};
use super::lmdb;
use super::transform::Transform;
use crate::proto::data_parameter::Db;
use crate::proto::{DataParameter, Datum};
use crate::random::Random;
use crate::{Error, Result, blob, files};
use std::path::PathBuf;

/// Images of one shape, and their labels: what a thread hands over.
#[derive(Default)]
pub struct Batch {
    /// N, C, H, W.
    pub shape: [usize; 4],
    /// The images' values, one image after another.
    pub data: Vec<f32>,
    /// The class of each image.
    pub label: Vec<f32>,
}

/// All that decides which samples come; every start opens the database anew.
#[derive(Clone)]
pub struct Source {
    path: PathBuf,
    /// Of all that is decided by chance.
    pub seed: u64,
    /// The name of the order's random numbers.
    shuffle: Option<String>,
    skip: u64,
    transform: Transform,
}

impl Source {
    /// The samples of the layer `name`.
    ///
    /// # Errors
    /// A database of another kind, or none at this path.
    pub fn new(name: &str, p: &DataParameter, transform: Transform, seed: u64) -> Result<Source> {
        if p.backend() == Db::Leveldb && p.backend.is_some() {
            return Err(Error::value("LEVELDB databases cannot be read")
                .field("data_param.backend")
                .hint("convert the data to LMDB (MNIST: `cortado convert mnist`) and write backend: LMDB"));
        }
        let skip = match p.rand_skip() {
            0 => 0,
            n => Random::new(seed, &format!("{name}/rand_skip"), 0).below(0, n as usize) as u64,
        };
        Ok(Source {
            path: files::find(p.source(), None).map_err(|e| e.field("data_param.source"))?,
            shuffle: p.shuffle().then(|| format!("{name}/shuffle")),
            seed,
            skip,
            transform,
        })
    }

    /// The samples from number `position` on.
    ///
    /// # Errors
    /// The database cannot be opened, or is too large to be shuffled.
    pub fn open(&self, position: u64) -> Result<Samples> {
        let db = lmdb::Reader::open(&self.path).map_err(|e| e.field("data_param.source"))?;
        if self.shuffle.is_some() && db.len() > u32::MAX as u64 {
            return Err(Error::value(format!("a shuffle of {} samples", db.len())).field("data_param.shuffle"));
        }
        Ok(Samples { source: self.clone(), db, position, epoch: None, order: Vec::new(), datum: Datum::default() })
    }
}

/// Samples, one after another without end.
pub struct Samples {
    source: Source,
    db: lmdb::Reader,
    /// The number of the next sample.
    position: u64,
    /// The epoch that `order` belongs to.
    epoch: Option<u64>,
    order: Vec<u32>,
    datum: Datum,
}

impl Samples {
    /// The transformed shape of the first entry.
    ///
    /// # Errors
    /// It is no image, or cannot be transformed.
    pub fn shape(&mut self) -> Result<[usize; 3]> {
        let (key, value) = self.db.get(0)?;
        let image = datum::decode(key, value, &mut self.datum)?;
        self.source.transform.output_shape(image.shape)
    }

    /// Fills a batch with the next `n` samples.
    ///
    /// # Errors
    /// An entry that is no image, cannot be transformed, or differs in shape from the batch's first.
    pub fn fill(&mut self, n: usize, batch: &mut Batch) -> Result {
        batch.label.clear();
        for i in 0..n {
            let entry = self.entry();
            let (key, value) = self.db.get(entry)?;
            let image = datum::decode(key, value, &mut self.datum)?;
            let transform = &self.source.transform;
            let [c, h, w] = transform.output_shape(image.shape)?;
            if i == 0 {
                batch.reshape([n, c, h, w])?;
            } else if batch.shape[1..] != [c, h, w] {
                let (first, key) = (&batch.shape[1..], datum::key_text(key));
                let what = format!("entry \"{key}\" gives an image of shape {:?} in a batch of {first:?}", [c, h, w]);
                return Err(Error::shape(what).hint("use crop_size, or batch_size: 1 for images of many sizes"));
            }
            let y = &mut batch.data[i * c * h * w..(i + 1) * c * h * w];
            match image.pixels {
                Pixels::Bytes(x) => transform.apply(x, image.shape, self.position, y),
                Pixels::Floats(x) => transform.apply(x, image.shape, self.position, y),
            }
            batch.label.push(image.label as f32);
            self.position += 1;
        }
        Ok(())
    }

    /// The database's entry that the next sample is.
    fn entry(&mut self) -> u64 {
        let (at, len) = (self.position + self.source.skip, self.db.len());
        let Some(name) = &self.source.shuffle else {
            return at % len;
        };
        let epoch = at / len;
        if self.epoch != Some(epoch) {
            self.order = Random::new(self.source.seed, name, epoch).permutation(len as usize);
            self.epoch = Some(epoch);
        }
        self.order[(at % len) as usize] as u64
    }
}

impl Batch {
    fn reshape(&mut self, shape: [usize; 4]) -> Result {
        let count = blob::count(&shape)?;
        self.data
            .try_reserve(count.saturating_sub(self.data.len()))
            .map_err(|_| Error::shape(format!("no memory for a batch of shape {shape:?}")))?;
        self.data.resize(count, 0.0);
        self.shape = shape;
        Ok(())
    }
}
