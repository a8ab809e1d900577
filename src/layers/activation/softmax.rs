//! # Softmax: yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)
//!
//! | blob        | shape                  | meaning                                 |
//! |-------------|------------------------|-----------------------------------------|
//! | `bottom[0]` | any, classes on `axis` | x, a score for each class               |
//! | `top[0]`    | as x                   | y, probabilities: the classes' sum is 1 |
//!
//! The sum runs over the classes alone: every sample, and every place in an image, has a softmax of its own.
//! `softmax_param { axis }` is 1 if not given; -1 is the last. The largest score is subtracted first, which changes
//! nothing and keeps exp finite. dxᵢ = yᵢ (dyᵢ - Σⱼ dyⱼ yⱼ).

use crate::device::cpu::{Cpu, PIECE};
use crate::layer::*;
use crate::layers::groups::Groups;

const KERNELS: Kernels = kernels!("softmax");

/// Scores to probabilities.
pub struct Softmax {
    axis: i32,
    groups: Groups,
}

impl Layer for Softmax {
    fn new(param: &LayerParameter) -> Result<Self> {
        let axis = param.softmax_param.unwrap_or_default().axis();
        Ok(Softmax { axis, groups: Groups::default() })
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.groups = Groups::of(&bottom[0], self.axis).map_err(|e| e.field("softmax_param.axis"))?;
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        forward(cx.device, self.groups, &bottom[0].data, &mut top[0].data)
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let Blob { data: y, diff: dy } = &top[0];
        backward(cx.device, self.groups, [y, dy], &mut bottom[0].diff, false)
    }

    fn needs(&self) -> Needs {
        Needs::Y
    }
}

/// y = softmax(x) in every group.
pub(in crate::layers) fn forward(device: &Device, groups: Groups, x: &Values, y: &mut Values) -> Result {
    let (count, Groups { outer, n, inner }) = (groups.count(), groups);
    match device {
        Device::Cpu(cpu) => {
            softmax(cpu, groups, x.slice(), y.slice_mut());
            Ok(())
        }
        Device::Gpu(gpu) if inner == 1 => {
            KERNELS.launch_rows(gpu, "softmax_forward_row", outer, n, args![n, x, y.over()])
        }
        Device::Gpu(gpu) => KERNELS.launch(gpu, "softmax_forward", count, args![count, n, inner, x, y.over()]),
    }
}

/// dx = y (dy - Σ dy y) in every group, or that added to what dx holds.
pub(in crate::layers) fn backward(
    device: &Device,
    groups: Groups,
    [y, dy]: [&Values; 2],
    dx: &mut Values,
    add: bool,
) -> Result {
    let (count, Groups { outer, n, inner }) = (groups.count(), groups);
    match device {
        Device::Cpu(cpu) => {
            if !add {
                dx.fill(0.0);
            }
            cpu.scratch(inner, |dot| add_slope(groups, y.slice(), dy.slice(), dx.slice_mut(), dot));
            Ok(())
        }
        Device::Gpu(gpu) if inner == 1 => {
            let args = args![n, add, y, dy, if add { dx.updated() } else { dx.over() }];
            KERNELS.launch_rows(gpu, "softmax_backward_row", outer, n, args)
        }
        Device::Gpu(gpu) => {
            let args = args![count, n, inner, add, y, dy, if add { dx.updated() } else { dx.over() }];
            KERNELS.launch(gpu, "softmax_backward", count, args)
        }
    }
}

fn softmax(cpu: &Cpu, groups: Groups, x: &[f32], y: &mut [f32]) {
    let row = groups.row();
    let rows = (PIECE / row).max(1); // whole rows make a piece
    cpu.pieces(y, rows * row, |start, y| {
        cpu.scratch(2 * groups.inner, |work| softmax_rows(groups, &x[start..], y, work.split_at_mut(groups.inner)))
    });
}

/// `max` and `sum` are work memory for a row's groups.
fn softmax_rows(groups: Groups, x: &[f32], y: &mut [f32], (max, sum): (&mut [f32], &mut [f32])) {
    let (row, inner) = (groups.row(), groups.inner.max(1));
    for (x, y) in x.chunks_exact(row).zip(y.chunks_exact_mut(row)) {
        max.fill(f32::NEG_INFINITY);
        for x in x.chunks_exact(inner) {
            max.iter_mut().zip(x).for_each(|(max, &x)| *max = max.max(x));
        }
        sum.fill(0.0);
        for (x, y) in x.chunks_exact(inner).zip(y.chunks_exact_mut(inner)) {
            for (((y, x), max), sum) in y.iter_mut().zip(x).zip(&*max).zip(&mut *sum) {
                *y = (x - max).exp();
                *sum += *y;
            }
        }
        for y in y.chunks_exact_mut(inner) {
            y.iter_mut().zip(&*sum).for_each(|(y, sum)| *y /= sum);
        }
    }
}

/// dxᵢ += yᵢ (dyᵢ - Σⱼ dyⱼ yⱼ) in every group. `dot` is work memory for the sums of a row.
fn add_slope(groups: Groups, y: &[f32], dy: &[f32], dx: &mut [f32], dot: &mut [f32]) {
    let (row, inner) = (groups.row(), groups.inner.max(1));
    for ((y, dy), dx) in y.chunks_exact(row).zip(dy.chunks_exact(row)).zip(dx.chunks_exact_mut(row)) {
        dot.fill(0.0);
        for (y, dy) in y.chunks_exact(inner).zip(dy.chunks_exact(inner)) {
            for ((dot, y), dy) in dot.iter_mut().zip(y).zip(dy) {
                *dot += y * dy;
            }
        }
        let classes = y.chunks_exact(inner).zip(dy.chunks_exact(inner)).zip(dx.chunks_exact_mut(inner));
        for ((y, dy), dx) in classes {
            for (((dx, y), dy), dot) in dx.iter_mut().zip(y).zip(dy).zip(&*dot) {
                *dx += y * (dy - dot);
            }
        }
    }
}
