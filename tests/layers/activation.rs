//! Element by element: ReLU and its kin; Dropout; Softmax.

use crate::kit::*;
use cortado::Device;
use cortado::check::Outcome;
use cortado::layer::Cx;
use cortado::random::Random;

const SHAPES: &[&[&[usize]]] = &[&[&[2, 3, 4, 5]], &[&[7]], &[&[5, 1, 3]]];

pub const CASES: &[Case] = &[
    Case {
        name: "relu",
        prototxt: r#"type: "ReLU""#,
        bottom: SHAPES,
        kink: Some((0.0, 0.02)),
        naive: |x, _| vec![x[0].mapv(|x| x.max(0.0))],
        ..CASE
    },
    Case {
        name: "relu_leaky",
        prototxt: r#"type: "ReLU" relu_param { negative_slope: 0.1 }"#,
        bottom: SHAPES,
        kink: Some((0.0, 0.02)),
        naive: |x, _| vec![x[0].mapv(|x| if x > 0.0 { x } else { 0.1 * x })],
        ..CASE
    },
    Case {
        name: "prelu",
        prototxt: r#"type: "PReLU""#,
        bottom: &[&[&[2, 3, 4, 5]], &[&[5, 3]], &[&[1, 3, 7]]],
        kink: Some((0.0, 0.02)),
        naive: |x, w| vec![prelu(&x[0], &w[0])],
        ..CASE
    },
    Case {
        name: "prelu_shared",
        prototxt: r#"type: "PReLU" prelu_param { channel_shared: true }"#,
        bottom: &[&[&[2, 3, 4, 5]], &[&[5, 2]]],
        kink: Some((0.0, 0.02)),
        naive: |x, w| vec![prelu(&x[0], &w[0])],
        ..CASE
    },
    Case {
        name: "elu",
        prototxt: r#"type: "ELU""#,
        bottom: SHAPES,
        fill: &[Fill::Uniform(-3.0, 3.0)],
        naive: |x, _| vec![x[0].mapv(|x| if x > 0.0 { x } else { x.exp() - 1.0 })],
        ..CASE
    },
    Case {
        name: "elu_steep",
        prototxt: r#"type: "ELU" elu_param { alpha: 2.5 }"#,
        bottom: SHAPES,
        kink: Some((0.0, 0.02)),
        naive: |x, _| vec![x[0].mapv(|x| if x > 0.0 { x } else { 2.5 * (x.exp() - 1.0) })],
        ..CASE
    },
    // ANCHOR: case
    Case {
        name: "sigmoid",
        prototxt: r#"type: "Sigmoid""#,
        bottom: SHAPES,
        fill: &[Fill::Uniform(-4.0, 4.0)],
        naive: |x, _| vec![x[0].mapv(|x| 1.0 / (1.0 + (-x).exp()))],
        ..CASE
    },
    // ANCHOR_END: case
    Case {
        name: "sigmoid_far_out",
        prototxt: r#"type: "Sigmoid""#,
        bottom: SHAPES,
        fill: &[Fill::Values(&[-200.0, -30.0, 30.0, 200.0])],
        naive: |x, _| vec![x[0].mapv(|x| 1.0 / (1.0 + (-x).exp()))],
        ..CASE
    },
    Case {
        name: "tanh",
        prototxt: r#"type: "TanH""#,
        bottom: SHAPES,
        fill: &[Fill::Uniform(-3.0, 3.0)],
        naive: |x, _| vec![x[0].mapv(f64::tanh)],
        ..CASE
    },
    Case {
        name: "swish",
        prototxt: r#"type: "Swish""#,
        bottom: SHAPES,
        fill: &[Fill::Uniform(-4.0, 4.0)],
        naive: |x, _| vec![x[0].mapv(|x| x / (1.0 + (-x).exp()))],
        ..CASE
    },
    Case {
        name: "swish_beta",
        prototxt: r#"type: "Swish" swish_param { beta: -1.7 }"#,
        bottom: SHAPES,
        fill: &[Fill::Uniform(-2.0, 2.0)],
        naive: |x, _| vec![x[0].mapv(|x| x / (1.0 + (1.7 * x).exp()))],
        ..CASE
    },
    Case {
        name: "swish_far_out",
        prototxt: r#"type: "Swish""#,
        bottom: SHAPES,
        fill: &[Fill::Values(&[-200.0, -30.0, 30.0, 200.0])],
        naive: |x, _| vec![x[0].mapv(|x| x / (1.0 + (-x).exp()))],
        ..CASE
    },
    Case {
        name: "bnll",
        prototxt: r#"type: "BNLL""#,
        bottom: SHAPES,
        fill: &[Fill::Uniform(-4.0, 4.0)],
        naive: |x, _| vec![x[0].mapv(|x| (1.0 + x.exp()).ln())],
        ..CASE
    },
    Case {
        name: "bnll_far_out",
        prototxt: r#"type: "BNLL""#,
        bottom: SHAPES,
        fill: &[Fill::Values(&[-200.0, -30.0, 30.0, 200.0])],
        naive: |x, _| vec![x[0].mapv(|x| if x > 50.0 { x } else { x.exp().ln_1p() })],
        ..CASE
    },
    Case {
        name: "absval",
        prototxt: r#"type: "AbsVal""#,
        bottom: SHAPES,
        kink: Some((0.0, 0.02)),
        naive: |x, _| vec![x[0].mapv(f64::abs)],
        ..CASE
    },
    Case {
        name: "power_by_default",
        prototxt: r#"type: "Power""#,
        bottom: SHAPES,
        naive: |x, _| vec![x[0].clone()],
        ..CASE
    },
    Case {
        name: "power_line",
        prototxt: r#"type: "Power" power_param { scale: -3 shift: 0.5 }"#,
        bottom: SHAPES,
        naive: |x, _| vec![x[0].mapv(|x| 0.5 - 3.0 * x)],
        ..CASE
    },
    Case {
        name: "power_square",
        prototxt: r#"type: "Power" power_param { power: 2 scale: 0.5 shift: -1.5 }"#,
        bottom: SHAPES,
        naive: |x, _| vec![x[0].mapv(|x| (0.5 * x - 1.5) * (0.5 * x - 1.5))],
        ..CASE
    },
    Case {
        name: "power_cube",
        prototxt: r#"type: "Power" power_param { power: 3 }"#,
        bottom: SHAPES,
        fill: &[Fill::Values(&[-1.5, 0.0, 0.5, 1.0, -0.2])],
        naive: |x, _| vec![x[0].mapv(|x| x * x * x)],
        ..CASE
    },
    Case {
        name: "power_inverse_root",
        prototxt: r#"type: "Power" power_param { power: -0.5 scale: 2 shift: 1 }"#,
        bottom: SHAPES,
        fill: &[Fill::Uniform(0.0, 2.0)],
        naive: |x, _| vec![x[0].mapv(|x| 1.0 / (1.0 + 2.0 * x).sqrt())],
        ..CASE
    },
    Case {
        name: "power_zero",
        prototxt: r#"type: "Power" power_param { power: 0 scale: 2 }"#,
        bottom: SHAPES,
        fill: &[Fill::Values(&[-1.5, 0.0, 1.0])],
        naive: |x, _| vec![x[0].mapv(|_| 1.0)],
        ..CASE
    },
    Case {
        name: "power_of_a_constant",
        prototxt: r#"type: "Power" power_param { power: 3 scale: 0 shift: 2 }"#,
        bottom: SHAPES,
        naive: |x, _| vec![x[0].mapv(|_| 8.0)],
        ..CASE
    },
    Case { name: "exp", prototxt: r#"type: "Exp""#, bottom: SHAPES, naive: |x, _| vec![x[0].mapv(f64::exp)], ..CASE },
    Case {
        name: "exp_base",
        prototxt: r#"type: "Exp" exp_param { base: 2 scale: 1.5 shift: -0.5 }"#,
        bottom: SHAPES,
        naive: |x, _| vec![x[0].mapv(|x| 2f64.powf(1.5 * x - 0.5))],
        ..CASE
    },
    Case {
        name: "exp_small_base",
        prototxt: r#"type: "Exp" exp_param { base: 0.25 }"#,
        bottom: SHAPES,
        naive: |x, _| vec![x[0].mapv(|x| 0.25f64.powf(x))],
        ..CASE
    },
    Case {
        name: "log",
        prototxt: r#"type: "Log""#,
        bottom: SHAPES,
        fill: &[Fill::Uniform(0.5, 3.0)],
        naive: |x, _| vec![x[0].mapv(f64::ln)],
        ..CASE
    },
    Case {
        name: "log_base",
        prototxt: r#"type: "Log" log_param { base: 10 scale: -3 shift: 4 }"#,
        bottom: SHAPES,
        fill: &[Fill::Uniform(-1.0, 1.0)],
        naive: |x, _| vec![x[0].mapv(|x| (4.0 - 3.0 * x).log10())],
        ..CASE
    },
    Case {
        name: "threshold",
        prototxt: r#"type: "Threshold""#,
        bottom: SHAPES,
        fill: &[Fill::Values(&[-1.0, 0.0, 1e-20, 2.0])],
        naive: |x, _| vec![x[0].mapv(|x| if x > 0.0 { 1.0 } else { 0.0 })],
        gradient: false,
        ..CASE
    },
    Case {
        name: "threshold_given",
        prototxt: r#"type: "Threshold" threshold_param { threshold: 0.25 }"#,
        bottom: SHAPES,
        naive: |x, _| vec![x[0].mapv(|x| if x > 0.25 { 1.0 } else { 0.0 })],
        gradient: false,
        ..CASE
    },
    Case {
        name: "clip",
        prototxt: r#"type: "Clip" clip_param { min: -0.5 max: 0.75 }"#,
        bottom: SHAPES,
        fill: &[Fill::Values(&[-0.9, -0.3, 0.0, 1.1, 0.4, 0.7])],
        naive: |x, _| vec![x[0].mapv(|x| if x < -0.5 { -0.5 } else { x.min(0.75) })],
        ..CASE
    },
    Case {
        name: "dropout",
        prototxt: r#"type: "Dropout""#,
        bottom: SHAPES,
        naive: |x, _| vec![dropped(&x[0], "dropout", 0.5)],
        ..CASE
    },
    Case {
        name: "dropout_rare",
        prototxt: r#"type: "Dropout" dropout_param { dropout_ratio: 0.2 }"#,
        bottom: SHAPES,
        naive: |x, _| vec![dropped(&x[0], "dropout_rare", 0.2)],
        ..CASE
    },
    Case {
        name: "dropout_test",
        prototxt: r#"type: "Dropout""#,
        bottom: SHAPES,
        phase: Phase::Test,
        naive: |x, _| vec![x[0].clone()],
        ..CASE
    },
    Case {
        name: "softmax",
        prototxt: r#"type: "Softmax""#,
        bottom: &[&[&[3, 5]], &[&[2, 4, 3, 2]], &[&[4, 5]]],
        fill: &[Fill::Uniform(-3.0, 3.0)],
        naive: |x, _| vec![softmax(&x[0], 1)],
        ..CASE
    },
    Case {
        name: "softmax_last_axis",
        prototxt: r#"type: "Softmax" softmax_param { axis: -1 }"#,
        bottom: &[&[&[3, 2, 5]], &[&[6]]],
        naive: |x, _| vec![softmax(&x[0], x[0].ndim() - 1)],
        ..CASE
    },
    Case {
        name: "softmax_of_large_scores",
        prototxt: r#"type: "Softmax" softmax_param { axis: 0 }"#,
        bottom: &[&[&[4, 3]], &[&[3, 2, 2]]],
        fill: &[Fill::Uniform(998.0, 1002.0)],
        naive: |x, _| vec![softmax(&x[0], 0)],
        gradient: false, // f32 has no room for a small step at 1000
        ..CASE
    },
];

/// ReLU with a slope below 0 for each channel, or one for all.
fn prelu(x: &ArrayD<f64>, a: &ArrayD<f64>) -> ArrayD<f64> {
    let mut y = x.clone();
    for (index, y) in y.indexed_iter_mut().filter(|(_, y)| **y < 0.0) {
        *y *= if a.ndim() == 0 { a.sum() } else { a[[index[1]]] };
    }
    y
}

/// Inverted dropout by the layer's random numbers in pass 0 of seed 0.
fn dropped(x: &ArrayD<f64>, name: &str, ratio: f64) -> ArrayD<f64> {
    let random = Random::new(0, name, 0);
    let mut y = x.clone();
    for (i, y) in y.iter_mut().enumerate() {
        *y = if (random.unit(i) as f64) < ratio { 0.0 } else { *y / (1.0 - ratio) };
    }
    y
}

pub fn softmax(x: &ArrayD<f64>, axis: usize) -> ArrayD<f64> {
    let mut y = x.clone();
    for mut classes in y.lanes_mut(Axis(axis)) {
        let max = classes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = classes.iter().map(|x| (x - max).exp()).sum();
        classes.mapv_inplace(|x| (x - max).exp() / sum);
    }
    y
}

#[test]
fn dropout_drops_other_values_in_every_pass_and_about_as_many_as_asked() {
    let text = r#"type: "Dropout" dropout_param { dropout_ratio: 0.3 }"#;
    let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(text), &[&[10_000]]).unwrap();
    bench.bottom[0].data.fill(1.0);
    let mut zeros = |pass| {
        bench.pass = pass;
        bench.forward().unwrap();
        bench.top[0].data.slice().iter().map(|&y| y == 0.0).collect::<Vec<bool>>()
    };
    let (first, second) = (zeros(0), zeros(1));
    let dropped = first.iter().filter(|d| **d).count();
    assert!((2800..3200).contains(&dropped), "{dropped} of 10000 dropped");
    assert_ne!(first, second);
    assert_eq!(first, zeros(0));
}

