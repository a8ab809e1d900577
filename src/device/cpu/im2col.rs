//! im2col: an image as the matrix whose product with the kernels is their convolution.
//!
//! Column o of the matrix holds the values under the window at output position o, row (c, k) those that kernel position
//! k meets: `col[(c, k)][o] = x[c][o * stride + k * dilation - pad]`, 0 outside the image. o and k have as many indices
//! as there are spatial axes. [`Im2col::col2im`] is the transposed map: it adds each column's values back to where they came
//! from.

/// One spatial axis of a convolution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Axis {
    /// The input's size.
    pub size: usize,
    /// The kernel's size.
    pub kernel: usize,
    /// Zeros before and after the input.
    pub pad: usize,
    /// How far apart the outputs' windows begin.
    pub stride: usize,
    /// How far apart a window's values stand.
    pub dilation: usize,
}

impl Axis {
    /// An axis that a kernel of 1 walks over.
    pub fn of(size: usize) -> Axis {
        Axis { size, kernel: 1, pad: 0, stride: 1, dilation: 1 }
    }

    /// How many input positions a dilated kernel spans.
    pub fn extent(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    /// The input's size with its padding.
    pub fn padded(&self) -> usize {
        self.size + 2 * self.pad
    }

    /// The output's size.
    pub fn out(&self) -> usize {
        (self.padded() - self.extent()) / self.stride + 1
    }

    /// Where kernel position `k` meets the input.
    fn run(&self, k: usize) -> Run {
        let at = k * self.dilation; // position 0 of the input is position `pad` of the padded one
        let end = (self.pad + self.size).saturating_sub(at).div_ceil(self.stride).min(self.out());
        let start = self.pad.saturating_sub(at).div_ceil(self.stride).min(end);
        Run { start, end, first: (start * self.stride + at).saturating_sub(self.pad).min(self.size) }
    }
}

/// The outputs `start .. end` meet the input with one kernel position, `start` at input position `first`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    start: usize,
    end: usize,
    first: usize,
}

/// im2col over given axes: what can be worked out beforehand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Im2col {
    levels: Vec<Level>,
    /// The values of a channel, its kernel positions and its outputs.
    size: usize,
    kernels: usize,
    outs: usize,
}

/// One axis, and the sizes of what lies within one of its positions.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Level {
    stride: usize,
    /// For each kernel position.
    runs: Vec<Run>,
    size: usize,
    kernels: usize,
    outs: usize,
}

impl Im2col {
    /// Works out what im2col over these axes copies from where.
    pub fn new(axes: &[Axis]) -> Im2col {
        let (mut size, mut kernels, mut outs) = (1, 1, 1);
        let mut levels = Vec::new();
        for axis in axes.iter().rev() {
            let runs = (0..axis.kernel).map(|k| axis.run(k)).collect();
            levels.insert(0, Level { stride: axis.stride, runs, size, kernels, outs });
            (size, kernels, outs) = (size * axis.size, kernels * axis.kernel, outs * axis.out());
        }
        Im2col { levels, size, kernels, outs }
    }

    /// Writes the matrix of one image: x \[channels, sizes\] -> col \[channels, kernels, outs\].
    ///
    /// ```
    /// use cortado::device::cpu::{Axis, Im2col};
    /// let (x, mut col) = ([1.0, 2.0, 3.0, 4.0], [0.0; 6]);
    /// Im2col::new(&[Axis { kernel: 2, ..Axis::of(4) }]).im2col(&x, &mut col); // two rows, one per kernel position
    /// assert_eq!(col, [1.0, 2.0, 3.0, 2.0, 3.0, 4.0]);
    /// ```
    pub fn im2col(&self, x: &[f32], col: &mut [f32]) {
        for (x, col) in x.chunks_exact(self.size).zip(col.chunks_exact_mut(self.kernels * self.outs)) {
            for (k, row) in col.chunks_exact_mut(self.outs).enumerate() {
                gather(x, &self.levels, k, row);
            }
        }
    }

