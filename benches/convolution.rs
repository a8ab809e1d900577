//! One convolution, from the formula to the version that the library runs:
//! `cargo bench --bench convolution [-- --threads N]`.
//!
//! Each step is one idea. It is timed, and its values are compared with the formula's. The minimum is what the machine can
//! do, the median what it did. The book's page "One convolution, nine ways" says why each step is faster than the one before.

use cortado::check::{Fill, Harness};
use cortado::device::Cpu;
use cortado::device::cpu::{Axis, Conv, Mat, MatMut, PIECE, gemm, im2col, wide};
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
/// The weights in the order in which tiles of J outputs need them: those of one tap stand side by side.
fn packed<const J: usize>(w: &[f32]) -> Vec<[f32; J]> {
    let tile = |k: usize| (0..T).map(move |t| from_fn(|j| w[(k + j) * T + t]));
    (0..K).step_by(J).flat_map(tile).collect()
}

/// y = w col, a tile of J outputs and V positions at a time.
#[inline(always)] // so that step 5 can compile it for other vectors
fn tiled_product<const J: usize, const V: usize>(w: &[[f32; J]], col: &[f32], starts: &[usize; T], y: &mut [f32]) {
    for p in (0..P).step_by(V) {
        for (w, y) in w.chunks_exact(T).zip(y.chunks_exact_mut(J * P)) {
            let mut sums = [[0.0; V]; J]; // in registers
            for (w, start) in w.iter().zip(starts) {
                let x: &[f32; V] = col[start + p..].first_chunk().expect("a row has P values");
                for (sums, w) in sums.iter_mut().zip(w) {
                    *sums = from_fn(|v| sums[v] + w * x[v]);
                }
            }
            for (y, sums) in y.chunks_exact_mut(P).zip(&sums) {
                y[p..][..V].copy_from_slice(sums);
            }
        }
    }
}

#[inline(always)]
fn by_tiles<const J: usize, const V: usize>(x: &[f32], w: &[f32], y: &mut [f32]) {
    let (w, mut wide) = (packed::<J>(w), vec![0.0; C * S * PADDED * W]);
    for (x, y) in images(x, y) {
        widen(x, &mut wide);
        tiled_product::<J, V>(&w, &wide, &from_fn(tap), y);
    }
}
// ANCHOR_END: step_4

// ANCHOR: step_5
fn by_wide_tiles(x: &[f32], w: &[f32], y: &mut [f32]) {
    wide(
        #[inline(always)]
        || by_tiles::<4, 16>(x, w, y),
    );
}
// ANCHOR_END: step_5

// ANCHOR: step_6
fn in_pieces(cpu: &Cpu, x: &[f32], w: &[f32], y: &mut [f32]) {
    const IMAGES: usize = 8; // in a piece
    cpu.pieces(y, IMAGES * K * P, |start, y| {
        let n = start / (K * P);
        by_wide_tiles(&x[n * C * P..], w, y);
    });
}
// ANCHOR_END: step_6

// ANCHOR: gemm
fn by_gemm(x: &[f32], w: &[f32], y: &mut [f32]) {
    let mut col = vec![0.0; T * P];
    for (x, y) in images(x, y) {
        im2col(x, &[axis(), axis()], &mut col);
        gemm(1.0, Mat::new(w, K, T), Mat::new(&col, T, P), 0.0, MatMut::new(y, K, P));
    }
}
// ANCHOR_END: gemm

