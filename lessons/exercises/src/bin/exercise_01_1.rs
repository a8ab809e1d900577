//! # Exercise 01.1: how large is the last blob?
//!
//! A net is a chain of convolutions and poolings, with kernels, strides and pads that depend on the number on the command
//! line. Write `side`: how long is the side of the layer's output if the side of its input has `input` pixels? It is plain
//! arithmetic; no net is built. See "Why the image gets smaller" in the lesson. Mind which of the two rounds up.
//!
//! One more thing, which the lesson left out: the last window of a pooling with a pad must not lie entirely in the pad. It
//! has to begin before the end of the image, at `input + pad`, which counts the first pad and the image's pixels. If it does
//! not, it is dropped.
//!
//! ```text
//! cargo run --release -p exercises --bin exercise_01_1 -- 3
//! cargo run --release --bin check 01
//! ```

use cortado::Result;
use cortado::random::Random;

/// A layer that slides over an image.
struct Slides {
    pools: bool,
    kernel: usize,
    stride: usize,
    pad: usize,
}

fn side(layer: &Slides, input: usize) -> Result<usize> {
    let _ = (layer.pools, layer.kernel, layer.stride, layer.pad, input);
    Err(cortado::Error::value("not done yet: the side of a layer's output")
        .hint("x.div_ceil(y) rounds up, x / y rounds down; then mind the last window of a pooling"))
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    for net in 0..16 {
        let random = Random::new(number, "exercise 01.1", net);
        let mut x = 40 + random.below(0, 30);
        print!("{x}");
        for i in 0..3 {
            let at = 1 + 4 * i;
            let kernel = 2 + random.below(at, 3);
            let widest = if net % 2 == 0 { kernel } else { kernel / 2 + 1 };
            let (stride, pad) = (1 + random.below(at + 1, kernel.min(3)), random.below(at + 2, widest));
            let layer = Slides { pools: random.below(at + 3, 2) == 1, kernel, stride, pad };
            x = side(&layer, x)?;
            print!(" -> {x}");
        }
        println!();
    }
    Ok(())
}
