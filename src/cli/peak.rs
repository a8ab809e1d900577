//! What this machine can do at best: arithmetic on values that are in a cache, and traffic with memory.
//!
//! A layer needs time for both. Whichever comes nearer to its peak bounds the layer.

use cortado::device::Cpu;
use cortado::device::cpu::{Mat, MatMut, PIECE, gemm};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What all threads of a CPU do together in a second.
pub struct Peak {
    /// Multiplications and additions.
    pub flop: f64,
    /// Bytes read and bytes written, counted together.
    pub bytes: f64,
    threads: usize,
}

/// Rows and columns of the factors: they and the product fit into a core's second cache.
const SIDE: usize = 192;
/// How many products a thread makes in a run, so that waking it costs next to nothing: about a millisecond.
const PRODUCTS: usize = 8;
/// How many values a long array has, 128 MiB: no cache holds two of them.
const LONG: usize = 32 << 20;
/// How long each of the two is measured.
const ENOUGH: Duration = Duration::from_millis(50);

impl Peak {
    /// Measures both, in about 0.2 s.
    pub fn measure(cpu: &Cpu) -> Peak {
        cpu.install(|| Peak { flop: arithmetic(cpu), bytes: memory(cpu), threads: cpu.threads() })
    }

    /// For people: `This machine: 380 GFLOP/s, 31.2 GB/s, on 2 threads, measured`.
    pub fn describe(&self) -> String {
        let Peak { flop, bytes, threads } = self;
        let plural = if *threads == 1 { "" } else { "s" };
        format!(
            "This machine: {:.0} GFLOP/s, {:.1} GB/s, on {threads} thread{plural}, measured",
            flop / 1e9,
            bytes / 1e9
        )
    }
}

/// Products of small matrices, each thread's for itself.
fn arithmetic(cpu: &Cpu) -> f64 {
    let (factor, mut products) = (vec![0.5; SIDE * SIDE], vec![0.0; cpu.threads() * SIDE * SIDE]);
    let seconds = shortest(|| {
        cpu.pieces(&mut products, SIDE * SIDE, |_, product| {
            for _ in 0..PRODUCTS {
                let factor = Mat::new(&factor, SIDE, SIDE);
                gemm(1.0, factor, factor, 0.0, MatMut::new(product, SIDE, SIDE));
            }
        });
        black_box(&products);
    });
    (cpu.threads() * PRODUCTS * 2 * SIDE.pow(3)) as f64 / seconds
}

/// y = 2x, the least that a layer does: each value is read once and written once.
fn memory(cpu: &Cpu) -> f64 {
    // Were x all zeros, the system could keep it as one page.
    let (x, mut y) = (vec![1.0f32; LONG], vec![0.0; LONG]);
    let seconds = shortest(|| {
        cpu.pieces(&mut y, PIECE, |start, y| y.iter_mut().zip(&x[start..]).for_each(|(y, x)| *y = 2.0 * x));
        black_box(&y);
    });
    (2 * LONG * size_of::<f32>()) as f64 / seconds
}

/// The seconds of the shortest of at least three runs.
fn shortest(mut run: impl FnMut()) -> f64 {
    run(); // wakes the threads and touches the memory
    let (start, mut shortest, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while runs < 3 || start.elapsed() < ENOUGH {
        let now = Instant::now();
        run();
        shortest = now.elapsed().as_secs_f64().min(shortest);
        runs += 1;
    }
    shortest
}
