//! One layer, or a few: inputs and parameters in, forward (once or more often), top diffs in, backward.

use super::{Case, Golden, Replay, known};
use cortado::net::Builder;
use cortado::proto::{BlobProto, BlobShape, NetParameter, binary, text};
use std::path::Path;

/// Where Caffe is wrong: the diffs of exposed states. It hands on these tops' data alone, so that whatever their diffs were,
/// it computed the others as if they were zero. Here they count; so they stay zero, and then all others must agree. What
/// h0 and c0 get, which is nothing in Caffe, is for the gradient checks of `tests/layers`.
const DIFFS_IGNORED_BY_CAFFE: &[(&str, &[&str])] = &[("lstm_expose", &["hT", "cT"]), ("rnn_expose", &["hT"])];

pub fn replay(case: &Case) -> Replay {
    let prototxt = case.file(".prototxt")?;
    known(&text::read::<NetParameter>(&prototxt)?.message)?;
    let mut golden = case.values()?;
    let folder = tempfile::tempdir().unwrap();
    write_matrix(case, folder.path());
    let mut net = case.builder(Builder::read(&prototxt)?).folder(folder.path()).make()?;
    golden.set_params("param", &mut net)?;

    for pass in 1..=case.entry["forwards"].as_u64().unwrap_or(1) {
        let room = |what: &str| if pass == 1 { format!("{what}/") } else { format!("{what}{pass}/") };
        // Later passes without inputs of their own have the first one's, which a layer in place may have overwritten.
        let inputs = if golden.under(&room("in")).is_empty() { "in/".into() } else { room("in") };
        for blob in golden.under(&inputs) {
            let x = golden.array(&format!("{inputs}{blob}"));
            // A Parameter layer's top is listed as an input too; its values are among the parameters.
            if net.inputs().contains(&blob.as_str()) {
                net.data_mut(&blob)?.assign(&x)?;
            }
        }
        net.forward()?;
        for blob in golden.under(&room("out")) {
            let key = format!("{}{blob}", room("out"));
            golden.expect(&key, net.data(&blob)?);
        }
    }
    golden.expect_params("param_after", &net)?;

    let ignored = DIFFS_IGNORED_BY_CAFFE.iter().find(|(name, _)| *name == case.name());
    if case.entry["backward"] == true || ignored.is_some() {
        net.clear_param_diffs();
        for blob in golden.under("outdiff/") {
            let mut dy = golden.array(&format!("outdiff/{blob}"));
            if ignored.is_some_and(|(_, blobs)| blobs.contains(&blob.as_str())) {
                dy.fill(0.0);
            }
            net.diff_mut(&blob)?.assign(&dy)?;
        }
        net.backward()?;
        for room in ["indiff/", "diff/"] {
            for blob in golden.under(room) {
                golden.expect(&format!("{room}{blob}"), net.diff(&blob)?);
            }
        }
        golden.expect_param_diffs("paramdiff", &net)?;
    }
    let outputs: Vec<&str> =
        case.entry["outputs"].as_array().into_iter().flatten().filter_map(|o| o.as_str()).collect();
    if net.outputs() != outputs {
        golden.differs(format!("the outputs are {:?}, want {outputs:?}", net.outputs()));
    }
    golden.finish()
}

/// The file that `infogain_file` names is not among the golden files; its values are, as the third bottom of
/// `infogain_bottom`, which has the same inputs.
fn write_matrix(case: &Case, folder: &Path) {
    if case.name() == "infogain_file" {
        let h = Golden::read(case.dir.join("layers/infogain_bottom.safetensors"), 0.0, 0.0).array("in/H");
        let shape = Some(BlobShape { dim: h.shape().iter().map(|&d| d as i64).collect() });
        let blob = BlobProto { shape, data: h.iter().copied().collect(), ..Default::default() };
        std::fs::write(folder.join("infogain_H.binaryproto"), binary::encode(&blob)).unwrap();
    }
}
