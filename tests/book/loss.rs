//! Your own loss, for the page of answers.

use cortado::check::{Fill, Gradient, Harness};
use cortado::layer::*;
use cortado::proto::LayerParameter;
use cortado::{Blob, Error, Result};

// ANCHOR: loss
/// L = 1/N Σ |a - b|: an outlier pulls no harder than its neighbours.
struct AbsoluteLoss;

impl Layer for AbsoluteLoss {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(AbsoluteLoss)
    }

    fn arity(&self) -> Arity {
        Arity::loss(2..=2, 1..=1) // two bottoms; the top need not be named
    }

    fn loss_weight(&self, _top: usize) -> f32 {
        1.0 // the top is an objective, unless the prototxt says otherwise
    }

    fn propagates(&self, bottom: usize) -> bool {
        bottom == 0 // no gradient flows to the targets
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result<()> {
        if bottom[0].count() != bottom[1].count() {
            let (a, b) = (bottom[0].shape(), bottom[1].shape());
            return Err(Error::shape(format!("predictions of shape {a:?} and targets of shape {b:?}")));
        }
        top[0].reshape(&[]) // a scalar
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result<()> {
        let (a, b, n) = (bottom[0].data.slice(), bottom[1].data.slice(), bottom[0].num());
        let sum: f32 = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum();
        top[0].data.fill(sum / n as f32);
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result<()> {
        let [predictions, targets] = bottom else { return Ok(()) };
        let (n, dl) = (predictions.num(), top[0].diff.scalar()); // dl: the weight of this loss in the objective
        if cx.propagate_down[0] {
            let (a, b, da) = (predictions.data.slice(), targets.data.slice(), predictions.diff.slice_mut());
            for ((da, a), b) in da.iter_mut().zip(a).zip(b) {
                *da = dl * (a - b).signum() / n as f32;
            }
        }
        Ok(())
    }
}
// ANCHOR_END: loss

#[test]
fn it_is_right() -> Result<()> {
    let mut bench = Harness::new::<AbsoluteLoss>(&LayerParameter::default(), &[&[3, 4], &[3, 4]])?;
    bench.fill(0, Fill::Distinct(-2.0, 2.0));
    bench.fill(1, Fill::Uniform(5.0, 6.0));
    bench.check_forward(
        |x, _| vec![(&x[0] - &x[1]).mapv(f64::abs).sum_axis(ndarray::Axis(0)).sum_axis(ndarray::Axis(0)) / 3.0],
        1e-5,
    )?;
    let report = bench.check_gradient(&Gradient::default())?;
    assert_eq!((report.compared, report.skipped), (12, 0));
    Ok(())
}
