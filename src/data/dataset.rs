//! A data set: numbered samples, which a layer makes into batches.
//!
//! A data source is a type that knows how many samples it has and reads one of them. A [`Feed`](super::feed::Feed) does
//! the rest: order, shuffle, batches, prefetching, and the position after a snapshot. Points on two rings:
//!
//! ```
//! use cortado::data::{Dataset, Sample};
//! use cortado::layer::{Cx, Phase};
//! use cortado::layers::DataLayer;
//! use cortado::proto::LayerParameter;
//! use cortado::{Layers, Net, Result, net};
//!
//! struct Rings;
//!
//! impl Dataset for Rings {
//!     fn open(_: &LayerParameter, _: &Cx) -> Result<Rings> {
//!         Ok(Rings)
//!     }
//!     fn len(&self) -> usize {
//!         1000
//!     }
//!     fn read(&mut self, i: usize, sample: &mut Sample) -> Result {
//!         let (ring, angle) = (i % 2, i as f32);
//!         let radius = 1.0 + ring as f32;
//!         sample.values(&[2], &[radius * angle.cos(), radius * angle.sin()])?; // the first top: 50 x 2
//!         sample.label(ring as f32) // the second: 50
//!     }
//! }
//!
//! let mut layers = Layers::caffe();
//! layers.add::<DataLayer<Rings>>("Rings");
//! let text = r#"
//!     layer { name: "rings" type: "Rings" top: "x" top: "ring" data_param { batch_size: 50 shuffle: true } }
//! "#;
//! let mut net = net::Builder::parse(text, "rings.prototxt")?.layers(&layers).make()?;
//! net.forward()?;
//! assert_eq!((net.shape("x")?, net.shape("ring")?), (&[50, 2][..], &[50][..]));
//! # Ok::<(), cortado::Error>(())
//! ```

use super::transform::Transform;
use crate::layer::Cx;
use crate::proto::{DataParameter, LayerParameter};
use crate::random::Random;
use crate::{Error, Kind, Result, blob};

/// Samples that are read by number. `layers.add::<DataLayer<D>>("D")` makes a layer type of a data set; see the
/// [module](self).
pub trait Dataset: Send + 'static {
    /// The layer's message, for errors about the settings.
    const MESSAGE: &'static str = "data_param";

    /// Opens the data that the layer's message names, once per layer. `cx.find` finds a file by a path in the prototxt.
    ///
    /// # Errors
    /// A missing or broken file, an invalid setting; [`Error::field`] names the prototxt's field.
    fn open(param: &LayerParameter, cx: &Cx) -> Result<Self>
    where
        Self: Sized;

    /// The number of samples.
    fn len(&self) -> usize;

    /// Whether there are no samples; such a data set is refused.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads sample `i`, which is less than `len()`: one call of [`Sample::values`], [`Sample::image`] or
    /// [`Sample::label`] for each top, in the order of the tops. It runs on the prefetching thread.
    ///
    /// # Errors
    /// The sample cannot be read; the message names the file and the place in it. The next forward tries again.
    fn read(&mut self, i: usize, sample: &mut Sample) -> Result;

    /// The numbers of samples that lie together, such as those of one file: a shuffle changes the order of the parts, and that
    /// within each. By default all samples are one part.
    fn parts(&self) -> Vec<usize> {
        vec![self.len()]
    }

    /// `batch_size`, `shuffle`, `rand_skip` and `prefetch`, for a layer that keeps them in a message of its own.
    fn settings(param: &LayerParameter) -> DataParameter
    where
        Self: Sized,
    {
        param.data_param.clone().unwrap_or_default()
    }

    /// A warning about a setting that is allowed but surprising; the net logs it when it is built.
    fn warning(param: &LayerParameter) -> Option<String>
    where
        Self: Sized,
    {
        let _ = param;
        None
    }
}

/// One sample's row of a batch, filled top after top.
pub struct Sample<'a> {
    pub(super) batch: &'a mut Batch,
    pub(super) transform: &'a Transform,
    /// The number of samples before it in the run, over all epochs.
    pub(super) number: u64,
    /// The index in the batch.
    pub(super) row: usize,
    /// The top to fill next.
    pub(super) next: usize,
}

