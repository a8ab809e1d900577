//! # BatchNorm: y = (x - μ) / √(v + ε), for each channel
//!
//! | blob        | shape            | meaning                                       |
//! |-------------|------------------|-----------------------------------------------|
//! | `bottom[0]` | N x C x .., or N | x                                             |
//! | `top[0]`    | as x             | y, with mean 0 and variance 1 in each channel |
//! | `params[0]` | C                | running mean, times the factor                |
//! | `params[1]` | C                | running variance, times the factor            |
//! | `params[2]` | 1                | the factor                                    |
//!
//! While training, μ and v are the mean and variance of the batch, over its m = N·.. values of the channel; while
//! testing they are the running ones, divided by the factor. `batch_norm_param { use_global_stats }` chooses for both
//! phases: true takes the running ones, false the batch's. A forward on the batch's (with false in the TEST phase too)
//! updates the running ones with a = `moving_average_fraction` (0.999):
//!
//! mean ← a mean + μ, variance ← a variance + v m/(m-1), factor ← a factor + 1.
//!
//! So the factor is the sum of all weights given so far, and dividing by it makes a true mean from the first step on.
//! Backward, with r = 1 / √(v + ε): dx = r (dy - mean(dy) - y mean(y dy)) on batch statistics, which move with x, and
//! dx = r dy on running ones, which do not. `eps` is ε, 1e-5. No solver trains the three blobs; the gain and shift of
//! Ioffe and Szegedy (2015) are a Scale layer that follows.

use super::spread::{Spread, shares};
use super::sums::{squares, sum, sum_and_dot};
use crate::device::cpu::PIECE;
use crate::device::{Cpu, Gpu, OnCard};
use crate::layer::*;
use crate::layers::groups::Groups;
use crate::proto::BatchNormParameter;

const KERNELS: Kernels = kernels!("batch_norm");

/// Gives each channel mean 0 and variance 1.
pub struct BatchNorm {
    param: BatchNormParameter,
    /// For how many channels there are statistics.
    channels: Option<usize>,
    /// x as N x C x the rest.
    groups: Groups,
    /// Of the last forward: μ and r of each channel, and whether μ and v were the batch's.
    mu: Vec<f32>,
    r: Vec<f32>,
    batch: bool,
    /// μ and v of each channel in forward, mean(dy) and mean(y dy) in backward.
    sums: Vec<(f64, f64)>,
    on_card: OfChannels,
}

/// On a card, for each channel: μ and r of the last forward, mean(dy) and mean(y dy) of a backward; and what blocks
/// that share a channel leave, two numbers each.
#[derive(Default)]
struct OfChannels {
    of_share: OnCard<f32>,
    mu: OnCard<f32>,
    r: OnCard<f32>,
    mean_dy: OnCard<f32>,
    mean_ydy: OnCard<f32>,
}

