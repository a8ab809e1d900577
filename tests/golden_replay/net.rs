//! A whole net: weights from a `.caffemodel`, inputs, every blob after forward, every diff after backward.

use super::{Case, Golden, Replay, known, structure};
use cortado::Net;
use cortado::net::Builder;
use cortado::proto::{NetParameter, text};
use serde_json::Value;

pub fn replay(case: &Case) -> Replay {
    let prototxt = case.file(".prototxt")?;
    known(&text::read::<NetParameter>(&prototxt)?.message)?;
    let mut golden = case.values()?;
    let mut net = case.builder(Builder::read(&prototxt)?).make()?;
    match case.file(".caffemodel") {
        Ok(weights) => load(&mut net, &mut golden, weights)?,
        Err(_) => golden.set_params("param", &mut net)?,
    }
    if golden.has("image_u8") {
        expect_digits(&mut golden);
    }
    for blob in net.inputs().into_iter().map(String::from).collect::<Vec<_>>() {
        // Nobody overwrites the inputs of these nets, so their data after forward is what was put in.
        let room = if golden.has(&format!("in/{blob}")) { "in" } else { "data" };
        let x = golden.array(&format!("{room}/{blob}"));
        net.data_mut(&blob)?.assign(&x)?;
    }
    net.forward()?;
    for blob in golden.under("data/") {
        golden.expect(&format!("data/{blob}"), net.data(&blob)?);
    }
    golden.expect_params("param_after", &net)?;

    if !golden.under("paramdiff/").is_empty() {
        net.clear_param_diffs();
        net.backward()?;
        for blob in golden.under("diff/") {
            golden.expect(&format!("diff/{blob}"), net.diff(&blob)?);
        }
        golden.expect_param_diffs("paramdiff", &net)?;
    }
    if let Ok(json) = case.file(".json") {
        let theirs: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
        for difference in structure::differences(&net, &theirs)? {
            golden.differs(difference);
        }
    }
    golden.finish()
}

/// Weights from the file, which holds the recorded ones.
pub fn load(net: &mut Net, golden: &mut Golden, weights: impl AsRef<std::path::Path>) -> Replay {
    let report = net.copy_trained_layers_from(weights)?;
    for name in report.left_new.iter().chain(&report.unused) {
        golden.differs(format!("the weights of layer \"{name}\" were not copied"));
    }
    // Caffe wrote it after the forward pass: statistics are those of after it.
    for (key, layer, i) in golden.params("param") {
        let after = format!("param_after/{layer}/{i}");
        golden.expect(if golden.has(&after) { &after } else { &key }, &net.param(&layer, i)?.data);
    }
    golden.set_params("param", net)
}

/// The digits that went in are bytes, scaled.
fn expect_digits(golden: &mut Golden) {
    let (images, labels) = (golden.array("image_u8") * 0.00390625, golden.array("label_u8"));
    for (key, x) in [("data/data", images), ("data/label", labels)] {
        let mut values = cortado::blob::Values::new(x.shape()).unwrap();
        values.assign(&x).unwrap();
        golden.expect(key, &values);
    }
}
