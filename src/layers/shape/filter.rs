//! # Filter: the samples that a selector lets through
//!
//! | blob        | shape                                | meaning                       |
//! |-------------|--------------------------------------|-------------------------------|
//! | `bottom[i]` | N x ..                               | x_i                           |
//! | last bottom | N, or N x 1 x ..                     | s: not 0 for a sample to keep |
//! | `top[i]`    | as x_i, with as many samples as kept | y_i                           |
//!
//! y_i holds the samples n of x_i with s\[n\] not 0, in their order. dx_i is dy_i at those samples, and 0 at the
//! others; nothing flows into s. **The tops' shape depends on values**: every forward shapes them anew. While a net is
//! built nothing is known of s yet, and all samples count; afterwards there may be none, and the layers above get an
//! empty batch. As the host keeps the shapes, every forward copies s from the GPU to the host, and the numbers of the
//! samples back; the samples themselves stay there.
//!
//! If x_0 learns and x_1 is its label, a loss above must say `propagate_down: true propagate_down: false`: for the net,
//! all tops of a layer depend on all of its bottoms.

use crate::device::OnCard;
use crate::layer::*;

const KERNELS: Kernels = kernels!("filter");

/// Lets some samples through.
pub struct Filter {
    /// Which bottom is s.
    selector: usize,
    /// Whether the net has been built, so that s has values.
    built: bool,
    /// The samples let through.
    kept: Vec<usize>,
    /// On a card: which sample of y each sample of x becomes, or -1.
    place: OnCard<i32>,
}

impl Layer for Filter {
    fn new(param: &LayerParameter) -> Result<Self> {
        let (selector, place) = (param.bottom.len().saturating_sub(1), OnCard::default());
        Ok(Filter { selector, built: false, kept: Vec::new(), place })
    }

    fn arity(&self) -> Arity {
        Arity::range(2..=usize::MAX, 1..=usize::MAX)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let [xs @ .., s] = bottom else { return Err(Error::shape("Filter needs a selector")) };
        self.selector = xs.len();
        if xs.len() != top.len() {
            let message = format!("Filter has {} bottoms and a selector, and {} tops", xs.len(), top.len());
            return Err(Error::new(Kind::Net, message)
                .field("top")
                .hint("give a top for each bottom but the last, which is the selector"));
        }
        if s.num_axes() == 0 || s.count_in(1..s.num_axes()) != 1 {
            return Err(Error::shape(format!("the selector, the last bottom, has shape {:?}", s.shape()))
                .field(format!("bottom[{}]", xs.len()))
                .hint("it has one value for each sample: N, or N x 1"));
        }
        if let Some((i, x)) = xs.iter().enumerate().find(|(_, x)| x.num_axes() == 0 || x.num() != s.num()) {
            let (x, s) = (x.shape(), s.shape());
            return Err(Error::shape(format!("bottom[{i}] has shape {x:?} and the selector, the last bottom, {s:?}"))
                .field(format!("bottom[{i}]"))
                .hint("the selector has one value for each sample"));
        }
        let built = std::mem::replace(&mut self.built, true);
        self.kept.clear();
        self.kept.extend((0..s.num()).filter(|&n| !built || s.data.slice()[n] != 0.0));
        for (x, y) in xs.iter().zip(top) {
            y.reshape(&[&[self.kept.len()], &x.shape()[1..]].concat())?;
        }
        Ok(())
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        if let Device::Gpu(gpu) = cx.device {
            let mut place = vec![-1; bottom[self.selector].num()];
            self.kept.iter().zip(0..).for_each(|(&n, to)| place[n] = to);
            self.place.clear(); // so that it is copied, and seen to be: a pass with a Filter is not to be replayed
            self.place.hold(gpu, &place)?;
        }
        for (x, y) in bottom.iter().zip(top) {
            let sample = x.count() / x.num().max(1);
            let (x, y) = (&x.data, &mut y.data);
            match cx.device {
                Device::Cpu(_) => {
                    for (y, &n) in y.slice_mut().chunks_exact_mut(sample.max(1)).zip(&self.kept) {
                        y.copy_from_slice(&x.slice()[n * sample..][..sample]);
                    }
                }
                Device::Gpu(gpu) => {
                    let n = x.count();
                    KERNELS.launch(gpu, "filter_forward", n, args![n, sample, self.place, x, y.over()])?;
                }
            }
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        for ((x, y), _) in bottom.iter_mut().zip(top).zip(cx.propagate_down).filter(|(_, wanted)| **wanted) {
            let sample = x.count() / x.num().max(1);
            let (dy, dx) = (&y.diff, &mut x.diff);
            match cx.device {
                Device::Cpu(_) => {
                    let dx = dx.slice_mut();
                    dx.fill(0.0);
                    for (dy, &n) in dy.slice().chunks_exact(sample.max(1)).zip(&self.kept) {
                        dx[n * sample..][..sample].copy_from_slice(dy);
                    }
                }
                Device::Gpu(gpu) => {
                    let n = dx.count();
                    KERNELS.launch(gpu, "filter_backward", n, args![n, sample, self.place, dy, dx.over()])?;
                }
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn propagates(&self, bottom: usize) -> bool {
        bottom != self.selector
    }
}
