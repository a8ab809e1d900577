//! # Exercise 00.1: how many are right?
//!
//! A net gives each image ten scores, one for each digit; its guess is the digit with the highest score. The accuracy is the
//! fraction of images whose guess equals the label. The lesson computes it for 10,000 images; here you compute it for a few.
//!
//! Fill the hole in `accuracy`. If two scores are equal, the first one counts.
//!
//! ```sh
//! cargo run --release -p exercises --bin exercise_00_1     # your program, on input number 0
//! cargo run --release --bin check 00          # is it right on other inputs?
//! ```

use cortado::Result;
use cortado::random::Random;

/// The fraction of rows whose highest score is at the row's label.
fn accuracy(scores: &[[f32; 10]], labels: &[usize]) -> Result<f32> {
    let _ = (scores, labels);
    Err(cortado::Error::value("not done yet: the accuracy of these scores")
        .hint("for each row find the index of the highest score; count the rows where it is the label"))
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let random = Random::new(number, "exercise 00.1", 0);
    let rows = 50 + random.below(0, 50);
    // Scores are whole numbers, so that some are equal; the label's own score is a little higher.
    let labels: Vec<usize> = (0..rows).map(|n| random.below(1 + n, 10)).collect();
    let score = |n: usize, k: usize| {
        let luck = random.below(1000 + 10 * n + k, 10) as f32;
        if k == labels[n] { luck + 3.0 } else { luck }
    };
    let scores: Vec<[f32; 10]> = (0..rows).map(|n| std::array::from_fn(|k| score(n, k))).collect();
    println!("accuracy {:.4}", accuracy(&scores, &labels)?);
    Ok(())
}
