//! # LSTM: a recurrent layer that can remember for long
//!
//! | blob            | shape         | meaning                                                                    |
//! |-----------------|---------------|----------------------------------------------------------------------------|
//! | `bottom[0]`     | T x N x ..    | x: T steps of N sequences, of D values each                                |
//! | `bottom[1]`     | T x N         | cont: 0 where a sequence starts, 1 where it continues the step before      |
//! | `bottom[2]`     | N x ..        | x_static, if given: S values that every step sees                          |
//! | `bottom[2 or 3]` and next | 1 x N x H | h₀ and c₀, if `expose_hidden`: the states to begin with                |
//! | `params[0]`     | 4H x D        | W_xc, the weights of x                                                     |
//! | `params[1]`     | 4H            | b_c                                                                        |
//! | `params[2]`     | 4H x S        | W_xc_static, only with x_static                                            |
//! | the last param  | 4H x H        | W_hc, the weights of h                                                     |
//! | `top[0]`        | T x N x H     | h, the hidden state after each step                                        |
//! | `top[1]`, `top[2]` | 1 x N x H  | h_T and c_T, if `expose_hidden`: the states after the last step            |
//!
//! The 4H rows of the weights are H each for the gates i, f, o and g. Step t is
//!
//! zₜ = W_xc xₜ + b_c + W_xc_static x_static + W_hc (contₜ hₜ₋₁),
//!
//! i = σ(zᵢ), f = contₜ σ(z_f), o = σ(zₒ), g = tanh(z_g), cₜ = f cₜ₋₁ + i g, hₜ = o tanh(cₜ)
//!
//! and [`LSTMUnit`](super::lstm_unit) is its second line, with that line's gradient. What does not wait for the step
//! before is one matrix product for all steps.
//!
//! Backward runs from the last step to the first: dhₜ is the upstream gradient, plus contₜ₊₁ W_hcᵀ dzₜ₊₁ from the step
//! after. Then dW_hc = Σₜ dzₜ (contₜ hₜ₋₁)ᵀ, dW_xc = Σₜ dzₜ xₜᵀ, db_c = Σₜ dzₜ, dxₜ = W_xcᵀ dzₜ, and with the sum of
//! dzₜ over the steps the same for x_static. cont gets no gradient.
//!
//! Without `expose_hidden` a forward begins with the states that the forward before it ended with, so that long
//! sequences can come in pieces; a cont of 0 forgets them, and so do another N, [`Lstm::reset`] and a new net: a
//! snapshot does not hold them. No gradient flows back into the piece before. With `expose_hidden` the states are blobs
//! like any other, and gradients flow through them: dh_T and dc_T join in at the last step, and h₀ and c₀ get
//! W_hcᵀ dz₁ cont₁ and s f of the first. In Caffe they share their data only, so what is above h_T or below h₀ trains
//! wrongly.
//!
//! `recurrent_param { num_output weight_filler bias_filler expose_hidden }`: num_output is H, the fillers are for all
//! weights and b_c. `debug_info` does nothing, as there is no inner net. Hochreiter and Schmidhuber, Long short-term
//! memory (1997); the forget gate is by Gers, Schmidhuber and Cummins, Learning to forget (2000).

use super::lstm_unit::{step, step_backward};
use super::sequence::Recurrent;
use super::state::{State, add_from_step, begin_backward, fit};
use crate::layer::*;

/// Gates decide what a cell keeps, takes in and gives out, step after step.
pub struct Lstm {
    seq: Recurrent,
    c: State,
    /// The gradients of hₜ and cₜ, for one step: N x H.
    dh: Values,
    dc: Values,
}

const KERNELS: Kernels = kernels!("recurrent", "lstm");

impl Lstm {
    /// Forgets the states that the last forward ended with.
    pub fn reset(&mut self) {
        self.seq.state.reset();
        self.c.reset();
    }
}

impl Layer for Lstm {
    fn new(param: &LayerParameter) -> Result<Self> {
        let (seq, c) = (Recurrent::new(param, "LSTM", [2, 4])?, State::default());
        Ok(Lstm { seq, c, dh: Values::default(), dc: Values::default() })
    }

    fn arity(&self) -> Arity {
        self.seq.arity()
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        let mut params = self.seq.setup(cx, bottom)?;
        params.push(self.seq.weights(cx, "w_h", &[self.seq.z, self.seq.h])?);
        Ok(params)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.seq.reshape(bottom, top)?;
        let Recurrent { t, n, h, .. } = self.seq;
        self.c.reshape(t, n, h)?;
        [&mut self.dh, &mut self.dc].into_iter().try_for_each(|values| fit(values, &[n, h]))
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.c.begin(cx.device, self.seq.state_bottom(1).map(|i| &bottom[i]))?;
        let c = &mut self.c;
        self.seq.forward(cx, params, bottom, top, |seq, t, cont| {
            let made = [&mut seq.gates, &mut c.steps, &mut seq.state.steps];
            step(cx.device, [t, seq.h], [cont, &c.first], made)
        })?;
        cx.device.copy(&self.seq.state.steps, &mut top[0].data)?;
        self.c.end(cx.device, self.seq.t, top.get_mut(2))
    }

    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (c, dy, dh, dc) = (&self.c, &top[0].diff, &mut self.dh, &mut self.dc);
        begin_backward(cx.device, top.get(2), dc)?;
        self.seq.backward(cx, params, top, bottom, |seq, t, cont| {
            let (n, dresumed) = (seq.n * seq.h, &seq.dresumed);
            match cx.device {
                Device::Cpu(_) => {
                    let dh = dh.slice_mut();
                    dh.copy_from_slice(&dy.slice()[t * n..(t + 1) * n]);
                    add_from_step([t + 1, seq.t, seq.h], cont, dresumed, dh);
                }
                Device::Gpu(gpu) => {
                    let args = args![n, seq.h, t, seq.t, cont, dy, dresumed, dh.over()];
                    KERNELS.launch(gpu, "lstm_wanted", n, args)?;
                }
            }
            let read = [cont, &c.first, &seq.gates, &c.steps, dh];
            step_backward(cx.device, [t, seq.h], read, [dc, &mut seq.dz])
        })?;
        match self.seq.state_bottom(1).filter(|&i| cx.propagate_down[i]) {
            Some(i) => cx.device.copy(&self.dc, &mut bottom[i].diff),
            None => Ok(()),
        }
    }

    fn needs(&self) -> Needs {
        Needs::X
    }

    fn propagates(&self, bottom: usize) -> bool {
        self.seq.propagates(bottom)
    }

    fn warning(&self) -> Option<String> {
        self.seq.warning()
    }
}
