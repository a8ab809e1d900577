//! Every cause that a zero gradient can have, each in a net that has just that one; and what is told of a blob.

use cortado::explain::{Cause, LayerOf, WhyZero};
use cortado::net::{Builder, Keep};
use cortado::show::Show;
use cortado::{Log, Net, Phase};
use ndarray::array;

const INPUT: &str = r#"layer { name: "in" type: "Input" top: "data" top: "label"
                               input_param { shape { dim: 2 dim: 3 } shape { dim: 2 } } }"#;

fn build(text: &str) -> Net {
    Builder::parse(text, "net").unwrap().phase(Phase::Train).log(&Log::silent()).make().unwrap()
}

/// data, InnerProduct ip, ReLU relu in place, InnerProduct out, and `rest`.
fn chain(head: &str, rest: &str) -> Net {
    let ip = |name: &str, bottom: &str, n: usize| {
        format!(
            r#"layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}"
                        inner_product_param {{ num_output: {n} weight_filler {{ type: "constant" value: 0.5 }}
                                               bias_filler {{ type: "constant" value: 0.25 }} }} }}"#
        )
    };
    let relu = r#"layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }"#;
    let mut net = build(&format!("{head}\n{INPUT}\n{}\n{relu}\n{}\n{rest}", ip("ip", "data", 4), ip("out", "ip", 2)));
    net.data_mut("data").unwrap().assign(&array![[1.0, 2.0, 3.0], [-1.0, 4.0, 0.5]]).unwrap();
    net
}

const LOSS: &str = r#"layer { name: "loss" type: "SoftmaxWithLoss" bottom: "out" bottom: "label" top: "loss" }"#;
const FORCE: &str = "force_backward: true";

fn run(mut net: Net) -> Net {
    net.forward().unwrap();
    net.backward().unwrap();
    net
}

/// The cause, after a look at the words: they name what the cause is of, and end with what to do.
fn cause(why: WhyZero, says: &[&str]) -> Cause {
    let told = why.to_string();
    for part in says {
        assert!(told.contains(part), "{told:?} does not say {part:?}");
    }
    assert!(told.contains(" zero: ") && !told.contains('\n'), "{told}");
    assert_eq!(why.look().unwrap().text, told);
    why.cause
}

#[test]
fn it_is_not_zero() {
    let net = run(chain(FORCE, LOSS));
    let size = net.diff("out").unwrap().asum() / 4.0;
    let why = net.why_zero("out").unwrap();
    assert_eq!(why.to_string(), format!("The diff of \"out\" is not zero: the mean of |diff| is {}", size));
    assert_eq!(why.cause, Cause::NotZero { size });
    let size = net.param("out", 0).unwrap().diff.asum() / 8.0;
    assert_eq!(net.why_zero_param("out", 0).unwrap().cause, Cause::NotZero { size });
    assert!(net.why_zero("nothing").is_err() && net.why_zero_param("ip", 2).is_err());
}

