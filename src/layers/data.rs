//! # Data: batches from a database
//!
//! | blob     | shape         | meaning                                  |
//! |----------|---------------|------------------------------------------|
//! | `top[0]` | N x C x H x W | images, transformed by `transform_param` |
//! | `top[1]` | N             | labels, if there is a second top         |
//!
//! `data_param { source batch_size }` names an LMDB and N. Samples come in the order of the keys, or with `shuffle` in a new
//! order each epoch. After the last comes the first again, also within a batch. `rand_skip` starts at one of the first so
//! many samples (Caffe 1.0 ignores it), and `prefetch` is how many batches a thread keeps ready. An order, a crop, a
//! mirrored image are functions of (seed, layer name, number of the sample): a layer that seeks to a number goes on as if
//! it had counted there.

use crate::data::prefetch::Prefetch;
use crate::data::samples::{Batch, Source};
use crate::data::transform::Transform;
use crate::layer::*;
use crate::proto::{DataParameter, LayerParameter, TransformationParameter};
use crate::{Blob, Error, Kind, Result, blob};

/// The most batches that may be kept ready.
const PREFETCH_MAX: u32 = 1000;

/// Batches from a database.
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

    fn warning(&self) -> Option<String> {
        let p = &self.param;
        let old = [
            ("scale", p.scale.is_some()),
            ("mean_file", p.mean_file.is_some()),
            ("crop_size", p.crop_size.is_some()),
            ("mirror", p.mirror.is_some()),
        ];
        let given: Vec<&str> = old.iter().filter(|(_, given)| *given).map(|(field, _)| *field).collect();
        let ignored =
            format!("{} in data_param is ignored, as in Caffe; write it into transform_param", given.join(", "));
        (!given.is_empty()).then_some(ignored)
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
