//! # Exercise 02.3: Only the last layer learns, an answer
//!
//! A small net: 8 samples of 5 numbers, `ip1` with 6 units, a ReLU in place, `ip2` with 4 classes, a loss.
//!
//! Train it by hand for `steps` steps on its one batch: $w \leftarrow w - lr \cdot dw$. But only `ip2` may learn, its weights
//! and its biases; `ip1` stays as it is. This is how people adapt a trained net to their own task: they keep what it sees
//! and teach it new answers. Return the loss before the first step and after each step, `steps + 1` numbers.
//!
//! The lesson's sections "Diffs add up" and "Updating the weights by hand" have the parts. Which layers need to run again
//! when only `ip2` has changed?
//!
//! ```sh
//! cargo run --release -p answers --bin answer_02_3              # the program, on input number 0
//! cargo run --release --bin check -- --answers 02   # is it right on other inputs?
//! ```

use cortado::log::number as number_of; // a number with six digits
use cortado::random::Random;
use cortado::{Net, Phase, Result, net};

const NET: &str = r#"
    layer { name: "input" type: "Input" top: "data" top: "label"
            input_param { shape { dim: 8 dim: 5 } shape { dim: 8 } } }
    layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
            inner_product_param { num_output: 6 weight_filler { type: "xavier" }
                                  bias_filler { type: "uniform" min: -0.5 max: 0.5 } } }
    layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
    layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
            inner_product_param { num_output: 4 weight_filler { type: "xavier" }
                                  bias_filler { type: "uniform" min: -0.5 max: 0.5 } } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"#;

fn train_last_layer(net: &mut Net, lr: f32, steps: usize) -> Result<Vec<f32>> {
    let mut losses = vec![net.forward()?.loss];
    for _ in 0..steps {
        net.clear_param_diffs();
        net.backward()?;
        for i in 0..2 {
            let w = net.param_mut("ip2", i)?;
            w.data.scaled_add(-lr, &w.diff)?;
        }
        losses.push(net.forward_range("ip2"..)?); // what lies below ip2 has not changed
    }
    Ok(losses)
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut net = small_net(number)?;
    for (step, loss) in train_last_layer(&mut net, 0.5, 8)?.iter().enumerate() {
        println!("after {step} steps: loss {}", number_of(*loss));
    }
    Ok(())
}

/// The small net with 8 random samples in its inputs. It has not run yet.
fn small_net(number: u64) -> Result<Net> {
    let mut net = net::Builder::parse(NET, "the small net")?.phase(Phase::Train).seed(number).make()?;
    Random::new(number, "exercise 02.3", 0).gaussian(0.0, 1.0, net.data_mut("data")?.slice_mut());
    for (n, label) in net.data_mut("label")?.slice_mut().iter_mut().enumerate() {
        *label = Random::new(number, "exercise 02.3", 1).below(n, 4) as f32;
    }
    Ok(net)
}
