//! Weights that do not belong to the net: what is said, and what is refused.

use crate::bench::Bench;

fn net(layers: &[(&str, usize)]) -> String {
    let mut text = String::from(
        "layer { name: \"d\" type: \"DummyData\" top: \"x\" dummy_data_param { shape { dim: 1 dim: 3 } } }\n",
    );
    let mut bottom = "x".to_string();
    for (name, n) in layers {
        text += &format!(
            "layer {{ name: \"{name}\" type: \"InnerProduct\" bottom: \"{bottom}\" top: \"{name}\" inner_product_param {{ num_output: {n} }} }}\n"
        );
        bottom = name.to_string();
    }
    text
}

/// Weights of the net with these layers, in w.caffemodel.
fn save(bench: &Bench, layers: &[(&str, usize)]) {
    let net = cortado::Net::from_prototxt(&net(layers), cortado::Phase::Test).unwrap();
    net.save(bench.path("w.caffemodel")).unwrap();
}

#[test]
fn nothing_that_fits_is_an_error_with_the_layers_of_both_sides() {
    let bench = Bench::new();
    save(&bench, &[("ip1", 2), ("ip2", 2)]);
    bench.write("n.prototxt", net(&[("f", 2), ("g", 2)]));
    for command in ["test", "forward"] {
        let error = bench.bad(&format!("{command} --model n.prototxt --weights w.caffemodel"), 1);
        assert!(error.contains("cortado: w.caffemodel has weights for no layer of the net\n"), "{error}");
        assert!(error.contains("the file's layers are ip1, ip2") && error.contains("with weights are f, g"), "{error}");
    }
    bench.write(
        "s.prototxt",
        "net: \"n.prototxt\" base_lr: 0.1 lr_policy: \"fixed\" max_iter: 1 snapshot_after_train: false",
    );
    assert!(bench.bad("train --solver s.prototxt --weights w.caffemodel", 1).contains("for no layer of the net"));
}

#[test]
fn what_is_left_over_is_a_warning_and_refused_by_strict() {
    let bench = Bench::new();
    save(&bench, &[("ip1", 2), ("old", 2)]);
    bench.write("n.prototxt", net(&[("ip1", 2), ("new", 2)]));
    let said = bench.good("test --model n.prototxt --weights w.caffemodel --iterations 1").err;
    let warnings: Vec<&str> =
        said.lines().filter(|l| l.starts_with('W')).filter_map(|l| l.split_once("] ")).map(|l| l.1).collect();
    let wanted = [
        "w.caffemodel has weights for layers that the net does not have: old",
        "w.caffemodel has no weights for layers of the net, which stay as their fillers made them: new",
    ];
    assert_eq!(warnings, wanted);
    let error = bench.bad("test --model n.prototxt --weights w.caffemodel --strict", 1);
    assert!(error.contains(wanted[0]) && error.contains("--strict"), "{error}");
    bench.write("n.prototxt", net(&[("ip1", 2), ("old", 2)]));
    bench.good("test --model n.prototxt --weights w.caffemodel --strict --iterations 1");
    // A layer that one of two files has is not left over.
    save(&bench, &[("ip1", 2)]);
    bench.good("test --model n.prototxt --weights w.caffemodel --iterations 1");
}

#[test]
fn a_layer_of_another_shape_may_be_skipped() {
    let bench = Bench::new();
    save(&bench, &[("ip1", 2), ("ip2", 5)]);
    bench.write("n.prototxt", net(&[("ip1", 2), ("ip2", 4)]));
    let error = bench.bad("forward --model n.prototxt --weights w.caffemodel", 1);
    assert!(error.contains("[5, 2]") && error.contains("[4, 2]") && error.contains("--skip-mismatched"), "{error}");
    let said = bench.good("forward --model n.prototxt --weights w.caffemodel --skip-mismatched").err;
    assert!(said.contains("[5, 2]") && said.contains("it stays as it is"), "{said}");
}

#[test]
fn answers_of_an_untrained_net_are_said_to_be_such() {
    let bench = Bench::new();
    bench.write("n.prototxt", net(&[("ip1", 2)]));
    assert!(bench.good("forward --model n.prototxt").err.contains("no --weights are given"));
    save(&bench, &[("ip1", 2)]);
    assert_eq!(bench.good("forward --model n.prototxt --weights w.caffemodel").err, "");
}
