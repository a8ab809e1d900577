//! One convolution, from the formula to the version that the library runs:
//! `cargo bench --bench convolution [-- --threads N]`.
//!
//! Each step is one idea. Its values are compared with the formula's, then it is timed: the minimum is what the machine can
//! do, the median what it did. The book's page "The speed of a convolution" tells why each step is faster than the one before.

use cortado::check::{Fill, Harness};
use cortado::device::Cpu;
use cortado::device::cpu::{Axis, Conv, Mat, MatMut, Rows, add_product, gemm, im2col};
use cortado::proto::{LayerParameter, text};
use cortado::{Device, Layers, Phase, layer::Cx};
use std::array::from_fn;
use std::time::{Duration, Instant};

// ANCHOR: sizes
// y[n][k][i][j] = sum over c, r, s: w[k][c][r][s] * x[n][c][i + r - PAD][j + s - PAD]
const N: usize = 128; // images
const C: usize = 16; // channels of x
const K: usize = 16; // channels of y, the outputs
const H: usize = 32; // rows of x, and of y
const W: usize = 32; // columns of x, and of y
const R: usize = 3; // rows of the kernel
const S: usize = 3; // columns of the kernel
const PAD: usize = 1; // zeros around x
const P: usize = H * W; // positions: i and j as one index
const T: usize = C * R * S; // taps: c, r and s as one index
// ANCHOR_END: sizes

/// A multiplication and an addition for each tap of each value of y.
const OPERATIONS: usize = 2 * N * K * P * T;

// ANCHOR: step_0
fn formula(x: &[f32], w: &[f32], y: &mut [f32]) {
    for n in 0..N {
        for k in 0..K {
            for i in 0..H {
                for j in 0..W {
                    let mut sum = 0.0;
                    for c in 0..C {
                        for r in 0..R {
                            for s in 0..S {
                                let is_inside = (PAD..H + PAD).contains(&(i + r)) && (PAD..W + PAD).contains(&(j + s));
                                if is_inside {
                                    let x = x[((n * C + c) * H + i + r - PAD) * W + j + s - PAD];
                                    sum += w[((k * C + c) * R + r) * S + s] * x;
                                }
                            }
                        }
                    }
                    y[((n * K + k) * H + i) * W + j] = sum;
                }
            }
        }
    }
}
// ANCHOR_END: step_0

/// The images of x, each with its outputs in y.
fn images<'a>(x: &'a [f32], y: &'a mut [f32]) -> impl Iterator<Item = (&'a [f32], &'a mut [f32])> {
    x.chunks_exact(C * P).zip(y.chunks_exact_mut(K * P))
}

// ANCHOR: step_1
fn by_lines(x: &[f32], w: &[f32], y: &mut [f32]) {
    // The outputs of a line of n whose value of x is not padding.
    let inside = |n: usize, tap: usize| PAD.saturating_sub(tap)..(n + PAD - tap).min(n);
    y.fill(0.0);
    for (x, y) in images(x, y) {
        for k in 0..K {
            for c in 0..C {
                for r in 0..R {
                    for s in 0..S {
                        let w = w[((k * C + c) * R + r) * S + s];
                        for i in inside(H, r) {
                            let j = inside(W, s);
                            let x = &x[(c * H + i + r - PAD) * W + j.start + s - PAD..];
                            let y = &mut y[(k * H + i) * W..][j];
                            y.iter_mut().zip(x).for_each(|(y, x)| *y += w * x);
                        }
                    }
                }
            }
        }
    }
}
// ANCHOR_END: step_1

/// An axis of 32 values for a kernel of 3.
const fn axis() -> Axis {
    Axis { size: H, kernel: R, pad: PAD, stride: 1, dilation: 1 }
}

// ANCHOR: product
/// y = w col, where row t of col begins at `starts[t]`.
fn plain_product(w: &[f32], col: &[f32], starts: &[usize; T], y: &mut [f32]) {
    y.fill(0.0);
    for (w, y) in w.chunks_exact(T).zip(y.chunks_exact_mut(P)) {
        for (w, start) in w.iter().zip(starts) {
            let x = &col[*start..][..P];
            y.iter_mut().zip(x).for_each(|(y, x)| *y += w * x);
        }
    }
}
// ANCHOR_END: product

// ANCHOR: step_2
fn by_im2col(x: &[f32], w: &[f32], y: &mut [f32]) {
    let mut col = vec![0.0; T * P];
    for (x, y) in images(x, y) {
        im2col(x, &[axis(), axis()], &mut col);
        plain_product(w, &col, &from_fn(|t| t * P), y);
    }
}
// ANCHOR_END: step_2

