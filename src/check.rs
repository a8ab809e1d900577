//! Is this layer right? A bench to run one layer alone, and the checks that every layer of this crate passes.
//!
//! A layer is right when its forward is its formula and its backward is the slope of its forward. Both can be tried:
//! forward against the formula as a plain loop in f64 ([`Harness::check_forward`]), backward against finite differences
//! ([`Harness::check_gradient`]). [`layer()`] tries both in one call, and what else a layer owes to a net: other
//! shapes, weights in files, any number of threads, computing in place. The bench by itself:
//!
//! ```
//! # use cortado::{Blob, layer::*};
//! # struct Square;
//! # impl Layer for Square {
//! #     fn new(_: &LayerParameter) -> Result<Self> { Ok(Square) }
//! #     fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
//! #         let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
//! #         y.iter_mut().zip(x).for_each(|(y, x)| *y = x * x);
//! #         Ok(())
//! #     }
//! #     fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
//! #         let (x, dx) = (bottom[0].data.slice(), bottom[0].diff.slice_mut());
//! #         dx.iter_mut().zip(x).zip(top[0].diff.slice()).for_each(|((dx, x), dy)| *dx = 2.0 * x * dy);
//! #         Ok(())
//! #     }
//! # }
//! use cortado::check::*;
//! use cortado::{Result, proto::LayerParameter};
//!
//! let mut bench = Harness::new::<Square>(&LayerParameter::default(), &[&[2, 3]])?;
//! bench.fill(0, Fill::Uniform(-1.0, 1.0));
//! bench.check_forward(|x, _| vec![x[0].mapv(|x| x * x)], 1e-6)?;
//! let report = bench.check_gradient(&Gradient::default())?;
//! assert_eq!((report.compared, report.skipped), (6, 0));
//! # Ok::<(), cortado::Error>(())
//! ```

mod gradient;
mod kit;
mod nets;
mod parity;
mod shapes;

pub use gradient::{Gradient, Report};
pub use kit::{Kit, LayerReport, Outcome, layer};

use crate::layer::*;
use crate::proto::LayerParameter;
use crate::random::Random;
use crate::{Blob, Device, Error, Kind, Layers, Result};
use ndarray::ArrayD;

/// One layer with its blobs, outside any net.
pub struct Harness {
    /// The layer under test, set up and reshaped.
    pub layer: Box<dyn Layer>,
    /// The layer's learnable blobs, in the order in which its setup made them; backward adds to their diffs.
    pub params: Vec<Blob>,
    /// Whether a solver would train each parameter; it leaves alone a statistic that the layer itself writes.
    pub trained: Vec<bool>,
    /// The layer's inputs: forward reads their data, backward sets their diffs.
    pub bottom: Vec<Blob>,
    /// The layer's outputs: forward sets their data, backward reads their diffs.
    pub top: Vec<Blob>,
    /// The phase the layer is told; at first the message's, or TRAIN if it names none.
    pub phase: Phase,
    /// The seed of [`fill`](Harness::fill) and of the layer's random numbers; 0 at first.
    pub seed: u64,
    /// The number of the forward, which random layers ask for; it stays until it is changed by hand.
    pub pass: u64,
    /// Where the layer runs; at first the CPU with one thread.
    pub device: Device,
}

/// Values to put into a blob, the same at every call.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fill {
    /// Uniform in [lo, hi).
    Uniform(f32, f32),
    /// Evenly spaced in [lo, hi) and shuffled: no two values are near, so that no maximum is a tie.
    Distinct(f32, f32),
    /// Integers in 0..n: labels.
    Label(usize),
    /// These values, over and over.
    Values(&'static [f32]),
    /// The `cont` of a recurrent layer, T x N: 0 in the first row, where a sequence starts, then 1 with a few 0s.
    Cont,
}

