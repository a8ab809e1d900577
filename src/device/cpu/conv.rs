//! Convolution and its two gradients, by matrix products.
//!
//! With x \[C, sizes\] an image, w \[K, C, kernels\] the weights and o a position of the output y \[K, outs\],
//!
//! ```text
//! y[k][o] = sum over c, j:  w[k][c][j] * x[c][o * stride + j * dilation - pad]
//! ```
//!
//! im2col makes that one product y = w col. But col holds every value of x once for each kernel position, or *tap*.
//! Where the first axis has stride 1 its kernel need not be expanded: two kernel rows meet the same values, `shift`
//! apart. So im2col expands the other axes only (5 times instead of 25 for a 5x5 kernel), and the rows of col are views
//! that overlap: the one of tap (channel c, kernel row r, other kernels j) begins at `wide[c, j][r * shift]`. Then
//!
//! ```text
//! y = w col        dw^T = sum over images: col dy^T        dcol = w^T dy, added up in dwide;  dx = col2im(dwide)
//! ```
//!
//! Where y is as large as x, and for few outputs, dx is faster made as a convolution of dy with the kernels turned end for
//! end: `dx[c][p] = sum over k, j: w[k][c][last - j] * dy[k][p + j * dilation - (extent - 1 - pad)]`.
//!
//! Where no rows overlap (a stride over 1, a 1x1 kernel, more padding than the kernel reaches), and where the weights are too
//! many for the cache, col is made whole and gemm, which packs its factors, does the products.
//!
//! Groups divide channels and outputs into independent convolutions. The batch is cut into pieces of a few images, and a single
//! image into pieces of its outputs. dw is made in [`conv_weights`](super::conv_weights).

use super::im2col::{Axis, Im2col};
use super::matrix::{Mat, MatMut, gemm, transpose};
use super::tile::{Onto, Rows, add_product};
use super::{Cpu, PIECE};
use crate::{Error, Result};
use std::slice::ChunksExact;

/// A batch is cut into at most this many pieces.
const PIECES: usize = 16;
/// Outputs of one image in a piece, a multiple of what a tile has.
const OUTPUTS: usize = 48;
/// From this many weights on in a group, gemm is faster.
const LARGE: usize = 1 << 16;
/// The most values a work buffer may have: as many as a blob.
const MAX_VALUES: usize = i32::MAX as usize;

/// The sizes of a convolution, and how it is computed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conv {
    pub(super) groups: usize,
    /// Channels and outputs of one group.
    pub(super) channels: usize,
    pub(super) outputs: usize,
    axes: Vec<Axis>,
    /// im2col over `axes`, the first without its kernel if the product walks over its rows.
    expand: Im2col,
    /// Whether im2col would copy x as it stands.
    plain: bool,
    /// Kernel rows (1 if all axes are expanded), and how far apart in wide they find their values.
    pub(super) rows: usize,
    shift: usize,
    /// Where in wide each row of col begins, in the order of w's axes: channel, kernel row, other kernels.
    pub(super) taps: Vec<usize>,
    /// Where the rows of w, of y and of y transposed begin.
    w_rows: Vec<usize>,
    pub(super) y_rows: Vec<usize>,
    pub(super) yt_rows: Vec<usize>,
    /// For each kernel row, where the rows of w transposed begin that belong to it.
    wt_rows: Vec<Vec<usize>>,
    /// Values of one channel of x, and of one output of y.
    pub(super) size: usize,
    pub(super) out: usize,
    /// What im2col writes is q x wide.
    pub(super) q: usize,
    pub(super) wide: usize,
    /// Where kernel rows are walked over: the convolution that makes dx of dy.
    turned: Option<Box<Conv>>,
}

