//! # Pooling: the maximum or the mean of a window
//!
//! | blob      | shape                  | meaning                                                  |
//! |-----------|------------------------|----------------------------------------------------------|
//! | bottom[0] | N x C x H x W          | x                                                        |
//! | top[0]    | N x C x outs           | y                                                        |
//! | top[1]    | as top[0]              | MAX only: where the maximum stands in its H x W plane    |
//!
//! MAX: y is the largest x in the window, and dy goes to its place (the first one, if there are several). AVE: y is the
//! sum over the window divided by its size, and dy / size goes to every place. The size counts padding, as far as the
//! padded input reaches.
//!
//! out = (size + 2 pad - kernel) / stride + 1 rounded *up*, as a last window that is only partly filled counts too
//! (`round_mode: FLOOR` rounds down); but no window starts behind the input.

use crate::device::cpu::{Cpu, PIECE};
use crate::layer::*;
use crate::proto::pooling_parameter::{PoolMethod, RoundMode};
use crate::proto::{LayerParameter, PoolingParameter};
use crate::{Blob, Error, Result};
use std::ops::Range;

pub struct Pooling {
    param: PoolingParameter,
    method: PoolMethod,
    /// The axes H and W.
    axes: [Window; 2],
    /// The part of each window that lies inside the input, and its size with padding.
    windows: [Vec<(Range<usize>, usize)>; 2],
    /// Where each maximum stands in its plane.
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
        (inside(start)..inside(end), end - start)
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
        let hw = p.kernel_h.is_some() || p.kernel_w.is_some();
        if p.global_pooling() {
            if p.kernel_size.is_some() || hw {
                return fail("global_pooling", "global pooling takes the whole plane", "leave the kernel's size out");
            }
            let [pad, stride] =
                [[p.pad(), p.pad_h(), p.pad_w()], [p.stride(), p.stride_h.unwrap_or(1), p.stride_w.unwrap_or(1)]];
            if pad != [0; 3] || stride != [1; 3] {
                return fail("global_pooling", "global pooling has pad 0 and stride 1", "leave pad and stride out");
            }
        } else if p.kernel_size.is_some() && hw {
            return fail("kernel_size", "both kernel_size and kernel_h or kernel_w are given", "keep one of them");
        } else if p.kernel_size.is_none() && (p.kernel_h.is_none() || p.kernel_w.is_none()) {
            let hint = "give kernel_size, or kernel_h and kernel_w, or global_pooling: true";
            return Err(Error::value("a Pooling needs a kernel").field("pooling_param").hint(hint));
        }
        if p.pad.is_some() && (p.pad_h.is_some() || p.pad_w.is_some()) {
            return fail("pad", "both pad and pad_h or pad_w are given", "keep one of them");
        }
        if p.stride.is_some() && (p.stride_h.is_some() || p.stride_w.is_some()) {
            return fail("stride", "both stride and stride_h or stride_w are given", "keep one of them");
        }
        if p.stride_h.is_some() != p.stride_w.is_some() {
            return fail("stride_h", "of stride_h and stride_w one is missing", "give both, or stride");
        }
        Ok(Pooling { param: p, method, axes: Default::default(), windows: Default::default(), argmax: Vec::new() })
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
        let p = &self.param;
        if bottom[0].count() == 0 {
            let message = format!("Pooling of an empty bottom, of shape {:?}", bottom[0].shape());
            return Err(Error::shape(message).hint("give the bottom sizes of 1 or more"));
        }
        let axes = [
            self.window(height, p.kernel_h, p.stride_h, p.pad_h)?,
            self.window(width, p.kernel_w, p.stride_w, p.pad_w)?,
        ];
        for top in top.iter_mut() {
            top.reshape(&[num, channels, axes[0].out, axes[1].out]).map_err(|e| e.field("pooling_param"))?;
        }
        if self.axes != axes {
            self.axes = axes;
            self.windows = axes.map(|axis| (0..axis.out).map(|o| axis.at(o)).collect());
        }
        Ok(())
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let [top, mask @ ..] = top else { return Ok(()) };
        let (x, y) = (bottom[0].data.slice(), top.data.slice_mut());
        match self.method {
            PoolMethod::Ave => self.mean(&cx.device.host(), x, y),
            _ => {
                let mut argmax = std::mem::take(&mut self.argmax);
                argmax.resize(y.len(), 0);
                self.max(&cx.device.host(), x, y, &mut argmax);
                if let Some(mask) = mask.first_mut() {
                    mask.data.slice_mut().iter_mut().zip(&argmax).for_each(|(mask, &at)| *mask = at as f32);
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
}

impl Pooling {
    /// The windows along an axis of the given size, by the parameters for both axes and those for this one.
    fn window(&self, size: usize, kernel: Option<u32>, stride: Option<u32>, pad: Option<u32>) -> Result<Window> {
        let p = &self.param;
        let kernel = if p.global_pooling() { size } else { p.kernel_size.or(kernel).unwrap_or(0) as usize };
        let (stride, pad) = (stride.unwrap_or(p.stride()) as usize, pad.unwrap_or(p.pad()) as usize);
        let fail = |field: &str, message: String, hint: &str| {
            Err(Error::shape(message).field(format!("pooling_param.{field}")).hint(hint))
        };
        if kernel == 0 || stride == 0 {
            return fail(
                "kernel_size",
                format!("a pooling kernel of {kernel} and a stride of {stride}"),
                "neither may be 0; both are 2 in most nets",
            );
        }
        if pad >= kernel {
            return fail(
                "pad",
                format!("pad {pad} is not smaller than the kernel {kernel}: a window could miss the input"),
                "make the padding smaller",
            );
        }
        let padded = size + 2 * pad;
        if kernel > padded {
            let padding = if pad > 0 { format!(" (padded to {padded})") } else { String::new() };
            let message = format!("a pooling kernel of {kernel} does not fit into {size}{padding}");
            return fail("kernel_size", message, "make the kernel smaller, or use global_pooling: true");
        }
        let mut out = match p.round_mode() {
            RoundMode::Ceil => (padded - kernel).div_ceil(stride) + 1,
            RoundMode::Floor => (padded - kernel) / stride + 1,
        };
        if (out - 1) * stride >= size + pad {
            out -= 1; // the last window would start behind the input (Caffe keeps such a one if there is no padding)
        }
        Ok(Window { size, kernel, stride, pad, out })
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
                    dx[at as usize] += dy;
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
                    y[i] = sum / count as f32;
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
                    let share = dy[i] / count as f32;
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
        for (rows, height) in &self.windows[0] {
            for (columns, width) in &self.windows[1] {
                work(i, rows.clone(), columns.clone(), height * width);
                i += 1;
            }
        }
    }
}