impl Fill {
    /// The values of a blob of this shape, from the stream `random`.
    fn values(self, random: &Random, shape: &[usize]) -> Vec<f32> {
        let n = shape.iter().product();
        let mut x = vec![0.0; n];
        match self {
            Fill::Uniform(lo, hi) => random.uniform(lo, hi, &mut x),
            Fill::Distinct(lo, hi) => {
                let place = random.permutation(n);
                x.iter_mut().zip(place).for_each(|(x, i)| *x = lo + (hi - lo) * i as f32 / n as f32);
            }
            Fill::Label(classes) => x.iter_mut().enumerate().for_each(|(i, x)| *x = random.below(i, classes) as f32),
            Fill::Values(v) => x.iter_mut().zip(v.iter().cycle()).for_each(|(x, v)| *x = *v),
            Fill::Cont => {
                let first = n / shape.first().copied().unwrap_or(1).max(1);
                let goes_on = |i| i >= first && random.below(i, 4) > 0;
                x.iter_mut().enumerate().for_each(|(i, x)| *x = f32::from(u8::from(goes_on(i))));
            }
        }
        x
    }
}

impl Harness {
    /// The layer `L`, set up for bottoms of the given shapes.
    ///
    /// # Errors
    /// Whatever the layer refuses: parameters, numbers of blobs, shapes.
    pub fn new<L: Layer>(param: &LayerParameter, bottom_shapes: &[&[usize]]) -> Result<Harness> {
        Harness::of(Box::new(L::new(param)?), param, bottom_shapes)
    }

    /// The layer that `layers` makes of `param`.
    pub fn create(layers: &Layers, param: &LayerParameter, bottom_shapes: &[&[usize]]) -> Result<Harness> {
        Harness::of(layers.create(param)?, param, bottom_shapes)
    }

