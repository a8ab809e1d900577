//! Convolution, Pooling and other layers of images.

use crate::kit::*;

pub const CASES: &[Case] = &[];
