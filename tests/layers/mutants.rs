//! Does the gradient check bite? Layers with a mistake put into their backward must be caught, in every family.

use crate::kit::*;
use cortado::proto::LayerParameter;
use cortado::{Blob, layer::*};

/// A mistake in backward.
#[derive(Clone, Copy, Debug)]
enum Mistake {
    /// The diff of this bottom has the wrong sign.
    Sign(usize),
    /// The diff of this bottom is added to what it held.
    Added(usize),
    /// The diff of this matrix is that of its transpose.
    Transposed(usize),
    /// The diff of this parameter is never computed: the bias gradient forgotten.
    Lost(usize),
    /// The diff of this parameter is set, where it should be added to.
    Set(usize),
    /// `propagate_down` of this bottom also switches off the parameters.
    Switched(usize),
}

struct Mutant(Box<dyn Layer>, Mistake);

impl Layer for Mutant {
    fn new(_: &LayerParameter) -> Result<Self> {
        Err(cortado::Error::value("a mutant is made of another layer"))
    }
    fn arity(&self) -> Arity {
        self.0.arity()
    }
    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        self.0.setup(cx, bottom)
    }
    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.0.reshape(bottom, top)
    }
    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.0.forward(cx, params, bottom, top)
    }
    fn backward(
        &mut self,
        cx: &Cx,
        params: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        let (w, x) = (params.to_vec(), bottom.to_vec());
        self.0.backward(cx, params, top, propagate_down, bottom)?;
        match self.1 {
            Mistake::Sign(i) => bottom[i].diff.slice_mut().iter_mut().for_each(|d| *d = -*d),
            Mistake::Added(i) => bottom[i].diff.scaled_add(1.0, &x[i].diff),
            Mistake::Lost(i) => params[i].diff = w[i].diff.clone(),
            Mistake::Set(i) => params[i].diff.scaled_add(-1.0, &w[i].diff),
            Mistake::Switched(i) if !propagate_down[i] => params.clone_from_slice(&w),
            Mistake::Switched(_) => {}
            Mistake::Transposed(i) => {
                let (rows, before) = (w[i].num(), w[i].diff.slice());
                let columns = w[i].count() / rows;
                let dw: Vec<f32> = params[i].diff.slice().iter().zip(before).map(|(after, b)| after - b).collect();
                for (k, d) in params[i].diff.slice_mut().iter_mut().enumerate() {
                    *d = before[k] + dw[k % rows * columns + k / rows];
                }
            }
        }
        Ok(())
    }
    fn needs(&self) -> Needs {
        self.0.needs()
    }
    fn loss_weight(&self, top: usize) -> f32 {
        self.0.loss_weight(top)
    }
    fn propagates(&self, bottom: usize) -> bool {
        self.0.propagates(bottom)
    }
}

/// The mistakes that can be made in this layer. `bench` has run backward: a slope that is zero has no sign.
fn mistakes(bench: &Harness) -> Vec<Mistake> {
    let lives = |b: &Blob| b.diff.slice().iter().any(|d| d.abs() > 0.01);
    let bottoms = (0..bench.bottom.len()).filter(|&i| bench.layer.propagates(i) && lives(&bench.bottom[i]));
    let params: Vec<usize> = (0..bench.params.len()).filter(|&i| bench.trained[i] && lives(&bench.params[i])).collect();
    let mut all = Vec::new();
    for i in bottoms {
        all.extend([Mistake::Sign(i), Mistake::Added(i)]);
        if !params.is_empty() {
            all.push(Mistake::Switched(i));
        }
    }
    for i in params {
        all.extend([Mistake::Lost(i), Mistake::Set(i)]);
        let (rows, count) = (bench.params[i].num(), bench.params[i].count());
        if rows > 1 && count / rows > 1 {
            all.push(Mistake::Transposed(i));
        }
    }
    all
}

#[test]
fn every_mistake_is_caught() {
    let mut tried = 0;
    for case in crate::cases().into_iter().filter(|case| case.gradient) {
        let mut bench = case.bench(0).unwrap();
        bench.forward().unwrap();
        bench.top.iter_mut().for_each(|t| t.diff.fill(1.0));
        bench.backward().unwrap();
        for mistake in mistakes(&bench) {
            let layer = Layers::caffe().create(&case.param()).unwrap();
            let mutant = Box::new(Mutant(layer, mistake));
            let mut bench = Harness::of(mutant, &case.param(), case.bottom[0]).unwrap().phase(case.phase);
            case.fill(&mut bench);
            let caught = bench.check_gradient(&case.how());
            assert!(caught.is_err(), "{} with {mistake:?} was not caught: {}", case.name, caught.unwrap());
            tried += 1;
        }
    }
    assert!(tried > 0);
}
