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
//! Only W_hh waits for the step before; the other two products are made for all steps at once. Backward, with z and u
//! for the arguments of the two tanh, runs from the last step to the first:
//!
//! du = do (1 - o²), dhₜ = W_hoᵀ duₜ + contₜ₊₁ W_hhᵀ dzₜ₊₁, dzₜ = dhₜ (1 - hₜ²).
//!
//! Then dW_ho = Σₜ duₜ hₜᵀ, db_o = Σₜ duₜ, dW_hh = Σₜ dzₜ (contₜ hₜ₋₁)ᵀ, dW_xh = Σₜ dzₜ xₜᵀ, db_h = Σₜ dzₜ,
//! dxₜ = W_xhᵀ dzₜ, and with the sum of dzₜ over the steps the same for x_static. cont gets no gradient. Each step back
//! multiplies by W_hhᵀ and by 1 - h², so that a gradient from far away dies out or explodes; [`LSTM`](super::lstm)
//! mends that.
//!
//! Without `expose_hidden` a forward begins with the state that the forward before it ended with, so that long
//! sequences can come in pieces; a cont of 0 forgets it, and so do another N, [`Rnn::reset`] and a new net: a snapshot
//! does not hold it. No gradient flows back into the piece before. With `expose_hidden` the states are blobs like any
//! other, and gradients flow through them: dh_T joins in at the last step, and h₀ gets cont₁ W_hhᵀ dz₁. In Caffe they
//! share their data only, so that what stands above h_T or below h₀ trains on a wrong gradient.
//!
//! `recurrent_param { num_output weight_filler bias_filler expose_hidden }`: num_output is H, the fillers are for all
//! weights and both biases. `debug_info` does nothing: there is no inner net. Elman, Finding structure in time (1990).

use super::sequence::Recurrent;
use super::state::{add_from_step, fit};
use crate::device::Trans;
use crate::layer::*;
use crate::layers::rows::sum_rows;

/// A hidden state that each step makes of its input and of the state before.
pub struct Rnn {
    seq: Recurrent,
    /// T x N x H.
    du: Values,
}

const KERNELS: Kernels = kernels!("recurrent", "rnn");

impl Rnn {
    /// Forgets the state that the last forward ended with.
    pub fn reset(&mut self) {
        self.seq.state.reset();
    }
}

impl Layer for Rnn {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Rnn { seq: Recurrent::new(param, "RNN", [1, 1])?, du: Values::default() })
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
        fit(&mut self.du, &[self.seq.t, self.seq.n, self.seq.h])
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.seq.forward(cx, params, bottom, top, |seq, t, _| {
            let (n, z, h) = (seq.n * seq.h, &seq.gates, &mut seq.state.steps);
            match cx.device {
                Device::Cpu(_) => {
                    let h = h.slice_mut()[t * n..].iter_mut();
                    h.zip(&z.slice()[t * n..(t + 1) * n]).for_each(|(h, z)| *h = z.tanh());
                    Ok(())
                }
                Device::Gpu(gpu) => KERNELS.launch(gpu, "rnn_step", n, args![n, t, z, h.updated()]),
            }
        })?;
        let (rows, size, own) = (self.seq.t * self.seq.n, self.seq.h, &params[self.seq.own_params()..]);
        let (w_ho, b_o, h, o) = (&own[1].data, &own[2].data, &self.seq.state.steps, &mut top[0].data);
        cx.device.gemm(Trans::No, Trans::Yes, rows, size, size, 1.0, h, w_ho, 0.0, o)?;
        if let Device::Gpu(gpu) = cx.device {
            let count = o.count();
            return KERNELS.launch(gpu, "rnn_output", count, args![count, size, b_o, o.updated()]);
        }
        for o in o.slice_mut().chunks_exact_mut(size) {
            o.iter_mut().zip(b_o.slice()).for_each(|(o, b)| *o = (*o + b).tanh());
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (rows, size, own) = (self.seq.t * self.seq.n, self.seq.h, &mut params[self.seq.own_params()..]);
        let (o, do_, h, du) = (&top[0].data, &top[0].diff, &self.seq.state.steps, &mut self.du);
        match cx.device {
            Device::Cpu(_) => {
                for ((du, o), do_) in du.slice_mut().iter_mut().zip(o.slice()).zip(do_.slice()) {
                    *du = do_ * (1.0 - o * o);
                }
            }
            Device::Gpu(gpu) => {
                let count = o.count();
                KERNELS.launch(gpu, "rnn_output_backward", count, args![count, o, do_, du.over()])?;
            }
        }
        cx.device.gemm(Trans::Yes, Trans::No, size, size, rows, 1.0, du, h, 1.0, &mut own[1].diff)?;
        sum_rows(cx.device, du, &mut own[2].diff)?;

        // dz begins as the gradient that the outputs give h, and the steps run back over it.
        cx.device.gemm(Trans::No, Trans::No, rows, size, size, 1.0, du, &own[1].data, 0.0, &mut self.seq.dz)?;
        self.seq.backward(cx, params, top, bottom, |seq, t, cont| {
            let (n, size, h, dz, dresumed) = (seq.n * seq.h, seq.h, &seq.state.steps, &mut seq.dz, &seq.dresumed);
            match cx.device {
                Device::Cpu(_) => {
                    let of = t * n..(t + 1) * n;
                    let dz = &mut dz.slice_mut()[of.clone()];
                    add_from_step([t + 1, seq.t, size], cont, dresumed, dz);
                    dz.iter_mut().zip(&h.slice()[of]).for_each(|(dz, h)| *dz *= 1.0 - h * h);
                    Ok(())
                }
                Device::Gpu(gpu) => {
                    let args = args![n, size, t, seq.t, cont, h, dresumed, dz.updated()];
                    KERNELS.launch(gpu, "rnn_step_backward", n, args)
                }
            }
        })
    }

    fn propagates(&self, bottom: usize) -> bool {
        self.seq.propagates(bottom)
    }

    fn warning(&self) -> Option<String> {
        self.seq.warning()
    }
}
