//! # Exercise 03.1: the step
//!
//! Write `update`, the heart of a solver: weight decay, momentum and the multipliers of each parameter, in the solver's
//! order. The weights of this little net have `lr_mult: 1` and `decay_mult: 1`, its biases `lr_mult: 3` and `decay_mult: 0`,
//! and the rate falls from one iteration to the next. See parts one, two and three of the lesson.
//!
//! ```text
//! cargo run --release -p exercises --bin exercise_03_1
//! cargo run --release --bin check 03
//! ```

use cortado::random::Random;
use cortado::{Net, Phase, Result};

const NET: &str = r#"
    layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 8 dim: 3 } } }
    layer { name: "t" type: "Input" top: "t" input_param { shape { dim: 8 dim: 2 } } }
    layer {
        name: "ip" type: "InnerProduct" bottom: "x" top: "y"
        param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 3 decay_mult: 0 }
        inner_product_param { num_output: 2 weight_filler { value: 0.5 } bias_filler { value: 1 } }
    }
    layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" }
"#;

/// One update of every parameter, with the gradients in the diffs. `velocity` has an array for each parameter of the store,
/// in the same order; all are 0 before the first update.
fn update(net: &mut Net, velocity: &mut [Vec<f32>], rate: f32, momentum: f32, weight_decay: f32) -> Result {
    let _ = (net, velocity, rate, momentum, weight_decay);
    Err(cortado::Error::value("not done yet: the update")
        .hint("a loop over net.store_mut().iter_mut(), zipped with the velocities"))
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let random = Random::new(number, "exercise 03.1", 0);
    let mut net = Net::from_prototxt(NET, Phase::Train)?;
    random.gaussian(0.0, 1.0, net.data_mut("x")?.slice_mut());
    random.gaussian(2.0, 1.0, net.data_mut("t")?.slice_mut());

    let mut velocity: Vec<Vec<f32>> = net.store().iter().map(|(blob, _)| vec![0.0; blob.count()]).collect();
    for t in 0..6 {
        net.clear_param_diffs();
        net.forward_loss()?;
        net.backward()?;
        update(&mut net, &mut velocity, 0.2 / (1.0 + 0.5 * t as f32), 0.5, 0.1)?;
    }
    for (blob, spec) in net.store().iter() {
        for w in blob.data.slice() {
            println!("{}[{}] {w:.7}", spec.layer, spec.index);
        }
    }
    Ok(())
}
