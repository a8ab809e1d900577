//! # Answer 06.2: a third rule for ReLU
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
//! cargo run --release -p answers --bin answer_06_2
//! cargo run --release --bin check -- --answers 06
//! ```

use cortado::layer::*;
use cortado::layers::relu::Relu;
use cortado::log::number as number_of; // a number with six digits
use cortado::proto::{LayerParameter, NetParameter, text};
use cortado::random::Random;
use cortado::{Blob, Layers, Net, Result, Values};

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

/// ReLU forward. Backward: dx = max(0, dy).
struct Deconvolving {
    relu: Relu,
}

impl Layer for Deconvolving {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Deconvolving { relu: Relu::new(param)? })
    }
    fn arity(&self) -> Arity {
        self.relu.arity()
    }
    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.relu.reshape(bottom, top)
    }
    fn forward(&mut self, cx: &Cx, w: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.relu.forward(cx, w, bottom, top)
    }
    fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dx, dy) = (bottom[0].diff.slice_mut(), top[0].diff.slice());
        for (dx, dy) in dx.iter_mut().zip(dy) {
            *dx = dy.max(0.0);
        }
        Ok(())
    }
}

/// What arrives at `data` by the rule of the deconvolution net. The net is built from `param`, with the seed.
fn deconvolution(param: &NetParameter, seed: u64, x: &Values, class: usize) -> Result<Vec<f32>> {
    let mut layers = Layers::caffe();
    layers.add::<Deconvolving>("ReLU");
    let mut net = Net::build(param).phase(Phase::Test).layers(&layers).seed(seed).make()?;
    net.data_mut("data")?.copy_from(x)?;
    net.forward()?;
    for n in 0..2 {
        net.diff_mut("ip3")?.slice_mut()[3 * n + class] = 1.0;
    }
    net.backward()?;
    Ok(net.diff("data")?.slice().to_vec())
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
