//! What the exercises of lesson 04 should print.

use crate::Exercise;
use cortado::Result;
use cortado::random::Random;
use std::fmt::Write;

pub const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "04_1",
        title: "backward",
        hint: "both tops contribute to each slope; leave a diff alone if nobody asked for it, but compute dw anyway, and \
               add it",
        expected: backward,
    },
    Exercise {
        name: "04_2",
        title: "a new order every epoch",
        hint: "the epoch of a sample is its number divided by n; a batch may hold samples of two epochs, or three",
        expected: epochs,
    },
    Exercise {
        name: "04_3",
        title: "net surgery",
        hint: "three layers, each with weights and biases; transpose: true transposes the matrix of ip2",
        expected: surgery,
    },
];

/// Each slope by walking: every value is moved up and down, and the two tops are weighted with their diffs.
fn backward(number: u64) -> Result<String> {
    let mut x = [[0.0f32; 4]; 2];
    for (i, x) in x.iter_mut().enumerate() {
        Random::new(number, &format!("bottom {i}"), 0).uniform(-2.0, 2.0, x);
    }
    let mut text = String::new();
    let (mut d, mut dw) = ([[100.0; 4]; 2], 0.0);
    for (pass, down) in [[true, false], [false, false], [true, true]].into_iter().enumerate() {
        let mut dy = [[0.0f32; 4]; 2];
        for (top, dy) in dy.iter_mut().enumerate() {
            Random::new(number, "exercise 04.1", (2 * pass + top) as u64).uniform(-1.0, 1.0, dy);
        }
        // What the diffs of the tops make of values moved by h: value k of bottom i, or the weight if i is 2.
        let moved = |i: usize, k: usize, h: f64| -> f64 {
            let mut sum = 0.0;
            for n in 0..4 {
                let value = |bottom: usize| x[bottom][n] as f64 + if (i, k) == (bottom, n) { h } else { 0.0 };
                let (a, b, w) = (value(0), value(1), if i == 2 { 1.5 + h } else { 1.5 });
                sum += dy[0][n] as f64 * w * (a + b) + dy[1][n] as f64 * a * b;
            }
            sum
        };
        let slope = |i: usize, k: usize| moved(i, k, 0.5) - moved(i, k, -0.5); // exact, for each value counts linearly
        for (i, d) in d.iter_mut().enumerate().filter(|(i, _)| down[*i]) {
            for (k, d) in d.iter_mut().enumerate() {
                *d = slope(i, k);
            }
        }
        dw += slope(2, 0);
        let _ = writeln!(text, "propagate_down {down:?}\n  da {:.5?}\n  db {:.5?}\n  dw {dw:.5}", d[0], d[1]);
    }
    Ok(text)
}

/// All samples of all epochs that matter, one after another.
fn epochs(seed: u64) -> Result<String> {
    let n = 5 + (seed % 4) as usize;
    let all: Vec<f32> = (0..300u64)
        .flat_map(|epoch| Random::new(seed, "order", epoch).permutation(n))
        .map(|sample| sample as f32)
        .collect();
    let mut text = String::new();
    for batch in 0..6 {
        let _ = writeln!(text, "batch {batch}: {:?}, position {}", &all[4 * batch..4 * batch + 4], 4 * batch + 4);
    }
    let _ = writeln!(text, "from 1000 on: {:?}", &all[1000..1004]);
    let _ = writeln!(text, "a long batch: {:?}", &all[1004..1019]);
    Ok(text)
}

/// The fixed net in loops, on each of the three windows of the picture.
fn surgery(number: u64) -> Result<String> {
    let random = |name: &str, count: usize, std: f32| {
        let mut x = vec![0.0f32; count];
        Random::new(number, name, 0).gaussian(0.0, std, &mut x);
        x.into_iter().map(f64::from).collect::<Vec<f64>>()
    };
    let (w0, b0) = (random("conv[0]", 18, 0.5), random("conv[1]", 2, 0.5));
    let (w1, b1) = (random("ip1[0]", 160, 0.5), random("ip1[1]", 5, 0.5));
    let (w2, b2) = (random("ip2[0]", 15, 0.5), random("ip2[1]", 3, 0.5));
    let picture = random("picture", 48, 1.0);
    // The three scores of the window that begins at column `left`.
    let scores = |left: usize| {
        let mut map = Vec::new(); // 2 x 4 x 4
        for k in 0..2 {
            for place in 0..16 {
                let at = |p: usize| (place / 4 + p / 3) * 8 + left + place % 4 + p % 3;
                map.push(b0[k] + (0..9).map(|p| w0[9 * k + p] * picture[at(p)]).sum::<f64>());
            }
        }
        let hidden = |h: usize| (b1[h] + (0..32).map(|i| w1[32 * h + i] * map[i]).sum::<f64>()).max(0.0);
        [0, 1, 2].map(|k| b2[k] + (0..5).map(|h| w2[3 * h + k] * hidden(h)).sum::<f64>())
    };
    let windows = [scores(0), scores(1), scores(2)];
    let mut text = "scores [1, 3, 1, 3]\n".to_string();
    for k in 0..3 {
        let _ = writeln!(text, "{:.5?}", windows.map(|scores| scores[k]));
    }
    Ok(text)
}
