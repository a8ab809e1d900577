//! Convolution and Pooling: layers of images.

use crate::kit::*;

pub const CASES: &[Case] = &[
    Case {
        name: "convolution",
        prototxt: r#"type: "Convolution" convolution_param { num_output: 4 kernel_size: 3 }"#,
        bottom: &[&[&[2, 3, 5, 6]], &[&[1, 3, 3, 3]], &[&[5, 3, 4, 4]]],
        naive: |x, w| vec![convolution(&x[0], w, [1, 1], [0, 0], [1, 1], 1)],
        ..CASE
    },
    Case {
        // Enough channels for a product by kernel rows, and outputs for a padded transpose of dy.
        name: "convolution_by_kernel_rows",
        prototxt: r#"type: "Convolution" convolution_param { num_output: 10 kernel_size: 2 pad: 1 }"#,
        bottom: &[&[&[2, 8, 4, 3]], &[&[1, 8, 2, 5]]],
        params: &[Fill::Uniform(-0.4, 0.4)],
        naive: |x, w| vec![convolution(&x[0], w, [1, 1], [1, 1], [1, 1], 1)],
        ..CASE
    },
    Case {
        name: "convolution_strided_padded_dilated",
        prototxt: r#"type: "Convolution" convolution_param {
            num_output: 2 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 3 pad_h: 2 pad_w: 1 dilation: 2 dilation: 1 }"#,
        bottom: &[&[&[2, 2, 6, 7]], &[&[1, 2, 4, 5]]],
        naive: |x, w| vec![convolution(&x[0], w, [2, 3], [2, 1], [2, 1], 1)],
        ..CASE
    },
    Case {
        name: "convolution_dilated_by_kernel_rows",
        prototxt: r#"type: "Convolution" convolution_param { num_output: 3 kernel_size: 2 dilation: 2 bias_term: false }"#,
        bottom: &[&[&[2, 8, 4, 3]], &[&[1, 8, 3, 5]]],
        params: &[Fill::Uniform(-0.4, 0.4)],
        naive: |x, w| vec![convolution(&x[0], w, [1, 1], [0, 0], [2, 2], 1)],
        ..CASE
    },
    Case {
        name: "convolution_in_groups",
        prototxt: r#"type: "Convolution" convolution_param { num_output: 6 kernel_size: 3 pad: 1 group: 2 stride: 2 }"#,
        bottom: &[&[&[2, 4, 4, 5]], &[&[3, 4, 3, 3]]],
        naive: |x, w| vec![convolution(&x[0], w, [2, 2], [1, 1], [1, 1], 2)],
        ..CASE
    },
    Case {
        name: "convolution_depthwise",
        prototxt: r#"type: "Convolution" convolution_param { num_output: 3 kernel_size: 3 group: 3 }"#,
        bottom: &[&[&[2, 3, 4, 5]], &[&[1, 3, 3, 3]]],
        naive: |x, w| vec![convolution(&x[0], w, [1, 1], [0, 0], [1, 1], 3)],
        ..CASE
    },
    Case {
        name: "convolution_1x1",
        prototxt: r#"type: "Convolution" convolution_param { num_output: 5 kernel_size: 1 }"#,
        bottom: &[&[&[2, 3, 4, 5]], &[&[9, 3, 1, 2]]],
        naive: |x, w| vec![convolution(&x[0], w, [1, 1], [0, 0], [1, 1], 1)],
        ..CASE
    },
    Case {
        name: "convolution_of_two_bottoms",
        prototxt: r#"type: "Convolution" top: "y" top: "z" convolution_param { num_output: 2 kernel_size: 2 }"#,
        bottom: &[&[&[2, 2, 3, 4], &[2, 2, 3, 4]], &[&[1, 2, 3, 2], &[1, 2, 3, 2]]],
        naive: |x, w| x.iter().map(|x| convolution(x, w, [1, 1], [0, 0], [1, 1], 1)).collect(),
        ..CASE
    },
    Case {
        name: "convolution_along_one_axis",
        prototxt: r#"type: "Convolution" convolution_param { num_output: 2 kernel_size: 3 stride: 2 pad: 1 }"#,
        bottom: &[&[&[2, 3, 7]], &[&[1, 3, 4]]],
        naive: |x, w| {
            let x = x[0].clone().insert_axis(Axis(2));
            let w = [w[0].clone().insert_axis(Axis(2)), w[1].clone()];
            vec![convolution(&x, &w, [1, 2], [0, 1], [1, 1], 1).remove_axis(Axis(2))]
        },
        ..CASE
    },
    Case {
        name: "pooling_max_halving",
        prototxt: r#"type: "Pooling" pooling_param { kernel_size: 2 stride: 2 }"#,
        bottom: &[&[&[2, 3, 4, 6]], &[&[1, 2, 2, 2]]],
        fill: DISTINCT,
        naive: |x, _| vec![pooling(&x[0], [2, 2], [2, 2], [0, 0], max)],
        ..CASE
    },
    Case {
        name: "pooling_max_partial_windows",
        prototxt: r#"type: "Pooling" pooling_param { kernel_size: 2 stride: 2 }"#,
        bottom: &[&[&[2, 2, 5, 4]], &[&[1, 2, 2, 3]]],
        fill: DISTINCT,
        naive: |x, _| vec![pooling(&x[0], [2, 2], [2, 2], [0, 0], max)],
        ..CASE
    },
    Case {
        name: "pooling_max_overlapping",
        prototxt: r#"type: "Pooling" pooling_param { kernel_h: 3 kernel_w: 2 stride_h: 1 stride_w: 2 pad_h: 1 pad_w: 0 }"#,
        bottom: &[&[&[1, 2, 5, 6]], &[&[2, 1, 3, 3]]],
        fill: DISTINCT,
        naive: |x, _| vec![pooling(&x[0], [3, 2], [1, 2], [1, 0], max)],
        ..CASE
    },
    Case {
        name: "pooling_max_clipped",
        prototxt: r#"type: "Pooling" pooling_param { kernel_size: 3 stride: 3 pad: 2 }"#,
        bottom: &[&[&[1, 2, 4, 4]], &[&[2, 1, 5, 3]]],
        fill: DISTINCT,
        naive: |x, _| vec![pooling(&x[0], [3, 3], [3, 3], [2, 2], max)],
        ..CASE
    },
    Case {
        // One window, which the input does not fill.
        name: "pooling_max_larger_than_the_input",
        prototxt: r#"type: "Pooling" pooling_param { kernel_size: 3 stride: 2 }"#,
        bottom: &[&[&[2, 2, 2, 2]], &[&[1, 3, 2, 5]]],
        fill: DISTINCT,
        naive: |x, _| vec![pooling(&x[0], [3, 3], [2, 2], [0, 0], max)],
        ..CASE
    },
    Case {
        // The third window of 7 and of 8 values would start behind them: Caffe keeps it if there is no padding.
        name: "pooling_max_empty_windows",
        prototxt: r#"type: "Pooling" pooling_param { kernel_size: 2 stride: 4 }"#,
        bottom: &[&[&[2, 2, 7, 8]], &[&[1, 2, 3, 5]]],
        fill: DISTINCT,
        naive: |x, _| vec![pooling(&x[0], [2, 2], [4, 4], [0, 0], max)],
        gradient: false, // the smallest f32 drowns all differences; see `an_empty_window_has_no_maximum`
        ..CASE
    },
    Case {
        name: "pooling_ave_empty_windows",
        prototxt: r#"type: "Pooling" pooling_param { pool: AVE kernel_size: 2 stride: 4 }"#,
        bottom: &[&[&[2, 2, 7, 8]], &[&[1, 2, 3, 5]]],
        naive: |x, _| vec![pooling(&x[0], [2, 2], [4, 4], [0, 0], mean)],
        ..CASE
    },
    Case {
        name: "pooling_max_rounded_down",
        prototxt: r#"type: "Pooling" pooling_param { kernel_size: 2 stride: 2 round_mode: FLOOR }"#,
        bottom: &[&[&[2, 2, 6, 4]], &[&[1, 2, 2, 8]]],
        fill: DISTINCT,
        naive: |x, _| vec![pooling(&x[0], [2, 2], [2, 2], [0, 0], max)],
        ..CASE
    },
    Case {
        name: "pooling_ave",
        prototxt: r#"type: "Pooling" pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }"#,
        bottom: &[&[&[2, 2, 6, 5]], &[&[1, 3, 2, 2]]],
        naive: |x, _| vec![pooling(&x[0], [3, 3], [2, 2], [1, 1], mean)],
        ..CASE
    },
    Case {
        name: "pooling_ave_global",
        prototxt: r#"type: "Pooling" pooling_param { pool: AVE global_pooling: true }"#,
        bottom: &[&[&[2, 3, 4, 5]], &[&[1, 1, 1, 7]]],
        naive: |x, _| vec![pooling(&x[0], [x[0].shape()[2], x[0].shape()[3]], [1, 1], [0, 0], mean)],
        ..CASE
    },
];

