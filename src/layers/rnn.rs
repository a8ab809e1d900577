//! # RNN: a layer whose output is also its own input, one step later
//!
//! | blob            | shape         | meaning                                                                    |
//! |-----------------|---------------|----------------------------------------------------------------------------|
//! | `bottom[0]`     | T x N x ..    | x: T steps of N sequences, of D values each                                |
//! | `bottom[1]`     | T x N         | cont: 0 where a sequence starts, 1 where it continues the step before      |
//! | `bottom[2]`     | N x ..        | x_static, if given: S values that every step sees                          |
//! | the last bottom | 1 x N x H     | h₀, if `expose_hidden`: the state to begin with                            |
//! | `params[0]`     | H x D         | W_xh, the weights of x                                                     |
//! | `params[1]`     | H             | b_h                                                                        |
//! | `params[2]`     | H x S         | W_xh_static, only with x_static                                            |
//! | the next        | H x H         | W_hh, the weights of the state                                             |
//! | the next        | H x H         | W_ho, the weights of the output                                            |
//! | the last        | H             | b_o                                                                        |
//! | `top[0]`        | T x N x H     | o, the output of each step                                                 |
//! | `top[1]`        | 1 x N x H     | h_T, if `expose_hidden`: the state after the last step                     |
//!
//! hₜ = tanh(W_xh xₜ + b_h + W_xh_static x_static + W_hh (contₜ hₜ₋₁)), oₜ = tanh(W_ho hₜ + b_o).
//!
//! Only W_hh waits for the step before; the other two products are made for all steps at once. Backward, with u and z for
//! what stands in the two brackets, runs from the last step to the first:
//!
//! du = do (1 - o²), dhₜ = W_hoᵀ duₜ + contₜ₊₁ W_hhᵀ dzₜ₊₁, dzₜ = dhₜ (1 - hₜ²).
//!
//! Then dW_ho = Σₜ duₜ hₜᵀ, db_o = Σₜ duₜ, dW_hh = Σₜ dzₜ (contₜ hₜ₋₁)ᵀ, dW_xh = Σₜ dzₜ xₜᵀ, db_h = Σₜ dzₜ, dxₜ = W_xhᵀ dzₜ,
//! and with the sum of dzₜ over the steps the same for x_static. cont gets no gradient. Each step back multiplies by
//! W_hhᵀ and by 1 - h², so that a gradient from far away dies out or explodes; [`LSTM`](super::lstm) mends that.
//!
//! Without `expose_hidden` a forward begins with the state that the forward before it ended with, so that long sequences can
//! come in pieces; a cont of 0 forgets it, and so do another N, [`Rnn::reset`] and a new net: a snapshot does not hold it.
//! No gradient flows back into the piece before. With `expose_hidden` the states are blobs like any other, and gradients
//! flow through them: dh_T joins in at the last step, and h₀ gets cont₁ W_hhᵀ dz₁. In Caffe they share their data only, so
//! that what stands above h_T or below h₀ trains on a wrong gradient.
//!
//! `recurrent_param { num_output weight_filler bias_filler expose_hidden }`: num_output is H, the fillers are for all
//! weights and both biases. `debug_info` does nothing, as there is no inner net. Elman, Finding structure in time (1990).

use super::recurrent::{Recurrent, State, add, fit, resume, want, wanted_before};
use super::rows::sum_rows;
use crate::blob::Values;
use crate::device::{Gemm, Mat, MatMut, Trans};
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Error, Result};

/// A hidden state that each step makes of its input and of the state before.
pub struct Rnn {
    seq: Recurrent,
    h: State,
    /// contₜ hₜ₋₁, T x N x H.
    resumed: Values,
    /// W_xh xₜ + .. before W_hh joins in; dz; du. All T x N x H.
    z: Values,
    dz: Values,
    du: Values,
    /// What the step after wants of hₜ, and of resumed, N x H.
    dh: Values,
    dresumed: Values,
}

const KERNELS: &str = concat!(
    include_str!("../../kernels/rows.cu"),
    include_str!("../../kernels/recurrent.cu"),
    include_str!("../../kernels/rnn.cu")
);