impl Conv {
    /// A convolution of images with `channels` channels into `outputs` channels.
    ///
    /// # Errors
    /// A size of 0, a kernel larger than the padded input, groups that do not divide, sizes that are too large.
    pub fn new(channels: usize, outputs: usize, groups: usize, axes: &[Axis]) -> Result<Conv> {
        let divisible = groups > 0 && channels.is_multiple_of(groups) && outputs.is_multiple_of(groups);
        if channels == 0 || outputs == 0 || !divisible {
            return Err(Error::shape(format!("{channels} channels and {outputs} outputs in {groups} groups"))
                .hint("channels and num_output must be multiples of group, and none of them 0"));
        }
        check_axes(axes)?;
        let mut conv = Conv::expanding(channels / groups, outputs / groups, groups, axes)?;
        // Turned, it does as much as x has places, and else as much as y has: without padding more, most of it on zeros. But
        // the other way fills no vectors with few outputs, so that twice as much is still faster.
        let is_same = axes.iter().all(|a| a.out() >= a.size);
        if conv.rows > 1 && (is_same || outputs / groups <= 8 && conv.size <= 2 * conv.out) {
            let turned = |a: &Axis| Axis { size: a.out(), pad: a.extent() - 1 - a.pad, ..*a };
            let axes: Vec<Axis> = axes.iter().map(turned).collect();
            conv.turned = Conv::expanding(outputs / groups, channels / groups, groups, &axes).ok().map(Box::new);
        }
        Ok(conv)
    }

    /// The same without the convolution that makes dx.
    fn expanding(channels: usize, outputs: usize, groups: usize, axes: &[Axis]) -> Result<Conv> {
        let mut expanded = axes.to_vec();
        let (mut rows, mut shift) = (1, 0);
        let weights = product(axes.iter().map(|a| a.kernel).chain([channels, outputs]));
        if let Some(first) = expanded.first_mut()
            && axes.iter().all(|a| a.stride == 1 && a.pad < a.extent())
            && weights.is_some_and(|n| n < LARGE)
        {
            (rows, shift) = (first.kernel, first.dilation);
            (first.kernel, first.dilation) = (1, 1);
        }
        let too_large = || {
            Error::shape(format!("the convolution is too large: {channels} channels, {outputs} outputs, {axes:?}"))
                .hint("its weights, outputs and im2col's matrix may hold 2^31 - 1 values each")
        };
        let limited = |n: Option<usize>| n.filter(|&n| n <= MAX_VALUES).ok_or_else(too_large);
        let q = limited(product(expanded.iter().map(|a| a.kernel).chain([channels])))?;
        let wide = limited(product(expanded.iter().map(Axis::out)))?;
        let size = limited(product(axes.iter().map(|a| a.size)))?;
        let out = limited(product(axes.iter().map(Axis::out)))?;
        limited(product([q, wide]))?;
        limited(product([q, rows, outputs, groups]))?;
        limited(product([out, outputs, groups]))?;
        limited(product([size, channels, groups]))?;
        shift *= expanded.iter().skip(1).map(Axis::out).product::<usize>();
        let inner = q / channels;
        let tap = |i: usize| {
            let (c, r, j) = (i / inner / rows, i / inner % rows, i % inner);
            (c * inner + j) * wide + r * shift
        };
        let taps: Vec<usize> = (0..q * rows).map(tap).collect();
        let of_row = |r| (0..q).map(move |i| ((i / inner * rows + r) * inner + i % inner) * outputs);
        Ok(Conv {
            groups,
            channels,
            outputs,
            axes: axes.to_vec(),
            expand: Im2col::new(&expanded),
            plain: expanded.iter().all(|a| a.kernel == 1 && a.stride == 1 && a.pad == 0),
            rows,
            shift,
            w_rows: starts(outputs, taps.len()),
            y_rows: starts(outputs, out),
            yt_rows: starts(out, whole(outputs)),
            wt_rows: (0..rows).map(|r| of_row(r).collect()).collect(),
            taps,
            size,
            out,
            q,
            wide,
            turned: None,
        })
    }

    /// How many groups there are, and each one's channels and outputs.
    pub fn groups(&self) -> [usize; 3] {
        [self.groups, self.channels, self.outputs]
    }