const DISTINCT: &[Fill] = &[Fill::Distinct(-3.0, 3.0)];

/// The definition: y\[n\]\[k\]\[o\] = b\[k\] + sum of w * x, with zeros around x.
fn convolution(
    x: &ArrayD<f64>,
    w: &[ArrayD<f64>],
    stride: [usize; 2],
    pad: [usize; 2],
    dilation: [usize; 2],
    group: usize,
) -> ArrayD<f64> {
    let (xs, ws) = (x.shape(), w[0].shape());
    let out = |i: usize| (xs[2 + i] + 2 * pad[i] - dilation[i] * (ws[2 + i] - 1) - 1) / stride[i] + 1;
    ArrayD::from_shape_fn(IxDyn(&[xs[0], ws[0], out(0), out(1)]), |o| {
        let mut sum = w.get(1).map_or(0.0, |b| b[[o[1]]]);
        for ((at, w), g) in w[0].index_axis(Axis(0), o[1]).indexed_iter().zip(std::iter::repeat(o[1] * group / ws[0])) {
            let y = (o[2] * stride[0] + at[1] * dilation[0]).checked_sub(pad[0]);
            let z = (o[3] * stride[1] + at[2] * dilation[1]).checked_sub(pad[1]);
            if let (Some(y), Some(z)) = (y, z) {
                sum += w * x.get([o[0], g * ws[1] + at[0], y, z]).unwrap_or(&0.0);
            }
        }
        sum
    })
}