impl Rnn {
    /// Forgets the state that the last forward ended with.
    pub fn reset(&mut self) {
        self.h.reset();
    }
}

impl Layer for Rnn {
    fn new(param: &LayerParameter) -> Result<Self> {
        let seq = Recurrent::new(param, "RNN", 1, 1, KERNELS)?;
        let [resumed, z, dz, du, dh, dresumed] = [(); 6].map(|()| Values::default());
        Ok(Rnn { seq, h: State::default(), resumed, z, dz, du, dh, dresumed })
    }

    fn arity(&self) -> Arity {
        self.seq.arity()
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        let (mut params, h) = (self.seq.setup(cx, bottom)?, self.seq.h);
        for (blob, shape) in [("w_hh", &[h, h][..]), ("w_ho", &[h, h]), ("b_o", &[h])] {
            params.push(self.seq.weights(cx, blob, shape)?);
        }
        Ok(params)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.seq.reshape(bottom, top)?;
        let Recurrent { t, n, h, .. } = self.seq;
        self.h.reshape(t, n, h)?;
        [&mut self.resumed, &mut self.dz, &mut self.du].into_iter().try_for_each(|values| fit(values, &[t, n, h]))?;
        [&mut self.dh, &mut self.dresumed].into_iter().try_for_each(|values| fit(values, &[n, h]))
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.seq.input(cx, params, bottom, &mut self.z)?;
        let Recurrent { t: steps, n, h: size, .. } = self.seq;
        let [w_hh, w_ho, b_o] = &params[self.seq.own_params()..] else { return Err(blobs()) };
        let (cont, row) = (&bottom[1].data, n * size);
        self.h.begin(cx.device, self.seq.state_bottom(0).map(|i| &bottom[i]))?;
        let (kernels, z, resumed) = (&mut self.seq.kernels, &mut self.z, &mut self.resumed);
        for t in 0..steps {
            let (w, of) = (&w_hh.data, t * row..(t + 1) * row);
            match cx.device {
                Device::Cpu(cpu) => {
                    let (cont, resumed) = (&cont.slice()[t * n..(t + 1) * n], &mut resumed.slice_mut()[of.clone()]);
                    let (before, h) = self.h.step(t);
                    resume(cont, before, resumed);
                    h.copy_from_slice(&z.slice()[of]);
                    let w = Mat::new(w.slice(), size, size).t();
                    cpu.gemm(1.0, Mat::new(resumed, n, size), w, 1.0, MatMut::new(h, n, size));
                    h.iter_mut().for_each(|h| *h = h.tanh());
                }
                Device::Gpu(gpu) => {
                    self.h.resume(gpu, kernels, t, cont, resumed)?;
                    let step = Gemm::new(Trans::No, Trans::Yes, n, size, size).scaled(1.0, 1.0);
                    let step = step.at([of.start, 0, of.start]);
                    gpu.gemm(&step, resumed.card(gpu)?, w.card(gpu)?, z.card_mut(gpu)?)?;
                    let args = &mut [row.into(), t.into(), z.card(gpu)?, self.h.steps.card_mut(gpu)?];
                    kernels.launch(gpu, "rnn_step", row, args)?;
                }
            }
        }
        let (h, o, b_o) = (&self.h.steps, &mut top[0].data, &b_o.data);
        cx.device.gemm(Trans::No, Trans::Yes, steps * n, size, size, 1.0, h, &w_ho.data, 0.0, o)?;
        match cx.device {
            Device::Cpu(_) => {
                for o in o.slice_mut().chunks_exact_mut(size) {
                    o.iter_mut().zip(b_o.slice()).for_each(|(o, b)| *o = (*o + b).tanh());
                }
            }
            Device::Gpu(gpu) => {
                let count = o.count();
                let args = &mut [count.into(), size.into(), b_o.card(gpu)?, o.card_mut(gpu)?];
                kernels.launch(gpu, "rnn_output", count, args)?;
            }
        }
        self.h.end(cx.device, kernels, steps, top.get_mut(1))
    }

