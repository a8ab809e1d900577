//! The contracts on which everything stands: each is what the rest of the house takes for granted.

use cortado::layer::*;
use cortado::proto::{LayerParameter, NetParameter, SolverParameter, text};
use cortado::solver::Builder;
use cortado::{Blob, Device, Error, Kind, Layers, Net, Phase, Result, Solver, net};
use ndarray::array;

/// y = w x with one learnable number w, 2 at first; the input 13 is an error.
struct Times;

impl Layer for Times {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Times)
    }
    fn setup(&mut self, _: &Cx, _: &[Blob]) -> Result<Vec<Param>> {
        let mut w = Blob::new(&[1])?;
        w.data.fill(2.0);
        Ok(vec![Param::new(w)])
    }
    fn forward(&mut self, _: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (w, x, y) = (params[0].data.scalar(), bottom[0].data.slice(), top[0].data.slice_mut());
        if x.contains(&13.0) {
            return Err(Error::value("13 is refused"));
        }
        y.iter_mut().zip(x).for_each(|(y, x)| *y = w * x);
        Ok(())
    }
    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (w, x, dy) = (params[0].data.scalar(), bottom[0].data.slice(), top[0].diff.slice());
        params[0].diff.slice_mut()[0] += x.iter().zip(dy).map(|(x, dy)| x * dy).sum::<f32>();
        if cx.propagate_down[0] {
            bottom[0].diff.slice_mut().iter_mut().zip(dy).for_each(|(dx, dy)| *dx = w * dy);
        }
        Ok(())
    }
}

/// Two bottoms a, b; two tops s = a + b, d = a - b.
struct SumAndDifference;

impl Layer for SumAndDifference {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(SumAndDifference)
    }
    fn arity(&self) -> Arity {
        Arity::exact(2, 2)
    }
    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top.iter_mut().try_for_each(|t| t.reshape_like(&bottom[0]))
    }
    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (a, b) = (bottom[0].data.slice(), bottom[1].data.slice());
        let [s, d] = top else { unreachable!() };
        for (i, (s, d)) in s.data.slice_mut().iter_mut().zip(d.data.slice_mut()).enumerate() {
            (*s, *d) = (a[i] + b[i], a[i] - b[i]);
        }
        Ok(())
    }
    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (ds, dd) = (top[0].diff.slice(), top[1].diff.slice());
        for (k, sign) in [(0, 1.0), (1, -1.0)] {
            if cx.propagate_down[k] {
                for (dx, (ds, dd)) in bottom[k].diff.slice_mut().iter_mut().zip(ds.iter().zip(dd)) {
                    *dx = ds + sign * dd;
                }
            }
        }
        Ok(())
    }
}

fn layers() -> Layers {
    let mut layers = Layers::caffe();
    layers.add::<Times>("Times");
    layers.add::<SumAndDifference>("SumAndDifference");
    layers
}

fn build(text: &str) -> Net {
    net::Builder::parse(text, "test").unwrap().phase(Phase::Train).layers(&layers()).make().unwrap()
}

const INPUT: &str = r#"layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 4 } } }"#;

#[test]
fn two_layers_share_one_parameter() {
    let mut net = build(&format!(
        r#"{INPUT}
        layer {{ name: "one" type: "Times" bottom: "x" top: "a" param {{ name: "w" }} }}
        layer {{ name: "two" type: "Times" bottom: "a" top: "b" param {{ name: "w" }} }}
        layer {{ name: "sum" type: "Reduction" bottom: "b" top: "sum" loss_weight: 1 }}"#
    ));
    assert_eq!(net.store().len(), 1);
    net.data_mut("x").unwrap().assign(&array![1.0, 2.0, 3.0, 4.0]).unwrap();
    net.param_mut("one", 0).unwrap().data.fill(3.0);
    assert_eq!(net.param("two", 0).unwrap().data.scalar(), 3.0);
    net.forward().unwrap();
    assert_eq!(net.data("b").unwrap().slice(), [9.0, 18.0, 27.0, 36.0]);
    // d(w² Σx)/dw = 2 w Σx, and a second backward adds it once more.
    net.backward().unwrap();
    assert_eq!(net.param("one", 0).unwrap().diff.scalar(), 60.0);
    net.backward().unwrap();
    assert_eq!(net.param("two", 0).unwrap().diff.scalar(), 120.0);
    net.clear_param_diffs();
    assert_eq!(net.param("two", 0).unwrap().diff.scalar(), 0.0);
}