/// Seeded with ones, a Softmax is asked how the sum of its outputs changes, which is always 1.
#[test]
fn next_to_nothing_is_left() {
    let mut net = chain(FORCE, r#"layer { name: "prob" type: "Softmax" bottom: "out" top: "prob" }"#);
    let mut vanished = 0;
    for i in 0..20 {
        net.param_mut("out", 1).unwrap().data.assign(&array![0.1 * i as f32, -0.7]).unwrap();
        net.forward().unwrap();
        net.diff_mut("prob").unwrap().fill(1.0);
        net.backward().unwrap();
        // What is left is what rounding leaves: now and then nothing at all.
        let (left, why) = (net.diff("out").unwrap().asum(), net.why_zero("out").unwrap());
        let says = if left == 0.0 {
            "is zero: Softmax layer \"prob\" got"
        } else {
            "is next to zero: Softmax layer \"prob\" got"
        };
        assert!(why.to_string().contains(says) && why.advice().unwrap().contains("seed one of its outputs"), "{why}");
        vanished += usize::from(matches!(why.cause, Cause::Vanishes { got: 1.0, size } if size == left / 4.0));
        assert!(left < 1e-6);
    }
    assert!(vanished > 3, "{vanished}");
    net.diff_mut("prob").unwrap().assign(&array![[1.0, 0.0], [1.0, 0.0]]).unwrap();
    net.backward().unwrap();
    assert!(matches!(net.why_zero("out").unwrap().cause, Cause::NotZero { .. }));
}

#[test]
fn nothing_asked_for_it() {
    let net = run(chain("", LOSS));
    let why = net.why_zero("data").unwrap();
    let place = why.place.clone().unwrap();
    assert_eq!((why.layer.as_str(), place.file.as_str(), place.line), ("ip", "net", 4));
    assert_eq!(cause(why, &["force_backward: true", "(net:4)"]), Cause::NotAsked { frozen: false, loss: true });
    // Without a loss both must be done: ask for it, and seed it.
    let net = run(chain("", ""));
    let why = net.why_zero("data").unwrap();
    let said = cause(why, &["force_backward: true", "no layer below", "put a gradient into"]);
    assert_eq!(said, Cause::NotAsked { frozen: false, loss: false });
}

#[test]
fn all_parameters_below_are_frozen() {
    let frozen = r#"layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" param { lr_mult: 0 } param { lr_mult: 0 }
                            inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
                    layer { name: "out" type: "InnerProduct" bottom: "ip" top: "out"
                            inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }"#;
    let mut net = build(&format!("{INPUT}{frozen}{LOSS}"));
    net.data_mut("data").unwrap().fill(1.0);
    let net = run(net);
    let said = cause(net.why_zero("ip").unwrap(), &["all parameters below it have lr_mult 0"]);
    assert_eq!(said, Cause::NotAsked { frozen: true, loss: true });
    let why = net.why_zero_param("ip", 0).unwrap();
    assert_eq!(cause(why, &["parameter 0 of layer \"ip\"", "lr_mult"]), Cause::Frozen);
}

#[test]
fn no_loss_depends_on_it() {
    let net = run(chain("", ""));
    for why in [net.why_zero("ip").unwrap(), net.why_zero_param("ip", 1).unwrap()] {
        assert_eq!((why.blob.as_str(), why.layer.as_str()), ("out", "out"));
        assert_eq!(cause(why, &["net.diff_mut(\"out\")", "Add a loss"]), Cause::NoLoss);
    }
}

#[test]
fn the_loss_counts_nothing() {
    let net = run(chain("", &LOSS.replace("top: \"loss\"", "top: \"loss\" loss_weight: 0")));
    let why = net.why_zero("ip").unwrap();
    assert_eq!(why.layer, "loss");
    assert_eq!(cause(why, &["loss_weight 0", "loss_weight: 1"]), Cause::LossWeightZero);
}

#[test]
fn nobody_put_a_gradient_in() {
    let net = run(chain(FORCE, ""));
    let why = net.why_zero("data").unwrap();
    assert_eq!(why.blob, "out");
    assert_eq!(cause(why, &["net.diff_mut(\"out\")"]), Cause::NotSeeded);
    let mut net = chain(FORCE, "");
    net.forward().unwrap();
    net.diff_mut("out").unwrap().fill(1.0);
    net.backward().unwrap();
    assert!(matches!(net.why_zero("data").unwrap().cause, Cause::NotZero { .. }));
}

#[test]
fn propagate_down_is_false() {
    let stop = LOSS.replace("top: \"loss\"", "top: \"loss\" propagate_down: false propagate_down: false");
    let net = run(chain("", &stop));
    for why in [net.why_zero("ip").unwrap(), net.why_zero("out").unwrap(), net.why_zero_param("ip", 0).unwrap()] {
        assert_eq!((why.layer.as_str(), why.blob.as_str()), ("loss", "out"));
        assert_eq!(cause(why, &["propagate_down: false", "\"out\""]), Cause::PropagateDown);
    }
    // The data's gradient is asked for, and cut off far above.
    let text = format!("{INPUT}\n{}", LAYERS.replace("bottom: \"data\"", "bottom: \"data\" propagate_down: true"));
    let net = run(build(&format!("{text}\n{stop}")));
    let why = net.why_zero("data").unwrap();
    assert_eq!((why.layer.as_str(), why.blob.as_str()), ("loss", "out"));
    assert_eq!(cause(why, &["propagate_down: false", "\"out\""]), Cause::PropagateDown);
}

const LAYERS: &str = r#"
    layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
            inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
    layer { name: "out" type: "InnerProduct" bottom: "ip" top: "out"
            inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }"#;

#[test]
fn no_gradient_flows_through_the_layer() {
    // a label; the other way, through the loss, has one
    let accuracy = r#"layer { name: "acc" type: "Accuracy" bottom: "out" bottom: "label" top: "acc" }"#;
    let net = run(chain(FORCE, &format!("{accuracy}{LOSS}")));
    assert!(matches!(net.why_zero("out").unwrap().cause, Cause::NotZero { .. }));
    assert_eq!(cause(net.why_zero("label").unwrap(), &["\"label\""]), Cause::NoGradient);
    let net = run(chain("", LOSS));
    let why = net.why_zero("label").unwrap();
    assert_eq!(why.layer, "loss");
    let shared = run(chain("", &format!("{accuracy}{LOSS}")));
    assert_eq!(shared.why_zero("label").unwrap().cause, Cause::NoGradient);
    assert_eq!(cause(why, &["SoftmaxWithLoss layer \"loss\" passes no gradient"]), Cause::NoGradient);
    let net = run(chain(FORCE, accuracy));
    let why = net.why_zero("ip").unwrap();
    assert_eq!(cause(why, &["Accuracy layer \"acc\" passes no gradient"]), Cause::NoGradient);
    let net = run(chain(FORCE, r#"layer { name: "sil" type: "Silence" bottom: "out" }"#));
    let why = net.why_zero("ip").unwrap();
    assert_eq!(cause(why, &["Silence layer \"sil\""]), Cause::NoGradient);
}

#[test]
fn backward_has_not_run() {
    let mut net = chain(FORCE, LOSS);
    assert_eq!(cause(net.why_zero("data").unwrap(), &["neither"]), Cause::NotRun { forward: false });
    net.forward().unwrap();
    assert_eq!(cause(net.why_zero("data").unwrap(), &["net.backward()"]), Cause::NotRun { forward: true });
    assert_eq!(net.why_zero_param("out", 0).unwrap().cause, Cause::NotRun { forward: true });
    // A zero of the backward before is of no use after another forward.
    net.data_mut("data").unwrap().fill(-9.0);
    let mut net = run(net);
    assert!(matches!(net.why_zero("data").unwrap().cause, Cause::Constant { .. }));
    net.forward().unwrap();
    assert_eq!(net.why_zero("data").unwrap().cause, Cause::NotRun { forward: true });
}

#[test]
fn it_was_cleared() {
    let mut net = run(chain(FORCE, LOSS));
    net.diff_mut("data").unwrap().fill(0.0);
    assert_eq!(cause(net.why_zero("data").unwrap(), &["\"data\""]), Cause::Cleared);
    net.clear_param_diffs();
    assert_eq!(cause(net.why_zero_param("ip", 0).unwrap(), &["parameter 0"]), Cause::Cleared);
    let mut net = chain(FORCE, LOSS);
    net.forward().unwrap();
    net.diff_mut("loss").unwrap().fill(0.0);
    net.backward().unwrap();
    let why = net.why_zero("data").unwrap();
    assert_eq!(why.blob, "loss");
    assert_eq!(cause(why, &["\"loss\""]), Cause::Cleared);
}

#[test]
fn the_range_of_backward_was_another() {
    let mut net = chain(FORCE, LOSS);
    net.forward().unwrap();
    net.backward_range("relu"..).unwrap();
    let why = net.why_zero("data").unwrap(); // nothing came into the range from above
    assert_eq!(why.layer, "out");
    assert_eq!(cause(why, &["began at \"relu\"", "\"out\" or above"]), Cause::BeganBelow { began: "relu".into() });
    let mut net = chain(FORCE, LOSS);
    net.forward().unwrap();
    net.backward_range(..="out").unwrap();
    let why = net.why_zero("data").unwrap();
    assert_eq!(why.layer, "ip");
    assert_eq!(cause(why, &["ended at \"out\"", "go on to \"ip\""]), Cause::EndedAbove { ended: "out".into() });
    // A whole backward and then a part of one: what is below is of the first.
    let mut net = run(chain(FORCE, LOSS));
    net.diff_mut("data").unwrap().fill(0.0);
    net.backward_range(..="out").unwrap();
    let why = net.why_zero("data").unwrap();
    assert_eq!(cause(why, &["ended at \"out\"", "go on to \"ip\""]), Cause::EndedAbove { ended: "out".into() });
}

#[test]
fn units_are_dead() {
    let mut net = chain(FORCE, "");
    net.data_mut("data").unwrap().assign(&array![[1.0, 2.0, 3.0], [-8.0, 4.0, 0.5]]).unwrap();
    net.forward().unwrap();
    net.diff_mut("out").unwrap().slice_mut()[3] = 1.0; // the second sample, whose units are all dead
    net.backward().unwrap();
    let why = net.why_zero("data").unwrap();
    assert_eq!((why.layer.as_str(), why.kind.as_str()), ("relu", "ReLU"));
    assert_eq!(cause(why, &["50 % of the units of ReLU layer \"relu\" are 0"]), Cause::Dead { share: 0.5 });
    assert_eq!(net.why_zero_param("ip", 0).unwrap().cause, Cause::Dead { share: 0.5 });
}

#[test]
fn units_are_saturated() {
    for kind in ["Sigmoid", "TanH"] {
        let mut net = build(&format!(
            r#"{FORCE} {INPUT} layer {{ name: "s" type: "{kind}" bottom: "data" top: "y" }}
               layer {{ name: "sum" type: "Reduction" bottom: "y" top: "sum" loss_weight: 1 }}"#
        ));
        net.data_mut("data").unwrap().assign(&array![[90.0, 200.0, 91.0], [-900.0, 90.0, 120.0]]).unwrap();
        let net = run(net);
        let why = net.why_zero("data").unwrap();
        let says = format!("100 % of the units of {kind} layer \"s\" are saturated");
        assert_eq!(cause(why, &[&says]), Cause::Saturated { share: 1.0 });
    }
}

#[test]
fn weights_are_zero() {
    let mut net = chain(FORCE, LOSS);
    net.param_mut("out", 0).unwrap().data.fill(0.0);
    let net = run(net);
    let why = net.why_zero("data").unwrap();
    assert_eq!(why.layer, "out");
    assert_eq!(cause(why, &["weights of layer \"out\"", "xavier"]), Cause::ZeroWeights);
}

#[test]
fn the_input_is_zero_or_constant() {
    let mut net = chain(FORCE, LOSS);
    net.data_mut("data").unwrap().fill(0.0);
    let net = run(net);
    let why = net.why_zero_param("ip", 0).unwrap();
    assert_eq!((why.blob.as_str(), why.layer.as_str()), ("data", "in"));
    let zero = Cause::Constant { value: 0.0, overwritten: false };
    assert_eq!(cause(why, &["\"data\" is 0 everywhere"]), zero);
    // A ReLU is dead because of it.
    let mut net = chain(FORCE, LOSS);
    net.data_mut("data").unwrap().fill(-2.0);
    let net = run(net);
    let why = net.why_zero("data").unwrap();
    assert_eq!(why.blob, "data");
    assert_eq!(why.cause, Cause::Constant { value: -2.0, overwritten: false });
}

#[test]
fn the_input_was_overwritten() {
    let mut net = build(
        r#"layer { name: "noise" type: "DummyData" top: "data" dummy_data_param { shape { dim: 2 dim: 3 }
                   data_filler { type: "uniform" min: 0 max: 0 } } }
           layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2 } }
           layer { name: "sum" type: "Reduction" bottom: "ip" top: "sum" loss_weight: 1 }"#,
    );
    net.forward().unwrap();
    net.data_mut("data").unwrap().fill(5.0);
    let mut net = run(net);
    let why = net.why_zero_param("ip", 0).unwrap();
    let overwritten = |overwritten| Cause::Constant { value: 0.0, overwritten };
    assert_eq!(cause(why, &["layer \"noise\" overwrote", "use an Input layer"]), overwritten(true));
    // The advice helps.
    net.clear_param_diffs();
    net.data_mut("data").unwrap().fill(5.0);
    net.forward_range("ip"..).unwrap();
    net.backward().unwrap();
    assert!(matches!(net.why_zero_param("ip", 0).unwrap().cause, Cause::NotZero { size: 10.0 }));
}

