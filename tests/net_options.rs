//! What a net's prototxt may say besides its layers' own parameters, one after another, against what Caffe makes of it.
//!
//! What is not here is elsewhere: upgrades of whole old files in `proto/` (golden.rs has Caffe's own results), structures of
//! nets with rules, stages and levels in `golden.rs`, snapshot prefixes in `cli/train.rs`, mistakes in `bad/`.

use cortado::log::Level;
use cortado::net::Builder;
use cortado::proto::{
    BlobProto, NetParameter, SolverParameter, V0LayerParameter, V1LayerParameter, text, v1_layer_parameter::LayerType,
};
use cortado::{Log, Net, Phase, Result};
use ndarray::array;
use prost::Message;
use std::sync::{Arc, Mutex};

const INPUT: &str = r#"layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }"#;

fn builder(text: &str) -> Builder {
    Builder::parse(text, "net").unwrap().phase(Phase::Train).log(&Log::silent())
}

fn build(text: &str) -> Net {
    builder(text).make().unwrap()
}

/// InnerProduct of weights 0.5 and bias 0.25.
fn ip(name: &str, bottom: &str, more: &str) -> String {
    format!(
        r#"layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" {more}
             inner_product_param {{ num_output: 2 weight_filler {{ type: "constant" value: 0.5 }}
                                    bias_filler {{ type: "constant" value: 0.25 }} }} }}"#
    )
}

fn sum(bottom: &str, more: &str) -> String {
    format!(r#"layer {{ name: "sum" type: "Reduction" bottom: "{bottom}" top: "sum" {more} }}"#)
}

fn fill(net: &mut Net, x: [f32; 2]) {
    net.data_mut("x").unwrap().assign(&array![x]).unwrap();
}

fn run(net: &mut Net) -> f32 {
    let loss = net.forward().unwrap().loss;
    net.backward().unwrap();
    loss
}

// ---- which layers

#[test]
fn rules_keep_and_leave_layers() {
    let layer = |name: &str, rules: &str| {
        format!(r#"layer {{ name: "{name}" type: "ReLU" bottom: "x" top: "{name}" {rules} }}"#)
    };
    let text = [
        INPUT.to_string(),
        layer("always", ""),
        layer("train", "include { phase: TRAIN }"),
        layer("not_test", "exclude { phase: TEST }"),
        layer("high", "include { min_level: 2 }"),
        layer("middle", "include { min_level: 1 max_level: 2 }"),
        layer("below", "exclude { min_level: 1 }"),
        layer("deploy", "include { stage: 'deploy' }"),
        layer("both", "include { stage: 'deploy' stage: 'fast' }"),
        layer("either", "include { stage: 'deploy' } include { stage: 'fast' }"),
        layer("slow", "include { not_stage: 'fast' }"),
        layer("all_of_it", "include { phase: TEST min_level: 1 stage: 'deploy' not_stage: 'fast' }"),
    ]
    .join("\n");
    let kept = |phase: Phase, level: i32, stages: &[&str]| {
        let net = builder(&text).phase(phase).level(level).stages(stages.iter().copied()).make().unwrap();
        let names: Vec<String> = net.layers_of_type("ReLU").into_iter().map(String::from).collect();
        names.join(" ")
    };
    use Phase::{Test, Train};
    assert_eq!(kept(Train, 0, &[]), "always train not_test below slow");
    assert_eq!(kept(Test, 0, &[]), "always below slow");
    assert_eq!(kept(Test, 1, &[]), "always middle slow");
    assert_eq!(kept(Test, 2, &[]), "always high middle slow");
    assert_eq!(kept(Test, 3, &[]), "always high slow");
    assert_eq!(kept(Test, -1, &["fast"]), "always below either");
    assert_eq!(kept(Test, 1, &["deploy"]), "always middle deploy either slow all_of_it");
    assert_eq!(kept(Train, 1, &["deploy"]), "always train not_test middle deploy either slow");
    assert_eq!(kept(Test, 1, &["deploy", "fast"]), "always middle deploy both either");
    // The net's own state, to which what the builder is told is added.
    let own = format!("state {{ phase: TEST level: 1 stage: 'deploy' }} {text}");
    let names = |net: Net| net.layers_of_type("ReLU").join(" ");
    let own_builder = || Builder::parse(&own, "net").unwrap();
    assert_eq!(names(own_builder().make().unwrap()), "always middle deploy either slow all_of_it");
    let other = own_builder().phase(Train).level(0).stage("fast").make().unwrap();
    assert_eq!(names(other), "always train not_test below deploy both either");
}

// ---- parameters

/// w is [2, 6] in one layer and [3, 4] in the other.
fn shared(mode: &str) -> Result<Net> {
    shared_by(3, mode)
}

fn shared_by(outputs: usize, mode: &str) -> Result<Net> {
    let layer = |name: &str, bottom: &str, outputs: usize, mode: &str| {
        format!(
            r#"layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" param {{ name: "w" {mode} }}
                        inner_product_param {{ num_output: {outputs} bias_term: false }} }}
               layer {{ name: "sum_{name}" type: "Reduction" bottom: "{name}" top: "sum_{name}" loss_weight: 1 }}"#
        )
    };
    let input = r#"layer { name: "in" type: "Input" top: "a" top: "b"
                           input_param { shape { dim: 1 dim: 6 } shape { dim: 1 dim: 4 } } }"#;
    builder(&format!("{input}{}{}", layer("one", "a", 2, ""), layer("two", "b", outputs, mode))).make()
}