/// As if the versions of a blob were one buffer, which is what they are in Caffe.
#[test]
fn a_name_means_the_version_written_last() {
    let mut net = build(&format!(
        r#"force_backward: true {INPUT}
        layer {{ name: "times" type: "Times" bottom: "x" top: "y" }}
        layer {{ name: "relu" type: "ReLU" bottom: "y" top: "y" }}
        layer {{ name: "after" type: "Times" bottom: "y" top: "z" }}"#
    ));
    net.data_mut("x").unwrap().assign(&array![1.0, -2.0, 3.0, -4.0]).unwrap();
    net.forward_range(..="times").unwrap();
    assert_eq!(net.data("y").unwrap().slice(), [2.0, -4.0, 6.0, -8.0]); // before the ReLU
    net.forward_range("relu"..).unwrap();
    assert_eq!(net.data("y").unwrap().slice(), [2.0, 0.0, 6.0, 0.0]); // after it
    assert_eq!(net.blob_version("y", 0).unwrap().data.slice(), [2.0, -4.0, 6.0, -8.0]); // and both are kept
    assert_eq!(net.blob_names(), ["x", "y", "z"]); // one entry a name

    net.diff_mut("z").unwrap().fill(1.0);
    net.backward_range("after"..="after").unwrap();
    assert_eq!(net.diff("y").unwrap().slice(), [2.0; 4]); // with respect to the ReLU's output
    net.backward_range("relu"..).unwrap();
    assert_eq!(net.diff("y").unwrap().slice(), [2.0, 0.0, 2.0, 0.0]); // with respect to its input
    assert_eq!(net.diff("x").unwrap().slice(), [4.0, 0.0, 4.0, 0.0]);

    // A value set by hand is what the next layer reads, wherever it starts.
    net.data_mut("y").unwrap().fill(-1.0);
    net.forward_range("relu"..).unwrap();
    assert_eq!(net.data("z").unwrap().slice(), [0.0; 4]);
    net.diff_mut("y").unwrap().fill(5.0);
    net.backward_range("relu"..="relu").unwrap();
    assert_eq!(net.diff("y").unwrap().slice(), [0.0; 4]); // all inputs were below 0
}

#[test]
fn the_store_is_lent_to_a_test_net() {
    let text = format!(r#"{INPUT} layer {{ name: "t" type: "Times" bottom: "x" top: "y" }}"#);
    let (mut train, mut test) = (build(&text), build(&text));
    train.param_mut("t", 0).unwrap().data.fill(7.0);
    test.data_mut("x").unwrap().fill(1.0);
    let address = train.param("t", 0).unwrap().data.slice().as_ptr();
    let y = train
        .lend_params(&mut test, |test| {
            assert_eq!(test.param("t", 0)?.data.slice().as_ptr(), address); // the values did not move
            test.forward()
        })
        .unwrap();
    assert_eq!(y["y"].as_slice().unwrap(), [7.0; 4]);
    assert_eq!(train.param("t", 0).unwrap().data.scalar(), 7.0);
    assert_eq!(test.param("t", 0).unwrap().data.scalar(), 2.0);
    // Back on the error path, too.
    let failed: Result = train.lend_params(&mut test, |_| Err(Error::value("no")));
    assert!(failed.is_err());
    assert_eq!(train.param("t", 0).unwrap().data.scalar(), 7.0);
}

/// Two layers of one name are told apart by their place among those of that name: `t` and `t[1]`.
#[test]
fn layers_of_one_name_are_told_apart() {
    let times =
        |bottom: &str, top: &str| format!(r#"layer {{ name: "t" type: "Times" bottom: "{bottom}" top: "{top}" }}"#);
    let two = format!("{INPUT} {} {}", times("x", "a"), times("a", "b"));
    let (mut train, mut test) = (build(&two), build(&two));
    assert_eq!(train.layer_names(), ["in", "t", "t[1]"]);
    assert_eq!(train.bottom_names("t[1]").unwrap(), ["a"]);
    train.param_mut("t", 0).unwrap().data.fill(3.0);
    train.param_mut("t[1]", 0).unwrap().data.fill(5.0);
    test.data_mut("x").unwrap().fill(1.0);
    let y = train.lend_params(&mut test, |test| test.forward()).unwrap();
    assert_eq!(y["b"].as_slice().unwrap(), [15.0; 4]);
    // What is called after each layer asks for the layer that ran.
    let mut tops = Vec::new();
    test.forward_each(|net, layer| {
        tops.extend(net.top_names(layer)?.into_iter().map(String::from));
        Ok(())
    })
    .unwrap();
    assert_eq!(tops, ["x", "a", "b"]);
    // In files they have the prototxt's names, and the same order.
    let file = train.to_proto(false).unwrap();
    assert_eq!(file.layer.iter().map(|l| l.name()).collect::<Vec<_>>(), ["in", "t", "t"]);
    let report = test.copy_trained_layers(&file, false).unwrap();
    assert_eq!((&report.copied[..], &report.left_new[..]), (&["t".to_string(), "t[1]".into()][..], &[][..]));
    assert_eq!([0, 1].map(|i| test.store().get(i).unwrap().0.data.scalar()), [3.0, 5.0]);
    // Of how many that is only in one of them, nobody can say which it is.
    let mut one = build(&format!("{INPUT} {}", times("x", "a")));
    for (a, b) in [(&mut train, &mut one), (&mut build(&format!("{INPUT} {}", times("x", "a"))), &mut test)] {
        let e = a.lend_params(b, |_| Ok(())).unwrap_err();
        assert!(e.message().contains("2") && e.layer_name() == Some("t") && !e.hints().is_empty(), "{e}");
    }
    assert!(!one.copy_trained_layers(&file, false).unwrap().mismatched.is_empty());
    assert_eq!(one.param("t", 0).unwrap().data.scalar(), 2.0);
    // A name that is taken is not given twice.
    let named = build(&format!("{two} {}", times("b", "c").replace("\"t\"", "\"t[1]\"")));
    assert_eq!(named.layer_names(), ["in", "t", "t[2]", "t[1]"]);
    assert_eq!(named.bottom_names("t[1]").unwrap(), ["b"]);
}

#[test]
fn a_solvers_test_net_is_never_stale() {
    let text = format!(
        r#"net_param {{ {INPUT}
             layer {{ name: "t" type: "Times" bottom: "x" top: "y" }}
             layer {{ name: "sum" type: "Reduction" bottom: "y" top: "sum" loss_weight: 1 }} }}
           base_lr: 0.1 lr_policy: "fixed" max_iter: 10 test_iter: 1 test_interval: 100 test_initialization: false"#
    );
    let param = text::parse::<SolverParameter>(&text, "test").unwrap().message;
    let mut solver: Solver = Builder::new(param).layers(&layers()).make().unwrap();
    solver.net().data_mut("x").unwrap().fill(1.0);
    solver.step(1).unwrap();
    assert_eq!(solver.net().param("t", 0).unwrap().data.scalar(), 2.0 - 0.1 * 4.0);
    assert_eq!(solver.test_net(0).unwrap().param("t", 0).unwrap().data.scalar(), 2.0 - 0.1 * 4.0);
    solver.test_net(0).unwrap().param_mut("t", 0).unwrap().data.fill(1.0);
    assert_eq!(solver.net().param("t", 0).unwrap().data.scalar(), 1.0);
    solver.step(1).unwrap();
    assert_eq!(solver.net().param("t", 0).unwrap().data.scalar(), 1.0 - 0.1 * 4.0);
}