#[test]
fn the_loss_is_zero() {
    let mut net = build(&format!(
        r#"{INPUT} layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "y" inner_product_param {{ num_output: 1 }} }}
           layer {{ name: "in2" type: "Input" top: "t" input_param {{ shape {{ dim: 2 dim: 1 }} }} }}
           layer {{ name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" }}"#
    ));
    net.data_mut("data").unwrap().assign(&array![[1.0, 2.0, 3.0], [-1.0, 4.0, 0.5]]).unwrap();
    let net = run(net); // the weights are 0, and so are the targets
    let why = net.why_zero_param("ip", 0).unwrap();
    assert_eq!(why.layer, "loss");
    assert_eq!(cause(why, &["layer \"loss\""]), Cause::LossIsZero);
}

/// Two samples of one value: their mean takes all of it away.
#[test]
fn a_layer_swallows_it() {
    let mut net = build(&format!(
        r#"{FORCE} {INPUT} layer {{ name: "bn" type: "BatchNorm" bottom: "data" top: "y" }}
           layer {{ name: "sum" type: "Reduction" bottom: "y" top: "sum" loss_weight: 1 }}"#
    ));
    net.data_mut("data").unwrap().assign(&array![[1.0, 2.0, 3.0], [-1.0, 4.0, 0.5]]).unwrap();
    let net = run(net);
    let why = net.why_zero("data").unwrap();
    assert_eq!(cause(why, &["BatchNorm layer \"bn\" got a gradient of mean size 1 "]), Cause::Swallowed { size: 1.0 });
}

/// Through Splits, sums and many diamonds the walk takes each way once.
#[test]
fn a_net_of_many_ways_is_walked_once() {
    let mut text = format!("{FORCE} {INPUT}");
    let mut x = "data".to_string();
    for i in 0..40 {
        text += &format!(
            r#"layer {{ name: "relu{i}" type: "ReLU" bottom: "{x}" top: "r{i}" }}
               layer {{ name: "sum{i}" type: "Eltwise" bottom: "r{i}" bottom: "{x}" top: "x{i}" }}"#
        );
        x = format!("x{i}");
    }
    let net = run(build(&text));
    assert_eq!(net.why_zero("data").unwrap().cause, Cause::NotSeeded);
    assert_eq!(net.why_zero("data").unwrap().blob, "x39");
    let net = run(build(&text.replace(FORCE, "")));
    assert!(matches!(net.why_zero("data").unwrap().cause, Cause::NotAsked { .. }));
    assert!(net.explain("data").unwrap().unreached.is_some());
}

#[test]
fn what_was_not_kept_is_an_error() {
    let text = format!(
        r#"{INPUT}
        layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param {{ num_output: 2 }} }}
        layer {{ name: "out" type: "InnerProduct" bottom: "ip" top: "out" inner_product_param {{ num_output: 2 }} }} {LOSS}"#
    );
    let builder = Builder::parse(&text, "net").unwrap().phase(Phase::Train).keep(Keep::Needed);
    let net = run(builder.make().unwrap());
    assert!(matches!(net.why_zero("data").unwrap().cause, Cause::NotAsked { .. })); // which takes no values
    let e = net.why_zero("ip").unwrap_err();
    assert!(e.to_string().contains("Keep::All"), "{e}");
}