impl Layer for BatchNorm {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.batch_norm_param.unwrap_or_default();
        let (eps, a) = (p.eps(), p.moving_average_fraction());
        if !(eps >= 0.0 && eps.is_finite()) {
            return Err(Error::value(format!("eps is {eps}"))
                .field("batch_norm_param.eps")
                .hint("eps is a small number, 0 or more: 1e-5, for example"));
        }
        if !(0.0..=1.0).contains(&a) {
            return Err(Error::value(format!("moving_average_fraction is {a}"))
                .field("batch_norm_param.moving_average_fraction")
                .hint("it is the share of the old statistics that is kept, from 0 to 1: 0.999, for example"));
        }
        if let Some(i) = param.param.iter().position(|spec| spec.lr_mult.is_some_and(|lr_mult| lr_mult != 0.0)) {
            return Err(Error::value("the statistics of a BatchNorm are not learned by the solver")
                .field(format!("param[{i}].lr_mult"))
                .hint("leave lr_mult out, or make it 0; a gain and a shift that are learned make a Scale layer"));
        }
        let (groups, on_card) = (Groups::default(), OfChannels::default());
        Ok(BatchNorm {
            param: p,
            channels: None,
            groups,
            mu: Vec::new(),
            r: Vec::new(),
            batch: true,
            sums: Vec::new(),
            on_card,
        })
    }

    fn setup(&mut self, _: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        let channels = groups(&bottom[0])?.n;
        self.channels = Some(channels);
        let shapes = [[channels], [channels], [1]];
        shapes.iter().map(|shape| Ok(Param::statistic(Blob::new(shape)?))).collect()
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let groups = groups(&bottom[0])?;
        if let Some(c) = self.channels.filter(|c| *c != groups.n) {
            let shape = bottom[0].shape();
            return Err(Error::shape(format!(
                "a bottom of shape {shape:?}, where there are statistics of {c} channels"
            ))
            .hint("axis 1, the channels, must stay as it was at set-up"));
        }
        self.groups = groups;
        self.mu.resize(groups.n, 0.0);
        self.r.resize(groups.n, 0.0);
        self.sums.resize(groups.n, (0.0, 0.0));
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let m = self.groups.count();
        self.batch = !self.param.use_global_stats.unwrap_or(!cx.train()) && m > 0;
        let cpu = match cx.device {
            Device::Gpu(gpu) => return self.forward_gpu(gpu, params, &bottom[0], &mut top[0]),
            Device::Cpu(cpu) => cpu,
        };
        let (x, y, a, eps) =
            (bottom[0].data.slice(), top[0].data.slice_mut(), self.param.moving_average_fraction(), self.param.eps());
        let [mean, variance, factor] = params else { return Err(Error::shape("BatchNorm has three blobs")) };
        let (mean, variance, factor) =
            (mean.data.slice_mut(), variance.data.slice_mut(), &mut factor.data.slice_mut()[0]);
        if self.batch {
            *factor = a * *factor + 1.0;
        }
        let groups = self.groups;
        if self.batch {
            // Of each image the mean and the squares about it, while its values are in the cache; then μ, and v about it.
            self.each_channel(cpu, |c| {
                let (mut total, mut total_of_squares) = (0.0, 0.0);
                for x in groups.slices(c).map(|i| &x[i]) {
                    let sum = sum(x);
                    let mean = sum / x.len() as f64;
                    total += sum;
                    total_of_squares += squares(x, mean) + sum * mean;
                }
                let mu = total / m as f64;
                (mu, (total_of_squares / m as f64 - mu * mu).max(0.0))
            });
        }
        for c in 0..groups.n {
            let (mu, v) = if self.batch {
                let (mu, v) = self.sums[c];
                let unbiased = if m > 1 { v * m as f64 / (m - 1) as f64 } else { v };
                mean[c] = a * mean[c] + mu as f32;
                variance[c] = a * variance[c] + unbiased as f32;
                (mu as f32, v as f32)
            } else {
                let scale = if *factor == 0.0 { 0.0 } else { 1.0 / *factor };
                (scale * mean[c], scale * variance[c])
            };
            (self.mu[c], self.r[c]) = (mu, 1.0 / (v + eps).sqrt());
        }
        let (mu, r) = (&self.mu[..], &self.r[..]);
        self.spread().each(cpu, [x], y, |c| move |y, [x]| *y = (x - mu[c]) * r[c]);
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let cpu = match cx.device {
            Device::Gpu(gpu) => return self.backward_gpu(gpu, &top[0], &mut bottom[0]),
            Device::Cpu(cpu) => cpu,
        };
        let (y, dy, dx) = (top[0].data.slice(), top[0].diff.slice(), bottom[0].diff.slice_mut());
        let (groups, m) = (self.groups, self.groups.count() as f64);
        if self.batch {
            self.each_channel(cpu, |c| {
                let (sum_dy, sum_ydy) = sum_and_dot(dy, y, groups.slices(c));
                (sum_dy / m, sum_ydy / m)
            });
        } else {
            self.sums.fill((0.0, 0.0));
        }
        let (r, sums) = (&self.r[..], &self.sums[..]);
        self.spread().each(cpu, [dy, y], dx, |c| {
            let (r, mean_dy, mean_ydy) = (r[c], sums[c].0 as f32, sums[c].1 as f32);
            move |dx, [dy, y]| *dx = r * (dy - mean_dy - y * mean_ydy)
        });
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::Y
    }
}

