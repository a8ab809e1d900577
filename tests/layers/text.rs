//! The text of one layer.

use cortado::proto::{LayerParameter, text};

/// The layer that `prototxt` describes; panics where it is wrong.
pub fn layer(prototxt: &str) -> LayerParameter {
    text::parse(prototxt, "case").unwrap_or_else(|e| panic!("{e}")).message
}
