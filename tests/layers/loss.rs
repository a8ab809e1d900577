//! Losses and Accuracy.

use crate::activation::softmax;
use crate::kit::*;
use cortado::Device;

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
        name: "softmax_loss_under_both_tops",
        prototxt: r#"type: "SoftmaxWithLoss" top: "loss" top: "probability" loss_param { ignore_label: 2 }"#,
        bottom: SCORES,
        fill: FILL,
        naive: |x, _| vec![softmax_loss(x, 1, Some(2), |_, _, valid| valid), softmax(&x[0], 1)],
        tops: Some(&[0, 1]),
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
        name: "hinge_loss",
        prototxt: r#"type: "HingeLoss""#,
        bottom: ROWS,
        fill: &[Fill::Values(&[-2.0, 0.3, 1.7, -0.4, 2.5, -1.3, 0.8]), Fill::Label(5)],
        naive: |x, _| vec![hinge_loss(x, |h| h)],
        ..CASE
    },
    Case {
        name: "hinge_loss_squared",
        prototxt: r#"type: "HingeLoss" hinge_loss_param { norm: L2 }"#,
        bottom: ROWS,
        fill: FILL,
        naive: |x, _| vec![hinge_loss(x, |h| h * h)],
        ..CASE
    },
    Case {
        name: "multinomial_loss",
        prototxt: r#"type: "MultinomialLogisticLoss""#,
        bottom: ROWS,
        fill: &[Fill::Uniform(0.2, 1.0), Fill::Label(5)],
        naive: |x, _| {
            let classes = x[0].len() / x[1].len();
            let y = |i: usize, l: f64| x[0].iter().nth(i * classes + l as usize).unwrap().ln();
            vec![scalar(-x[1].iter().enumerate().map(|(i, l)| y(i, *l)).sum::<f64>() / x[1].len() as f64)]
        },
        ..CASE
    },
    Case {
        name: "infogain_loss",
        prototxt: r#"type: "InfogainLoss""#,
        bottom: INFOGAIN,
        fill: INFOGAIN_FILL,
        naive: |x, _| vec![infogain_loss(x, 1, None, |_, _, valid| valid)],
        ..CASE
    },
    Case {
        name: "infogain_loss_last_axis",
        prototxt: r#"type: "InfogainLoss" infogain_loss_param { axis: -1 } loss_param { normalization: BATCH_SIZE }"#,
        bottom: &[&[&[2, 3, 5], &[2, 3], &[25]], &[&[4, 5], &[4], &[5, 5]]],
        fill: INFOGAIN_FILL,
        naive: |x, _| vec![infogain_loss(x, x[0].ndim() - 1, None, |samples, _, _| samples)],
        ..CASE
    },
    Case {
        name: "infogain_loss_under_both_tops",
        prototxt: r#"type: "InfogainLoss" top: "loss" top: "probability" loss_param { ignore_label: 2 }"#,
        bottom: INFOGAIN,
        fill: INFOGAIN_FILL,
        naive: |x, _| vec![infogain_loss(x, 1, Some(2), |_, _, valid| valid), softmax(&x[0], 1)],
        tops: Some(&[0, 1]),
        ..CASE
    },
    Case {
        name: "infogain_loss_full",
        prototxt: r#"type: "InfogainLoss" loss_param { ignore_label: 2 normalization: FULL }"#,
        bottom: INFOGAIN,
        fill: INFOGAIN_FILL,
        naive: |x, _| vec![infogain_loss(x, 1, Some(2), |_, all, _| all)],
        ..CASE
    },
    Case {
        name: "infogain_loss_all_ignored",
        prototxt: r#"type: "InfogainLoss" loss_param { ignore_label: -1 }"#,
        bottom: INFOGAIN,
        fill: &[Fill::Uniform(-2.0, 2.0), Fill::Values(&[-1.0]), Fill::Uniform(0.0, 1.0)],
        naive: |_, _| vec![scalar(0.0)],
        ..CASE
    },
    Case {
        name: "contrastive_loss",
        prototxt: r#"type: "ContrastiveLoss" contrastive_loss_param { margin: 2.5 }"#,
        bottom: PAIRS,
        fill: PAIRS_FILL,
        naive: |x, _| vec![contrastive_loss(x, |d| (2.5 - d).max(0.0).powi(2))],
        ..CASE
    },
    Case {
        name: "contrastive_loss_far_apart",
        prototxt: r#"type: "ContrastiveLoss" contrastive_loss_param { margin: 0.01 }"#,
        bottom: PAIRS,
        fill: PAIRS_FILL,
        naive: |x, _| vec![contrastive_loss(x, |_| 0.0)],
        ..CASE
    },
    Case {
        name: "contrastive_loss_legacy",
        prototxt: r#"type: "ContrastiveLoss" contrastive_loss_param { margin: 2.5 legacy_version: true }"#,
        bottom: PAIRS,
        fill: PAIRS_FILL,
        naive: |x, _| vec![contrastive_loss(x, |d| (2.5 - d * d).max(0.0))],
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

/// Scores with one label for all values of a sample.
const ROWS: &[&[&[usize]]] = &[&[&[4, 5], &[4]], &[&[3, 2, 3, 1], &[3, 1]]];

/// Scores of five classes, labels, and what each pair of classes is worth.
const INFOGAIN: &[&[&[usize]]] = &[&[&[4, 5], &[4], &[5, 5]], &[&[2, 5, 3, 2], &[2, 3, 2], &[1, 1, 5, 5]]];
const INFOGAIN_FILL: &[Fill] = &[Fill::Uniform(-2.0, 2.0), Fill::Label(5), Fill::Uniform(-0.2, 1.0)];

/// Pairs, and whether they are alike.
const PAIRS: &[&[&[usize]]] = &[&[&[4, 3], &[4, 3], &[4]], &[&[5, 2, 2, 1], &[5, 4], &[5, 1]]];
const PAIRS_FILL: &[Fill] = &[Fill::Uniform(-1.0, 1.0), Fill::Uniform(-1.0, 1.0), Fill::Values(&[1.0, 0.0, 0.0])];

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

fn hinge_loss(x: &[ArrayD<f64>], norm: fn(f64) -> f64) -> ArrayD<f64> {
    let (n, mut sum) = (x[1].len(), 0.0);
    for (scores, label) in x[0].as_slice().unwrap().chunks(x[0].len() / n).zip(&x[1]) {
        for (c, x) in scores.iter().enumerate() {
            let t = if c == *label as usize { 1.0 } else { -1.0 };
            sum += norm((1.0 - t * x).max(0.0));
        }
    }
    scalar(sum / n as f64)
}

fn infogain_loss(x: &[ArrayD<f64>], axis: usize, ignored: Option<i64>, divisor: Divisor) -> ArrayD<f64> {
    let (y, h) = (softmax(&x[0], axis), x[2].as_slice().unwrap());
    let (mut sum, mut valid) = (0.0, 0.0);
    for (classes, label) in y.lanes(Axis(axis)).into_iter().zip(&x[1]) {
        if Some(*label as i64) != ignored {
            let row = &h[*label as usize * classes.len()..];
            sum -= classes.iter().zip(row).map(|(y, h)| h * y.ln()).sum::<f64>();
            valid += 1.0;
        }
    }
    let samples: usize = x[0].shape()[..axis].iter().product();
    scalar(sum / divisor(samples as f64, x[1].len() as f64, valid).max(1.0))
}

/// `apart` is what a pair that is not alike costs at a distance.
fn contrastive_loss(x: &[ArrayD<f64>], apart: fn(f64) -> f64) -> ArrayD<f64> {
    let n = x[2].len();
    let rows = |i: usize| x[i].as_slice().unwrap().chunks(x[0].len() / n);
    let mut sum = 0.0;
    for ((a, b), s) in rows(0).zip(rows(1)).zip(&x[2]) {
        let d2: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
        sum += if *s == 1.0 { d2 } else { apart(d2.sqrt()) };
    }
    scalar(sum / 2.0 / n as f64)
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

#[test]
fn losses_of_one_label_a_sample_name_a_wrong_one() {
    for kind in ["HingeLoss", "MultinomialLogisticLoss"] {
        let text = format!(r#"type: "{kind}""#);
        let e = bench(&text, &[3, 10], &[0.0, 9.0, 10.0], &[3]).unwrap().forward().unwrap_err();
        assert_eq!(e.message(), "the label of sample 2 is 10, and the classes are 0 to 9");
        assert!(!e.to_string().contains("ignore_label"), "{e}");
        let e = bench(&text, &[3, 10], &[0.0; 4], &[4]).err().expect("four labels for three samples");
        assert!(e.message().contains("[4]") && e.message().contains("[3, 10]"), "{e}");
        let mut none = bench(&text, &[0, 10], &[], &[0]).unwrap();
        none.forward().unwrap();
        assert_eq!(none.top[0].data.scalar(), 0.0);
        none.backward().unwrap();
    }
}

#[test]
fn a_hinge_is_flat_where_nothing_is_missing() {
    let mut bench = bench(r#"type: "HingeLoss""#, &[1, 3], &[0.0], &[1]).unwrap();
    bench.bottom[0].data.slice_mut().copy_from_slice(&[1.0, -1.0, -0.5]);
    bench.forward().unwrap();
    assert_eq!(bench.top[0].data.scalar(), 0.5);
    bench.top[0].diff.fill(1.0);
    bench.backward().unwrap();
    assert_eq!(bench.bottom[0].diff.slice(), [0.0, 0.0, 1.0]);
}

#[test]
fn a_loss_of_nan_is_nan() {
    for kind in ["HingeLoss", "MultinomialLogisticLoss"] {
        let mut bench = bench(&format!(r#"type: "{kind}""#), &[1, 2], &[0.0], &[1]).unwrap();
        bench.bottom[0].data.fill(f32::NAN);
        bench.forward().unwrap();
        assert!(bench.top[0].data.scalar().is_nan(), "{kind}");
    }
}

#[test]
fn a_vanished_probability_counts_as_the_smallest() {
    let mut bench = bench(r#"type: "MultinomialLogisticLoss""#, &[1, 2], &[1.0], &[1]).unwrap();
    bench.bottom[0].data.slice_mut().copy_from_slice(&[1.0, 0.0]);
    bench.forward().unwrap();
    assert_eq!(bench.top[0].data.scalar(), -1e-20f32.ln());
    bench.top[0].diff.fill(1.0);
    bench.backward().unwrap();
    assert_eq!(bench.bottom[0].diff.slice(), [0.0, -1e20]);
}

#[test]
fn pairs_that_do_not_fit_are_refused() {
    let create = |shapes: &[&[usize]]| {
        Harness::create(&Layers::caffe(), &crate::text::layer(r#"type: "ContrastiveLoss""#), shapes).err().unwrap()
    };
    assert_eq!(create(&[&[4, 3], &[4, 3], &[4, 2]]).message(), "bottom[2] has shape [4, 2], and there are 4 pairs");
    assert!(create(&[&[4, 3], &[4, 2], &[4]]).message().contains("[4, 2]"));
}

/// Two equal points that should be apart know no direction: no push, and no NaN.
#[test]
fn equal_points_are_not_pushed() {
    for legacy in [false, true] {
        let text = format!(r#"type: "ContrastiveLoss" contrastive_loss_param {{ legacy_version: {legacy} }}"#);
        let shapes: &[&[usize]] = &[&[1, 2], &[1, 2], &[1]];
        let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(&text), shapes).unwrap();
        bench.forward().unwrap();
        assert_eq!(bench.top[0].data.scalar(), 0.5);
        bench.top[0].diff.fill(1.0);
        bench.backward().unwrap();
        assert_eq!(bench.bottom[0].diff.slice(), [0.0, 0.0]);
    }
}

/// A file with the values as a blob of the given shape.
fn binaryproto(path: &std::path::Path, shape: &[i64], data: Vec<f32>) {
    use cortado::proto::{BlobProto, BlobShape, binary};
    let shape = Some(BlobShape { dim: shape.to_vec() });
    std::fs::write(path, binary::encode(&BlobProto { shape, data, ..Default::default() })).unwrap();
}

#[test]
fn infogain_reads_its_matrix_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("H.binaryproto");
    let text = format!(r#"type: "InfogainLoss" infogain_loss_param {{ source: {path:?} }}"#);
    binaryproto(&path, &[1, 1, 3, 3], vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let mut infogain = bench(&text, &[4, 3], &[0.0, 2.0, 1.0, 1.0], &[4]).unwrap();
    let mut softmax = bench(r#"type: "SoftmaxWithLoss""#, &[4, 3], &[0.0, 2.0, 1.0, 1.0], &[4]).unwrap();
    for bench in [&mut infogain, &mut softmax] {
        bench.fill(0, Fill::Uniform(-2.0, 2.0));
        bench.forward().unwrap();
        bench.top[0].diff.fill(1.0);
        bench.backward().unwrap();
    }
    let (a, b) = (infogain.top[0].data.scalar(), softmax.top[0].data.scalar());
    assert!((a - b).abs() < 1e-6, "with ones on the diagonal it is a SoftmaxWithLoss: {a} {b}");
    for (a, b) in infogain.bottom[0].diff.slice().iter().zip(softmax.bottom[0].diff.slice()) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }

    let source = "infogain_loss_param.source";
    binaryproto(&path, &[2, 3], vec![1.0; 5]);
    refuses(&text, &[&[4, 3], &[4]], "a stored blob of shape [2, 3] holds 5 values instead of 6", source);
    std::fs::write(&path, "not a blob").unwrap();
    refuses(&text, &[&[4, 3], &[4]], "the infogain matrix", source);
    std::fs::remove_file(&path).unwrap();
    refuses(&text, &[&[4, 3], &[4]], "H.binaryproto is not there: looked for", source);
    binaryproto(&path, &[2, 2], vec![1.0; 4]);
    let e = bench(&text, &[4, 3], &[0.0; 4], &[4]).err().unwrap();
    assert_eq!(e.message(), "H has 4 values, and scores of shape [4, 3] ask for 3 x 3");
}

#[test]
fn infogain_without_a_matrix_is_refused() {
    refuses(r#"type: "InfogainLoss""#, &[&[4, 3], &[4]], "has no matrix H", "infogain_loss_param");
    let axis = r#"type: "InfogainLoss" infogain_loss_param { axis: 2 }"#;
    refuses(axis, &[&[4, 3], &[4], &[3, 3]], "axis 2", "infogain_loss_param.axis");
    let create =
        Harness::create(&Layers::caffe(), &crate::text::layer(r#"type: "InfogainLoss""#), &[&[4, 3], &[4], &[3]]);
    assert!(create.err().unwrap().message().contains("H has 3 values"));
}

/// Caffe stops here with an error. The accuracy has no slope, so the scores' diff is that of the other path alone.
#[test]
fn accuracy_adds_nothing_under_force_backward() {
    let text = r#"force_backward: true
        layer { name: "x" type: "Input" top: "x" top: "t" input_param { shape { dim: 2 dim: 3 } shape { dim: 2 } } }
        layer { name: "accuracy" type: "Accuracy" bottom: "x" bottom: "t" top: "accuracy" }
        layer { name: "sum" type: "Reduction" bottom: "x" top: "y" reduction_param { coeff: 2 } loss_weight: 1 }"#;
    let mut net = cortado::net::Builder::parse(text, "text").unwrap().make().unwrap();
    net.forward().unwrap();
    net.backward().unwrap();
    assert_eq!(net.diff("x").unwrap().slice(), [2.0; 6]);
}

/// A loss's own probabilities, used by another loss above, hand their gradient down as a Softmax beside it does.
#[test]
fn probabilities_of_a_loss_are_as_good_as_a_softmax() {
    let dx = |kind: &str, beside: bool, keep| {
        let (top, softmax) = match beside {
            true => ("", r#"layer { name: "softmax" type: "Softmax" bottom: "x" top: "y" }"#),
            false => (r#"top: "y""#, ""),
        };
        let h = if kind == "InfogainLoss" { r#"bottom: "h""# } else { "" };
        let text = format!(
            r#"layer {{ name: "w" type: "Parameter" top: "w" parameter_param {{ shape {{ dim: 2 dim: 3 }} }} }}
               layer {{ name: "in" type: "Input" top: "t" top: "z" top: "h" input_param {{
                 shape {{ dim: 2 }} shape {{ dim: 2 dim: 3 }} shape {{ dim: 3 dim: 3 }} }} }}
               layer {{ name: "x" type: "Power" bottom: "w" top: "x" power_param {{ scale: 2 }} }}
               layer {{ name: "loss" type: "{kind}" bottom: "x" bottom: "t" {h} top: "loss" {top} }}
               {softmax}
               layer {{ name: "distance" type: "EuclideanLoss" bottom: "y" bottom: "z" top: "distance" loss_weight: 5 }}
               layer {{ name: "rest" type: "Silence" bottom: "h" }}"#
        );
        let mut net = cortado::net::Builder::parse(&text, "text").unwrap().keep(keep).make().unwrap();
        let w = net.param_mut("w", 0).unwrap().data.slice_mut();
        w.copy_from_slice(&[0.1, -0.4, 0.7, 1.0, 0.2, -0.9]);
        net.data_mut("t").unwrap().slice_mut().copy_from_slice(&[2.0, 0.0]);
        net.data_mut("h").unwrap().slice_mut().copy_from_slice(&[1.0, 0.2, 0.0, 0.5, 2.0, 0.0, 0.0, 0.3, 1.0]);
        for _ in 0..2 {
            net.clear_param_diffs();
            net.forward().unwrap();
            net.backward().unwrap();
        }
        net.param("w", 0).unwrap().diff.slice().to_vec()
    };
    use cortado::net::Keep;
    for kind in ["SoftmaxWithLoss", "InfogainLoss"] {
        let wanted = dx(kind, true, Keep::All);
        for keep in [Keep::All, Keep::Needed] {
            let got = dx(kind, false, keep);
            for (got, wanted) in got.iter().zip(&wanted) {
                assert!((got - wanted).abs() < 1e-5, "{kind}, {keep:?}: {got} {wanted}");
            }
        }
    }
}

/// The layer's refusals of the labels, forward and backward, in all their words.
fn refusals(device: &Device, text: &str, shapes: &[&[usize]], labels: &[f32]) -> [Option<String>; 2] {
    let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(text), shapes).unwrap().device(device);
    bench.forward().unwrap();
    bench.bottom[1].data.slice_mut().copy_from_slice(labels);
    bench.top[0].diff.fill(1.0);
    let backward = bench.backward().err();
    [bench.forward().err(), backward].map(|e| e.map(|e| e.to_string()))
}

#[test]
fn a_gpu_refuses_a_label_in_the_cpus_words() {
    let (cpu, gpu) = (Device::cpu_with_threads(1), Device::emulated());
    let places: &[(&[&[usize]], &[f32])] = &[
        (&[&[3, 4], &[3], &[4, 4]], &[0.0, 3.5, 4.0]),
        (&[&[2, 4, 2], &[2, 2], &[4, 4]], &[0.0, 1.0, 2.0, -1.0]),
        (&[&[1, 4], &[1], &[4, 4]], &[f32::NAN]),
        (&[&[2, 4], &[2], &[4, 4]], &[-0.5, 3e9]),
    ];
    for kind in ["SoftmaxWithLoss", "InfogainLoss", "Accuracy", "HingeLoss", "MultinomialLogisticLoss"] {
        for (shapes, labels) in places {
            let one_a_sample = matches!(kind, "HingeLoss" | "MultinomialLogisticLoss");
            if one_a_sample && shapes[0].len() > 2 {
                continue;
            }
            let shapes = if kind == "InfogainLoss" { shapes } else { &shapes[..2] };
            let text = format!(r#"type: "{kind}""#);
            let [forward, backward] = refusals(&cpu, &text, shapes, labels);
            assert!(forward.is_some() && (backward.is_some() || kind == "Accuracy"), "{kind} takes {labels:?}");
            assert_eq!(refusals(&gpu, &text, shapes, labels), [forward, backward], "{kind}, {labels:?}");
        }
    }
}

/// More terms than one block adds up, rows longer than a block, places side by side.
#[test]
fn a_gpu_shares_large_sums_among_blocks() {
    let cases: &[(&str, &[&[usize]], Fill)] = &[
        (r#"type: "SoftmaxWithLoss" loss_param { ignore_label: 2 }"#, &[&[3000, 3], &[3000]], Fill::Label(3)),
        (r#"type: "SoftmaxWithLoss" top: "loss" top: "y""#, &[&[2, 600], &[2]], Fill::Label(600)),
        (r#"type: "SoftmaxWithLoss""#, &[&[2, 3, 40, 30], &[2, 40, 30]], Fill::Label(3)),
        (r#"type: "InfogainLoss""#, &[&[700, 5], &[700], &[25]], Fill::Label(5)),
        (r#"type: "HingeLoss" hinge_loss_param { norm: L2 }"#, &[&[700, 5], &[700]], Fill::Label(5)),
        (r#"type: "MultinomialLogisticLoss""#, &[&[2100, 2], &[2100]], Fill::Label(2)),
        (r#"type: "EuclideanLoss""#, &[&[7, 600], &[7, 600]], Fill::Uniform(-1.0, 1.0)),
        (r#"type: "SigmoidCrossEntropyLoss""#, &[&[7, 600], &[7, 600]], Fill::Uniform(0.0, 1.0)),
        (r#"type: "ContrastiveLoss""#, &[&[600, 2], &[600, 2], &[600]], Fill::Uniform(-1.0, 1.0)),
        (r#"type: "ContrastiveLoss""#, &[&[2, 600], &[2, 600], &[2]], Fill::Uniform(-1.0, 1.0)),
        (r#"type: "Accuracy" top: "a" top: "b" accuracy_param { top_k: 2 }"#, &[&[600, 4], &[600]], Fill::Label(4)),
        (r#"type: "Accuracy" accuracy_param { top_k: 200 }"#, &[&[3, 600], &[3]], Fill::Label(600)),
        (r#"type: "ArgMax" argmax_param { top_k: 3 out_max_val: true }"#, &[&[2, 600]], Fill::Label(2)),
        (r#"type: "Reduction" reduction_param { operation: SUMSQ axis: 1 }"#, &[&[2, 1100]], Fill::Label(2)),
        (r#"type: "Softmax""#, &[&[2, 1100]], Fill::Label(2)),
    ];
    for (text, shapes, second) in cases {
        let kit = Kit::new(&Layers::caffe(), &crate::text::layer(text), shapes).fill(1, *second);
        match kit.on_gpu() {
            Ok(cortado::check::Outcome::Passed(_)) => {}
            other => panic!("{text}, {shapes:?}: {other:?}"),
        }
    }
}

/// Tops and the first bottom's diff.
fn pass(device: &Device, text: &str, x: &[f32], labels: &[f32]) -> Vec<f32> {
    let shapes: &[&[usize]] = &[&[labels.len().max(1), x.len() / labels.len().max(1)], &[labels.len()], &[9]];
    let bottoms = if text.contains("Infogain") { 3 } else { 1 + usize::from(!labels.is_empty()) };
    let param = crate::text::layer(text);
    let mut bench = Harness::create(&Layers::caffe(), &param, &shapes[..bottoms]).unwrap().device(device);
    bench.bottom[0].data.slice_mut().copy_from_slice(x);
    bench.bottom.iter_mut().skip(1).zip([labels, &[1.0; 9]]).for_each(|(b, x)| b.data.slice_mut().copy_from_slice(x));
    bench.forward().unwrap();
    bench.top[0].diff.fill(1.0);
    bench.backward().unwrap();
    let values = bench.top.iter().map(|top| &top.data).chain([&bench.bottom[0].diff]);
    values.flat_map(|values| values.slice().to_vec()).collect()
}

/// Numbers that are none, or infinite, or equal.
#[test]
fn a_gpu_takes_odd_scores_as_the_cpu_does() {
    let (cpu, gpu) = (Device::cpu_with_threads(1), Device::emulated());
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let same = |a: &f32, b: &f32| a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-6 * a.abs().max(1.0);
    let check = |text: &str, scores: &[f32], labels: &[f32]| {
        let [a, b] = [&cpu, &gpu].map(|device| pass(device, text, scores, labels));
        assert!(a.iter().zip(&b).all(|(a, b)| same(a, b)), "{text}, {scores:?}, {labels:?}: {a:?} and {b:?}");
    };
    let odd = [nan, nan, nan, 5.0, 0.0, -inf, inf, 1.0, nan, 2.0, 2.0, -0.0, -500.0, 0.0, 500.0];
    for kind in ["SoftmaxWithLoss", "InfogainLoss", "Accuracy", "HingeLoss", "MultinomialLogisticLoss"] {
        for scores in odd.chunks(3) {
            [0.0, 2.0].iter().for_each(|label| check(&format!(r#"type: "{kind}""#), scores, &[*label]));
        }
    }
    for text in [r#"type: "Softmax""#, r#"type: "ArgMax" argmax_param { top_k: 3 out_max_val: true }"#] {
        for scores in odd.chunks(3).chain([&[0.0, -0.0, 0.0][..], &[-inf, -inf, -inf]]) {
            check(text, scores, &[]);
        }
    }
}
