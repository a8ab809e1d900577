//! # LSTMUnit: one step of an LSTM
//!
//! | blob        | shape      | meaning                                                                |
//! |-------------|------------|------------------------------------------------------------------------|
//! | `bottom[0]` | 1 x N x H  | c', the cell state of the step before                                  |
//! | `bottom[1]` | 1 x N x 4H | z, the four gates before their bend: H values each of i, f, o, g       |
//! | `bottom[2]` | 1 x N      | cont: 0 where a sequence starts and c' is forgotten, 1 where it goes on |
//! | `top[0]`    | 1 x N x H  | c, the cell state                                                      |
//! | `top[1]`    | 1 x N x H  | h, the hidden state                                                    |
//!
//! With σ(t) = 1 / (1 + e⁻ᵗ), value by value:
//!
//! i = σ(zᵢ), f = cont σ(z_f), o = σ(zₒ), g = tanh(z_g), c = f c' + i g, h = o tanh(c).
//!
//! The cell c is a sum: where f is 1 the gradient passes through it undiminished, however many steps there are. That is
//! Hochreiter and Schmidhuber's idea (1997); the forget gate f came with Gers, Schmidhuber and Cummins (2000). Backward,
//! with all that c is worth gathered first, s = dc + dh o (1 - tanh²(c)):
//!
//! | diff         | formula                  |
//! |--------------|--------------------------|
//! | dc'          | s f                      |
//! | dz of i      | s g i (1 - i)            |
//! | dz of f      | s c' f (1 - σ(z_f))      |
//! | dz of o      | dh tanh(c) o (1 - o)     |
//! | dz of g      | s i (1 - g²)             |
//!
//! For a cont between 0 and 1, which nobody uses, Caffe has 1 - f in place of 1 - σ(z_f). cont gets no gradient. No
//! parameters: the layer [`LSTM`](super::lstm) has them, and makes each of its steps by the two functions below.

use super::recurrent::fit;
use super::sigmoid::sigmoid;
use crate::blob::Values;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Error, Result};

/// One step of an LSTM: the gates and a cell state make the next cell state and its output.
pub struct LstmUnit {
    h: usize,
    /// The gates of the last forward, behind their bend.
    gates: Values,
    /// What becomes of dc, and dz where nobody asks for it.
    dc: Values,
    dz: Values,
    kernels: Kernels,
}

/// c and h of a step, for each sequence; `z` becomes the gates i, σ(z_f), o, g.
pub(super) fn step(cont: &[f32], c_before: &[f32], z: &mut [f32], c: &mut [f32], h: &mut [f32]) {
    let n = c.len() / cont.len().max(1); // values of one sequence
    for (s, &cont) in cont.iter().enumerate() {
        let (of, z) = (s * n..(s + 1) * n, &mut z[4 * s * n..4 * (s + 1) * n]);
        let (c_before, c, h) = (&c_before[of.clone()], &mut c[of.clone()], &mut h[of]);
        z[..3 * n].iter_mut().for_each(|z| *z = sigmoid(*z));
        z[3 * n..].iter_mut().for_each(|z| *z = z.tanh());
        for k in 0..n {
            let [i, f, o, g] = [z[k], z[n + k], z[2 * n + k], z[3 * n + k]];
            let kept = if cont == 0.0 { 0.0 } else { cont * f * c_before[k] };
            c[k] = kept + i * g;
            h[k] = o * c[k].tanh();
        }
    }
}

/// dz of a step, and `dc` turned into the diff of the cell state before.
pub(super) fn step_backward(
    cont: &[f32],
    c_before: &[f32],
    gates: &[f32],
    c: &[f32],
    dh: &[f32],
    dc: &mut [f32],
    dz: &mut [f32],
) {
    let n = c.len() / cont.len().max(1);
    for (s, &cont) in cont.iter().enumerate() {
        let (of, gates, dz) = (s * n..(s + 1) * n, &gates[4 * s * n..], &mut dz[4 * s * n..]);
        let (c_before, c, dh, dc) = (&c_before[of.clone()], &c[of.clone()], &dh[of.clone()], &mut dc[of]);
        for k in 0..n {
            let [i, f, o, g] = [gates[k], gates[n + k], gates[2 * n + k], gates[3 * n + k]];
            let (bent, c_before) = (c[k].tanh(), if cont == 0.0 { 0.0 } else { cont * c_before[k] });
            let sum = dc[k] + dh[k] * o * (1.0 - bent * bent);
            dz[k] = sum * g * i * (1.0 - i);
            dz[n + k] = sum * c_before * f * (1.0 - f);
            dz[2 * n + k] = dh[k] * bent * o * (1.0 - o);
            dz[3 * n + k] = sum * i * (1.0 - g * g);
            dc[k] = sum * cont * f;
        }
    }
}