    /// The spatial axes.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The sizes of the image's spatial axes.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        self.axes.iter().map(|a| a.size)
    }

    /// The values of one channel of an image.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The values of one output: the windows of an image.
    pub fn out(&self) -> usize {
        self.out
    }

    /// The sizes of the output's spatial axes.
    pub fn outs(&self) -> impl Iterator<Item = usize> {
        self.axes.iter().map(Axis::out)
    }

    /// y = w * x + b. x \[N, C, sizes\], w \[K, C / groups, kernels\], b \[K\], y \[N, K, outs\].
    pub fn forward(&self, cpu: &Cpu, x: &[f32], w: &[f32], b: Option<&[f32]>, y: &mut [f32]) {
        if y.len() == self.groups * self.outputs * self.out {
            return self.forward_one(cpu, x, w, b, y);
        }
        let groups = x.chunks_exact(self.channels * self.size);
        self.each_group(cpu, groups, y, self.outputs * self.out, |g, x, buffer, y| {
            self.product(g * self.outputs, w, self.expand(x, buffer), b, y);
        });
    }

    /// Calls `work(g, x, buffer, y)` for each group g of each image, with its values of x and its `len` values of y; images in
    /// parallel. The buffer is as large as what im2col expands.
    fn each_group(
        &self,
        cpu: &Cpu,
        x: ChunksExact<f32>,
        y: &mut [f32],
        len: usize,
        work: impl Fn(usize, &[f32], &mut [f32], &mut [f32]) + Sync + Send,
    ) {
        let image = self.groups * len;
        cpu.pieces(y, images(y.len() / image) * image, |start, y| {
            cpu.scratch(self.q * self.wide, |buffer| {
                for (i, (y, x)) in y.chunks_exact_mut(len).zip(x.clone().skip(start / len)).enumerate() {
                    work(i % self.groups, x, buffer, y);
                }
            })
        });
    }

    /// The same for a single image: first col is cut into pieces, channel by channel, and then y, by outputs.
    fn forward_one(&self, cpu: &Cpu, x: &[f32], w: &[f32], b: Option<&[f32]>, y: &mut [f32]) {
        let group = self.q * self.wide;
        cpu.scratch(if self.plain { 0 } else { self.groups * group }, |buffer| {
            let channel = group / self.channels;
            cpu.pieces(buffer, PIECE.div_ceil(channel) * channel, |start, col| {
                self.expand.im2col(&x[start / channel * self.size..], col);
            });
            let col = if self.plain { x } else { &*buffer };
            // A piece does not reach from one group into the next.
            let outputs = if self.groups == 1 { OUTPUTS.min(self.outputs) } else { self.outputs };
            let groups = (OUTPUTS / outputs).clamp(1, self.groups);
            cpu.pieces(y, groups * outputs * self.out, |start, y| {
                for (i, y) in y.chunks_mut(outputs * self.out).enumerate() {
                    let k = start / self.out + i * outputs;
                    self.product(k, w, &col[k / self.outputs * group..], b, y);
                }
            });
        });
    }

    /// Some outputs of a group, from the k-th of all on: y = w col + b.
    fn product(&self, k: usize, w: &[f32], col: &[f32], b: Option<&[f32]>, y: &mut [f32]) {
        let (taps, outputs) = (self.taps.len(), y.len() / self.out);
        let (w, b) = (&w[k * taps..], b.map(|b| &b[k..][..outputs]));
        if self.rows > 1 {
            let (w, col) = (Rows { data: w, starts: &self.w_rows[..outputs] }, Rows { data: col, starts: &self.taps });
            return add_product(w, col, b.map_or(Onto::Zero, Onto::Bias), MatMut::new(y, outputs, self.out));
        }
        for (b, y) in b.into_iter().flatten().zip(y.chunks_exact_mut(self.out)) {
            y.fill(*b);
        }
        let (w, col) = (Mat::new(w, outputs, taps), Mat::new(col, taps, self.out));
        gemm(1.0, w, col, b.map_or(0.0, |_| 1.0), MatMut::new(y, outputs, self.out));
    }

    /// dx, the gradient with respect to the images.
    pub fn backward_data(&self, cpu: &Cpu, w: &[f32], dy: &[f32], dx: &mut [f32]) {
        if let Some(turned) = &self.turned {
            return cpu.scratch(w.len(), |wt| {
                self.turn(w, wt);
                turned.forward(cpu, dy, wt, None, dx);
            });
        }
        let (taps, groups) = (self.taps.len(), dy.chunks_exact(self.outputs * self.out));
        let of_group = self.outputs * taps;
        if self.rows == 1 {
            return self.each_group(cpu, groups, dx, self.channels * self.size, |g, dy, buffer, dx| {
                let (w, dy) = (Mat::new(&w[g * of_group..], self.outputs, taps), Mat::new(dy, self.outputs, self.out));
                let dcol = MatMut::new(if self.plain { &mut *dx } else { &mut *buffer }, taps, self.out);
                gemm(1.0, w.t(), dy, 0.0, dcol);
                if !self.plain {
                    self.expand.col2im(buffer, dx);
                }
            });
        }
        cpu.scratch(w.len(), |wt| {
            for (w, wt) in w.chunks_exact(of_group).zip(wt.chunks_exact_mut(of_group)) {
                transpose(Mat::new(w, self.outputs, taps), wt, self.outputs);
            }
            let wt = &*wt;
            self.each_group(cpu, groups, dx, self.channels * self.size, |g, dy, buffer, dx| {
                let (wt, dy) = (&wt[g * of_group..], Rows { data: dy, starts: &self.y_rows });
                let dwide = if self.plain { &mut *dx } else { &mut *buffer };
                dwide.fill(0.0);
                for (r, starts) in self.wt_rows.iter().enumerate() {
                    let dcol = MatMut::strided(&mut dwide[r * self.shift..], self.q, self.out, self.wide);
                    add_product(Rows { data: wt, starts }, dy, Onto::Old, dcol);
                }
                if !self.plain {
                    self.expand.col2im(buffer, dx);
                }
            });
        });
    }

    /// The weights of the convolution that makes dx of dy: `wt[c][k][j] = w[k][c][last - j]` in each group.
    fn turn(&self, w: &[f32], wt: &mut [f32]) {
        let kernel: usize = self.axes.iter().map(|a| a.kernel).product();
        let group = self.outputs * self.channels * kernel;
        for (w, wt) in w.chunks_exact(group).zip(wt.chunks_exact_mut(group)) {
            for (i, wt) in wt.chunks_exact_mut(kernel).enumerate() {
                let (c, k) = (i / self.outputs, i % self.outputs);
                let w = &w[(k * self.channels + c) * kernel..][..kernel];
                wt.iter_mut().zip(w.iter().rev()).for_each(|(wt, w)| *wt = *w);
            }
        }
    }

    /// What im2col expands of one group of an image: in the buffer, or x itself.
    pub(super) fn expand<'a>(&self, x: &'a [f32], buffer: &'a mut [f32]) -> &'a [f32] {
        if self.plain {
            return x;
        }
        self.expand.im2col(x, buffer);
        buffer
    }
}

