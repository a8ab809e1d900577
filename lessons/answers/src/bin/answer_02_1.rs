//! # Exercise 02.1: What the ReLU threw away, an answer
//!
//! A small net: 8 samples of 5 numbers, `ip1` with 6 units, a ReLU in place, `ip2` with 4 classes. It has run forward.
//!
//! 1. For each sample, add up those values of `ip1` that the ReLU set to zero. (They were negative, and so is the
//!    sum.)
//! 2. Let the net answer again as if it had no ReLU: `ip2` is to read what `ip1` held before it.
//!
//! The lesson's section "A layer in place" shows where those values are; "Writing, and running a part" shows how to
//! run only some layers.
//!
//! ```sh
//! cargo run --release -p answers --bin answer_02_1              # the program, on input number 0
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

/// For each sample: what the ReLU threw away, and the class that wins without it.
struct Seen {
    thrown_away: Vec<f32>,
    without_relu: Vec<usize>,
}

fn without_relu(net: &mut Net) -> Result<Seen> {
    net.forward_range(..="ip1")?; // the blob now means its version before the ReLU
    let thrown_away = net.data("ip1")?.slice().chunks(6).map(|x| x.iter().filter(|x| **x < 0.0).sum()).collect();
    net.forward_range("ip2"..)?; // relu1 is left out
    Ok(Seen { thrown_away, without_relu: net.data("ip2")?.argmax() })
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut net = small_net(number)?;
    net.forward()?;
    let with_relu = net.data("ip2")?.argmax();
    let seen = without_relu(&mut net)?;
    for (n, a) in with_relu.iter().enumerate() {
        let (lost, b) = (seen.thrown_away[n], seen.without_relu[n]);
        println!("sample {n}: thrown away {}, class {a}, without the ReLU {b}", number_of(lost));
    }
    Ok(())
}

/// The small net with 8 random samples in its inputs. It has not run yet.
fn small_net(number: u64) -> Result<Net> {
    let mut net = net::Builder::parse(NET, "the small net")?.phase(Phase::Train).seed(number).make()?;
    Random::new(number, "exercise 02.1", 0).gaussian(0.0, 1.0, net.data_mut("data")?.slice_mut());
    for (n, label) in net.data_mut("label")?.slice_mut().iter_mut().enumerate() {
        *label = Random::new(number, "exercise 02.1", 1).below(n, 4) as f32;
    }
    Ok(net)
}