#[test]
fn batch_norm_writes_its_statistics_and_no_solver_does() {
    let text = r#"net_param {
             layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 1 } } }
             layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" batch_norm_param { moving_average_fraction: 0.5 } }
             layer { name: "scale" type: "Scale" bottom: "y" top: "z" }
             layer { name: "sum" type: "Reduction" bottom: "z" top: "sum" reduction_param { operation: SUMSQ } loss_weight: 1 } }
           base_lr: 0.1 lr_policy: "fixed" weight_decay: 0.5 test_iter: 1 test_interval: 100 test_initialization: false"#;
    let param = text::parse::<SolverParameter>(text, "test").unwrap().message;
    let mut solver = Solver::new(&param).unwrap();
    solver.net().data_mut("x").unwrap().assign(&array![[1.0], [3.0]]).unwrap();
    solver.step(1).unwrap();
    // mean 2 and unbiased variance 2, each once; the factor counts how much they weigh
    let statistics = |net: &Net| [0, 1, 2].map(|i| net.param("bn", i).unwrap().data.scalar());
    assert_eq!(statistics(solver.net()), [2.0, 2.0, 1.0]);
    solver.net().data_mut("x").unwrap().assign(&array![[5.0], [5.0]]).unwrap();
    solver.step(1).unwrap();
    assert_eq!(statistics(solver.net()), [0.5 * 2.0 + 5.0, 1.0, 1.5]);
    // The test net normalises with them: the mean is 6 / 1.5, the variance 1 / 1.5.
    let test = solver.test_net(0).unwrap();
    test.data_mut("x").unwrap().fill(4.0);
    test.forward().unwrap();
    assert_eq!(test.data("y").unwrap().slice(), [0.0, 0.0]);
}

#[test]
fn an_error_in_the_middle_leaves_the_net_whole() {
    let mut net = build(&format!(
        r#"{INPUT}
        layer {{ name: "one" type: "Times" bottom: "x" top: "a" }}
        layer {{ name: "two" type: "Times" bottom: "a" top: "b" }}"#
    ));
    let mut run = |x: f32| {
        net.data_mut("x").unwrap().fill(x);
        (net.forward().map(|_| net.data("b").unwrap().scalar()), net.param("two", 0).unwrap().shape().to_vec())
    };
    assert_eq!(run(1.0).0.unwrap(), 4.0);
    let (failed, shape) = run(6.5); // the second layer sees 13
    let e = failed.unwrap_err();
    assert_eq!((e.kind(), e.layer_name()), (Kind::Value, Some("two")));
    assert!(e.to_string().starts_with("test:3:"), "{e}"); // and the error points into the text
    assert_eq!(shape, [1]); // its blobs and parameters are back
    assert_eq!(run(2.0).0.unwrap(), 8.0);
}