    /// A layer that was made before. It gets the tops that `param` names, or as many as it needs.
    pub fn of(mut layer: Box<dyn Layer>, param: &LayerParameter, bottom_shapes: &[&[usize]]) -> Result<Harness> {
        let arity = layer.arity();
        let least = if arity.equal { bottom_shapes.len() } else { *arity.top.start() };
        let tops = if param.top.is_empty() { least } else { param.top.len() };
        arity.check(param.r#type(), bottom_shapes.len(), tops)?;

        let bottom = bottom_shapes.iter().map(|s| Blob::new(s)).collect::<Result<Vec<_>>>()?;
        let device = Device::cpu_with_threads(1);
        let phase = if param.phase.is_some() { param.phase() } else { Phase::Train };
        let mut made = layer.setup(&Cx::new(phase, &device), &bottom)?;
        for Param { blob, filler, .. } in &mut made {
            filler.take().map_or(Ok(()), |filler| filler.fill(&device.host(), blob))?;
        }
        let trained = made.iter().map(|p| p.lr_mult != 0.0).collect();
        let params = made.into_iter().map(|p| p.blob).collect();
        let mut top = vec![Blob::default(); tops];
        layer.reshape(&bottom, &mut top)?;
        Ok(Harness { layer, params, trained, bottom, top, phase, seed: 0, pass: 0, device })
    }

    /// The same in another phase.
    pub fn phase(mut self, phase: Phase) -> Harness {
        self.phase = phase;
        self
    }

    /// The same on another device.
    pub fn device(mut self, device: &Device) -> Harness {
        self.device = device.clone();
        self
    }

    /// The same with another seed, for [`fill`](Harness::fill) and for the layer.
    pub fn seed(mut self, seed: u64) -> Harness {
        self.seed = seed;
        self
    }

    /// Fills the data of bottom `i`.
    pub fn fill(&mut self, i: usize, fill: Fill) {
        let random = Random::new(self.seed, &format!("bottom {i}"), 0);
        let x = &mut self.bottom[i].data;
        let values = fill.values(&random, x.shape());
        x.slice_mut().copy_from_slice(&values);
    }

    /// Fills the data of parameter `i`.
    pub fn fill_param(&mut self, i: usize, fill: Fill) {
        let random = Random::new(self.seed, &format!("parameter {i}"), 0);
        let w = &mut self.params[i].data;
        let values = fill.values(&random, w.shape());
        w.slice_mut().copy_from_slice(&values);
    }

    /// Gives the bottoms new shapes; their values are to be filled again.
    pub fn reshape(&mut self, bottom_shapes: &[&[usize]]) -> Result {
        self.bottom.iter_mut().zip(bottom_shapes).try_for_each(|(b, s)| b.reshape(s))?;
        self.layer.reshape(&self.bottom, &mut self.top)
    }

    /// Reshape and forward, as a net does it.
    pub fn forward(&mut self) -> Result {
        self.layer.reshape(&self.bottom, &mut self.top)?;
        let Harness { layer, params, bottom, top, device, .. } = self;
        if let Device::Gpu(gpu) = &*device {
            gpu.turn(self.seed, self.pass)?;
        }
        let down = propagates(&**layer, bottom.len());
        let cx = Cx { seed: self.seed, pass: self.pass, propagate_down: &down, ..Cx::new(self.phase, device) };
        device.install(|| layer.forward(&cx, params, bottom, top))?;
        device.check()
    }

    /// Backward from the tops' diffs to every bottom that a gradient can flow to.
    pub fn backward(&mut self) -> Result {
        self.backward_to(&propagates(&*self.layer, self.bottom.len()))
    }

    /// Backward to the chosen bottoms and the parameters. As in a net, a layer that needs no gradient is skipped.
    pub fn backward_to(&mut self, propagate_down: &[bool]) -> Result {
        if !propagate_down.iter().chain(&self.trained).any(|wanted| *wanted) {
            return Ok(());
        }
        let Harness { layer, params, bottom, top, device, .. } = self;
        let cx = Cx { seed: self.seed, pass: self.pass, propagate_down, ..Cx::new(self.phase, device) };
        device.install(|| layer.backward(&cx, params, top, bottom))?;
        device.check()
    }

    /// Compares forward with `naive`, which computes the expected tops from the bottoms and the parameters as they are
    /// before forward: equal within `tolerance * max(1, |expected|)`.
    ///
    /// # Errors
    /// The first value that differs, with its place; a shape that differs; a value that forward did not write.
    pub fn check_forward(
        &mut self,
        naive: impl Fn(&[ArrayD<f64>], &[ArrayD<f64>]) -> Vec<ArrayD<f64>>,
        tolerance: f64,
    ) -> Result {
        let in_f64 = |blobs: &[Blob]| blobs.iter().map(|b| b.data.view().mapv(f64::from)).collect::<Vec<_>>();
        let expected = naive(&in_f64(&self.bottom), &in_f64(&self.params));
        self.layer.reshape(&self.bottom, &mut self.top)?;
        self.top.iter_mut().for_each(|t| t.data.fill(f32::NAN)); // a value left out stays NaN
        self.forward()?;
        if expected.len() != self.top.len() {
            return Err(wrong(format!("{} tops, and {} expected", self.top.len(), expected.len())));
        }
        for (t, (top, expected)) in self.top.iter().zip(&expected).enumerate() {
            if top.shape() != expected.shape() {
                return Err(wrong(format!("top[{t}] has shape {:?}, expected {:?}", top.shape(), expected.shape())));
            }
            for (k, (&y, &e)) in top.data.slice().iter().zip(expected).enumerate() {
                let y64 = y as f64; // infinities equal each other, and so do two NaNs
                let same = (y64 - e).abs() <= tolerance * e.abs().max(1.0) || y64 == e || y.is_nan() && e.is_nan();
                if !same {
                    let at = place("top", t, top.shape(), k);
                    return Err(wrong(format!("forward gives {at} = {y:e}, the formula {e:e}")));
                }
            }
        }
        Ok(())
    }

    /// Compares one thread with two: forward and backward give the same bits.
    ///
    /// # Errors
    /// The first value that differs.
    pub fn check_threads(&mut self) -> Result {
        let before = self.params.clone();
        let mut run = |threads| {
            self.device = Device::cpu_with_threads(threads);
            self.params.clone_from(&before);
            self.pass()
        };
        let (one, two) = (run(1)?, run(2)?);
        self.params = before;
        one.same(&two, "with 1 thread", "with 2")
    }

    /// Compares one layer that is given the shapes of `sets` in turn with a fresh layer for each: no trace of an
    /// earlier shape may remain. `fill` fills the bottoms (and parameters) after each change.
    ///
    /// # Errors
    /// The first value that differs; what the layer refuses.
    pub fn check_reshape(
        layers: &Layers,
        param: &LayerParameter,
        sets: &[&[&[usize]]],
        fill: impl Fn(&mut Harness),
    ) -> Result {
        let fresh = |set| Harness::create(layers, param, set);
        let mut old = fresh(sets.first().ok_or_else(|| wrong("no shapes to try".into()))?)?;
        for set in sets.iter().chain(sets.iter().rev()) {
            let mut new = fresh(set)?;
            old.reshape(set)?;
            fill(&mut new);
            fill(&mut old);
            for (o, n) in old.params.iter_mut().zip(&new.params) {
                o.data.copy_from(&n.data)?;
            }
            let (old, new) = (old.pass()?, new.pass()?);
            old.same(&new, "reshaped", "fresh")?;
        }
        Ok(())
    }

    /// Runs forward, then backward from random top diffs; returns all results.
    fn pass(&mut self) -> Result<Left> {
        self.clear_diffs();
        self.forward()?;
        self.random_diffs();
        self.backward()?;
        Ok(self.left())
    }

    fn clear_diffs(&mut self) {
        self.params.iter_mut().chain(&mut self.bottom).for_each(|b| b.diff.fill(0.0));
    }

    fn random_diffs(&mut self) {
        for (t, top) in self.top.iter_mut().enumerate() {
            Random::new(self.seed, &format!("top diff {t}"), 0).uniform(-1.0, 1.0, top.diff.slice_mut());
        }
    }

    fn left(&self) -> Left {
        let mut out = Left::default();
        for (kind, blobs) in [("top", &self.top), ("bottom", &self.bottom), ("params", &self.params)] {
            for (i, b) in blobs.iter().enumerate() {
                let values = if kind == "top" { b.data.slice() } else { b.diff.slice() };
                out.0.push((format!("{kind}[{i}]"), b.shape().to_vec(), values.to_vec()));
                if kind == "params" {
                    out.0.push((format!("the data of {kind}[{i}]"), b.shape().to_vec(), b.data.slice().to_vec()));
                }
            }
        }
        out
    }
}

/// The results of a pass: names, shapes and values of the tops, the bottoms' diffs and the parameters.
#[derive(Default)]
struct Left(Vec<(String, Vec<usize>, Vec<f32>)>);

impl Left {
    fn same(&self, other: &Left, this: &str, that: &str) -> Result {
        for ((name, shape, a), (_, other_shape, b)) in self.0.iter().zip(&other.0) {
            if shape != other_shape {
                return Err(wrong(format!("{name} has shape {shape:?} {this} and {other_shape:?} {that}")));
            }
            if let Some(k) =
                (0..a.len()).find(|&k| a[k].to_bits() != b[k].to_bits() && !(a[k].is_nan() && b[k].is_nan()))
            {
                let at = index(shape, k);
                return Err(wrong(format!("{name}{at:?} is {:e} {this} and {:e} {that}", a[k], b[k])));
            }
        }
        Ok(())
    }
}

/// Whether a gradient can flow to each bottom.
fn propagates(layer: &dyn Layer, bottoms: usize) -> Vec<bool> {
    (0..bottoms).map(|i| layer.propagates(i)).collect()
}

fn wrong(message: String) -> Error {
    Error::new(Kind::Value, message)
}

/// "bottom[0][1, 2]": the value `k` of a blob of the given shape.
fn place(kind: &str, blob: usize, shape: &[usize], k: usize) -> String {
    format!("{kind}[{blob}]{:?}", index(shape, k))
}

/// The index of the value that stands at `k`.
fn index(shape: &[usize], mut k: usize) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&d| {
            let i = k % d.max(1);
            k /= d.max(1);
            i
        })
        .collect();
    index.reverse();
    index
}
