//! What the exercises of lesson 07 should print.

use crate::Exercise;
use cortado::Result;
use cortado::log::number as number_of;
use cortado::random::Random;

/// The exercises of this lesson, in order.
pub const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "07_1",
        title: "a kernel with mistakes",
        hint: "divide a mean by the number of values added; and n may be 1",
        expected: moving_mean,
    },
    Exercise {
        name: "07_2",
        title: "backward as a gather",
        hint: "x[i] is in the products i and i - 1; in each its slope is the other factor",
        expected: pairs,
    },
    Exercise {
        name: "07_3",
        title: "the best of a row",
        hint: "the largest so far begins below all values, not at 0; among equal ones the lower index wins, also in the tree",
        expected: best,
    },
];

/// The places that the programs print: the ends, and where one block ends and the next begins.
fn places(n: usize) -> impl Iterator<Item = usize> {
    (0..n).filter(move |i| [0, 1, 255, 256, n - 1].contains(i))
}

fn moving_mean(number: u64) -> Result<String> {
    let mut text = String::new();
    for n in [1, 2, 300, 512] {
        let mut x = vec![0.0f32; n];
        Random::new(number, "exercise 07.1", n as u64).gaussian(0.0, 1.0, &mut x);
        for i in places(n) {
            let near: Vec<f64> =
                x.iter().enumerate().filter(|(j, _)| j.abs_diff(i) <= 1).map(|(_, &x)| x as f64).collect();
            let mean = near.iter().sum::<f64>() / near.len() as f64;
            text += &format!("n {n}: y[{i}] = {}\n", number_of(mean as f32));
        }
    }
    Ok(text)
}

/// The slope of sum_i dy_i y_i, product by product.
fn pairs(number: u64) -> Result<String> {
    let mut text = String::new();
    for n in [2, 3, 300, 512] {
        let (mut x, mut dy) = (vec![0.0f32; n], vec![0.0f32; n - 1]);
        let random = Random::new(number, "exercise 07.2", n as u64);
        random.gaussian(0.0, 1.0, &mut x);
        random.uniform(-1.0, 1.0, &mut dy);
        let mut dx = vec![0.0f64; n];
        for (i, dy) in dy.iter().enumerate() {
            dx[i] += *dy as f64 * x[i + 1] as f64;
            dx[i + 1] += *dy as f64 * x[i] as f64;
        }
        for i in places(n) {
            text += &format!("n {n}: dx[{i}] = {}\n", number_of(dx[i] as f32));
        }
    }
    Ok(text)
}

fn best(number: u64) -> Result<String> {
    let mut text = String::new();
    for k in [1, 10, 64, 200] {
        let random = Random::new(number, "exercise 07.3", k as u64);
        for row in 0..5 {
            let x: Vec<i64> = (0..k).map(|i| random.below(row * k + i, 20) as i64 - 60).collect();
            let most = x.iter().max().copied().unwrap_or_default();
            let at = x.iter().position(|&x| x == most).unwrap_or_default();
            text += &format!("{k} values, row {row}: {most} at {at}\n");
        }
    }
    Ok(text)
}
