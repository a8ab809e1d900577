//! # Exercise 05.1: looking ahead
//!
//! This is Nesterov in its original form, with a net: move every parameter ahead to w - μ v, take the gradient there,
//! move back, and step with the velocity. The library never does this; it keeps the point ahead. Write `step` so that the
//! net holds w itself after every step. See part three of the lesson.
//!
//! ```text
//! cargo run --release -p exercises --bin exercise_05_1
//! cargo run --release --bin check 05
//! ```

use cortado::random::Random;
use cortado::{Net, Phase, Result};

const NET: &str = r#"
    layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 8 dim: 3 } } }
    layer { name: "t" type: "Input" top: "t" input_param { shape { dim: 8 dim: 2 } } }
    layer {
        name: "ip" type: "InnerProduct" bottom: "x" top: "y"
        inner_product_param { num_output: 2 weight_filler { value: 0.5 } bias_filler { value: 1 } }
    }
    layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" }
"#;

/// One step of the net. `velocity` has an array for each parameter of the store, in the same order; all are 0 before the
/// first step. `net.forward_loss()?` and `net.backward()?` take the gradient where the parameters are.
fn step(net: &mut Net, velocity: &mut [Vec<f32>], lr: f32, mu: f32) -> Result {
    let _ = (net, velocity, lr, mu);
    Err(cortado::Error::value("not done yet: the step")
        .hint("two loops over net.store_mut().iter_mut(), zipped with the velocities"))
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let random = Random::new(number, "exercise 05.1", 0);
    let mut net = Net::from_prototxt(NET, Phase::Train)?;
    random.gaussian(0.0, 1.0, net.data_mut("x")?.slice_mut());
    random.gaussian(2.0, 1.0, net.data_mut("t")?.slice_mut());

    let mut velocity: Vec<Vec<f32>> = net.store().iter().map(|(blob, _)| vec![0.0; blob.count()]).collect();
    for t in 1..=6 {
        step(&mut net, &mut velocity, 0.1, 0.9)?;
        println!("after step {t}");
        for (blob, spec) in net.store().iter() {
            println!("{}[{}] {:.6?}", spec.layer, spec.index, blob.data.slice());
        }
    }
    Ok(())
}
