//! What the exercises of lesson 00 should print.

use crate::Exercise;
use cortado::Result;
use cortado::random::Random;
use std::fmt::Write;

pub const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "00_1",
        title: "how many are right?",
        hint: "the guess is an index in the row, from 0 to 9; the first of equal scores counts; divide by the number of rows",
        expected: accuracy,
    },
    Exercise {
        name: "00_2",
        title: "steps that become smaller",
        hint: "the rate of iteration 0 is base_lr; that of the last one, max_iter - 1, is nearly 0",
        expected: rates,
    },
];

fn accuracy(number: u64) -> Result<String> {
    let random = Random::new(number, "exercise 00.1", 0);
    let rows = 50 + random.below(0, 50);
    let mut right = 0;
    for n in 0..rows {
        let label = random.below(1 + n, 10);
        // The label wins if all before it are lower and none after it is higher.
        let score = |k: usize| random.below(1000 + 10 * n + k, 10) + if k == label { 3 } else { 0 };
        let wins = (0..label).all(|k| score(k) < score(label)) && (label + 1..10).all(|k| score(k) <= score(label));
        right += usize::from(wins);
    }
    Ok(format!("accuracy {:.4}", right as f64 / rows as f64))
}

fn rates(number: u64) -> Result<String> {
    let random = Random::new(number, "exercise 00.2", 0);
    let base_lr = 0.01 * (1 + random.below(0, 9)) as f64;
    let (root, square) = ([true, false, false][random.below(1, 3)], [false, false, true][random.below(1, 3)]);
    let max_iter = 100 * (1 + random.below(2, 20)) as u32;
    let rate = |i: u32| {
        let left = f64::from(max_iter - i) / f64::from(max_iter);
        base_lr
            * if root {
                left.sqrt()
            } else if square {
                left * left
            } else {
                left
            }
    };
    let mut text = String::new();
    for i in [0, max_iter / 4, max_iter / 2, max_iter - 1] {
        let _ = writeln!(text, "iteration {i}: rate {:.6}", rate(i));
    }
    let mut way = 0.0;
    for i in 0..max_iter {
        way += rate(i);
    }
    let _ = writeln!(text, "the whole way: {way:.4}");
    Ok(text)
}
