//! Element by element: ReLU and its kin; Dropout; Softmax.

use crate::kit::*;
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
fn a_dropout_ratio_must_be_a_probability() {
    for ratio in ["1", "-0.1", "1.5", "nan"] {
        let text = format!(r#"type: "Dropout" dropout_param {{ dropout_ratio: {ratio} }}"#);
        let e = Layers::caffe().create(&crate::text::layer(&text)).err().expect("refused");
        assert_eq!(e.field_path(), Some("dropout_param.dropout_ratio"));
    }
}

#[test]
fn more_values_than_one_piece_give_the_same_bits_on_any_number_of_threads() {
    for kind in ["Sigmoid", "TanH", "Dropout", "Softmax"] {
        let param = crate::text::layer(&format!(r#"type: "{kind}""#));
        let mut bench = Harness::create(&Layers::caffe(), &param, &[&[41, 1003]]).unwrap();
        bench.fill(0, Fill::Uniform(-3.0, 3.0));
        bench.check_threads().unwrap();
        if kind == "Dropout" {
            bench.check_forward(|x, _| vec![dropped(&x[0], "", 0.5)], 1e-6).unwrap();
        }
    }
}
