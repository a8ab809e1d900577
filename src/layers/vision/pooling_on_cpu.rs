//! Pooling's loops on the CPU.

use super::windows::Window;
use crate::device::cpu::{Cpu, PIECE, wide};
use crate::random::Random;
use std::array::from_fn;
use std::ops::Range;

/// The place of a value that is none of the window's: beyond every plane.
const NOWHERE: u32 = u32::MAX;

/// The windows, and what forward found in them.
#[derive(Default)]
pub(super) struct PoolingOnCpu {
    /// The axes H and W.
    axes: [Window; 2],
    /// The windows along W: a table pays, as every row of every plane asks for them.
    columns: Vec<(Range<usize>, usize)>,
    /// Where the 2 x 2 windows of a plane begin.
    corners: Vec<u32>,
    /// Where each y, a maximum or drawn, stands in its plane; NOWHERE for an empty window.
    places: Vec<u32>,
}

impl PoolingOnCpu {
    /// Sets the windows, before forward.
    pub fn set(&mut self, axes: [Window; 2]) {
        self.axes = axes;
        self.columns.clear();
        self.columns.extend(axes[1].each());
        self.corners.clear();
        if self.is_halving() {
            let [h, w] = axes.map(|axis| axis.out as u32);
            self.corners.extend((0..h).flat_map(|row| (0..w).map(move |column| 4 * w * row + 2 * column)));
        }
    }

    /// The values of a plane of x, and of one of y.
    fn plane(&self) -> (usize, usize) {
        let [h, w] = &self.axes;
        (h.size * w.size, h.out * w.out)
    }

    /// How many planes make a piece of work.
    fn piece(&self) -> usize {
        (PIECE / self.plane().0).max(1)
    }

    pub fn max(&mut self, cpu: &Cpu, x: &[f32], y: &mut [f32]) {
        let (size, out) = self.plane();
        let (len, mut argmax) = (self.piece() * out, self.take_places(y.len()));
        cpu.pieces2((y, len), (&mut argmax, len), |start, y, argmax| {
            if self.is_halving() {
                return self.max_of_four(&x[start / out * size..], y, argmax);
            }
            let planes = y.chunks_exact_mut(out).zip(argmax.chunks_exact_mut(out));
            for (plane, (y, argmax)) in (start / out..).zip(planes) {
                let x = &x[plane * size..];
                // Where the compiler knows the stride, it makes vectors of neighbouring windows.
                wide(
                    #[inline(always)]
                    || match (self.axes[1].stride, self.axes[1].out) {
                        (1, _) => self.max_of_plane::<1, 8>(x, y, argmax),
                        (2, 8..) => self.max_of_plane::<2, 8>(x, y, argmax),
                        (2, _) => self.max_of_plane::<2, 4>(x, y, argmax),
                        (3, _) => self.max_of_plane::<3, 8>(x, y, argmax),
                        (_, out) => self.max_of_windows(0..out, x, y, argmax),
                    },
                );
            }
        });
        self.places = argmax;
    }

    /// The maximum of each window of the plane that x begins with, of `LANES` neighbours at a time where they lie inside it.
    #[inline(always)]
    fn max_of_plane<const STRIDE: usize, const LANES: usize>(&self, x: &[f32], y: &mut [f32], argmax: &mut [u32]) {
        let [Window { size: height, .. }, Window { size: width, kernel, pad, out, .. }] = self.axes;
        // The windows first .. end have all their columns. Each value is read together with the STRIDE - 1 behind it, so those
        // must exist as well, in this plane or the next.
        let behind = if x.len() < height * width + STRIDE { STRIDE - 1 } else { 0 };
        let first = pad.div_ceil(STRIDE);
        let end = (width + pad + STRIDE).saturating_sub(kernel + behind) / STRIDE;
        let end = end.min(out);
        if end < first + LANES {
            return self.max_of_windows(0..out, x, y, argmax);
        }
        self.max_of_windows(0..first, x, y, argmax);
        self.max_of_windows(end..out, x, y, argmax);
        for (i, (rows, _)) in self.axes[0].each().enumerate() {
            let (y, argmax) = (&mut y[i * out..][..out], &mut argmax[i * out..][..out]);
            for o in (first..end).step_by(LANES).map(|o| o.min(end - LANES)) {
                let starts = rows.clone().map(|row| row * width + o * STRIDE - pad);
                let (best, at) = max_of_lanes::<STRIDE, LANES>(x, starts, kernel);
                y[o..][..LANES].copy_from_slice(&best);
                argmax[o..][..LANES].copy_from_slice(&at);
            }
        }
    }

