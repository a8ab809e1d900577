//! # Answer 07.3: the best of a row
//!
//! Which of a row's values is the largest, and where is it? An Accuracy layer asks this for each sample. Give each
//! row a block of 64 threads. A row may be longer than that, or shorter: first each thread looks at every 64th
//! value and keeps the best it has seen; then the block finds the best of its threads, by the tree of the lesson.
//! Among equal values the first one wins.
//!
//! For each row write two values to y: the largest, and its index as a float.
//!
//! ```text
//! cargo run --release -p answers --bin answer_07_3
//! cargo run --release --bin check -- --answers 07
//! ```

use cortado::args;

use cortado::device::emulator::Emulator;
use cortado::device::{Gpu, Kernels};
use cortado::random::Random;
use cortado::{Result, Values};

const BEST: &str = r#"
    extern "C" __global__ void best(int k, In x, Out y) {
        __shared__ float value[64];
        __shared__ int place[64];
        int t = threadIdx.x;
        In row = x + blockIdx.x * k;
        value[t] = -INFINITY;
        place[t] = k;
        for (int i = t; i < k; i += 64)
            if (row[i] > value[t]) value[t] = row[i], place[t] = i;
        __syncthreads();
        for (int half = 32; half > 0; half /= 2) {
            if (t < half) {
                float other = value[t + half];
                if (other > value[t] || (other == value[t] && place[t + half] < place[t])) {
                    value[t] = other;
                    place[t] = place[t + half];
                }
            }
            __syncthreads();
        }
        if (t == 0) {
            y[2 * blockIdx.x] = value[0];
            y[2 * blockIdx.x + 1] = place[0];
        }
    }
"#;

/// For each row of x, its largest value and the index of that value, in a row of two.
fn best(gpu: &Gpu, x: &Values) -> Result<Values> {
    let (rows, k) = (x.shape()[0], x.shape()[1]);
    let mut y = Values::new(&[rows, 2])?;
    Kernels::new(BEST).launch_blocks(gpu, "best", rows, 64, args![k, x, y.over()])?;
    Ok(y)
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
