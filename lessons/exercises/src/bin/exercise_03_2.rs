//! # Exercise 03.2: clip and divide
//!
//! Three passes have each left a gradient for two parameters, six weights and two biases. Backward would have added them up
//! in the diffs; here they come one by one. Write what the solver makes of them before it adds λw: the gradient after
//! `clip_gradients` and `iter_size: 3` have done their work. See parts four and five of the lesson. Mind the order, and
//! mind what counts as one vector.
//!
//! ```text
//! cargo run --release -p exercises --bin exercise_03_2
//! cargo run --release --bin check 03
//! ```

use cortado::Result;
use cortado::random::Random;

/// `passes[k][p]` is what pass `k` found for parameter `p`. The answer has an array for each parameter.
fn clip_and_divide(passes: &[[Vec<f32>; 2]; 3], limit: f32) -> Result<[Vec<f32>; 2]> {
    let _ = (passes, limit);
    Err(cortado::Error::value("not done yet: the gradient")
        .hint("first the sum of the passes, then its norm over both parameters"))
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let pass = |k: u64| {
        let (mut weights, mut biases) = (vec![0.0; 6], vec![0.0; 2]);
        Random::new(number, "weights", k).gaussian(0.5, 1.0, &mut weights);
        Random::new(number, "biases", k).gaussian(0.5, 1.0, &mut biases);
        [weights, biases]
    };
    let passes = [pass(0), pass(1), pass(2)];
    for limit in [0.5, 2.0, 100.0] {
        let [weights, biases] = clip_and_divide(&passes, limit)?;
        println!("limit {limit}");
        println!("weights {weights:.7?}");
        println!("biases {biases:.7?}");
    }
    Ok(())
}
