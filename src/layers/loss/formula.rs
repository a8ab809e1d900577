//! A loss is a formula: terms, one for each label, value or pair, whose sum is divided by D. All losses share the rest.

use crate::device::{Kernels, OnCard};
use crate::layers::activation::softmax;
use crate::proto::LossParameter;

// With `use super::formula::*` a loss's file has what they all need.
pub(super) use crate::device::passes;
pub use crate::device::{Arg, AsArg, Gpu, Passes};
pub use crate::layer::*;
pub use crate::layers::groups::Groups;
pub use crate::proto::{LayerParameter, loss_parameter::NormalizationMode};
pub use crate::{Blob, Device, Error, Result, Values, args};
pub use std::ops::RangeInclusive;

/// What a loss adds up. `x` are the bottoms' data; with [`SOFTMAX`](Formula::SOFTMAX) the first is y, the softmax of
/// it.
pub trait Formula: Sized + Send + 'static {
    /// The formula's kernels, after those that all losses share.
    const KERNELS: Passes;
    /// What has a term.
    const TERMS: Terms;
    /// D where `loss_param` does not choose it. Without a default it has no choice, and D is the number of samples.
    const NORMALIZATION: Option<NormalizationMode> = None;
    /// How many of the first bottoms get a gradient: with 2 they are pairs, and db = -da.
    const GRADIENTS: usize = 1;
    /// How many bottoms there are.
    const BOTTOMS: RangeInclusive<usize> = 2..=2;
    /// Whether the formula is one of y, the softmax of `bottom[0]` over its classes, which a second top may show.
    const SOFTMAX: bool = false;

    /// Reads the parameters.
    fn new(param: &LayerParameter) -> Result<Self>;

    /// Reads files.
    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result {
        let _ = (cx, bottom);
        Ok(())
    }

    /// Checks the bottoms, and sees `bottom[0]` as samples x classes x places.
    fn reshape(&mut self, bottom: &[Blob]) -> Result<Groups>;

    /// The sum of the terms, and how many labels were not ignored.
    fn forward(&self, x: &[&Values]) -> Result<(f64, usize)>;

    /// dx of `bottom[0]`: `scale`, which is dL/D, times the slope of the sum in x, even where the formula is one of y.
    fn backward(&self, x: &[&Values], scale: f32, dx: &mut [f32]) -> Result;

    /// What both kernels get between their first argument, the number of terms, and their last: `Out partial` for
    /// forward, `In dL, In D, Out dx` for backward. With two gradients `float sign` stands before dL.
    fn args<'a>(&'a mut self, gpu: &Gpu, x: &[&'a Values]) -> Result<Vec<Arg<'a>>>;
}

/// What has a term in a loss.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Terms {
    /// Each label in `bottom[1]`.
    Labels,
    /// Each value of `bottom[0]`.
    Values,
    /// Each sample: a block of threads shares its values, and their number is the kernels' first argument.
    Samples,
}

/// The layer of a formula: L = sum / D.
///
/// On a card a sum takes two launches, of kernels/loss.cu: each block of the loss's own kernel leaves what it has added
/// up, then one block adds those. So L and D never leave the card, and the order is always the same.
pub struct Loss<F> {
    formula: F,
    /// y of the last forward, the data of a blob of its own.
    y: Blob,
    normalization: NormalizationMode,
    groups: Groups,
    /// D of the last forward.
    divisor: Values,
    /// What each block has left.
    partial: OnCard<f32>,
}

impl<F: Formula> Layer for Loss<F> {
    fn new(param: &LayerParameter) -> Result<Self> {
        let normalization = match F::NORMALIZATION {
            Some(default) => normalization(param.loss_param.as_ref(), default),
            None => NormalizationMode::BatchSize,
        };
        let formula = F::new(param)?;
        let (y, groups, mut divisor, partial): (_, _, Values, _) = Default::default();
        divisor.fill(1.0);
        Ok(Loss { formula, y, normalization, groups, divisor, partial })
    }