// ---- explain

const LENET: &str = include_str!("../proto/lenet.prototxt");

fn lenet() -> Net {
    Builder::parse(LENET, "lenet.prototxt").unwrap().phase(Phase::Test).make().unwrap()
}

/// The line on which a text first stands after another.
fn line(after: &str, text: &str) -> usize {
    let start = LENET.find(after).unwrap();
    let at = start + LENET[start..].find(text).unwrap();
    LENET[..at].matches('\n').count() + 1
}

#[test]
fn a_shape_comes_from_the_prototxt() {
    let net = lenet();
    let conv1 = net.explain("conv1").unwrap();
    let sum = "20 channels are num_output; along each axis (28 + 2*0 - 5)/1 + 1 = 24";
    assert_eq!(conv1.arithmetic.as_deref(), Some(sum));
    let told = conv1.to_string();
    let kernel = format!("kernel_size: 5 at lenet.prototxt:{}\n", line("\"conv1\"", "kernel_size"));
    assert!(told.contains(&kernel) && told.contains(sum), "{told}");
    assert!(told.contains("made by conv1 (Convolution, lenet.prototxt:"), "{told}");
    let pool = net.explain("pool1").unwrap();
    assert_eq!(pool.arithmetic.as_deref(), Some("along each axis (24 + 2*0 - 2)/2 + 1 = 12"));
    let ip1 = net.explain("ip1").unwrap();
    let sum = "500 outputs are num_output; a sample has 50 * 4 * 4 = 800 inputs, so there are 400000 weights";
    assert_eq!(ip1.arithmetic.as_deref(), Some(sum));
    let field = ip1.fields.iter().find(|p| p.text.contains("num_output")).unwrap();
    assert_eq!(field.line, line("\"ip1\"", "num_output"));
    assert_eq!(conv1.look().unwrap().text, told);
    assert!(net.explain("conv9").is_err());
}

