//! From an image to the values that a net wants, and back.

use super::image::resize_image;
use crate::{Error, Result, blob};
use ndarray::{Array3, ArrayBase, Axis, Data, Dimension, Ix3};

/// Prepares images for one input of a net. The steps come in pycaffe's order, each only if it was set: resize to the
/// input's H x W, transpose, swap channels, times `raw_scale`, minus the mean, times `input_scale`.
#[derive(Clone, Debug)]
pub struct Transformer {
    /// The input's C, H, W.
    input: [usize; 3],
    transpose: Option<[usize; 3]>,
    channel_swap: Option<Vec<usize>>,
    raw_scale: Option<f32>,
    /// C x 1 x 1 or C x H x W.
    mean: Option<Array3<f32>>,
    input_scale: Option<f32>,
}

impl Transformer {
    /// For an input of this shape, N x C x H x W: `Transformer::new(net.shape("data")?)?`.
    ///
    /// # Errors
    /// Another number of axes.
    pub fn new(input: &[usize]) -> Result<Transformer> {
        let &[_, c, h, w] = input else {
            let e = Error::shape(format!("an input of shape {input:?} holds no images"));
            return Err(e.hint("a net for images has an input of shape N x C x H x W"));
        };
        let input = [c, h, w];
        blob::count(&input)?;
        Ok(Transformer { input, transpose: None, channel_swap: None, raw_scale: None, mean: None, input_scale: None })
    }

    /// The order of the image's axes in the input: `[2, 0, 1]` makes C x H x W of H x W x C.
    ///
    /// # Errors
    /// The three numbers are not 0, 1 and 2.
    pub fn set_transpose(&mut self, order: [usize; 3]) -> Result {
        check_order("transpose", &order, 3)?;
        self.transpose = Some(order);
        Ok(())
    }

    /// The order of the image's channels in the input: `[2, 1, 0]` makes blue, green, red of red, green, blue.
    ///
    /// # Errors
    /// The numbers are not those of the input's channels, each once.
    pub fn set_channel_swap(&mut self, order: &[usize]) -> Result {
        check_order("channel_swap", order, self.input[0])?;
        self.channel_swap = Some(order.to_vec());
        Ok(())
    }

    /// The factor of the raw values: 255 for a net that was trained on bytes.
    pub fn set_raw_scale(&mut self, scale: f32) {
        self.raw_scale = Some(scale);
    }

    /// The factor after the mean was subtracted.
    pub fn set_input_scale(&mut self, scale: f32) {
        self.input_scale = Some(scale);
    }

    /// The mean, in the input's order of channels: a value for each channel (shape C), or an image (C x H x W, which is
    /// resized if the input is of another size).
    ///
    /// # Errors
    /// The mean has another number of channels than the input, or another number of axes.
    pub fn set_mean<S: Data<Elem = f32>, D: Dimension>(&mut self, mean: &ArrayBase<S, D>) -> Result {
        let [c, h, w] = self.input;
        let wrong = || {
            Error::shape(format!("a mean of shape {:?} for an input of shape {:?}", mean.shape(), self.input))
                .hint(format!("give {c} values, one for each channel, or an image of {c} x {h} x {w}"))
        };
        let shape = match *mean.shape() {
            [channels] => [channels, 1, 1],
            [height, width] => [1, height, width],
            [channels, height, width] | [1, channels, height, width] => [channels, height, width],
            _ => return Err(wrong()),
        };
        if shape[0] != c {
            return Err(wrong());
        }
        let values = mean.iter().copied().collect();
        let mut mean = Array3::from_shape_vec(shape, values).map_err(|_| wrong())?;
        if shape[1..] != [1, 1] && shape != self.input {
            let image = mean.permuted_axes([1, 2, 0]).as_standard_layout().into_owned();
            mean = resize_image(&image, [h, w])?.permuted_axes([2, 0, 1]);
        }
        self.mean = Some(mean);
        Ok(())
    }

    /// Makes an input's values, C x H x W, of an image, H x W x C.
    ///
    /// # Errors
    /// The image does not have the input's channels; the message names both shapes.
    pub fn preprocess(&self, image: &Array3<f32>) -> Result<Array3<f32>> {
        let [_, h, w] = self.input;
        let mut x = match image.dim() {
            (old_h, old_w, _) if (old_h, old_w) == (h, w) => image.clone(),
            _ => resize_image(image, [h, w])?,
        };
        if let Some(order) = self.transpose {
            x = x.permuted_axes(order);
        }
        if let Some(order) = &self.channel_swap {
            self.check_channels(&x)?;
            x = x.select(Axis(0), order);
        }
        if let Some(scale) = self.raw_scale {
            x *= scale;
        }
        if let Some(mean) = &self.mean {
            self.check_mean(&x)?;
            x -= mean;
        }
        if let Some(scale) = self.input_scale {
            x *= scale;
        }
        Ok(x.as_standard_layout().into_owned())
    }

    /// Makes an image of an input's values, C x H x W or 1 x C x H x W: the inverse of [`preprocess`](Self::preprocess),
    /// but for the resizing.
    ///
    /// # Errors
    /// The values are of another shape.
    pub fn deprocess<S: Data<Elem = f32>, D: Dimension>(&self, x: &ArrayBase<S, D>) -> Result<Array3<f32>> {
        let mut view = x.view().into_dyn();
        if view.ndim() == 4 && view.shape()[0] == 1 {
            view.index_axis_inplace(Axis(0), 0);
        }
        let mut x = view.into_dimensionality::<Ix3>().map_err(|_| self.other_shape(x.shape()))?.to_owned();
        if let Some(scale) = self.input_scale {
            x /= scale;
        }
        if let Some(mean) = &self.mean {
            self.check_mean(&x)?;
            x += mean;
        }
        if let Some(scale) = self.raw_scale {
            x /= scale;
        }
        if let Some(order) = &self.channel_swap {
            self.check_channels(&x)?;
            x = x.select(Axis(0), &inverse(order));
        }
        if let Some(order) = self.transpose {
            let back = inverse(&order);
            x = x.permuted_axes([back[0], back[1], back[2]]);
        }
        Ok(x.as_standard_layout().into_owned())
    }

    fn check_channels(&self, x: &Array3<f32>) -> Result {
        let channels = x.shape()[0];
        if channels == self.input[0] { Ok(()) } else { Err(self.other_shape(x.shape())) }
    }

    fn check_mean(&self, x: &Array3<f32>) -> Result {
        let fits = x.shape()[0] == self.input[0] && (x.shape() == self.input || self.mean_of_channels());
        if fits { Ok(()) } else { Err(self.other_shape(x.shape())) }
    }

    fn mean_of_channels(&self) -> bool {
        self.mean.as_ref().is_some_and(|mean| mean.shape()[1..] == [1, 1])
    }

    fn other_shape(&self, shape: &[usize]) -> Error {
        let e = Error::shape(format!("values of shape {shape:?} for an input of shape {:?}", self.input));
        match self.transpose {
            None => e.hint("images are H x W x C: set_transpose([2, 0, 1])"),
            Some(_) => e.hint("a net for one channel takes grey images, one for three takes colour"),
        }
    }
}

fn check_order(what: &str, order: &[usize], n: usize) -> Result {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    match sorted.iter().copied().eq(0..n) {
        true => Ok(()),
        false => Err(Error::shape(format!("{what} is {order:?}; each of 0 to {} must be in it once", n.max(1) - 1))),
    }
}

/// Where each entry of an order came from.
fn inverse(order: &[usize]) -> Vec<usize> {
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(i, &from)| back[from] = i);
    back
}