    fn backward(
        &mut self,
        cx: &Cx,
        params: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        let Recurrent { t: steps, n, h: size, .. } = self.seq;
        let [w_hh, w_ho, b_o] = &mut params[self.seq.own_params()..] else { return Err(blobs()) };
        let (rows, row, exposed, kernels) = (steps * n, n * size, self.seq.exposed(), &mut self.seq.kernels);

        let (o, do_, du) = (&top[0].data, &top[0].diff, &mut self.du);
        match cx.device {
            Device::Cpu(_) => {
                for ((du, o), do_) in du.slice_mut().iter_mut().zip(o.slice()).zip(do_.slice()) {
                    *du = do_ * (1.0 - o * o);
                }
            }
            Device::Gpu(gpu) => {
                let count = o.count();
                let args = &mut [count.into(), o.card(gpu)?, do_.card(gpu)?, du.card_over(gpu)?];
                kernels.launch(gpu, "rnn_output_backward", count, args)?;
            }
        }
        let (h, du) = (&self.h.steps, &self.du);
        cx.device.gemm(Trans::Yes, Trans::No, size, size, rows, 1.0, du, h, 1.0, &mut w_ho.diff)?;
        sum_rows(cx.device, kernels, du, &mut b_o.diff)?;

        // dz begins as what the outputs want of h, and the steps run back over it.
        cx.device.gemm(Trans::No, Trans::No, rows, size, size, 1.0, du, &w_ho.data, 0.0, &mut self.dz)?;
        let (w, cont, dz) = (&w_hh.data, &bottom[1].data, &mut self.dz);
        let (dh, dresumed) = (&mut self.dh, &mut self.dresumed);
        match cx.device {
            Device::Cpu(cpu) => {
                want(cx.device, top.get(1), dh)?;
                for t in (0..steps).rev() {
                    let (cont, dz) = (&cont.slice()[t * n..(t + 1) * n], &mut dz.slice_mut()[t * row..(t + 1) * row]);
                    add(dh.slice(), dz);
                    dz.iter_mut().zip(self.h.at(t).1).for_each(|(dz, h)| *dz *= 1.0 - h * h);
                    let dx = MatMut::new(dresumed.slice_mut(), n, size);
                    cpu.gemm(1.0, Mat::new(dz, n, size), Mat::new(w.slice(), size, size), 0.0, dx);
                    resume(cont, dresumed.slice(), dh.slice_mut());
                }
            }
            Device::Gpu(gpu) => {
                want(cx.device, top.get(1), dresumed)?;
                for t in (0..steps).rev() {
                    let args = &mut [
                        row.into(),
                        size.into(),
                        t.into(),
                        steps.into(),
                        cont.card(gpu)?,
                        h.card(gpu)?,
                        dresumed.card(gpu)?,
                        dz.card_mut(gpu)?,
                    ];
                    kernels.launch(gpu, "rnn_step_backward", row, args)?;
                    let step = Gemm::new(Trans::No, Trans::No, n, size, size).at([t * row, 0, 0]);
                    gpu.gemm(&step, dz.card(gpu)?, w.card(gpu)?, dresumed.card_over(gpu)?)?;
                }
                if exposed {
                    wanted_before(gpu, kernels, steps, cont, [dresumed, h], dh)?;
                }
            }
        }
        let (dz, resumed) = (&self.dz, &self.resumed);
        cx.device.gemm(Trans::Yes, Trans::No, size, size, rows, 1.0, dz, resumed, 1.0, &mut w_hh.diff)?;
        if let Some(i) = self.seq.state_bottom(0).filter(|&i| propagate_down[i]) {
            cx.device.copy(&self.dh, &mut bottom[i].diff)?;
        }
        self.seq.input_backward(cx, params, &self.dz, propagate_down, bottom)
    }

    fn propagates(&self, bottom: usize) -> bool {
        self.seq.propagates(bottom)
    }

    fn warning(&self) -> Option<String> {
        self.seq.warning()
    }
}

fn blobs() -> Error {
    Error::shape("RNN has W_hh, W_ho and b_o after the input's blobs")
}