impl BatchNorm {
    /// Two means of each channel, in parallel.
    fn each_channel(&mut self, cpu: &Cpu, means: impl Fn(usize) -> (f64, f64) + Sync + Send) {
        let len = if self.groups.n * self.groups.count() < PIECE { self.groups.n } else { 1 };
        cpu.pieces(&mut self.sums, len, |start, sums| {
            (start..).zip(sums).for_each(|(c, sums)| *sums = means(c));
        });
    }

    /// How μ and r are spread over x.
    fn spread(&self) -> Spread {
        let Groups { outer, n: count, inner } = self.groups;
        Spread { outer, count, inner }
    }

    fn forward_gpu(&mut self, gpu: &Gpu, params: &mut [Blob], x: &Blob, y: &mut Blob) -> Result {
        let (x, y, a, eps) = (&x.data, &mut y.data, self.param.moving_average_fraction(), self.param.eps());
        let [mean, variance, factor] = params else { return Err(Error::shape("BatchNorm has three blobs")) };
        let (mean, variance, factor) = (&mut mean.data, &mut variance.data, &mut factor.data);
        let (n, m, Groups { n: channels, inner, .. }) = (x.count(), self.groups.count(), self.groups);
        let OfChannels { mu, r, of_share, .. } = &mut self.on_card;
        if self.batch {
            let shares = shares(channels, m);
            let args = args![channels, inner, m, shares, x, of_share.over(2 * channels * shares)];
            KERNELS.launch_rows(gpu, "batch_norm_share", channels * shares, m / shares, args)?;
            let args = args![
                m,
                shares,
                a,
                eps,
                of_share,
                mean.updated(),
                variance.updated(),
                factor.updated(),
                mu.over(channels),
                r.over(channels)
            ];
            KERNELS.launch_rows(gpu, "batch_norm_batch", channels, shares, args)?;
        } else {
            let args = args![channels, eps, mean, variance, factor, mu.over(channels), r.over(channels)];
            KERNELS.launch(gpu, "batch_norm_running", channels, args)?;
        }
        let args = args![n, channels, inner, x, mu, r, y.over()];
        KERNELS.launch(gpu, "batch_norm_forward", n, args)
    }

    fn backward_gpu(&mut self, gpu: &Gpu, y: &Blob, x: &mut Blob) -> Result {
        let (y, dy, dx) = (&y.data, &y.diff, &mut x.diff);
        let (n, m, Groups { n: channels, inner, .. }) = (dx.count(), self.groups.count(), self.groups);
        let OfChannels { r, mean_dy, mean_ydy, of_share, .. } = &mut self.on_card;
        if !self.batch {
            let args = args![n, channels, inner, dy, r, dx.over()];
            return KERNELS.launch(gpu, "batch_norm_backward_running", n, args);
        }
        let shares = shares(channels, m);
        let args = args![channels, inner, m, shares, y, dy, of_share.over(2 * channels * shares)];
        KERNELS.launch_rows(gpu, "batch_norm_backward_share", channels * shares, m / shares, args)?;
        let args = args![m, shares, of_share, mean_dy.over(channels), mean_ydy.over(channels)];
        KERNELS.launch_rows(gpu, "batch_norm_means", channels, shares, args)?;
        let args = args![n, channels, inner, y, dy, r, mean_dy, mean_ydy, dx.over()];
        KERNELS.launch(gpu, "batch_norm_backward", n, args)
    }
}

/// x as N x C x the rest; a bottom of one axis is one channel.
fn groups(x: &Blob) -> Result<Groups> {
    match x.num_axes() {
        0 => Err(Error::shape("BatchNorm of a scalar").hint("the bottom needs an axis of samples")),
        1 => Ok(Groups { outer: x.count(), n: 1, inner: 1 }),
        _ => Groups::of(x, 1),
    }
}