    /// Sets each image position to the sum of the values of `col` that stand for it: im2col transposed.
    pub fn col2im(&self, col: &[f32], x: &mut [f32]) {
        x.fill(0.0);
        for (x, col) in x.chunks_exact_mut(self.size).zip(col.chunks_exact(self.kernels * self.outs)) {
            for (k, row) in col.chunks_exact(self.outs).enumerate() {
                scatter(row, &self.levels, k, x);
            }
        }
    }
}

/// One row of im2col: what kernel position `k` meets along the first level, and within each position along the others.
fn gather(x: &[f32], levels: &[Level], k: usize, row: &mut [f32]) {
    match levels {
        [] => row.copy_from_slice(x),
        [line] => line.gather(line.runs[k], x, row),
        [level, inner @ ..] => {
            let (Run { start, end, first }, k) = (level.runs[k / level.kernels], k % level.kernels);
            row[..start * level.outs].fill(0.0);
            row[end * level.outs..].fill(0.0);
            let rows = row[start * level.outs..end * level.outs].chunks_exact_mut(level.outs);
            let xs = x[first * level.size..].chunks_exact(level.size).step_by(level.stride);
            match inner {
                [line] => {
                    // Most of the time is spent here.
                    let run = line.runs[k];
                    if level.stride == 1 && line.stride == 1 && level.size == level.outs {
                        let (row, x) = (&mut row[start * level.outs..end * level.outs], &x[first * level.size..]);
                        move_lines(run, level.outs, x, row);
                    } else if line.stride == 1 && run.end - run.start == level.outs {
                        rows.zip(xs).for_each(|(row, x)| copy(&x[run.first..], row));
                    } else {
                        rows.zip(xs).for_each(|(row, x)| line.gather(run, x, row));
                    }
                }
                _ => rows.zip(xs).for_each(|(row, x)| gather(x, inner, k, row)),
            }
        }
    }
}

/// Lines of an image, moved along by a kernel position: all of them at once, and then zeros where a line has met its neighbour.
fn move_lines(run: Run, len: usize, x: &[f32], row: &mut [f32]) {
    if row.is_empty() || run.start == run.end {
        return row.fill(0.0);
    }
    let end = row.len() - (len - run.end);
    row[run.start..end].copy_from_slice(&x[run.first..][..end - run.start]);
    for i in (0..run.start).chain(run.end..len) {
        row.iter_mut().skip(i).step_by(len).for_each(|x| *x = 0.0);
    }
}

/// Adds one row of col2im.
fn scatter(row: &[f32], levels: &[Level], k: usize, x: &mut [f32]) {
    match levels {
        [] => add(row, x),
        [line] => line.scatter(line.runs[k], row, x),
        [level, inner @ ..] => {
            let (Run { start, end, first }, k) = (level.runs[k / level.kernels], k % level.kernels);
            let rows = row[start * level.outs..end * level.outs].chunks_exact(level.outs);
            let xs = x[first * level.size..].chunks_exact_mut(level.size).step_by(level.stride);
            match inner {
                [line] => {
                    let run = line.runs[k];
                    rows.zip(xs).for_each(|(row, x)| line.scatter(run, row, x));
                }
                _ => rows.zip(xs).for_each(|(row, x)| scatter(row, inner, k, x)),
            }
        }
    }
}

impl Level {
    /// One line of an image along the last axis.
    #[inline(always)]
    fn gather(&self, Run { start, end, first }: Run, x: &[f32], row: &mut [f32]) {
        if end - start < row.len() {
            row[..start].fill(0.0);
            row[end..].fill(0.0);
        }
        if self.stride == 1 {
            copy(&x[first..], &mut row[start..end]);
        } else {
            row[start..end].iter_mut().zip(x[first..].iter().step_by(self.stride)).for_each(|(row, x)| *row = *x);
        }
    }

