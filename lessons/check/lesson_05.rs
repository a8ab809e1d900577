//! What the exercises of lesson 05 should print.

use crate::Exercise;
use cortado::Result;
use cortado::random::Random;
use std::fmt::Write;

/// The exercises of this lesson, in order.
pub const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "05_1",
        title: "looking ahead",
        hint: "at the first step the velocity is 0; if only that one is right, check where you take the gradient, and whether \
               the parameters came back from there",
        expected: looking_ahead,
    },
    Exercise {
        name: "05_2",
        title: "AdamW",
        hint: "the decay is outside the running means and inside the rate; t counts from 1",
        expected: adam_w,
    },
    Exercise {
        name: "05_3",
        title: "textbook schedules",
        hint: "print the policy's formula beside the book's, with t / iterations for the book's t: what must gamma be? And \
               what power makes inv the third?",
        expected: schedules,
    },
];

/// A straight line through 8 points for each of 2 outputs: three weights and a bias each.
struct Line {
    /// The inputs, with a 1 for the bias.
    x: Vec<[f64; 4]>,
    t: Vec<[f64; 2]>,
}

impl Line {
    fn new(number: u64, exercise: &str) -> Line {
        let random = Random::new(number, exercise, 0);
        let (mut x, mut t) = ([0.0; 24], [0.0; 16]);
        random.gaussian(0.0, 1.0, &mut x);
        random.gaussian(2.0, 1.0, &mut t);
        let row = |x: &[f32]| [x[0] as f64, x[1] as f64, x[2] as f64, 1.0];
        Line { x: x.chunks(3).map(row).collect(), t: t.chunks(2).map(|t| [t[0] as f64, t[1] as f64]).collect() }
    }

    fn gradient(&self, w: &[[f64; 4]; 2]) -> [[f64; 4]; 2] {
        let mut dw = [[0.0; 4]; 2];
        for (x, t) in self.x.iter().zip(&self.t) {
            for o in 0..2 {
                let y: f64 = (0..4).map(|k| w[o][k] * x[k]).sum();
                for k in 0..4 {
                    dw[o][k] += (y - t[o]) * x[k] / 8.0;
                }
            }
        }
        dw
    }
}

const START: [[f64; 4]; 2] = [[0.5, 0.5, 0.5, 1.0]; 2];

/// The parameters as the programs print them.
fn print(text: &mut String, step: usize, w: &[[f64; 4]; 2]) {
    let weights: Vec<f64> = w.iter().flat_map(|w| w[..3].to_vec()).collect();
    let _ = writeln!(text, "after step {step}\nip[0] {weights:.7?}\nip[1] {:.7?}", [w[0][3], w[1][3]]);
}

/// The rewritten form, and from its point ahead back to w = a + μ v.
fn looking_ahead(number: u64) -> Result<String> {
    let (line, lr, mu) = (Line::new(number, "exercise 05.1"), 0.1, 0.9);
    let (mut a, mut v, mut text) = (START, [[0.0; 4]; 2], String::new());
    for step in 1..=6 {
        let (dw, mut w) = (line.gradient(&a), a);
        for o in 0..2 {
            for k in 0..4 {
                let before = v[o][k];
                v[o][k] = mu * before + lr * dw[o][k];
                a[o][k] -= (1.0 + mu) * v[o][k] - mu * before;
                w[o][k] = a[o][k] + mu * v[o][k];
            }
        }
        print(&mut text, step, &w);
    }
    Ok(text)
}

/// The means as weighted sums over all gradients so far, and the rate by its formula.
fn adam_w(number: u64) -> Result<String> {
    let (line, mut w, mut text) = (Line::new(number, "exercise 05.2"), START, String::new());
    let mut gradients: Vec<[[f64; 4]; 2]> = Vec::new();
    for step in 1..=8 {
        gradients.push(line.gradient(&w));
        let rate = 0.1 / (1.0 + 0.5 * (step - 1) as f64);
        for o in 0..2 {
            for k in 0..4 {
                let mean = |beta: f64, of: fn(f64) -> f64| {
                    let past = gradients.iter().rev().enumerate();
                    past.map(|(age, dw)| (1.0 - beta) * beta.powi(age as i32) * of(dw[o][k])).sum::<f64>()
                };
                let (m, v) = (mean(0.8, |dw| dw), mean(0.9, |dw| dw * dw));
                let c = (1.0 - 0.9f64.powi(step as i32)).sqrt() / (1.0 - 0.8f64.powi(step as i32));
                let lr = if k == 3 { 3.0 * rate } else { rate };
                w[o][k] -= lr * c * m / (v.sqrt() + 1e-8) + lr * 0.1 * w[o][k];
            }
        }
        print(&mut text, step, &w);
    }
    Ok(text)
}

/// The books' formulas, with t in epochs.
fn schedules(number: u64) -> Result<String> {
    let random = Random::new(number, "exercise 05.3", 0);
    let alpha = 0.01 * (1 + random.below(0, 9)) as f64;
    let iterations = 20 + random.below(1, 80);
    let factor: f64 = [0.5, 0.1][random.below(2, 2)];
    let epochs = (2 + random.below(3, 3)) as f64;
    let k = 0.1 * (1 + random.below(4, 5)) as f64;
    let k_one_over = 0.1 * (1 + random.below(5, 9)) as f64;
    let mut text = String::new();
    for name in ["step", "exponential", "1/t"] {
        for i in [0, 1, iterations, 5 * iterations - 1, 5 * iterations, 10 * iterations + 7] {
            let t = i as f64 / iterations as f64;
            let rate = alpha
                * match name {
                    "step" => factor.powf((t / epochs + 1e-9).floor()),
                    "exponential" => (-k * t).exp(),
                    _ => 1.0 / (1.0 + k_one_over * t),
                };
            let _ = writeln!(text, "{name}, iteration {i}: rate {rate:.9}");
        }
    }
    Ok(text)
}
