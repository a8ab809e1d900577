//! Layers that rescale.

use crate::kit::*;

pub const CASES: &[Case] = &[
    Case {
        name: "lrn",
        prototxt: r#"type: "LRN" lrn_param { local_size: 3 alpha: 2 k: 1.5 }"#,
        bottom: &[&[&[2, 5, 2, 3]], &[&[1, 1, 2, 2]]],
        naive: |x, _| vec![lrn(&x[0], |a, b| a[0].abs_diff(b[0]) <= 1 && a[1..] == b[1..], 2.0 / 3.0, 0.75, 1.5)],
        ..CASE
    },
    Case {
        name: "lrn_wider_than_the_channels",
        prototxt: r#"type: "LRN" lrn_param { local_size: 7 alpha: 0.7 beta: 0.4 }"#,
        bottom: &[&[&[1, 4, 2, 3]], &[&[2, 2, 1, 2]]],
        naive: |x, _| vec![lrn(&x[0], |a, b| a[0].abs_diff(b[0]) <= 3 && a[1..] == b[1..], 0.1, 0.4, 1.0)],
        ..CASE
    },
    Case {
        name: "lrn_within_channel",
        prototxt: r#"type: "LRN" lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 alpha: 1.8 }"#,
        bottom: &[&[&[2, 2, 4, 3]], &[&[1, 1, 2, 5]]],
        naive: |x, _| {
            let near = |a: &[usize], b: &[usize]| a[0] == b[0] && (1..3).all(|i| a[i].abs_diff(b[i]) <= 1);
            vec![lrn(&x[0], near, 0.2, 0.75, 1.0)]
        },
        ..CASE
    },
    Case {
        name: "batch_norm",
        prototxt: r#"type: "BatchNorm""#,
        bottom: &[&[&[3, 4, 2, 3]], &[&[6, 4]], &[&[2, 4, 5]]],
        naive: |x, _| vec![batch_norm(&x[0], 1e-5)],
        ..CASE
    },
    Case {
        name: "batch_norm_of_one_axis",
        prototxt: r#"type: "BatchNorm" batch_norm_param { eps: 0.01 }"#,
        bottom: &[&[&[9]], &[&[5]]],
        naive: |x, _| vec![batch_norm(&x[0], 0.01)],
        ..CASE
    },
    Case {
        name: "batch_norm_test",
        prototxt: r#"type: "BatchNorm""#,
        bottom: &[&[&[2, 3, 4]], &[&[5, 3]]],
        params: STATISTICS,
        phase: Phase::Test,
        naive: |x, w| vec![running_norm(&x[0], w)],
        ..CASE
    },
    Case {
        name: "batch_norm_global_while_training",
        prototxt: r#"type: "BatchNorm" batch_norm_param { use_global_stats: true }"#,
        bottom: &[&[&[2, 3, 4]], &[&[5, 3]]],
        params: STATISTICS,
        naive: |x, w| vec![running_norm(&x[0], w)],
        ..CASE
    },
    Case {
        name: "mvn",
        prototxt: r#"type: "MVN""#,
        bottom: &[&[&[2, 3, 4, 2]], &[&[3, 2, 5]]],
        fill: &[Fill::Uniform(-1.0, 3.0)],
        naive: |x, _| vec![mvn(&x[0], 2, 1e-9)],
        ..CASE
    },
    Case {
        name: "mvn_mean_only",
        prototxt: r#"type: "MVN" mvn_param { normalize_variance: false }"#,
        bottom: &[&[&[2, 3, 4, 2]], &[&[3, 2, 5]]],
        naive: |x, _| vec![centred(&x[0], 2)],
        ..CASE
    },
    Case {
        name: "mvn_across_channels",
        prototxt: r#"type: "MVN" mvn_param { across_channels: true }"#,
        bottom: &[&[&[2, 3, 4, 2]], &[&[3, 5]]],
        fill: &[Fill::Uniform(-1.0, 3.0)],
        naive: |x, _| vec![mvn(&x[0], 1, 1e-9)],
        ..CASE
    },
    Case {
        name: "mvn_mean_only_across_channels",
        prototxt: r#"type: "MVN" mvn_param { across_channels: true normalize_variance: false }"#,
        bottom: &[&[&[2, 3, 4, 2]], &[&[3, 5]]],
        naive: |x, _| vec![centred(&x[0], 1)],
        ..CASE
    },
    Case {
        name: "mvn_large_eps",
        prototxt: r#"type: "MVN" mvn_param { eps: 0.25 }"#,
        bottom: &[&[&[2, 3, 4, 2]], &[&[3, 2, 5]]],
        naive: |x, _| vec![mvn(&x[0], 2, 0.25)],
        gradient: false, // backward is Caffe's, which is no slope for a large eps: a test of its own
        ..CASE
    },
    Case {
        name: "mvn_of_single_values",
        prototxt: r#"type: "MVN""#,
        bottom: &[&[&[4, 3]], &[&[5]], &[&[2, 3, 1, 1]]],
        naive: |x, _| vec![x[0].mapv(|_| 0.0)],
        gradient: false, // s is 0, and the slope 0 / 0
        ..CASE
    },
    Case {
        name: "scale",
        prototxt: r#"type: "Scale""#,
        bottom: &[&[&[2, 3, 4, 2]], &[&[5, 3]]],
        naive: |x, w| vec![spread(&x[0], &w[0], 1, |x, s| x * s)],
        ..CASE
    },
    Case {
        name: "scale_and_bias",
        prototxt: r#"type: "Scale" scale_param { axis: 1 num_axes: 2 bias_term: true }"#,
        bottom: &[&[&[2, 3, 4, 2]], &[&[5, 3, 4]]],
        naive: |x, w| vec![spread(&spread(&x[0], &w[0], 1, |x, s| x * s), &w[1], 1, |x, b| x + b)],
        ..CASE
    },
    Case {
        name: "scale_every_axis",
        prototxt: r#"type: "Scale" scale_param { axis: 0 num_axes: -1 bias_term: true }"#,
        bottom: &[&[&[2, 3, 2]], &[&[5]]],
        naive: |x, w| vec![&x[0] * &w[0] + &w[1]],
        ..CASE
    },
    Case {
        name: "scale_by_a_scalar",
        prototxt: r#"type: "Scale" scale_param { num_axes: 0 bias_term: true }"#,
        bottom: &[&[&[2, 3, 2]], &[&[5]]],
        naive: |x, w| vec![x[0].mapv(|x| x * w[0].sum() + w[1].sum())],
        ..CASE
    },
    Case {
        name: "scale_two_bottoms",
        prototxt: r#"type: "Scale" scale_param { axis: 0 }"#,
        bottom: &[&[&[2, 3, 4], &[2, 3]], &[&[4, 3], &[4]], &[&[4, 3], &[4, 3]], &[&[4, 3], &[]]],
        naive: |x, _| vec![spread(&x[0], &x[1], 0, |x, s| x * s)],
        ..CASE
    },
    Case {
        name: "scale_two_bottoms_and_bias",
        prototxt: r#"type: "Scale" scale_param { axis: -2 bias_term: true }"#,
        bottom: &[&[&[2, 3, 4], &[3, 4]], &[&[3, 4], &[3]]],
        naive: |x, w| {
            let axis = x[0].ndim() - 2;
            vec![spread(&spread(&x[0], &x[1], axis, |x, s| x * s), &w[0], axis, |x, b| x + b)]
        },
        ..CASE
    },
    Case {
        name: "bias",
        prototxt: r#"type: "Bias""#,
        bottom: &[&[&[2, 3, 4, 2]], &[&[5, 3]]],
        naive: |x, w| vec![spread(&x[0], &w[0], 1, |x, b| x + b)],
        ..CASE
    },
    Case {
        name: "bias_first_axes",
        prototxt: r#"type: "Bias" bias_param { axis: 0 num_axes: 2 }"#,
        bottom: &[&[&[2, 3, 4, 2]], &[&[2, 3]]],
        naive: |x, w| vec![spread(&x[0], &w[0], 0, |x, b| x + b)],
        ..CASE
    },
    Case {
        name: "bias_two_bottoms",
        prototxt: r#"type: "Bias""#,
        bottom: &[&[&[2, 3, 4], &[3]], &[&[2, 5], &[5]], &[&[2, 5], &[]]],
        naive: |x, _| vec![spread(&x[0], &x[1], 1, |x, b| x + b)],
        ..CASE
    },
];

