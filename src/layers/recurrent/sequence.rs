//! What RNN and LSTM share: a sequence's sizes, the part of the input, and states that live from step to step.
//!
//! ```text
//! x        T x N x ..     N sequences side by side, T steps of each
//! cont     T x N          0 where a sequence starts, which forgets the state before it; 1 where it continues
//! states   1 x N x H      before the first step, or after the last
//! ```

use super::state::{State, begin_backward, fit, resume};
use crate::device::{Gemm, Mat, MatMut, Trans};
use crate::layer::*;
use crate::layers::learnable::learnable;
use crate::layers::rows::{add_to_rows, sum_rows};
use crate::proto::RecurrentParameter;

/// A recurrent layer without what a step makes of z, and of the gradient of h: z = x wᵀ + b + x_static w_staticᵀ for
/// all steps at once, then zₜ += contₜ hₜ₋₁ w_hᵀ step by step.
pub(super) struct Recurrent {
    name: String,
    kind: &'static str,
    param: RecurrentParameter,
    /// How many states there are: h, or h and c.
    states: usize,
    /// T steps of N sequences of D values, and the S values of `x_static`, if there is one.
    pub t: usize,
    pub n: usize,
    d: usize,
    s: Option<usize>,
    /// H values of a state, Z values of z.
    pub h: usize,
    pub z: usize,
    /// The hidden state, and contₜ hₜ₋₁, T x N x H.
    pub state: State,
    resumed: Values,
    /// zₜ, T x N x Z, until a step makes something else of it; and its gradient.
    pub gates: Values,
    pub dz: Values,
    /// The gradient of contₜ hₜ₋₁, for one step: N x H.
    pub dresumed: Values,
    /// x_static w_staticᵀ.
    z_static: Values,
    /// dz summed over the steps: all that `x_static` and its weights get.
    dz_sum: Values,
}

impl Recurrent {
    /// A layer of that many states, whose z has `gates` times as many values as a state.
    pub fn new(p: &LayerParameter, kind: &'static str, [states, gates]: [usize; 2]) -> Result<Self> {
        let param = p.recurrent_param.clone().unwrap_or_default();
        let (name, h) = (p.name().to_string(), param.num_output() as usize);
        if h == 0 {
            return Err(Error::value(format!("{kind} needs a num_output of at least 1"))
                .field("recurrent_param.num_output")
                .hint("num_output is the size of the hidden state"));
        }
        let z = gates * h;
        let [resumed, gates, dz, dresumed, z_static, dz_sum] = [(); 6].map(|()| Values::default());
        let (state, [t, n, d], s) = (State::default(), [0; 3], None);
        Ok(Recurrent {
            name,
            kind,
            param,
            states,
            t,
            n,
            d,
            s,
            h,
            z,
            state,
            resumed,
            gates,
            dz,
            dresumed,
            z_static,
            dz_sum,
        })
    }

    /// Whether the states come as bottoms and go as tops.
    pub fn exposed(&self) -> bool {
        self.param.expose_hidden()
    }

    pub fn arity(&self) -> Arity {
        let exposed = if self.exposed() { self.states } else { 0 };
        Arity::range(2 + exposed..=3 + exposed, 1 + exposed..=1 + exposed)
    }

    /// x, x_static and states get a gradient, cont none.
    pub fn propagates(&self, bottom: usize) -> bool {
        bottom != 1
    }

    pub fn warning(&self) -> Option<String> {
        let text =
            "recurrent_param { debug_info } logs the blobs of an inner net; there is none here, and it does nothing";
        self.param.debug_info().then(|| text.into())
    }

    /// The bottom that holds state `i` before the first step, if there is one.
    pub fn state_bottom(&self, i: usize) -> Option<usize> {
        self.exposed().then_some(2 + usize::from(self.s.is_some()) + i)
    }

    /// The first parameter that is not the input's.
    pub fn own_params(&self) -> usize {
        2 + usize::from(self.s.is_some())
    }

    /// A matrix of weights, or the zeros of a bias, filled as the prototxt says.
    pub fn weights(&self, cx: &Cx, blob: &str, shape: &[usize]) -> Result<Param> {
        let random = cx.random(&format!("{}.{blob}", self.name));
        let (filler, field) = match shape.len() {
            1 => (&self.param.bias_filler, "recurrent_param.bias_filler"),
            _ => (&self.param.weight_filler, "recurrent_param.weight_filler"),
        };
        let made = learnable(shape, filler.as_ref(), 0.0, random, field);
        made.map_err(|e| e.field("recurrent_param.num_output"))
    }

