//! Losses and Accuracy.

use crate::activation::softmax;
use crate::kit::*;

/// Scores and one label each: flat, and in places.
const SCORES: &[&[&[usize]]] = &[&[&[4, 5], &[4]], &[&[2, 5, 3, 2], &[2, 3, 2]], &[&[3, 5], &[3]]];
const FILL: &[Fill] = &[Fill::Uniform(-2.0, 2.0), Fill::Label(5)];

pub const CASES: &[Case] = &[
    Case {
        name: "softmax_loss",
        prototxt: r#"type: "SoftmaxWithLoss""#,
        bottom: SCORES,
        fill: FILL,
        naive: |x, _| vec![softmax_loss(x, 1, None, |_, all, _| all)],
        ..CASE
    },
    Case {
        name: "softmax_loss_and_probabilities",
        prototxt: r#"type: "SoftmaxWithLoss" top: "loss" top: "probability""#,
        bottom: SCORES,
        fill: FILL,
        naive: |x, _| vec![softmax_loss(x, 1, None, |_, all, _| all), softmax(&x[0], 1)],
        ..CASE
    },
    Case {
        name: "softmax_loss_last_axis",
        prototxt: r#"type: "SoftmaxWithLoss" softmax_param { axis: -1 }"#,
        bottom: &[&[&[2, 3, 5], &[2, 3]], &[&[4, 5], &[4]]],
        fill: FILL,
        naive: |x, _| vec![softmax_loss(x, x[0].ndim() - 1, None, |_, all, _| all)],
        ..CASE
    },
    Case {
        name: "softmax_loss_valid",
        prototxt: r#"type: "SoftmaxWithLoss" loss_param { ignore_label: 2 }"#,
        bottom: SCORES,
        fill: FILL,
        naive: |x, _| vec![softmax_loss(x, 1, Some(2), |_, _, valid| valid)],
        ..CASE
    },
    Case {
        name: "softmax_loss_full",
        prototxt: r#"type: "SoftmaxWithLoss" loss_param { ignore_label: 2 normalization: FULL }"#,
        bottom: SCORES,
        fill: FILL,
        naive: |x, _| vec![softmax_loss(x, 1, Some(2), |_, all, _| all)],
        ..CASE
    },
    Case {
        name: "softmax_loss_batch_size",
        prototxt: r#"type: "SoftmaxWithLoss" loss_param { normalization: BATCH_SIZE normalize: true }"#,
        bottom: SCORES,
        fill: FILL,
        naive: |x, _| vec![softmax_loss(x, 1, None, |samples, _, _| samples)],
        ..CASE
    },
    Case {
        name: "softmax_loss_normalize_false",
        prototxt: r#"type: "SoftmaxWithLoss" loss_param { normalize: false }"#,
        bottom: SCORES,
        fill: FILL,
        naive: |x, _| vec![softmax_loss(x, 1, None, |samples, _, _| samples)],
        ..CASE
    },
    Case {
        name: "softmax_loss_none",
        prototxt: r#"type: "SoftmaxWithLoss" loss_param { normalization: NONE }"#,
        bottom: SCORES,
        fill: FILL,
        naive: |x, _| vec![softmax_loss(x, 1, None, |_, _, _| 1.0)],
        ..CASE
    },
    Case {
        name: "softmax_loss_all_ignored",
        prototxt: r#"type: "SoftmaxWithLoss" loss_param { ignore_label: -1 }"#,
        bottom: SCORES,
        fill: &[Fill::Uniform(-2.0, 2.0), Fill::Values(&[-1.0])],
        naive: |_, _| vec![scalar(0.0)],
        ..CASE
    },
    Case {
        name: "euclidean_loss",
        prototxt: r#"type: "EuclideanLoss""#,
        bottom: &[&[&[4, 3], &[4, 3]], &[&[2, 3, 2, 2], &[2, 12]]],
        naive: |x, _| {
            let sum: f64 = x[0].iter().zip(&x[1]).map(|(a, b)| (a - b).powi(2)).sum();
            vec![scalar(sum / 2.0 / x[0].shape()[0] as f64)]
        },
        ..CASE
    },
    Case {
        name: "sigmoid_loss",
        prototxt: r#"type: "SigmoidCrossEntropyLoss""#,
        bottom: ANSWERS,
        fill: &[Fill::Uniform(-3.0, 3.0), Fill::Uniform(0.0, 1.0)],
        naive: |x, _| vec![sigmoid_loss(x, None, |samples, _, _| samples)],
        ..CASE
    },
    Case {
        name: "sigmoid_loss_valid",
        prototxt: r#"type: "SigmoidCrossEntropyLoss" loss_param { ignore_label: -1 normalization: VALID }"#,
        bottom: ANSWERS,
        fill: &[Fill::Uniform(-3.0, 3.0), Fill::Values(&[0.0, 1.0, -1.0, 1.0])],
        naive: |x, _| vec![sigmoid_loss(x, Some(-1), |_, _, valid| valid)],
        ..CASE
    },
    Case {
        name: "sigmoid_loss_normalize",
        prototxt: r#"type: "SigmoidCrossEntropyLoss" loss_param { ignore_label: 1 normalize: true }"#,
        bottom: ANSWERS,
        fill: &[Fill::Uniform(-3.0, 3.0), Fill::Label(2)],
        naive: |x, _| vec![sigmoid_loss(x, Some(1), |_, _, valid| valid)],
        ..CASE
    },
    Case {
        name: "sigmoid_loss_full",
        prototxt: r#"type: "SigmoidCrossEntropyLoss" loss_param { normalization: FULL }"#,
        bottom: ANSWERS,
        fill: &[Fill::Uniform(-3.0, 3.0), Fill::Label(2)],
        naive: |x, _| vec![sigmoid_loss(x, None, |_, all, _| all)],
        ..CASE
    },
    Case {
        name: "sigmoid_loss_far_out",
        prototxt: r#"type: "SigmoidCrossEntropyLoss" loss_param { normalization: NONE }"#,
        bottom: ANSWERS,
        fill: &[Fill::Values(&[-120.0, 150.0, 40.0, -50.0]), Fill::Values(&[0.0, 1.0, 0.0])],
        naive: |x, _| vec![sigmoid_loss(x, None, |_, _, _| 1.0)],
        gradient: false, // the loss is in the hundreds: f32 has no room for a small step
        ..CASE
    },
    Case {
        name: "accuracy",
        prototxt: r#"type: "Accuracy""#,
        bottom: SCORES,
        fill: FILL,
        naive: |x, _| accuracy(x, 1, 1, None, 1),
        gradient: false,
        ..CASE
    },
    Case {
        name: "accuracy_top_2_by_class",
        prototxt: r#"type: "Accuracy" top: "all" top: "by_class" accuracy_param { top_k: 2 ignore_label: 3 }"#,
        bottom: SCORES,
        fill: FILL,
        naive: |x, _| accuracy(x, 1, 2, Some(3), 2),
        gradient: false,
        ..CASE
    },
    Case {
        name: "accuracy_last_axis_with_ties",
        prototxt: r#"type: "Accuracy" accuracy_param { axis: -1 }"#,
        bottom: &[&[&[4, 3, 5], &[4, 3]], &[&[20, 5], &[20]]],
        fill: &[Fill::Label(3), Fill::Label(5)],
        naive: |x, _| accuracy(x, x[0].ndim() - 1, 1, None, 1),
        gradient: false,
        ..CASE
    },
];