/// The definition: x over (k + a * the sum of squares of the values `near` by, in the same image) to the power beta.
fn lrn(x: &ArrayD<f64>, near: fn(&[usize], &[usize]) -> bool, a: f64, beta: f64, k: f64) -> ArrayD<f64> {
    ArrayD::from_shape_fn(x.raw_dim(), |at| {
        let near = |other: &IxDyn| at[0] == other[0] && near(&[at[1], at[2], at[3]], &[other[1], other[2], other[3]]);
        let squares = x.indexed_iter().filter(|(other, _)| near(other)).map(|(_, x)| x * x);
        x[&at] / (k + a * squares.sum::<f64>()).powf(beta)
    })
}

#[test]
fn an_even_lrn_is_refused() {
    let error = bench(r#"type: "LRN" lrn_param { local_size: 4 }"#, &[&[1, 4, 2, 2]]).err().expect("refused");
    assert_eq!(error.field_path(), Some("lrn_param.local_size"));
    assert!(bench(r#"type: "LRN""#, &[&[1, 4, 2]]).err().expect("refused").message().contains("[1, 4, 2]"));
}

/// Running mean and variance of three channels, times the factor.
const STATISTICS: &[Fill] = &[Fill::Uniform(-2.0, 2.0), Fill::Uniform(1.0, 4.0), Fill::Values(&[2.5])];

/// The channel of each value, in order.
fn channels(x: &ArrayD<f64>) -> Vec<usize> {
    let channel = |(index, _): (IxDyn, &f64)| if x.ndim() > 1 { index[1] } else { 0 };
    x.indexed_iter().map(channel).collect()
}

/// The values of channel `c`.
fn channel(x: &ArrayD<f64>, c: usize) -> Vec<f64> {
    x.iter().zip(channels(x)).filter(|(_, of)| *of == c).map(|(x, _)| *x).collect()
}

/// Mean and variance.
fn moments(x: &[f64]) -> (f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64)
}

fn batch_norm(x: &ArrayD<f64>, eps: f64) -> ArrayD<f64> {
    let mut y = x.clone();
    for (y, c) in y.iter_mut().zip(channels(x)) {
        let (mean, variance) = moments(&channel(x, c));
        *y = (*y - mean) / (variance + eps).sqrt();
    }
    y
}

/// x less the mean over the axes from `axis` on.
fn centred(x: &ArrayD<f64>, axis: usize) -> ArrayD<f64> {
    let mut y = x.clone();
    let groups: usize = x.shape()[..axis].iter().product();
    for group in y.as_slice_mut().unwrap().chunks_mut(x.len() / groups) {
        let (mean, _) = moments(group);
        group.iter_mut().for_each(|y| *y -= mean);
    }
    y
}

/// The same, over the standard deviation and eps.
fn mvn(x: &ArrayD<f64>, axis: usize, eps: f64) -> ArrayD<f64> {
    let mut y = centred(x, axis);
    let groups: usize = x.shape()[..axis].iter().product();
    for group in y.as_slice_mut().unwrap().chunks_mut(x.len() / groups) {
        let (_, variance) = moments(group);
        group.iter_mut().for_each(|y| *y /= variance.sqrt() + eps);
    }
    y
}

fn running_norm(x: &ArrayD<f64>, w: &[ArrayD<f64>]) -> ArrayD<f64> {
    let mut y = x.clone();
    for (y, c) in y.iter_mut().zip(channels(x)) {
        *y = (*y - w[0][c] / w[2][0]) / (w[1][c] / w[2][0] + 1e-5).sqrt();
    }
    y
}

/// `f` of each value of x and the value of s that it meets, the axes of s standing over those of x from `axis` on.
fn spread(x: &ArrayD<f64>, s: &ArrayD<f64>, axis: usize, f: fn(f64, f64) -> f64) -> ArrayD<f64> {
    let mut y = x.clone();
    for (index, y) in y.indexed_iter_mut() {
        let place: Vec<usize> = (0..s.ndim()).map(|i| index[axis + i]).collect();
        *y = f(*y, s[IxDyn(&place)]);
    }
    y
}

fn bench(text: &str, bottom: &[&[usize]]) -> Result<Harness> {
    Harness::create(&Layers::caffe(), &crate::text::layer(text), bottom)
}

#[test]
fn batch_norm_keeps_statistics_that_give_the_mean_of_all_batches() {
    let mut bench =
        bench(r#"type: "BatchNorm" batch_norm_param { moving_average_fraction: 0.9 }"#, &[&[4, 2, 3]]).unwrap();
    let (mut mean, mut variance, mut factor) = (0.0, 0.0, 0.0);
    for seed in 0..3 {
        bench.seed = seed;
        bench.fill(0, Fill::Uniform(-1.0, 3.0));
        bench.forward().unwrap();
        let x = channel(&bench.bottom[0].data.view().mapv(f64::from), 1);
        let (mu, v) = moments(&x);
        (mean, variance, factor) = (0.9 * mean + mu, 0.9 * variance + v * 12.0 / 11.0, 0.9 * factor + 1.0);
    }
    let kept: Vec<f64> = [(0, 1), (1, 1), (2, 0)].map(|(i, k)| bench.params[i].data.slice()[k] as f64).to_vec();
    for (kept, expected) in kept.iter().zip([mean, variance, factor]) {
        assert!((kept - expected).abs() < 1e-5, "{kept} {expected}");
    }
    // Testing reads them and leaves them as they are.
    let before: Vec<Vec<f32>> = bench.params.iter().map(|p| p.data.slice().to_vec()).collect();
    bench.phase = Phase::Test;
    bench.forward().unwrap();
    assert!(bench.params.iter().zip(&before).all(|(p, before)| p.data.slice() == before));
}

#[test]
fn batch_norm_that_never_trained_has_no_statistics_yet() {
    let mut bench =
        bench(r#"type: "BatchNorm" batch_norm_param { eps: 0.25 }"#, &[&[1, 2]]).unwrap().phase(Phase::Test);
    bench.bottom[0].data.slice_mut().copy_from_slice(&[3.0, -1.0]);
    bench.forward().unwrap();
    assert_eq!(bench.top[0].data.slice(), [6.0, -2.0]);
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let e = bench(r#"type: "Scale""#, &[&[2, 3, 4], &[4]]).err().expect("refused");
    assert!(e.message().contains("[4]") && e.message().contains("[2, 3, 4]"), "{e}");
    let e = bench(r#"type: "Scale" scale_param { num_axes: 3 }"#, &[&[2, 3, 4]]).err().expect("refused");
    assert_eq!(e.field_path(), Some("scale_param.num_axes"));
    let e = bench(r#"type: "Bias" bias_param { axis: 7 }"#, &[&[2, 3, 4]]).err().expect("refused");
    assert_eq!(e.field_path(), Some("bias_param.axis"));
    let learned = r#"type: "BatchNorm" param { lr_mult: 0 } param { lr_mult: 1 }"#;
    refuses(learned, &[&[2, 3]], "statistics of a BatchNorm are not learned", "param[1].lr_mult");
    let shared = r#"type: "BatchNorm" param { name: "mean" } param { lr_mult: 0 decay_mult: 1 }"#;
    assert!(bench(shared, &[&[2, 3]]).is_ok());
    let mut norm = bench(r#"type: "BatchNorm""#, &[&[2, 3]]).unwrap();
    let e = norm.reshape(&[&[2, 4]]).unwrap_err();
    assert!(e.message().contains("[2, 4]") && e.message().contains("3 channels"), "{e}");
    for text in ["eps: -1", "moving_average_fraction: 2"] {
        let text = format!(r#"type: "BatchNorm" batch_norm_param {{ {text} }}"#);
        assert!(bench(&text, &[&[2, 3]]).err().expect("refused").field_path().is_some());
    }
}

/// As Caffe has it: the slope for eps = 0, divided by s + eps.
#[test]
fn the_gradient_of_mvn_leaves_eps_out_of_the_slope_of_s() {
    let mut bench = bench(r#"type: "MVN" mvn_param { eps: 0.25 }"#, &[&[1, 1, 4]]).unwrap();
    bench.bottom[0].data.slice_mut().copy_from_slice(&[1.0, 2.0, 3.0, 6.0]); // mean 3, variance 14/4
    bench.forward().unwrap();
    bench.top[0].diff.slice_mut().copy_from_slice(&[0.0, 0.0, 0.0, 4.0]);
    bench.backward().unwrap();
    let s = (14.0f64 / 4.0).sqrt() + 0.25;
    for (dx, x) in bench.bottom[0].diff.slice().iter().zip([1.0, 2.0, 3.0, 6.0]) {
        let (y, dy, mean_dy, mean_ydy) = ((x - 3.0) / s, if x == 6.0 { 4.0 } else { 0.0 }, 1.0, 3.0 / s);
        let expected = (dy - mean_dy - y * mean_ydy) / s;
        assert!((*dx as f64 - expected).abs() < 1e-5, "{dx} {expected}");
    }
}

#[test]
fn mvn_of_equal_values_is_zero_and_its_eps_is_no_negative_number() {
    let mut flat = bench(r#"type: "MVN""#, &[&[2, 1, 3, 5]]).unwrap();
    flat.fill(0, Fill::Values(&[0.1]));
    flat.forward().unwrap();
    assert!(flat.top[0].data.slice().iter().all(|y| *y == 0.0));
    for eps in ["-1e-9", "nan", "inf"] {
        refuses(&format!(r#"type: "MVN" mvn_param {{ eps: {eps} }}"#), &[&[2, 3]], "eps is", "mvn_param.eps");
    }
    for groups in ["false", "true"] {
        let text = format!(r#"type: "MVN" mvn_param {{ across_channels: {groups} }}"#);
        let mut many = bench(&text, &[&[41, 1003, 2]]).unwrap();
        many.fill(0, Fill::Uniform(-3.0, 3.0));
        many.check_threads().unwrap();
    }
    let mut none = bench(r#"type: "MVN""#, &[&[0, 3, 2]]).unwrap();
    none.forward().unwrap();
    none.backward().unwrap();
}

/// Channels so long that several blocks share each, in parts that are not equally long.
#[test]
fn a_gpu_shares_long_channels_among_blocks() {
    let cases: &[(&str, &[usize])] = &[
        (r#""BatchNorm""#, &[5, 2, 71, 73]),
        (r#""BatchNorm""#, &[20001]),
        (r#""Scale" scale_param { bias_term: true }"#, &[5, 2, 71, 73]),
        (r#""Bias" bias_param { num_axes: 0 }"#, &[5, 2, 41, 43]),
        (r#""PReLU""#, &[5, 2, 71, 73]),
        (r#""PReLU" prelu_param { channel_shared: true }"#, &[5, 2, 41, 43]),
        (r#""Convolution" convolution_param { num_output: 3 kernel_size: 1 }"#, &[5, 1, 71, 73]),
    ];
    for (text, shape) in cases {
        let kit = Kit::new(&Layers::caffe(), &crate::text::layer(&format!("type: {text}")), &[shape]);
        match kit.on_gpu() {
            Ok(cortado::check::Outcome::Passed(_)) => {}
            other => panic!("{text}: {other:?}"),
        }
    }
}
