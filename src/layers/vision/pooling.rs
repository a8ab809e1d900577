//! # Pooling: the maximum of a window, its mean, or one of its values at random
//!
//! | blob        | shape         | meaning                                               |
//! |-------------|---------------|-------------------------------------------------------|
//! | `bottom[0]` | N x C x H x W | x                                                     |
//! | `top[0]`    | N x C x outs  | y                                                     |
//! | `top[1]`    | as `top[0]`   | MAX only: where the maximum stands in its H x W plane |
//!
//! MAX: y is the largest x in the window, and dy goes to its place (the first one, if there are several). AVE: y is the
//! sum over the window divided by its size, and dy / size goes to every place. The size counts padding, as far as the
//! padded input reaches. STOCHASTIC (Zeiler and Fergus 2013): while training, y is one x of the window, drawn with
//! probability x / s, where s is the sum over the window, and dy goes to its place; while testing, y is the expected
//! value, the sum of x^2 / s, and dx = dy (2 x - y) / s (all 0 where s is 0). No x may be negative.
//!
//! Output i is drawn by number i of the layer's [stream](crate::random) in this pass: the first x at which the sum so
//! far reaches that number times s.
//!
//! out = (size + 2 pad - kernel) / stride + 1 rounded *up*, as a last window that is only partly filled counts too
//! (`round_mode: FLOOR` rounds down). With padding no window starts beyond the input: if one would, it is left out.
//! **Without padding it stays**, as in Caffe, and is empty where the stride is longer than the kernel: its y is the
//! smallest f32 (MAX, with -1 as its place) or 0 (AVE, STOCHASTIC), and its dy goes nowhere.

use super::pooling_on_card::PoolingOnCard;
use super::pooling_on_cpu::PoolingOnCpu;
use super::sizes::{Round, along, fit};
use super::windows::{Window, kernel, no_probability, pad, stride, windows};
use crate::layer::*;
use crate::proto::PoolingParameter;
use crate::proto::pooling_parameter::{PoolMethod, RoundMode};

/// What the top's shape depends on.
#[rustfmt::skip]
const FIELDS: &[&str] = &[
    "pooling_param.kernel_size", "pooling_param.kernel_h", "pooling_param.kernel_w",
    "pooling_param.pad", "pooling_param.pad_h", "pooling_param.pad_w",
    "pooling_param.stride", "pooling_param.stride_h", "pooling_param.stride_w", "pooling_param.round_mode",
];

/// The maximum of each window, its mean, or one of its values.
pub struct Pooling {
    name: String,
    param: PoolingParameter,
    method: PoolMethod,
    /// The axes H and W.
    axes: [Window; 2],
    on_cpu: PoolingOnCpu,
    on_card: PoolingOnCard,
}