const ANSWERS: &[&[&[usize]]] = &[&[&[4, 3], &[4, 3]], &[&[2, 3, 2, 2], &[2, 3, 2, 2]]];

pub fn scalar(x: f64) -> ArrayD<f64> {
    ArrayD::from_elem(IxDyn(&[]), x)
}

/// What the sum is divided by, given the number of samples, of labels, and of labels that are not ignored.
type Divisor = fn(f64, f64, f64) -> f64;

fn softmax_loss(x: &[ArrayD<f64>], axis: usize, ignored: Option<i64>, divisor: Divisor) -> ArrayD<f64> {
    let y = softmax(&x[0], axis);
    let (mut sum, mut valid) = (0.0, 0.0);
    for (classes, label) in y.lanes(Axis(axis)).into_iter().zip(&x[1]) {
        if Some(*label as i64) != ignored {
            sum -= classes[*label as usize].ln();
            valid += 1.0;
        }
    }
    let samples: usize = x[0].shape()[..axis].iter().product();
    scalar(sum / divisor(samples as f64, x[1].len() as f64, valid).max(1.0))
}

fn sigmoid_loss(x: &[ArrayD<f64>], ignored: Option<i64>, divisor: Divisor) -> ArrayD<f64> {
    let (mut sum, mut valid) = (0.0, 0.0);
    for (x, t) in x[0].iter().zip(&x[1]) {
        if ignored.is_none_or(|ignored| t.trunc() as i64 != ignored) {
            // -ln(1 - y) = x + ln(1 + e^-x), written so that neither end overflows
            let (yes, no) = if *x > 0.0 {
                ((-x).exp().ln_1p(), x + (-x).exp().ln_1p())
            } else {
                (x.exp().ln_1p() - x, x.exp().ln_1p())
            };
            sum += t * yes + (1.0 - t) * no;
            valid += 1.0;
        }
    }
    scalar(sum / divisor(x[0].shape()[0] as f64, x[0].len() as f64, valid).max(1.0))
}