#[test]
fn a_partial_backward_can_be_seeded_by_hand() {
    let mut net = build(&format!(
        r#"force_backward: true {INPUT}
        layer {{ name: "one" type: "Times" bottom: "x" top: "a" }}
        layer {{ name: "two" type: "Times" bottom: "a" top: "b" }}"#
    ));
    net.data_mut("x").unwrap().assign(&array![1.0, 2.0, 3.0, 4.0]).unwrap();
    net.forward().unwrap();
    net.diff_mut("b").unwrap().slice_mut()[2] = 1.0;
    net.backward_range("two"..="two").unwrap();
    assert_eq!(net.diff("a").unwrap().slice(), [0.0, 0.0, 2.0, 0.0]);
    assert_eq!(net.diff("x").unwrap().slice(), [0.0; 4]);
    assert_eq!(net.param("two", 0).unwrap().diff.scalar(), 6.0);
    net.backward_range("one"..).unwrap();
    assert_eq!(net.diff("x").unwrap().slice(), [0.0, 0.0, 4.0, 0.0]);
    assert!(net.backward_range("one"..="two").is_err()); // that is not the way back
}

#[test]
fn a_layer_may_have_two_bottoms_and_two_tops() {
    let mut net = build(
        r#"force_backward: true
        layer { name: "in" type: "Input" top: "a" top: "b" input_param { shape { dim: 2 } } }
        layer { name: "sd" type: "SumAndDifference" bottom: "a" bottom: "b" top: "s" top: "d" }"#,
    );
    assert_eq!((net.inputs(), net.outputs()), (vec!["a", "b"], vec!["d", "s"]));
    let (a, b) = (array![1.0, 2.0].into_dyn(), array![10.0, 20.0].into_dyn());
    let out = net.forward_with([("a", &a), ("b", &b)]).unwrap();
    assert_eq!((&out["s"], &out["d"]), (&(&a + &b), &(&a - &b)));
    net.diff_mut("s").unwrap().fill(1.0);
    net.diff_mut("d").unwrap().fill(3.0);
    net.backward().unwrap();
    assert_eq!((net.diff("a").unwrap().slice(), net.diff("b").unwrap().slice()), (&[4.0, 4.0][..], &[-2.0, -2.0][..]));
    let wrong = net.forward_with([("a", &a), ("b", &array![1.0].into_dyn())]).unwrap_err();
    assert!(wrong.message().contains("[1]") && wrong.message().contains("[2]"), "{wrong}");
    assert!(net.forward_with([("a", &a)]).is_err() && net.forward_with([("c", &a)]).is_err());
}

/// Inputs of several ranks in one call: arrays, views and another net's values.
#[test]
fn inputs_are_arrays_of_any_dimension() {
    let text = r#"
        layer { name: "in" type: "Input" top: "a" top: "b" top: "c"
            input_param { shape { dim: 2 dim: 3 } shape { dim: 2 } shape { } } }
        layer { name: "all" type: "Silence" bottom: "a" bottom: "b" bottom: "c" }"#;
    let (mut net, mut other) = (build(text), build(text));
    let (a, b) = (array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [7.0, 8.0]);
    net.forward_with([("a", &a), ("b", &ndarray::aview1(&b)), ("c", &ndarray::arr0(9.0))]).unwrap();
    assert_eq!(net.data("a").unwrap().slice(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!((net.data("b").unwrap().slice(), net.data("c").unwrap().scalar()), (&b[..], 9.0));
    let (x, c) = (net.data("a").unwrap(), net.data("c").unwrap());
    other.forward_with([("a", x), ("b", &array![0.0, 1.0]), ("c", c)]).unwrap();
    assert_eq!(other.data("a").unwrap().slice(), x.slice());
    let e = other.forward_with([("a", &a.t()), ("b", &array![0.0, 1.0]), ("c", c)]).unwrap_err();
    assert!(e.message().contains("[3, 2]") && e.message().contains("[2, 3]"), "{e}");
}

#[test]
fn memory_keeps_its_addresses_on_a_card() {
    use cortado::memory::{Memory, Side};
    let gpu = cortado::device::Gpu::new(cortado::device::emulator::Emulator::new());
    let mut x = Memory::new(3);
    x.card_mut(&gpu).unwrap().upload(&[1.0, 2.0, 3.0]).unwrap();
    let address = x.card(&gpu).unwrap().address();
    for round in 0..3 {
        assert_eq!(x.side(), Side::Card);
        assert_eq!(x.host()[1], 2.0 + round as f32);
        assert_eq!(x.side(), Side::Both);
        x.host_mut()[1] += 1.0;
        assert_eq!(x.side(), Side::Host); // the card's copy is stale, its storage parked
        assert_eq!(x.card_mut(&gpu).unwrap().address(), address);
    }
}

#[test]
fn a_kernel_runs_without_a_card() {
    let text = r#"layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 4 } } }
                  layer { name: "relu" type: "ReLU" bottom: "x" top: "y" relu_param { negative_slope: 0.5 } }"#;
    let run = |device: &Device| {
        let mut net = net::Builder::parse(text, "test").unwrap().phase(Phase::Test).device(device).make().unwrap();
        net.data_mut("x").unwrap().assign(&array![1.0, -2.0, 3.0, -4.0]).unwrap();
        net.forward().unwrap()["y"].clone()
    };
    let emulated = Device::emulated();
    assert_eq!(run(&Device::cpu()).as_slice().unwrap(), [1.0, -1.0, 3.0, -2.0]);
    assert_eq!(run(&emulated), run(&Device::cpu()));
}

#[test]
fn nets_can_go_to_other_threads() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<Net>();
    send::<Solver>();
    sync::<Blob>();
    sync::<NetParameter>();
}

/// LeNet on random images, so that the net is real and the test needs no data.
const LENET: &str = r#"
    net_param {
        layer { name: "in" type: "DummyData" top: "data" top: "label" dummy_data_param {
            shape { dim: 8 dim: 1 dim: 28 dim: 28 } shape { dim: 8 }
            data_filler { type: "gaussian" } data_filler { value: 3 } } }
        layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
                convolution_param { num_output: 6 kernel_size: 5 weight_filler { type: "xavier" } } }
        layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { kernel_size: 2 stride: 2 } }
        layer { name: "drop" type: "Dropout" bottom: "pool1" top: "pool1" }
        layer { name: "ip1" type: "InnerProduct" bottom: "pool1" top: "ip1"
                inner_product_param { num_output: 20 weight_filler { type: "xavier" } } }
        layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
        layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
                inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
        layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy" include { phase: TEST } }
        layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
    }
    base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005 lr_policy: "fixed" max_iter: 5
    test_iter: 2 test_interval: 2"#;