impl Layer for Pooling {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.pooling_param.unwrap_or_default();
        let method = p.pool();
        let fail = |field: &str, message: &str, hint: &str| {
            Err(Error::value(message).field(format!("pooling_param.{field}")).hint(hint))
        };
        if p.global_pooling() {
            if p.kernel_size.is_some() || p.kernel_h.is_some() || p.kernel_w.is_some() {
                return fail("global_pooling", "global pooling takes the whole plane", "leave the kernel's size out");
            }
            let (pad, stride) = (pad(&p)?, stride(&p)?);
            if pad != [0; 2] || stride != [1; 2] {
                return fail("global_pooling", "global pooling has pad 0 and stride 1", "leave pad and stride out");
            }
        } else {
            kernel(&p)?;
        }
        if method == PoolMethod::Stochastic && pad(&p)? != [0; 2] {
            return fail("pad", "stochastic pooling takes no padding", "leave it out: a value of 0 is never drawn");
        }
        let (name, axes) = (param.name().to_string(), Default::default());
        Ok(Pooling { name, param: p, method, axes, on_cpu: PoolingOnCpu::default(), on_card: PoolingOnCard::default() })
    }

    fn arity(&self) -> Arity {
        Arity::range(1..=1, 1..=if self.method == PoolMethod::Max { 2 } else { 1 })
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let &[num, channels, height, width] = bottom[0].shape() else {
            return Err(Error::shape(format!(
                "Pooling needs a bottom of 4 axes, not of shape {:?}",
                bottom[0].shape()
            ))
            .hint("images are N x C x H x W"));
        };
        if height == 0 || width == 0 {
            let message = format!("Pooling of empty planes, in a bottom of shape {:?}", bottom[0].shape());
            return Err(Error::shape(message).hint("give the planes a height and a width of 1 or more"));
        }
        let p = &self.param;
        let kernel = if p.global_pooling() { [height, width] } else { kernel(p)? };
        self.axes = windows(p.round_mode(), [height, width], kernel, stride(p)?, pad(p)?)?;
        let [h, w] = self.axes.map(|axis| axis.out);
        top.iter_mut().try_for_each(|top| top.reshape(&[num, channels, h, w])).map_err(|e| e.field("pooling_param"))
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let [top, mask @ ..] = top else { return Err(Error::shape("Pooling needs a top")) };
        let (x, y, axes) = (&bottom[0].data, &mut top.data, self.axes);
        let random = cx.train().then(|| cx.random(&self.name));
        if let Device::Gpu(gpu) = cx.device {
            self.on_card.forward(gpu, axes, self.method, random, x, y)?;
            return mask.iter_mut().try_for_each(|mask| self.on_card.mask(gpu, &mut mask.data));
        }
        let (x, y, on_cpu, cpu) = (x.slice(), y.slice_mut(), &mut self.on_cpu, &cx.device.host());
        if self.method == PoolMethod::Stochastic {
            check_probabilities(x, bottom[0].shape())?;
        }
        on_cpu.set(axes);
        match (self.method, random) {
            (PoolMethod::Max, _) => on_cpu.max(cpu, x, y),
            (PoolMethod::Ave, _) => on_cpu.mean(cpu, x, y),
            (PoolMethod::Stochastic, Some(random)) => on_cpu.draw(cpu, random, x, y),
            (PoolMethod::Stochastic, None) => on_cpu.expected(cpu, x, y),
        }
        mask.iter_mut().for_each(|mask| on_cpu.mask(mask.data.slice_mut()));
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let (dy, drew) = (&top[0].diff, cx.train());
        if let Device::Gpu(gpu) = cx.device {
            return self.on_card.backward(gpu, self.axes, self.method, drew, [x, dy], dx);
        }
        let (dy, dx, on_cpu, cpu) = (dy.slice(), dx.slice_mut(), &self.on_cpu, &cx.device.host());
        match self.method {
            PoolMethod::Ave => on_cpu.mean_backward(cpu, dy, dx),
            PoolMethod::Stochastic if !drew => on_cpu.expected_backward(cpu, x.slice(), dy, dx),
            _ => on_cpu.place_backward(cpu, dy, dx),
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        if self.method == PoolMethod::Stochastic { Needs::X } else { Needs::NOTHING }
    }

    fn shape_arithmetic(&self, _: &[&[usize]]) -> Option<Arithmetic> {
        if self.param.global_pooling() {
            let text = "1 along each axis: global_pooling takes the whole plane".into();
            return Some(Arithmetic { text, fields: &["pooling_param.global_pooling"] });
        }
        let round = if self.param.round_mode() == RoundMode::Floor { Round::Down } else { Round::Up };
        let sums = self.axes.map(|w| fit([w.size, w.pad, w.kernel, 1, w.stride, w.out], round));
        Some(Arithmetic { text: along(2, &sums), fields: FIELDS })
    }
}

/// Refuses values that cannot be the parts of a probability.
fn check_probabilities(x: &[f32], shape: &[usize]) -> Result {
    x.iter().position(|&x| x < 0.0).map_or(Ok(()), |at| Err(no_probability(shape, at, x[at])))
}
