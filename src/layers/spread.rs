//! How a smaller blob is spread over a larger one (Scale, Bias): its shape is a run of the larger one's axes.
//!
//! ```text
//! x   2 x 3 x 4 x 5      axis 1, num_axes 2
//! s       3 x 4          outer 2, count 12, inner 5: x[o, k, i] meets s[k]
//! ```

use super::sums::{dot, sum};
use crate::blob::Values;
use crate::device::{Arg, Gpu, Kernels, OnCard};
use crate::{Blob, Device, Error, Result};

/// x as outer x count x inner, s as count.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Spread {
    pub outer: usize,
    pub count: usize,
    pub inner: usize,
}

/// The shape that a parameter for `num_axes` axes of `x` from `axis` on has; -1 axes mean all that follow.
///
/// # Errors
/// There are not so many axes; `field` names the message of the layer's parameters.
pub(super) fn shape(x: &Blob, axis: i32, num_axes: i32, field: &str) -> Result<Vec<usize>> {
    if num_axes == 0 {
        return Ok(Vec::new());
    }
    let first = x.axis(axis).map_err(|e| e.field(format!("{field}.axis")))?;
    let rest = &x.shape()[first..];
    match num_axes {
        -1 => Ok(rest.to_vec()),
        n if n > 0 && n as usize <= rest.len() => Ok(rest[..n as usize].to_vec()),
        n => Err(Error::shape(format!("num_axes {n} from axis {axis} of a bottom of shape {:?}", x.shape()))
            .field(format!("{field}.num_axes"))
            .hint(format!("num_axes is -1 for all that follow, or 0 to {}", rest.len()))),
    }
}

impl Spread {
    /// `s` over the axes of `x` from `axis` on. A scalar goes everywhere.
    ///
    /// # Errors
    /// The axes of s are not axes of x; the message names both shapes.
    pub fn of(x: &Blob, s: &[usize], axis: i32, field: &str) -> Result<Spread> {
        if s.is_empty() {
            return Ok(Spread { outer: 1, count: 1, inner: x.count() });
        }
        let first = x.axis(axis).map_err(|e| e.field(format!("{field}.axis")))?;
        if !x.shape()[first..].starts_with(s) {
            return Err(Error::shape(format!("shape {s:?} does not fit bottom[0]'s {:?} at axis {first}", x.shape()))
                .hint("it must be a run of bottom[0]'s axes that starts at `axis`"));
        }
        let end = first + s.len();
        Ok(Spread { outer: x.count_in(0..first), count: x.count_in(first..end), inner: x.count_in(end..x.num_axes()) })
    }

    /// Calls `put(y, x, s)` for every value of x with the s that it meets.
    pub fn each(&self, x: &[f32], s: &[f32], y: &mut [f32], put: impl Fn(&mut f32, f32, f32)) {
        let (row, inner) = ((self.count * self.inner).max(1), self.inner.max(1));
        for (x, y) in x.chunks_exact(row).zip(y.chunks_exact_mut(row)) {
            if inner == 1 {
                y.iter_mut().zip(x).zip(s).for_each(|((y, &x), &s)| put(y, x, s));
                continue;
            }
            for ((x, y), &s) in x.chunks_exact(inner).zip(y.chunks_exact_mut(inner)).zip(s) {
                y.iter_mut().zip(x).for_each(|(y, &x)| put(y, x, s));
            }
        }
    }

    /// y += s, with the s that each value of y meets.
    pub fn add(&self, s: &[f32], y: &mut [f32]) {
        for row in y.chunks_exact_mut((self.count * self.inner).max(1)) {
            for (y, s) in row.chunks_exact_mut(self.inner.max(1)).zip(s) {
                y.iter_mut().for_each(|y| *y += s);
            }
        }
    }