#[test]
fn keeping_less_serves_a_reader_without_backward() {
    let text = LENET.replace(r#"top: "accuracy" include { phase: TEST }"#, r#"top: "accuracy""#);
    let train = |keep| {
        let param = text::parse::<SolverParameter>(&text, "test").unwrap().message;
        let mut solver = Builder::new(param).keep(keep).make().unwrap();
        solver.step(3).unwrap();
        assert!(solver.net().layers_of_type("Accuracy").len() == 1);
        solver.losses().to_vec()
    };
    assert_eq!(train(net::Keep::All), train(net::Keep::Needed));
}

#[test]
fn keeping_less_changes_no_number() {
    let train = |keep| {
        let param = text::parse::<SolverParameter>(LENET, "test").unwrap().message;
        let mut solver = Builder::new(param).keep(keep).make().unwrap();
        solver.step(5).unwrap();
        solver
    };
    let (mut all, mut needed) = (train(net::Keep::All), train(net::Keep::Needed));
    assert_eq!(all.losses(), needed.losses());
    for ((a, _), (b, _)) in all.net().store().iter().zip(needed.net().store().iter()) {
        assert_eq!(a.data.slice(), b.data.slice());
    }
    assert!(all.net().data("conv1").is_ok() && all.net().diff("pool1").is_ok());
    let e = needed.net().diff("conv1").unwrap_err();
    assert!(e.to_string().contains("Keep::All"), "{e}");
    let test = needed.test_net(0).unwrap();
    assert!(test.data("conv1").is_err()); // a test net has no backward, so nothing in the middle is kept
    assert!(test.forward_range("drop"..).is_err()); // and starting there is no wrong number but an error
    assert!(test.data("loss").is_ok() && test.data("data").is_ok() && test.forward().is_ok());
}

/// Whatever is handed on, what is filled once stays: a constant target must be there in the second pass, too.
#[test]
fn constants_survive_when_little_is_kept() {
    let text = r#"
        layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 4 } } }
        layer { name: "target" type: "DummyData" top: "t" dummy_data_param { shape { dim: 4 } data_filler { value: 3 } } }
        layer { name: "relu" type: "ReLU" bottom: "x" top: "y" }
        layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" }"#;
    let builder = net::Builder::parse(text, "test").unwrap().phase(Phase::Test).keep(net::Keep::Needed);
    let mut net = builder.make().unwrap();
    for _ in 0..3 {
        net.data_mut("x").unwrap().fill(1.0);
        assert_eq!(net.forward().unwrap()["loss"].sum(), 0.5 * 4.0); // Σ (1 - 3)² / (2 * 4)
    }
}

/// A label set by hand reaches both of its readers, although a Split stands before the start of the range.
#[test]
fn what_is_set_by_hand_passes_through_splits() {
    let text = r#"
        layer { name: "in" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 } data_filler { value: 1 } } }
        layer { name: "one" type: "ReLU" bottom: "x" top: "a" }
        layer { name: "two" type: "ReLU" bottom: "x" top: "b" }"#;
    let mut net = Net::from_prototxt(text, Phase::Test).unwrap();
    net.forward().unwrap();
    net.data_mut("x").unwrap().fill(5.0);
    net.forward_range("one"..).unwrap();
    assert_eq!((net.data("a").unwrap().slice(), net.data("b").unwrap().slice()), (&[5.0; 2][..], &[5.0; 2][..]));
}

