//! The feed of a data layer: from a data set's samples to batches in the tops.
//!
//! It owns the order, the shuffle, the thread that reads ahead, the position and the seed. Sample number `n` of a run
//! is a function of the seed, the layer's name and `n`: entry `n` of the data set, beginning again after its end, or
//! with a shuffle the entry that the epoch's permutation has in that place. So a run that was interrupted goes on bit
//! for bit once it knows the number.

use super::dataset::{Batch, Dataset, Sample};
use super::prefetch::Prefetch;
use super::transform::Transform;
use crate::error::caught;
use crate::layer::Cx;
use crate::proto::{DataParameter, LayerParameter};
use crate::random::Random;
use crate::{Blob, Error, Kind, Result, blob};

/// The most batches that may be kept ready.
const PREFETCH_MAX: u32 = 1000;

/// Refuses settings of `D` that are impossible.
pub(crate) fn check<D: Dataset>(p: &DataParameter) -> Result {
    if p.batch_size() == 0 {
        return Err(wrong::<D>("batch_size", "batch_size must be at least 1").hint("batch_size: 64 is usual"));
    }
    if !(1..=PREFETCH_MAX).contains(&p.prefetch()) {
        let what = format!("prefetch is {}; 1 to {PREFETCH_MAX} batches can be kept ready", p.prefetch());
        return Err(wrong::<D>("prefetch", &what).hint("4, the default, suffices"));
    }
    Ok(())
}

fn wrong<D: Dataset>(field: &str, what: &str) -> Error {
    Error::value(what).field(format!("{}.{field}", D::MESSAGE))
}

/// Batches of a data set, one after another without end.
pub struct Feed<D> {
    name: String,
    settings: DataParameter,
    /// The tops' shapes: of the first sample, then of the last batch.
    shapes: Vec<Vec<usize>>,
    /// Samples handed out.
    position: u64,
    seed: u64,
    /// Here, or with the thread that reads ahead.
    reader: Option<Reader<D>>,
    ahead: Option<Prefetch<Batch, Reader<D>>>,
}

impl<D: Dataset> Feed<D> {
    /// Opens the data set of a layer. Its first sample shapes the tops, so that the net can be built; nothing is read
    /// ahead before the first batch is asked for.
    ///
    /// # Errors
    /// The data set cannot be opened, is empty, or is too large to be shuffled; its first sample cannot be read.
    pub fn open(param: &LayerParameter, cx: &Cx) -> Result<Feed<D>> {
        let (name, settings) = (param.name().to_string(), D::settings(param));
        let transform = Transform::new(&param.transform_param.clone().unwrap_or_default(), cx, &name)?;
        let dataset = D::open(param, cx)?;
        if settings.shuffle() && dataset.len() > u32::MAX as usize {
            return Err(wrong::<D>("shuffle", &format!("a shuffle of {} samples", dataset.len())));
        }
        let mut reader = Reader { dataset, transform, order: Order::new(&name, &settings, cx.seed), number: 0 };
        let mut first = Batch { rows: 1, ..Batch::default() };
        caught("reading data", || reader.fill(&mut first))?;
        let mut shapes: Vec<Vec<usize>> = first.tops.into_iter().map(|top| top.shape).collect();
        for shape in &mut shapes {
            shape[0] = settings.batch_size() as usize;
            blob::count(shape).map_err(|e| e.field(format!("{}.batch_size", D::MESSAGE)))?;
        }
        Ok(Feed { name, settings, shapes, position: 0, seed: cx.seed, reader: Some(reader), ahead: None })
    }

    /// Shapes the tops like a batch.
    ///
    /// # Errors
    /// More tops than a sample fills.
    pub fn reshape(&self, tops: &mut [Blob]) -> Result {
        let (given, filled) = (tops.len(), self.shapes.len());
        if given > filled {
            return Err(Error::new(Kind::Net, format!("the layer has {given} tops, and a sample fills {filled}"))
                .field("top")
                .hint(format!("give the layer 1 to {filled} tops")));
        }
        tops.iter_mut().zip(&self.shapes).try_for_each(|(top, shape)| top.reshape(shape))
    }

    /// Fills the tops with the next batch. Another seed than before (a snapshot brought it) makes another order.
    ///
    /// # Errors
    /// A sample that cannot be read; the next call tries it again.
    pub fn fill(&mut self, seed: u64, tops: &mut [Blob]) -> Result {
        if self.seed != seed {
            self.stop();
            self.seed = seed;
        }
        self.fill_next(tops).inspect_err(|_| self.stop())
    }