#[test]
fn writers_readers_and_versions() {
    let net = lenet();
    let ip1 = net.explain("ip1").unwrap();
    let names = |of: &[LayerOf]| of.iter().map(|l| l.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(&ip1.writers), names(&ip1.readers)),
        (vec!["ip1".into(), "relu1".into()], vec!["ip2".to_string()])
    );
    assert_eq!((ip1.split, ip1.loss_weight), (None, 0.0));
    assert_eq!(ip1.made_of[0].0, "pool2");
    assert_eq!(ip1.unreached.unwrap().cause, Cause::NoLoss);
    let told = net.explain("ip1").unwrap().to_string();
    assert!(told.contains("changed in place by relu1 (ReLU, ") && told.contains("version 1"), "{told}");
    let accuracy = r#"layer { name: "acc" type: "Accuracy" bottom: "out" bottom: "label" top: "acc" }"#;
    let net = chain("", &format!("{accuracy}{}", LOSS.replace("top: \"loss\"", "top: \"loss\" loss_weight: 2")));
    let out = net.explain("out").unwrap();
    assert_eq!(
        (names(&out.readers), out.split.as_deref()),
        (vec!["acc".into(), "loss".into()], Some("out_out_0_split"))
    );
    assert_eq!(out.unreached, None);
    let told = out.to_string();
    assert!(told.contains("read by acc (Accuracy, net:") && told.ends_with("backward comes to it"), "{told}");
    assert_eq!(net.explain("loss").unwrap().loss_weight, 2.0);
    let data = net.explain("data").unwrap();
    assert_eq!(data.unreached.clone().unwrap().cause, Cause::NotAsked { frozen: false, loss: true });
    assert!(data.to_string().contains("what to do: write force_backward: true"), "{data}");
    assert_eq!(net.explain("label").unwrap().unreached.unwrap().cause, Cause::NoGradient);
}