#[test]
fn a_loss_with_swapped_bottoms_is_an_error() {
    let text = r#"
        layer { name: "in" type: "Input" top: "x" top: "t" input_param { shape { dim: 2 dim: 3 } } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 3 } }
        layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "t" bottom: "y" top: "loss" }"#;
    let e = Net::from_prototxt(text, Phase::Train).unwrap_err();
    assert_eq!((e.kind(), e.layer_name()), (Kind::Net, Some("loss")));
    assert!(e.to_string().contains("swapped"), "{e}");
}

/// A layer's own `phase` is the one it runs in.
#[test]
fn a_layer_may_name_its_phase() {
    let text = r#"
        layer { name: "in" type: "DummyData" top: "x" dummy_data_param { shape { dim: 100 } data_filler { value: 1 } } }
        layer { name: "drop" type: "Dropout" bottom: "x" top: "y" phase: TEST }
        layer { name: "dropped" type: "Dropout" bottom: "y" top: "z" }"#;
    let mut net = Net::from_prototxt(text, Phase::Train).unwrap();
    let out = net.forward().unwrap();
    assert!(net.data("y").unwrap().slice().iter().all(|y| *y == 1.0));
    assert!(out["z"].iter().any(|z| *z == 0.0));
}

#[test]
fn a_value_that_a_data_layer_overwrites_warns() {
    let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = said.clone();
    let log = cortado::Log::to(move |_, line| heard.lock().unwrap().push(line.to_string()));
    let text = r#"
        layer { name: "noise" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 } data_filler { type: "uniform" } } }
        layer { name: "relu" type: "ReLU" bottom: "x" top: "y" }"#;
    let mut net = net::Builder::parse(text, "test").unwrap().phase(Phase::Test).log(&log).make().unwrap();
    net.forward().unwrap();
    net.data_mut("x").unwrap().fill(5.0);
    net.forward_range("relu"..).unwrap(); // starts after the layer that fills x: the 5 is used
    assert_eq!(net.data("y").unwrap().slice(), [5.0; 2]);
    net.forward().unwrap();
    let warnings = |lines: &[String]| lines.iter().filter(|l| l.contains("are lost")).count();
    assert_eq!(warnings(&said.lock().unwrap()), 0); // it had been read before it was overwritten
    net.data_mut("x").unwrap().fill(5.0);
    net.forward().unwrap();
    assert!(net.data("y").unwrap().scalar() < 1.0);
    assert_eq!(warnings(&said.lock().unwrap()), 1);
}

/// Guided backpropagation: on its way down the gradient loses what is negative at each ReLU. ReLUs are found by their type, as
/// what a layer is called says nothing of what it is, and computing in place changes nothing.
#[test]
fn a_backward_can_be_guided_at_each_relu() {
    let conv = |name: &str, bottom: &str, top: &str| {
        format!(
            r#"layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{top}" convolution_param {{
                 num_output: 3 kernel_size: 3 pad: 1 weight_filler {{ type: "gaussian" std: 0.5 }} }} }}"#
        )
    };
    // Each place is one blob's name: all the same where layers compute in place.
    let text = |[a, b, c, d, e, f]: [&str; 6]| {
        format!(
            r#"force_backward: true
            layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: 2 dim: 3 dim: 5 dim: 4 }} }} }}
            {} layer {{ name: "relu_not" type: "BatchNorm" bottom: "{a}" top: "{b}" }}
            layer {{ name: "l3" type: "Scale" bottom: "{b}" top: "{c}"
                     scale_param {{ bias_term: true filler {{ value: -1.5 }} bias_filler {{ value: 0.2 }} }} }}
            layer {{ name: "l4" type: "ReLU" bottom: "{c}" top: "{d}" }}
            {} layer {{ name: "l6" type: "ReLU" bottom: "{e}" top: "{f}" }}
            layer {{ name: "out" type: "InnerProduct" bottom: "{f}" top: "out"
                     inner_product_param {{ num_output: 4 weight_filler {{ type: "gaussian" std: 0.5 }} }} }}
            layer {{ name: "prob" type: "Softmax" bottom: "out" top: "prob" }}"#,
            conv("l1", "x", a),
            conv("l5", d, e)
        )
    };
    let forward = |names, phase| {
        let mut net = net::Builder::parse(&text(names), "test").unwrap().phase(phase).seed(3).make().unwrap();
        if phase == Phase::Test {
            // statistics as if it had been trained, so that TEST has something to normalise with
            net.param_mut("relu_not", 0).unwrap().data.fill(0.1);
            net.param_mut("relu_not", 1).unwrap().data.fill(2.0);
            net.param_mut("relu_not", 2).unwrap().data.fill(1.0);
        }
        let x: Vec<f32> = (0..120).map(|i| (i as f32 * 0.7).sin()).collect();
        net.data_mut("x").unwrap().slice_mut().copy_from_slice(&x);
        net.forward().unwrap();
        net.diff_mut("out").unwrap().slice_mut()[1] = 1.0; // class 1 of the first image
        net
    };
    let (in_place, apart) = (["h", "h", "h", "h", "g", "g"], ["a", "b", "c", "d", "e", "f"]);
    for phase in [Phase::Train, Phase::Test] {
        let mut plain = forward(in_place, phase);
        plain.backward_range("out"..).unwrap();

        let mut net = forward(in_place, phase);
        net.backward_range_each("out".., |net, layer| {
            if net.layer_type(layer)? == "ReLU" {
                let x = net.bottom_names(layer)?[0].to_string();
                net.diff_mut(&x)?.slice_mut().iter_mut().for_each(|dx| *dx = dx.max(0.0));
            }
            Ok(())
        })
        .unwrap();
        let guided = net.diff("x").unwrap();
        assert!(guided.asum() > 0.0);
        assert_ne!(guided.slice(), plain.diff("x").unwrap().slice());

        // The same by hand, layer by layer, in a net without computation in place.
        let mut by_hand = forward(apart, phase);
        for layer in ["out", "l6", "l5", "l4", "l3", "relu_not", "l1"] {
            by_hand.backward_range(layer..=layer).unwrap();
            if let Some(x) = [("l6", "e"), ("l4", "c")].iter().find(|(l, _)| *l == layer).map(|(_, x)| *x) {
                let y = by_hand.data(if x == "e" { "f" } else { "d" }).unwrap().slice().to_vec();
                let dx = by_hand.diff_mut(x).unwrap().slice_mut();
                assert!(dx.iter().any(|dx| *dx < 0.0), "{layer} has nothing to be guided");
                assert!(dx.iter().zip(y).all(|(dx, y)| y > 0.0 || *dx == 0.0));
                dx.iter_mut().for_each(|dx| *dx = dx.max(0.0));
            }
        }
        assert_eq!(by_hand.diff("x").unwrap().slice(), guided.slice());
        // From the top of the net a Softmax whose diff is 0 would have overwritten the seed.
        let mut from_above = forward(in_place, phase);
        from_above.backward_each(|_, _| Ok(())).unwrap();
        assert_eq!(from_above.diff("x").unwrap().asum(), 0.0);
    }
}

