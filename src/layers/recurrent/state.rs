//! A state that lives from step to step, and its gradient. For `cont` and the sizes see [`sequence`](super::sequence).

use crate::blob::Values;
use crate::device::{Device, Kernels, kernels};
use crate::{Blob, Result, args};

const KERNELS: Kernels = kernels!("recurrent");

/// Zeros of this shape, or the values as they are if they have it.
pub(super) fn fit(values: &mut Values, shape: &[usize]) -> Result {
    if values.shape() != shape {
        *values = Values::new(shape)?;
    }
    Ok(())
}

/// cont x; but 0 starts a sequence and resets the state, NaN included.
fn resumed(cont: f32, x: f32) -> f32 {
    if cont == 0.0 { 0.0 } else { cont * x }
}

/// dh += the gradient that comes back from step `t`, which got the state, of `size` values a sequence, times cont. From
/// above the last step it comes as it is.
pub(super) fn add_from_step([t, steps, size]: [usize; 3], cont: &Values, dresumed: &Values, dh: &mut [f32]) {
    let sequences = dh.len() / size;
    let rows = dh.chunks_exact_mut(size).zip(dresumed.slice().chunks_exact(size));
    for (i, (dh, dresumed)) in rows.enumerate() {
        let cont = if t < steps { cont.slice()[t * sequences + i] } else { 1.0 };
        dh.iter_mut().zip(dresumed).for_each(|(dh, d)| *dh += resumed(cont, *d));
    }
}

/// y of step `t` = cont times the state before it, of `size` values a sequence; x is the state before all steps and
/// after each.
pub(super) fn resume(
    device: &Device,
    size: usize,
    t: usize,
    cont: &Values,
    [first, steps]: [&Values; 2],
    y: &mut Values,
) -> Result {
    let n = first.count();
    if let Device::Gpu(gpu) = device {
        return KERNELS.launch(gpu, "recurrent_resume", n, args![n, size, t, cont, first, steps, y.over()]);
    }
    let before = if t == 0 { first.slice() } else { &steps.slice()[(t - 1) * n..] };
    let rows = y.slice_mut()[t * n..].chunks_exact_mut(size).zip(before.chunks_exact(size));
    for ((y, x), &cont) in rows.zip(&cont.slice()[t * n / size..(t + 1) * n / size]) {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = resumed(cont, *x));
    }
    Ok(())
}

/// The gradient of the state after the last step: from above its top, or zeros.
pub(super) fn begin_backward(device: &Device, top: Option<&Blob>, diff: &mut Values) -> Result {
    match top {
        Some(top) => device.copy(&top.diff, diff),
        None => {
            diff.fill(0.0);
            Ok(())
        }
    }
}

/// A state before the first step and after each, and what is carried on to the next forward.
#[derive(Default)]
pub(super) struct State {
    /// Before the first step, N x H.
    pub first: Values,
    /// After each step, T x N x H.
    pub steps: Values,
    /// After the last step of the forward before, until a batch of other sizes comes.
    last: Values,
}

impl State {
    /// Forgets: the next forward begins with zeros.
    pub fn reset(&mut self) {
        self.last.fill(0.0);
    }

    /// Makes room for T steps of N x H. A carried state stays if it fits.
    pub fn reshape(&mut self, t: usize, n: usize, h: usize) -> Result {
        fit(&mut self.last, &[n, h])?;
        fit(&mut self.first, &[n, h])?;
        fit(&mut self.steps, &[t, n, h])
    }

    /// Begins with the given state, or else where the last forward ended.
    pub fn begin(&mut self, device: &Device, given: Option<&Blob>) -> Result {
        device.copy(given.map_or(&self.last, |blob| &blob.data), &mut self.first)
    }

    /// Ends after `t` steps: the last state is carried on, and given to the top, if there is one.
    pub fn end(&mut self, device: &Device, t: usize, top: Option<&mut Blob>) -> Result {
        let (n, first, steps, last) = (self.first.count(), &self.first, &self.steps, &mut self.last);
        match device {
            _ if t == 0 => device.copy(first, last)?,
            Device::Cpu(_) => last.slice_mut().copy_from_slice(&steps.slice()[(t - 1) * n..]),
            Device::Gpu(gpu) => {
                KERNELS.launch(gpu, "recurrent_last", n, args![n, t - 1, steps, last.over()])?;
            }
        }
        top.map_or(Ok(()), |top| device.copy(&self.last, &mut top.data))
    }
}