// ANCHOR: widen
/// How many rows a channel has with its padding.
const PADDED: usize = H + 2 * PAD;

/// wide[c][s][i][j] = x[c][i - PAD][j + s - PAD], and 0 outside the image.
fn widen(x: &[f32], wide: &mut [f32]) {
    im2col(x, &[Axis { kernel: 1, ..axis() }, axis()], wide);
}

/// Where the row of tap (c, r, s) begins in wide: r lines after that of (c, 0, s).
fn tap(t: usize) -> usize {
    let (c, r, s) = (t / (R * S), t / S % R, t % S);
    ((c * S + s) * PADDED + r) * W
}
// ANCHOR_END: widen

// ANCHOR: step_3
fn by_views(x: &[f32], w: &[f32], y: &mut [f32]) {
    let mut wide = vec![0.0; C * S * PADDED * W];
    for (x, y) in images(x, y) {
        widen(x, &mut wide);
        plain_product(w, &wide, &from_fn(tap), y);
    }
}
// ANCHOR_END: step_3

// ANCHOR: step_4
/// The same as `plain_product`, in tiles of J outputs and V positions.
fn tiled_product<const J: usize, const V: usize>(w: &[f32], col: &[f32], starts: &[usize; T], y: &mut [f32]) {
    for p in (0..P).step_by(V) {
        for k in (0..K).step_by(J) {
            let w: [&[f32]; J] = from_fn(|j| &w[(k + j) * T..][..T]);
            let mut sums = [[0.0; V]; J]; // in registers
            for (t, start) in starts.iter().enumerate() {
                let x: [f32; V] = from_fn(|v| col[start + p..][..V][v]);
                for (sums, w) in sums.iter_mut().zip(&w) {
                    *sums = from_fn(|v| sums[v] + w[t] * x[v]);
                }
            }
            for (j, sums) in sums.iter().enumerate() {
                y[(k + j) * P + p..][..V].copy_from_slice(sums);
            }
        }
    }
}

fn by_tiles<const J: usize, const V: usize>(x: &[f32], w: &[f32], y: &mut [f32]) {
    let mut wide = vec![0.0; C * S * PADDED * W];
    for (x, y) in images(x, y) {
        widen(x, &mut wide);
        tiled_product::<J, V>(w, &wide, &from_fn(tap), y);
    }
}
// ANCHOR_END: step_4

// ANCHOR: step_5
fn by_gemm(x: &[f32], w: &[f32], y: &mut [f32]) {
    let mut col = vec![0.0; T * P];
    for (x, y) in images(x, y) {
        im2col(x, &[axis(), axis()], &mut col);
        gemm(1.0, Mat::new(w, K, T), Mat::new(&col, T, P), 0.0, MatMut::new(y, K, P));
    }
}
// ANCHOR_END: step_5

// ANCHOR: step_6
fn by_add_product(x: &[f32], w: &[f32], y: &mut [f32]) {
    let mut wide = vec![0.0; C * S * PADDED * W];
    let outputs: [usize; K] = from_fn(|k| k * T);
    let taps: [usize; T] = from_fn(tap);
    y.fill(0.0);
    for (x, y) in images(x, y) {
        widen(x, &mut wide);
        let (w, col) = (Rows { data: w, starts: &outputs }, Rows { data: &wide, starts: &taps });
        add_product(w, col, MatMut::new(y, K, P));
    }
}
// ANCHOR_END: step_6

// ANCHOR: step_7
fn in_pieces(cpu: &Cpu, x: &[f32], w: &[f32], y: &mut [f32]) {
    const IMAGES: usize = N / 16; // in a piece
    cpu.pieces(y, IMAGES * K * P, |start, y| {
        let n = start / (K * P);
        by_add_product(&x[n * C * P..], w, y);
    });
}
// ANCHOR_END: step_7

