//! # LSTMUnit: one step of an LSTM
//!
//! | blob        | shape      | meaning                                                                |
//! |-------------|------------|------------------------------------------------------------------------|
//! | `bottom[0]` | 1 x N x H  | c', the cell state of the step before                                  |
//! | `bottom[1]` | 1 x N x 4H | z, the four gates before the nonlinearity: H each of i, f, o, g        |
//! | `bottom[2]` | 1 x N      | cont: 0 where a sequence starts and c' is forgotten, 1 where it goes on |
//! | `top[0]`    | 1 x N x H  | c, the cell state                                                      |
//! | `top[1]`    | 1 x N x H  | h, the hidden state                                                    |
//!
//! With σ(t) = 1 / (1 + e⁻ᵗ), value by value:
//!
//! i = σ(zᵢ), f = cont σ(z_f), o = σ(zₒ), g = tanh(z_g), c = f c' + i g, h = o tanh(c).
//!
//! The cell c is a sum: where f is 1 the gradient passes through it undiminished, however many steps there are. That is
//! Hochreiter and Schmidhuber's idea (1997); the forget gate f came with Gers, Schmidhuber and Cummins (2000). Backward
//! begins with the whole gradient of c, s = dc + dh o (1 - tanh²(c)):
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

use super::state::fit;
use crate::layer::*;
use crate::layers::activation::sigmoid::sigmoid;

const KERNELS: Kernels = kernels!("lstm_unit");

/// One step of an LSTM: the gates and a cell state make the next cell state and its output.
pub struct LstmUnit {
    h: usize,
    /// The gates of the last forward, after the nonlinearity.
    gates: Values,
    /// dc on its way back, and dz where nobody asks for it.
    dc: Values,
    dz: Values,
}

/// Step `t` of those in the blobs, of `size` values a sequence: c and h; z becomes the gates i, σ(z_f), o, g. `first`
/// is the cell state before step 0.
pub(super) fn step(
    device: &Device,
    [t, size]: [usize; 2],
    [cont, first]: [&Values; 2],
    [z, c, h]: [&mut Values; 3],
) -> Result {
    let n = first.count();
    if let Device::Gpu(gpu) = device {
        let args = args![n, size, t, cont, first, z.updated(), c.over(), h.over()];
        return KERNELS.launch(gpu, "lstm_unit_forward", n, args);
    }
    let (cont, first) = (cont.slice(), first.slice());
    let (z, c, h) = (z.slice_mut(), c.slice_mut(), h.slice_mut());
    for (sequence, at, [zi, zf, zo, zg]) in values(t, n, size) {
        let k = cont[sequence];
        let (i, f, o, g) = (sigmoid(z[zi]), sigmoid(z[zf]), sigmoid(z[zo]), z[zg].tanh());
        (z[zi], z[zf], z[zo], z[zg]) = (i, f, o, g);
        let before = if t == 0 { first[at] } else { c[at - n] };
        c[at] = if k == 0.0 { 0.0 } else { k * f * before } + i * g;
        h[at] = o * c[at].tanh();
    }
    Ok(())
}

/// dz of step `t`; dc turns into the gradient of the cell state before it.
pub(super) fn step_backward(
    device: &Device,
    [t, size]: [usize; 2],
    [cont, first, z, c, dh]: [&Values; 5],
    [dc, dz]: [&mut Values; 2],
) -> Result {
    let n = first.count();
    if let Device::Gpu(gpu) = device {
        let args = args![n, size, t, cont, first, z, c, dh, dc.updated(), dz.over()];
        return KERNELS.launch(gpu, "lstm_unit_backward", n, args);
    }
    let (cont, first, z, c, dh) = (cont.slice(), first.slice(), z.slice(), c.slice(), dh.slice());
    let (dc, dz) = (dc.slice_mut(), dz.slice_mut());
    for (sequence, at, [zi, zf, zo, zg]) in values(t, n, size) {
        let (j, k) = (at - t * n, cont[sequence]);
        let (i, f, o, g) = (z[zi], z[zf], z[zo], z[zg]);
        let before = if t == 0 { first[at] } else { c[at - n] };
        let (tanh_c, before) = (c[at].tanh(), if k == 0.0 { 0.0 } else { k * before });
        let s = dc[j] + dh[j] * o * (1.0 - tanh_c * tanh_c);
        dz[zi] = s * g * i * (1.0 - i);
        dz[zf] = s * before * f * (1.0 - f);
        dz[zo] = dh[j] * tanh_c * o * (1.0 - o);
        dz[zg] = s * i * (1.0 - g * g);
        dc[j] = s * k * f;
    }
    Ok(())
}

/// The values of c at step `t`, n in all: each with its sequence, and with where its gates i, f, o, g stand.
fn values(t: usize, n: usize, size: usize) -> impl Iterator<Item = (usize, usize, [usize; 4])> {
    let sequences = n / size.max(1);
    (t * sequences..(t + 1) * sequences).flat_map(move |s| {
        (s * size..(s + 1) * size).map(move |at| (s, at, [0, 1, 2, 3].map(|gate| at + (3 * s + gate) * size)))
    })
}

impl Layer for LstmUnit {
    fn new(_: &LayerParameter) -> Result<Self> {
        let [gates, dc, dz] = [(); 3].map(|()| Values::default());
        Ok(LstmUnit { h: 0, gates, dc, dz })
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
        cx.device.copy(z, &mut self.gates)?;
        step(cx.device, [0, self.h], [cont, c_before], [&mut self.gates, c, h])
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let [before, z, cont] = bottom else { return Err(Error::shape("LSTMUnit has three bottoms")) };
        let (c, dh, dc) = (&top[0].data, &top[1].diff, &mut self.dc);
        let dz = if cx.propagate_down[1] { &mut z.diff } else { &mut self.dz };
        cx.device.copy(&top[0].diff, dc)?;
        let read = [&cont.data, &before.data, &self.gates, c, dh];
        step_backward(cx.device, [0, self.h], read, [dc, dz])?;
        if cx.propagate_down[0] {
            cx.device.copy(dc, &mut before.diff)?;
        }
        Ok(())
    }

    fn propagates(&self, bottom: usize) -> bool {
        bottom != 2
    }
}
