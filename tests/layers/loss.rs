//! Losses and Accuracy.

use crate::kit::*;

pub const CASES: &[Case] = &[];
