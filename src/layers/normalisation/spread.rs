//! How a smaller blob is spread over a larger one (Scale, Bias): its shape is a run of the larger one's axes.
//!
//! ```text
//! x   2 x 3 x 4 x 5      axis 1, num_axes 2
//! s       3 x 4          outer 2, count 12, inner 5: x[o, k, i] meets s[k]
//! ```

use super::sums::{dot, sum, sum_and_dot};
use crate::blob::Values;
use crate::device::cpu::PIECE;
use crate::device::{Arg, AsArg, Cpu, Gpu, Kernels, OnCard, kernels};
use crate::{Blob, Device, Error, Result, args};
use std::array::from_fn;
use std::ops::Range;

const KERNELS: Kernels = kernels!("spread");

/// x as outer x count x inner, s as count.
#[derive(Clone, Copy, Default, Debug)]
pub(in crate::layers) struct Spread {
    pub outer: usize,
    pub count: usize,
    pub inner: usize,
}

/// The shape that a parameter for `num_axes` axes of `x` from `axis` on has; -1 axes mean all that follow.
///
/// # Errors
/// x has too few axes; `field` names the message of the layer's parameters.
pub(in crate::layers) fn shape(x: &Blob, axis: i32, num_axes: i32, field: &str) -> Result<Vec<usize>> {
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

    /// Runs over y, in parallel if it has several runs of `inner` values: `of(k)` is what is done to each value that meets `s[k]`,
    /// given the inputs' values at its place.
    pub fn each<const N: usize, Put>(
        &self,
        cpu: &Cpu,
        x: [&[f32]; N],
        y: &mut [f32],
        of: impl Fn(usize) -> Put + Sync + Send,
    ) where
        Put: Fn(&mut f32, [f32; N]),
    {
        // Where a run is a single value, a row of them is taken together.
        let (count, inner) = (self.count.max(1), self.inner.max(1));
        let run = if inner == 1 { count } else { inner };
        cpu.pieces(y, PIECE.div_ceil(run) * run, |start, y| {
            for (i, y) in (start / run..).zip(y.chunks_exact_mut(run)) {
                let x: [&[f32]; N] = from_fn(|n| &x[n][i * run..][..run]);
                if inner == 1 {
                    y.iter_mut().enumerate().for_each(|(k, y)| of(k)(y, from_fn(|n| x[n][k])));
                } else {
                    let put = of(i % count);
                    y.iter_mut().enumerate().for_each(|(j, y)| put(y, from_fn(|n| x[n][j])));
                }
            }
        });
    }

    /// ds[k] += Σ dy[o, k, i] x[o, k, i], or without x the sum of dy alone.
    pub fn reduce(&self, cpu: &Cpu, dy: &[f32], x: Option<&[f32]>, ds: &mut [f32]) {
        cpu.pieces(ds, self.sums_in_piece(), |start, ds| {
            for (k, ds) in (start..).zip(ds) {
                let runs = self.runs(k);
                let total: f64 = match x {
                    Some(x) if self.inner == 1 => runs.map(|i| dy[i.start] as f64 * x[i.start] as f64).sum(),
                    None if self.inner == 1 => runs.map(|i| dy[i.start] as f64).sum(),
                    Some(x) => runs.map(|i| dot(&dy[i.clone()], &x[i])).sum(),
                    None => runs.map(|i| sum(&dy[i])).sum(),
                };
                *ds += total as f32;
            }
        });
    }

    /// Both in one pass over dy: ds with x, and db without.
    pub fn reduce_both(&self, cpu: &Cpu, dy: &[f32], x: &[f32], ds: &mut [f32], db: &mut [f32]) {
        if self.inner == 1 {
            self.reduce(cpu, dy, Some(x), ds);
            return self.reduce(cpu, dy, None, db);
        }
        let len = self.sums_in_piece();
        cpu.pieces2((ds, len), (db, len), |start, ds, db| {
            for (k, (ds, db)) in (start..).zip(ds.iter_mut().zip(db)) {
                let (of_dy, of_dyx) = sum_and_dot(dy, x, self.runs(k));
                (*ds, *db) = (*ds + of_dyx as f32, *db + of_dy as f32);
            }
        });
    }

    /// Where the values stand that meet s[k].
    fn runs(&self, k: usize) -> impl Iterator<Item = Range<usize>> {
        let Spread { outer, count, inner } = *self;
        (0..outer).map(move |o| (o * count + k) * inner..(o * count + k + 1) * inner)
    }

    fn sums_in_piece(&self) -> usize {
        let few = self.outer * self.count * self.inner < PIECE;
        if few { self.count } else { self.count.div_ceil(16) }
    }

    /// The same on either device; without `add` the old ds does not count.
    pub fn reduce_on(
        &self,
        device: &Device,
        of_share: &mut OnCard<f32>,
        dy: &Values,
        x: Option<&Values>,
        ds: &mut Values,
        add: bool,
    ) -> Result {
        match (device, x) {
            (Device::Cpu(cpu), _) => {
                if !add {
                    ds.fill(0.0);
                }
                self.reduce(cpu, dy.slice(), x.map(Values::slice), ds.slice_mut());
                Ok(())
            }
            (Device::Gpu(gpu), Some(x)) => self.sum_on_card(gpu, &KERNELS, "spread_dot", of_share, &[dy, x], ds, add),
            (Device::Gpu(gpu), None) => self.sum_on_card(gpu, &KERNELS, "spread_sum", of_share, &[dy], ds, add),
        }
    }

    /// A kernel that has a thread for each value: `name(int n, int count, int inner, In read.., Out y)`.
    pub fn map(&self, gpu: &Gpu, kernels: &Kernels, name: &str, read: &[&Values], y: &mut Values) -> Result {
        let n = y.count();
        let mut args = vec![n.arg(), self.count.arg(), self.inner.arg()];
        args.extend(read.iter().map(|x| x.arg()));
        args.push(y.over());
        kernels.launch(gpu, name, n, &mut args)
    }

    /// A kernel that adds up what meets each s:
    /// `name(int outer, int count, int inner, int shares, int add, In read.., Out ds)`, like those of
    /// `kernels/spread.cu`. `of_share` takes what the blocks that share a sum leave.
    #[allow(clippy::too_many_arguments)]
    pub fn sum_on_card(
        &self,
        gpu: &Gpu,
        kernels: &Kernels,
        name: &str,
        of_share: &mut OnCard<f32>,
        read: &[&Values],
        ds: &mut Values,
        add: bool,
    ) -> Result {
        let Spread { outer, count, inner } = *self;
        let (len, ds) = (outer * inner, if add { ds.updated() } else { ds.over() });
        let shares = shares(count, len);
        let sizes = [outer, count, inner, shares].map(AsArg::arg);
        let mut args: Vec<Arg> = sizes.into_iter().chain([(add && shares == 1).arg()]).collect();
        args.extend(read.iter().map(|x| x.arg()));
        if shares == 1 {
            args.push(ds);
            return kernels.launch_rows(gpu, name, count, len, &mut args);
        }
        args.push(of_share.over(count * shares));
        kernels.launch_rows(gpu, name, count * shares, len / shares, &mut args)?;
        let one = 1_usize; // share of what the shares left
        KERNELS.launch_rows(gpu, "spread_sum", count, shares, args![one, count, shares, one, add, *of_share, ds])
    }
}

/// The number of blocks that share each of `sums` sums of `len` values: enough to keep a card busy even if there are few
/// sums, yet few enough that each block has work.
pub(in crate::layers) fn shares(sums: usize, len: usize) -> usize {
    (1024 / sums.max(1)).min(len / 8192).max(1)
}
