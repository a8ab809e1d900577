//! A net that says what images show: pycaffe's `caffe.Classifier`.

use crate::io::{self, Transformer};
use crate::{Error, Kind, Net, Result};
use ndarray::{Array2, Array3, ArrayView3, Axis};

/// A net with one input of images, and how to prepare them. The transformer begins with H x W x C to C x H x W alone; set
/// the rest as the net was trained.
///
/// ```
/// use cortado::{Net, Phase, classifier::Classifier};
/// let mut net = Net::from_file("proto/lenet.prototxt", Phase::Test)?;
/// let mut classifier = Classifier::new(net)?;
/// let image = ndarray::Array3::zeros([28, 28, 1]);
/// let prob = classifier.predict(&[image], false)?; // a row for each image, a column for each class
/// assert_eq!(prob.dim(), (1, 10));
/// # Ok::<(), cortado::Error>(())
/// ```
pub struct Classifier {
    net: Net,
    /// Prepares a crop for the net's input.
    pub transformer: Transformer,
    image_dims: [usize; 2],
    input: String,
    /// N, C, H, W of the input.
    shape: [usize; 4],
}

impl Classifier {
    /// A classifier of this net, whose weights have been read.
    ///
    /// # Errors
    /// The net does not have exactly one input, of shape N x C x H x W.
    pub fn new(net: Net) -> Result<Classifier> {
        let inputs = net.inputs();
        let &[input] = &inputs[..] else {
            let e =
                Error::new(Kind::Net, format!("the net has {} inputs {inputs:?}; a classifier has one", inputs.len()));
            return Err(e.hint("take the net's deploy.prototxt, which has an Input layer in place of the data layer"));
        };
        let (input, shape) = (input.to_string(), net.shape(input)?);
        if shape.contains(&0) {
            return Err(Error::shape(format!("the input \"{input}\" of shape {shape:?} has room for no image")));
        }
        let mut transformer = Transformer::new(shape)?;
        transformer.set_transpose([2, 0, 1])?;
        let shape = [shape[0], shape[1], shape[2], shape[3]];
        Ok(Classifier { net, transformer, image_dims: [shape[2], shape[3]], input, shape })
    }

    /// The size to which images are resized before they are cropped to the net's input; its H x W if not set.
    ///
    /// # Errors
    /// It is smaller than the input.
    pub fn set_image_dims(&mut self, dims: [usize; 2]) -> Result {
        let [_, _, h, w] = self.shape;
        if dims[0] < h || dims[1] < w {
            let what = format!("images of {} x {} for an input of {h} x {w}", dims[0], dims[1]);
            return Err(Error::shape(what).hint("the crops have the input's size: make the images at least as large"));
        }
        self.image_dims = dims;
        Ok(())
    }

    /// N, C, H, W of the net's input.
    pub fn input_shape(&self) -> [usize; 4] {
        self.shape
    }

    /// The first output for each image, as a row: of the image's middle, or with `oversample` the mean over ten crops.
    ///
    /// # Errors
    /// An image without the input's number of channels; a net whose output is not a row for each image.
    pub fn predict(&mut self, images: &[Array3<f32>], oversample: bool) -> Result<Array2<f32>> {
        let [_, _, h, w] = self.shape;
        let (mut crops, per_image) = (Vec::new(), if oversample { 10 } else { 1 });
        for image in images {
            let image = io::resize_image(image, self.image_dims)?;
            match oversample {
                true => crops.extend(io::oversample(&[image], [h, w])?.outer_iter().map(|crop| crop.to_owned())),
                false => crops.push(io::center_crop(&image, [h, w])?),
            }
        }
        let prepared = crops.iter().map(|crop| self.transformer.preprocess(crop)).collect::<Result<Vec<_>>>()?;
        let rows = self.forward_all(&prepared)?;
        let (n, classes) = (images.len(), rows.len() / crops.len().max(1));
        let wrong = |e: ndarray::ShapeError| Error::shape(e.to_string());
        let rows = Array3::from_shape_vec((n, per_image, classes), rows).map_err(wrong)?;
        rows.mean_axis(Axis(1)).ok_or_else(|| Error::value("no crops"))
    }

    /// The first output's rows for inputs of any number: in batches of the net's size, the last filled up with zeros.
    fn forward_all(&mut self, inputs: &[Array3<f32>]) -> Result<Vec<f32>> {
        let [n, c, h, w] = self.shape;
        let zero = Array3::zeros((c, h, w));
        let mut rows = Vec::new();
        for batch in inputs.chunks(n.max(1)) {
            let fill = std::iter::repeat_n(&zero, n - batch.len().min(n));
            let views: Vec<ArrayView3<f32>> = batch.iter().chain(fill).map(|x| x.view()).collect();
            let x = ndarray::stack(Axis(0), &views).map_err(|_| {
                let what = format!("an image of shape {:?} for an input of shape {:?}", batch[0].shape(), self.shape);
                Error::shape(what).hint("read grey images for an input of one channel, colour for three")
            })?;
            self.net.data_mut(&self.input)?.assign(&x)?;
            self.net.forward()?;
            let outputs = self.net.outputs();
            let name = outputs.first().copied().ok_or_else(|| Error::new(Kind::Net, "the net has no output"))?;
            let y = self.net.read(name)?;
            if y.shape().first() != Some(&n) {
                let what = format!("the output \"{name}\" of shape {:?} for {n} images", y.shape());
                return Err(Error::shape(what).hint("a classifier's output has a row for each image"));
            }
            rows.extend(y.iter().take(y.len() / n * batch.len()));
        }
        Ok(rows)
    }
}
