//! Pooling's kernels.

use super::windows::{Window, no_probability};
use crate::device::{CardArg, Gpu, Kernels, OnCard, Refusal, kernels};
use crate::proto::pooling_parameter::PoolMethod;
use crate::random::Random;
use crate::{Error, Kind, Result, Values, args};

const KERNELS: Kernels = kernels!("pooling");

/// What the kernels read, and what forward found.
#[derive(Default)]
pub(super) struct PoolingOnCard {
    geometry: OnCard<i32>,
    /// Where each y, a maximum or drawn, stands in its plane; -1 for an empty window.
    places: OnCard<i32>,
    negative: Refusal,
}

impl PoolingOnCard {
    /// y: each window's maximum, its mean, a value that is drawn, or, without `random`, its expected value.
    pub fn forward(
        &mut self,
        gpu: &Gpu,
        axes: [Window; 2],
        method: PoolMethod,
        random: Option<Random>,
        x: &Values,
        y: &mut Values,
    ) -> Result {
        if method == PoolMethod::Stochastic {
            let (n, shape) = (x.count(), x.shape().to_vec());
            let refusal = self.negative.explain(gpu, move |at, x| no_probability(&shape, at, x))?;
            KERNELS.launch(gpu, "pooling_check", n, args![n, x, refusal])?;
        }
        let (n, geometry) = (y.count(), self.geometry.hold(gpu, &integers(axes)?)?);
        match (method, random) {
            (PoolMethod::Max, _) => {
                KERNELS.launch(gpu, "pooling_max", n, args![n, geometry, x, y.over(), self.places.over(n)])
            }
            (PoolMethod::Ave, _) => KERNELS.launch(gpu, "pooling_ave", n, args![n, geometry, x, y.over()]),
            (PoolMethod::Stochastic, Some(random)) => {
                let (dial, [low, high], places) = (gpu.dial()?, random.name(), self.places.over(n));
                let args = args![n, geometry, CardArg::InInt(&*dial, 3), low, high, x, y.over(), places];
                KERNELS.launch(gpu, "pooling_draw", n, args)
            }
            (PoolMethod::Stochastic, None) => {
                KERNELS.launch(gpu, "pooling_expected", n, args![n, geometry, x, y.over()])
            }
        }
    }

    /// The places as the numbers of the second top.
    pub fn mask(&mut self, gpu: &Gpu, mask: &mut Values) -> Result {
        let n = mask.count();
        KERNELS.launch(gpu, "pooling_mask", n, args![n, self.places, mask.over()])
    }

    /// dx, of a pooling that drew if `drew` says so.
    pub fn backward(
        &mut self,
        gpu: &Gpu,
        axes: [Window; 2],
        method: PoolMethod,
        drew: bool,
        [x, dy]: [&Values; 2],
        dx: &mut Values,
    ) -> Result {
        let (n, geometry) = (dx.count(), self.geometry.hold(gpu, &integers(axes)?)?);
        match method {
            PoolMethod::Ave => KERNELS.launch(gpu, "pooling_ave_backward", n, args![n, geometry, dy, dx.over()]),
            PoolMethod::Stochastic if !drew => {
                KERNELS.launch(gpu, "pooling_expected_backward", n, args![n, geometry, x, dy, dx.over()])
            }
            _ => KERNELS.launch(gpu, "pooling_place_backward", n, args![n, geometry, self.places, dy, dx.over()]),
        }
    }
}

/// Both axes as the kernels read them.
fn integers(axes: [Window; 2]) -> Result<[i32; 10]> {
    let mut integers = [0; 10];
    for (Window { size, kernel, stride, pad, out }, five) in axes.into_iter().zip(integers.chunks_exact_mut(5)) {
        // Beyond the padded input no window holds anything, so a longer stride changes nothing; no place that a kernel
        // works out lies beyond twice its length and a window.
        let padded = size + 2 * pad;
        if i32::try_from(2 * padded + kernel).is_err() {
            return Err(Error::new(Kind::Device, format!("pooling along {size} values is too much for a card"))
                .field("pooling_param")
                .hint("make the planes smaller, or use the CPU"));
        }
        five.copy_from_slice(&[size, kernel, stride.min(padded), pad, out].map(|value| value as i32));
    }
    Ok(integers)
}
