//! One convolution, from the formula to the version that the library runs:
//! `cargo bench --bench convolution [-- --threads N]`.
//!
//! Each step is one idea. Its values are compared with the formula's, then it is timed. The minimum is what the machine can do,
//! the median what it did. The book's page "The speed of a convolution" says why each step is faster than the one before.

use cortado::check::{Fill, Harness};
use cortado::device::Cpu;
use cortado::device::cpu::{Axis, Conv, Im2col, Mat, MatMut, PIECE, gemm, wide};
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
        Im2col::new(&[axis(), axis()]).im2col(x, &mut col);
        plain_product(w, &col, &from_fn(|t| t * P), y);
    }
}
// ANCHOR_END: step_2

// ANCHOR: widen
/// How many rows a channel has with its padding.
const PADDED: usize = H + 2 * PAD;

/// wide[c][s][i][j] = x[c][i - PAD][j + s - PAD], and 0 outside the image.
fn widen(x: &[f32], wide: &mut [f32]) {
    Im2col::new(&[Axis { kernel: 1, ..axis() }, axis()]).im2col(x, wide);
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
        Im2col::new(&[axis(), axis()]).im2col(x, &mut col);
        gemm(1.0, Mat::new(w, K, T), Mat::new(&col, T, P), 0.0, MatMut::new(y, K, P));
    }
}
// ANCHOR_END: gemm

/// Two orders of adding T products, none larger than 0.1, differ by at most this.
const ROUNDING: f32 = T as f32 * f32::EPSILON * (T as f32 * 0.1);

/// What is timed; it may write to y.
type Run<'a> = dyn FnMut(&mut [f32]) + 'a;

/// A line of a table: what is timed, and how long it took each time.
struct Line<'a> {
    name: &'a str,
    run: Box<Run<'a>>,
    seconds: Vec<f64>,
}

impl<'a> Line<'a> {
    fn new(name: &'a str, run: impl FnMut(&mut [f32]) + 'a) -> Line<'a> {
        Line { name, run: Box::new(run), seconds: Vec::new() }
    }

    /// The minimum and the median, in seconds.
    fn times(&self) -> [f64; 2] {
        let mut seconds = self.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        [seconds[0], seconds[seconds.len() / 2]]
    }
}

