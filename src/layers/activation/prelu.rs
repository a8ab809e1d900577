//! # PReLU: y = max(0, x) + a min(0, x), with a learnt
//!
//! | blob        | shape                               | meaning                                 |
//! |-------------|-------------------------------------|-----------------------------------------|
//! | `bottom[0]` | N x C x ..                          | x                                       |
//! | `params[0]` | C; with `channel_shared: true` `[]` | a, a slope for each channel, or for all |
//! | `top[0]`    | as x                                | y                                       |
//!
//! dx = dy where x > 0, and a dy elsewhere; da is the sum of dy x over the values of the channel that are not positive.
//! `prelu_param { filler, channel_shared }`: without a filler a starts as 0.25. It may run in place: x is kept. He,
//! Zhang, Ren and Sun 2015.

use crate::device::OnCard;
use crate::layer::*;
use crate::layers::learnable::learnable;
use crate::layers::normalisation::spread::Spread;
use crate::proto::PReLuParameter;

const KERNELS: Kernels = kernels!("spread", "prelu");

/// ReLU with slopes below 0 that are learnt.
pub struct Prelu {
    name: String,
    param: PReLuParameter,
    /// The shape of a.
    shape: Vec<usize>,
    spread: Spread,
    of_share: OnCard<f32>,
}

impl Layer for Prelu {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Prelu {
            name: param.name().to_string(),
            param: param.prelu_param.clone().unwrap_or_default(),
            shape: Vec::new(),
            spread: Spread::default(),
            of_share: OnCard::default(),
        })
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        if bottom[0].num_axes() < 2 {
            return Err(Error::shape(format!("PReLU of a bottom of shape {:?}, without channels", bottom[0].shape()))
                .hint("the bottom needs at least two axes, N x C"));
        }
        self.shape = if self.param.channel_shared() { Vec::new() } else { vec![bottom[0].channels()] };
        let a = learnable(&self.shape, self.param.filler.as_ref(), 0.25, cx.random(&self.name), "prelu_param.filler")?;
        Ok(vec![a])
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        if !self.param.channel_shared() && bottom[0].shape().get(1) != self.shape.first() {
            let (shape, c) = (bottom[0].shape(), bottom[0].channels());
            let slopes = self.shape.iter().product::<usize>();
            return Err(Error::shape(format!(
                "a bottom of shape {shape:?} has {c} channels, and there are {slopes} slopes"
            ))
            .hint(
                "axis 1, the channels, must stay as it was at set-up; or share one slope with channel_shared: true",
            ));
        }
        self.spread = Spread::of(&bottom[0], &self.shape, 1, "prelu_param")?;
        top[0].reshape_like(&bottom[0])
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, a, y) = (&bottom[0].data, &params[0].data, &mut top[0].data);
        match cx.device {
            Device::Cpu(cpu) => {
                let a = a.slice();
                let of = |k| move |y: &mut f32, [x]: [f32; 1]| *y = if x > 0.0 { x } else { a[k] * x };
                self.spread.each(cpu, [x.slice()], y.slice_mut(), of);
                Ok(())
            }
            Device::Gpu(gpu) => self.spread.map(gpu, &KERNELS, "prelu_forward", &[x, a], y),
        }
    }

    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let Blob { data: a, diff: da } = &mut params[0];
        let (dy, spread, of_share) = (&top[0].diff, self.spread, &mut self.of_share);
        match cx.device {
            Device::Cpu(cpu) => {
                let (x, a, dy) = (x.slice(), a.slice(), dy.slice());
                cpu.scratch(x.len(), |below| {
                    below.iter_mut().zip(x).for_each(|(below, &x)| *below = if x > 0.0 { 0.0 } else { x });
                    spread.reduce(cpu, dy, Some(below), da.slice_mut());
                });
                if cx.propagate_down[0] {
                    let of = |k| move |dx: &mut f32, [x, dy]: [f32; 2]| *dx = if x > 0.0 { dy } else { a[k] * dy };
                    spread.each(cpu, [x, dy], dx.slice_mut(), of);
                }
            }
            Device::Gpu(gpu) => {
                spread.sum_on_card(gpu, &KERNELS, "prelu_backward_a", of_share, &[dy, x], da, true)?;
                if cx.propagate_down[0] {
                    spread.map(gpu, &KERNELS, "prelu_backward", &[x, a, dy], dx)?;
                }
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}
