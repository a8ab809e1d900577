//! # ArgMax: where the largest values stand
//!
//! | blob        | shape                                                                     | meaning |
//! |-------------|---------------------------------------------------------------------------|---------|
//! | `bottom[0]` | N x ..                                                                    | x       |
//! | `top[0]`    | N x 1 x k; with `out_max_val` N x 2 x k; with `axis` as x, k on that axis | y       |
//!
//! Without `axis` all values of a sample are compared, and y has at least three axes, the rest of size 1: `y[n][0]` are
//! the places of the k largest, the largest first, and with `out_max_val: true` `y[n][1]` their values. With `axis`
//! (which may count from the end) the values along that axis are compared, and y holds their places, or with
//! `out_max_val` **only the values**. Of equal values the last comes first, as in Caffe; a NaN comes before all
//! numbers. `argmax_param { top_k }` is 1 if not given. Nothing flows back.

use crate::layer::*;
use crate::layers::groups::Groups;
use crate::proto::ArgMaxParameter;
use std::cmp::Ordering;

const KERNELS: Kernels = kernels!("arg_max");

/// The places of the largest values.
pub struct ArgMax {
    param: ArgMaxParameter,
    groups: Groups,
}

impl Layer for ArgMax {
    fn new(param: &LayerParameter) -> Result<Self> {
        let param = param.argmax_param.unwrap_or_default();
        if param.top_k() == 0 {
            return Err(Error::value("top_k is 0: nothing would come out")
                .field("argmax_param.top_k")
                .hint("top_k: 1 gives the place of the largest value"));
        }
        Ok(ArgMax { param, groups: Groups::default() })
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, k) = (&bottom[0], self.param.top_k() as usize);
        let y = match self.param.axis {
            Some(axis) => {
                let axis_of_x = x.axis(axis).map_err(|e| e.field("argmax_param.axis"))?;
                self.groups = Groups::of(x, axis)?;
                let mut y = x.shape().to_vec();
                y[axis_of_x] = k;
                y
            }
            None => {
                let n = x.count_in(1.min(x.num_axes())..x.num_axes());
                self.groups = Groups { outer: x.num(), n, inner: 1 };
                let mut y = vec![1; x.num_axes().max(3)];
                (y[0], y[1], y[2]) = (x.num(), if self.param.out_max_val() { 2 } else { 1 }, k);
                y
            }
        };
        if k > self.groups.n {
            let message = format!("the {k} largest of {} values, in a bottom of shape {:?}", self.groups.n, x.shape());
            return Err(Error::value(message)
                .field("argmax_param.top_k")
                .hint(format!("make top_k {} or less", self.groups.n)));
        }
        top[0].reshape(&y)
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y, k) = (&bottom[0].data, &mut top[0].data, self.param.top_k() as usize);
        if let Device::Gpu(gpu) = cx.device {
            let (Groups { n, inner, .. }, groups) = (self.groups, self.groups.count());
            // How many parts y has for a group, and which one holds the places, which one the values.
            let [parts, places, values]: [i32; 3] = match (self.param.axis, self.param.out_max_val()) {
                (Some(_), true) => [1, -1, 0],
                (None, true) => [2, 0, 1],
                (_, false) => [1, 0, -1],
            };
            let threads = n.next_power_of_two().clamp(32, 256);
            let args = args![n, inner, k, parts, places, values, x, y.over()];
            return KERNELS.launch_blocks(gpu, "arg_max_forward", groups, threads, args);
        }
        self.find(x.slice(), y.slice_mut(), k);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn propagates(&self, _: usize) -> bool {
        false
    }
}

impl ArgMax {
    /// The k largest of each group.
    fn find(&self, x: &[f32], y: &mut [f32], k: usize) {
        let (groups, values) = (self.groups, self.param.out_max_val());
        // Where the places and the values go, if at all: with an axis one replaces x, else one follows the other.
        let ranks = Groups { n: k, ..groups };
        let each = if values { 2 } else { 1 };
        let mut order: Vec<usize> = Vec::new();
        for group in 0..groups.count() {
            let value = |i: usize| x[groups.at(group, i)];
            let higher = |&a: &usize, &b: &usize| descending(value(a), value(b)).then(b.cmp(&a));
            order.clear();
            order.extend(0..groups.n);
            if k < order.len() {
                order.select_nth_unstable_by(k - 1, higher);
            }
            order[..k].sort_unstable_by(higher);
            for (rank, &i) in order[..k].iter().enumerate() {
                if self.param.axis.is_some() {
                    y[ranks.at(group, rank)] = if values { value(i) } else { i as f32 };
                    continue;
                }
                y[group * each * k + rank] = i as f32;
                if values {
                    y[group * each * k + k + rank] = value(i);
                }
            }
        }
    }
}

/// The larger value first, a NaN before all.
fn descending(a: f32, b: f32) -> Ordering {
    b.is_nan().cmp(&a.is_nan()).then(b.partial_cmp(&a).unwrap_or(Ordering::Equal))
}
