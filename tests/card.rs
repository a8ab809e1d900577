//! What a card is tried with, in one executable for a machine without Rust: real Caffe's values, training, every layer, and
//! the benchmarks' nets. See `tests/card.sh`.

#![allow(dead_code, unused_imports)]

#[path = "golden.rs"]
mod golden;
#[path = "gpu.rs"]
mod gpu;
#[path = "layers/main.rs"]
mod layers;

// Where the layers' suite looks for its own parts.
use layers::*;

/// Opens the card, so that what is missing is the first thing said.
#[test]
fn a_card_is_there() {
    let device = cortado::Device::best().unwrap();
    assert!(matches!(device, cortado::Device::Gpu(_)), "{device:?}");
    println!("{device:?}");
}