// ANCHOR: time
/// Times all lines in turn, round after round, so that whatever else the machine does meets them all.
fn measure(lines: &mut [Line], y: &mut [f32]) {
    for _ in 0..20 {
        for Line { run, seconds, .. } in &mut *lines {
            run(y); // finds the caches as the line before left them: not counted
            let begin = Instant::now();
            while seconds.is_empty() || begin.elapsed() < Duration::from_millis(50) {
                let start = Instant::now();
                run(y);
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
}
// ANCHOR_END: time

/// A product whose factors stay in the cache, on each of the threads.
fn product(cpu: &Cpu) -> Line<'static> {
    let (cpu, factor, mut c) = (cpu.clone(), vec![0.5; SIZE * SIZE], vec![0.0; cpu.threads() * SIZE * SIZE]);
    Line::new("a product", move |_| {
        cpu.pieces(&mut c, SIZE * SIZE, |_, c| {
            let factor = || Mat::new(&factor, SIZE, SIZE);
            gemm(1.0, factor(), factor(), 0.0, MatMut::new(c, SIZE, SIZE));
        })
    })
}

/// The rows and the columns of its factors: 144 KiB each.
const SIZE: usize = 192;

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
    let number = |i: usize| (i * 7919 % 101) as f32 / 50.0 - 1.0;
    let x: Vec<f32> = (0..N * C * P).map(number).collect();
    let w: Vec<f32> = (0..K * T).map(|i| 0.1 * number(i)).collect();
    let (x, w, one, all) = (&x[..], &w[..], &Cpu::new(1), cpu.threads());
    let conv = &Conv::new(C, K, 1, &[axis(), axis()]).expect("a convolution");
    let (mut truth, mut dw) = (vec![0.0; N * K * P], vec![0.0; w.len()]);
    let (mut col, mut wide) = (vec![0.0; T * P], vec![0.0; C * S * PADDED * W]);
    formula(x, w, &mut truth);
    let mut lines = vec![
        Line::new("0 the formula", |y| formula(x, w, y)),
        Line::new("1 along the lines", |y| by_lines(x, w, y)),
        Line::new("2 im2col and a product", |y| by_im2col(x, w, y)),
        Line::new("3 overlapping rows", |y| by_views(x, w, y)),
        Line::new("4 tiles in registers", |y| by_tiles::<2, 16>(x, w, y)),
        Line::new("5 vectors of eight", |y| by_wide_tiles(x, w, y)),
        Line::new("6 pieces for all threads", |y| in_pieces(cpu, x, w, y)),
        Line::new("7 the library, all threads", |y| conv.forward(cpu, x, w, None, y)),
        Line::new("the library, 1 thread", |y| conv.forward(one, x, w, None, y)),
        Line::new("im2col and gemm, 1 thread", |y| by_gemm(x, w, y)),
    ];
    let (mut y, mut largest) = (truth.clone(), 0.0);
    for Line { name, run, .. } in &mut lines {
        y.fill(f32::NAN);
        run(&mut y);
        let differences = || y.iter().zip(&truth).map(|(y, truth)| (y - truth).abs());
        assert!(differences().all(|d| d <= ROUNDING), "{name}: y differs from the formula's by more than rounding");
        largest = differences().fold(largest, f32::max);
    }
    let dy = &truth[..];
    lines.extend([
        Line::new("im2col alone", |_| {
            x.chunks_exact(C * P).for_each(|x| Im2col::new(&[axis(), axis()]).im2col(x, &mut col))
        }),
        Line::new("widening alone", |_| x.chunks_exact(C * P).for_each(|x| widen(x, &mut wide))),
        Line::new("dx, all threads", |dx| conv.backward_data(cpu, w, dy, dx)),
        Line::new("dw, all threads", |_| conv.backward_weights(cpu, x, dy, &mut dw, None)),
        product(one),
        product(cpu),
    ]);
    measure(&mut lines, &mut y);

    let (lines, products) = lines.split_at(lines.len() - 2);
    let rate = |line: &Line, threads: usize| (2 * threads * SIZE.pow(3)) as f64 / line.times()[0] / 1e9;
    let best = [rate(&products[0], 1), rate(&products[1], all)];
    println!("{N} images of {C} x {H} x {W}, {K} kernels of {R} x {S}: {:.3} GFLOP", OPERATIONS as f64 / 1e9);
    println!("the best rate of a product: {:.0} GFLOP/s on 1 thread, {:.0} on all {all}", best[0], best[1]);
    println!("the largest difference from the formula: {largest:.1e}\n");
    println!("{:28}{:>9}{:>9}{:>10}{:>9}{:>13}", "", "min, ms", "median", "GFLOP/s", "faster", "of the best");
    for (i, line) in lines.iter().enumerate() {
        let [min, median] = line.times();
        let (name, ms) = (line.name, [min * 1e3, median * 1e3]);
        print!("{name:28}{:9.2}{:9.2}", ms[0], ms[1]);
        if name.ends_with("alone") {
            println!(); // nothing but copying
            continue;
        }
        let rate = OPERATIONS as f64 / min / 1e9;
        let best = if name.ends_with("all threads") { best[1] } else { best[0] };
        let is_later_step = name.starts_with(|c: char| ('1'..='9').contains(&c));
        let faster = if is_later_step { format!("{:.2}", lines[i - 1].times()[0] / min) } else { String::new() };
        println!("{rate:10.1}{faster:>9}{:11.0} %", 100.0 * rate / best);
    }
}

// ANCHOR: layers
/// Layers that do little with each value: how many values they move for each value of x, and how many operations they do.
const LAYERS: &[(&str, &str, f64, f64)] = &[
    ("ReLU", "", 2.0, 1.0),
    ("Scale", "scale_param { bias_term: true }", 2.0, 2.0),
    ("BatchNorm", "", 3.0, 6.0), // x is read for the mean and the variance, and for y
    ("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", 1.5, 0.75), // it also keeps where each maximum was
];
// ANCHOR_END: layers

fn layers(device: &Device, cpu: &Cpu) {
    let n = N * C * P;
    // Too long for any cache.
    let (long, mut double) = (vec![0.5; 8 * n], vec![1.0; 8 * n]);
    let doubling = |_: &mut [f32]| {
        cpu.pieces(&mut double, PIECE, |start, y| y.iter_mut().zip(&long[start..]).for_each(|(y, x)| *y = 2.0 * x));
    };
    let mut lines = vec![Line::new("y = 2 x, 8 times as long", doubling)];
    let mut moved = vec![(16.0, 8.0)];
    for (kind, settings, values, operations) in LAYERS {
        let prototxt = format!(r#"name: "layer" type: "{kind}" {settings}"#);
        let param: LayerParameter = text::parse(&prototxt, "bench").expect("a layer").message;
        let mut bench = Harness::create(&Layers::caffe(), &param, &[&[N, C, H, W]]).expect("a layer");
        bench.fill(0, Fill::Uniform(-1.0, 1.0));
        let cx = Cx::new(Phase::Train, device);
        lines.push(Line::new(kind, move |_| {
            let Harness { layer, params, bottom, top, .. } = &mut bench;
            layer.forward(&cx, params, bottom, top).expect("forward");
        }));
        moved.push((*values, *operations));
    }
    measure(&mut lines, &mut []);

    println!("\n{:28}{:>9}{:>9}{:>10}{:>9}{:>13}", "forward", "min, ms", "median", "MB", "GB/s", "FLOP/byte");
    for (line, (values, operations)) in lines.iter().zip(moved) {
        let [min, median] = line.times();
        let bytes = 4.0 * values * n as f64;
        let (name, mb, rate) = (line.name, bytes / 1e6, bytes / min / 1e9);
        let (min, median, per_byte) = (min * 1e3, median * 1e3, operations / (4.0 * values));
        println!("{name:28}{min:9.2}{median:9.2}{mb:10.1}{rate:9.1}{per_byte:13.3}");
    }
}