    /// The maximum of the windows of some columns, one after the other.
    fn max_of_windows(&self, columns: Range<usize>, x: &[f32], y: &mut [f32], argmax: &mut [u32]) {
        let [_, Window { size, out, .. }] = self.axes;
        for (i, (rows, _)) in self.axes[0].each().enumerate() {
            for (o, (columns, _)) in columns.clone().zip(&self.columns[columns.clone()]) {
                let first = rows.start * size + columns.start;
                let mut best = match rows.is_empty() || columns.is_empty() {
                    true => (f32::MIN, NOWHERE),
                    false => (x[first], first as u32),
                };
                for row in rows.clone() {
                    let (start, end) = (row * size + columns.start, row * size + columns.end);
                    for (&x, at) in x[start..end].iter().zip(start as u32..) {
                        best = larger((x, at), best);
                    }
                }
                (y[i * out + o], argmax[i * out + o]) = best;
            }
        }
    }

    /// Where each y stands, for the next pass to write.
    fn take_places(&mut self, len: usize) -> Vec<u32> {
        let mut places = std::mem::take(&mut self.places);
        places.resize(len, 0);
        places
    }

    /// The places as the numbers of the second top.
    pub fn mask(&self, mask: &mut [f32]) {
        mask.iter_mut().zip(&self.places).for_each(|(mask, &at)| *mask = if at == NOWHERE { -1.0 } else { at as f32 });
    }

    /// Whether the windows are 2 x 2 side by side and cover the plane.
    fn is_halving(&self) -> bool {
        self.axes.iter().all(|a| a.kernel == 2 && a.stride == 2 && a.pad == 0 && a.size % 2 == 0)
    }

    /// `max` of 2 x 2 windows side by side, the commonest.
    fn max_of_four(&self, x: &[f32], y: &mut [f32], argmax: &mut [u32]) {
        let [h, w] = self.axes.map(|axis| axis.out);
        let width = 2 * w as u32;
        let rows = x.chunks_exact(4 * w).zip(y.chunks_exact_mut(w)).zip(argmax.chunks_exact_mut(w));
        for ((x, y), argmax) in rows {
            let (above, below) = x.split_at(2 * w);
            let (above, below) = (above.as_chunks::<2>().0, below.as_chunks::<2>().0);
            for ((y, argmax), (&[a, b], &[c, d])) in y.iter_mut().zip(argmax).zip(above.iter().zip(below)) {
                (*y, *argmax) = larger(larger((d, width + 1), (c, width)), larger((b, 1), (a, 0)));
            }
        }
        for argmax in argmax.chunks_exact_mut(h * w) {
            argmax.iter_mut().zip(&self.corners).for_each(|(argmax, corner)| *argmax += corner);
        }
    }

    /// dx of what was the maximum, or drawn.
    pub fn place_backward(&self, cpu: &Cpu, dy: &[f32], dx: &mut [f32]) {
        let (size, out) = self.plane();
        cpu.pieces(dx, self.piece() * size, |start, dx| {
            dx.fill(0.0);
            let from = start / size * out;
            let planes = dy[from..].chunks_exact(out).zip(self.places[from..].chunks_exact(out));
            for (dx, (dy, places)) in dx.chunks_exact_mut(size).zip(planes) {
                for (dy, &at) in dy.iter().zip(places) {
                    if let Some(dx) = dx.get_mut(at as usize) {
                        *dx += dy;
                    }
                }
            }
        });
    }

