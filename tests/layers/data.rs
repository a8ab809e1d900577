//! Layers that make their tops from nothing.

use crate::kit::*;

pub const CASES: &[Case] = &[];
