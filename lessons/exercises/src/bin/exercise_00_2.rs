//! # Exercise 00.2: steps that become smaller
//!
//! The lesson trains with the policy `poly`: the learning rate of iteration i is
//! base_lr * (1 - i / max_iter) ^ power, counted from iteration 0. Print the rates of some iterations, and the sum of the
//! rates of all iterations from 0 to max_iter - 1: how far a parameter would move if its gradient were always 1.
//!
//! ```sh
//! cargo run --release -p exercises --bin exercise_00_2     # your program, on input number 0
//! cargo run --release --bin check 00          # is it right on other inputs?
//! ```

use cortado::Result;
use cortado::random::Random;

/// The learning rate of iteration `i`.
fn rate(base_lr: f64, power: f64, max_iter: u32, i: u32) -> Result<f64> {
    let _ = (base_lr, power, max_iter, i);
    Err(cortado::Error::value("not done yet: the rate of an iteration")
        .hint("divide as f64: with integers, 1 / 2000 is 0"))
}

/// The sum of the rates of all iterations.
fn way(base_lr: f64, power: f64, max_iter: u32) -> Result<f64> {
    let _ = (base_lr, power, max_iter);
    Err(cortado::Error::value("not done yet: the sum of the rates").hint("call rate for each of 0..max_iter"))
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let random = Random::new(number, "exercise 00.2", 0);
    let base_lr = 0.01 * (1 + random.below(0, 9)) as f64;
    let power = [0.5, 1.0, 2.0][random.below(1, 3)];
    let max_iter = 100 * (1 + random.below(2, 20)) as u32;
    for i in [0, max_iter / 4, max_iter / 2, max_iter - 1] {
        println!("iteration {i}: rate {:.6}", rate(base_lr, power, max_iter, i)?);
    }
    println!("the whole way: {:.4}", way(base_lr, power, max_iter)?);
    Ok(())
}
