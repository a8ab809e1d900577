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

use super::sigmoid::sigmoid;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Error, Result};

/// One step of an LSTM: the gates and a cell state make the next cell state and its output.
pub struct LstmUnit {
    h: usize,
    /// The gates of the last forward, behind their bend.
    gates: Vec<f32>,
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
        Ok(LstmUnit { h: 0, gates: Vec::new() })
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
        self.gates.resize(bottom[1].count(), 0.0);
        top.iter_mut().try_for_each(|top| top.reshape_like(&bottom[0]))
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let [c_before, z, cont] = [0, 1, 2].map(|i| bottom[i].data.slice());
        let [c, h] = top else { return Err(Error::shape("LSTMUnit has two tops")) };
        self.gates.copy_from_slice(z);
        step(cont, c_before, &mut self.gates, c.data.slice_mut(), h.data.slice_mut());
        Ok(())
    }

    fn backward(
        &mut self,
        _: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        let [before, z, cont] = bottom else { return Err(Error::shape("LSTMUnit has three bottoms")) };
        let (c, dh, dc) = (top[0].data.slice(), top[1].diff.slice(), &mut top[0].diff.slice().to_vec());
        let mut unasked = Vec::new();
        let dz = if propagate_down[1] {
            z.diff.slice_mut()
        } else {
            unasked.resize(self.gates.len(), 0.0);
            &mut unasked
        };
        step_backward(cont.data.slice(), before.data.slice(), &self.gates, c, dh, dc, dz);
        if propagate_down[0] {
            before.diff.slice_mut().copy_from_slice(dc);
        }
        Ok(())
    }

    fn propagates(&self, bottom: usize) -> bool {
        bottom != 2
    }
}