    pub fn mean(&self, cpu: &Cpu, x: &[f32], y: &mut [f32]) {
        let (size, out) = self.plane();
        cpu.pieces(y, self.piece() * out, |start, y| {
            let x = x[start / out * size..].chunks_exact(size);
            for (x, y) in x.zip(y.chunks_exact_mut(out)) {
                self.each_window(|i, rows, columns, count| {
                    let mut sum = 0.0;
                    for row in rows {
                        let row = row * self.axes[1].size;
                        sum += x[row + columns.start..row + columns.end].iter().sum::<f32>();
                    }
                    y[i] = sum / count.max(1) as f32; // an empty window's sum is 0
                });
            }
        });
    }

    pub fn mean_backward(&self, cpu: &Cpu, dy: &[f32], dx: &mut [f32]) {
        let (size, out) = self.plane();
        cpu.pieces(dx, self.piece() * size, |start, dx| {
            dx.fill(0.0);
            let dy = dy[start / size * out..].chunks_exact(out);
            for (dx, dy) in dx.chunks_exact_mut(size).zip(dy) {
                self.each_window(|i, rows, columns, count| {
                    let share = dy[i] / count.max(1) as f32;
                    for row in rows {
                        let row = row * self.axes[1].size;
                        dx[row + columns.start..row + columns.end].iter_mut().for_each(|dx| *dx += share);
                    }
                });
            }
        });
    }

    /// Draws one value of each window, and says where it stands.
    pub fn draw(&mut self, cpu: &Cpu, random: Random, x: &[f32], y: &mut [f32]) {
        let (size, out) = self.plane();
        let (len, mut places) = (self.piece() * out, self.take_places(y.len()));
        cpu.pieces2((y, len), (&mut places, len), |start, y, places| {
            let x = x[start / out * size..].chunks_exact(size);
            let planes = x.zip(y.chunks_exact_mut(out)).zip(places.chunks_exact_mut(out));
            for (first, ((x, y), places)) in (start..).step_by(out).zip(planes) {
                self.each_window(|i, rows, columns, _| {
                    let s = self.values(x, &rows, &columns).fold(0.0, |s, (_, x)| s + x);
                    let (goal, mut so_far) = (random.unit(first + i) * s, 0.0);
                    let drawn = self.values(x, &rows, &columns).find(|(_, x)| {
                        so_far += x;
                        so_far >= goal
                    });
                    // Nothing is drawn from an empty window, nor where s is NaN: then y is s itself.
                    (y[i], places[i]) = drawn.map_or((s, NOWHERE), |(at, x)| (x, at as u32));
                });
            }
        });
        self.places = places;
    }

    /// The expected value of what `draw` gives.
    pub fn expected(&self, cpu: &Cpu, x: &[f32], y: &mut [f32]) {
        let (size, out) = self.plane();
        cpu.pieces(y, self.piece() * out, |start, y| {
            let x = x[start / out * size..].chunks_exact(size);
            for (x, y) in x.zip(y.chunks_exact_mut(out)) {
                self.each_window(|i, rows, columns, _| {
                    y[i] = self.expected_of(x, &rows, &columns).0;
                });
            }
        });
    }

    /// dx of the expected value.
    pub fn expected_backward(&self, cpu: &Cpu, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let (size, out) = self.plane();
        cpu.pieces(dx, self.piece() * size, |start, dx| {
            dx.fill(0.0);
            let planes = x[start..].chunks_exact(size).zip(dy[start / size * out..].chunks_exact(out));
            for (dx, (x, dy)) in dx.chunks_exact_mut(size).zip(planes) {
                self.each_window(|i, rows, columns, _| {
                    let (y, s) = self.expected_of(x, &rows, &columns);
                    if s != 0.0 {
                        self.values(x, &rows, &columns).for_each(|(at, x)| dx[at] += dy[i] * (2.0 * x - y) / s);
                    }
                });
            }
        });
    }

