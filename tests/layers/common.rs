//! InnerProduct and the layers of many uses.

use crate::kit::*;

pub const CASES: &[Case] = &[];
