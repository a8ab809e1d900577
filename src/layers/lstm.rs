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
//! Backward runs from the last step to the first: dhₜ is what the layers above want, and contₜ₊₁ W_hcᵀ dzₜ₊₁ from the
//! step after. Then dW_hc = Σₜ dzₜ (contₜ hₜ₋₁)ᵀ, dW_xc = Σₜ dzₜ xₜᵀ, db_c = Σₜ dzₜ, dxₜ = W_xcᵀ dzₜ, and with the sum of
//! dzₜ over the steps the same for x_static. cont gets no gradient.
//!
//! Without `expose_hidden` a forward begins with the states that the forward before it ended with, so that long sequences
//! can come in pieces; a cont of 0 forgets them, and so do another N, [`Lstm::reset`] and a new net: a snapshot does not
//! hold them. No gradient flows back into the piece before. With `expose_hidden` the states are blobs like any other, and
//! gradients flow through them: dh_T and dc_T join in at the last step, and h₀ and c₀ get W_hcᵀ dz₁ cont₁ and s f of the
//! first. In Caffe they share their data only, so that what stands above h_T or below h₀ trains on a wrong gradient.
//!
//! `recurrent_param { num_output weight_filler bias_filler expose_hidden }`: num_output is H, the fillers are for all
//! weights and b_c. `debug_info` does nothing, as there is no inner net. Hochreiter and Schmidhuber, Long short-term memory
//! (1997); the forget gate is by Gers, Schmidhuber and Cummins, Learning to forget (2000).

use super::lstm_unit::{step, step_backward};
use super::recurrent::{Recurrent, State, add, fit, resume};
use crate::blob::Values;
use crate::device::Trans;
use crate::device::cpu::{Mat, MatMut};
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Result};

/// Gates decide what a cell keeps, takes in and gives out, step after step.
pub struct Lstm {
    seq: Recurrent,
    h: State,
    c: State,
    /// contₜ hₜ₋₁, T x N x H.
    resumed: Values,
    /// The gates behind their bend, and their diffs before it, T x N x 4H.
    gates: Values,
    dz: Values,
}

impl Lstm {
    /// Forgets the states that the last forward ended with.
    pub fn reset(&mut self) {
        self.h.reset();
        self.c.reset();
    }
}

impl Layer for Lstm {
    fn new(param: &LayerParameter) -> Result<Self> {
        let seq = Recurrent::new(param, "LSTM", 2, 4)?;
        let [resumed, gates, dz] = [(); 3].map(|()| Values::default());
        Ok(Lstm { seq, h: State::default(), c: State::default(), resumed, gates, dz })
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
        let Recurrent { t, n, h, z, .. } = self.seq;
        self.h.reshape(t, n, h)?;
        self.c.reshape(t, n, h)?;
        fit(&mut self.resumed, &[t, n, h])?;
        fit(&mut self.dz, &[t, n, z])
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.seq.input(cx, params, bottom, &mut self.gates)?;
        let Recurrent { t: steps, n, h: size, .. } = self.seq;
        let (w, cont) = (params[self.seq.own_params()].data.slice(), bottom[1].data.slice());
        let (z, resumed) = (self.gates.slice_mut(), self.resumed.slice_mut());
        self.h.begin(self.seq.state_bottom(0).map(|i| &bottom[i]));
        self.c.begin(self.seq.state_bottom(1).map(|i| &bottom[i]));
        let cpu = cx.device.host();
        for t in 0..steps {
            let (cont, z) = (&cont[t * n..(t + 1) * n], &mut z[t * n * 4 * size..(t + 1) * n * 4 * size]);
            let resumed = &mut resumed[t * n * size..(t + 1) * n * size];
            let ((h_before, h), (c_before, c)) = (self.h.step(t), self.c.step(t));
            resume(cont, h_before, resumed);
            let w = Mat::new(w, 4 * size, size).t();
            cpu.gemm(1.0, Mat::new(resumed, n, size), w, 1.0, MatMut::new(z, n, 4 * size));
            step(cont, c_before, z, c, h);
        }
        top[0].data.slice_mut().copy_from_slice(self.h.steps.slice());
        self.h.end(steps, top.get_mut(1));
        self.c.end(steps, top.get_mut(2));
        Ok(())
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
        let own = &mut params[self.seq.own_params()];
        let (w, cont, dy) = (own.data.slice(), bottom[1].data.slice(), top[0].diff.slice());
        let (gates, dz) = (self.gates.slice(), self.dz.slice_mut());
        let last = |top: Option<&Blob>| top.map_or(vec![0.0; n * size], |top| top.diff.slice().to_vec());
        let (mut dh, mut dc, mut dresumed) = (last(top.get(1)), last(top.get(2)), vec![0.0; n * size]);
        let cpu = cx.device.host();
        for t in (0..steps).rev() {
            let (cont, of) = (&cont[t * n..(t + 1) * n], t * n * 4 * size..(t + 1) * n * 4 * size);
            let (gates, dz) = (&gates[of.clone()], &mut dz[of]);
            let (c_before, c) = self.c.at(t);
            add(&dy[t * n * size..(t + 1) * n * size], &mut dh);
            step_backward(cont, c_before, gates, c, &dh, &mut dc, dz);
            let (dz, dx) = (Mat::new(dz, n, 4 * size), MatMut::new(&mut dresumed, n, size));
            cpu.gemm(1.0, dz, Mat::new(w, 4 * size, size), 0.0, dx);
            resume(cont, &dresumed, &mut dh);
        }
        let (rows, dz, resumed) = (steps * n, &self.dz, &self.resumed);
        cx.device.gemm(Trans::Yes, Trans::No, 4 * size, size, rows, 1.0, dz, resumed, 1.0, &mut own.diff)?;
        for (i, diff) in [dh, dc].iter().enumerate() {
            if let Some(i) = self.seq.state_bottom(i).filter(|&i| propagate_down[i]) {
                bottom[i].diff.slice_mut().copy_from_slice(diff);
            }
        }
        self.seq.input_backward(cx, params, &self.dz, propagate_down, bottom)
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
