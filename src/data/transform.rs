//! Applies `transform_param` to an image: y = (x - mean) * scale, on a crop, perhaps mirrored.
//!
//! | field        | meaning                                                                                    |
//! |--------------|--------------------------------------------------------------------------------------------|
//! | `mean_file`  | a mean image (a BlobProto), cropped like the image itself                                  |
//! | `mean_value` | one mean for all channels, or one for each                                                 |
//! | `scale`      | the factor, 1 if not given                                                                 |
//! | `crop_size`  | the side of a square cut out: anywhere in the TRAIN phase, from the middle in the TEST phase |
//! | `mirror`     | flips an image left to right with probability 1/2, in both phases                          |
//!
//! The random choices depend on (seed, layer, number of the sample) alone, so a resumed run makes the same ones.

use super::binaryproto;
use crate::layer::Cx;
use crate::proto::{Phase, TransformationParameter};
use crate::random::{Random, below};
use crate::{Error, Kind, Result};
use std::path::Path;

/// The settings of `transform_param`, with the mean image loaded.
#[derive(Clone, Debug)]
pub struct Transform {
    scale: f32,
    mirror: bool,
    crop: usize,
    mean: Mean,
    phase: Phase,
    seed: u64,
    name: String,
}

#[derive(Clone, Debug)]
enum Mean {
    Zero,
    Channels(Vec<f32>),
    Image([usize; 3], Vec<f32>),
}

impl Transform {
    /// Reads the parameters, and the mean image if there is one. `layer` is the layer's name.
    ///
    /// # Errors
    /// Both kinds of mean; a mean file that cannot be read; a scale that is not finite.
    pub fn new(param: &TransformationParameter, cx: &Cx, layer: &str) -> Result<Transform> {
        let mean = match (&param.mean_file, &param.mean_value[..]) {
            (Some(_), [_, ..]) => {
                return Err(Error::value("mean_file and mean_value are both given")
                    .field("transform_param.mean_value")
                    .hint("keep one of them"));
            }
            (Some(file), []) => {
                cx.find(file).and_then(|path| read_mean(&path)).map_err(|e| e.field("transform_param.mean_file"))?
            }
            (None, []) => Mean::Zero,
            (None, values) => Mean::Channels(values.to_vec()),
        };
        if !param.scale().is_finite() {
            return Err(Error::value(format!("scale is {}", param.scale()))
                .field("transform_param.scale")
                .hint("give a finite number: 0.00390625 makes 0 to 1 of 0 to 255"));
        }
        Ok(Transform {
            scale: param.scale(),
            mirror: param.mirror(),
            crop: param.crop_size() as usize,
            mean,
            phase: cx.phase,
            seed: cx.seed,
            name: format!("{layer}/transform"),
        })
    }

    /// Replaces the seed.
    pub(super) fn reseed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Further random numbers of a sample.
    pub(super) fn random(&self, sample: u64) -> Random {
        Random::new(self.seed, &format!("{}/sample", self.name), sample)
    }

