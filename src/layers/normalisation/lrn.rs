//! # LRN: y = x * scale^(-β), local response normalisation
//!
//! | blob        | shape         | meaning |
//! |-------------|---------------|---------|
//! | `bottom[0]` | N x C x H x W | x       |
//! | `top[0]`    | as x          | y       |
//!
//! scale = k + (α / n) * the sum of x² over a neighbourhood of n values: with `norm_region: ACROSS_CHANNELS` the
//! `local_size` channels around a value's own, at its place (Krizhevsky et al. 2012); with WITHIN_CHANNEL the square of
//! `local_size` x `local_size` places around it, in its channel, and k is 1. What lies outside counts as 0. Then
//!
//! ```text
//! dx = dy * scale^(-β) - (2 α β / n) * x * sum of (dy * y / scale) over the same neighbourhood
//! ```

use crate::device::OnCard;
use crate::device::cpu::Cpu;
use crate::layer::*;
use crate::layers::groups::Groups;
use crate::proto::LrnParameter;
use crate::proto::lrn_parameter::NormRegion;

const KERNELS: Kernels = kernels!("lrn");

/// Local response normalisation.
pub struct Lrn {
    region: NormRegion,
    local_size: usize,
    alpha: f32,
    beta: f32,
    k: f32,
    /// channels, height, width
    sizes: [usize; 3],
    scale: Vec<f32>,
    scale_on_card: OnCard<f32>,
}

impl Layer for Lrn {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p: LrnParameter = param.lrn_param.unwrap_or_default();
        if p.local_size().is_multiple_of(2) {
            return Err(Error::value(format!("LRN over {} values", p.local_size()))
                .field("lrn_param.local_size")
                .hint("local_size must be odd, so that a value stands in the middle"));
        }
        let k = if p.norm_region() == NormRegion::WithinChannel { 1.0 } else { p.k() };
        Ok(Lrn {
            region: p.norm_region(),
            local_size: p.local_size() as usize,
            alpha: p.alpha(),
            beta: p.beta(),
            k,
            sizes: [0; 3],
            scale: Vec::new(),
            scale_on_card: OnCard::default(),
        })
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let &[_, channels, height, width] = bottom[0].shape() else {
            return Err(Error::shape(format!("LRN needs a bottom of 4 axes, not of shape {:?}", bottom[0].shape()))
                .hint("images are N x C x H x W"));
        };
        self.sizes = [channels, height, width];
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y, a) = (&bottom[0].data, &mut top[0].data, self.alpha / self.neighbours());
        if let Device::Gpu(gpu) = cx.device {
            let (n, [c, h, w], [deep, wide]) = (x.count(), self.sizes, self.reach());
            let scale = self.scale_on_card.over(n);
            let args = args![n, c, h, w, deep, wide, self.k, a, self.beta, x, scale, y.over()];
            return KERNELS.launch(gpu, "lrn_forward", n, args);
        }
        let cpu = cx.device.host();
        let (x, image, mut scale) = (x.slice(), self.image(), std::mem::take(&mut self.scale));
        scale.resize(x.len(), 0.0);
        cpu.pieces2((y.slice_mut(), image), (&mut scale, image), |start, y, scale| {
            let x = &x[start..start + y.len()];
            y.iter_mut().zip(x).for_each(|(y, x)| *y = x * x);
            self.sums(&cpu, y, scale);
            scale.iter_mut().for_each(|scale| *scale = self.k + a * *scale);
            self.powers(scale, y);
            y.iter_mut().zip(x).for_each(|(y, x)| *y *= x);
        });
        self.scale = scale;
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let Blob { data: y, diff: dy } = &top[0];
        let a = 2.0 * self.alpha * self.beta / self.neighbours();
        if let Device::Gpu(gpu) = cx.device {
            let (n, [c, h, w], [deep, wide]) = (x.count(), self.sizes, self.reach());
            let args = args![n, c, h, w, deep, wide, a, self.beta, x, y, self.scale_on_card, dy, dx.over()];
            return KERNELS.launch(gpu, "lrn_backward", n, args);
        }
        let cpu = cx.device.host();
        let (x, y, dy) = (x.slice(), y.slice(), dy.slice());
        cpu.pieces(dx.slice_mut(), self.image(), |start, dx| {
            let here = start..start + dx.len();
            let (x, y, dy, scale) = (&x[here.clone()], &y[here.clone()], &dy[here.clone()], &self.scale[here]);
            cpu.scratch(2 * dx.len(), |buffer| {
                let (ratio, sums) = buffer.split_at_mut(dx.len());
                for (((ratio, y), dy), scale) in ratio.iter_mut().zip(y).zip(dy).zip(scale) {
                    *ratio = dy * y / scale;
                }
                self.sums(&cpu, ratio, sums);
                self.powers(scale, dx);
                for (((dx, x), dy), sum) in dx.iter_mut().zip(x).zip(dy).zip(sums) {
                    *dx = dy * *dx - a * x * *sum;
                }
            });
        });
        Ok(())
    }
}

impl Lrn {
    /// The values of an image.
    fn image(&self) -> usize {
        self.sizes.iter().product()
    }

    fn neighbours(&self) -> f32 {
        match self.region {
            NormRegion::AcrossChannels => self.local_size as f32,
            NormRegion::WithinChannel => (self.local_size as f32).powi(2),
        }
    }

    /// How far a neighbourhood reaches over channels, and over rows and columns; never beyond an image.
    fn reach(&self) -> [usize; 2] {
        let ([channels, height, width], half) = (self.sizes, self.local_size / 2);
        match self.region {
            NormRegion::AcrossChannels => [half.min(channels), 0],
            NormRegion::WithinChannel => [0, half.min(height.max(width))],
        }
    }

    /// scale^(-β). The usual β = 3/4 needs square roots only.
    fn powers(&self, scale: &[f32], powers: &mut [f32]) {
        let powers = powers.iter_mut().zip(scale);
        if self.beta == 0.75 {
            powers.for_each(|(power, scale)| *power = 1.0 / (scale.sqrt() * scale.sqrt().sqrt()));
        } else {
            powers.for_each(|(power, scale)| *power = scale.powf(-self.beta));
        }
    }

    /// The sum over the neighbourhood of each value of an image.
    fn sums(&self, cpu: &Cpu, x: &[f32], sums: &mut [f32]) {
        let [channels, height, width] = self.sizes;
        match self.region {
            NormRegion::AcrossChannels => {
                self.sums_along(x, Groups { outer: 1, n: channels, inner: height * width }, sums)
            }
            NormRegion::WithinChannel => cpu.scratch(x.len(), |rows| {
                self.sums_along(x, Groups { outer: channels * height, n: width, inner: 1 }, rows);
                self.sums_along(rows, Groups { outer: channels, n: height, inner: width }, sums);
            }),
        }
    }

    /// The sum over `local_size` values along the middle axis, with the value itself in the middle.
    fn sums_along(&self, x: &[f32], Groups { outer, n, inner }: Groups, sums: &mut [f32]) {
        let half = self.local_size / 2;
        for o in 0..outer {
            let (x, sums) = (&x[o * n * inner..][..n * inner], &mut sums[o * n * inner..][..n * inner]);
            for (i, sum) in sums.chunks_exact_mut(inner.max(1)).enumerate() {
                let neighbours = i.saturating_sub(half)..(i + half + 1).min(n);
                sum.fill(0.0);
                for x in x[neighbours.start * inner..neighbours.end * inner].chunks_exact(inner) {
                    sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
                }
            }
        }
    }
}
