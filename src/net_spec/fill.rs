//! Short forms of fillers and shapes, and sizes for all axes or for each.
//!
//! Other settings are fields of the message:
//! `FillerParameter { sparse: Some(15), ..gaussian(1.0) }`.

use crate::proto::{BlobShape, FillerParameter};

fn filler(kind: &str) -> FillerParameter {
    FillerParameter { r#type: Some(kind.into()), ..Default::default() }
}

/// All values `value`.
pub fn constant(value: f32) -> FillerParameter {
    FillerParameter { value: Some(value), ..filler("constant") }
}

/// Evenly spread from `min` to `max`.
pub fn uniform(min: f32, max: f32) -> FillerParameter {
    FillerParameter { min: Some(min), max: Some(max), ..filler("uniform") }
}

/// Normally distributed with mean 0.
pub fn gaussian(std: f32) -> FillerParameter {
    FillerParameter { std: Some(std), ..filler("gaussian") }
}

/// Uniform, narrower for outputs with more inputs (Glorot and Bengio 2010).
pub fn xavier() -> FillerParameter {
    filler("xavier")
}

/// Gaussian, narrower for outputs with more inputs, for layers before ReLUs (He et al. 2015).
pub fn msra() -> FillerParameter {
    filler("msra")
}

/// Positive weights that add up to 1 for each output.
pub fn positive_unitball() -> FillerParameter {
    filler("positive_unitball")
}

/// The weights of a Deconvolution that enlarges an image by interpolation.
pub fn bilinear() -> FillerParameter {
    filler("bilinear")
}

/// A shape: `[64, 1, 28, 28].into()`.
impl<const N: usize> From<[i64; N]> for BlobShape {
    fn from(dim: [i64; N]) -> BlobShape {
        BlobShape { dim: dim.into() }
    }
}

impl From<Vec<i64>> for BlobShape {
    fn from(dim: Vec<i64>) -> BlobShape {
        BlobShape { dim }
    }
}

/// A size for all spatial axes, `3`, or one for each, `[3, 5]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sizes(pub Vec<u32>);

impl From<u32> for Sizes {
    fn from(size: u32) -> Sizes {
        Sizes(vec![size])
    }
}

impl<const N: usize> From<[u32; N]> for Sizes {
    fn from(sizes: [u32; N]) -> Sizes {
        Sizes(sizes.into())
    }
}
