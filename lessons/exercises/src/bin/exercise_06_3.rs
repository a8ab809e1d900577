//! # Exercise 06.3: uphill
//!
//! Climb the gradient at the input of a small net: 4 samples of 5 numbers, each of which should get a larger score for one
//! class. In every step each sample moves by the length `length` along its own gradient, that is by `length` times the
//! gradient divided by its Euclidean norm. Then its numbers are clamped to 0..1, like the pixels of an image. A sample whose
//! gradient is 0 stays where it is. See "Dreams" in the lesson.
//!
//! ```text
//! cargo run --release -p exercises --bin exercise_06_3
//! cargo run --release --bin check 06
//! ```

use cortado::random::Random;
use cortado::{Net, Phase, Result, net};

const NET: &str = r#"
    force_backward: true
    layer { name: "input" type: "Input" top: "data" input_param { shape { dim: 4 dim: 5 } } }
    layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
            inner_product_param { num_output: 8 weight_filler { type: "gaussian" std: 1 }
                                  bias_filler { type: "uniform" min: -0.5 max: 0.5 } } }
    layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
    layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
            inner_product_param { num_output: 3 weight_filler { type: "gaussian" std: 1 }
                                  bias_filler { type: "uniform" min: -0.5 max: 0.5 } } }
    layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }
"#;

/// Takes `steps` steps of the given length from what is in `data`, for the score of the class. The result stays in `data`.
fn climb(net: &mut Net, class: usize, steps: usize, length: f32) -> Result<()> {
    // Your lines go here.
    let _ = (net, class, steps, length);
    Err(cortado::Error::value("not done yet: gradient ascent on data").hint(
        "in each step: forward, seed ip2, backward from there; then divide each sample's gradient by its own norm",
    ))
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    for class in 0..3 {
        let mut net = net::Builder::parse(NET, "the small net")?.phase(Phase::Test).seed(number).make()?;
        Random::new(number, "exercise 06.3", 0).uniform(0.2, 0.8, net.data_mut("data")?.slice_mut());
        climb(&mut net, class, 8, 0.15)?;
        for (n, x) in net.data("data")?.slice().chunks(5).enumerate() {
            println!("class {class}, sample {n}: {x:.6?}");
        }
    }
    Ok(())
}