// ANCHOR: time
/// The minimum and the median of several runs, in seconds.
fn time(mut run: impl FnMut()) -> [f64; 2] {
    run(); // the first run waits for memory that nobody has used yet
    let (begin, mut seconds) = (Instant::now(), Vec::new());
    while seconds.len() < 9 || begin.elapsed() < Duration::from_secs(2) {
        let start = Instant::now();
        run();
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    [seconds[0], seconds[seconds.len() / 2]]
}
// ANCHOR_END: time

fn peak(cpu: &Cpu, m: usize, depth: usize) -> f64 {
    const COLUMNS: usize = 64;
    let (a, b) = (vec![0.5; m * depth], vec![0.5; depth * COLUMNS]);
    let a_starts: Vec<usize> = (0..m).map(|i| i * depth).collect();
    let b_starts: Vec<usize> = (0..depth).map(|t| t * COLUMNS).collect();
    let repeat = 20_000_000 / (m * depth * COLUMNS);
    let mut c = vec![0.0; cpu.threads() * m * COLUMNS];
    let [min, _] = time(|| {
        cpu.pieces(&mut c, m * COLUMNS, |_, c| {
            for _ in 0..repeat {
                let (a, b) = (Rows { data: &a, starts: &a_starts }, Rows { data: &b, starts: &b_starts });
                add_product(a, b, MatMut::new(c, m, COLUMNS));
            }
        })
    });
    (2 * cpu.threads() * repeat * m * depth * COLUMNS) as f64 / min / 1e9
}

fn main() {
    let one = Cpu::new(1);
    let cpu = Cpu::new(2);
    let number = |i: usize| (i * 7919 % 101) as f32 / 50.0 - 1.0;
    let x: Vec<f32> = (0..N * C * P).map(number).collect();
    let w: Vec<f32> = (0..K * T).map(|i| 0.1 * number(i)).collect();
    let mut y = vec![0.0; N * K * P];
    let mut truth = y.clone();
    let gemm_rate = |m: usize, n: usize, k: usize| {
        let (a, b) = (vec![0.5; m * k], vec![0.5; k * n]);
        let mut c = vec![0.0; m * n];
        let [min, _] = time(|| gemm(1.0, Mat::new(&a, m, k), Mat::new(&b, k, n), 0.0, MatMut::new(&mut c, m, n)));
        2.0 * (m * n * k) as f64 / min / 1e9
    };
    println!("gemm {:.1} {:.1}", gemm_rate(256, 256, 256), gemm_rate(1024, 1024, 512));
    for (m, d) in [(20, 64), (30, 64), (60, 32), (16, 64), (30, 32), (5, 64), (5,128), (10, 128)] {
        println!("peak {m} x {d}: {:.1}", peak(&one, m, d));
    }
    println!("peak 2: {:.1}", peak(&cpu, 30, 64));
    type Step<'a> = (&'a str, Box<dyn Fn(&[f32], &mut [f32]) + 'a>);
    let conv = Conv::new(C, K, 1, &[axis(), axis()]).unwrap();
    let w = &w;
    let (cpu, one, conv) = (&cpu, &one, &conv);
    let steps: Vec<Step> = vec![
        ("formula", Box::new(move |x, y| formula(x, w, y))),
        ("lines", Box::new(move |x, y| by_lines(x, w, y))),
        ("im2col", Box::new(move |x, y| by_im2col(x, w, y))),
        ("views", Box::new(move |x, y| by_views(x, w, y))),
        ("tiles 4 8", Box::new(move |x, y| by_tiles::<4, 8>(x, w, y))),
        ("tiles 2 16", Box::new(move |x, y| by_tiles::<2, 16>(x, w, y))),
        ("tiles 4 16", Box::new(move |x, y| by_tiles::<4, 16>(x, w, y))),
        ("tiles 8 4", Box::new(move |x, y| by_tiles::<8, 4>(x, w, y))),
        ("tiles 8 8", Box::new(move |x, y| by_tiles::<8, 8>(x, w, y))),
        ("tiles 1 32", Box::new(move |x, y| by_tiles::<1, 32>(x, w, y))),
        ("gemm", Box::new(move |x, y| by_gemm(x, w, y))),
        ("add_product", Box::new(move |x, y| by_add_product(x, w, y))),
        ("conv 1", Box::new(move |x, y| conv.forward(one, x, w, None, y))),
        ("pieces", Box::new(move |x, y| in_pieces(cpu, x, w, y))),
        ("conv", Box::new(move |x, y| conv.forward(cpu, x, w, None, y))),
    ];
    formula(&x, w, &mut truth);
    for (name, step) in steps {
        let [min, median] = time(|| step(&x, &mut y));
        let diff = y.iter().zip(&truth).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{name:12} {:.2} {:.2} {:.1} {diff:e}", min * 1e3, median * 1e3, OPERATIONS as f64 / min / 1e9);
    }
}
