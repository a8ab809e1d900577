//! What kernels refuse: the CPU's error, however late the host hears of it, and no weight has moved meanwhile.

use super::*;

/// Six labels of three classes; the last is -1 in the pass that the layer's name says.
struct Labels {
    bad: u64,
    pass: u64,
    /// The last pass that it was ever asked for.
    last: u64,
}

impl Layer for Labels {
    fn new(param: &LayerParameter) -> Result<Self> {
        let bad = param.name().rsplit(' ').next().and_then(|pass| pass.parse().ok());
        Ok(Labels { bad: bad.unwrap_or(u64::MAX), pass: 0, last: 0 })
    }
    fn arity(&self) -> Arity {
        Arity::exact(0, 1)
    }
    fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape(&[6])
    }
    fn forward(&mut self, _: &Cx, _: &mut [Blob], _: &[Blob], top: &mut [Blob]) -> Result {
        self.pass += 1;
        self.last = self.last.max(self.pass);
        let last = if self.pass == self.bad { -1.0 } else { 2.0 };
        top[0].data.slice_mut().copy_from_slice(&[0.0, 1.0, 2.0, 0.0, 1.0, last]);
        Ok(())
    }
    fn is_source(&self) -> bool {
        true
    }
    fn position(&self) -> Option<u64> {
        Some(self.pass)
    }
    fn seek(&mut self, pass: u64) -> Result {
        self.pass = pass;
        Ok(())
    }
}

/// From the scores y, the targets t and the labels to a loss: each has a kernel that refuses a label of -1.
const SOFTMAX: &str = r#"layer { name: "l" type: "SoftmaxWithLoss" bottom: "y" bottom: "label" }"#;
const HINGE: &str = r#"layer { name: "l" type: "HingeLoss" bottom: "y" bottom: "label" }"#;
const MULTINOMIAL: &str = r#"
    layer { name: "p" type: "Softmax" bottom: "y" top: "p" }
    layer { name: "l" type: "MultinomialLogisticLoss" bottom: "p" bottom: "label" }"#;
const INFOGAIN: &str = r#"
    layer { name: "H" type: "DummyData" top: "H"
            dummy_data_param { shape { dim: 3 dim: 3 } data_filler { type: "constant" value: 0.5 } } }
    layer { name: "l" type: "InfogainLoss" bottom: "y" bottom: "label" bottom: "H" }"#;
const EMBED: &str = r#"
    layer { name: "e" type: "Embed" bottom: "label" top: "e"
            embed_param { input_dim: 3 num_output: 3 weight_filler { type: "gaussian" } } }
    layer { name: "l" type: "EuclideanLoss" bottom: "y" bottom: "e" }"#;
const BATCH_REINDEX: &str = r#"
    layer { name: "r" type: "BatchReindex" bottom: "y" bottom: "label" top: "r" }
    layer { name: "l" type: "EuclideanLoss" bottom: "r" bottom: "t" }"#;