#[test]
fn the_arithmetic_of_each_layer() {
    let of = |shape: &str, layer: &str| {
        let dims: String = shape.split(' ').map(|d| format!("dim: {d} ")).collect();
        let input =
            format!(r#"layer {{ name: "in" type: "Input" top: "a" top: "b" input_param {{ shape {{ {dims} }} }} }}"#);
        let net = build(&format!(r#"{input} layer {{ name: "l" bottom: "a" top: "y" {layer} }}"#));
        let told = net.explain("y").unwrap();
        (told.arithmetic.unwrap(), told.shape)
    };
    for (shape, layer, sum, dims) in [
        (
            "1 2 9 7",
            "type: 'Convolution' convolution_param { num_output: 3 kernel_h: 3 kernel_w: 2 pad: 1 stride: 2 dilation: 2 }",
            "3 channels are num_output; along axis 2 (9 + 2*1 - (2*(3 - 1) + 1))/2 + 1 = 4, along axis 3 (7 + 2*1 - (2*(2 - 1) + 1))/2 + 1 = 4",
            vec![1, 3, 4, 4],
        ),
        (
            "1 2 8 8",
            "type: 'Convolution' convolution_param { num_output: 3 kernel_size: 3 stride: 2 }",
            "3 channels are num_output; along each axis floor((8 + 2*0 - 3)/2) + 1 = 3",
            vec![1, 3, 3, 3],
        ),
        (
            "1 2 8 8",
            "type: 'Pooling' pooling_param { kernel_size: 3 stride: 2 }",
            "along each axis ceil((8 + 2*0 - 3)/2) + 1 = 4",
            vec![1, 2, 4, 4],
        ),
        (
            "1 2 8 8",
            "type: 'Pooling' pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }",
            "along each axis floor((8 + 2*0 - 3)/2) + 1 = 3",
            vec![1, 2, 3, 3],
        ),
        (
            "1 2 3 3",
            "type: 'Pooling' pooling_param { kernel_size: 2 stride: 2 pad: 1 }",
            "along each axis ceil((3 + 2*1 - 2)/2) + 1 - 1, as the last window would start beyond the input, = 2",
            vec![1, 2, 2, 2],
        ),
        (
            "1 2 8 8",
            "type: 'Pooling' pooling_param { global_pooling: true }",
            "1 along each axis: global_pooling takes the whole plane",
            vec![1, 2, 1, 1],
        ),
        ("2 3 4", "type: 'Concat' bottom: 'b' concat_param { axis: -1 }", "along axis 2 4 + 4 = 8", vec![2, 3, 8]),
        ("2 3 4 5", "type: 'Flatten'", "axes 1 to 3 together are 3 * 4 * 5 = 60", vec![2, 60]),
        (
            "2 12",
            "type: 'Reshape' reshape_param { shape { dim: 0 dim: 3 dim: -1 } }",
            "2 * 12 = 24, shared out as 2 * 3 * 4 = 24",
            vec![2, 3, 4],
        ),
        (
            "2 3 4",
            "type: 'InnerProduct' inner_product_param { num_output: 5 axis: 2 }",
            "5 outputs are num_output; a sample has 4 inputs, so there are 20 weights",
            vec![2, 3, 5],
        ),
    ] {
        assert_eq!(of(shape, layer), (sum.to_string(), dims), "{layer}");
    }
}
