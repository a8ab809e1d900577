//! # Exercise 06.2: a third rule for ReLU
//!
//! There are three known rules for going back through a ReLU. The gradient lets dy through where x > 0. Guided
//! backpropagation lets it through where x > 0 and dy > 0. The *deconvolution net* (Zeiler and Fergus 2013) asks only for dy
//! > 0:
//!
//! dx = max(0, dy), whatever x was
//!
//! The net below has two ReLUs, both in place, and `ip1` is read by two layers. Seed the score of a class in `ip3`, for both
//! samples, and go back to `data` by this rule. The lesson shows two ways in its parts on guided backpropagation; choose
//! one.
//!
//! When it is right, compare the two samples' rows. What do they say about the rule?
//!
//! ```text
//! cargo run --release -p exercises --bin exercise_06_2
//! cargo run --release --bin check 06
//! ```

use cortado::log::number as number_of; // a number with six digits
use cortado::proto::{NetParameter, text};
use cortado::random::Random;
use cortado::{Net, Phase, Result, Values};

const NET: &str = r#"
    force_backward: true
    layer { name: "input" type: "Input" top: "data" input_param { shape { dim: 2 dim: 5 } } }
    layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
            inner_product_param { num_output: 8 weight_filler { type: "gaussian" std: 1 } } }
    layer { name: "first" type: "ReLU" bottom: "ip1" top: "ip1" }
    layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
            inner_product_param { num_output: 8 weight_filler { type: "gaussian" std: 1 } } }
    layer { name: "second" type: "ReLU" bottom: "ip2" top: "ip2" }
    layer { name: "sum" type: "Eltwise" bottom: "ip1" bottom: "ip2" top: "sum" }
    layer { name: "ip3" type: "InnerProduct" bottom: "sum" top: "ip3"
            inner_product_param { num_output: 3 weight_filler { type: "gaussian" std: 1 } } }
"#;

/// What arrives at `data` by the rule of the deconvolution net. The net is built from `param`, with the seed.
fn deconvolution(param: &NetParameter, seed: u64, x: &Values, class: usize) -> Result<Vec<f32>> {
    // Your lines go here.
    let _ = (Net::build(param).phase(Phase::Test).seed(seed), x, class);
    Err(cortado::Error::value("not done yet: back to data by the deconvolution net's rule").hint(
        "a layer that has a ReLU and a backward of its own; or edit diffs, but dy is in another version of the blob",
    ))
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let param = text::parse::<NetParameter>(NET, "the small net")?.message;
    let mut x = Values::new(&[2, 5])?;
    Random::new(number, "exercise 06.2", 0).gaussian(0.0, 1.0, x.slice_mut());
    for class in 0..3 {
        for (n, dx) in deconvolution(&param, number, &x, class)?.chunks(5).enumerate() {
            let dx: Vec<String> = dx.iter().map(|dx| number_of(*dx)).collect();
            println!("class {class}, sample {n}: {}", dx.join(" "));
        }
    }
    Ok(())
}
