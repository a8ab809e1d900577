//! Layers that move values without changing them.

use crate::kit::*;

pub const CASES: &[Case] = &[];