// ANCHOR: time
/// The minimum and the median of several runs, in seconds.
fn time(least: Duration, mut run: impl FnMut()) -> [f64; 2] {
    run(); // the first run waits for memory that nobody has used yet
    let (begin, mut seconds) = (Instant::now(), Vec::new());
    while seconds.len() < 9 || begin.elapsed() < least {
        let start = Instant::now();
        run();
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    [seconds[0], seconds[seconds.len() / 2]]
}
// ANCHOR_END: time

/// How long a line of the table is measured.
const LONG: Duration = Duration::from_secs(2);

/// The best rate that a matrix product reaches while its factors stay in the cache, in operations a second.
fn peak(cpu: &Cpu) -> f64 {
    let rate = |size: usize| {
        let (a, b) = (vec![0.5; size * size], vec![0.5; size * size]);
        let mut c = vec![0.0; cpu.threads() * size * size];
        let times = 10_000_000 / size.pow(3) + 1; // some 0.3 ms: long beside what it takes to wake a thread
        let [min, _] = time(Duration::from_millis(400), || {
            cpu.pieces(&mut c, size * size, |_, c| {
                for _ in 0..times {
                    let c = MatMut::new(c, size, size);
                    gemm(1.0, Mat::new(&a, size, size), Mat::new(&b, size, size), 0.0, c);
                }
            })
        });
        (2 * cpu.threads() * times * size.pow(3)) as f64 / min
    };
    [48, 64, 96, 128, 192, 256].map(rate).into_iter().fold(0.0, f64::max)
}

/// Two orders of adding T products, none larger than 0.1, differ by at most this.
const ROUNDING: f32 = T as f32 * f32::EPSILON * (T as f32 * 0.1);

/// The table of the steps, a line at a time.
struct Table {
    x: Vec<f32>,
    w: Vec<f32>,
    y: Vec<f32>,
    /// What the formula gives.
    truth: Vec<f32>,
    difference: f32,
    before: Option<f64>,
}

impl Table {
    /// Times a step, and compares what it writes with the formula's values.
    fn step(&mut self, name: &str, peak: f64, step: impl Fn(&[f32], &[f32], &mut [f32])) {
        let Table { x, w, y, truth, .. } = self;
        y.fill(f32::NAN);
        let times = time(LONG, || step(x, w, y));
        let differences = || y.iter().zip(&*truth).map(|(y, truth)| (y - truth).abs());
        assert!(differences().all(|d| d <= ROUNDING), "{name}: y differs from the formula's by more than rounding");
        self.difference = differences().fold(self.difference, f32::max);
        let faster = self.before.map_or(String::new(), |before| format!("{:.2}", before / times[0]));
        print_line(name, times, &faster, peak);
        self.before = Some(times[0]);
    }
}

fn print_line(name: &str, [min, median]: [f64; 2], faster: &str, peak: f64) {
    let rate = OPERATIONS as f64 / min;
    let (min, median, of_peak) = (min * 1e3, median * 1e3, 100.0 * rate / peak);
    println!("{name:40}{min:9.2}{median:9.2}{:10.1}{faster:>9}{of_peak:11.0} %", rate / 1e9);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = arguments.iter().skip_while(|a| *a != "--threads").nth(1);
    let threads = value.map_or(0, |n| n.parse().expect("--threads is followed by a number"));
    let device = Device::cpu_with_threads(threads);
    let Device::Cpu(cpu) = &device else { unreachable!("a CPU was asked for") };
    // Inside the device's threads, as in a training loop.
    device.install(|| {
        steps(cpu);
        layers(&device, cpu);
    });
}

fn steps(cpu: &Cpu) {
    let one = &Cpu::new(1);
    let threads = cpu.threads();
    let (peak, peak_of_all) = (peak(one), peak(cpu));
    println!("{N} images of {C} x {H} x {W}, {K} kernels of {R} x {S}: {:.3} GFLOP", OPERATIONS as f64 / 1e9);
    println!("a product's best rate: {:.0} GFLOP/s on one thread, {:.0} on {threads}\n", peak / 1e9, peak_of_all / 1e9);
    println!("{:40}{:>9}{:>9}{:>10}{:>9}{:>13}", "", "min, ms", "median", "GFLOP/s", "faster", "of the best");

    let number = |i: usize| (i * 7919 % 101) as f32 / 50.0 - 1.0;
    let x: Vec<f32> = (0..N * C * P).map(number).collect();
    let w: Vec<f32> = (0..K * T).map(|i| 0.1 * number(i)).collect();
    let mut truth = vec![0.0; N * K * P];
    formula(&x, &w, &mut truth);
    let conv = Conv::new(C, K, 1, &[axis(), axis()]).expect("a convolution");
    let mut table = Table { x, w, y: truth.clone(), truth, difference: 0.0, before: None };

    table.step("0 the formula", peak, formula);
    table.step("1 along the lines", peak, by_lines);
    table.step("2 im2col and a product", peak, by_im2col);
    table.step("3 overlapping rows", peak, by_views);
    table.step("4 tiles in registers", peak, by_tiles::<2, 16>);
    table.step("5 vectors of eight", peak, by_wide_tiles);
    table.step(&format!("6 pieces on {threads} threads"), peak_of_all, |x, w, y| in_pieces(cpu, x, w, y));
    table.step(&format!("7 the library, {threads} threads"), peak_of_all, |x, w, y| conv.forward(cpu, x, w, None, y));

    println!("beside them");
    table.before = None;
    table.step("the library, one thread", peak, |x, w, y| conv.forward(one, x, w, None, y));
    table.before = None;
    table.step("im2col and the library's gemm, one thread", peak, by_gemm);
    println!("largest difference from the formula: {:.1e}", table.difference);

    let Table { x, w, y: dy, .. } = table;
    let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
    println!("backward, {threads} threads");
    let times = time(LONG, || conv.backward_data(cpu, &w, &dy, &mut dx));
    print_line("dx, the gradient of the images", times, "", peak_of_all);
    let times = time(LONG, || conv.backward_weights(cpu, &x, &dy, &mut dw, None));
    print_line("dw, the gradient of the weights", times, "", peak_of_all);
}

// ANCHOR: layers
/// A layer, how many values it moves for each value of x, and how many operations it does.
const LAYERS: &[(&str, &str, f64, f64)] = &[
    ("ReLU", "", 2.0, 1.0),
    ("Scale", "scale_param { bias_term: true }", 2.0, 2.0),
    ("BatchNorm", "", 4.0, 6.0), // x is read for the mean, for the variance and for y
    ("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", 1.5, 0.75), // it also keeps where each maximum was
];
// ANCHOR_END: layers

/// Layers that do little with each value, on values of x's shape.
fn layers(device: &Device, cpu: &Cpu) {
    println!("\n{:40}{:>9}{:>9}{:>10}{:>9}{:>13}", "forward", "min, ms", "median", "MB", "GB/s", "FLOP/byte");
    let line = |name: &str, [min, median]: [f64; 2], values: f64, operations: f64| {
        let bytes = values * (4 * N * C * P) as f64;
        let (ms, mb) = ([min, median].map(|t| t * 1e3), bytes / 1e6);
        let per_byte = operations / (4.0 * values);
        println!("{name:40}{:9.2}{:9.2}{mb:10.1}{:9.1}{per_byte:13.2}", ms[0], ms[1], bytes / min / 1e9);
    };
    let (x, mut y) = (vec![0.5; N * C * P], vec![0.0; N * C * P]);
    let copy = || cpu.pieces(&mut y, PIECE, |start, y| y.copy_from_slice(&x[start..][..y.len()]));
    line("a copy", time(LONG, copy), 2.0, 0.0);
    for (kind, settings, values, operations) in LAYERS {
        let prototxt = format!(r#"name: "layer" type: "{kind}" {settings}"#);
        let param: LayerParameter = text::parse(&prototxt, "bench").expect("a layer").message;
        let mut bench = Harness::create(&Layers::caffe(), &param, &[&[N, C, H, W]]).expect("a layer");
        bench.fill(0, Fill::Uniform(-1.0, 1.0));
        let cx = Cx::new(Phase::Train, device);
        let Harness { layer, params, bottom, top, .. } = &mut bench;
        let times = time(LONG, || layer.forward(&cx, params, bottom, top).map(drop).expect("forward"));
        line(kind, times, *values, *operations);
    }
}
