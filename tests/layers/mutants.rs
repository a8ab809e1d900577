//! Do the checks bite? Layers with a mistake put into them must be caught, in every family.

use crate::kit::*;
use cortado::proto::LayerParameter;
use cortado::{Blob, layer::*};

/// A mistake: most of them in backward.
#[derive(Clone, Copy, Debug)]
enum Mistake {
    /// The diff of this bottom has the wrong sign.
    Sign(usize),
    /// The diff of this bottom is added to what it held.
    Added(usize),
    /// The diff of this parameter has the wrong sign.
    ParamSign(usize),
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
    /// Forward gives the first top the wrong sign.
    Forward,
    /// Forward reads scratch memory to its end, which a larger shape has left there.
    Stale,
    /// The result depends on the number of threads.
    Threads,
    /// Each layer adds a number of its own, which stands in no parameter.
    Unsaved(u32),
}

/// The layer, its mistake, and its scratch memory.
struct Mutant(Box<dyn Layer>, Mistake, Vec<f32>);

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
        self.0.forward(cx, params, bottom, top)?;
        let Some(y) = top.first_mut().map(|top| top.data.slice_mut()).filter(|y| !y.is_empty()) else { return Ok(()) };
        match self.1 {
            Mistake::Forward => y.iter_mut().for_each(|y| *y = -*y),
            Mistake::Stale => {
                let (x, scratch) = (bottom[0].data.slice(), &mut self.2);
                scratch.resize(scratch.len().max(x.len()), 0.0);
                scratch[..x.len()].copy_from_slice(x);
                y[0] += scratch[x.len()..].iter().map(|x| x.abs()).sum::<f32>();
            }
            Mistake::Threads => y[0] += cx.device.host().threads() as f32,
            Mistake::Unsaved(number) => y[0] += number as f32,
            _ => {}
        }
        Ok(())
    }
    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (w, x) = (params.to_vec(), bottom.to_vec());
        self.0.backward(cx, params, top, bottom)?;
        match self.1 {
            Mistake::Sign(i) => bottom[i].diff.slice_mut().iter_mut().for_each(|d| *d = -*d),
            Mistake::Added(i) => bottom[i].diff.scaled_add(1.0, &x[i].diff)?,
            Mistake::Lost(i) => params[i].diff = w[i].diff.clone(),
            Mistake::Set(i) => params[i].diff.scaled_add(-1.0, &w[i].diff)?,
            Mistake::Switched(i) if !cx.propagate_down[i] => params.clone_from_slice(&w),
            Mistake::ParamSign(i) => {
                let dw = params[i].diff.slice_mut();
                dw.iter_mut().zip(w[i].diff.slice()).for_each(|(dw, before)| *dw = 2.0 * before - *dw);
            }
            Mistake::Transposed(i) => {
                let (rows, before) = (w[i].num(), w[i].diff.slice());
                let columns = w[i].count() / rows;
                let dw: Vec<f32> = params[i].diff.slice().iter().zip(before).map(|(after, b)| after - b).collect();
                for (k, d) in params[i].diff.slice_mut().iter_mut().enumerate() {
                    *d = before[k] + dw[k % rows * columns + k / rows];
                }
            }
            _ => {}
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
        all.extend([Mistake::ParamSign(i), Mistake::Lost(i), Mistake::Set(i)]);
        let (rows, count) = (bench.params[i].num(), bench.params[i].count());
        if rows > 1 && count / rows > 1 {
            all.push(Mistake::Transposed(i));
        }
    }
    all
}

/// The test kit of the case, with the mistake in its layer.
fn mutant(case: &Case, mistake: Mistake) -> Kit {
    let mut layers = Layers::caffe();
    layers.add_with(case.param().r#type(), move |param| {
        Ok(Box::new(Mutant(Layers::caffe().create(param)?, mistake, Vec::new())))
    });
    case.kit_of(&layers)
}

/// The mistakes that can be made in each family, at least.
const MUST_BE_TRIED: &[(&str, &[&str])] = &[
    ("activation", &["Sign", "Added"]),
    ("common", &["Sign", "Added", "Switched", "ParamSign", "Lost", "Set", "Transposed"]),
    ("data", &["ParamSign", "Lost", "Set", "Transposed"]),
    ("loss", &["Sign", "Added"]),
    ("normalisation", &["Sign", "Added", "Switched", "ParamSign", "Lost", "Set", "Transposed"]),
    ("picking", &["Sign", "Added"]),
    ("recurrent", &["Sign", "Added", "Switched", "ParamSign", "Lost", "Set", "Transposed"]),
    ("shaping", &["Sign", "Added"]),
    ("space", &["Sign", "Added", "Switched", "ParamSign", "Lost", "Set", "Transposed"]),
    ("vision", &["Sign", "Added", "Switched", "ParamSign", "Lost", "Set", "Transposed"]),
];