#[test]
fn shapes_of_shared_parameters_are_strict_or_permissive() {
    for strict in ["", "share_mode: STRICT"] {
        let e = shared(strict).unwrap_err();
        assert!(e.to_string().contains("share_mode: PERMISSIVE"), "{e}");
        assert_eq!(e.layer_name(), Some("two"));
    }
    let mut net = shared("share_mode: PERMISSIVE").unwrap();
    assert_eq!(net.store().len(), 1);
    let w: Vec<f32> = (0..12).map(|i| i as f32).collect();
    net.param_mut("one", 0).unwrap().data.slice_mut().copy_from_slice(&w);
    net.data_mut("a").unwrap().assign(&array![[1.0, 0.0, 0.0, 0.0, 0.0, 2.0]]).unwrap();
    net.data_mut("b").unwrap().assign(&array![[0.0, 3.0, 0.0, 0.0]]).unwrap();
    run(&mut net);
    // Each layer reads the twelve values as rows of its own length.
    assert_eq!(net.data("one").unwrap().slice(), [0.0 + 2.0 * 5.0, 6.0 + 2.0 * 11.0]);
    assert_eq!(net.data("two").unwrap().slice(), [3.0, 3.0 * 5.0, 3.0 * 9.0]);
    // and what each adds to the gradient is added up.
    let dw = &net.param("two", 0).unwrap().diff;
    assert_eq!(dw.slice(), [1.0, 3.0, 0.0, 0.0, 0.0, 2.0 + 3.0, 1.0, 0.0, 0.0, 3.0, 0.0, 2.0]);

    // A file has each layer's blob in the layer's own shape, as Caffe's files do.
    let file = net.to_proto(false).unwrap();
    let shapes: Vec<Vec<i64>> =
        file.layer.iter().flat_map(|l| &l.blobs).map(|b| b.shape.clone().unwrap().dim).collect();
    assert_eq!(shapes, [[2, 6], [3, 4]]);
    let mut other = shared("share_mode: PERMISSIVE").unwrap();
    assert_eq!(other.copy_trained_layers(&file, false).unwrap().copied, ["one", "two"]);
    assert_eq!(other.param("two", 0).unwrap().data.slice(), w);

    // Permissive is not careless: the counts must agree.
    let e = shared_by(4, "share_mode: PERMISSIVE").unwrap_err();
    assert!(e.message().contains("[4, 4]") && e.message().contains("[2, 6]"), "{e}");
}

