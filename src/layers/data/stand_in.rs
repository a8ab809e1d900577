//! Data layers of a net that is only looked at: where the data are missing, the tops get the shape that the settings tell.

use crate::blob;
use crate::layer::*;
use crate::layers::Layers;
use std::sync::mpsc::{Receiver, Sender, channel};

/// The layer types that read files of data.
const READERS: &[&str] = &["Data", "ImageData", "HDF5Data", "WindowData"];

impl Layers {
    /// These types, with data layers that can do without their data: where a database, a list or a mean image is missing, the tops
    /// get the shape that `crop_size`, `batch_size`, the mean values and `image`, channels, height and width, tell. The receiver
    /// gets a sentence about each such layer. For nets whose shapes are asked for and not their values.
    #[must_use]
    pub fn without_data(&self, image: Option<[usize; 3]>) -> (Layers, Receiver<String>) {
        let (notes, receiver) = channel();
        let mut layers = self.clone();
        for kind in READERS.iter().filter(|kind| self.names().any(|name| name == **kind)) {
            let (these, notes) = (self.clone(), notes.clone());
            layers.add_with(kind, move |param| {
                let (inner, param, notes) = (these.create(param)?, param.clone(), notes.clone());
                Ok(Box::new(StandIn { inner, param, image, notes, assumed: None }))
            });
        }
        (layers, receiver)
    }
}

/// A data layer, or the shapes of its tops.
struct StandIn {
    inner: Box<dyn Layer>,
    param: LayerParameter,
    image: Option<[usize; 3]>,
    notes: Sender<String>,
    /// Samples in a batch and the axes of one, if the data are missing.
    assumed: Option<(usize, [usize; 3])>,
}

impl Layer for StandIn {
    fn new(_: &LayerParameter) -> Result<Self> {
        Err(Error::new(Kind::Net, "a stand-in is made for a data layer by `Layers::without_data`"))
    }

    fn arity(&self) -> Arity {
        self.inner.arity()
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        let missing = match self.inner.setup(cx, bottom) {
            Err(e) if e.kind() == Kind::File => e,
            done => return done,
        };
        let (axes, why) = image(&self.param, self.image);
        let n = batch_size(&self.param).max(1);
        self.assumed = Some((n, axes));
        let (name, [c, h, w]) = (self.param.name(), axes);
        let note = format!("layer \"{name}\": {}; assumed {n} x {c} x {h} x {w}, from {why}", missing.message());
        let _ = self.notes.send(note); // nobody has to listen
        Ok(Vec::new())
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let Some((n, [c, h, w])) = self.assumed else { return self.inner.reshape(bottom, top) };
        for (i, top) in top.iter_mut().enumerate() {
            let shape = if i == 0 { vec![n, c, h, w] } else { vec![n] };
            blob::count(&shape)?;
            top.reshape(&shape)?;
        }
        Ok(())
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        match self.assumed {
            None => self.inner.forward(cx, params, bottom, top),
            Some(_) => Err(Error::new(Kind::Data, "this net was built without its data, to be looked at only")),
        }
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn is_source(&self) -> bool {
        true
    }
}

fn batch_size(p: &LayerParameter) -> usize {
    let sizes = [
        p.data_param.as_ref().map(|p| p.batch_size()),
        p.image_data_param.as_ref().map(|p| p.batch_size()),
        p.hdf5_data_param.as_ref().map(|p| p.batch_size()),
        p.window_data_param.as_ref().map(|p| p.batch_size()),
    ];
    sizes.into_iter().flatten().next().unwrap_or(1) as usize
}

/// Channels, height and width of the layer's images as far as its settings and `given` tell, and what told them.
fn image(p: &LayerParameter, given: Option<[usize; 3]>) -> ([usize; 3], String) {
    let t = p.transform_param.clone().unwrap_or_default();
    let source = p.data_param.as_ref().map_or("", |p| p.source());
    let images = p.image_data_param.clone().unwrap_or_default();
    let (channels, why_channels) = match given {
        Some([c, ..]) => (c, "--data-shape"),
        None if source.contains("mnist") => (1, "MNIST's images"),
        None if t.force_gray() => (1, "force_gray"),
        None if images.is_color.is_some() && !images.is_color() => (1, "is_color: false"),
        None if t.mean_value.len() > 1 => (t.mean_value.len(), "the mean values"),
        None => (3, "the usual 3 channels"),
    };
    let (height, width, why_size) = match given {
        _ if t.crop_size() > 0 => (t.crop_size() as usize, t.crop_size() as usize, "crop_size"),
        _ if images.new_height() > 0 && images.new_width() > 0 => {
            (images.new_height() as usize, images.new_width() as usize, "new_height and new_width")
        }
        Some([_, h, w]) => (h, w, "--data-shape"),
        None if source.contains("mnist") => (28, 28, "MNIST's images"),
        None if source.contains("cifar") => (32, 32, "CIFAR's images"),
        None => (224, 224, "the usual 224 x 224 (--data-shape C,H,W gives another size)"),
    };
    let why = if why_size == why_channels { why_size.to_string() } else { format!("{why_channels} and {why_size}") };
    ([channels, height, width], why)
}
