//! # Pooling: the maximum or the mean of a window
//!
//! | blob        | shape         | meaning                                               |
//! |-------------|---------------|-------------------------------------------------------|
//! | `bottom[0]` | N x C x H x W | x                                                     |
//! | `top[0]`    | N x C x outs  | y                                                     |
//! | `top[1]`    | as `top[0]`   | MAX only: where the maximum stands in its H x W plane |
//!
//! MAX: y is the largest x in the window, and dy goes to its place (the first one, if there are several). AVE: y is the
//! sum over the window divided by its size, and dy / size goes to every place. The size counts padding, as far as the
//! padded input reaches.
//!
//! out = (size + 2 pad - kernel) / stride + 1 rounded *up*, as a last window that is only partly filled counts too
//! (`round_mode: FLOOR` rounds down). With padding no window starts behind the input: if one would, it is left out.
//! **Without padding it stays**, as in Caffe, and is empty where the stride is longer than the kernel: its y is the
//! smallest f32 (MAX, with -1 as its place) or 0 (AVE), and its dy goes nowhere.

use super::sizes::{Round, Sizes, along, check_window, fit};
use crate::device::cpu::{Cpu, PIECE};
use crate::layer::*;
use crate::proto::pooling_parameter::{PoolMethod, RoundMode};
use crate::proto::{LayerParameter, PoolingParameter};
use crate::{Blob, Error, Result};
use std::ops::Range;

/// The place of the maximum of nothing: beyond every plane.
const NOWHERE: u32 = u32::MAX;

/// What the top's shape depends on.
#[rustfmt::skip]
const FIELDS: &[&str] = &[
    "pooling_param.kernel_size", "pooling_param.kernel_h", "pooling_param.kernel_w",
    "pooling_param.pad", "pooling_param.pad_h", "pooling_param.pad_w",
    "pooling_param.stride", "pooling_param.stride_h", "pooling_param.stride_w", "pooling_param.round_mode",
];

/// The maximum or the mean of each window.
pub struct Pooling {
    param: PoolingParameter,
    method: PoolMethod,
    /// The axes H and W.
    axes: [Window; 2],
    /// The windows along W, made by forward: a table pays, as every row of every plane asks for them.
    columns: Vec<(Range<usize>, usize)>,
    /// Where each maximum stands in its plane; NOWHERE for an empty window.
    argmax: Vec<u32>,
}

/// The windows along one axis.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Window {
    size: usize,
    kernel: usize,
    stride: usize,
    pad: usize,
    out: usize,
}

impl Window {
    /// The part of window `o` that lies inside the input, and its size with padding.
    fn at(&self, o: usize) -> (Range<usize>, usize) {
        let start = o * self.stride; // counted from the front of the padding
        let end = (start + self.kernel).min(self.size + 2 * self.pad);
        let inside = |i: usize| i.saturating_sub(self.pad).min(self.size);
        (inside(start)..inside(end), end.saturating_sub(start))
    }

    /// All windows, as [`at`](Self::at) gives them.
    fn each(&self) -> impl Iterator<Item = (Range<usize>, usize)> {
        (0..self.out).map(|o| self.at(o))
    }
}