/// As Caffe takes them, `blobs` in a layer's message are its first values, in place of its fillers'.
#[test]
fn weights_may_stand_in_the_prototxt() {
    let blobs = "blobs { shape { dim: 2 dim: 2 } data: [1, 2, 3, 4] } blobs { shape { dim: 2 } data: 5 data: 6 }";
    let mut net = build(&format!("{INPUT}{}", ip("y", "x", blobs)));
    fill(&mut net, [1.0, 10.0]);
    net.forward().unwrap();
    assert_eq!(net.data("y").unwrap().slice(), [1.0 + 20.0 + 5.0, 3.0 + 40.0 + 6.0]);
    // Old ones have four dims, and doubles are taken too.
    let old = "blobs { num: 1 channels: 1 height: 2 width: 2 double_data: [1, 2, 3, 4] } blobs { num: 1 channels: 1 height: 1 width: 2 data: [5, 6] }";
    let mut net = build(&format!("{INPUT}{}", ip("y", "x", old)));
    fill(&mut net, [1.0, 10.0]);
    net.forward().unwrap();
    assert_eq!(net.data("y").unwrap().slice(), [26.0, 49.0]);
    let e = builder(&format!("{INPUT}{}", ip("y", "x", "blobs { data: 1 }"))).make().unwrap_err();
    assert!(e.to_string().contains("1 `blobs { }` for 2 learnable blobs"), "{e}");
}

// ---- losses and gradients

#[test]
fn any_top_may_count_in_the_objective() {
    // y counts -0.5 and is read as well, so a Split takes the weight over; z counts 2.
    let text = format!(
        r#"force_backward: true {INPUT}
           layer {{ name: "one" type: "ReLU" bottom: "x" top: "y" loss_weight: -0.5 }}
           layer {{ name: "two" type: "Eltwise" bottom: "y" bottom: "y" top: "z" loss_weight: 2 }}"#
    );
    let mut net = build(&text);
    fill(&mut net, [3.0, -4.0]);
    assert_eq!(run(&mut net), -0.5 * 3.0 + 2.0 * 6.0);
    assert_eq!(net.diff("x").unwrap().slice(), [-0.5 + 2.0 * 2.0, 0.0]);
    assert_eq!(net.loss_weight("z"), 2.0);
    // Of a loss, another weight than 1; and 0 takes it out.
    let loss = |weight: &str| {
        let text = format!(
            r#"{INPUT}{} layer {{ name: "t" type: "DummyData" top: "t" dummy_data_param {{ shape {{ dim: 1 dim: 2 }} }} }}
               layer {{ name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" {weight} }}"#,
            ip("y", "x", "")
        );
        let mut net = build(&text);
        fill(&mut net, [3.0, -1.0]);
        (run(&mut net), net.param("y", 1).unwrap().diff.slice().to_vec())
    };
    // y = (1.25, 1.25), t = 0
    assert_eq!(loss(""), (1.5625, vec![1.25; 2]));
    assert_eq!(loss("loss_weight: 4"), (6.25, vec![5.0; 2]));
    assert_eq!(loss("loss_weight: 0"), (0.0, vec![0.0; 2]));
}

#[test]
fn each_bottom_may_be_cut_off_or_asked_for() {
    let text = |down: &str| {
        format!(
            r#"{INPUT}{}{} layer {{ name: "add" type: "Eltwise" bottom: "a" bottom: "b" top: "c" {down} }} {}"#,
            ip("a", "x", ""),
            ip("b", "x", ""),
            sum("c", "loss_weight: 1")
        )
    };
    let gradients = |down: &str| {
        let mut net = build(&text(down));
        fill(&mut net, [3.0, -1.0]);
        run(&mut net);
        [net.param("a", 1).unwrap().diff.slice()[0], net.param("b", 1).unwrap().diff.slice()[0]]
    };
    assert_eq!(gradients(""), [1.0, 1.0]);
    assert_eq!(gradients("propagate_down: true propagate_down: false"), [1.0, 0.0]);
    assert_eq!(gradients("propagate_down: false propagate_down: true"), [0.0, 1.0]);
    assert_eq!(gradients("propagate_down: false propagate_down: false"), [0.0, 0.0]);
    // Asked for by name, the input's gradient is computed although nothing below learns.
    let dx = |down: &str| {
        let mut net = build(&format!("{INPUT}{}{}", ip("y", "x", down), sum("y", "loss_weight: 1")));
        fill(&mut net, [3.0, -1.0]);
        run(&mut net);
        net.diff("x").unwrap().slice().to_vec()
    };
    assert_eq!(dx(""), [0.0, 0.0]);
    assert_eq!(dx("propagate_down: true"), [1.0, 1.0]);
}

#[test]
fn force_backward_computes_every_gradient() {
    let frozen = "param { lr_mult: 0 } param { lr_mult: 0 }";
    let text = format!("{INPUT}{}{}", ip("y", "x", frozen), sum("y", "loss_weight: 1"));
    for (head, dx, db) in [("", 0.0, 0.0), ("force_backward: true", 1.0, 1.0)] {
        let mut net = build(&format!("{head} {text}"));
        fill(&mut net, [3.0, -1.0]);
        run(&mut net);
        assert_eq!((net.diff("x").unwrap().slice(), net.diff("y").unwrap().slice()), (&[dx; 2][..], &[dx; 2][..]));
        assert_eq!(net.param("y", 1).unwrap().diff.slice(), [db; 2], "{head}"); // frozen, but asked for, as in Caffe
    }
    // A label has none even so.
    let label = format!(
        r#"force_backward: true layer {{ name: "in" type: "Input" top: "x" top: "l" input_param {{ shape {{ dim: 1 dim: 2 }} shape {{ dim: 1 }} }} }}
           {} layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "y" bottom: "l" }}"#,
        ip("y", "x", "")
    );
    let mut net = build(&label);
    run(&mut net);
    assert_eq!(net.propagates_down("loss").unwrap(), (true, &[true, false][..]));
}

