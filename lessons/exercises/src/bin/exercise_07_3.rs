//! # Exercise 07.3: the best of a row
//!
//! Which of a row's values is the largest, and where is it? An Accuracy layer asks this for each sample. Give each
//! row a block of 64 threads. A row may be longer than that, or shorter: first each thread looks at every 64th
//! value and keeps the best it has seen; then the block finds the best of its threads, by the tree of the lesson.
//! Among equal values the first one wins.
//!
//! For each row write two values to y: the largest, and its index as a float.
//!
//! ```text
//! cargo run --release -p exercises --bin exercise_07_3
//! cargo run --release --bin check 07
//! ```

use cortado::device::emulator::Emulator;
use cortado::device::{Gpu, Kernels};
use cortado::random::Random;
use cortado::{Result, Values};

const BEST: &str = r#"
    extern "C" __global__ void best(int k, In x, Out y) {
        // Your kernel goes here.
    }
"#;

/// For each row of x, its largest value and the index of that value, in a row of two.
fn best(gpu: &Gpu, x: &Values) -> Result<Values> {
    let (rows, k) = (x.shape()[0], x.shape()[1]);
    // Its launch goes here.
    let _ = (Kernels::new(BEST), gpu, rows, k);
    Err(cortado::Error::value("not done yet: the kernel best, and its launch").hint(
        "two shared arrays, values and indices; a thread whose values are all past the end of the row has -INFINITY",
    ))
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    for k in [1, 10, 64, 200] {
        let mut x = Values::new(&[5, k])?;
        let random = Random::new(number, "exercise 07.3", k as u64);
        // Integers from -60 to -41: there are equal ones, and none is above 0.
        x.slice_mut().iter_mut().enumerate().for_each(|(i, x)| *x = random.below(i, 20) as f32 - 60.0);
        let y = best(&Gpu::new(Emulator::new()), &x)?;
        for (row, y) in y.slice().chunks(2).enumerate() {
            println!("{k} values, row {row}: {} at {}", y[0], y[1]);
        }
    }
    Ok(())
}