#[test]
fn every_mistake_in_backward_is_caught_in_every_family() {
    let mut tried = 0;
    for (family, cases) in crate::FAMILIES {
        let mut kinds = std::collections::BTreeSet::new();
        for case in cases.iter().filter(|case| case.gradient) {
            let mut bench = case.bench(0).unwrap();
            bench.forward().unwrap();
            bench.top.iter_mut().for_each(|t| t.diff.fill(1.0));
            bench.backward().unwrap();
            for mistake in mistakes(&bench) {
                let caught = mutant(case, mistake).bench().unwrap().check_gradient(&case.how());
                assert!(caught.is_err(), "{} with {mistake:?} was not caught: {}", case.name, caught.unwrap());
                kinds.insert(format!("{mistake:?}").split('(').next().unwrap().to_string());
                tried += 1;
            }
        }
        let must = MUST_BE_TRIED.iter().find(|(name, _)| name == family).expect("every family is in the list").1;
        let missing: Vec<&&str> = must.iter().filter(|kind| !kinds.contains(**kind)).collect();
        assert!(missing.is_empty(), "{family}: no layer in which {missing:?} could be tried");
    }
    assert!(tried > 200, "only {tried} mistakes could be made");
}

#[test]
fn every_mistake_in_forward_is_caught_in_every_family() {
    for (family, cases) in crate::FAMILIES {
        let mut tried = 0;
        for case in *cases {
            let mut bench = case.bench(0).unwrap();
            bench.forward().unwrap();
            if bench.layer.is_input() || bench.top.first().is_none_or(|top| top.data.asum() == 0.0) {
                continue; // what is not computed, or zero, has no sign
            }
            assert!(mutant(case, Mistake::Forward).formula().is_err(), "{}: a wrong sign", case.name);
            tried += 1;
        }
        assert!(tried > 0, "{family}");
    }
}

#[test]
fn a_trace_of_an_old_shape_is_caught_in_every_family() {
    for (family, cases) in crate::FAMILIES.iter().filter(|(family, _)| *family != "data") {
        let takes = |case: &&Case| case.bench(0).is_ok_and(|b| !b.top.is_empty() && b.bottom[0].data.asum() > 0.0);
        let mut tried = 0;
        for case in cases.iter().filter(takes).filter(|case| !crate::FEW_SHAPES.contains(&case.name)) {
            assert!(mutant(case, Mistake::Stale).reshapes().is_err(), "{} reads old scratch", case.name);
            tried += 1;
        }
        assert!(tried > 0, "{family}");
    }
}

#[test]
fn what_depends_on_threads_or_is_not_saved_is_caught() {
    let case = crate::cases().into_iter().find(|case| case.name == "inner_product").unwrap();
    assert!(mutant(case, Mistake::Threads).threads().is_err());
    let (mut layers, made) = (Layers::caffe(), std::sync::atomic::AtomicU32::new(0));
    layers.add_with("InnerProduct", move |param| {
        let number = made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(Box::new(Mutant(Layers::caffe().create(param)?, Mistake::Unsaved(number), Vec::new())))
    });
    let e = case.kit_of(&layers).weights().unwrap_err();
    assert!(e.message().starts_with("top[0] has the value"), "{e}");
}

/// All that is wrong stands in the report, and the first of it is the error.
#[test]
fn a_report_names_what_failed() {
    let case = crate::cases().into_iter().find(|case| case.name == "relu").unwrap();
    let kit = mutant(case, Mistake::Needy);
    let report = kit.report();
    assert_eq!(report.failed().map(|(name, _)| name).collect::<Vec<_>>(), ["slope", "in place"]);
    assert!(!report.passed() && report.to_string().contains("slope       FAILED  "), "{report}");
    let e = kit.run().unwrap_err();
    assert_eq!((e.layer_name(), e.message()), (Some("ReLU"), report.failed().next().unwrap().1.message()));
    // A layer that cannot be made has one line.
    let typo = cortado::check::layer::<Mutant>("nmae: 'mutant'", &[&[2]]);
    let unmade = cortado::check::layer::<Mutant>("", &[&[2]]);
    let two_bottoms = Kit::new(&Layers::caffe(), &crate::text::layer(r#"type: "ReLU""#), &[&[2], &[2]]);
    for (kit, why) in [(typo, "no field `nmae`"), (unmade, "is made of another"), (two_bottoms, "exactly 1")] {
        let report = kit.report();
        assert_eq!(report.failed().map(|(name, _)| name).collect::<Vec<_>>(), ["setup"]);
        let e = kit.run().unwrap_err();
        assert!(e.message().contains(why), "{e}");
    }
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
        let kit = mutant(case, Mistake::Needy);
        assert!(kit.slope().is_err(), "{name}");
        // Where it can stand in place, the net that frees what nobody reads finds it out, too.
        let in_place = kit.in_place();
        assert_eq!(
            in_place.is_err(),
            ["relu", "sigmoid", "softmax", "batch_norm", "scale", "prelu", "exp", "mvn"].contains(&name),
            "{name}"
        );
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