    /// ds[k] += Σ dy[o, k, i] x[o, k, i], or without x the sum of dy alone.
    pub fn reduce(&self, dy: &[f32], x: Option<&[f32]>, ds: &mut [f32]) {
        for (k, ds) in ds.iter_mut().enumerate() {
            let slices = (0..self.outer).map(|o| {
                let start = (o * self.count + k) * self.inner;
                start..start + self.inner
            });
            let total: f64 = match x {
                Some(x) => slices.map(|i| dot(&dy[i.clone()], &x[i])).sum(),
                None => slices.map(|i| sum(&dy[i])).sum(),
            };
            *ds += total as f32;
        }
    }

    /// The same on either device; without `add` the old ds does not count.
    pub fn reduce_on(
        &self,
        device: &Device,
        sums: &mut Sums,
        dy: &Values,
        x: Option<&Values>,
        ds: &mut Values,
        add: bool,
    ) -> Result {
        match (device, x) {
            (Device::Cpu(_), _) => {
                if !add {
                    ds.fill(0.0);
                }
                self.reduce(dy.slice(), x.map(Values::slice), ds.slice_mut());
                Ok(())
            }
            (Device::Gpu(gpu), Some(x)) => self.sum_on_card(sums, gpu, "spread_dot", &[dy, x], ds, add),
            (Device::Gpu(gpu), None) => self.sum_on_card(sums, gpu, "spread_sum", &[dy], ds, add),
        }
    }

    /// A kernel that has a thread for each value: `name(int n, int count, int inner, In read.., Out y)`.
    pub fn map(&self, kernels: &mut Kernels, gpu: &Gpu, name: &str, read: &[&Values], y: &mut Values) -> Result {
        let n = y.count();
        let mut args = vec![n.into(), self.count.into(), self.inner.into()];
        for x in read {
            args.push(x.card(gpu)?);
        }
        args.push(y.card_over(gpu)?);
        kernels.launch(gpu, name, n, &mut args)
    }

    /// A kernel that adds up what meets each s: `name(int outer, int count, int inner, int shares, int add, In read.., Out
    /// ds)`, like those of `kernels/spread.cu`, which stand before it.
    pub fn sum_on_card(
        &self,
        Sums { kernels, of_share }: &mut Sums,
        gpu: &Gpu,
        name: &str,
        read: &[&Values],
        ds: &mut Values,
        add: bool,
    ) -> Result {
        let Spread { outer, count, inner } = *self;
        let (len, add) = (outer * inner, i32::from(add));
        let shares = shares(count, len);
        let mut launch = |name, [outer, inner, shares]: [usize; 3], add: i32, buffers: Vec<Arg>| {
            let mut args = vec![outer.into(), count.into(), inner.into(), shares.into(), add.into()];
            args.extend(buffers);
            kernels.launch_rows(gpu, name, count * shares, outer * inner / shares, &mut args)
        };
        let old = if add == 1 { ds.card_mut(gpu)? } else { ds.card_over(gpu)? };
        let mut buffers = read.iter().map(|x| x.card(gpu)).collect::<Result<Vec<Arg>>>()?;
        if shares == 1 {
            buffers.push(old);
            return launch(name, [outer, inner, 1], add, buffers);
        }
        buffers.push(of_share.over(gpu, count * shares)?);
        launch(name, [outer, inner, shares], 0, buffers)?;
        launch("spread_sum", [1, shares, 1], add, vec![of_share.get()?, old])
    }
}

/// How many blocks share a sum of `len` values, of `sums` such sums: few sums shall keep a whole card busy, too, and a block
/// shall have enough to do.
pub(super) fn shares(sums: usize, len: usize) -> usize {
    (1024 / sums.max(1)).min(len / 8192).max(1)
}

/// What a layer needs for [sums on a card](Spread::sum_on_card).
pub(super) struct Sums {
    /// Those of the layer and, before them, of `kernels/spread.cu`.
    pub kernels: Kernels,
    of_share: OnCard<f32>,
}

impl Sums {
    /// Nothing is on the card yet.
    pub fn new(source: &'static str) -> Sums {
        Sums { kernels: Kernels::new(source), of_share: OnCard::default() }
    }
}