    /// The sum of x^2 / s over a window, and s.
    fn expected_of(&self, x: &[f32], rows: &Range<usize>, columns: &Range<usize>) -> (f32, f32) {
        let (s, squares) =
            self.values(x, rows, columns).fold((0.0, 0.0), |(s, squares), (_, x)| (s + x, squares + x * x));
        (if s == 0.0 { 0.0 } else { squares / s }, s)
    }

    /// The values in a window, each with its place in the plane.
    fn values<'a>(
        &self,
        x: &'a [f32],
        rows: &Range<usize>,
        columns: &Range<usize>,
    ) -> impl Iterator<Item = (usize, f32)> + use<'a> {
        let (width, columns) = (self.axes[1].size, columns.clone());
        let places = rows.clone().flat_map(move |row| columns.clone().map(move |column| row * width + column));
        places.map(move |at| (at, x[at]))
    }

    /// Calls `work` for each window of a plane with its output's index, the rows and columns of the input that it
    /// covers, and its size with padding.
    fn each_window(&self, mut work: impl FnMut(usize, Range<usize>, Range<usize>, usize)) {
        let mut i = 0;
        for (rows, height) in self.axes[0].each() {
            for (columns, width) in &self.columns {
                work(i, rows.clone(), columns.clone(), height * width);
                i += 1;
            }
        }
    }
}

/// Whether x replaces `best` as the maximum: it is larger, or NaN, so that a NaN wins wherever it stands.
#[inline(always)]
fn is_larger(x: f32, best: f32) -> bool {
    (x > best) | x.is_nan() // no branch
}

/// The maxima of neighbouring windows, each STRIDE after the one before, and their places; the rows of the first window begin
/// at `starts`.
#[inline(always)]
fn max_of_lanes<const STRIDE: usize, const LANES: usize>(
    x: &[f32],
    starts: impl Iterator<Item = usize>,
    kernel: usize,
) -> ([f32; LANES], [u32; LANES]) {
    let (mut best, mut best_at) = ([f32::MIN; LANES], [f32::from_bits(NOWHERE); LANES]); // of empty windows
    let mut is_first = true;
    for start in starts {
        for (k, x) in x[start..][..kernel - 1 + LANES * STRIDE].windows(LANES * STRIDE).enumerate() {
            // The places stand in floats, so that the compiler takes both from one vector of comparisons.
            let (x, tap) = (x.as_chunks::<STRIDE>().0, f32::from_bits((start + k) as u32));
            if is_first {
                (best, best_at, is_first) = (from_fn(|l| x[l][0]), [tap; LANES], false);
                continue;
            }
            let wins: [u32; LANES] = from_fn(|l| u32::from(is_larger(x[l][0], best[l])).wrapping_neg());
            let select =
                |l: usize, x: f32, best: f32| f32::from_bits(x.to_bits() & wins[l] | best.to_bits() & !wins[l]);
            best = from_fn(|l| select(l, x[l][0], best[l]));
            best_at = from_fn(|l| select(l, tap, best_at[l]));
        }
    }
    let behind = |l: usize| if is_first { 0 } else { (l * STRIDE) as u32 };
    (best, from_fn(|l| best_at[l].to_bits() + behind(l)))
}

/// The larger of two values, each with its place. Selected by bits: the compiler turns an `if` into a jump.
#[inline(always)]
fn larger(x: (f32, u32), best: (f32, u32)) -> (f32, u32) {
    let wins = u32::from(is_larger(x.0, best.0)).wrapping_neg();
    let select = |x: u32, best: u32| x & wins | best & !wins;
    (f32::from_bits(select(x.0.to_bits(), best.0.to_bits())), select(x.1, best.1))
}
