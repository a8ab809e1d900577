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
    /// Backward reads data that `needs` does not name.
    Needy,
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
            Mistake::Switched(_) | Mistake::Needy => {}
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
        if let Mistake::Needy = self.1 { Needs::NOTHING } else { self.0.needs() }
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

/// The case's layer with the mistake.
fn mutant(case: &Case, mistake: Mistake) -> Harness {
    let layer = Layers::caffe().create(&case.param()).unwrap();
    let mutant = Box::new(Mutant(layer, mistake));
    let mut bench = Harness::of(mutant, &case.param(), case.bottom[0]).unwrap().phase(case.phase);
    case.fill(&mut bench);
    bench
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
            let caught = mutant(case, mistake).check_gradient(&case.how());
            assert!(caught.is_err(), "{} with {mistake:?} was not caught: {}", case.name, caught.unwrap());
            tried += 1;
        }
    }
    assert!(tried > 50, "only {tried} mistakes could be made");
}

#[test]
fn a_layer_that_reads_more_than_it_says_is_caught() {
    for name in [
        "relu",
        "sigmoid",
        "softmax",
        "softmax_loss",
        "batch_norm",
        "scale",
        "deconvolution",
        "pooling_stochastic_test",
        "prelu",
        "exp",
        "mvn",
        "hinge_loss",
    ] {
        let case = crate::cases().into_iter().find(|case| case.name == name).unwrap();
        assert!(mutant(case, Mistake::Needy).check_gradient(&case.how()).is_err(), "{name}");
    }
}

#[test]
fn a_check_that_skips_too_much_fails() {
    let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(r#"type: "ReLU""#), &[&[10]]).unwrap();
    bench.fill(0, Fill::Values(&[0.5, 1.0, 1.5, 0.005, 2.0])); // one in five is near the corner
    let e = bench.check_gradient(&Gradient::default()).unwrap_err();
    assert!(e.message().starts_with("only 8 of 10 slopes of bottom[0]"), "{e}");
}

#[test]
fn a_wrong_value_of_forward_is_named_with_its_place() {
    let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(r#"type: "ReLU""#), &[&[2, 3]]).unwrap();
    bench.fill(0, Fill::Values(&[1.0, 2.0, 3.0]));
    let naive = |x: &[ArrayD<f64>], _: &[ArrayD<f64>]| {
        let mut y = x[0].clone();
        y[[1, 2]] = 4.0;
        vec![y]
    };
    let e = bench.check_forward(naive, 1e-5).unwrap_err();
    assert_eq!(e.message(), "forward gives top[0][1, 2] = 3e0, the formula 4e0");
}
