//! # Pooling: the maximum of a window, its mean, or one of its values at random
//!
//! | blob        | shape         | meaning                                               |
//! |-------------|---------------|-------------------------------------------------------|
//! | `bottom[0]` | N x C x H x W | x                                                     |
//! | `top[0]`    | N x C x outs  | y                                                     |
//! | `top[1]`    | as `top[0]`   | MAX only: where the maximum stands in its H x W plane |
//!
//! MAX: y is the largest x in the window, and dy goes to its place (the first one, if there are several). AVE: y is the
//! sum over the window divided by its size, and dy / size goes to every place. The size counts padding, as far as the
//! padded input reaches. STOCHASTIC (Zeiler and Fergus 2013): while training, y is one x of the window, drawn with
//! probability x / s, where s is the sum over the window, and dy goes to its place; while testing, y is the mean that is to
//! be expected, the sum of x^2 / s, and dx = dy (2 x - y) / s (all 0 where s is 0). No x may be negative.
//!
//! Output i is drawn by number i of the layer's [stream](crate::random) in this pass: the first x at which the sum so far
//! reaches that number times s.
//!
//! out = (size + 2 pad - kernel) / stride + 1 rounded *up*, as a last window that is only partly filled counts too
//! (`round_mode: FLOOR` rounds down). With padding no window starts behind the input: if one would, it is left out.
//! **Without padding it stays**, as in Caffe, and is empty where the stride is longer than the kernel: its y is the
//! smallest f32 (MAX, with -1 as its place) or 0 (AVE, STOCHASTIC), and its dy goes nowhere.

use super::sizes::{Round, along, fit};
use super::windows::{Window, kernel, pad, stride, windows};
use crate::device::cpu::{Cpu, PIECE};
use crate::layer::*;
use crate::proto::pooling_parameter::{PoolMethod, RoundMode};
use crate::proto::{LayerParameter, PoolingParameter};
use crate::random::Random;
use crate::{Blob, Error, Result};
use std::ops::Range;

/// The place of a value that is none of the window's: beyond every plane.
const NOWHERE: u32 = u32::MAX;

/// What the top's shape depends on.
#[rustfmt::skip]
const FIELDS: &[&str] = &[
    "pooling_param.kernel_size", "pooling_param.kernel_h", "pooling_param.kernel_w",
    "pooling_param.pad", "pooling_param.pad_h", "pooling_param.pad_w",
    "pooling_param.stride", "pooling_param.stride_h", "pooling_param.stride_w", "pooling_param.round_mode",
];

/// The maximum of each window, its mean, or one of its values.
pub struct Pooling {
    name: String,
    param: PoolingParameter,
    method: PoolMethod,
    /// The axes H and W.
    axes: [Window; 2],
    /// The windows along W, made by forward: a table pays, as every row of every plane asks for them.
    columns: Vec<(Range<usize>, usize)>,
    /// Where each y, a maximum or drawn, stands in its plane; NOWHERE for an empty window.
    places: Vec<u32>,
}

impl Layer for Pooling {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.pooling_param.unwrap_or_default();
        let method = p.pool();
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
        if method == PoolMethod::Stochastic && pad(&p)? != [0; 2] {
            return fail("pad", "stochastic pooling takes no padding", "leave it out: a value of 0 is never drawn");
        }
        let (name, axes) = (param.name().to_string(), Default::default());
        Ok(Pooling { name, param: p, method, axes, columns: Vec::new(), places: Vec::new() })
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
        let cpu = cx.device.host();
        if self.method == PoolMethod::Stochastic {
            check_probabilities(x, bottom[0].shape())?;
        }
        match self.method {
            PoolMethod::Ave => self.mean(&cpu, x, y),
            PoolMethod::Stochastic if !cx.train() => self.expected(&cpu, x, y),
            method => {
                let mut places = std::mem::take(&mut self.places);
                places.resize(y.len(), 0);
                match method {
                    PoolMethod::Stochastic => self.draw(&cpu, cx.random(&self.name), x, y, &mut places),
                    _ => self.max(&cpu, x, y, &mut places),
                }
                if let Some(mask) = mask.first_mut() {
                    mask.data.slice_mut().iter_mut().zip(&places).for_each(|(mask, &at)| *mask = place(at));
                }
                self.places = places;
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
            let (dy, cpu) = (top[0].diff.slice(), cx.device.host());
            let Blob { data: x, diff: dx } = &mut bottom[0];
            let dx = dx.slice_mut();
            match self.method {
                PoolMethod::Ave => self.mean_backward(&cpu, dy, dx),
                PoolMethod::Stochastic if !cx.train() => self.expected_backward(&cpu, x.slice(), dy, dx),
                _ => self.place_backward(&cpu, dy, dx),
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        if self.method == PoolMethod::Stochastic { Needs::X } else { Needs::NOTHING }
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

    fn place_backward(&self, cpu: &Cpu, dy: &[f32], dx: &mut [f32]) {
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

    /// Draws one value of each window, and says where it stands.
    fn draw(&self, cpu: &Cpu, random: Random, x: &[f32], y: &mut [f32], places: &mut [u32]) {
        let (size, out) = self.plane();
        let len = self.piece() * out;
        cpu.pieces2((y, len), (places, len), |start, y, places| {
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
                    // Nothing is drawn of an empty window, nor where s is no number: then it shows.
                    (y[i], places[i]) = drawn.map_or((s, NOWHERE), |(at, x)| (x, at as u32));
                });
            }
        });
    }

    /// What `draw` gives in the mean.
    fn expected(&self, cpu: &Cpu, x: &[f32], y: &mut [f32]) {
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

    fn expected_backward(&self, cpu: &Cpu, x: &[f32], dy: &[f32], dx: &mut [f32]) {
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

/// A place as a number for the second top.
fn place(at: u32) -> f32 {
    if at == NOWHERE { -1.0 } else { at as f32 }
}

/// Refuses values that cannot be the parts of a probability.
fn check_probabilities(x: &[f32], shape: &[usize]) -> Result {
    let Some(at) = x.iter().position(|&x| x < 0.0) else { return Ok(()) };
    let (sample, place) = (at / (x.len() / shape[0]), at % (x.len() / shape[0]));
    Err(Error::value(format!(
        "stochastic pooling of {}, value {place} of sample {sample}: it has no probability",
        x[at]
    ))
    .field("pooling_param.pool")
    .hint("put a ReLU before the pooling, or use MAX or AVE"))
}
