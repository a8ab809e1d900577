//! Texts and weights that real Caffe wrote, and upgrades that it made.

use std::path::{Path, PathBuf};

use cortado::proto::{BlobProto, NetParameter, SolverParameter, binary, text};

fn golden(name: &str) -> String {
    let dir = std::env::var_os("CORTADO_GOLDEN").map_or(root().join("tests/golden"), PathBuf::from);
    std::fs::read_to_string(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What is printed is, byte for byte, what Caffe printed.
fn prints_as_it_was_read<M: text::Named>(text: &str) {
    let read = text::parse::<M>(text, "golden").unwrap();
    assert_eq!(text::print(&read.message), text);
}

#[test]
fn nets_are_printed_as_caffe_prints_them() {
    prints_as_it_was_read::<NetParameter>(&golden("extras/old_v0_upgraded.prototxt"));
    prints_as_it_was_read::<NetParameter>(&golden("extras/old_v1_upgraded.prototxt"));
    prints_as_it_was_read::<SolverParameter>(&golden("extras/old_solver_upgraded.prototxt"));
}

/// The log of a training run has the solver and the net, as Caffe printed them.
#[test]
fn the_log_of_a_run_is_printed_alike() {
    let log = golden("logs/lenet_train_500.log");
    let after = |line: &str| {
        let rest = &log[log.find(line).unwrap() + line.len()..];
        // Up to the next line of the logger, which begins with a date; blank lines are the logger's too.
        let lines = rest.lines().skip(1).take_while(|l| !l.starts_with("I2"));
        lines.filter(|l| !l.is_empty()).map(|l| format!("{l}\n")).collect::<String>()
    };
    prints_as_it_was_read::<SolverParameter>(&after("Initializing solver from parameters:"));
    prints_as_it_was_read::<NetParameter>(&after("Initializing net from parameters:"));
}

/// NetSpec's text is Python's: the same fields in the same order, more digits in the numbers.
#[test]
fn net_spec_text_is_printed_alike_but_for_digits() {
    let text = golden("extras/netspec_lenet.prototxt");
    let printed = text::print(&text::parse::<NetParameter>(&text, "netspec").unwrap().message);
    assert_eq!(printed.lines().count(), text.lines().count());
    for (ours, theirs) in printed.lines().zip(text.lines()) {
        let number = |line: &str| line.split_once(": ").and_then(|(_, v)| v.parse::<f32>().ok());
        let name = |line: &str| line.split_once(": ").map(|(name, _)| name.to_owned());
        match number(theirs) {
            Some(v) => assert_eq!((name(ours), number(ours)), (name(theirs), Some(v))),
            None => assert_eq!(ours, theirs),
        }
    }
}

#[test]
fn old_files_are_upgraded_as_caffe_does() {
    for (old, new) in [("old_v0", "old_v0_upgraded"), ("old_v1", "old_v1_upgraded")] {
        let mut net = text::parse::<NetParameter>(&golden(&format!("extras/{old}.prototxt")), old).unwrap();
        let notes = net.upgrade().unwrap();
        assert_eq!(text::print(&net.message), golden(&format!("extras/{new}.prototxt")));
        assert!(!notes.is_empty());
        assert!(net.upgrade().unwrap().is_empty(), "a second upgrade has nothing to do");
    }
    let mut solver = text::parse::<SolverParameter>(&golden("extras/old_solver.prototxt"), "old").unwrap();
    assert_eq!(solver.upgrade().unwrap(), ["the old field `solver_type` became `type: \"AdaGrad\"`"]);
    assert_eq!(text::print(&solver.message), golden("extras/old_solver_upgraded.prototxt"));
}

/// After an upgrade, layer `i` is still found in the text: behind an Input layer that was put in front, and where a
/// padding layer was taken out.
#[test]
fn the_source_map_follows_an_upgrade() {
    let mut v1 = text::parse::<NetParameter>(&golden("extras/old_v1.prototxt"), "v1").unwrap();
    v1.upgrade().unwrap();
    assert_eq!(v1.source.place("layer[0]").unwrap().line, 2);
    let kernel = v1.source.place("layer[1].convolution_param.kernel_size").unwrap();
    assert_eq!((kernel.line, kernel.text.contains("kernel_size: 3")), (5, true));
    assert_eq!(v1.source.nearest("layer[1].param[0].lr_mult").unwrap().line, 4);

    let mut v0 = text::parse::<NetParameter>(&golden("extras/old_v0.prototxt"), "v0").unwrap();
    v0.upgrade().unwrap();
    for (i, layer) in v0.message.layer.iter().enumerate() {
        let line = v0.source.nearest(&format!("layer[{i}].type")).unwrap().text;
        assert!(line.contains(&format!("name: \"{}\"", layer.name())), "{i}: {line}");
    }
}

#[test]
fn weights_go_through_unchanged() {
    let dir = std::env::var_os("CORTADO_GOLDEN").map_or(root().join("tests/golden"), PathBuf::from);
    let bytes = std::fs::read(dir.join("extras/mini_fcn.caffemodel")).unwrap();
    let net: NetParameter = binary::decode(&bytes).unwrap();
    assert!(net.layer.iter().any(|l| !l.blobs.is_empty()));
    assert_eq!(binary::encode(&net), bytes);
    for cut in [1, 2, 11, 1000, bytes.len() - 1] {
        assert!(binary::decode::<NetParameter>(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let old: BlobProto = binary::decode(&std::fs::read(dir.join("extras/mean_legacy4d.binaryproto")).unwrap()).unwrap();
    assert_eq!((old.num(), old.shape.is_none()), (1, true));
}

#[test]
fn every_golden_prototxt_parses_and_comes_back() {
    let dir = std::env::var_os("CORTADO_GOLDEN").map_or(root().join("tests/golden"), PathBuf::from);
    let mut count = 0;
    for room in ["layers", "nets", "solvers", "extras", "logs"] {
        for entry in std::fs::read_dir(dir.join(room)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|e| e != "prototxt") {
                continue;
            }
            count += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            if text.contains("base_lr") {
                comes_back::<SolverParameter>(&text, &path);
            } else {
                comes_back::<NetParameter>(&text, &path);
            }
        }
    }
    assert!(count > 250, "{count}");
}

fn comes_back<M: text::Named + PartialEq + std::fmt::Debug>(text: &str, path: &Path) {
    let once = text::read::<M>(path).unwrap();
    let printed = text::print(&once.message);
    let twice = text::parse::<M>(&printed, "printed").unwrap();
    assert_eq!(once.message, twice.message, "{text}");
}

/// Our own LeNet has the layers of Caffe's, and every file of `proto/` parses.
#[test]
fn the_files_in_proto_are_the_nets_they_claim_to_be() {
    let structure: serde_json::Value = serde_json::from_str(&golden("nets/structure.json")).unwrap();
    for (file, theirs) in [
        ("lenet_train_test.prototxt", "examples/mnist/lenet_train_test.prototxt:TRAIN"),
        ("lenet_train_test.prototxt", "examples/mnist/lenet_train_test.prototxt:TEST"),
        ("lenet.prototxt", "examples/mnist/lenet.prototxt:TEST"),
    ] {
        let net = text::read::<NetParameter>(root().join("proto").join(file)).unwrap().message;
        let phase = if theirs.ends_with("TRAIN") { 0 } else { 1 };
        let layers = net.layer.iter().filter(|l| l.include.iter().all(|rule| rule.phase == Some(phase)));
        let names = &structure[theirs]["layer_names"];
        let types = &structure[theirs]["layer_types"];
        let wanted = names.as_array().unwrap().iter().zip(types.as_array().unwrap());
        let wanted = wanted.filter(|(_, ty)| *ty != "Split").map(|(n, t)| (n.as_str().unwrap(), t.as_str().unwrap()));
        assert!(layers.clone().map(|l| (l.name(), l.r#type())).eq(wanted), "{theirs}");
        for layer in layers {
            let tops = structure[theirs]["top_names"][layer.name()].as_array().unwrap();
            assert!(layer.top.iter().eq(tops.iter().map(|t| t.as_str().unwrap())), "{}", layer.name());
        }
    }
    let solver = text::read::<SolverParameter>(root().join("proto/lenet_solver.prototxt")).unwrap().message;
    assert!(root().join(solver.net()).exists());
}