#[test]
fn a_card_drops_the_same_values_as_the_cpu() {
    let text = r#"name: "drop1" type: "Dropout" dropout_param { dropout_ratio: 0.3 }"#;
    let run = |device: &Device, seed, pass| {
        let bench = Harness::create(&Layers::caffe(), &crate::text::layer(text), &[&[7, 143]]).unwrap();
        let mut bench = bench.seed(seed).device(device);
        bench.pass = pass;
        bench.fill(0, Fill::Uniform(0.5, 1.0));
        bench.forward().unwrap();
        bench.top[0].diff.fill(1.0);
        bench.backward().unwrap();
        [&bench.top[0].data, &bench.bottom[0].diff].map(|x| x.slice().to_vec())
    };
    let (cpu, gpu) = (Device::cpu_with_threads(1), Device::emulated());
    for (seed, pass) in [(0, 0), (1, 3), (0x0123_4567_89ab_cdef, 70_000)] {
        assert_eq!(run(&cpu, seed, pass), run(&gpu, seed, pass), "seed {seed}, pass {pass}");
    }
}

#[test]
fn a_dropout_ratio_must_be_a_probability() {
    for ratio in ["1", "-0.1", "1.5", "nan"] {
        let text = format!(r#"type: "Dropout" dropout_param {{ dropout_ratio: {ratio} }}"#);
        let e = Layers::caffe().create(&crate::text::layer(&text)).err().expect("refused");
        assert_eq!(e.field_path(), Some("dropout_param.dropout_ratio"));
    }
}

#[test]
fn more_values_than_one_piece_give_the_same_bits_on_any_number_of_threads() {
    for kind in ["Sigmoid", "TanH", "BNLL", "Dropout", "Softmax"] {
        let param = crate::text::layer(&format!(r#"type: "{kind}""#));
        let mut bench = Harness::create(&Layers::caffe(), &param, &[&[41, 1003]]).unwrap();
        bench.fill(0, Fill::Uniform(-3.0, 3.0));
        bench.check_threads().unwrap();
        if kind == "Dropout" {
            bench.check_forward(|x, _| vec![dropped(&x[0], "", 0.5)], 1e-6).unwrap();
        }
    }
}

/// The gradient of `text` in place: the net `x -> layer -> x`, with these values of x and of the top's diff.
fn in_place(text: &str, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let text = format!(
        r#"force_backward: true layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 1 dim: {} }} }} }}
           layer {{ name: "l" bottom: "x" top: "x" {text} }}"#,
        x.len()
    );
    let mut net = cortado::net::Builder::parse(&text, "in place").unwrap().make().unwrap();
    let row = |x: &[f32]| ArrayD::from_shape_vec(IxDyn(&[1, x.len()]), x.to_vec()).unwrap();
    net.forward_with([("x", &row(x))]).unwrap();
    net.diff_mut("x").unwrap().assign(&row(dy)).unwrap();
    net.backward().unwrap();
    net.diff("x").unwrap().slice().to_vec()
}

/// In place x is kept, so the gradient is the same as with a top of its own; Caffe's is not for Power and Clip.
#[test]
fn a_gradient_in_place_is_that_of_x() {
    let (x, dy) = (&[-2.0, -0.25, 0.5, 2.0], &[1.0, 2.0, 3.0, 4.0]);
    let line = in_place(r#"type: "Power" power_param { scale: 3 }"#, x, dy);
    assert_eq!(line, [3.0, 6.0, 9.0, 12.0]);
    let cut = in_place(r#"type: "Clip" clip_param { min: -1 max: 1 }"#, x, dy);
    assert_eq!(cut, [0.0, 2.0, 3.0, 0.0]);
    let leaky = in_place(r#"type: "PReLU" prelu_param { filler { value: -0.5 } }"#, x, dy);
    assert_eq!(leaky, [-0.5, -1.0, 3.0, 4.0]);
}

#[test]
fn at_the_corner_the_slope_is_the_one_that_caffe_takes() {
    for (kind, slope) in [("ReLU", 0.0), ("PReLU", 0.25), ("ELU", 1.0), ("AbsVal", 0.0)] {
        assert_eq!(in_place(&format!(r#"type: "{kind}""#), &[0.0], &[1.0]), [slope], "{kind}");
    }
    let clip = in_place(r#"type: "Clip" clip_param { min: -1 max: 1 }"#, &[-1.0, 1.0], &[1.0, 2.0]);
    assert_eq!(clip, [1.0, 2.0]);
}

#[test]
fn a_power_of_zero_has_its_slope_and_no_nan() {
    let slope = |power: f32| in_place(&format!(r#"type: "Power" power_param {{ power: {power} }}"#), &[0.0], &[5.0])[0];
    assert_eq!([slope(0.0), slope(1.0), slope(2.0), slope(3.0), slope(1.5)], [0.0, 5.0, 0.0, 0.0, 0.0]);
    assert_eq!(slope(0.5), f32::INFINITY);
}

#[test]
fn an_infinite_x_goes_through_as_the_formula_says() {
    let far = |text: &str| {
        let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(text), &[&[1, 2]]).unwrap();
        bench.fill(0, Fill::Values(&[f32::NEG_INFINITY, f32::INFINITY]));
        bench.forward().unwrap();
        bench.top[0].data.slice().to_vec()
    };
    assert_eq!(far(r#"type: "ELU""#), [-1.0, f32::INFINITY]);
    assert_eq!(far(r#"type: "BNLL""#), [0.0, f32::INFINITY]);
    assert_eq!(far(r#"type: "Exp""#), [0.0, f32::INFINITY]);
    assert_eq!(far(r#"type: "Clip" clip_param { min: -1 max: 1 }"#), [-1.0, 1.0]);
    assert_eq!(far(r#"type: "Power" power_param { scale: 0 shift: 2 power: 3 }"#), [8.0, 8.0]);
}

#[test]
fn a_base_must_have_a_logarithm() {
    for base in ["0", "-2", "nan", "inf"] {
        refuses(&format!(r#"type: "Exp" exp_param {{ base: {base} }}"#), &[&[2, 3]], "base is", "exp_param.base");
        refuses(&format!(r#"type: "Log" log_param {{ base: {base} }}"#), &[&[2, 3]], "base is", "log_param.base");
    }
    refuses(r#"type: "Log" log_param { base: 1 }"#, &[&[2, 3]], "base is 1", "log_param.base");
}

#[test]
fn the_bounds_of_a_clip_are_given_and_in_order() {
    for bounds in ["min: 1 max: -1", "min: nan max: 1", "min: 0 max: nan"] {
        let text = format!(r#"type: "Clip" clip_param {{ {bounds} }}"#);
        refuses(&text, &[&[2, 3]], "nothing lies between", "clip_param.min");
    }
    let e = Layers::caffe().create(&crate::text::layer(r#"type: "Clip""#)).err().unwrap();
    assert_eq!(e.message(), "a Clip needs its two bounds");
}

#[test]
fn slopes_are_for_the_channels_of_set_up() {
    let e = Harness::create(&Layers::caffe(), &crate::text::layer(r#"type: "PReLU""#), &[&[4]]).err().unwrap();
    assert_eq!(e.message(), "PReLU of a bottom of shape [4], without channels");
    let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(r#"type: "PReLU""#), &[&[2, 3]]).unwrap();
    assert_eq!(bench.params[0].data.slice(), [0.25; 3]);
    let e = bench.reshape(&[&[2, 4]]).unwrap_err();
    assert!(e.message().contains("4 channels, and there are 3 slopes"), "{e}");
    assert!(bench.reshape(&[&[4]]).is_err());
    let shared = r#"type: "PReLU" prelu_param { channel_shared: true }"#;
    let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(shared), &[&[2, 3]]).unwrap();
    assert!(bench.params[0].shape().is_empty());
    bench.reshape(&[&[2, 4]]).unwrap();
    let text = r#"type: "PReLU" prelu_param { filler { type: "no" } }"#;
    refuses(text, &[&[2, 3]], "no", "prelu_param.filler");
}

/// A net whose weights would need a gradient through a Threshold is not built.
#[test]
fn nothing_is_learnt_through_a_threshold() {
    let text = r#"layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "h" inner_product_param { num_output: 3 } }
        layer { name: "t" type: "Threshold" bottom: "h" top: "y" }
        layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "x" top: "l" }"#;
    let e = cortado::net::Builder::parse(text, "text").unwrap().phase(cortado::Phase::Train).make().err().unwrap();
    assert_eq!(e.message(), "Threshold has no gradient for its bottom \"h\", which needs one");
}

/// A pass on a card is recorded as it stands, in memory that is there already, and replayed with what the dial says by then.
#[test]
fn a_pass_on_a_card_can_be_recorded_and_replayed() {
    crate::for_each(|case| {
        if case.param().r#type() == "Filter" {
            return Ok(()); // the shapes of its tops depend on the values: such a pass is never recorded
        }
        let device = Device::emulated();
        let (Device::Gpu(gpu), Outcome::Passed(_)) = (&device, case.kit().on_gpu()?) else { return Ok(()) };
        let mut bench = case.bench(0)?.device(&device);
        let plain = |bench: &mut Harness, pass| -> Result<Vec<Vec<f32>>> {
            bench.pass = pass;
            bench.forward()?;
            bench.top.iter_mut().for_each(|y| y.diff.fill(0.5));
            bench.params.iter_mut().for_each(|w| w.diff.fill(0.0));
            if case.gradient {
                bench.backward()?;
            }
            Ok(outcome(bench))
        };
        let expected = plain(&mut bench, 5)?;
        plain(&mut bench, 0)?;
        bench.params.iter_mut().for_each(|w| w.diff.fill(0.0));
        let Harness { layer, params, bottom, top, phase, .. } = &mut bench;
        let wanted: Vec<bool> = (0..bottom.len()).map(|i| layer.propagates(i)).collect();
        let cx = Cx { propagate_down: &wanted, ..Cx::new(*phase, &device) };
        gpu.record()?;
        layer.forward(&cx, params, bottom, top)?;
        if case.gradient {
            layer.backward(&cx, params, top, bottom)?;
        }
        let recording = gpu.end_record()?;
        gpu.turn(0, 5)?;
        recording.replay()?;
        device.check()?;
        match outcome(&bench) == expected {
            true => Ok(()),
            false => Err(cortado::Error::value("replayed, it gives other values")),
        }
    });
}

/// The tops, and the diffs of bottoms and parameters, NaNs as a number.
fn outcome(bench: &Harness) -> Vec<Vec<f32>> {
    let diffs = bench.bottom.iter().chain(&bench.params).map(|b| &b.diff);
    let values = bench.top.iter().map(|y| &y.data).chain(diffs);
    values.map(|x| x.slice().iter().map(|x| if x.is_nan() { -1e30 } else { *x }).collect()).collect()
}
