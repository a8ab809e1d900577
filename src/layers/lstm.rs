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
use super::recurrent::{Recurrent, State, add, fit, resume, want, wanted_before};
use crate::blob::Values;
use crate::device::{Gemm, Mat, MatMut, Trans};
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Result};

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
    /// What is wanted of hₜ and cₜ, and what the step after wants of resumed, N x H.
    dh: Values,
    dc: Values,
    dresumed: Values,
}

const KERNELS: &str = concat!(
    include_str!("../../kernels/rows.cu"),
    include_str!("../../kernels/recurrent.cu"),
    include_str!("../../kernels/lstm_unit.cu"),
    include_str!("../../kernels/lstm.cu")
);

impl Lstm {
    /// Forgets the states that the last forward ended with.
    pub fn reset(&mut self) {
        self.h.reset();
        self.c.reset();
    }
}

impl Layer for Lstm {
    fn new(param: &LayerParameter) -> Result<Self> {
        let (seq, h, c) = (Recurrent::new(param, "LSTM", 2, 4, KERNELS)?, State::default(), State::default());
        let [resumed, gates, dz, dh, dc, dresumed] = [(); 6].map(|()| Values::default());
        Ok(Lstm { seq, h, c, resumed, gates, dz, dh, dc, dresumed })
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
        fit(&mut self.dz, &[t, n, z])?;
        [&mut self.dh, &mut self.dc, &mut self.dresumed].into_iter().try_for_each(|values| fit(values, &[n, h]))
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.seq.input(cx, params, bottom, &mut self.gates)?;
        let Recurrent { t: steps, n, h: size, .. } = self.seq;
        let (w, cont, row) = (&params[self.seq.own_params()].data, &bottom[1].data, n * size);
        self.h.begin(cx.device, self.seq.state_bottom(0).map(|i| &bottom[i]))?;
        self.c.begin(cx.device, self.seq.state_bottom(1).map(|i| &bottom[i]))?;
        let Lstm { seq: Recurrent { kernels, .. }, h, c, gates: z, resumed, .. } = self;
        for t in 0..steps {
            match cx.device {
                Device::Cpu(cpu) => {
                    let (cont, z) =
                        (&cont.slice()[t * n..(t + 1) * n], &mut z.slice_mut()[t * 4 * row..(t + 1) * 4 * row]);
                    let resumed = &mut resumed.slice_mut()[t * row..(t + 1) * row];
                    let ((h_before, h), (c_before, c)) = (h.step(t), c.step(t));
                    resume(cont, h_before, resumed);
                    let w = Mat::new(w.slice(), 4 * size, size).t();
                    cpu.gemm(1.0, Mat::new(resumed, n, size), w, 1.0, MatMut::new(z, n, 4 * size));
                    step(cont, c_before, z, c, h);
                }
                Device::Gpu(gpu) => {
                    h.resume(gpu, kernels, t, cont, resumed)?;
                    let product = Gemm::new(Trans::No, Trans::Yes, n, 4 * size, size).scaled(1.0, 1.0);
                    let product = product.at([t * row, 0, t * 4 * row]);
                    gpu.gemm(&product, resumed.card(gpu)?, w.card(gpu)?, z.card_mut(gpu)?)?;
                    let args = &mut [
                        row.into(),
                        size.into(),
                        t.into(),
                        cont.card(gpu)?,
                        c.first.card(gpu)?,
                        z.card_mut(gpu)?,
                        c.steps.card_mut(gpu)?,
                        h.steps.card_mut(gpu)?,
                    ];
                    kernels.launch(gpu, "lstm_unit_forward", row, args)?;
                }
            }
        }
        cx.device.copy(&h.steps, &mut top[0].data)?;
        h.end(cx.device, kernels, steps, top.get_mut(1))?;
        c.end(cx.device, kernels, steps, top.get_mut(2))
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
        let (w, cont, dy, row) = (&own.data, &bottom[1].data, &top[0].diff, n * size);
        let exposed = self.seq.exposed();
        let Lstm { seq: Recurrent { kernels, .. }, h, c, gates, dz, dh, dc, dresumed, .. } = self;
        want(cx.device, top.get(2), dc)?;
        match cx.device {
            Device::Cpu(cpu) => {
                want(cx.device, top.get(1), dh)?;
                for t in (0..steps).rev() {
                    let (cont, of) = (&cont.slice()[t * n..(t + 1) * n], t * 4 * row..(t + 1) * 4 * row);
                    let (gates, dz) = (&gates.slice()[of.clone()], &mut dz.slice_mut()[of]);
                    let (c_before, c) = c.at(t);
                    add(&dy.slice()[t * row..(t + 1) * row], dh.slice_mut());
                    step_backward(cont, c_before, gates, c, dh.slice(), dc.slice_mut(), dz);
                    let (dz, dx) = (Mat::new(dz, n, 4 * size), MatMut::new(dresumed.slice_mut(), n, size));
                    cpu.gemm(1.0, dz, Mat::new(w.slice(), 4 * size, size), 0.0, dx);
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
                        dy.card(gpu)?,
                        dresumed.card(gpu)?,
                        dh.card_over(gpu)?,
                    ];
                    kernels.launch(gpu, "lstm_wanted", row, args)?;
                    let args = &mut [
                        row.into(),
                        size.into(),
                        t.into(),
                        cont.card(gpu)?,
                        c.first.card(gpu)?,
                        gates.card(gpu)?,
                        c.steps.card(gpu)?,
                        dh.card(gpu)?,
                        dc.card_mut(gpu)?,
                        dz.card_over(gpu)?,
                    ];
                    kernels.launch(gpu, "lstm_unit_backward", row, args)?;
                    let product = Gemm::new(Trans::No, Trans::No, n, size, 4 * size).at([t * 4 * row, 0, 0]);
                    gpu.gemm(&product, dz.card(gpu)?, w.card(gpu)?, dresumed.card_over(gpu)?)?;
                }
                if exposed {
                    wanted_before(gpu, kernels, steps, cont, [dresumed, &h.steps], dh)?;
                }
            }
        }
        let (rows, dz, resumed) = (steps * n, &self.dz, &self.resumed);
        cx.device.gemm(Trans::Yes, Trans::No, 4 * size, size, rows, 1.0, dz, resumed, 1.0, &mut own.diff)?;
        for (i, diff) in [&self.dh, &self.dc].into_iter().enumerate() {
            if let Some(i) = self.seq.state_bottom(i).filter(|&i| propagate_down[i]) {
                cx.device.copy(diff, &mut bottom[i].diff)?;
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