fn accuracy(x: &[ArrayD<f64>], axis: usize, k: usize, ignored: Option<i64>, tops: usize) -> Vec<ArrayD<f64>> {
    let classes = x[0].shape()[axis];
    let (mut right, mut all) = (ArrayD::zeros(IxDyn(&[classes])), ArrayD::<f64>::zeros(IxDyn(&[classes])));
    for (scores, label) in x[0].lanes(Axis(axis)).into_iter().zip(&x[1]) {
        let l = *label as usize;
        if Some(l as i64) != ignored {
            let others_as_high = (0..classes).filter(|&c| c != l && scores[c] >= scores[l]).count();
            right[l] += f64::from(others_as_high < k);
            all[l] += 1.0;
        }
    }
    let by_class = &right / &all.mapv(|n| n.max(1.0));
    let mut y = vec![scalar(right.sum() / all.sum().max(1.0)), by_class];
    y.truncate(tops);
    y
}

/// A layer with these scores and labels.
fn bench(text: &str, scores: &[usize], labels: &[f32], label_shape: &[usize]) -> Result<Harness> {
    let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(text), &[scores, label_shape])?;
    bench.bottom[1].data.slice_mut().copy_from_slice(labels);
    Ok(bench)
}

#[test]
fn a_label_out_of_range_is_named_with_its_sample_and_place() {
    for kind in ["SoftmaxWithLoss", "Accuracy"] {
        let text = format!(r#"type: "{kind}""#);
        let e = bench(&text, &[3, 10], &[0.0, 9.0, 10.0], &[3]).unwrap().forward().unwrap_err();
        assert_eq!(e.message(), "the label of sample 2 is 10, and the classes are 0 to 9");
        let e = bench(&text, &[2, 4, 2], &[0.0, 1.0, 2.0, -1.0], &[2, 2]).unwrap().forward().unwrap_err();
        assert_eq!(e.message(), "the label of sample 1, position 1 is -1, and the classes are 0 to 3");
        assert!(bench(&text, &[1, 4], &[f32::NAN], &[1]).unwrap().forward().is_err());
        let e = bench(&text, &[3, 10], &[0.0; 4], &[4]).err().expect("four labels for three samples");
        assert!(e.message().contains("[4]") && e.message().contains("[3, 10]"), "{e}");
    }
}

#[test]
fn scores_that_are_not_numbers_are_never_right() {
    let mut bench = bench(r#"type: "Accuracy""#, &[3, 2], &[0.0, 1.0, 1.0], &[3]).unwrap();
    bench.bottom[0].data.slice_mut().copy_from_slice(&[f32::NAN, f32::NAN, f32::NAN, 5.0, 0.0, 1.0]);
    bench.forward().unwrap();
    assert_eq!(bench.top[0].data.scalar(), 1.0 / 3.0);
}

#[test]
fn a_vanished_probability_has_a_finite_loss_and_a_full_slope() {
    let mut bench = bench(r#"type: "SoftmaxWithLoss""#, &[1, 2], &[0.0], &[1]).unwrap();
    bench.bottom[0].data.slice_mut().copy_from_slice(&[-500.0, 500.0]);
    bench.forward().unwrap();
    assert_eq!(bench.top[0].data.scalar(), -f32::MIN_POSITIVE.ln());
    bench.top[0].diff.fill(1.0);
    bench.backward().unwrap();
    assert_eq!(bench.bottom[0].diff.slice(), [-1.0, 1.0]);
}

#[test]
fn top_k_is_at_most_the_number_of_classes() {
    for k in ["0", "6"] {
        let text = format!(r#"type: "Accuracy" accuracy_param {{ top_k: {k} }}"#);
        let e = bench(&text, &[3, 5], &[0.0; 3], &[3]).err().expect("refused");
        assert_eq!(e.field_path(), Some("accuracy_param.top_k"));
    }
}
