//! Layers that rescale.

use crate::kit::*;

pub const CASES: &[Case] = &[];
