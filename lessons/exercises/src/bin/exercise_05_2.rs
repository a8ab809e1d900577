//! # Exercise 05.2: AdamW
//!
//! With `weight_decay` the solver adds λw to the gradient before the rule sees it, and Adam then divides it by the
//! gradient's size: weights with large gradients hardly decay. AdamW (Loshchilov and Hutter, 2019) keeps the two apart. The
//! running means see the gradient alone, and the decay joins the *step*:
//!
//! w = w - lr (c m / (√v + δ) + λ w), with Adam's correction c as Caffe writes it
//!
//! Write the rule. See part six of the lesson, and "Open the file".
//!
//! ```text
//! cargo run --release -p exercises --bin exercise_05_2
//! cargo run --release --bin check 05
//! ```

use cortado::Result;
use cortado::proto::SolverParameter;
use cortado::random::Random;
use cortado::solver::Builder;
use cortado::solver::rules::{At, Rule, Rules};

/// λ. The solver's own weight_decay stays 0.
const DECAY: f32 = 0.1;

const SOLVER: &str = r#"
    type: "AdamW" base_lr: 0.1 lr_policy: "inv" gamma: 0.5 power: 1 momentum: 0.8 momentum2: 0.9
    net_param {
        layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 8 dim: 3 } } }
        layer { name: "t" type: "Input" top: "t" input_param { shape { dim: 8 dim: 2 } } }
        layer {
            name: "ip" type: "InnerProduct" bottom: "x" top: "y"
            param { lr_mult: 1 } param { lr_mult: 3 }
            inner_product_param { num_output: 2 weight_filler { value: 0.5 } bias_filler { value: 1 } }
        }
        layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" }
    }
"#;

struct AdamW;

impl Rule for AdamW {
    fn new(param: &SolverParameter) -> Result<Self> {
        let _ = (param.momentum(), param.momentum2(), param.delta()); // what the struct should remember
        Err(cortado::Error::value("not done yet: AdamW").hint("keep the three settings, and then write `update`"))
    }

    fn history(&self) -> usize {
        2 // m and v
    }

    fn update(&self, at: &At, w: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        let _ = (at, w, dw, history, DECAY);
    }
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let random = Random::new(number, "exercise 05.2", 0);
    let mut rules = Rules::caffe();
    rules.add::<AdamW>("AdamW");
    let mut solver = Builder::parse(SOLVER, "the solver")?.rules(&rules).make()?;
    random.gaussian(0.0, 1.0, solver.net().data_mut("x")?.slice_mut());
    random.gaussian(2.0, 1.0, solver.net().data_mut("t")?.slice_mut());
    for t in 1..=8 {
        solver.step(1)?;
        println!("after step {t}");
        for (blob, spec) in solver.net().store().iter() {
            println!("{}[{}] {:.5?}", spec.layer, spec.index, blob.data.slice());
        }
    }
    Ok(())
}