    fn fill_next(&mut self, tops: &mut [Blob]) -> Result {
        if self.ahead.is_none() {
            self.ahead = Some(self.start()?);
        }
        let ahead = self.ahead.as_ref().ok_or_else(lost)?;
        let batch = ahead.take()?;
        self.shapes = batch.tops.iter().map(|top| top.shape.clone()).collect();
        self.reshape(tops)?; // images of another size, which a batch may have
        for (top, values) in tops.iter_mut().zip(&batch.tops) {
            top.data.slice_mut().copy_from_slice(&values.data);
        }
        self.position += batch.rows as u64;
        ahead.give_back(batch);
        Ok(())
    }

    /// How many samples were handed out.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Continues at this position: the number of samples handed out before.
    ///
    /// # Errors
    /// A number that no feed can reach.
    pub fn seek(&mut self, samples: u64) -> Result {
        if samples > i64::MAX as u64 {
            return Err(Error::new(Kind::Weights, format!("no data layer has handed out {samples} samples")));
        }
        self.stop();
        self.position = samples;
        Ok(())
    }

    /// The data set, to be changed: the next batch is made of what it then holds.
    ///
    /// # Errors
    /// The thread that read it is gone.
    pub fn dataset_mut(&mut self) -> Result<&mut D> {
        self.stop();
        Ok(&mut self.reader.as_mut().ok_or_else(lost)?.dataset)
    }

    /// Starts to read ahead from the present position.
    fn start(&mut self) -> Result<Prefetch<Batch, Reader<D>>> {
        let mut reader = self.reader.take().ok_or_else(lost)?;
        reader.number = self.position;
        reader.transform.reseed(self.seed);
        reader.order = Order::new(&self.name, &self.settings, self.seed);
        let rows = self.settings.batch_size() as usize;
        let buffers = (0..self.settings.prefetch()).map(|_| Batch { rows, ..Batch::default() }).collect();
        Prefetch::start(&self.name, buffers, reader, Reader::fill)
    }

    /// Stops reading ahead and takes the data set back.
    fn stop(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            self.reader = ahead.stop();
        }
    }
}

fn lost() -> Error {
    Error::new(Kind::Data, "the data set is lost: the thread that read it could not be started or has ended")
}

/// What the thread works with.
struct Reader<D> {
    dataset: D,
    transform: Transform,
    order: Order,
    /// The number of the next sample in the run.
    number: u64,
}

impl<D: Dataset> Reader<D> {
    /// Fills a batch with the next samples.
    fn fill(&mut self, batch: &mut Batch) -> Result {
        for row in 0..batch.rows {
            let entry = self.order.entry(self.number, &self.dataset)?;
            let (transform, number) = (&self.transform, self.number);
            let mut sample = Sample { batch: &mut *batch, transform, number, row, next: 0 };
            self.dataset.read(entry, &mut sample)?;
            sample.finish()?;
            self.number += 1;
        }
        Ok(())
    }
}

/// Which entry of the data set each sample is.
struct Order {
    seed: u64,
    /// The name of the shuffle's random numbers, if there is one.
    shuffle: Option<String>,
    skip: u64,
    /// The epoch that `permutation` belongs to.
    epoch: Option<u64>,
    permutation: Vec<u32>,
}

impl Order {
    fn new(name: &str, p: &DataParameter, seed: u64) -> Order {
        let skip = match p.rand_skip() {
            0 => 0,
            n => Random::new(seed, &format!("{name}/rand_skip"), 0).below(0, n as usize) as u64,
        };
        let shuffle = p.shuffle().then(|| format!("{name}/shuffle"));
        Order { seed, shuffle, skip, epoch: None, permutation: Vec::new() }
    }

    /// The entry of the data set that sample number `number` is.
    fn entry(&mut self, number: u64, dataset: &impl Dataset) -> Result<usize> {
        let len = dataset.len();
        if len == 0 {
            return Err(Error::new(Kind::Data, "the data set is empty"));
        }
        let (at, n) = (number + self.skip, len as u64);
        let Some(name) = &self.shuffle else {
            return Ok((at % n) as usize);
        };
        if self.epoch != Some(at / n) {
            self.permutation = permutation(self.seed, name, at / n, &dataset.parts());
            self.epoch = Some(at / n);
        }
        Ok(self.permutation[(at % n) as usize] as usize)
    }
}

/// A new order of the parts, and within each part.
fn permutation(seed: u64, name: &str, epoch: u64, parts: &[usize]) -> Vec<u32> {
    if let &[len] = parts {
        return Random::new(seed, name, epoch).permutation(len);
    }
    let starts: Vec<u32> = parts.iter().scan(0, |at, &n| Some(std::mem::replace(at, *at + n as u32))).collect();
    let order = Random::new(seed, &format!("{name}/parts"), epoch).permutation(parts.len());
    let within = |part: u32| {
        let random = Random::new(seed, &format!("{name}/{part}"), epoch);
        let start = starts[part as usize];
        random.permutation(parts[part as usize]).into_iter().map(move |i| start + i)
    };
    order.into_iter().flat_map(within).collect()
}
