//! # Exercise 07.2: backward as a gather
//!
//! A layer multiplies neighbours: $y_i = x_i x_{i+1}$, so y has one value fewer than x. Each x is in two products,
//! except the first and the last, and its gradient is
//!
//! $$ dx_i = dy_i\, x_{i+1} + dy_{i-1}\, x_{i-1} $$
//!
//! where terms that do not exist count as 0. The CPU's backward goes through the products and *scatters*: it adds each
//! to two places. With a thread for each product, two threads would add to the same place, which is a race. So turn it
//! round: take a thread for each dx, which *gathers* what belongs to it. Write the kernel `pairs_backward` and its
//! launch.
//!
//! ```text
//! cargo run --release -p exercises --bin exercise_07_2
//! cargo run --release --bin check 07
//! ```

use cortado::args;
use cortado::check::Harness;
use cortado::device::Kernels;
use cortado::layer::*;
use cortado::log::number as number_of; // a number with six digits
use cortado::proto::LayerParameter;
use cortado::random::Random;
use cortado::{Blob, Device, Result};

const PAIRS: &str = r#"
    extern "C" __global__ void pairs_forward(int n, In x, Out y) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i + 1 < n) y[i] = x[i] * x[i + 1];
    }
    // Your kernel goes here.
"#;

/// y_i = x_i x_(i+1)
struct Pairs {
    kernels: Kernels,
}

impl Layer for Pairs {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Pairs { kernels: Kernels::new(PAIRS) })
    }
    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape(&[bottom[0].count().saturating_sub(1)])
    }
    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y, n) = (&bottom[0].data, &mut top[0].data, bottom[0].count());
        match cx.device {
            Device::Cpu(_) => {
                for (y, x) in y.slice_mut().iter_mut().zip(x.slice().windows(2)) {
                    *y = x[0] * x[1];
                }
                Ok(())
            }
            Device::Gpu(gpu) => self.kernels.launch(gpu, "pairs_forward", n, args![n, x, y.over()]),
        }
    }
    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, n) = (&top[0].diff, bottom[0].count());
        let Blob { data: x, diff: dx } = &mut bottom[0];
        match cx.device {
            Device::Cpu(_) => {
                let (x, dx) = (x.slice(), dx.slice_mut());
                dx.fill(0.0);
                for (i, dy) in dy.slice().iter().enumerate() {
                    dx[i] += dy * x[i + 1];
                    dx[i + 1] += dy * x[i];
                }
                Ok(())
            }
            Device::Gpu(gpu) => {
                // Its launch goes here.
                let _ = (gpu, n);
                Err(cortado::Error::value("not done yet: the kernel pairs_backward, and its launch")
                    .hint("thread i owns dx[i], and nobody else may write it; each end lacks a neighbour"))
            }
        }
    }
    fn needs(&self) -> Needs {
        Needs::X
    }
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    for n in [2, 3, 300, 512] {
        let mut bench = Harness::new::<Pairs>(&LayerParameter::default(), &[&[n]])?.device(&Device::emulated());
        let random = Random::new(number, "exercise 07.2", n as u64);
        random.gaussian(0.0, 1.0, bench.bottom[0].data.slice_mut());
        bench.forward()?;
        random.uniform(-1.0, 1.0, bench.top[0].diff.slice_mut());
        bench.backward()?;
        for i in (0..n).filter(|i| [0, 1, 255, 256, n - 1].contains(i)) {
            println!("n {n}: dx[{i}] = {}", number_of(bench.bottom[0].diff.slice()[i]));
        }
    }
    Ok(())
}
