//! `cortado upgrade`, against what real Caffe's upgrade tools wrote.

use crate::bench::Bench;
use cortado::proto::{NetParameter, binary, text};

fn golden(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/extras").join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn old_nets_and_solvers_become_what_caffe_writes() {
    let bench = Bench::new();
    for (what, name) in [("net", "old_v0"), ("net", "old_v1"), ("solver", "old_solver")] {
        bench.write("old.prototxt", golden(&format!("{name}.prototxt")));
        let out = bench.good(&format!("upgrade {what} old.prototxt new.prototxt")).out;
        assert!(out.ends_with("old.prototxt is in today's format now: written to new.prototxt\n"), "{out}");
        let upgraded = golden(&format!("{name}_upgraded.prototxt"));
        assert_eq!(String::from_utf8(bench.read("new.prototxt")).unwrap(), upgraded, "{name}");
        // What is new stays as it is, in place too.
        let out = bench.good(&format!("upgrade {what} new.prototxt new.prototxt")).out;
        assert_eq!(out, "new.prototxt was in today's format already: written to new.prototxt\n");
        assert_eq!(String::from_utf8(bench.read("new.prototxt")).unwrap(), upgraded, "{name}");
    }
}

#[test]
fn a_binary_net_stays_binary() {
    let bench = Bench::new();
    let mut old = text::parse::<NetParameter>(&golden("old_v1.prototxt"), "old").unwrap().message;
    let weights = cortado::proto::BlobProto {
        num: Some(1),
        channels: Some(1),
        height: Some(1),
        width: Some(2),
        data: vec![0.5, -3.0],
        ..Default::default()
    };
    let count = old.layers.len();
    old.layers[count - 1].blobs.push(weights.clone());
    bench.write("old.caffemodel", binary::encode(&old));
    bench.good("upgrade net old.caffemodel new.caffemodel");
    let new = binary::decode::<NetParameter>(&bench.read("new.caffemodel")).unwrap();
    let with_weights = new.layer.iter().filter(|l| !l.blobs.is_empty()).collect::<Vec<_>>();
    assert_eq!(with_weights.len(), 1);
    assert_eq!(with_weights[0].blobs, [weights]);
    let mut without = new.clone();
    without.layer.iter_mut().for_each(|l| l.blobs.clear());
    assert_eq!(text::print(&without), golden("old_v1_upgraded.prototxt"));
}

#[test]
fn what_cannot_be_upgraded_leaves_no_file() {
    let bench = Bench::new();
    for (line, says) in
        [("upgrade net old.prototxt", "the file to write"), ("upgrade nets net.prototxt new.prototxt", "not \"nets\"")]
    {
        let error = bench.bad(line, 2);
        assert!(error.contains(says) && error.contains("usage: cortado upgrade"), "{error}");
    }
    bench.write(
        "cut.caffemodel",
        &binary::encode(&NetParameter { name: Some("n".repeat(300)), ..Default::default() })[..200],
    );
    bench.write("both.prototxt", "type: \"SGD\" solver_type: ADAM");
    bench.write("utf16.prototxt", b"\xff\xfen\0a\0m\0e\0");
    for (line, says) in [
        ("upgrade net none.prototxt new.prototxt", "none.prototxt is not there"),
        ("upgrade net cut.caffemodel new.prototxt", "cut.caffemodel: "),
        ("upgrade solver both.prototxt new.prototxt", "both.prototxt:1:13: "),
        ("upgrade net utf16.prototxt new.prototxt", "UTF-8"),
        ("upgrade solver net.prototxt new.prototxt", "net.prototxt:2:1: "),
    ] {
        let error = bench.bad(line, 1);
        assert!(error.contains(says), "{line}: {error}");
        assert!(!bench.path("new.prototxt").exists(), "{line}");
    }
}

/// A text becomes binary where the name says so; an empty file is no net.
#[test]
fn a_text_becomes_a_caffemodel_by_its_name() {
    let bench = Bench::new();
    bench.write("n.prototxt", "layers { name: 'r' type: RELU bottom: 'x' top: 'y' }");
    bench.good("upgrade net n.prototxt n.caffemodel");
    let net: cortado::proto::NetParameter = cortado::proto::binary::decode(&bench.read("n.caffemodel")).unwrap();
    assert_eq!(net.layer[0].r#type(), "ReLU");
    bench.write("empty.prototxt", "");
    assert!(bench.bad("upgrade net empty.prototxt new.prototxt", 1).contains("empty.prototxt is empty: no net"));
    assert!(!bench.path("new.prototxt").exists());
}
