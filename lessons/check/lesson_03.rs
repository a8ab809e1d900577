//! What the exercises of lesson 03 should print.

use crate::Exercise;
use cortado::random::Random;

pub const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "03_1",
        title: "the step",
        hint: "each parameter has its own rate and its own decay; the decay joins the gradient, and the rate is inside the velocity",
        expected: the_step,
    },
    Exercise {
        name: "03_2",
        title: "clip and divide",
        hint: "take the norm of the sum of the passes, over both parameters; never make a small gradient larger",
        expected: clip_and_divide,
    },
    Exercise {
        name: "03_3",
        title: "interrupted",
        hint: "what does `step` read that changes from step to step? And did every digit survive?",
        expected: interrupted,
    },
];

/// The residuals' loops, in f64: y = W x + b, dW = sum (y - t) x / 8, and the velocity as a weighted sum of all past steps.
fn the_step(number: u64) -> cortado::Result<String> {
    let random = Random::new(number, "exercise 03.1", 0);
    let (mut x, mut t) = ([0.0; 24], [0.0; 16]);
    random.gaussian(0.0, 1.0, &mut x);
    random.gaussian(2.0, 1.0, &mut t);
    let mut w = [[0.5f64, 0.5, 0.5, 1.0]; 2]; // three weights and the bias of each output
    let mut steps: Vec<[[f64; 4]; 2]> = Vec::new();
    for iter in 0..6 {
        let rate = 0.2 / (1.0 + 0.5 * iter as f64);
        let mut step = [[0.0; 4]; 2];
        for o in 0..2 {
            for n in 0..8 {
                let input = [x[3 * n] as f64, x[3 * n + 1] as f64, x[3 * n + 2] as f64, 1.0];
                let y: f64 = (0..4).map(|k| w[o][k] * input[k]).sum();
                for k in 0..4 {
                    step[o][k] += (y - t[2 * n + o] as f64) * input[k] / 8.0;
                }
            }
            for k in 0..3 {
                step[o][k] = rate * (step[o][k] + 0.1 * w[o][k]);
            }
            step[o][3] *= 3.0 * rate;
        }
        steps.push(step);
        for o in 0..2 {
            for k in 0..4 {
                let past = steps.iter().rev().enumerate();
                w[o][k] -= past.map(|(age, step)| 0.5f64.powi(age as i32) * step[o][k]).sum::<f64>();
            }
        }
    }
    let mut text = String::new();
    for (index, ks) in [(0, 0..3), (1, 3..4)] {
        for row in &w {
            for k in ks.clone() {
                text += &format!("ip[{index}] {:.7}\n", row[k]);
            }
        }
    }
    Ok(text)
}

fn clip_and_divide(number: u64) -> cortado::Result<String> {
    let mut sum = [0.0f64; 8];
    for pass in 0..3 {
        let (mut weights, mut biases) = ([0.0; 6], [0.0; 2]);
        Random::new(number, "weights", pass).gaussian(0.5, 1.0, &mut weights);
        Random::new(number, "biases", pass).gaussian(0.5, 1.0, &mut biases);
        for (i, value) in weights.iter().chain(&biases).enumerate() {
            sum[i] += *value as f64;
        }
    }
    let norm = sum.iter().fold(0.0, |norm: f64, value| norm.hypot(*value));
    let mut text = String::new();
    for limit in [0.5, 2.0, 100.0] {
        let clipped = sum.map(|value| value * f64::min(1.0, limit / norm) / 3.0);
        text += &format!("limit {limit}\nweights {:.7?}\nbiases {:.7?}\n", &clipped[..6], &clipped[6..]);
    }
    Ok(text)
}

/// Twelve steps without a stop.
fn interrupted(number: u64) -> cortado::Result<String> {
    let points = Random::new(number, "exercise 03.3", 0);
    let (mut w, mut v) = ([0.0f64; 2], [0.0f64; 2]);
    for iter in 0..12 {
        let first = iter * (iter + 1) / 2; // 1 + 2 + .. + iter points came before
        let x: Vec<f64> = (first..=first + iter).map(|i| points.unit(i) as f64).collect();
        let mean = |f: &dyn Fn(f64) -> f64| x.iter().map(|&x| f(x)).sum::<f64>() / x.len() as f64;
        let error = |x: f64| w[0] * x + w[1] - (3.0 * x + 1.0);
        let dw = [mean(&|x| error(x) * x), mean(&error)];
        let rate = 0.3 / (1.0 + 0.1 * iter as f64);
        for i in 0..2 {
            v[i] = 0.8 * v[i] + rate * dw[i];
            w[i] -= v[i];
        }
    }
    Ok(format!("w {w:.7?} after 12 steps\nthe same bits: yes\n"))
}