/// The starts of `rows` rows that stand `stride` values apart.
fn starts(rows: usize, stride: usize) -> Vec<usize> {
    (0..rows).map(|i| i * stride).collect()
}

/// A number of outputs, rounded up to whole vectors.
pub(super) fn whole(outputs: usize) -> usize {
    outputs.next_multiple_of(if outputs > 8 { 16 } else { 4 })
}

/// Images in a piece of a batch of `num`.
pub(super) fn images(num: usize) -> usize {
    num.div_ceil(PIECES).max(1)
}

/// The product of all sizes, if a usize can hold it.
fn product(sizes: impl IntoIterator<Item = usize>) -> Option<usize> {
    sizes.into_iter().try_fold(1usize, |n, s| n.checked_mul(s))
}

/// Checks what a prototxt can get wrong about a convolution's axes.
///
/// # Errors
/// A size of 0, or a kernel larger than the padded input.
pub fn check_axes(axes: &[Axis]) -> Result {
    for a in axes {
        let values = [a.size, a.kernel, a.pad, a.stride, a.dilation];
        if [a.size, a.kernel, a.stride, a.dilation].contains(&0) || values.iter().any(|&v| v > MAX_VALUES) {
            return Err(Error::shape(format!("a convolution over {a:?}"))
                .hint("size, kernel, stride and dilation run from 1 to 2^31 - 1"));
        }
    }
    // Products of two such values do not overflow.
    let list = |f: fn(&Axis) -> usize| axes.iter().map(|a| f(a).to_string()).collect::<Vec<_>>().join("x");
    if axes.iter().any(|a| a.extent() > a.padded()) {
        let dilated = if axes.iter().any(|a| a.dilation > 1) { ", dilated" } else { "" };
        let padded = if axes.iter().any(|a| a.pad > 0) { ", padded" } else { "" };
        return Err(Error::shape(format!(
            "a kernel of {}{dilated} does not fit into an input of {}{padded}",
            list(Axis::extent),
            list(Axis::padded)
        ))
        .hint("make the kernel smaller or the padding larger"));
    }
    Ok(())
}
