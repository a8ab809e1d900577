//! What RNN and LSTM share: a sequence's sizes, the part of the input, and states that live from step to step.
//!
//! ```text
//! x        T x N x ..     N sequences side by side, T steps of each
//! cont     T x N          0 where a sequence starts, which forgets the state before it; 1 where it continues
//! states   1 x N x H      before the first step, or after the last
//! ```

use super::learnable::learnable;
use super::rows::{add_to_rows, sum_rows};
use crate::blob::Values;
use crate::device::{Device, Gpu, Kernels, Trans};
use crate::layer::*;
use crate::proto::{LayerParameter, RecurrentParameter};
use crate::{Blob, Error, Result};

/// The sizes of the sequences, and the part of a recurrent layer that does not recur:
/// z = x wᵀ + b + x_static w_staticᵀ for all steps at once.
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
    /// x_static w_staticᵀ.
    z_static: Values,
    /// dz summed over the steps: all that `x_static` and its weights get.
    dz_sum: Values,
    /// The layer's kernels, `kernels/recurrent.cu` among them.
    pub kernels: Kernels,
}

impl Recurrent {
    /// A layer of that many states, whose z has `gates` times as many values as a state.
    pub fn new(
        param: &LayerParameter,
        kind: &'static str,
        states: usize,
        gates: usize,
        kernels: &'static str,
    ) -> Result<Recurrent> {
        let p = param.recurrent_param.clone().unwrap_or_default();
        let (name, h) = (param.name().to_string(), p.num_output() as usize);
        if h == 0 {
            return Err(Error::value(format!("{kind} needs a num_output of at least 1"))
                .field("recurrent_param.num_output")
                .hint("num_output is the size of the hidden state"));
        }
        let (z, kernels) = (gates * h, Kernels::new(kernels));
        let (z_static, dz_sum) = (Values::default(), Values::default());
        Ok(Recurrent { name, kind, param: p, states, t: 0, n: 0, d: 0, s: None, h, z, z_static, dz_sum, kernels })
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

    /// The bottom that holds the first of state `i`, if it comes as one.
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
        top[1..].iter_mut().try_for_each(|top| top.reshape(&[1, self.n, self.h]))
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
    pub fn input(&mut self, cx: &Cx, params: &[Blob], bottom: &[Blob], z: &mut Values) -> Result {
        fit(z, &[self.t, self.n, self.z])?;
        let (x, w, b) = (&bottom[0].data, &params[0].data, &params[1].data);
        cx.device.gemm(Trans::No, Trans::Yes, self.t * self.n, self.z, self.d, 1.0, x, w, 0.0, z)?;
        add_to_rows(cx.device, &mut self.kernels, b, z)?;
        if let Some(s) = self.s {
            let (x, w, y) = (&bottom[2].data, &params[2].data, &mut self.z_static);
            fit(y, &[self.n, self.z])?;
            cx.device.gemm(Trans::No, Trans::Yes, self.n, self.z, s, 1.0, x, w, 0.0, y)?;
            add_to_rows(cx.device, &mut self.kernels, y, z)?;
        }
        Ok(())
    }

    /// dw += dzᵀ x, db += Σ dz, dx = dz w; and with dz summed over the steps the same for `x_static`.
    pub fn input_backward(
        &mut self,
        cx: &Cx,
        params: &mut [Blob],
        dz: &Values,
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        let m = self.t * self.n;
        affine_backward(cx, &mut params[0], dz, [m, self.z, self.d], propagate_down[0], &mut bottom[0])?;
        sum_rows(cx.device, &mut self.kernels, dz, &mut params[1].diff)?;
        if let Some(s) = self.s {
            fit(&mut self.dz_sum, &[self.n, self.z])?;
            self.dz_sum.fill(0.0);
            sum_rows(cx.device, &mut self.kernels, dz, &mut self.dz_sum)?;
            let sizes = [self.n, self.z, s];
            affine_backward(cx, &mut params[2], &self.dz_sum, sizes, propagate_down[2], &mut bottom[2])?;
        }
        Ok(())
    }
}

/// Of y = x wᵀ, with m x n values of y and m x k of x: dw += dyᵀ x, and dx = dy w if it is asked for.
fn affine_backward(
    cx: &Cx,
    w: &mut Blob,
    dy: &Values,
    [m, n, k]: [usize; 3],
    propagate_down: bool,
    x: &mut Blob,
) -> Result {
    cx.device.gemm(Trans::Yes, Trans::No, n, k, m, 1.0, dy, &x.data, 1.0, &mut w.diff)?;
    if propagate_down {
        cx.device.gemm(Trans::No, Trans::No, m, k, n, 1.0, dy, &w.data, 0.0, &mut x.diff)?;
    }
    Ok(())
}

/// y += x, value by value.
pub(super) fn add(x: &[f32], y: &mut [f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
}

/// Zeros of this shape, or the values as they are if they have it.
pub(super) fn fit(values: &mut Values, shape: &[usize]) -> Result {
    if values.shape() != shape {
        *values = Values::new(shape)?;
    }
    Ok(())
}

/// y = cont x, for each sequence. A sequence that starts forgets all, a state that is no number, too.
pub(super) fn resume(cont: &[f32], x: &[f32], y: &mut [f32]) {
    let row = x.len() / cont.len().max(1);
    for (i, &cont) in cont.iter().enumerate() {
        for (y, x) in y[i * row..][..row].iter_mut().zip(&x[i * row..]) {
            *y = if cont == 0.0 { 0.0 } else { cont * x };
        }
    }
}

/// The same on a card, for step `t`; x is the state before it, given as the state before all steps and after each.
fn resume_on_card(
    gpu: &Gpu,
    kernels: &mut Kernels,
    t: usize,
    cont: &Values,
    [first, steps]: [&Values; 2],
    y: &mut Values,
) -> Result {
    let n = first.count();
    let size = n / first.shape().first().map_or(1, |&sequences| sequences.max(1));
    let (first, steps) = (first.card(gpu)?, steps.card(gpu)?);
    let args = &mut [n.into(), size.into(), t.into(), cont.card(gpu)?, first, steps, y.card_over(gpu)?];
    kernels.launch(gpu, "recurrent_resume", n, args)
}

/// What is wanted of the state before the first of `steps` steps, whose own wish `dresumed` is; `h` are the states.
pub(super) fn wanted_before(
    gpu: &Gpu,
    kernels: &mut Kernels,
    steps: usize,
    cont: &Values,
    [dresumed, h]: [&Values; 2],
    dh: &mut Values,
) -> Result {
    match steps {
        0 => dh.copy_from(dresumed),
        _ => resume_on_card(gpu, kernels, 0, cont, [dresumed, h], dh),
    }
}

/// What is wanted of the state after the last step: by those above its top, or by nobody.
pub(super) fn want(device: &Device, top: Option<&Blob>, diff: &mut Values) -> Result {
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

    /// y = cont times the state before step `t`, on a card.
    pub fn resume(&self, gpu: &Gpu, kernels: &mut Kernels, t: usize, cont: &Values, y: &mut Values) -> Result {
        resume_on_card(gpu, kernels, t, cont, [&self.first, &self.steps], y)
    }

    /// The state before step `t` and, to be written, after it.
    pub fn step(&mut self, t: usize) -> (&[f32], &mut [f32]) {
        let (row, first) = (self.first.count(), self.first.slice());
        let (before, now) = self.steps.slice_mut().split_at_mut(t * row);
        (if t == 0 { first } else { &before[before.len() - row..] }, &mut now[..row])
    }

    /// The state before step `t`, and after it.
    pub fn at(&self, t: usize) -> (&[f32], &[f32]) {
        let (row, first, steps) = (self.first.count(), self.first.slice(), self.steps.slice());
        (if t == 0 { first } else { &steps[(t - 1) * row..t * row] }, &steps[t * row..(t + 1) * row])
    }

    /// Ends after `t` steps: the last state is carried on, and given to the top, if there is one.
    pub fn end(&mut self, device: &Device, kernels: &mut Kernels, t: usize, top: Option<&mut Blob>) -> Result {
        let (n, first, steps, last) = (self.first.count(), &self.first, &self.steps, &mut self.last);
        match device {
            _ if t == 0 => device.copy(first, last)?,
            Device::Cpu(_) => last.slice_mut().copy_from_slice(&steps.slice()[(t - 1) * n..]),
            Device::Gpu(gpu) => {
                let args = &mut [n.into(), (t - 1).into(), steps.card(gpu)?, last.card_over(gpu)?];
                kernels.launch(gpu, "recurrent_last", n, args)?;
            }
        }
        top.map_or(Ok(()), |top| device.copy(&self.last, &mut top.data))
    }
}
