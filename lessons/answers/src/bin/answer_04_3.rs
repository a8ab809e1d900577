//! # Answer 04.3: net surgery
//!
//! Two fully connected layers follow a convolution. In the other net they are convolutions, so that it can slide over a
//! larger image. Write `transplant`, which moves all weights over. See the lesson's part "A fully connected layer is a
//! convolution". Look at both nets closely before you begin; there is a trap.
//!
//! ```text
//! cargo run --release -p answers --bin answer_04_3
//! cargo run --release --bin check -- --answers 04
//! ```

use cortado::random::Random;
use cortado::{Net, Phase, Result};

/// For 6 x 6 pixels.
const FIXED: &str = r#"
    layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 dim: 6 dim: 6 } } }
    layer { name: "conv" type: "Convolution" bottom: "x" top: "conv" convolution_param { num_output: 2 kernel_size: 3 } }
    layer { name: "ip1" type: "InnerProduct" bottom: "conv" top: "ip1" inner_product_param { num_output: 5 } }
    layer { name: "relu" type: "ReLU" bottom: "ip1" top: "ip1" }
    layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "y" inner_product_param { num_output: 3 transpose: true } }
"#;

/// For anything at least as large.
const SLIDING: &str = r#"
    layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 dim: 6 dim: 8 } } }
    layer { name: "conv" type: "Convolution" bottom: "x" top: "conv" convolution_param { num_output: 2 kernel_size: 3 } }
    layer { name: "ip1-conv" type: "Convolution" bottom: "conv" top: "ip1" convolution_param { num_output: 5 kernel_size: 4 } }
    layer { name: "relu" type: "ReLU" bottom: "ip1" top: "ip1" }
    layer { name: "ip2-conv" type: "Convolution" bottom: "ip1" top: "y" convolution_param { num_output: 3 kernel_size: 1 } }
"#;

/// Gives the sliding net the weights and biases of the fixed one.
fn transplant(fixed: &Net, sliding: &mut Net) -> Result {
    for (from, to) in [("conv", "conv"), ("ip1", "ip1-conv")] {
        for i in 0..2 {
            let values = fixed.param(from, i)?.data.slice();
            sliding.param_mut(to, i)?.data.slice_mut().copy_from_slice(values);
        }
    }
    // transpose: true, so w has a row for each input; the kernels have one for each output
    let w = fixed.param("ip2", 0)?.data.slice();
    let kernels = sliding.param_mut("ip2-conv", 0)?.data.slice_mut();
    for k in 0..3 {
        for c in 0..5 {
            kernels[5 * k + c] = w[3 * c + k];
        }
    }
    sliding.param_mut("ip2-conv", 1)?.data.copy_from(&fixed.param("ip2", 1)?.data)
}

fn main() -> Result {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut fixed = Net::from_prototxt(FIXED, Phase::Test)?;
    for (blob, spec) in fixed.store_mut().iter_mut() {
        let name = format!("{}[{}]", spec.layer, spec.index);
        Random::new(number, &name, 0).gaussian(0.0, 0.5, blob.data.slice_mut());
    }
    let mut sliding = Net::from_prototxt(SLIDING, Phase::Test)?;
    transplant(&fixed, &mut sliding)?;

    Random::new(number, "picture", 0).gaussian(0.0, 1.0, sliding.data_mut("x")?.slice_mut());
    sliding.forward()?;
    println!("scores {:?}", sliding.shape("y")?);
    for row in sliding.data("y")?.slice().chunks(sliding.shape("y")?[3]) {
        println!("{row:.5?}");
    }
    Ok(())
}
