//! # MemoryData: batches of an array that a program gives
//!
//! | blob     | shape                       | meaning                             |
//! |----------|-----------------------------|-------------------------------------|
//! | `top[0]` | batch_size x C x H x W      | samples                             |
//! | `top[1]` | batch_size x 1 x 1 x 1      | a label for each                    |
//!
//! `memory_data_param { batch_size channels height width }` gives the sizes, the program the arrays:
//! `net.layer_mut::<MemoryData>("data")?.set_input_arrays(&x, &labels)?`, as pycaffe's `net.set_input_arrays`. Batches
//! come in the arrays' order; after the last comes the first again. `transform_param` is not applied, as in Caffe.

use crate::blob;
use crate::layer::*;
use ndarray::{ArrayBase, Data, Dimension};

/// Batches from memory.
pub struct MemoryData {
    name: String,
    /// batch_size, C, H, W.
    shape: [usize; 4],
    has_transform: bool,
    /// The samples, and a label for each.
    x: Vec<f32>,
    labels: Vec<f32>,
    /// Samples handed out.
    position: u64,
}

impl Layer for MemoryData {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.memory_data_param.unwrap_or_default();
        let sizes = [p.batch_size(), p.channels(), p.height(), p.width()];
        for (field, size) in ["batch_size", "channels", "height", "width"].into_iter().zip(sizes) {
            if size == 0 {
                return Err(Error::value(format!("{field} must be at least 1"))
                    .field(format!("memory_data_param.{field}"))
                    .hint("give batch_size, channels, height and width"));
            }
        }
        let shape = sizes.map(|size| size as usize);
        blob::count(&shape).map_err(|e| e.field("memory_data_param.batch_size"))?;
        let has_transform = param.transform_param.is_some();
        let (x, labels) = (Vec::new(), Vec::new());
        Ok(MemoryData { name: param.name().into(), shape, has_transform, x, labels, position: 0 })
    }

    fn arity(&self) -> Arity {
        Arity::exact(0, 2)
    }

    fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape(&self.shape)?;
        top[1].reshape(&[self.shape[0], 1, 1, 1])
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], _: &[Blob], top: &mut [Blob]) -> Result {
        if self.labels.is_empty() {
            return Err(Error::new(Kind::Data, "the layer was given no data").hint(format!(
                "before the first forward: net.layer_mut::<MemoryData>(\"{}\")?.set_input_arrays(&x, &labels)?",
                self.name
            )));
        }
        // Their number is a multiple of the batch's, so no batch reaches over the end.
        let (batch, n) = (self.shape[0], self.labels.len());
        let (first, size) = ((self.position % n as u64) as usize, self.x.len() / n);
        let first = first - first % batch;
        top[0].data.slice_mut().copy_from_slice(&self.x[first * size..][..batch * size]);
        top[1].data.slice_mut().copy_from_slice(&self.labels[first..][..batch]);
        self.position += batch as u64;
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn warning(&self) -> Option<String> {
        let text = "transform_param is not applied to arrays, as in Caffe: transform them before they are given";
        self.has_transform.then(|| text.into())
    }

    fn is_source(&self) -> bool {
        true
    }

    fn position(&self) -> Option<u64> {
        Some(self.position)
    }

    fn seek(&mut self, samples: u64) -> Result {
        self.position = samples;
        Ok(())
    }
}

impl MemoryData {
    /// Takes copies of samples, n x C x H x W, and of n labels, and begins with the first: pycaffe's
    /// `net.set_input_arrays`.
    ///
    /// # Errors
    /// Other shapes than the layer's, which the message names; n is 0 or no multiple of the batch size.
    pub fn set_input_arrays<S: Data<Elem = f32>, D: Dimension, L: Data<Elem = f32>, E: Dimension>(
        &mut self,
        x: &ArrayBase<S, D>,
        labels: &ArrayBase<L, E>,
    ) -> Result {
        let [batch, c, h, w] = self.shape;
        let n = x.shape().first().copied().unwrap_or(0);
        if x.shape() != [n, c, h, w] {
            let what = format!("samples of shape {:?} for a layer of shape {:?}", x.shape(), self.shape);
            return Err(Error::shape(what).layer(&self.name).hint(format!("give n x {c} x {h} x {w}")));
        }
        if labels.shape() != [n] && labels.shape() != [n, 1, 1, 1] {
            let what = format!("labels of shape {:?} for samples of shape {:?}", labels.shape(), x.shape());
            return Err(Error::shape(what).layer(&self.name).hint("give one label for each sample"));
        }
        if n == 0 || n % batch != 0 {
            let what = format!("{n} samples for a batch_size of {batch}");
            let e = Error::shape(what).layer(&self.name);
            return Err(e.hint("give a multiple of batch_size, or choose a batch_size that divides the number"));
        }
        (self.x, self.labels) = (x.iter().copied().collect(), labels.iter().copied().collect());
        self.position = 0;
        Ok(())
    }
}