    #[inline(always)]
    fn scatter(&self, Run { start, end, first }: Run, row: &[f32], x: &mut [f32]) {
        if self.stride == 1 {
            add(&row[start..end], &mut x[first..]);
        } else {
            x[first..].iter_mut().step_by(self.stride).zip(&row[start..end]).for_each(|(x, row)| *x += row);
        }
    }
}

/// y = the front of x, eight values at a time, the last eight overlapping. The compiler turns a plain loop into a call
/// of memcpy, which is slow for short lines, as most are.
#[inline(always)]
fn copy(x: &[f32], y: &mut [f32]) {
    let n = y.len();
    let x = &x[..n];
    if n < 8 {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = *x);
        return;
    }
    let mut i = 0;
    while i < n {
        i = i.min(n - 8);
        y[i..][..8].copy_from_slice(&x[i..][..8]);
        i += 8;
    }
}

/// The front of y += x.
#[inline(always)]
fn add(x: &[f32], y: &mut [f32]) {
    let (y, rest_y) = y[..x.len()].as_chunks_mut::<8>();
    let (x, rest_x) = x.as_chunks::<8>();
    for (y, x) in y.iter_mut().zip(x) {
        y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
    }
    rest_y.iter_mut().zip(rest_x).for_each(|(y, x)| *y += x);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element against the definition, and col2im as the transposed map: <im2col x, c> = <x, col2im c>.
    #[test]
    fn by_definition() {
        let axis = |size, kernel, pad, stride, dilation| Axis { size, kernel, pad, stride, dilation };
        let cases: &[&[Axis]] = &[
            &[axis(7, 3, 0, 2, 1)],
            &[axis(6, 3, 1, 1, 1), axis(5, 2, 2, 3, 2)],
            &[axis(2, 4, 3, 2, 1), axis(3, 2, 4, 1, 3)],
            // As many outputs as inputs: lines are moved along together. Some kernel positions meet nothing.
            &[axis(4, 3, 1, 1, 1), axis(6, 5, 2, 1, 1)],
            &[axis(3, 3, 2, 1, 2), axis(2, 7, 3, 1, 1)],
            &[axis(5, 1, 0, 1, 1), axis(1, 3, 1, 1, 1)],
            &[axis(4, 2, 1, 1, 1), axis(5, 3, 0, 2, 1), axis(3, 2, 1, 1, 2)],
        ];
        for axes in cases {
            let size: usize = axes.iter().map(|a| a.size).product();
            let outs: usize = axes.iter().map(Axis::out).product();
            let kernels: usize = axes.iter().map(|a| a.kernel).product();
            let x: Vec<f32> = (1..=2 * size).map(|i| i as f32).collect();
            let mut col = vec![f32::NAN; 2 * outs * kernels];
            Im2col::new(axes).im2col(&x, &mut col);
            let (mut cx, c): (f64, Vec<f32>) = (0.0, (0..col.len()).map(|i| (i % 13) as f32).collect());
            for (i, &value) in col.iter().enumerate() {
                let (channel, mut k, mut o) = (i / (outs * kernels), i / outs % kernels, i % outs);
                let (mut at, mut stride, mut inside) = (0, 1, true);
                for a in axes.iter().rev() {
                    let position = (o % a.out() * a.stride + k % a.kernel * a.dilation) as isize - a.pad as isize;
                    inside &= (0..a.size as isize).contains(&position);
                    at += position * stride;
                    (o, k, stride) = (o / a.out(), k / a.kernel, stride * a.size as isize);
                }
                let expected = if inside { x[channel * size + at as usize] } else { 0.0 };
                assert_eq!(value, expected, "element {i} of {axes:?}");
                cx += (value * c[i]) as f64;
            }
            let mut back = vec![f32::NAN; x.len()];
            Im2col::new(axes).col2im(&c, &mut back);
            let xc: f64 = x.iter().zip(&back).map(|(x, b)| (x * b) as f64).sum();
            assert_eq!(cx, xc, "{axes:?}");
        }
    }
}
