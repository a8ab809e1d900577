//! `cortado time`: what a layer has to do, counted by hand, and its shares of the machine's peak. No time is judged.

use super::bench::{Bench, Ran};

const NET: &str = r#"
name: "Counted"
layer { name: "data" type: "DummyData" top: "data" top: "label"
        dummy_data_param { shape { dim: 50 dim: 4 dim: 16 dim: 16 } shape { dim: 50 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 8 kernel_size: 3 pad: 1 group: 2 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
        inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"#;

/// The cells behind a layer's name, type and two times; empty cells are left out.
fn cells<'a>(out: &'a str, layer: &str) -> Vec<&'a str> {
    let line = out.lines().find(|l| l.split_whitespace().next() == Some(layer));
    line.unwrap_or_else(|| panic!("no {layer}\n{out}")).split_whitespace().skip(4).collect()
}

#[test]
fn each_layer_has_its_work_and_its_shares() {
    let bench = Bench::new();
    bench.write("counted.prototxt", NET);
    let out = bench.good("time --model counted.prototxt --iterations 3 --threads 1 --gpu -1").out;
    let machine = out.lines().next().unwrap();
    assert!(machine.starts_with("This machine: ") && machine.ends_with(" GB/s, on 1 thread, measured"), "{machine}");
    for heading in ["forward min", "backward min", "GFLOP", "GFLOP/s", "MB", "% of peak", "% of memory"] {
        assert!(out.lines().any(|l| l.starts_with("layer ") && l.contains(heading)), "{heading}\n{out}");
    }
    let good = |share: &str| share.parse::<f64>().is_ok_and(|share| share.is_finite() && share > 0.0);

    // conv: y and dw, of 2 x 50 x 8 x 16 x 16 x (4 / 2 x 3 x 3); 51,200 + 2 (102,400 + 144 + 8) values: data has no diff.
    // ip: y, dw and dx, of 2 x 50 x 10 x 2048; 2 (102,400 + 500 + 20,480 + 10) values.
    for (layer, gflop, mb) in [("conv", "0.0074", "1.025"), ("ip", "0.0061", "0.987")] {
        let [flop, speed, bytes, peak, memory] = cells(&out, layer)[..] else { panic!("{layer}\n{out}") };
        assert_eq!((flop, bytes), (gflop, mb), "{layer}");
        assert!(good(speed) && good(peak) && good(memory), "{layer}\n{out}");
    }
    // Bottom and top, data and diff: 4 x 102,400 values.
    let [bytes, memory] = cells(&out, "relu")[..] else { panic!("{out}") };
    assert!(bytes == "1.638" && good(memory), "{out}");
    // The scores and the loss have diffs, the labels have none: 2 x 500 + 50 + 2 x 1 values.
    assert_eq!(cells(&out, "loss")[0], "0.004");
}

#[test]
fn no_peak_is_measured_on_a_gpu() {
    let bench = Bench::new();
    bench.write("counted.prototxt", NET);
    let mut command = bench.command("time --model counted.prototxt --iterations 1");
    let out = Ran::from(command.env("CORTADO_DEVICE", "emulated").output().unwrap());
    assert_eq!(out.code, 0, "{}", out.err);
    assert!(!out.out.contains("This machine") && !out.out.contains("% of"), "{}", out.out);
    assert_eq!(cells(&out.out, "relu"), ["1.638"]);
}

#[test]
fn forward_only_counts_and_times_no_backward() {
    let bench = Bench::new();
    bench.write("counted.prototxt", NET);
    let out = bench.good("time --model counted.prototxt --iterations 2 --threads 1 --gpu -1 --forward-only").out;
    assert!(out.contains("Forward pass") && !out.to_lowercase().contains("backward"), "{out}");
    // A table without a backward column has one cell fewer before the work.
    let work = |layer: &str| {
        let line = out.lines().find(|l| l.split_whitespace().next() == Some(layer)).unwrap();
        line.split_whitespace().skip(3).map(str::to_string).collect::<Vec<_>>()
    };
    // conv: y, of 2 x 50 x 8 x 16 x 16 x 18; 51,200 + 102,400 + 144 + 8 values. ip: 102,400 + 500 + 20,480 + 10 values.
    assert_eq!((&*work("conv")[0], &*work("conv")[2]), ("0.0037", "0.615"), "{out}");
    assert_eq!((&*work("ip")[0], &*work("ip")[2]), ("0.0020", "0.494"), "{out}");
    assert_eq!(work("relu")[0], "0.819", "{out}");

    let said = bench.bad("time --solver solver.prototxt --forward-only", 2);
    assert!(said.contains("--forward-only goes with --model FILE"), "{said}");
}

#[test]
fn a_net_for_deployment_is_timed_forward_without_a_warning() {
    let bench = Bench::new();
    let deploy = r#"
        layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 4 } }"#;
    bench.write("deploy.prototxt", deploy);
    let ran = bench.good("time --model deploy.prototxt --iterations 1 --threads 1 --gpu -1");
    let warnings: Vec<&str> = ran.err.lines().filter(|l| l.starts_with('W')).collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert!(ran.out.contains("Forward pass") && !ran.out.contains("Backward pass"), "{}", ran.out);
}

#[test]
fn weights_are_loaded_before_the_net_is_timed() {
    let bench = Bench::new();
    bench.good("train --solver solver.prototxt --gpu -1");
    for of in ["--model net.prototxt", "--solver solver.prototxt"] {
        let ran = bench.good(&format!("time {of} --weights run/small_iter_40.caffemodel --iterations 1 --gpu -1"));
        assert!(ran.err.contains("Finetuning from run/small_iter_40.caffemodel"), "{of}\n{}", ran.err);
        let missing = bench.bad(&format!("time {of} --weights none.caffemodel --gpu -1"), 1);
        assert!(missing.contains("none.caffemodel is not there"), "{of}\n{missing}");
    }
}