    /// The transformed shape of an image of shape `[C, H, W]`.
    ///
    /// # Errors
    /// The crop is larger than the image, or the mean does not fit it.
    pub fn output_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        let [c, h, w] = shape;
        match &self.mean {
            Mean::Channels(m) if m.len() != 1 && m.len() != c => {
                let what = format!("{} mean values for an image of shape {shape:?}", m.len());
                return Err(Error::shape(what).field("transform_param.mean_value").hint("give one, or one a channel"));
            }
            Mean::Image(mean, _) if *mean != shape => {
                let what = format!("a mean image of shape {mean:?} for an image of shape {shape:?}");
                let e = Error::shape(what).field("transform_param.mean_file");
                return Err(e.hint("the mean is of another data set, or of other sizes"));
            }
            _ => {}
        }
        if self.crop > h || self.crop > w {
            let what = format!("a crop of {0} x {0} from an image of shape {shape:?}", self.crop);
            let e = Error::shape(what).field("transform_param.crop_size");
            return Err(e.hint(format!("make crop_size {} or less", h.min(w))));
        }
        Ok(if self.crop == 0 { shape } else { [c, self.crop, self.crop] })
    }

    /// The mean of a square of this side in the middle of an image of three channels: 3 x side x side.
    ///
    /// # Errors
    /// The mean is of other sizes.
    pub(crate) fn mean_of_square(&self, side: usize) -> Result<Vec<f32>> {
        let plane = side * side;
        match &self.mean {
            Mean::Zero => Ok(vec![0.0; 3 * plane]),
            Mean::Channels(mean) => {
                self.output_shape([3, side.max(self.crop), side.max(self.crop)])?;
                Ok((0..3 * plane).map(|i| mean[i / plane % mean.len()]).collect())
            }
            Mean::Image(shape, mean) => {
                let &[c, h, w] = shape;
                if c != 3 || h < side || w < side {
                    let what = format!("a mean image of shape {shape:?} for windows of shape {:?}", [3, side, side]);
                    let e = Error::shape(what).field("transform_param.mean_file");
                    return Err(e.hint("it has three channels, and crop_size rows and columns or more"));
                }
                let (top, left) = ((h - side) / 2, (w - side) / 2);
                let rows = (0..3 * side).flat_map(|i| &mean[((i / side) * h + top + i % side) * w + left..][..side]);
                Ok(rows.copied().collect())
            }
        }
    }

    /// Transforms sample number `sample`, an image `x` of shape `[C, H, W]` that [`output_shape`](Self::output_shape)
    /// accepts, into `y`.
    pub fn apply<T: Copy + Into<f32>>(&self, x: &[T], shape: [usize; 3], sample: u64, y: &mut [f32]) {
        let [channels, h, w] = shape;
        let (crop_h, crop_w) = if self.crop == 0 { (h, w) } else { (self.crop, self.crop) };
        let (top, left, mirror) = self.choose(h - crop_h, w - crop_w, sample);
        let rows = (0..channels).flat_map(|c| (0..crop_h).map(move |i| (c, (c * h + top + i) * w + left)));
        for ((c, at), y) in rows.zip(y.chunks_exact_mut(crop_w)) {
            let x = x[at..at + crop_w].iter().map(|&x| x.into());
            match &self.mean {
                Mean::Zero => y.iter_mut().zip(x).for_each(|(y, x)| *y = x * self.scale),
                Mean::Channels(mean) => {
                    let mean = mean[c % mean.len()];
                    y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mean) * self.scale);
                }
                Mean::Image(_, mean) => {
                    let mean = &mean[at..at + crop_w];
                    y.iter_mut().zip(x).zip(mean).for_each(|((y, x), mean)| *y = (x - mean) * self.scale);
                }
            }
            if mirror {
                y.reverse();
            }
        }
    }

    /// The crop's first row, at most `down`, and first column, at most `right`; and whether to mirror.
    fn choose(&self, down: usize, right: usize, sample: u64) -> (usize, usize, bool) {
        let random = Random::new(self.seed, &self.name, sample >> 32);
        let bits = random.block(sample as u32);
        let mirror = self.mirror && bits[0] >> 31 == 1;
        match self.phase {
            Phase::Train => (below(bits[1], down + 1), below(bits[2], right + 1), mirror),
            Phase::Test => (down / 2, right / 2, mirror),
        }
    }
}

/// Reads a mean image: a blob of shape 1 x C x H x W or C x H x W.
fn read_mean(path: &Path) -> Result<Mean> {
    let hint = "a mean image is a .binaryproto, as compute_image_mean makes it, or a .npy";
    let (shape, mean) = binaryproto::read(path, "the mean image", hint)?;
    let (&[c, h, w] | &[1, c, h, w]) = &shape[..] else {
        let what =
            format!("the mean image {}: its shape is {shape:?}, not 1 x channels x height x width", path.display());
        return Err(Error::new(Kind::Data, what).hint(hint));
    };
    Ok(Mean::Image([c, h, w], mean))
}
