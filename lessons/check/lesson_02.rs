//! What the exercises of lesson 02 should print.

use crate::Exercise;
use cortado::log::number as number_of;
use cortado::random::Random;
use cortado::{Net, Phase, Result, net};
use std::fmt::Write;

/// The exercises of this lesson, in order.
pub const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "02_1",
        title: "what the ReLU threw away",
        hint: "a blob changed in place has two versions: the one before the ReLU has the negative values. For the classes without \
               the ReLU, run ip2 on that version: two ranges that leave out relu1",
        expected: relu,
    },
    Exercise {
        name: "02_2",
        title: "why this class and not that one",
        hint: "mind three things: the parameter diffs of earlier passes, the diff that ip2 still holds, and that a mean of 8 \
               is wanted, not a sum",
        expected: lead,
    },
    Exercise {
        name: "02_3",
        title: "only the last layer learns",
        hint: "if the first two losses are right and the third is not, look for what adds up; if only the first is right, check \
               which parameters you change: both of ip2, none of ip1",
        expected: last_layer,
    },
];

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

/// The small net in plain loops: 8 samples of K = 5 values, H = 6 units, C = 4 classes.
struct Small {
    x: Vec<f64>,
    label: Vec<usize>,
    w1: Vec<f64>,
    b1: Vec<f64>,
    w2: Vec<f64>,
    b2: Vec<f64>,
}

const N: usize = 8;
const K: usize = 5;
const H: usize = 6;
const C: usize = 4;

impl Small {
    /// The net of exercise 02.k, before anything has run.
    fn new(number: u64, exercise: &str) -> Result<Small> {
        let net: Net = net::Builder::parse(NET, "the small net")?.phase(Phase::Train).seed(number).make()?;
        let wide = |layer: &str, i: usize| -> Result<Vec<f64>> {
            Ok(net.param(layer, i)?.data.slice().iter().map(|&w| w as f64).collect())
        };
        let mut x = vec![0.0f32; N * K];
        Random::new(number, exercise, 0).gaussian(0.0, 1.0, &mut x);
        Ok(Small {
            x: x.iter().map(|&x| x as f64).collect(),
            label: (0..N).map(|n| Random::new(number, exercise, 1).below(n, C)).collect(),
            w1: wide("ip1", 0)?,
            b1: wide("ip1", 1)?,
            w2: wide("ip2", 0)?,
            b2: wide("ip2", 1)?,
        })
    }

    /// What unit h holds of sample n, before the ReLU.
    fn unit(&self, n: usize, h: usize) -> f64 {
        (0..K).fold(self.b1[h], |y, k| y + self.w1[h * K + k] * self.x[n * K + k])
    }

    /// The score of class c, with the ReLU or without it.
    fn score(&self, n: usize, c: usize, relu: bool) -> f64 {
        let passed = |h| if relu { self.unit(n, h).max(0.0) } else { self.unit(n, h) };
        (0..H).fold(self.b2[c], |y, h| y + self.w2[c * H + h] * passed(h))
    }

    fn class(&self, n: usize, relu: bool) -> usize {
        let mut best = 0;
        for c in 1..C {
            if self.score(n, c, relu) > self.score(n, best, relu) {
                best = c;
            }
        }
        best
    }

    fn probability(&self, n: usize, c: usize) -> f64 {
        let total: f64 = (0..C).map(|j| self.score(n, j, true).exp()).sum();
        self.score(n, c, true).exp() / total
    }

    fn loss(&self) -> f64 {
        (0..N).map(|n| -self.probability(n, self.label[n]).ln()).sum::<f64>() / N as f64
    }
}

fn relu(number: u64) -> Result<String> {
    let (small, mut text) = (Small::new(number, "exercise 02.1")?, String::new());
    for n in 0..N {
        let lost: f64 = (0..H).map(|h| small.unit(n, h).min(0.0)).sum();
        let (with, without) = (small.class(n, true), small.class(n, false));
        let lost = number_of(lost as f32);
        let _ = writeln!(text, "sample {n}: thrown away {lost}, class {with}, without the ReLU {without}");
    }
    Ok(text)
}

fn lead(number: u64) -> Result<String> {
    let (small, mut text) = (Small::new(number, "exercise 02.2")?, String::new());
    for (a, b) in [(0, 1), (3, 2)] {
        let _ = writeln!(text, "class {a} before class {b}: how much each unit of ip1 matters");
        for h in 0..H {
            // The lead grows with unit h by w2[a, h] - w2[b, h], if the ReLU lets the sample through.
            let slope = small.w2[a * H + h] - small.w2[b * H + h];
            let open = |n: &usize| small.unit(*n, h) > 0.0;
            let dw = |k| (0..N).filter(open).map(|n| slope * small.x[n * K + k]).sum::<f64>() / N as f64;
            let _ = writeln!(text, "  unit {h}: {}", number_of((0..K).map(|k| dw(k).abs()).sum::<f64>() as f32));
        }
    }
    Ok(text)
}

fn last_layer(number: u64) -> Result<String> {
    let (mut small, mut text, lr) = (Small::new(number, "exercise 02.3")?, String::new(), 0.5);
    for step in 0..=8 {
        let _ = writeln!(text, "after {step} steps: loss {}", number_of(small.loss() as f32));
        let (mut w2, mut b2) = (small.w2.clone(), small.b2.clone());
        for n in 0..N {
            for c in 0..C {
                let right = if small.label[n] == c { 1.0 } else { 0.0 };
                let dy = (small.probability(n, c) - right) / N as f64;
                b2[c] -= lr * dy;
                for h in 0..H {
                    w2[c * H + h] -= lr * dy * small.unit(n, h).max(0.0);
                }
            }
        }
        (small.w2, small.b2) = (w2, b2);
    }
    Ok(text)
}