const STOCHASTIC_POOLING: &str = r#"
    layer { name: "x4" type: "Reshape" bottom: "label" top: "x4"
            reshape_param { shape { dim: 6 dim: 1 dim: 1 dim: 1 } } }
    layer { name: "pool" type: "Pooling" bottom: "x4" top: "pool" pooling_param { pool: STOCHASTIC kernel_size: 1 } }
    layer { name: "ip3" type: "InnerProduct" bottom: "pool" top: "z"
            inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
    layer { name: "l" type: "EuclideanLoss" bottom: "z" bottom: "y" }"#;

/// Settings, and the pass with the bad label: a plain one, two that are recorded, one that is replayed, and the middle one
/// of an iteration's three.
const WHEN: &[(&str, u64)] =
    &[(SETTINGS[0], 2), (SETTINGS[0], 3), (SETTINGS[0], 4), (SETTINGS[0], 7), (SETTINGS[1], 11)];

fn refusing_solver(end: &str, bad: u64, settings: &str, device: &Device) -> Solver {
    let (below, _) = NET.split_once("    layer { name: \"loss\"").unwrap();
    let net = format!(r#"layer {{ name: "labels {bad}" type: "Labels" top: "label" }} {below} {end}"#);
    let mut layers = layers();
    layers.add::<Labels>("Labels");
    solver(&net, settings, device).layers(&layers).make().unwrap()
}

/// The same error on both devices, at the same iteration, with the weights as before it; and training goes on.
fn a_refusal_moves_no_weight(end: &str) {
    for &(settings, bad) in WHEN {
        let per_iteration = if settings == SETTINGS[1] { 3 } else { 1 };
        let good = (bad - 1) / per_iteration;
        let run = |device: &Device| {
            let mut before = refusing_solver(end, u64::MAX, settings, device);
            before.step(good).unwrap();
            let mut solver = refusing_solver(end, bad, settings, device);
            let e = solver.step(12).unwrap_err();
            assert_eq!(solver.iter(), good, "iterations before the refusal of pass {bad}");
            assert!(bits(&mut before) == bits(&mut solver), "weights after the refusal of pass {bad}");
            let last = solver.net().layer::<Labels>(&format!("labels {bad}")).unwrap().last;
            solver.step(6).unwrap();
            (e, last, solver.losses().to_vec())
        };
        let ((e, _, cpu), (on_gpu, last, gpu)) = (run(&Device::cpu()), run(&gpu()));
        assert_eq!((e.kind(), e.message()), (on_gpu.kind(), on_gpu.message()), "pass {bad}");
        assert!(last <= bad + 2 * per_iteration, "pass {bad} is refused at pass {last}");
        assert_near(&cpu, &gpu, "losses with those after the refused iteration");
    }
}

#[test]
fn a_refused_label_of_softmax_moves_no_weight() {
    a_refusal_moves_no_weight(SOFTMAX);
}

#[test]
fn a_refused_label_of_hinge_moves_no_weight() {
    a_refusal_moves_no_weight(HINGE);
}

#[test]
fn a_refused_label_of_multinomial_moves_no_weight() {
    a_refusal_moves_no_weight(MULTINOMIAL);
}

#[test]
fn a_refused_label_of_infogain_moves_no_weight() {
    a_refusal_moves_no_weight(INFOGAIN);
}

#[test]
fn a_refused_row_of_embed_moves_no_weight() {
    a_refusal_moves_no_weight(EMBED);
}

#[test]
fn a_refused_sample_of_batch_reindex_moves_no_weight() {
    a_refusal_moves_no_weight(BATCH_REINDEX);
}

#[test]
fn a_refused_value_of_stochastic_pooling_moves_no_weight() {
    a_refusal_moves_no_weight(STOCHASTIC_POOLING);
}

/// An Accuracy is no part of the loss: nothing on the card stops the update. But training ends all the same.
#[test]
fn what_is_no_part_of_the_loss_is_refused_as_well() {
    let end = r#"layer { name: "a" type: "Accuracy" bottom: "y" bottom: "label" top: "accuracy" }
                 layer { name: "l" type: "EuclideanLoss" bottom: "y" bottom: "t" }"#;
    let refusal = |device: &Device| {
        let mut solver = refusing_solver(end, 7, SETTINGS[0], device);
        let e = solver.step(12).unwrap_err();
        assert!((6..=8).contains(&solver.iter()), "{}", solver.iter());
        (e.kind(), e.message().to_string())
    };
    assert_eq!(refusal(&Device::cpu()), refusal(&gpu()));
}

/// Without this the tests above would not be what they say.
#[test]
fn a_late_emulator_tells_late() {
    let passes = |device: &Device| {
        let mut solver = refusing_solver(SOFTMAX, 7, SETTINGS[0], device);
        solver.step(12).unwrap_err();
        solver.net().layer::<Labels>("labels 7").unwrap().last
    };
    assert_eq!((passes(&Device::emulated()), passes(&Device::emulated_late())), (7, 9));
}