impl Layer for LstmUnit {
    fn new(_: &LayerParameter) -> Result<Self> {
        let [gates, dc, dz] = [(); 3].map(|()| Values::default());
        Ok(LstmUnit { h: 0, gates, dc, dz, kernels: Kernels::new(include_str!("../../kernels/lstm_unit.cu")) })
    }

    fn arity(&self) -> Arity {
        Arity::exact(3, 2)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let [c, z, cont] = [0, 1, 2].map(|i| bottom[i].shape());
        let [1, n, h] = *c else {
            return Err(Error::shape(format!("the cell state bottom[0] has shape {c:?}"))
                .field("bottom")
                .hint("c is 1 x N x H: one step, N sequences, H values"));
        };
        if h.checked_mul(4).is_none_or(|gates| z != [1, n, gates]) || cont != [1, n] {
            return Err(Error::shape(format!(
                "the gates bottom[1] of shape {z:?} and cont, bottom[2], of shape {cont:?} do not fit c's {c:?}"
            ))
            .field("bottom")
            .hint("c is 1 x N x H, the gates are 1 x N x 4H, cont is 1 x N"));
        }
        self.h = h;
        fit(&mut self.dc, c)?;
        [&mut self.gates, &mut self.dz].into_iter().try_for_each(|values| fit(values, z))?;
        top.iter_mut().try_for_each(|top| top.reshape_like(&bottom[0]))
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let [c_before, z, cont] = [0, 1, 2].map(|i| &bottom[i].data);
        let [Blob { data: c, .. }, Blob { data: h, .. }] = top else {
            return Err(Error::shape("LSTMUnit has two tops"));
        };
        let (gates, n) = (&mut self.gates, c.count());
        cx.device.copy(z, gates)?;
        match cx.device {
            Device::Cpu(_) => {
                step(cont.slice(), c_before.slice(), gates.slice_mut(), c.slice_mut(), h.slice_mut());
                Ok(())
            }
            Device::Gpu(gpu) => {
                let args = &mut [
                    n.into(),
                    self.h.into(),
                    0.into(),
                    cont.card(gpu)?,
                    c_before.card(gpu)?,
                    gates.card_mut(gpu)?,
                    c.card_over(gpu)?,
                    h.card_over(gpu)?,
                ];
                self.kernels.launch(gpu, "lstm_unit_forward", n, args)
            }
        }
    }

    fn backward(
        &mut self,
        cx: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        let [before, z, cont] = bottom else { return Err(Error::shape("LSTMUnit has three bottoms")) };
        let (c_before, cont, gates, n) = (&before.data, &cont.data, &self.gates, before.count());
        let (c, dh, dc) = (&top[0].data, &top[1].diff, &mut self.dc);
        let dz = if propagate_down[1] { &mut z.diff } else { &mut self.dz };
        cx.device.copy(&top[0].diff, dc)?;
        match cx.device {
            Device::Cpu(_) => {
                let (cont, c_before, gates) = (cont.slice(), c_before.slice(), gates.slice());
                step_backward(cont, c_before, gates, c.slice(), dh.slice(), dc.slice_mut(), dz.slice_mut());
            }
            Device::Gpu(gpu) => {
                let args = &mut [
                    n.into(),
                    self.h.into(),
                    0.into(),
                    cont.card(gpu)?,
                    c_before.card(gpu)?,
                    gates.card(gpu)?,
                    c.card(gpu)?,
                    dh.card(gpu)?,
                    dc.card_mut(gpu)?,
                    dz.card_over(gpu)?,
                ];
                self.kernels.launch(gpu, "lstm_unit_backward", n, args)?;
            }
        }
        if propagate_down[0] {
            cx.device.copy(dc, &mut before.diff)?;
        }
        Ok(())
    }

    fn propagates(&self, bottom: usize) -> bool {
        bottom != 2
    }
}