/// The definition: `pool` of the values in each window, given also the window's size with padding. The number of windows
/// is Caffe's formula, rounded up in real numbers; with padding the last one must start before its end.
fn pooling(
    x: &ArrayD<f64>,
    kernel: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 2],
    pool: fn(&[f64], usize) -> f64,
) -> ArrayD<f64> {
    let s = x.shape();
    let out = |i: usize| {
        let room = (s[2 + i] + 2 * pad[i]) as f64 - kernel[i] as f64;
        let out = (room / stride[i] as f64).ceil() as usize + 1;
        if pad != [0, 0] && (out - 1) * stride[i] >= s[2 + i] + pad[i] { out - 1 } else { out }
    };
    let window = |i: usize, o: usize| o * stride[i]..(o * stride[i] + kernel[i]).min(s[2 + i] + 2 * pad[i]);
    ArrayD::from_shape_fn(IxDyn(&[s[0], s[1], out(0), out(1)]), |o| {
        let (rows, columns) = (window(0, o[2]), window(1, o[3]));
        let mut inside = Vec::new();
        for row in rows.clone().filter_map(|row| row.checked_sub(pad[0])) {
            for column in columns.clone().filter_map(|column| column.checked_sub(pad[1])) {
                inside.extend(x.get([o[0], o[1], row, column]));
            }
        }
        pool(&inside, rows.len() * columns.len())
    })
}

fn max(x: &[f64], _: usize) -> f64 {
    x.iter().copied().fold(f32::MIN as f64, f64::max)
}

fn mean(x: &[f64], size: usize) -> f64 {
    x.iter().sum::<f64>() / size.max(1) as f64
}

fn refused(prototxt: &str, bottom: &[&[usize]], words: &[&str]) {
    let error = match Harness::create(&Layers::caffe(), &crate::text::layer(prototxt), bottom) {
        Ok(_) => panic!("accepted: {prototxt} of {bottom:?}"),
        Err(e) => e,
    };
    let text = format!("{error} {}", error.field_path().unwrap_or(""));
    assert!(words.iter().all(|word| text.contains(word)), "{prototxt}: {text}");
}

