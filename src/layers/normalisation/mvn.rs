//! # MVN: y = (x - μ) / (s + ε), mean and variance normalised
//!
//! | blob        | shape            | meaning                                               |
//! |-------------|------------------|-------------------------------------------------------|
//! | `bottom[0]` | N x C x .., or N | x                                                     |
//! | `top[0]`    | as x             | y, with mean 0 and standard deviation 1 in each group |
//!
//! A group is one channel of one sample, or with `mvn_param { across_channels: true }` one whole sample; μ and s are
//! the mean and standard deviation of its values. `normalize_variance: false` gives y = x - μ. `eps` is ε, 1e-9 if not
//! given.
//!
//! dx = (dy - mean(dy) - y mean(y dy)) / (s + ε), the means again over the group. As in Caffe this is the slope for
//! ε = 0: the last term lacks a factor (s + ε) / s, which nobody sees unless ε is large beside s. Without the variance
//! dx is dy - mean(dy).

use super::sums::{dot, squares, sum};
use crate::device::OnCard;
use crate::device::cpu::PIECE;
use crate::layer::*;
use crate::proto::MvnParameter;

const KERNELS: Kernels = kernels!("mvn");

/// Gives each channel of each sample mean 0 and variance 1.
pub struct Mvn {
    param: MvnParameter,
    /// m, the values of a group.
    m: usize,
    /// 1 / (s + ε) of each group of the last forward.
    r: Vec<f32>,
    /// The same on a card.
    r_there: OnCard<f32>,
}

impl Layer for Mvn {
    fn new(param: &LayerParameter) -> Result<Self> {
        let param = param.mvn_param.unwrap_or_default();
        if !(param.eps() >= 0.0 && param.eps().is_finite()) {
            return Err(Error::value(format!("eps is {}", param.eps()))
                .field("mvn_param.eps")
                .hint("eps is a small number, 0 or more: 1e-9, for example"));
        }
        Ok(Mvn { param, m: 1, r: Vec::new(), r_there: OnCard::default() })
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let x = &bottom[0];
        let of_groups = if self.param.across_channels() { 1 } else { 2 }.min(x.num_axes());
        self.m = x.count_in(of_groups..x.num_axes()).max(1);
        self.r.resize(x.count() / self.m, 0.0);
        top[0].reshape_like(x)
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y, m) = (&bottom[0].data, &mut top[0].data, self.m);
        let (variance, eps) = (self.param.normalize_variance(), self.param.eps());
        if let Device::Gpu(gpu) = cx.device {
            let rows = x.count() / m;
            let args = args![m, variance, eps, x, y.over(), self.r_there.over(rows)];
            return KERNELS.launch_rows(gpu, "mvn_forward", rows, m, args);
        }
        let (x, y, r, eps) = (x.slice(), y.slice_mut(), &mut self.r, eps as f64);
        let groups = (PIECE / m).max(1); // whole groups make a piece
        cx.device.host().pieces2((y, groups * m), (r, groups), |start, y, r| {
            for ((x, y), r) in x[start..].chunks_exact(m).zip(y.chunks_exact_mut(m)).zip(r) {
                let mu = sum(x) / m as f64;
                *r = if variance { 1.0 / ((squares(x, mu) / m as f64).sqrt() + eps) } else { 1.0 } as f32;
                y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mu as f32) * *r);
            }
        });
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (y, dy, dx) = (&top[0].data, &top[0].diff, &mut bottom[0].diff);
        let (r, m, variance) = (&self.r, self.m, self.param.normalize_variance());
        if let Device::Gpu(gpu) = cx.device {
            let rows = dx.count() / m;
            let y = if variance { y } else { dy }; // else it is not needed, and may be gone
            let args = args![m, variance, y, dy, self.r_there, dx.over()];
            return KERNELS.launch_rows(gpu, "mvn_backward", rows, m, args);
        }
        let (y, dy, dx) = (y.slice(), dy.slice(), dx.slice_mut());
        let groups = (PIECE / m).max(1);
        cx.device.host().pieces(dx, groups * m, |start, dx| {
            let of_y = y[start..].chunks_exact(m).zip(dy[start..].chunks_exact(m));
            for ((dx, (y, dy)), r) in dx.chunks_exact_mut(m).zip(of_y).zip(&r[start / m..]) {
                let mean_dy = (sum(dy) / m as f64) as f32;
                if !variance {
                    dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx = dy - mean_dy);
                    continue;
                }
                let mean_ydy = (dot(y, dy) / m as f64) as f32;
                for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                    *dx = r * (dy - mean_dy - y * mean_ydy);
                }
            }
        });
        Ok(())
    }

    fn needs(&self) -> Needs {
        if self.param.normalize_variance() { Needs::Y } else { Needs::NOTHING }
    }
}
