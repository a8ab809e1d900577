//! # Exercise 01.2: one spec, two nets, an answer
//!
//! Write a classifier of any depth as **one** `NetSpec` that gives two nets:
//!
//! - a layer "input" of type Input, with the tops "data" and "label": 32 x 12 and 32 in TRAIN, 50 x 12 and 50 in TEST;
//! - for each of the `widths` an InnerProduct ip1, ip2, .. with that many outputs, a ReLU relu1, relu2, .. in place, and
//!   a Dropout drop1, drop2, .. with ratio 0.5, also in place and **only in TRAIN**;
//! - "scores", an InnerProduct with an output for each class, and no ReLU;
//! - "loss", a SoftmaxWithLoss, in both; "accuracy", only in TEST.
//!
//! All weights are filled by xavier. All biases learn twice as fast as the weights. Add the layers in this order.
//!
//! ```text
//! cargo run --release -p answers --bin answer_01_2 -- 3
//! cargo run --release --bin check -- --answers 01
//! ```

use cortado::net_spec::*;
use cortado::random::Random;
use cortado::{Net, Phase, Result};

fn classifier(widths: &[u32], classes: u32) -> Result<NetSpec> {
    let ip = |outputs| InnerProduct::new(outputs).weight_filler(xavier()).lr_mult([1.0, 2.0]);
    let input = |batch, phase| Input::new([batch, 12]).and([batch]).include(phase);
    let mut n = NetSpec::new("classifier");
    let [data, label] = n.tops("input", [], input(32, Phase::Train), ["data", "label"]);
    n.tops("input", [], input(50, Phase::Test), ["data", "label"]);
    let mut x = data;
    for (i, width) in (1..).zip(widths) {
        x = n.layer(format!("ip{i}"), &x, ip(*width));
        n.in_place(format!("relu{i}"), &x, Relu::new());
        n.in_place(format!("drop{i}"), &x, Dropout::new(0.5).include(Phase::Train));
    }
    let scores = n.layer("scores", &x, ip(classes));
    n.layer("loss", [&scores, &label], SoftmaxWithLoss::new());
    n.layer("accuracy", [&scores, &label], Accuracy::new().include(Phase::Test));
    Ok(n)
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let random = Random::new(number, "exercise 01.2", 0);
    let widths: Vec<u32> = (0..1 + random.below(0, 4)).map(|i| 5 + random.below(1 + i, 20) as u32).collect();
    let param = classifier(&widths, 2 + random.below(9, 8) as u32)?.to_param()?;
    println!("{} layers", param.layer.len());
    for phase in [Phase::Train, Phase::Test] {
        let net = Net::new(&param, phase)?;
        println!("{phase:?}: {} parameters, outputs {:?}", net.store().count(), net.outputs());
        for name in net.layer_names().into_iter().filter(|name| !name.contains("split")) {
            let tops = net.top_names(name)?;
            let shapes: Vec<&[usize]> = tops.iter().map(|top| net.shape(top)).collect::<Result<_>>()?;
            println!("  {name} makes {tops:?} {shapes:?}");
        }
        for (blob, spec) in net.store().iter() {
            let filled = blob.data.asum() > 0.0;
            println!("  {}[{}] lr_mult {}, filled {filled}", spec.layer, spec.index, spec.lr_mult);
        }
    }
    Ok(())
}
