//! Layers that work on each value alone: a formula and its slope, and how both are run on either device.

use crate::device::cpu::PIECE;
use crate::device::{Arg, AsArg};
use crate::layer::{Cx, Layer, Needs};
use crate::{Blob, Device};

// With `use super::pointwise::*` a layer's file has what they all need.
pub use crate::device::Passes;
pub(super) use crate::device::passes;
pub use crate::proto::LayerParameter;
pub use crate::{Error, Result};

/// y = f(x) for each value x. What implements this is a [`Layer`].
///
/// Its two kernels have a thread for each value: `name_forward(int n, float numbers.., In x, Out y)` and
/// `name_backward(int n, float numbers.., In z, In dy, Out dx)`, with z = x or y as [`SLOPE`](Pointwise::SLOPE) says.
pub trait Pointwise: Sized + Send + Sync + 'static {
    /// The kernels that do forward and backward.
    const KERNELS: Passes;
    /// What the slope is computed from.
    const SLOPE: Slope;

    /// Reads the parameters.
    ///
    /// # Errors
    /// A parameter that is missing or impossible.
    fn read(param: &LayerParameter) -> Result<Self>;

    /// The formula's constants, in the order in which both kernels take them.
    fn numbers(&self) -> Vec<f32> {
        Vec::new()
    }

    /// y
    fn y(&self, x: f32) -> f32;

    /// dx, from dy and z, which is x or y.
    fn dx(&self, z: f32, dy: f32) -> f32 {
        let _ = (z, dy);
        0.0
    }

    /// Whether a unit of input x and output y lets no gradient through.
    fn lets_nothing_through(&self, x: f32, y: f32) -> bool {
        let _ = (x, y);
        false
    }
}

/// What a slope is a function of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Slope {
    /// Of the input.
    OfX,
    /// Of the output, from which some slopes are easier to compute.
    OfY,
    /// It is 0 wherever there is one: nothing flows back.
    Zero,
}

impl<P: Pointwise> Layer for P {
    fn new(param: &LayerParameter) -> Result<Self> {
        P::read(param)
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        if let Device::Gpu(gpu) = cx.device {
            let n = x.count();
            let mut args = arguments(n, &self.numbers());
            args.extend([x.arg(), y.over()]);
            return P::KERNELS.kernels.launch(gpu, P::KERNELS.forward, n, &mut args);
        }
        let (layer, x) = (&*self, x.slice());
        cx.device.host().pieces(y.slice_mut(), PIECE, |start, y| {
            for (y, &x) in y.iter_mut().zip(&x[start..]) {
                *y = layer.y(x);
            }
        });
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let Blob { data: y, diff: dy } = &top[0];
        let z = if P::SLOPE == Slope::OfX { x } else { y };
        if let Device::Gpu(gpu) = cx.device {
            let n = dy.count();
            let mut args = arguments(n, &self.numbers());
            args.extend([z.arg(), dy.arg(), dx.over()]);
            return P::KERNELS.kernels.launch(gpu, P::KERNELS.backward, n, &mut args);
        }
        let (layer, z, dy) = (&*self, z.slice(), dy.slice());
        cx.device.host().pieces(dx.slice_mut(), PIECE, |start, dx| {
            for ((dx, &z), &dy) in dx.iter_mut().zip(&z[start..]).zip(&dy[start..]) {
                *dx = layer.dx(z, dy);
            }
        });
        Ok(())
    }

    fn needs(&self) -> Needs {
        match P::SLOPE {
            Slope::OfX => Needs::X,
            Slope::OfY => Needs::Y,
            Slope::Zero => Needs::NOTHING,
        }
    }

    fn propagates(&self, _: usize) -> bool {
        P::SLOPE != Slope::Zero
    }

    fn is_flat(&self, x: f32, y: f32) -> bool {
        self.lets_nothing_through(x, y)
    }
}

/// The first arguments of both kernels.
fn arguments(n: usize, numbers: &[f32]) -> Vec<Arg<'static>> {
    [n.arg()].into_iter().chain(numbers.iter().map(|&x| x.arg())).collect()
}