    fn arity(&self) -> Arity {
        Arity::loss(F::BOTTOMS, 1..=if F::SOFTMAX { 2 } else { 1 })
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        self.formula.setup(cx, bottom).map(|()| Vec::new())
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.groups = self.formula.reshape(bottom)?;
        top[0].reshape(&[])?;
        top.get_mut(1).map_or(Ok(()), |top| top.reshape_like(&bottom[0]))
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let mut x: Vec<&Values> = bottom.iter().map(|bottom| &bottom.data).collect();
        if F::SOFTMAX {
            self.y.reshape_like(&bottom[0])?;
            let y = &mut self.y.data;
            softmax::forward(cx.device, self.groups, x[0], y)?;
            top.get_mut(1).map_or(Ok(()), |top| top.data.copy_from(y))?;
            x[0] = y;
        }
        let loss = &mut top[0].data;
        if let Device::Gpu(gpu) = cx.device {
            let terms = if F::TERMS == Terms::Labels { self.groups.count() } else { x[0].count() };
            // A thread takes a few terms, and one block can add up what the blocks leave.
            let blocks = match F::TERMS {
                Terms::Samples => self.groups.outer,
                _ => terms.div_ceil(4 * Kernels::BLOCK).clamp(1, 4 * Kernels::BLOCK),
            };
            let given = match self.normalization {
                NormalizationMode::Valid => 0.0, // the kernels count
                other => divisor(other, self.groups, 0),
            };
            let mut args = self.formula.args(gpu, &x)?;
            args.push(self.partial.over(2 * blocks.max(1)));
            launch::<F>(gpu, F::KERNELS.forward, self.groups, [terms, blocks], args)?;
            let args = args![blocks, given, self.partial, self.divisor.over(), loss.over()];
            return F::KERNELS.kernels.launch_rows(gpu, "loss_total", 1, blocks, args);
        }
        let (sum, counted) = self.formula.forward(&x)?;
        let divisor = divisor(self.normalization, self.groups, counted);
        self.divisor.fill(divisor);
        loss.fill((sum / divisor as f64) as f32);
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (mut x, mut dx): (Vec<&Values>, Vec<&mut Values>) =
            bottom.iter_mut().map(|x| (&x.data, &mut x.diff)).unzip();
        let (dl, divisor) = (&top[0].diff, &self.divisor);
        if F::SOFTMAX {
            x[0] = &self.y.data;
        }
        for (i, dx) in dx.iter_mut().enumerate().filter(|(i, _)| cx.propagate_down[*i]) {
            let sign = if i == 0 { 1.0 } else { -1.0 };
            match cx.device {
                Device::Cpu(_) => {
                    self.formula.backward(&x, sign * (dl.scalar() / divisor.scalar()), dx.slice_mut())?;
                }
                Device::Gpu(gpu) => {
                    let n = dx.count();
                    let mut args = self.formula.args(gpu, &x)?;
                    if F::GRADIENTS > 1 {
                        args.push(sign.arg());
                    }
                    args.extend([dl.arg(), divisor.arg(), dx.over()]);
                    let sizes = [n, n.div_ceil(Kernels::BLOCK)];
                    launch::<F>(gpu, F::KERNELS.backward, self.groups, sizes, args)?;
                }
            }
            if let Some(top) = top.get(1) {
                softmax::backward(cx.device, self.groups, [x[0], &top.diff], dx, true)?;
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }

    fn loss_weight(&self, top: usize) -> f32 {
        if top == 0 { 1.0 } else { 0.0 }
    }

    fn propagates(&self, bottom: usize) -> bool {
        bottom < F::GRADIENTS
    }
}

/// D, if `counted` labels are not ignored: at least 1, so that a batch with all labels ignored has loss 0.
fn divisor(normalization: NormalizationMode, groups: Groups, counted: usize) -> f32 {
    let divisor = match normalization {
        NormalizationMode::Full => groups.count(),
        NormalizationMode::Valid => counted,
        NormalizationMode::BatchSize => groups.outer,
        NormalizationMode::None => 1,
    };
    divisor.max(1) as f32
}

/// Runs a kernel of a formula on its terms, in the given number of blocks.
fn launch<F: Formula>(
    gpu: &Gpu,
    name: &str,
    groups: Groups,
    [terms, blocks]: [usize; 2],
    mut args: Vec<Arg>,
) -> Result {
    let Groups { outer: samples, inner: values, .. } = groups;
    let kernels = F::KERNELS.kernels;
    args.insert(0, if F::TERMS == Terms::Samples { values } else { terms }.arg());
    match F::TERMS {
        Terms::Samples => kernels.launch_rows(gpu, name, samples, values, &mut args),
        _ => kernels.launch_blocks(gpu, name, blocks, Kernels::BLOCK, &mut args),
    }
}

/// Reads `loss_param { normalization }`; `default` is the layer's own.
///
/// | normalization | D, at least 1                               |
/// |---------------|---------------------------------------------|
/// | FULL          | the number of labels                        |
/// | VALID         | the number of labels that are not ignored   |
/// | BATCH_SIZE    | the number of samples                       |
/// | NONE          | 1                                           |
///
/// `normalize: true` is the old way to say VALID, `normalize: false` BATCH_SIZE.
fn normalization(p: Option<&LossParameter>, default: NormalizationMode) -> NormalizationMode {
    let p = p.copied().unwrap_or_default();
    match (p.normalization, p.normalize) {
        (Some(_), _) => p.normalization(),
        (None, Some(true)) => NormalizationMode::Valid,
        (None, Some(false)) => NormalizationMode::BatchSize,
        (None, None) => default,
    }
}
