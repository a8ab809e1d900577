//! # Exercise 02.2: Why this class and not that one, an answer
//!
//! A small net: 8 samples of 5 numbers, `ip1` with 6 units, a ReLU in place, `ip2` with 4 classes. It has run forward and
//! backward already, as a net does in training.
//!
//! By how much does class `a` lead class `b`? Let the lead be the score of `a` minus the score of `b`, the **mean** over the
//! 8 samples. Compute the gradient of the lead with respect to the weights of `ip1`, 6 x 5 numbers.
//!
//! The lesson's section "Our own question" does something very similar. Mind what the net still holds.
//!
//! ```sh
//! cargo run --release -p answers --bin answer_02_2              # the program, on input number 0
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

fn gradient_of_lead(net: &mut Net, a: usize, b: usize) -> Result<Vec<f32>> {
    net.clear_param_diffs(); // of the backward pass before
    let dy = net.diff_mut("ip2")?;
    dy.fill(0.0);
    for dy in dy.slice_mut().chunks_mut(4) {
        dy[a] += 1.0 / 8.0;
        dy[b] -= 1.0 / 8.0;
    }
    net.backward_range("ip2"..)?;
    Ok(net.param("ip1", 0)?.diff.slice().to_vec())
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut net = small_net(number)?;
    net.forward()?;
    net.backward()?;
    for (a, b) in [(0, 1), (3, 2)] {
        println!("class {a} before class {b}: how much each unit of ip1 matters");
        let dw = gradient_of_lead(&mut net, a, b)?;
        for (unit, row) in dw.chunks(5).enumerate() {
            println!("  unit {unit}: {}", number_of(row.iter().map(|dw| dw.abs()).sum()));
        }
    }
    Ok(())
}

/// The small net with 8 random samples in its inputs. It has not run yet.
fn small_net(number: u64) -> Result<Net> {
    let mut net = net::Builder::parse(NET, "the small net")?.phase(Phase::Train).seed(number).make()?;
    Random::new(number, "exercise 02.2", 0).gaussian(0.0, 1.0, net.data_mut("data")?.slice_mut());
    for (n, label) in net.data_mut("label")?.slice_mut().iter_mut().enumerate() {
        *label = Random::new(number, "exercise 02.2", 1).below(n, 4) as f32;
    }
    Ok(net)
}