/// y = w x, which reads one value too far where it is told to.
struct OneTooFar {
    w: Times,
    fails_in: &'static str,
}

impl OneTooFar {
    fn read(&self, x: &Blob, method: &str) -> f32 {
        let x = x.data.slice();
        x[x.len() - usize::from(self.fails_in != method)]
    }
}

impl Layer for OneTooFar {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(OneTooFar { w: Times::new(param)?, fails_in: "" })
    }
    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        self.w.setup(cx, bottom)
    }
    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.read(&bottom[0], "reshape");
        top[0].reshape_like(&bottom[0])
    }
    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.w.forward(cx, params, bottom, top)?;
        self.read(&bottom[0], "forward");
        Ok(())
    }
    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        self.read(&bottom[0], "backward");
        self.w.backward(cx, params, top, bottom)
    }
}

const ONE_TOO_FAR: &str = r#"
    layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 4 } } }
    layer { name: "one" type: "Times" bottom: "x" top: "a" }
    layer { name: "far" type: "OneTooFar" bottom: "a" top: "b" }
    layer { name: "sum" type: "Reduction" bottom: "b" top: "sum" loss_weight: 1 }"#;

/// The error, if it is one and no panic.
fn tried(work: impl FnOnce() -> Result) -> Option<Error> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()?.err()
}

#[test]
fn a_panic_in_a_layer_leaves_the_net_whole() {
    let mut layers = layers();
    layers.add::<OneTooFar>("OneTooFar");
    for device in [Device::cpu_with_threads(1), Device::cpu_with_threads(2), Device::emulated()] {
        for method in ["forward", "backward", "reshape"] {
            let builder = net::Builder::parse(ONE_TOO_FAR, "test").unwrap().phase(Phase::Train);
            let mut net = builder.layers(&layers).device(&device).make().unwrap();
            net.data_mut("x").unwrap().fill(1.0);
            let blobs = |net: &Net| {
                let names = ["x", "a", "b", "sum"].map(|name| net.data(name).unwrap().slice().to_vec());
                (names, net.store().iter().map(|(w, _)| w.data.slice().to_vec()).collect::<Vec<_>>())
            };
            net.forward().unwrap();
            let before = (blobs(&net), net.to_proto(true).unwrap());
            net.layer_mut::<OneTooFar>("far").unwrap().fails_in = method;
            let e = tried(|| match method {
                "forward" => net.forward().map(drop),
                "backward" => net.backward(),
                _ => net.reshape(),
            });
            assert_eq!((blobs(&net), net.to_proto(true).unwrap()), before, "{method}");
            let e = e.expect("an error and no panic");
            assert_eq!((e.kind(), e.layer_name()), (Kind::Panic, Some("far")), "{e}");
            assert!(e.to_string().starts_with("test:4:") && e.message().contains("the len is 4"), "{e}");
            net.layer_mut::<OneTooFar>("far").unwrap().fails_in = "";
            assert_eq!(net.forward().unwrap().loss, 16.0, "{method}");
            net.clear_param_diffs();
            net.backward().unwrap();
            assert_eq!(net.param("one", 0).unwrap().diff.scalar(), 8.0, "{method}");
        }
    }
}

