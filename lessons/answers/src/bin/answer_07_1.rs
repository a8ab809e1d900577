//! # Answer 07.1: a kernel with mistakes
//!
//! A moving mean: `y[i]` is the mean of `x[i - 1]`, `x[i]` and `x[i + 1]`. The first value and the last have only one
//! neighbour; there y is the mean of two.
//!
//! The kernel below was written in a hurry. Run it, and the emulator says where it goes wrong, one mistake at a time.
//! Mend them all. Not every mistake is a bad access: `check` looks at the numbers.
//!
//! ```text
//! cargo run --release -p answers --bin answer_07_1
//! cargo run --release --bin check -- --answers 07
//! ```

use cortado::args;

use cortado::device::emulator::Emulator;
use cortado::device::{Gpu, Kernels};
use cortado::log::number as number_of; // a number with six digits
use cortado::random::Random;
use cortado::{Error, Result, Values};

const MEAN: &str = r#"
    extern "C" __global__ void mean(int n, In x, Out y) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) {
            float sum = x[i];
            int count = 1;
            if (i > 0) sum += x[i - 1], count++;
            if (i + 1 < n) sum += x[i + 1], count++;
            y[i] = sum / count;
        }
    }
"#;

/// The moving mean of x.
fn moving_mean(gpu: &Gpu, x: &Values) -> Result<Values> {
    let (n, mut y) = (x.count(), Values::new(x.shape())?);
    let launched = Kernels::new(MEAN).launch(gpu, "mean", n, args![n, x, y.over()]);
    launched.map_err(|e| Error::value(format!("not done yet: {e}")).hint("which i has no neighbour there?"))?;
    Ok(y)
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    for n in [1, 2, 300, 512] {
        let mut x = Values::new(&[n])?;
        Random::new(number, "exercise 07.1", n as u64).gaussian(0.0, 1.0, x.slice_mut());
        let y = moving_mean(&Gpu::new(Emulator::new()), &x)?;
        for i in (0..n).filter(|i| [0, 1, 255, 256, n - 1].contains(i)) {
            println!("n {n}: y[{i}] = {}", number_of(y.slice()[i]));
        }
    }
    Ok(())
}
