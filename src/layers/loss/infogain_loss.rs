//! # InfogainLoss: L = -1/D Σₙ Σ_c H[lₙ, c] ln y[n, c], with y the softmax of x
//!
//! | blob        | shape                         | meaning                                       |
//! |-------------|-------------------------------|-----------------------------------------------|
//! | `bottom[0]` | N x C x .., classes on `axis` | x, a score for each class                     |
//! | `bottom[1]` | N x .. (N·.. values)          | l, the right class of each sample (and place) |
//! | `bottom[2]` | C·C values                    | H, row by row, if it is not in a file         |
//! | `top[0]`    | `[]`                          | L, the loss                                   |
//! | `top[1]`    | as x, optional                | y, the probabilities                          |
//!
//! H[l, c] is the worth of calling an l a c. With ones on the diagonal and zeros elsewhere this is SoftmaxWithLoss;
//! other numbers on the diagonal weigh rare classes up, others beside it forgive a confusion. H is `bottom[2]`, or the
//! blob of the .binaryproto `infogain_loss_param { source }`. `infogain_loss_param { axis }` is 1 if not given;
//! `loss_param { ignore_label, normalization }` are SoftmaxWithLoss's. A probability below 1e-20 counts as 1e-20.
//!
//! dx[n, c] = dL/D (y[n, c] Σ_k H[lₙ, k] - H[lₙ, c]), and with `top[1]` Softmax's own dx is added, so that its diff is
//! not lost as in Caffe. No gradient flows to H.

use super::formula::*;
use super::labels::{Labels, bounded};
use crate::data::binaryproto;
use crate::device::OnCard;
use crate::proto::InfogainLossParameter;

/// A cross entropy in which each confusion has its worth.
pub type InfogainLoss = Loss<Infogain>;

/// The formula of [`InfogainLoss`].
pub struct Infogain {
    param: InfogainLossParameter,
    /// H, if it came from a file.
    h: Values,
    labels: Labels,
    /// Σ_k H[l, k] for each l, on a card.
    row: OnCard<f32>,
}

impl Formula for Infogain {
    const KERNELS: Passes = passes!("loss", "infogain_loss");
    const TERMS: Terms = Terms::Values;
    const NORMALIZATION: Option<NormalizationMode> = Some(NormalizationMode::Valid);
    const BOTTOMS: RangeInclusive<usize> = 2..=3;
    const SOFTMAX: bool = true;

    fn new(param: &LayerParameter) -> Result<Self> {
        let labels = Labels::new("loss_param", param.loss_param.and_then(|p| p.ignore_label));
        let param = param.infogain_loss_param.clone().unwrap_or_default();
        Ok(Infogain { param, h: Values::default(), labels, row: OnCard::default() })
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result {
        if bottom.len() == 2 {
            if self.param.source().is_empty() {
                return Err(Error::value("InfogainLoss has no matrix H").field("infogain_loss_param").hint(
                    "name a file of it in infogain_loss_param { source: \"..\" }, or give it as a third bottom",
                ));
            }
            let hint = "H is a .binaryproto, as caffe.io.array_to_blobproto makes it";
            let read = |path| binaryproto::read(path, "the infogain matrix", hint);
            let h = cx.find(self.param.source()).and_then(read);
            let (_, h) = h.map_err(|e| e.field("infogain_loss_param.source"))?;
            self.h = Values::new(&[h.len()])?;
            self.h.slice_mut().copy_from_slice(&h);
        }
        Ok(())
    }

    fn reshape(&mut self, bottom: &[Blob]) -> Result<Groups> {
        let groups = Groups::of(&bottom[0], self.param.axis()).map_err(|e| e.field("infogain_loss_param.axis"))?;
        self.labels.reshape(bottom, groups)?;
        let (classes, values) = (groups.n, bottom.get(2).map_or(self.h.count(), Blob::count));
        if values != classes * classes {
            let shape = bottom[0].shape();
            return Err(Error::shape(format!(
                "H has {values} values, and scores of shape {shape:?} ask for {classes} x {classes}"
            ))
            .hint("H has a row for each right class, and in it a value for each class"));
        }
        Ok(groups)
    }

    fn forward(&self, x: &[&Values]) -> Result<(f64, usize)> {
        let (y, h, groups) = (x[0].slice(), matrix(x, &self.h).slice(), self.labels.groups);
        self.labels.sum(x[1], |sum, i, l| {
            for (c, h) in h[l * groups.n..][..groups.n].iter().enumerate() {
                *sum -= (h * bounded(y[groups.at(i, c)]).ln()) as f64;
            }
        })
    }

    fn backward(&self, x: &[&Values], scale: f32, dx: &mut [f32]) -> Result {
        let (y, h, groups) = (x[0].slice(), matrix(x, &self.h).slice(), self.labels.groups);
        self.labels.each(x[1], |i, label| {
            let h = label.map(|l| &h[l * groups.n..][..groups.n]);
            let sum: f32 = h.unwrap_or(&[]).iter().sum();
            for c in 0..groups.n {
                let at = groups.at(i, c);
                dx[at] = h.map_or(0.0, |h| scale * (y[at] * sum - h[c]));
            }
        })
    }

    fn args<'a>(&'a mut self, gpu: &Gpu, x: &[&'a Values]) -> Result<Vec<Arg<'a>>> {
        let (h, Groups { n, inner, .. }) = (matrix(x, &self.h), self.labels.groups);
        Self::KERNELS.kernels.launch_rows(gpu, "infogain_loss_rows", n, n, args![n, h, self.row.over(n)])?;
        let (ignored, refusal) = (self.labels.ignored.on_card(), self.labels.refusal(gpu)?);
        Ok(vec![n.arg(), inner.arg(), ignored.arg(), x[0].arg(), x[1].arg(), h.arg(), self.row.arg(), refusal])
    }
}

/// H: the third bottom, or `h` if there is none.
fn matrix<'a>(x: &[&'a Values], h: &'a Values) -> &'a Values {
    x.get(2).copied().unwrap_or(h)
}
