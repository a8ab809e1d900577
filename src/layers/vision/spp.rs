//! # SPP: a pyramid of poolings, of one length for images of any size
//!
//! | blob        | shape                   | meaning |
//! |-------------|-------------------------|---------|
//! | `bottom[0]` | N x C x H x W           | x       |
//! | `top[0]`    | N x C (1 + 4 + 16 + ..) | y       |
//!
//! Level i divides each plane into 2^i x 2^i bins and pools each of them: a [`Pooling`] with a kernel and stride of
//! H / 2^i, rounded up, and enough padding for the bins to cover the plane (half of the excess, rounded up). y has the
//! levels one after the other, each as C x 2^i x 2^i values; dx is the sum of what the levels send back. With a single
//! level y keeps the shape N x C x 1 x 1, as in Caffe. `spp_param { pyramid_height pool }`: the number of levels, and
//! MAX (if not given), AVE or STOCHASTIC, which takes only planes that need no padding. He et al. 2014.

use super::pooling::Pooling;
use crate::layer::*;
use crate::layers::shape::parts::Parts;
use crate::proto::{PoolingParameter, SppParameter, spp_parameter};
use std::slice;

const KERNELS: Kernels = kernels!("spp");

/// Pools each plane into 1, 4, 16 .. bins.
pub struct Spp {
    name: String,
    param: SppParameter,
    /// The bottom's shape; for it the poolings, their tops, and where those stand in y.
    shape: Vec<usize>,
    poolings: Vec<Pooling>,
    tops: Vec<Blob>,
    parts: Parts,
    /// Its data are the sum of the poolings' dx.
    sum: Blob,
}

impl Layer for Spp {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.spp_param.unwrap_or_default();
        if p.pyramid_height() == 0 {
            return Err(Error::value("an SPP needs a pyramid_height of at least 1")
                .field("spp_param.pyramid_height")
                .hint("pyramid_height: 3 pools into 1, 4 and 16 bins"));
        }
        Ok(Spp {
            name: param.name().into(),
            param: p,
            shape: Vec::new(),
            poolings: Vec::new(),
            tops: Vec::new(),
            parts: Parts::new(),
            sum: Blob::default(),
        })
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let shape = bottom[0].shape();
        let &[num, channels, height, width] = shape else {
            return Err(Error::shape(format!("SPP needs a bottom of 4 axes, not of shape {shape:?}"))
                .hint("images are N x C x H x W"));
        };
        if self.shape != shape {
            self.shape.clear(); // no shape while it is being worked out
            self.poolings.clear();
            self.tops.clear();
            for level in 0..self.param.pyramid_height() {
                let (mut pooling, mut y) = (self.level(level, height, width)?, Blob::default());
                pooling.reshape(bottom, slice::from_mut(&mut y))?;
                self.poolings.push(pooling);
                self.tops.push(y);
            }
            self.shape.extend_from_slice(shape);
        }
        match &self.tops[..] {
            [one] => top[0].reshape_like(one)?,
            all => top[0].reshape(&[num, all.iter().map(|y| channels * y.count_in(2..4)).sum()])?,
        }
        self.parts.place(&top[0], &self.tops, 1);
        self.sum.reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let y = &mut top[0].data;
        for (i, (pooling, level)) in self.poolings.iter_mut().zip(&mut self.tops).enumerate() {
            pooling.forward(cx, &mut [], bottom, slice::from_mut(level))?;
            self.parts.join(cx.device, i, &level.data, y)?;
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, sum) = (&top[0].diff, &mut self.sum.data);
        for (i, (pooling, level)) in self.poolings.iter_mut().zip(&mut self.tops).enumerate() {
            self.parts.cut(cx.device, i, dy, &mut level.diff)?;
            pooling.backward(cx, &mut [], slice::from_ref(level), bottom)?;
            let dx = &bottom[0].diff;
            match cx.device {
                Device::Cpu(_) => {
                    if i == 0 {
                        sum.fill(0.0);
                    }
                    sum.slice_mut().iter_mut().zip(dx.slice()).for_each(|(sum, dx)| *sum += dx);
                }
                Device::Gpu(_) if i == 0 => sum.copy_from(dx)?,
                Device::Gpu(gpu) => {
                    let n = dx.count();
                    KERNELS.launch(gpu, "spp_add", n, args![n, dx, sum.updated()])?;
                }
            }
        }
        bottom[0].diff.copy_from(sum)
    }

    fn needs(&self) -> Needs {
        if self.param.pool() == spp_parameter::PoolMethod::Stochastic { Needs::X } else { Needs::NOTHING }
    }
}

impl Spp {
    /// The pooling of level `level`, for planes of this size.
    fn level(&self, level: u32, height: usize, width: usize) -> Result<Pooling> {
        let too_fine = || {
            Error::shape(format!("planes of {height} x {width} cannot be divided into 2^{level} x 2^{level} bins"))
                .field("spp_param.pyramid_height")
                .hint(format!("make pyramid_height {level} or less, or the planes larger"))
        };
        let bins = 1usize.checked_shl(level).ok_or_else(too_fine)?;
        let (mut kernels, mut pads) = ([None; 2], [None; 2]);
        for (i, size) in [height, width].into_iter().enumerate() {
            let kernel = size.div_ceil(bins);
            let pad = (kernel * bins - size).div_ceil(2);
            if pad >= kernel {
                return Err(too_fine());
            }
            if pad > 0 && self.param.pool() == spp_parameter::PoolMethod::Stochastic {
                let message = format!("stochastic pooling takes no padding, which planes of {height} x {width} need");
                return Err(Error::shape(message)
                    .field("spp_param.pool")
                    .hint(format!("make both sizes multiples of 2^{level}, or use MAX or AVE")));
            }
            (kernels[i], pads[i]) = (Some(kernel as u32), Some(pad as u32));
        }
        let pooling = PoolingParameter {
            pool: self.param.pool, // the same numbers
            kernel_h: kernels[0],
            kernel_w: kernels[1],
            stride_h: kernels[0],
            stride_w: kernels[1],
            pad_h: pads[0],
            pad_w: pads[1],
            ..PoolingParameter::default()
        };
        let name = Some(format!("{}.{level}", self.name));
        Pooling::new(&LayerParameter { name, pooling_param: Some(pooling), ..LayerParameter::default() })
    }
}