    /// The input's parameters: w, Z x D; b, Z; and w_static, Z x S.
    pub fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        let exposed = if self.exposed() { self.states } else { 0 };
        self.read_shapes(bottom, bottom.len() > 2 + exposed)?;
        let mut params = vec![self.weights(cx, "w_x", &[self.z, self.d])?, self.weights(cx, "b", &[self.z])?];
        if let Some(s) = self.s {
            params.push(self.weights(cx, "w_static", &[self.z, s])?);
        }
        Ok(params)
    }

    /// Checks all bottoms, and shapes the tops: y, T x N x H, then the states.
    pub fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (d, s) = (self.d, self.s);
        self.read_shapes(bottom, s.is_some())?;
        for (i, made_for, now) in [(0, Some(d), Some(self.d)), (2, s, self.s)] {
            if made_for != now {
                let (made_for, now) = (made_for.unwrap_or(0), now.unwrap_or(0));
                (self.d, self.s) = (d, s);
                return Err(Error::shape(format!(
                    "the weights were made for {made_for} inputs, a step of bottom[{i}] of shape {:?} has {now}",
                    bottom[i].shape()
                ))
                .field("bottom")
                .hint("T and N may change, the values of a step may not"));
            }
        }
        let too_large = |e: Error| e.field("recurrent_param.num_output");
        crate::blob::count(&[self.t, self.n, self.z]).map_err(too_large)?;
        top[0].reshape(&[self.t, self.n, self.h]).map_err(too_large)?;
        top[1..].iter_mut().try_for_each(|top| top.reshape(&[1, self.n, self.h]))?;
        self.state.reshape(self.t, self.n, self.h)?;
        fit(&mut self.resumed, &[self.t, self.n, self.h])?;
        fit(&mut self.dresumed, &[self.n, self.h])?;
        [&mut self.gates, &mut self.dz].into_iter().try_for_each(|z| fit(z, &[self.t, self.n, self.z]))
    }

    fn read_shapes(&mut self, bottom: &[Blob], has_static: bool) -> Result {
        let (kind, x, cont) = (self.kind, bottom[0].shape(), bottom[1].shape());
        let [t, n, ..] = *x else {
            return Err(Error::shape(format!("{kind} of bottom[0] of shape {x:?}"))
                .field("bottom")
                .hint("the first bottom is T x N x ..: steps, sequences, the values of a step"));
        };
        if cont != [t, n] {
            return Err(Error::shape(format!(
                "cont, bottom[1], has shape {cont:?}, bottom[0] {x:?}: not one cont a step"
            ))
            .field("bottom")
            .hint(format!("cont is T x N, here [{t}, {n}]: 0 where a sequence starts, 1 where it continues")));
        }
        (self.t, self.n, self.d) = (t, n, bottom[0].count_in(2..x.len()));
        self.s = None;
        if has_static {
            let shape = bottom[2].shape();
            if shape.first() != Some(&n) {
                return Err(Error::shape(format!("x_static, bottom[2], has shape {shape:?}, for {n} sequences"))
                    .field("bottom")
                    .hint(format!("x_static is N x ..: its first axis is {n}, as the second of bottom[0]")));
            }
            self.s = Some(bottom[2].count_in(1..shape.len()));
        }
        let (first, want) = (2 + usize::from(has_static), [1, n, self.h]);
        match bottom.iter().enumerate().skip(first).find(|(_, state)| state.shape() != want) {
            None => Ok(()),
            Some((i, state)) => {
                Err(Error::shape(format!("the state bottom[{i}] has shape {:?}, not {want:?}", state.shape()))
                    .field("bottom")
                    .hint("a state is 1 x N x num_output"))
            }
        }
    }

    /// z = x wᵀ + b, for all steps at once, + x_static w_staticᵀ, the same in each.
    fn input(&mut self, cx: &Cx, params: &[Blob], bottom: &[Blob]) -> Result {
        let (x, w, b, z) = (&bottom[0].data, &params[0].data, &params[1].data, &mut self.gates);
        cx.device.gemm(Trans::No, Trans::Yes, self.t * self.n, self.z, self.d, 1.0, x, w, 0.0, z)?;
        add_to_rows(cx.device, b, z)?;
        if let Some(s) = self.s {
            let (x, w, y) = (&bottom[2].data, &params[2].data, &mut self.z_static);
            fit(y, &[self.n, self.z])?;
            cx.device.gemm(Trans::No, Trans::Yes, self.n, self.z, s, 1.0, x, w, 0.0, y)?;
            add_to_rows(cx.device, y, z)?;
        }
        Ok(())
    }

    /// dw += dzᵀ x, db += Σ dz, dx = dz w; and with dz summed over the steps the same for `x_static`.
    fn input_backward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &mut [Blob]) -> Result {
        let (m, dz) = (self.t * self.n, &self.dz);
        affine_backward(cx, 0, params, dz, [m, self.z, self.d], bottom)?;
        sum_rows(cx.device, dz, &mut params[1].diff)?;
        if let Some(s) = self.s {
            fit(&mut self.dz_sum, &[self.n, self.z])?;
            self.dz_sum.fill(0.0);
            sum_rows(cx.device, dz, &mut self.dz_sum)?;
            affine_backward(cx, 2, params, &self.dz_sum, [self.n, self.z, s], bottom)?;
        }
        Ok(())
    }

    /// All steps, first to last: `step` gets t and cont and makes hₜ of zₜ. The last h goes to `top[1]`, if any.
    pub fn forward(
        &mut self,
        cx: &Cx,
        params: &[Blob],
        bottom: &[Blob],
        top: &mut [Blob],
        mut step: impl FnMut(&mut Recurrent, usize, &Values) -> Result,
    ) -> Result {
        self.input(cx, params, bottom)?;
        self.state.begin(cx.device, self.state_bottom(0).map(|i| &bottom[i]))?;
        let (w, cont, n) = (&params[self.own_params()].data, &bottom[1].data, self.n * self.h);
        let product = Gemm::new(Trans::No, Trans::Yes, self.n, self.z, self.h).scaled(1.0, 1.0);
        for t in 0..self.t {
            let State { first, steps, .. } = &self.state;
            resume(cx.device, self.h, t, cont, [first, steps], &mut self.resumed)?;
            let product = product.at([t * n, 0, t * self.n * self.z]);
            multiply(cx.device, &product, &self.resumed, w, &mut self.gates)?;
            step(self, t, cont)?;
        }
        self.state.end(cx.device, self.t, top.get_mut(1))
    }

    /// All steps, last to first: `step` makes dzₜ of the gradients of hₜ. `dresumed` holds the one from the step after,
    /// or from above the last; see [`add_from_step`].
    pub fn backward(
        &mut self,
        cx: &Cx,
        params: &mut [Blob],
        top: &[Blob],
        bottom: &mut [Blob],
        mut step: impl FnMut(&mut Recurrent, usize, &Values) -> Result,
    ) -> Result {
        let own = self.own_params();
        begin_backward(cx.device, top.get(1), &mut self.dresumed)?;
        let product = Gemm::new(Trans::No, Trans::No, self.n, self.h, self.z);
        for t in (0..self.t).rev() {
            step(self, t, &bottom[1].data)?;
            let product = product.at([t * self.n * self.z, 0, 0]);
            multiply(cx.device, &product, &self.dz, &params[own].data, &mut self.dresumed)?;
        }
        if let Some(i) = self.state_bottom(0).filter(|&i| cx.propagate_down[i]) {
            let (x, states) = bottom.split_at_mut(i);
            let (dh, before) = (&mut states[0].diff, [&self.dresumed, &self.state.steps]);
            match self.t {
                0 => cx.device.copy(before[0], dh)?,
                _ => resume(cx.device, self.h, 0, &x[1].data, before, dh)?,
            }
        }
        let (m, w) = (self.t * self.n, &mut params[own].diff);
        cx.device.gemm(Trans::Yes, Trans::No, self.z, self.h, m, 1.0, &self.dz, &self.resumed, 1.0, w)?;
        self.input_backward(cx, params, bottom)
    }
}

