//! # Data: batches from a database
//!
//! | blob   | shape         | meaning                                  |
//! |--------|---------------|------------------------------------------|
//! | top[0] | N x C x H x W | images, transformed by `transform_param` |
//! | top[1] | N             | labels, if there is a second top         |
//!
//! `data_param { source batch_size }` names an LMDB and N. Samples come in the order of the keys, or with `shuffle` in a new
//! order each epoch; after the last comes the first again, also within a batch. `rand_skip` starts at one of the first so
//! many samples, `prefetch` is how many batches a thread keeps ready. An order, a crop, a mirrored image are functions of
//! (seed, layer name, number of the sample): a layer that seeks to a number goes on as if it had counted there.

use crate::data::datum::{self, Pixels};
use crate::data::lmdb;
use crate::data::prefetch::Prefetch;
use crate::data::transform::Transform;
use crate::files;
use crate::layer::*;
use crate::proto::data_parameter::Db;
use crate::proto::{DataParameter, Datum, LayerParameter, TransformationParameter};
use crate::random::Random;
use crate::{Blob, Error, Kind, Result, blob};
use std::path::PathBuf;

/// As many batches may be ready at most.
const PREFETCH_MAX: u32 = 1000;

pub struct Data {
    name: String,
    param: DataParameter,
    transform: TransformationParameter,
    source: Option<Source>,
    /// The tops' shape: of the first image, then of the last batch.
    shape: [usize; 4],
    prefetch: Option<Prefetch<Batch>>,
    /// Samples handed out.
    position: u64,
}

impl Layer for Data {
    fn new(param: &LayerParameter) -> Result<Self> {
        let (p, transform) = (param.data_param.clone().unwrap_or_default(), param.transform_param.clone());
        let wrong = |field: &str, what: &str| Error::value(what).field(format!("data_param.{field}"));
        if p.source().is_empty() {
            return Err(wrong("source", "no `source` is given").hint("name the database's folder"));
        }
        if p.batch_size() == 0 {
            return Err(wrong("batch_size", "batch_size must be at least 1").hint("batch_size: 64 is usual"));
        }
        if !(1..=PREFETCH_MAX).contains(&p.prefetch()) {
            let what = format!("prefetch is {}; 1 to {PREFETCH_MAX} batches can be kept ready", p.prefetch());
            return Err(wrong("prefetch", &what).hint("4, the default, suffices"));
        }
        let old = [
            ("scale", p.scale.is_some()),
            ("mean_file", p.mean_file.is_some()),
            ("crop_size", p.crop_size.is_some()),
            ("mirror", p.mirror.is_some()),
        ];
        if let Some((field, _)) = old.iter().find(|(_, given)| *given) {
            return Err(wrong(field, &format!("`{field}` moved from data_param to transform_param"))
                .hint("write it into transform_param { }"));
        }
        Ok(Data {
            name: param.name().to_string(),
            param: p,
            transform: transform.unwrap_or_default(),
            source: None,
            shape: [0; 4],
            prefetch: None,
            position: 0,
        })
    }

    fn arity(&self) -> Arity {
        Arity::range(0..=0, 1..=2)
    }

    fn setup(&mut self, cx: &Cx, _: &[Blob]) -> Result<Vec<Param>> {
        let source = self.source(cx)?;
        // The first image shapes the tops, so that the net can be built; nothing is read ahead before the first forward.
        let n = self.param.batch_size() as usize;
        let [c, h, w] = source.open(0)?.shape()?;
        self.shape = [n, c, h, w];
        blob::count(&self.shape).map_err(|e| e.field("data_param.batch_size"))?;
        self.source = Some(source);
        Ok(Vec::new())
    }

    fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape(&self.shape)?;
        match top.get_mut(1) {
            Some(label) => label.reshape(&self.shape[..1]),
            None => Ok(()),
        }
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], _: &[Blob], top: &mut [Blob]) -> Result {
        if self.source.as_ref().is_none_or(|source| source.seed != cx.seed) {
            (self.source, self.prefetch) = (Some(self.source(cx)?), None); // a snapshot brought another seed
        }
        let prefetch = match self.prefetch.take() {
            Some(running) => running,
            None => self.start()?,
        };
        let batch = prefetch.take()?; // after an error the next forward starts anew
        self.shape = batch.shape;
        self.reshape(&[], top)?; // images of another size, which a batch may have
        top[0].data.slice_mut().copy_from_slice(&batch.data);
        if let Some(label) = top.get_mut(1) {
            label.data.slice_mut().copy_from_slice(&batch.label);
        }
        self.position += batch.label.len() as u64;
        prefetch.give_back(batch);
        self.prefetch = Some(prefetch);
        Ok(())
    }

    /// Nothing flows back into a database.
    fn backward(&mut self, _: &Cx, _: &mut [Blob], _: &[Blob], _: &[bool], _: &mut [Blob]) -> Result {
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn is_source(&self) -> bool {
        true
    }

    fn position(&self) -> Option<u64> {
        Some(self.position)
    }

    fn seek(&mut self, samples: u64) -> Result {
        if samples > i64::MAX as u64 {
            return Err(Error::new(Kind::Weights, format!("no data layer has handed out {samples} samples")));
        }
        self.prefetch = None;
        self.position = samples;
        Ok(())
    }
}

impl Data {
    fn source(&self, cx: &Cx) -> Result<Source> {
        let transform = Transform::new(&self.transform, cx.phase, cx.seed, &self.name)?;
        Source::new(&self.name, &self.param, transform, cx.seed)
    }

    /// Starts to read ahead from the present position.
    fn start(&self) -> Result<Prefetch<Batch>> {
        let source = self.source.as_ref().ok_or_else(|| Error::new(Kind::Net, "forward before setup"))?;
        let mut samples = source.open(self.position)?;
        let n = self.param.batch_size() as usize;
        let buffers = (0..self.param.prefetch()).map(|_| Batch::default()).collect();
        Prefetch::start(&self.name, buffers, move |batch: &mut Batch| samples.fill(n, batch))
    }
}

/// What a thread hands over.
#[derive(Default)]
struct Batch {
    shape: [usize; 4],
    data: Vec<f32>,
    label: Vec<f32>,
}

/// All that decides which samples come; every start opens the database anew.
#[derive(Clone)]
struct Source {
    path: PathBuf,
    seed: u64,
    /// The name of the order's random numbers.
    shuffle: Option<String>,
    skip: u64,
    transform: Transform,
}

impl Source {
    fn new(name: &str, p: &DataParameter, transform: Transform, seed: u64) -> Result<Source> {
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
    fn open(&self, position: u64) -> Result<Samples> {
        let db = lmdb::Reader::open(&self.path).map_err(|e| e.field("data_param.source"))?;
        if self.shuffle.is_some() && db.len() > u32::MAX as u64 {
            return Err(Error::value(format!("a shuffle of {} samples", db.len())).field("data_param.shuffle"));
        }
        Ok(Samples { source: self.clone(), db, position, epoch: None, order: Vec::new(), datum: Datum::default() })
    }
}

/// Samples, one after another without end.
struct Samples {
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
    fn shape(&mut self) -> Result<[usize; 3]> {
        let (key, value) = self.db.get(0)?;
        let image = datum::decode(key, value, &mut self.datum)?;
        self.source.transform.output_shape(image.shape)
    }

    /// Fills a batch with the next `n` samples.
    fn fill(&mut self, n: usize, batch: &mut Batch) -> Result {
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