impl Sample<'_> {
    /// Fills the next top with values of this shape; the top itself has the batch as one more axis in front.
    ///
    /// # Errors
    /// The number of values does not match the shape; the shape is not that of the batch's first sample.
    pub fn values<T: Copy + Into<f32>>(&mut self, shape: &[usize], values: &[T]) -> Result {
        let y = self.next_top(shape)?;
        if y.len() != values.len() {
            return Err(Error::shape(format!("{} values for a sample of shape {shape:?}", values.len())));
        }
        y.iter_mut().zip(values).for_each(|(y, &x)| *y = x.into());
        Ok(())
    }

    /// Fills the next top with an image of shape `[C, H, W]`, transformed as the layer's `transform_param` says.
    ///
    /// # Errors
    /// Those of [`values`](Self::values); an image that cannot be transformed.
    pub fn image<T: Copy + Into<f32>>(&mut self, shape: [usize; 3], pixels: &[T]) -> Result {
        if blob::count(&shape)? != pixels.len() {
            return Err(Error::shape(format!("{} values for an image of shape {shape:?}", pixels.len())));
        }
        let (transform, number) = (self.transform, self.number);
        let y = self.next_top(&transform.output_shape(shape)?)?;
        transform.apply(pixels, shape, number, y);
        Ok(())
    }

    /// Fills the next top with one number: the sample's class, or another target.
    ///
    /// # Errors
    /// Those of [`values`](Self::values).
    pub fn label(&mut self, label: impl Into<f32>) -> Result {
        self.values(&[], &[label.into()])
    }

    /// The random numbers of this sample: a function of the seed, the layer's name and the number of samples before it,
    /// so that a resumed run draws the same numbers.
    pub fn random(&self) -> Random {
        self.transform.random(self.number)
    }

    /// This sample's part of the next top.
    fn next_top(&mut self, shape: &[usize]) -> Result<&mut [f32]> {
        let Batch { rows, tops } = &mut *self.batch;
        if self.row == 0 {
            tops.resize_with(tops.len().max(self.next + 1), Top::default);
            tops[self.next].reshape(*rows, shape)?;
        }
        let first = tops.len();
        let top = tops.get_mut(self.next).ok_or_else(|| different_tops(self.next + 1, first))?;
        if top.shape[1..] != *shape {
            let first = &top.shape[1..];
            return Err(Error::shape(format!("a sample of shape {shape:?} in a batch whose first has {first:?}"))
                .hint("a batch has samples of one shape: crop images with crop_size; write force_color: true where some are grey; or use batch_size: 1"));
        }
        self.next += 1;
        let size = top.data.len() / *rows;
        Ok(&mut top.data[self.row * size..][..size])
    }

    /// Checks that this sample has filled as many tops as the batch's first sample.
    pub(super) fn finish(self) -> Result {
        if self.row == 0 {
            self.batch.tops.truncate(self.next);
        }
        match self.batch.tops.len() {
            0 => Err(Error::new(Kind::Data, "the sample has no values").hint("`read` fills a top with each call")),
            tops if tops == self.next => Ok(()),
            tops => Err(different_tops(self.next, tops)),
        }
    }
}

fn different_tops(here: usize, first: usize) -> Error {
    Error::new(Kind::Data, format!("a sample with {here} tops in a batch whose first has {first}"))
}

/// Several samples, as the prefetching thread hands them over.
#[derive(Default)]
pub struct Batch {
    /// The number of samples.
    pub rows: usize,
    /// The values of each top.
    pub tops: Vec<Top>,
}

/// A top's part of a batch.
#[derive(Default)]
pub struct Top {
    /// The number of samples, then the axes of one.
    pub shape: Vec<usize>,
    /// The samples' values, one after another.
    pub data: Vec<f32>,
}

impl Top {
    fn reshape(&mut self, rows: usize, sample: &[usize]) -> Result {
        self.shape.clear();
        self.shape.push(rows);
        self.shape.extend_from_slice(sample);
        let count = blob::count(&self.shape)?;
        let missing = count.saturating_sub(self.data.len());
        let full = |_| Error::shape(format!("no memory for a batch of shape {:?}", self.shape));
        self.data.try_reserve(missing).map_err(full)?;
        self.data.resize(count, 0.0);
        Ok(())
    }
}
