//! Parts of a net: pycaffe's `net.forward(start=, end=)` and `net.backward(start=, end=)`, one call after another.

use super::{Case, Golden, Replay, check, net};
use cortado::Net;
use cortado::net::Builder;
use ndarray::{ArrayD, Axis, Slice, concatenate};
use serde_json::Value;

pub fn replay(case: &Case) -> Replay {
    let mut golden = case.values()?;
    let mut net = case.builder(Builder::read(case.file(".prototxt")?)?).make()?;
    net::load(&mut net, &mut golden, case.file(".caffemodel")?)?;
    let steps: Value = serde_json::from_str(&std::fs::read_to_string(case.file(".json")?).unwrap()).unwrap();
    check(steps.as_array().unwrap().len() == 10, || "the steps are not those of this replay".into())?;
    let x = golden.array("data");

    net.forward_with([("data", &x)])?;
    expect_data(&mut golden, 0, &net)?;

    net.forward_range(..="pool2")?;
    expect_data(&mut golden, 1, &net)?;

    let pool1 = golden.array("s2_in/pool1");
    net.data_mut("pool1")?.assign(&pool1)?;
    net.forward_range("conv2"..="ip1")?;
    expect_data(&mut golden, 2, &net)?;

    net.forward_range("relu1"..)?;
    expect_data(&mut golden, 3, &net)?;

    let g = golden.array("s4_in/ip2_diff");
    net.forward_with([("data", &x)])?;
    for step in [4, 5] {
        net.diff_mut("ip2")?.assign(&g)?;
        net.backward_range("ip2"..)?;
        expect_diffs(&mut golden, step, &net)?;
        golden.expect_param_diffs(&format!("s{step}_paramdiff"), &net)?;
    }

    net.backward_range("ip2"..="conv2")?;
    expect_diffs(&mut golden, 6, &net)?;

    let dprob = golden.array("s7_in/prob_diff");
    net.diff_mut("prob")?.assign(&dprob)?;
    net.backward()?;
    expect_diffs(&mut golden, 7, &net)?;

    // Six images by a net of four: the second batch is padded, and its answers cut.
    let six = golden.array("s8_in/data");
    let padded = concatenate![Axis(0), six, ArrayD::zeros(six.slice_axis(Axis(0), Slice::from(..2)).raw_dim())];
    let mut prob = Vec::new();
    for batch in [0..4, 4..8] {
        let x = padded.slice_axis(Axis(0), Slice::from(batch)).to_owned();
        prob.push(net.forward_with([("data", &x)])?["prob"].clone());
    }
    let prob = concatenate![Axis(0), prob[0], prob[1]];
    let mut cut = cortado::blob::Values::new(&[6, 10])?;
    cut.assign(&prob.slice_axis(Axis(0), Slice::from(..6)))?;
    golden.expect("s8/prob", &cut);

    net.reshape_blob("data", &[2, 1, 28, 28])?;
    net.reshape()?;
    for (blob, shape) in steps[9]["shapes"].as_object().unwrap() {
        let got = serde_json::json!(net.data(blob)?.shape());
        check(got == *shape, || format!("after the reshape {blob} has shape {got}, want {shape}"))?;
    }
    net.forward_with([("data", &x.slice_axis(Axis(0), Slice::from(..2)).to_owned())])?;
    expect_data(&mut golden, 9, &net)?;
    golden.finish()
}

/// Compares the blobs that step `step` returned.
fn expect_data(golden: &mut Golden, step: usize, net: &Net) -> Replay {
    for blob in golden.under(&format!("s{step}/")) {
        golden.expect(&format!("s{step}/{blob}"), net.data(&blob)?);
    }
    Ok(())
}

/// Compares the diffs that step `step` returned.
fn expect_diffs(golden: &mut Golden, step: usize, net: &Net) -> Replay {
    for blob in golden.under(&format!("s{step}/")) {
        golden.expect(&format!("s{step}/{blob}"), net.diff(&blob)?);
    }
    Ok(())
}