#[test]
fn a_panic_leaves_a_solver_whole() {
    let text = format!(
        r#"net_param {{ {ONE_TOO_FAR} }} base_lr: 0.1 lr_policy: "fixed" max_iter: 10
           test_iter: 1 test_interval: 100 test_initialization: false"#
    );
    let mut layers = layers();
    layers.add::<OneTooFar>("OneTooFar");
    for device in [Device::cpu_with_threads(1), Device::emulated()] {
        let make = || {
            let param = text::parse::<SolverParameter>(&text, "test").unwrap().message;
            let mut solver: Solver = Builder::new(param).layers(&layers).device(&device).make().unwrap();
            solver.net().data_mut("x").unwrap().fill(1.0);
            solver.test_net(0).unwrap().data_mut("x").unwrap().fill(1.0);
            solver
        };
        let w = |solver: &mut Solver| solver.net().store().iter().map(|(w, _)| w.data.scalar()).collect::<Vec<_>>();
        let (mut expected, mut solver) = (make(), make());
        for method in ["forward", "backward", "reshape"] {
            solver.net().layer_mut::<OneTooFar>("far").unwrap().fails_in = method;
            assert!(tried(|| solver.step(1)).is_some(), "{method}");
            solver.net().layer_mut::<OneTooFar>("far").unwrap().fails_in = "";
            solver.test_net(0).unwrap().layer_mut::<OneTooFar>("far").unwrap().fails_in = method;
            tried(|| solver.test(0).map(drop)); // a test has no backward
            assert_eq!(w(&mut solver), w(&mut expected), "{method}");
            solver.step(3).unwrap();
            expected.step(3).unwrap();
            assert_eq!(w(&mut solver), w(&mut expected), "{method}");
        }
    }
}

#[test]
fn a_panic_gives_lent_parameters_back() {
    let text = format!(r#"{INPUT} layer {{ name: "t" type: "Times" bottom: "x" top: "y" }}"#);
    let (mut train, mut test) = (build(&text), build(&text));
    train.param_mut("t", 0).unwrap().data.fill(7.0);
    let lent = || train.lend_params(&mut test, |test| Err::<(), _>(Error::value(test.outputs()[1])));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(lent)).is_err(), "a panic of one's own goes on");
    assert_eq!(train.param("t", 0).unwrap().data.scalar(), 7.0);
    assert_eq!(test.param("t", 0).unwrap().data.scalar(), 2.0);
}

/// The largest of values with a NaN among them is NaN, wherever it stands; what it gets is its gradient.
#[test]
fn a_nan_is_the_maximum_of_its_window() {
    // 2 x 2 windows side by side have a loop of their own.
    for (size, kernel, stride) in [(4, 2, 2), (5, 3, 2), (4, 2, 1)] {
        let text = format!(
            r#"force_backward: true
               layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: 1 dim: 2 dim: {size} dim: {size} }} }} }}
               layer {{ name: "pool" type: "Pooling" bottom: "x" top: "y" top: "mask"
                        pooling_param {{ pool: MAX kernel_size: {kernel} stride: {stride} }} }}"#
        );
        for device in [Device::cpu_with_threads(1), Device::emulated()] {
            let mut net = net::Builder::parse(&text, "test").unwrap().device(&device).make().unwrap();
            let out = net.shape("y").unwrap()[2];
            for at in 0..size * size {
                let x = net.data_mut("x").unwrap().slice_mut();
                x.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 7) % 11) as f32 - 5.0);
                x[at] = f32::NAN;
                net.forward().unwrap();
                let (y, mask) = (net.data("y").unwrap().slice(), net.data("mask").unwrap().slice());
                for i in 0..2 * out * out {
                    let (plane, row, column) = (i / (out * out), i / out % out * stride, i % out * stride);
                    let has = |p: usize, first: usize| (first..first + kernel).contains(&p);
                    let has_nan = plane == 0 && has(at / size, row) && has(at % size, column);
                    assert_eq!(y[i].is_nan(), has_nan, "{device:?}: window {i} of {kernel} x {kernel}, NaN at {at}");
                    assert!(!has_nan || mask[i] == at as f32, "{device:?}: {mask:?}, NaN at {at}");
                }
            }
        }
    }
}

#[test]
fn nothing_is_added_of_another_length() {
    let (mut y, mut x) = (Blob::new(&[2, 3]).unwrap(), Blob::new(&[4]).unwrap());
    x.data.fill(1.0);
    let e = y.data.scaled_add(2.0, &x.data).unwrap_err();
    assert_eq!(e.kind(), Kind::Shape);
    assert!(e.message().contains("[2, 3]") && e.message().contains("[4]"), "{e}");
    assert_eq!(y.data.slice(), [0.0; 6]);
    x.reshape(&[6]).unwrap();
    y.data.scaled_add(2.0, &x.data).unwrap(); // the shape does not count
}