/// What can be typed wrong is an error that names the field, and says both sizes.
#[test]
fn bad_convolutions_are_refused() {
    let conv = |p: &str, shape: &[usize], words: &[&str]| {
        refused(&format!(r#"type: "Convolution" convolution_param {{ {p} }}"#), &[shape], words);
    };
    let x: &[usize] = &[1, 3, 5, 5];
    conv("kernel_size: 3", x, &["num_output"]);
    conv("num_output: 0 kernel_size: 3", x, &["num_output"]);
    conv("num_output: 2", x, &["kernel"]);
    conv("num_output: 2 kernel_size: 0", x, &["kernel_size"]);
    conv("num_output: 2 kernel_size: 3 stride: 0", x, &["stride"]);
    conv("num_output: 2 kernel_size: 3 dilation: 0", x, &["dilation"]);
    conv("num_output: 2 kernel_size: 3 kernel_h: 3", x, &["kernel_size", "kernel_h"]);
    conv("num_output: 2 kernel_h: 3", x, &["kernel_w"]);
    conv("num_output: 2 kernel_size: 3 stride_h: 2", x, &["stride_w"]);
    conv(
        "num_output: 2 kernel_size: 3 kernel_size: 3 kernel_size: 3",
        x,
        &["3 times", "2 spatial axes", "kernel_size"],
    );
    conv("num_output: 2 kernel_h: 3 kernel_w: 3", &[1, 3, 5], &["2 spatial axes, not 1"]);
    conv("num_output: 2 kernel_size: 7", x, &["7x7", "5x5", "[1, 3, 5, 5]", "kernel_size"]);
    conv("num_output: 2 kernel_size: 3 dilation: 4 pad: 1", x, &["9x9", "7x7"]);
    conv("num_output: 3 kernel_size: 3 group: 2", x, &["group", "multiple"]);
    conv("num_output: 4 kernel_size: 3 group: 2", x, &["3 channels", "2 groups"]);
    conv("num_output: 4 kernel_size: 3 group: 0", x, &["group"]);
    conv("num_output: 2 kernel_size: 3 axis: 4", x, &["axis 4"]);
    conv("num_output: 2 kernel_size: 3", &[0, 0, 5, 5], &["0 channels"]);
    conv("num_output: 4294967295 kernel_size: 3", x, &["too large"]);
    conv("num_output: 2 kernel_size: 4294967295 pad: 4294967295", x, &["kernel_size"]);
    conv("num_output: 2 kernel_size: 2000000000 pad: 2000000000", x, &["2000000000", "65536"]);
    conv("num_output: 1 kernel_h: 1073741825 pad_h: 1073741824 kernel_w: 1", &[1, 1, 1, 1], &["65536"]);
    conv("num_output: 2 kernel_size: 3 dilation: 40000 pad: 40000", x, &["80001", "65536"]);
    conv("num_output: 2 kernel_size: 3 pad: 2000000000", x, &["too large"]);
    conv("num_output: 2 kernel_size: 3 dilation: 4294967295", x, &["kernel_size"]);
    conv("num_output: 2 kernel_size: 3 weight_filler { type: \"xavierr\" }", x, &["xavier", "weight_filler"]);
}

#[test]
fn a_convolution_keeps_its_channels() {
    let param = crate::text::layer(r#"type: "Convolution" convolution_param { num_output: 2 kernel_size: 3 }"#);
    let mut bench = Harness::create(&Layers::caffe(), &param, &[&[1, 3, 5, 5]]).unwrap();
    let error = bench.reshape(&[&[1, 4, 5, 5]]).unwrap_err().to_string();
    assert!(error.contains("3 channels") && error.contains("[1, 4, 5, 5]"), "{error}");
    assert!(bench.reshape(&[&[1, 3, 2, 5]]).unwrap_err().to_string().contains("3x3"));
    for shape in [&[1, 3, 25][..], &[1, 3, 5, 5, 5], &[1, 3]] {
        let error = bench.reshape(&[shape]).unwrap_err().to_string();
        assert!(error.contains("2 spatial axes") && error.contains(&format!("{shape:?}")), "{error}");
    }
}

#[test]
fn a_batch_of_none_is_no_mistake() {
    let pool = |method: &str| format!(r#""Pooling" pooling_param {{ pool: {method} kernel_size: 3 stride: 2 }}"#);
    let convolution = r#""Convolution" convolution_param { num_output: 2 kernel_size: 3 }"#.to_string();
    for kind in [convolution, r#""LRN""#.to_string(), pool("MAX"), pool("AVE")] {
        let param = crate::text::layer(&format!("type: {kind}"));
        for device in both_devices() {
            let mut bench = Harness::create(&Layers::caffe(), &param, &[&[0, 3, 5, 5]]).unwrap().device(&device);
            bench.forward().unwrap();
            bench.backward().unwrap();
            assert!(bench.params.iter().all(|p| p.diff.asum() == 0.0));
        }
    }
}

#[test]
fn bad_poolings_are_refused() {
    let pool = |p: &str, shape: &[usize], words: &[&str]| {
        refused(&format!(r#"type: "Pooling" pooling_param {{ {p} }}"#), &[shape], words);
    };
    let x: &[usize] = &[1, 3, 5, 5];
    pool("", x, &["kernel_size"]);
    pool("kernel_h: 2", x, &["kernel_w"]);
    pool("kernel_size: 0", x, &["kernel"]);
    pool("kernel_size: 2 stride: 0", x, &["stride"]);
    pool("kernel_size: 2 kernel_h: 2 kernel_w: 2", x, &["kernel_h"]);
    pool("kernel_size: 2 global_pooling: true", x, &["global"]);
    pool("global_pooling: true pad: 1", x, &["global"]);
    pool("kernel_size: 2 pad: 2", x, &["pad 2", "kernel 2"]);
    pool("kernel_size: 7", x, &["kernel of 7", "5"]);
    pool("kernel_size: 8 stride: 3", x, &["kernel of 8", "5"]);
    pool("kernel_size: 6 round_mode: FLOOR", x, &["kernel of 6", "5"]);
    pool("kernel_size: 4294967295 pad: 4294967294 stride: 1", x, &["65536"]);
    pool("kernel_h: 1073741825 pad_h: 1073741824 kernel_w: 1", &[1, 1, 1, 1], &["65536"]);
    pool("kernel_size: 2", &[3, 5], &["4 axes", "[3, 5]"]);
    pool("kernel_size: 2", &[2, 3, 0, 5], &["empty", "[2, 3, 0, 5]"]);
}

/// A mask of -1 marks the windows that hold nothing, and no gradient flows from them.
#[test]
fn an_empty_window_has_no_maximum() {
    let text = r#"type: "Pooling" top: "y" top: "mask" pooling_param { kernel_size: 2 stride: 4 }"#;
    let param = crate::text::layer(text);
    for device in both_devices() {
        let mut bench = Harness::create(&Layers::caffe(), &param, &[&[1, 1, 7, 2]]).unwrap().device(&device);
        bench.forward().unwrap();
        assert_eq!(bench.top[0].shape(), [1, 1, 3, 1]);
        let (y, mask) = (bench.top[0].data.slice(), bench.top[1].data.slice());
        assert!(y[2] == f32::MIN && mask[2] == -1.0 && mask[0] >= 0.0 && mask[1] >= 8.0, "{y:?} {mask:?}");
        bench.top[0].diff.slice_mut().copy_from_slice(&[1.0, 2.0, 100.0]);
        bench.backward().unwrap();
        assert_eq!(bench.bottom[0].diff.asum(), 3.0);
    }
}

/// More planes and images than a block has threads, batches beyond a warp, both of im2col's kernels.
#[test]
fn a_gpu_does_larger_images() {
    let cases: &[(&str, &[usize])] = &[
        (r#""Convolution" convolution_param { num_output: 20 kernel_size: 5 }"#, &[5, 3, 16, 17]),
        (r#""Convolution" convolution_param { num_output: 20 kernel_size: 5 force_nd_im2col: true }"#, &[5, 3, 9, 8]),
        (r#""Convolution" convolution_param { num_output: 40 kernel_size: 3 pad: 1 group: 4 }"#, &[3, 16, 7, 9]),
        (r#""Convolution" convolution_param { num_output: 33 kernel_size: 1 stride: 2 }"#, &[9, 17, 6, 5]),
        (r#""Deconvolution" convolution_param { num_output: 7 kernel_size: 4 stride: 2 pad: 1 }"#, &[3, 6, 9, 7]),
        (r#""Im2col" convolution_param { kernel_size: 3 pad: 1 stride: 2 }"#, &[3, 5, 16, 17]),
        (r#""Im2col" convolution_param { kernel_size: 3 pad: 1 stride: 2 force_nd_im2col: true }"#, &[3, 5, 16, 17]),
        (r#""Pooling" pooling_param { kernel_size: 3 stride: 2 }"#, &[3, 5, 15, 17]),
        (r#""Pooling" pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }"#, &[3, 5, 15, 17]),
        (r#""LRN""#, &[3, 9, 6, 7]),
        (r#""LRN" lrn_param { local_size: 4294967295 }"#, &[2, 3, 5, 6]),
        (r#""LRN" lrn_param { local_size: 4294967295 norm_region: WITHIN_CHANNEL }"#, &[2, 3, 5, 6]),
    ];
    for (text, shape) in cases {
        let kit = Kit::new(&Layers::caffe(), &crate::text::layer(&format!("type: {text}")), &[shape]);
        match kit.on_gpu() {
            Ok(cortado::check::Outcome::Passed(_)) => {}
            other => panic!("{text}: {other:?}"),
        }
    }
}

/// Every way through a convolution on the CPU, at sizes where it is taken: y, dx, dw and db by the definition, in f64.
#[test]
fn larger_convolutions_are_their_definition() {
    // num_output, kernel, pad, stride, dilation, group; the shape of x.
    let cases: &[([usize; 6], [usize; 4])] = &[
        ([3, 3, 1, 1, 1, 1], [5, 2, 17, 19]),    // few outputs, many positions; dx turned
        ([24, 5, 2, 1, 1, 1], [3, 2, 16, 17]),   // the most of few
        ([25, 5, 2, 1, 1, 1], [2, 2, 16, 16]),   // one more
        ([20, 5, 0, 1, 1, 1], [5, 1, 24, 24]),   // few outputs, without padding
        ([1, 5, 0, 1, 1, 1], [3, 7, 25, 25]),    // one output: dx turned all the same
        ([16, 3, 1, 1, 1, 1], [17, 16, 16, 16]), // more images than pieces
        ([33, 3, 1, 1, 1, 1], [2, 5, 9, 9]),
        ([64, 3, 2, 1, 2, 1], [2, 3, 8, 8]),    // dilated
        ([12, 3, 1, 1, 1, 3], [3, 6, 18, 16]),  // groups
        ([70, 3, 0, 1, 1, 1], [2, 3, 9, 8]),    // dx by kernel rows
        ([6, 3, 3, 1, 1, 1], [2, 2, 17, 17]),   // more padding than the kernel reaches
        ([1, 7, 0, 1, 1, 1], [2, 3, 7, 7]),     // one output and one place
        ([5, 1, 0, 1, 1, 1], [2, 3, 6, 7]),     // a matrix product as it stands
        ([5, 3, 1, 2, 1, 1], [2, 3, 9, 8]),     // strides
        ([256, 3, 1, 1, 1, 1], [1, 32, 5, 5]),  // more weights than stay in the cache; one image
        ([50, 5, 0, 1, 1, 1], [1, 20, 12, 12]), // one image, whose last piece has fewer outputs
        ([100, 3, 1, 1, 1, 2], [1, 6, 7, 7]),   // one image in two groups
        ([12, 3, 1, 1, 1, 12], [1, 12, 9, 8]),  // each channel by itself
        ([100, 1, 0, 1, 1, 1], [1, 3, 6, 7]),   // one image that needs no im2col
    ];
    for &([num_output, kernel, pad, stride, dilation, group], shape) in cases {
        let text = format!(
            r#"type: "Convolution" convolution_param {{ num_output: {num_output} kernel_size: {kernel} pad: {pad}
               stride: {stride} dilation: {dilation} group: {group} }}"#
        );
        let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(&text), &[&shape]).unwrap();
        bench.fill(0, Fill::Uniform(-1.0, 1.0));
        (0..2).for_each(|i| bench.fill_param(i, Fill::Uniform(-0.5, 0.5)));
        bench.forward().unwrap();
        let random = cortado::random::Random::new(7, "dy", 0);
        random.uniform(-1.0, 1.0, bench.top[0].diff.slice_mut());
        bench.backward().unwrap();

        let outs = [2, 3].map(|i| (shape[i] + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1);
        let (channels, outputs) = (shape[1] / group, num_output / group);
        let (x, w, b) = (bench.bottom[0].data.slice(), bench.params[0].data.slice(), bench.params[1].data.slice());
        let dy = bench.top[0].diff.slice();
        let [mut y, mut dx, mut dw] = [dy.len(), x.len(), w.len()].map(|n| vec![0.0f64; n]);
        let mut db = vec![0.0f64; num_output];
        for (at, y) in y.iter_mut().enumerate() {
            let (o1, o0, k, n) = (
                at % outs[1],
                at / outs[1] % outs[0],
                at / (outs[0] * outs[1]) % num_output,
                at / (outs[0] * outs[1] * num_output),
            );
            *y += b[k] as f64;
            db[k] += dy[at] as f64;
            for (c, r0, r1) in
                (0..channels).flat_map(|c| (0..kernel * kernel).map(move |r| (c, r / kernel, r % kernel)))
            {
                let inside = |o: usize, r: usize, size: usize| {
                    (o * stride + r * dilation).checked_sub(pad).filter(|i| *i < size)
                };
                if let (Some(i0), Some(i1)) = (inside(o0, r0, shape[2]), inside(o1, r1, shape[3])) {
                    let xi = ((n * shape[1] + k / outputs * channels + c) * shape[2] + i0) * shape[3] + i1;
                    let wi = ((k * channels + c) * kernel + r0) * kernel + r1;
                    *y += w[wi] as f64 * x[xi] as f64;
                    dx[xi] += w[wi] as f64 * dy[at] as f64;
                    dw[wi] += x[xi] as f64 * dy[at] as f64;
                }
            }
        }
        let params = &bench.params;
        let found =
            [bench.top[0].data.slice(), bench.bottom[0].diff.slice(), params[0].diff.slice(), params[1].diff.slice()];
        for (name, (found, expected)) in ["y", "dx", "dw", "db"].into_iter().zip(found.into_iter().zip([y, dx, dw, db]))
        {
            for (i, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
                let difference = (found as f64 - expected).abs() / expected.abs().max(1.0);
                assert!(difference < 2e-5, "{text}, x {shape:?}: {name}[{i}] is {found}, not {expected}");
            }
        }
    }
}

/// The second top says where in its plane each maximum stands: the first of several.
#[test]
fn a_mask_of_maxima() {
    for (size, device) in [4, 5].into_iter().flat_map(|size| both_devices().map(|device| (size, device))) {
        let text = r#"type: "Pooling" top: "y" top: "mask" pooling_param { kernel_size: 2 stride: 2 }"#;
        let param = crate::text::layer(text);
        let mut bench = Harness::create(&Layers::caffe(), &param, &[&[1, 2, size, size]]).unwrap().device(&device);
        bench.fill(0, Fill::Values(&[1.0, 2.0, 2.0, 0.0, 2.0, 2.0, 5.0]));
        bench.forward().unwrap();
        let (x, y, mask) = (&bench.bottom[0].data, &bench.top[0].data, &bench.top[1].data);
        for (i, (&y, &at)) in y.slice().iter().zip(mask.slice()).enumerate() {
            let (out, plane) = (size.div_ceil(2), x.count() / 2);
            let (row, column, at) = (i / out % out * 2, i % out * 2, at as usize);
            let window =
                (row..size.min(row + 2)).flat_map(|r| (column..size.min(column + 2)).map(move |c| r * size + c));
            let x = |at: usize| x.slice()[i / (out * out) * plane + at];
            assert_eq!(y, x(at));
            let first = window.clone().find(|&p| window.clone().all(|q| x(q) <= x(p)));
            assert_eq!(first, Some(at), "output {i}");
        }
    }
}
