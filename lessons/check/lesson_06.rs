//! What the exercises of lesson 06 should print.

use crate::Exercise;
use cortado::log::number as number_of;
use cortado::random::Random;
use cortado::{Phase, Result, net};

/// The exercises of this lesson, in order.
pub const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "06_1",
        title: "what would make it surer",
        hint: "is it the logarithm's slope, or the probability's, or the score's? And each sample has its own gradient",
        expected: gradient_of_log,
    },
    Exercise {
        name: "06_2",
        title: "a third rule for ReLU",
        hint: "by this rule x plays no part: if a zero comes from x <= 0, ReLU's own backward has been there; and both ReLUs \
               follow the rule, on both paths to ip1",
        expected: deconvolution,
    },
    Exercise {
        name: "06_3",
        title: "uphill",
        hint: "a gradient holds only where it was taken: run forward before each one; take the norm of one sample, and \
               clamp in every step",
        expected: climb,
    },
];

const SMALL: &str = r#"
    layer { name: "input" type: "Input" top: "data" input_param { shape { dim: 4 dim: 5 } } }
    layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
            inner_product_param { num_output: 8 weight_filler { type: "gaussian" std: 1 }
                                  bias_filler { type: "uniform" min: -0.5 max: 0.5 } } }
    layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
    layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
            inner_product_param { num_output: 3 weight_filler { type: "gaussian" std: STD }
                                  bias_filler { type: "uniform" min: -0.5 max: 0.5 } } }
    layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }
"#;

const BRANCHED: &str = r#"
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

/// The parameters of a net with this seed.
fn params(text: &str, seed: u64, layers: &[(&str, usize)]) -> Result<Vec<Vec<f64>>> {
    let net = net::Builder::parse(text, "the small net")?.phase(Phase::Test).seed(seed).make()?;
    let wide = |&(layer, i): &(&str, usize)| {
        Ok(net.param(layer, i)?.data.slice().iter().map(|&w| w as f64).collect::<Vec<f64>>())
    };
    layers.iter().map(wide).collect()
}

/// The small net in plain loops: K = 5 inputs, H = 8 units, C = 3 classes.
struct Small {
    w1: Vec<f64>,
    b1: Vec<f64>,
    w2: Vec<f64>,
    b2: Vec<f64>,
}

const K: usize = 5;
const H: usize = 8;
const C: usize = 3;

impl Small {
    fn new(seed: u64, std: &str) -> Result<Small> {
        let layers = [("ip1", 0), ("ip1", 1), ("ip2", 0), ("ip2", 1)];
        let mut params = params(&SMALL.replace("STD", std), seed, &layers)?.into_iter();
        let mut next = || params.next().unwrap_or_default();
        Ok(Small { w1: next(), b1: next(), w2: next(), b2: next() })
    }

    /// What unit h holds before the ReLU.
    fn unit(&self, x: &[f64], h: usize) -> f64 {
        (0..K).fold(self.b1[h], |y, k| y + self.w1[h * K + k] * x[k])
    }

    fn score(&self, x: &[f64], c: usize) -> f64 {
        (0..H).fold(self.b2[c], |y, h| y + self.w2[c * H + h] * self.unit(x, h).max(0.0))
    }

    /// The slope of the score of class c with respect to `x[k]`: over all units that are on.
    fn slope(&self, x: &[f64], c: usize, k: usize) -> f64 {
        let on = (0..H).filter(|&h| self.unit(x, h) > 0.0);
        on.map(|h| self.w2[c * H + h] * self.w1[h * K + k]).sum()
    }
}

/// d ln p_c = d score_c - sum_j p_j d score_j
fn gradient_of_log(number: u64) -> Result<String> {
    let net = Small::new(number, "0.5")?;
    let mut x = [0.0f32; 4 * K];
    Random::new(number, "exercise 06.1", 0).gaussian(0.0, 1.0, &mut x);
    let mut text = String::new();
    for c in 0..C {
        for (n, x) in x.chunks(K).enumerate() {
            let x: Vec<f64> = x.iter().map(|&x| x as f64).collect();
            let total: f64 = (0..C).map(|j| net.score(&x, j).exp()).sum();
            let mean = |k| (0..C).map(|j| net.score(&x, j).exp() / total * net.slope(&x, j, k)).sum::<f64>();
            let dx: Vec<String> = (0..K).map(|k| number_of((net.slope(&x, c, k) - mean(k)) as f32)).collect();
            text += &format!("class {c}, sample {n}: {}\n", dx.join(" "));
        }
    }
    Ok(text)
}

/// By this rule nothing depends on the sample: only weights are left.
fn deconvolution(number: u64) -> Result<String> {
    let params = params(BRANCHED, number, &[("ip1", 0), ("ip2", 0), ("ip3", 0)])?;
    let [w1, w2, w3] = &params[..] else { return Ok(String::new()) };
    let mut text = String::new();
    for c in 0..C {
        let second: Vec<f64> = (0..H).map(|h| w3[c * H + h].max(0.0)).collect();
        let below = |h: usize| w3[c * H + h] + (0..H).map(|i| second[i] * w2[i * H + h]).sum::<f64>();
        let first: Vec<f64> = (0..H).map(|h| below(h).max(0.0)).collect();
        let dx = (0..K).map(|k| (0..H).map(|h| first[h] * w1[h * K + k]).sum::<f64>());
        let dx: Vec<String> = dx.map(|dx| number_of(dx as f32)).collect();
        for n in 0..2 {
            text += &format!("class {c}, sample {n}: {}\n", dx.join(" "));
        }
    }
    Ok(text)
}

fn climb(number: u64) -> Result<String> {
    let net = Small::new(number, "1")?;
    let mut start = [0.0f32; 4 * K];
    Random::new(number, "exercise 06.3", 0).uniform(0.2, 0.8, &mut start);
    let mut text = String::new();
    for c in 0..C {
        for (n, x) in start.chunks(K).enumerate() {
            let mut x: Vec<f64> = x.iter().map(|&x| x as f64).collect();
            for _ in 0..8 {
                let dx: Vec<f64> = (0..K).map(|k| net.slope(&x, c, k)).collect();
                let norm = dx.iter().fold(0.0, |norm: f64, dx| norm.hypot(*dx));
                for k in 0..K {
                    if norm > 0.0 {
                        x[k] = (x[k] + 0.15 * dx[k] / norm).clamp(0.0, 1.0);
                    }
                }
            }
            text += &format!("class {c}, sample {n}: {x:.6?}\n");
        }
    }
    Ok(text)
}