impl Layer for Pooling {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.pooling_param.unwrap_or_default();
        let method = p.pool();
        if method == PoolMethod::Stochastic {
            return Err(Error::value("stochastic pooling is not there yet")
                .field("pooling_param.pool")
                .hint("use MAX or AVE"));
        }
        let fail = |field: &str, message: &str, hint: &str| {
            Err(Error::value(message).field(format!("pooling_param.{field}")).hint(hint))
        };
        if p.global_pooling() {
            if p.kernel_size.is_some() || p.kernel_h.is_some() || p.kernel_w.is_some() {
                return fail("global_pooling", "global pooling takes the whole plane", "leave the kernel's size out");
            }
            let (pad, stride) = (pad(&p)?, stride(&p)?);
            if pad != [0; 2] || stride != [1; 2] {
                return fail("global_pooling", "global pooling has pad 0 and stride 1", "leave pad and stride out");
            }
        } else {
            kernel(&p)?;
        }
        Ok(Pooling { param: p, method, axes: Default::default(), columns: Vec::new(), argmax: Vec::new() })
    }

    fn arity(&self) -> Arity {
        Arity::range(1..=1, 1..=if self.method == PoolMethod::Max { 2 } else { 1 })
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let &[num, channels, height, width] = bottom[0].shape() else {
            return Err(Error::shape(format!(
                "Pooling needs a bottom of 4 axes, not of shape {:?}",
                bottom[0].shape()
            ))
            .hint("images are N x C x H x W"));
        };
        if height == 0 || width == 0 {
            let message = format!("Pooling of empty planes, in a bottom of shape {:?}", bottom[0].shape());
            return Err(Error::shape(message).hint("give the planes a height and a width of 1 or more"));
        }
        let p = &self.param;
        let kernel = if p.global_pooling() { [height, width] } else { kernel(p)? };
        self.axes = windows(p.round_mode(), [height, width], kernel, stride(p)?, pad(p)?)?;
        let [h, w] = self.axes.map(|axis| axis.out);
        top.iter_mut().try_for_each(|top| top.reshape(&[num, channels, h, w])).map_err(|e| e.field("pooling_param"))
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let [top, mask @ ..] = top else { return Err(Error::shape("Pooling needs a top")) };
        let (x, y) = (bottom[0].data.slice(), top.data.slice_mut());
        self.columns.clear();
        self.columns.extend(self.axes[1].each());
        match self.method {
            PoolMethod::Ave => self.mean(&cx.device.host(), x, y),
            _ => {
                let mut argmax = std::mem::take(&mut self.argmax);
                argmax.resize(y.len(), 0);
                self.max(&cx.device.host(), x, y, &mut argmax);
                if let Some(mask) = mask.first_mut() {
                    mask.data.slice_mut().iter_mut().zip(&argmax).for_each(|(mask, &at)| *mask = place(at));
                }
                self.argmax = argmax;
            }
        }
        Ok(())
    }

    fn backward(
        &mut self,
        cx: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        if propagate_down[0] {
            let (dy, dx) = (top[0].diff.slice(), bottom[0].diff.slice_mut());
            match self.method {
                PoolMethod::Ave => self.mean_backward(&cx.device.host(), dy, dx),
                _ => self.max_backward(&cx.device.host(), dy, dx),
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn shape_arithmetic(&self, _: &[&[usize]]) -> Option<Arithmetic> {
        if self.param.global_pooling() {
            let text = "1 along each axis: global_pooling takes the whole plane".into();
            return Some(Arithmetic { text, fields: &["pooling_param.global_pooling"] });
        }
        let round = if self.param.round_mode() == RoundMode::Floor { Round::Down } else { Round::Up };
        let sums = self.axes.map(|w| fit([w.size, w.pad, w.kernel, 1, w.stride, w.out], round));
        Some(Arithmetic { text: along(2, &sums), fields: FIELDS })
    }
}

impl Pooling {
    /// The values of a plane of x, and of one of y.
    fn plane(&self) -> (usize, usize) {
        let [h, w] = &self.axes;
        (h.size * w.size, h.out * w.out)
    }

    /// How many planes make a piece of work.
    fn piece(&self) -> usize {
        (PIECE / self.plane().0).max(1)
    }

    fn max(&self, cpu: &Cpu, x: &[f32], y: &mut [f32], argmax: &mut [u32]) {
        let (size, out) = self.plane();
        let len = self.piece() * out;
        cpu.pieces2((y, len), (argmax, len), |start, y, argmax| {
            let x = &x[start / out * size..];
            if self.is_halving() {
                return self.max_of_four(x, y, argmax);
            }
            let x = x.chunks_exact(size);
            for ((x, y), argmax) in x.zip(y.chunks_exact_mut(out)).zip(argmax.chunks_exact_mut(out)) {
                self.each_window(|i, rows, columns, _| {
                    if rows.is_empty() || columns.is_empty() {
                        (y[i], argmax[i]) = (f32::MIN, NOWHERE);
                        return;
                    }
                    let first = rows.start * self.axes[1].size + columns.start;
                    let (mut best, mut at) = (x[first], first);
                    for row in rows {
                        let row = row * self.axes[1].size;
                        for (column, &x) in columns.clone().zip(&x[row + columns.start..row + columns.end]) {
                            if x > best {
                                (best, at) = (x, row + column);
                            }
                        }
                    }
                    (y[i], argmax[i]) = (best, at as u32);
                });
            }
        });
    }

    /// Whether the windows are 2 x 2 side by side and cover the plane.
    fn is_halving(&self) -> bool {
        self.axes.iter().all(|a| a.kernel == 2 && a.stride == 2 && a.pad == 0 && a.size % 2 == 0)
    }

    /// `max` of 2 x 2 windows side by side, the commonest: without branches, so that the compiler makes vectors of it.
    fn max_of_four(&self, x: &[f32], y: &mut [f32], argmax: &mut [u32]) {
        let [h, w] = [self.axes[0].out, self.axes[1].out];
        let (y, argmax) = (y.chunks_exact_mut(w), argmax.chunks_exact_mut(w));
        for (row, ((x, y), argmax)) in x.chunks_exact(4 * w).zip(y).zip(argmax).enumerate() {
            let (above, below) = x.split_at(2 * w);
            let (above, below) = (above.as_chunks::<2>().0, below.as_chunks::<2>().0);
            let first = (row % h * 4 * w) as u32;
            let below_first = first + 2 * w as u32;
            for (((y, argmax), (&[a, b], &[c, d])), i) in y.iter_mut().zip(argmax).zip(above.iter().zip(below)).zip(0..)
            {
                let (upper, upper_at) = if b > a { (b, first + 1) } else { (a, first) };
                let (lower, lower_at) = if d > c { (d, below_first + 1) } else { (c, below_first) };
                let (best, at) = if lower > upper { (lower, lower_at) } else { (upper, upper_at) };
                *y = best;
                *argmax = at + 2 * i;
            }
        }
    }

    fn max_backward(&self, cpu: &Cpu, dy: &[f32], dx: &mut [f32]) {
        let (size, out) = self.plane();
        cpu.pieces(dx, self.piece() * size, |start, dx| {
            dx.fill(0.0);
            let from = start / size * out;
            let planes = dy[from..].chunks_exact(out).zip(self.argmax[from..].chunks_exact(out));
            for (dx, (dy, argmax)) in dx.chunks_exact_mut(size).zip(planes) {
                for (dy, &at) in dy.iter().zip(argmax) {
                    if let Some(dx) = dx.get_mut(at as usize) {
                        *dx += dy;
                    }
                }
            }
        });
    }

    fn mean(&self, cpu: &Cpu, x: &[f32], y: &mut [f32]) {
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

    fn mean_backward(&self, cpu: &Cpu, dy: &[f32], dx: &mut [f32]) {
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

/// A place as a number for the second top.
fn place(at: u32) -> f32 {
    if at == NOWHERE { -1.0 } else { at as f32 }
}

/// A field of the parameters for both axes, or one for each.
fn sizes<'a>(names: [&'a str; 3], both: &'a Option<u32>, hw: [Option<u32>; 2]) -> Sizes<'a> {
    Sizes { param: "pooling_param", names, all: both.as_slice(), hw, default: None, partner: None, least: 1 }
}

fn kernel(p: &PoolingParameter) -> Result<[usize; 2]> {
    let names = ["kernel_size", "kernel_h", "kernel_w"];
    let given = [p.kernel_size, p.kernel_h, p.kernel_w] != [None; 3];
    let or = |e: Error| if given { e } else { e.hint("or global_pooling: true, for the whole plane") };
    pair(sizes(names, &p.kernel_size, [p.kernel_h, p.kernel_w])).map_err(or)
}

fn stride(p: &PoolingParameter) -> Result<[usize; 2]> {
    let names = ["stride", "stride_h", "stride_w"];
    pair(Sizes { default: Some(1), ..sizes(names, &p.stride, [p.stride_h, p.stride_w]) })
}

fn pad(p: &PoolingParameter) -> Result<[usize; 2]> {
    let names = ["pad", "pad_h", "pad_w"];
    pair(Sizes { default: Some(0), partner: Some(0), least: 0, ..sizes(names, &p.pad, [p.pad_h, p.pad_w]) })
}

fn pair(sizes: Sizes) -> Result<[usize; 2]> {
    let both = sizes.each(2)?;
    Ok([both[0], both[1]])
}

/// The windows along both axes.
///
/// # Errors
/// Padding as long as the kernel; a kernel that is too long, or so much longer than the input that there is no window.
fn windows(
    round: RoundMode,
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 2],
) -> Result<[Window; 2]> {
    let fail = |field: &str, message: String, hint: &str| {
        Err(Error::shape(message).field(format!("pooling_param.{field}")).hint(hint))
    };
    let mut windows = [Window::default(); 2];
    for (i, window) in windows.iter_mut().enumerate() {
        let (size, kernel, stride, pad) = (size[i], kernel[i], stride[i], pad[i]);
        if kernel != size {
            // but global pooling takes a plane of any size
            check_window(kernel, "pooling_param.kernel_size")?;
        }
        if pad >= kernel {
            let message = format!("pad {pad} is not smaller than the kernel {kernel}: a window could miss the input");
            return fail("pad", message, "make the padding smaller");
        }
        let padded = size + 2 * pad;
        // The steps that the first window can take; up to a stride too few may still be rounded up to none.
        let steps = match round {
            RoundMode::Floor => padded.checked_sub(kernel).map(|room| room / stride),
            RoundMode::Ceil => (padded + stride - 1).checked_sub(kernel).map(|room| room / stride),
        };
        let Some(steps) = steps else {
            let padding = if pad > 0 { format!(" (padded to {padded})") } else { String::new() };
            let message = format!("a pooling kernel of {kernel} does not fit into {size}{padding}");
            return fail("kernel_size", message, "make the kernel smaller, or use global_pooling: true");
        };
        *window = Window { size, kernel, stride, pad, out: steps + 1 };
    }
    if pad != [0; 2] {
        for window in &mut windows {
            let behind = (window.out - 1) * window.stride >= window.size + window.pad;
            window.out -= usize::from(behind);
        }
    }
    Ok(windows)
}
