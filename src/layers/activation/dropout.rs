//! # Dropout: y = m x, with m = 0 or 1 / (1 - p) at random
//!
//! | blob        | shape | meaning |
//! |-------------|-------|---------|
//! | `bottom[0]` | any   | x       |
//! | `top[0]`    | as x  | y       |
//!
//! While training, each value is dropped (m = 0) with probability p, `dropout_param { dropout_ratio }`, 0.5 if not
//! given; the others are enlarged so that the mean stays ("inverted" dropout). While testing, y = x. dx = m dy.
//!
//! Element i is dropped if number i of the layer's [stream](crate::random) in this pass is below p: the same elements
//! for any number of threads, and others in the next pass. Srivastava et al., JMLR 2014.

use crate::device::cpu::PIECE;
use crate::device::{CardArg, OnCard};
use crate::layer::*;
use crate::random::unit;

const KERNELS: Kernels = kernels!("dropout");

/// Drops values at random while training.
pub struct Dropout {
    name: String,
    /// The probability p of dropping a value.
    ratio: f32,
    /// m of the last forward; empty after one that dropped nothing.
    mask: Vec<f32>,
    mask_on_card: OnCard<f32>,
}

impl Layer for Dropout {
    fn new(param: &LayerParameter) -> Result<Self> {
        let ratio = param.dropout_param.unwrap_or_default().dropout_ratio();
        if !(0.0..1.0).contains(&ratio) {
            return Err(Error::value(format!("dropout_ratio is {ratio}; it must be at least 0 and below 1"))
                .field("dropout_param.dropout_ratio")
                .hint("dropout_ratio is the share of values to drop: 0.5 drops every other one"));
        }
        Ok(Dropout { name: param.name().into(), ratio, mask: Vec::new(), mask_on_card: OnCard::default() })
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y, p) = (&bottom[0].data, &mut top[0].data, self.ratio);
        if !cx.train() {
            self.mask.clear();
            self.mask_on_card.clear();
            return cx.device.copy(x, y);
        }
        let (random, kept) = (cx.random(&self.name), 1.0 / (1.0 - p));
        if let Device::Gpu(gpu) = cx.device {
            let (n, dial, [low, high]) = (x.count(), gpu.dial()?, random.name());
            let mask = self.mask_on_card.over(n);
            let args = args![n, p, kept, CardArg::InInt(&*dial, 3), low, high, x, mask, y.over()];
            return KERNELS.launch(gpu, "dropout_forward", n, args);
        }
        let (x, y, m) = (x.slice(), y.slice_mut(), &mut self.mask);
        m.resize(x.len(), 0.0);
        cx.device.host().pieces2((m, PIECE), (y, PIECE), |start, m, y| {
            for (i, m) in m.chunks_mut(4).enumerate() {
                let bits = random.block((start / 4 + i) as u32); // PIECE is a multiple of 4
                m.iter_mut().zip(bits).for_each(|(m, bits)| *m = if unit(bits) < p { 0.0 } else { kept });
            }
            for ((y, x), m) in y.iter_mut().zip(&x[start..]).zip(m) {
                *y = *m * x;
            }
        });
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, dx) = (&top[0].diff, &mut bottom[0].diff);
        match cx.device {
            _ if self.mask.is_empty() && self.mask_on_card.is_empty() => cx.device.copy(dy, dx),
            Device::Cpu(_) => {
                for ((dx, dy), m) in dx.slice_mut().iter_mut().zip(dy.slice()).zip(&self.mask) {
                    *dx = m * dy;
                }
                Ok(())
            }
            Device::Gpu(gpu) => {
                let n = dy.count();
                let args = args![n, self.mask_on_card, dy, dx.over()];
                KERNELS.launch(gpu, "dropout_backward", n, args)
            }
        }
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