/// For y = x wᵀ, with m x n values of y and m x k of x, bottom `i`: dw += dyᵀ x, and dx = dy w if it is asked for.
fn affine_backward(
    cx: &Cx,
    i: usize,
    params: &mut [Blob],
    dy: &Values,
    [m, n, k]: [usize; 3],
    bottom: &mut [Blob],
) -> Result {
    let (w, x) = (&mut params[i], &mut bottom[i]);
    cx.device.gemm(Trans::Yes, Trans::No, n, k, m, 1.0, dy, &x.data, 1.0, &mut w.diff)?;
    match cx.propagate_down[i] {
        true => cx.device.gemm(Trans::No, Trans::No, m, k, n, 1.0, dy, &w.data, 0.0, &mut x.diff),
        false => Ok(()),
    }
}

/// c = a op(b) + beta c, of matrices that stand anywhere in a and c.
fn multiply(device: &Device, gemm: &Gemm, a: &Values, b: &Values, c: &mut Values) -> Result {
    if let Device::Gpu(gpu) = device {
        let c = if gemm.beta == 0.0 { c.over() } else { c.updated() };
        return gpu.gemm(gemm, args![a, b, c]);
    }
    let (Gemm { m, n, k, alpha, beta, .. }, b) = (*gemm, b.slice());
    let a = Mat::new(&a.slice()[gemm.a.at..], m, k);
    let b = if gemm.b.trans == Trans::Yes { Mat::new(b, n, k).t() } else { Mat::new(b, k, n) };
    device.host().gemm(alpha, a, b, beta, MatMut::new(&mut c.slice_mut()[gemm.c.at..], m, n));
    Ok(())
}
