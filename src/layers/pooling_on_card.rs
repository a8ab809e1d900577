//! Pooling's kernels.

use super::pooling::no_probability;
use super::windows::Window;
use crate::device::{Arg, Gpu, Kernels, OnCard, Refusal};
use crate::random::Random;
use crate::{Error, Kind, Result, Values};

/// The kernels of `kernels/pooling.cu`, and what forward found.
pub(super) struct PoolingOnCard {
    kernels: Kernels,
    geometry: OnCard<i32>,
    /// Where each y, a maximum or drawn, stands in its plane; -1 for an empty window.
    places: OnCard<i32>,
    negative: Refusal,
}

impl PoolingOnCard {
    /// Nothing is on the card yet.
    pub fn new() -> PoolingOnCard {
        PoolingOnCard {
            kernels: Kernels::new(include_str!("../../kernels/pooling.cu")),
            geometry: OnCard::default(),
            places: OnCard::default(),
            negative: Refusal::default(),
        }
    }

    /// The maximum of each window.
    pub fn max(&mut self, gpu: &Gpu, axes: [Window; 2], x: &Values, y: &mut Values) -> Result {
        let (n, geometry) = (y.count(), self.geometry.hold(gpu, &integers(axes)?)?);
        let args = &mut [n.into(), geometry, x.card(gpu)?, y.card_over(gpu)?, self.places.over(gpu, n)?];
        self.kernels.launch(gpu, "pooling_max", n, args)
    }

    /// The places as the numbers of the second top.
    pub fn mask(&mut self, gpu: &Gpu, mask: &mut Values) -> Result {
        let n = mask.count();
        let args = &mut [n.into(), self.places.get()?, mask.card_over(gpu)?];
        self.kernels.launch(gpu, "pooling_mask", n, args)
    }

    /// dx of what was the maximum, or drawn.
    pub fn place_backward(&mut self, gpu: &Gpu, axes: [Window; 2], dy: &Values, dx: &mut Values) -> Result {
        let (n, geometry) = (dx.count(), self.geometry.hold(gpu, &integers(axes)?)?);
        let args = &mut [n.into(), geometry, self.places.get()?, dy.card(gpu)?, dx.card_over(gpu)?];
        self.kernels.launch(gpu, "pooling_place_backward", n, args)
    }

    /// The mean of each window.
    pub fn mean(&mut self, gpu: &Gpu, axes: [Window; 2], x: &Values, y: &mut Values) -> Result {
        let (n, geometry) = (y.count(), self.geometry.hold(gpu, &integers(axes)?)?);
        let args = &mut [n.into(), geometry, x.card(gpu)?, y.card_over(gpu)?];
        self.kernels.launch(gpu, "pooling_ave", n, args)
    }

    /// dx of the mean.
    pub fn mean_backward(&mut self, gpu: &Gpu, axes: [Window; 2], dy: &Values, dx: &mut Values) -> Result {
        let (n, geometry) = (dx.count(), self.geometry.hold(gpu, &integers(axes)?)?);
        let args = &mut [n.into(), geometry, dy.card(gpu)?, dx.card_over(gpu)?];
        self.kernels.launch(gpu, "pooling_ave_backward", n, args)
    }

    /// Refuses values that cannot be the parts of a probability.
    pub fn check(&mut self, gpu: &Gpu, x: &Values) -> Result {
        let (n, shape) = (x.count(), x.shape().to_vec());
        let refusal = self.negative.arg(gpu, move |at, x| no_probability(&shape, at, x))?;
        self.kernels.launch(gpu, "pooling_check", n, &mut [n.into(), x.card(gpu)?, refusal])
    }

    /// Draws one value of each window.
    pub fn draw(&mut self, gpu: &Gpu, axes: [Window; 2], random: Random, x: &Values, y: &mut Values) -> Result {
        let (n, geometry, dial) = (y.count(), self.geometry.hold(gpu, &integers(axes)?)?, gpu.dial()?);
        let [low, high] = random.name().map(Arg::from);
        let (x, y, places) = (x.card(gpu)?, y.card_over(gpu)?, self.places.over(gpu, n)?);
        let args = &mut [n.into(), geometry, Arg::InInt(&*dial, 3), low, high, x, y, places];
        self.kernels.launch(gpu, "pooling_draw", n, args)
    }

    /// What `draw` gives in the mean.
    pub fn expected(&mut self, gpu: &Gpu, axes: [Window; 2], x: &Values, y: &mut Values) -> Result {
        let (n, geometry) = (y.count(), self.geometry.hold(gpu, &integers(axes)?)?);
        let args = &mut [n.into(), geometry, x.card(gpu)?, y.card_over(gpu)?];
        self.kernels.launch(gpu, "pooling_expected", n, args)
    }

    /// dx of what is given in the mean.
    pub fn expected_backward(
        &mut self,
        gpu: &Gpu,
        axes: [Window; 2],
        x: &Values,
        dy: &Values,
        dx: &mut Values,
    ) -> Result {
        let (n, geometry) = (dx.count(), self.geometry.hold(gpu, &integers(axes)?)?);
        let args = &mut [n.into(), geometry, x.card(gpu)?, dy.card(gpu)?, dx.card_over(gpu)?];
        self.kernels.launch(gpu, "pooling_expected_backward", n, args)
    }
}

/// Both axes as the kernels read them.
fn integers(axes: [Window; 2]) -> Result<[i32; 10]> {
    let mut integers = [0; 10];
    for (Window { size, kernel, stride, pad, out }, five) in axes.into_iter().zip(integers.chunks_exact_mut(5)) {
        // Beyond the padded input no window holds anything, so a longer stride changes nothing; no place that a kernel works
        // out lies beyond twice its length and a window.
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
