//! # Answer 06.1: what would make it surer
//!
//! A small deploy net: 4 samples of 5 numbers, `ip1` with 8 units, a ReLU in place, `ip2` with 3 classes, and the
//! probabilities `prob`. It has no loss, and nobody has asked it for the gradient at its input.
//!
//! How must each sample change for the logarithm of one class's probability to grow? Compute the gradient of $\ln p_c$ at
//! `data`, 4 x 5 numbers. The logarithm does not flatten where the net is sure of another class. See "All zero" in the
//! lesson; if you get nothing, `why_zero` helps.
//!
//! ```text
//! cargo run --release -p answers --bin answer_06_1
//! cargo run --release --bin check -- --answers 06
//! ```

use cortado::log::number as number_of; // a number with six digits
use cortado::proto::{NetParameter, text};
use cortado::random::Random;
use cortado::{Net, Phase, Result, Values};

const NET: &str = r#"
    layer { name: "input" type: "Input" top: "data" input_param { shape { dim: 4 dim: 5 } } }
    layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
            inner_product_param { num_output: 8 weight_filler { type: "gaussian" std: 1 }
                                  bias_filler { type: "uniform" min: -0.5 max: 0.5 } } }
    layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
    layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
            inner_product_param { num_output: 3 weight_filler { type: "gaussian" std: 0.5 }
                                  bias_filler { type: "uniform" min: -0.5 max: 0.5 } } }
    layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }
"#;

/// The gradient at `data` of each sample's ln p of the class. The net is built from `param`, with the seed.
fn gradient_of_log(param: &NetParameter, seed: u64, x: &Values, class: usize) -> Result<Vec<f32>> {
    let mut param = param.clone();
    param.force_backward = Some(true);
    let mut net = Net::build(&param).phase(Phase::Test).seed(seed).make()?;
    net.data_mut("data")?.copy_from(x)?;
    net.forward()?;
    let p = net.data("prob")?.clone();
    for n in 0..4 {
        net.diff_mut("prob")?.slice_mut()[3 * n + class] = 1.0 / p.slice()[3 * n + class];
    }
    net.backward()?;
    Ok(net.diff("data")?.slice().to_vec())
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let param = text::parse::<NetParameter>(NET, "the small net")?.message;
    let mut x = Values::new(&[4, 5])?;
    Random::new(number, "exercise 06.1", 0).gaussian(0.0, 1.0, x.slice_mut());
    for class in 0..3 {
        for (n, dx) in gradient_of_log(&param, number, &x, class)?.chunks(5).enumerate() {
            let dx: Vec<String> = dx.iter().map(|dx| number_of(*dx)).collect();
            println!("class {class}, sample {n}: {}", dx.join(" "));
        }
    }
    Ok(())
}