/// A loss need not name its top: it counts, and is no output.
#[test]
fn tops_are_made_automatically() {
    let text = format!(
        r#"{INPUT}{} layer {{ name: "t" type: "DummyData" top: "t" dummy_data_param {{ shape {{ dim: 1 dim: 2 }} }} }}
           layer {{ name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" }}"#,
        ip("y", "x", "")
    );
    let mut net = build(&text);
    fill(&mut net, [3.0, -1.0]);
    assert_eq!(run(&mut net), 1.5625);
    assert_eq!(net.top_names("loss").unwrap(), ["(automatic)"]);
    assert!(net.outputs().is_empty());
    let relu = builder(&format!(r#"{INPUT} layer {{ name: "relu" type: "ReLU" bottom: "x" }}"#)).make();
    assert!(relu.is_err()); // only losses have them
}

// ---- debug_info

fn logged() -> (Log, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let to = lines.clone();
    (Log::to(move |_, line| to.lock().unwrap().push(line.to_string())), lines)
}

fn chain(second: &str) -> String {
    format!(
        r#"{INPUT}{} layer {{ name: "relu" type: "ReLU" bottom: "y" top: "y" }} {}"#,
        ip("y", "x", &format!("param {{ name: 'w' }} param {{ {second} }}")),
        sum("y", "loss_weight: 1")
    )
}

#[test]
fn debug_info_tells_the_mean_size_of_everything() {
    let (log, lines) = logged();
    let mut net = builder(&format!("debug_info: true {}", chain(""))).log(&log).make().unwrap();
    fill(&mut net, [3.0, -1.0]);
    lines.lock().unwrap().clear();
    run(&mut net);
    // y = 0.5 (3 - 1) + 0.25; dw = (3, -1) twice, db = 1 twice
    let want = [
        "    [Forward] Layer in, top blob x data: 2",
        "    [Forward] Layer y, top blob y data: 1.25",
        "    [Forward] Layer y, param blob w data: 0.5",
        "    [Forward] Layer y, param blob 1 data: 0.25",
        "    [Forward] Layer relu, top blob y data: 1.25",
        "    [Forward] Layer sum, top blob sum data: 2.5",
        "    [Backward] Layer sum, bottom blob y diff: 1",
        "    [Backward] Layer relu, bottom blob y diff: 1",
        "    [Backward] Layer y, param blob 0 diff: 2",
        "    [Backward] Layer y, param blob 1 diff: 1",
        "    [Backward] All net params (data, diff): L1 norm = (2.5, 10); L2 norm = (1.06066, 4.69042)",
    ];
    assert_eq!(*lines.lock().unwrap(), want);

    // A part of it tells of its part; a frozen parameter has no gradient to tell of.
    let mut net = builder(&format!("debug_info: true {}", chain("lr_mult: 0"))).log(&log).make().unwrap();
    fill(&mut net, [3.0, -1.0]);
    net.forward().unwrap();
    lines.lock().unwrap().clear();
    net.forward_range("relu"..="relu").unwrap();
    net.backward_range(.."relu").unwrap();
    net.backward_range("relu"..).unwrap();
    assert_eq!(*lines.lock().unwrap(), [want[4], want[6], want[7], want[8]]);
    net.set_debug_info(false);
    lines.lock().unwrap().clear();
    run(&mut net);
    assert!(lines.lock().unwrap().is_empty() && !net.debug_info());
}

/// In a solver it is the solver's to say, and what the train net does is told when its progress is. Lines "[Update]", for
/// which Caffe 1.0 has the words, are never written by it.
#[test]
fn a_solver_has_debug_info_of_its_own() {
    let run = |net: &str, settings: &str| {
        let (log, lines) = logged();
        let text = format!(
            "net_param {{ {net} }} base_lr: 0.1 lr_policy: 'fixed' display: 2 max_iter: 3 test_iter: 1 test_interval: 10 {settings}"
        );
        let param = text::parse::<SolverParameter>(&text, "solver").unwrap().message;
        let mut solver = cortado::Solver::build(&param).log(&log).make().unwrap();
        solver.step(3).unwrap();
        let lines = lines.lock().unwrap().clone();
        let count = |what: &str| lines.iter().filter(|l| l.contains(what)).count();
        assert_eq!(count("[Update]"), 0);
        (count("All net params"), count("[Forward] Layer sum"), count("debug_info means nothing"))
    };
    assert_eq!(run(&chain(""), ""), (0, 0, 0));
    assert_eq!(run(&chain(""), "debug_info: true"), (2, 2 + 1, 0)); // iterations 0 and 2, and the test before the first
    assert_eq!(run(&format!("debug_info: true {}", chain("")), "test_initialization: false"), (0, 0, 1));
}

// ---- what is probably a mistake

/// What a net of this text warns of while `work` is done with it.
fn warnings(text: &str, work: impl FnOnce(&mut Net) -> Result) -> Vec<String> {
    let warned = Arc::new(Mutex::new(Vec::new()));
    let to = warned.clone();
    let log = Log::to(move |level, line| {
        if level == Level::Warning {
            to.lock().unwrap().push(line.to_string());
        }
    });
    let mut net = builder(text).log(&log).make().unwrap();
    work(&mut net).unwrap();
    drop(net);
    warned.lock().unwrap().clone()
}

#[test]
fn a_backward_that_has_nothing_to_start_from_warns_once() {
    let bare = format!("{INPUT}{}", ip("y", "x", ""));
    let twice = |net: &mut Net| {
        net.forward()?;
        net.backward()?;
        net.backward()
    };
    let said = warnings(&bare, twice);
    assert!(said.len() == 1 && said[0].contains("loss_weight") && said[0].contains("force_backward"), "{said:?}");
    let forced = format!("force_backward: true {bare}");
    let said = warnings(&forced, twice);
    assert!(said.len() == 1 && said[0].contains("net.diff_mut(\"y\")?"), "{said:?}");
    let seeded = |net: &mut Net| {
        net.forward()?;
        net.diff_mut("y")?.fill(1.0);
        net.backward()
    };
    assert!(warnings(&forced, seeded).is_empty());
    assert_eq!(warnings(&bare, seeded).len(), 1); // nothing runs backward, whatever is seeded
    assert!(warnings(&chain(""), twice).is_empty());
    let said = warnings(&forced, |net| net.forward().and_then(|_| net.backward_range("y"..)));
    assert_eq!(said.len(), 1, "{said:?}");
}

/// x goes two ways, a and b, which meet in s.
#[test]
fn a_range_that_leaves_out_a_branch_warns() {
    let text = format!(
        r#"force_backward: true {INPUT} {} {} {}
           layer {{ name: "s" type: "Eltwise" bottom: "a" bottom: "b" top: "s" }}
           layer {{ name: "relu" type: "ReLU" bottom: "s" top: "s" }} {}"#,
        ip("first", "x", ""),
        ip("a", "first", ""),
        ip("b", "first", ""),
        sum("s", "loss_weight: 1")
    );
    let forward = |net: &mut Net| net.forward().map(drop);
    let range = |work: fn(&mut Net) -> Result| {
        warnings(&text, |net| {
            forward(net)?;
            net.backward()?;
            work(net)?;
            work(net) // said once
        })
    };
    // s reads a, too, which a forward from b does not compute anew
    let said = range(|net| net.forward_range("b"..).map(drop));
    assert!(said.len() == 1 && ["\"a\"", "\"b\"", "\"s\""].iter().all(|name| said[0].contains(name)), "{said:?}");
    // first takes its gradient from both; a backward from a leaves b's as it was
    let said = range(|net| net.backward_range("a"..));
    assert!(said.len() == 1 && ["\"a\"", "\"b\"", "\"first\""].iter().all(|name| said[0].contains(name)), "{said:?}");
    for whole in [
        (|net| net.forward_range("first"..).map(drop)) as fn(&mut Net) -> Result,
        |net| net.forward_range("a"..="b").map(drop),
        |net| net.forward_range("s"..).map(drop),
        |net| net.forward_range("relu"..).map(drop),
        |net| net.forward_range(..="a").map(drop),
        |net| net.backward_range("s"..),
        |net| net.backward_range("b"..="a"),
        |net| net.backward_range("first"..),
        |net| net.backward_range(..="relu"),
        |net| net.backward(),
    ] {
        let said = range(whole);
        assert!(said.is_empty(), "{said:?}");
    }
    // Labels and inputs are no branch: they stand as they are.
    let labelled = format!(
        r#"layer {{ name: "data" type: "DummyData" top: "x" top: "t" dummy_data_param {{ shape {{ dim: 1 dim: 2 }} }} }}
           {} layer {{ name: "l1" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "l1" }}
           layer {{ name: "l2" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "l2" }}"#,
        ip("y", "x", "")
    );
    let said = warnings(&labelled, |net| {
        forward(net)?;
        net.forward_range("y"..)?;
        net.backward()
    });
    assert!(said.is_empty(), "{said:?}");
}

/// Without a filler weights are 0: of two such layers neither ever learns.
#[test]
fn layers_that_never_learn_for_want_of_a_filler_warn() {
    let layer = |name: &str, bottom: &str, kind: &str, more: &str| {
        format!(r#"layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{name}" {more} }} "#)
    };
    let product = |name: &str, bottom: &str, filler: &str| {
        layer(name, bottom, "InnerProduct", &format!("inner_product_param {{ num_output: 2 {filler} }}"))
    };
    let (xavier, zero) = ("weight_filler { type: 'xavier' }", "weight_filler { value: 0 }");
    let of = |text: String| {
        let said = warnings(&format!("{INPUT} {text} {}", sum("b", "loss_weight: 1")), |_| Ok(()));
        said.iter().filter(|line| line.contains("weights") && line.contains("all 0")).cloned().collect::<Vec<_>>()
    };
    let said = of(product("a", "x", "") + &layer("relu", "a", "ReLU", "") + &product("b", "relu", ""));
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("\"a\"") && said[0].contains("weight_filler { type: \"xavier\" }"), "{said:?}");
    assert_eq!(of(product("a", "x", "") + &product("b", "a", xavier)).len(), 1);
    assert_eq!(of(product("a", "x", xavier) + &product("b", "a", "")).len(), 1);
    let convolution = layer("a", "r", "Convolution", "convolution_param { num_output: 1 kernel_size: 1 }");
    let reshape = layer("r", "x", "Reshape", "reshape_param { shape { dim: 1 dim: 1 dim: 1 dim: 2 } }");
    assert_eq!(of(reshape + &convolution + &product("b", "a", xavier)).len(), 1);
    // No false alarm: one layer learns from 0, as a linear model does; who writes 0 means it; biases and gains start so;
    // what does not learn has its values from elsewhere.
    for fine in [
        product("b", "x", ""),
        product("a", "x", xavier) + &product("b", "a", xavier),
        product("a", "x", zero) + &product("b", "a", zero),
        product("a", "x", xavier)
            + &layer("s", "a", "Scale", "scale_param { bias_term: true }")
            + &layer("b", "s", "Bias", ""),
        product("a", "x", xavier)
            + &layer("p", "a", "PReLU", "")
            + &layer("n", "p", "BatchNorm", "")
            + &product("b", "n", xavier),
        product("a", "x", "").replace("top:", "param { lr_mult: 0 } param { lr_mult: 0 } top:")
            + &product("b", "a", xavier),
    ] {
        let said = of(fine.clone());
        assert!(said.is_empty(), "{fine}: {said:?}");
    }
    // A net that only tests gets its weights from a file.
    let text = format!("{INPUT} {} {}", product("a", "x", ""), product("b", "a", ""));
    let (log, lines) = logged();
    builder(&text).phase(Phase::Test).log(&log).make().unwrap();
    assert!(!lines.lock().unwrap().iter().any(|line| line.contains("all 0")));
}

#[test]
fn reshaping_what_a_data_layer_fills_warns() {
    let text = format!(
        r#"layer {{ name: "noise" type: "DummyData" top: "d" dummy_data_param {{ shape {{ dim: 2 dim: 2 }} }} }} {INPUT} {}"#,
        ip("y", "d", "")
    );
    let said = warnings(&text, |net| {
        net.reshape_blob("x", &[3, 2])?;
        net.reshape_blob("d", &[3, 2])?;
        net.forward_range("y"..)?;
        assert_eq!(net.shape("y")?, [3, 2]); // from the layer after it, the shape counts
        net.forward()?;
        assert_eq!((net.shape("d")?, net.shape("y")?, net.shape("x")?), (&[2, 2][..], &[2, 2][..], &[3, 2][..]));
        Ok(())
    });
    assert!(said.len() == 1 && said[0].contains("\"d\"") && said[0].contains("\"noise\""), "{said:?}");
}

// ---- old files

#[test]
fn inputs_of_old_nets() {
    for input in
        ["input: 'x' input_dim: 1 input_dim: 2 input_dim: 1 input_dim: 1", "input: 'x' input_shape { dim: 1 dim: 2 }"]
    {
        let mut net = build(&format!("{input} {}", ip("y", "x", "")));
        assert_eq!((net.inputs(), net.layer_type("input").unwrap()), (vec!["x"], "Input"));
        net.data_mut("x").unwrap().slice_mut().copy_from_slice(&[3.0, -1.0]);
        net.forward().unwrap();
        assert_eq!(net.data("y").unwrap().slice(), [1.25, 1.25]);
    }
}

fn stored(values: &[f32]) -> BlobProto {
    let (n, one) = (values.len() as i32, Some(1));
    BlobProto { num: one, channels: one, height: one, width: Some(n), data: values.to_vec(), ..Default::default() }
}

/// Nets and weights of both old formats, as text and as bytes, make the net that the new one makes.
#[test]
fn old_formats_as_text_and_as_bytes() {
    let fillers = "weight_filler { type: 'constant' value: 0.5 } bias_filler { type: 'constant' value: 0.25 }";
    let input = "input: 'x' input_dim: 1 input_dim: 2 input_dim: 1 input_dim: 1";
    let v1 = format!(
        "{input} layers {{ name: 'y' type: INNER_PRODUCT bottom: 'x' top: 'y' blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0
                           inner_product_param {{ num_output: 2 {fillers} }} }}
                 layers {{ name: 'relu' type: RELU bottom: 'y' top: 'y' }}"
    );
    let v0 = format!(
        "{input} layers {{ layer {{ name: 'y' type: 'innerproduct' num_output: 2 {fillers}
                                    blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0 }} bottom: 'x' top: 'y' }}
                 layers {{ layer {{ name: 'relu' type: 'relu' }} bottom: 'y' top: 'y' }}"
    );
    let folder = tempfile::tempdir().unwrap();
    for (format, old) in [("v1", &v1), ("v0", &v0)] {
        let mut net = build(old);
        net.data_mut("x").unwrap().slice_mut().copy_from_slice(&[3.0, -1.0]);
        net.forward().unwrap();
        assert_eq!(net.data("y").unwrap().slice(), [1.25, 1.25], "{format}");
        let mults: Vec<(f32, f32)> = net.store().iter().map(|(_, spec)| (spec.lr_mult, spec.decay_mult)).collect();
        assert_eq!(mults, [(1.0, 1.0), (2.0, 0.0)], "{format}");

        // The same message read from bytes.
        let parsed = text::parse::<NetParameter>(old, "old").unwrap().message;
        let bytes = cortado::proto::binary::decode::<NetParameter>(&parsed.encode_to_vec()).unwrap();
        let again = Net::build(&bytes).phase(Phase::Train).log(&Log::silent()).make().unwrap();
        assert_eq!(again.layer_names(), net.layer_names());
        assert_eq!(again.layer_names(), ["input", "y", "relu"]);

        // Weights in a binary file of that format.
        let blobs = vec![stored(&[1.0, 2.0, 3.0, 4.0]), stored(&[5.0, 6.0])];
        let layer = match format {
            "v1" => V1LayerParameter {
                name: Some("y".into()),
                r#type: Some(LayerType::InnerProduct as i32),
                blobs,
                ..Default::default()
            },
            _ => V1LayerParameter {
                layer: Some(V0LayerParameter {
                    name: Some("y".into()),
                    r#type: Some("innerproduct".into()),
                    blobs,
                    ..Default::default()
                }),
                ..Default::default()
            },
        };
        let file = folder.path().join(format!("{format}.caffemodel"));
        let weights = NetParameter { layers: vec![layer], ..Default::default() };
        std::fs::write(&file, weights.encode_to_vec()).unwrap();
        let e = net.copy_trained_layers_from(&file).unwrap_err(); // 1 x 1 x 1 x 4 is not 2 x 2
        assert!(e.to_string().contains("[1, 1, 1, 4]"), "{e}");
        let mut weights = weights;
        square(&mut weights.layers[0]);
        std::fs::write(&file, weights.encode_to_vec()).unwrap();
        assert_eq!(net.copy_trained_layers_from(&file).unwrap().copied, ["y"]);
        assert_eq!(net.param("y", 0).unwrap().data.slice(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(net.param("y", 1).unwrap().data.slice(), [5.0, 6.0]);
    }
}

/// Writes the shape of the weights as 1 x 1 x 2 x 2.
fn square(layer: &mut V1LayerParameter) {
    let blobs = match &mut layer.layer {
        Some(v0) => &mut v0.blobs,
        None => &mut layer.blobs,
    };
    (blobs[0].height, blobs[0].width) = (Some(2), Some(2));
}

/// Three `param` of an old BatchNorm, and the old names of a solver's type: built, not only upgraded.
#[test]
fn old_batch_norms_and_solver_types_are_built() {
    let bn = "layer { name: 'bn' type: 'BatchNorm' bottom: 'y' top: 'z' param { lr_mult: 1 } param { lr_mult: 1 } param { lr_mult: 1 } }";
    let net = build(&format!("{INPUT}{}{bn}", ip("y", "x", "")));
    assert!(net.store().iter().filter(|(_, spec)| spec.layer == "bn").all(|(_, spec)| spec.lr_mult == 0.0));
    let text = format!("net_param {{ {} }} base_lr: 0.1 lr_policy: 'fixed' solver_type: NESTEROV", chain(""));
    let param = text::parse::<SolverParameter>(&text, "solver").unwrap().message;
    assert_eq!(cortado::Solver::new(&param).unwrap().param().r#type(), "Nesterov");
}

/// A label that a layer with weights made has no gradient: an error in phase TRAIN, and no matter in TEST, which runs forward only.
#[test]
fn a_label_that_is_learned() {
    let text = [
        INPUT.into(),
        ip("label", "x", ""),
        r#"layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "x" bottom: "label" top: "loss" }"#.into(),
    ];
    let make = |phase| builder(&text.concat()).phase(phase).make();
    assert!(make(Phase::Train).unwrap_err().to_string().contains("has no gradient for its bottom \"label\""));
    let mut net = make(Phase::Test).unwrap();
    assert!(net.forward_loss().unwrap().is_finite());
}
