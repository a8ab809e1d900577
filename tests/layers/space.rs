//! More layers of images: Deconvolution, Im2col, stochastic Pooling, SPP, Crop.

use crate::kit::*;
use cortado::random::Random;
use ndarray::Dimension;

pub const CASES: &[Case] = &[
    Case {
        name: "deconvolution",
        prototxt: r#"type: "Deconvolution" convolution_param { num_output: 2 kernel_size: 3 }"#,
        bottom: &[&[&[2, 3, 3, 4]], &[&[1, 3, 1, 1]], &[&[3, 3, 2, 5]]],
        naive: |x, w| vec![deconvolution(&x[0], w, &[1, 1], &[0, 0], &[1, 1], 1)],
        ..CASE
    },
    Case {
        // Enough outputs for the product by kernel rows, from both sides.
        name: "deconvolution_by_kernel_rows",
        prototxt: r#"type: "Deconvolution" convolution_param { num_output: 8 kernel_size: 2 pad: 1 }"#,
        bottom: &[&[&[2, 10, 4, 3]], &[&[1, 10, 2, 5]]],
        params: &[Fill::Uniform(-0.4, 0.4)],
        naive: |x, w| vec![deconvolution(&x[0], w, &[1, 1], &[1, 1], &[1, 1], 1)],
        ..CASE
    },
    Case {
        name: "deconvolution_strided_padded_dilated",
        prototxt: r#"type: "Deconvolution" convolution_param {
            num_output: 2 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 3 pad_h: 2 pad_w: 1 dilation: 2 dilation: 1 }"#,
        bottom: &[&[&[2, 2, 3, 3]], &[&[1, 2, 2, 4]]],
        naive: |x, w| vec![deconvolution(&x[0], w, &[2, 3], &[2, 1], &[2, 1], 1)],
        ..CASE
    },
    Case {
        name: "deconvolution_in_groups",
        prototxt: r#"type: "Deconvolution" convolution_param { num_output: 6 kernel_size: 3 pad: 1 group: 2 stride: 2 }"#,
        bottom: &[&[&[2, 4, 2, 3]], &[&[3, 4, 1, 2]]],
        naive: |x, w| vec![deconvolution(&x[0], w, &[2, 2], &[1, 1], &[1, 1], 2)],
        ..CASE
    },
    Case {
        name: "deconvolution_that_enlarges",
        prototxt: r#"type: "Deconvolution" convolution_param {
            num_output: 3 kernel_size: 4 pad: 1 group: 3 stride: 2 bias_term: false }"#,
        bottom: &[&[&[2, 3, 2, 3]], &[&[1, 3, 4, 1]]],
        naive: |x, w| vec![deconvolution(&x[0], w, &[2, 2], &[1, 1], &[1, 1], 3)],
        ..CASE
    },
    Case {
        name: "deconvolution_of_two_bottoms",
        prototxt: r#"type: "Deconvolution" top: "y" top: "z" convolution_param { num_output: 2 kernel_size: 2 stride: 2 }"#,
        bottom: &[&[&[2, 2, 3, 2], &[2, 2, 3, 2]], &[&[1, 2, 1, 2], &[1, 2, 1, 2]]],
        naive: |x, w| x.iter().map(|x| deconvolution(x, w, &[2, 2], &[0, 0], &[1, 1], 1)).collect(),
        ..CASE
    },
    Case {
        name: "deconvolution_along_one_axis",
        prototxt: r#"type: "Deconvolution" convolution_param { num_output: 2 kernel_size: 3 stride: 2 pad: 1 }"#,
        bottom: &[&[&[2, 3, 4]], &[&[1, 3, 1]]],
        naive: |x, w| vec![deconvolution(&x[0], w, &[2], &[1], &[1], 1)],
        ..CASE
    },
    Case {
        name: "deconvolution_along_three_axes",
        prototxt: r#"type: "Deconvolution" convolution_param { num_output: 2
            kernel_size: 2 kernel_size: 1 kernel_size: 3 stride: 1 stride: 2 stride: 1 pad: 0 pad: 0 pad: 1 }"#,
        bottom: &[&[&[1, 2, 2, 3, 2]], &[&[2, 2, 1, 2, 3]]],
        naive: |x, w| vec![deconvolution(&x[0], w, &[1, 2, 1], &[0, 0, 1], &[1, 1, 1], 1)],
        ..CASE
    },
    Case {
        // What Caffe reads force_nd_im2col for is done anyway.
        name: "convolution_along_three_axes",
        prototxt: r#"type: "Convolution" convolution_param { num_output: 2 force_nd_im2col: true
            kernel_size: 2 kernel_size: 1 kernel_size: 3 stride: 1 stride: 2 stride: 1 }"#,
        bottom: &[&[&[1, 2, 3, 3, 4]], &[&[2, 2, 2, 1, 3]]],
        naive: |x, w| {
            // Each window of the image times each kernel.
            let col = im2col(&x[0], 1, &[(2, 1, 0, 1), (1, 2, 0, 1), (3, 1, 0, 1)]);
            let mut shape = col.shape().to_vec();
            shape[1] = w[0].shape()[0];
            vec![ArrayD::from_shape_fn(IxDyn(&shape), |o| {
                let kernel = w[0].index_axis(Axis(0), o[1]);
                let at = |j: usize| (0..o.ndim()).map(|i| if i == 1 { j } else { o[i] }).collect::<Vec<_>>();
                w[1][[o[1]]] + kernel.iter().enumerate().map(|(j, w)| w * col[&at(j)[..]]).sum::<f64>()
            })]
        },
        ..CASE
    },
    Case {
        name: "im2col",
        prototxt: r#"type: "Im2col" convolution_param { kernel_size: 3 }"#,
        bottom: &[&[&[2, 2, 5, 4]], &[&[1, 3, 3, 3]], &[&[3, 1, 3, 5]]],
        naive: |x, _| vec![im2col(&x[0], 1, &[(3, 1, 0, 1), (3, 1, 0, 1)])],
        ..CASE
    },
    Case {
        name: "im2col_strided_padded_dilated",
        prototxt: r#"type: "Im2col" convolution_param {
            kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 3 pad_h: 2 pad_w: 1 dilation: 2 dilation: 1 }"#,
        bottom: &[&[&[2, 2, 6, 7]], &[&[1, 2, 4, 5]]],
        naive: |x, _| vec![im2col(&x[0], 1, &[(3, 2, 2, 2), (2, 3, 1, 1)])],
        ..CASE
    },
    Case {
        name: "im2col_along_one_axis",
        prototxt: r#"type: "Im2col" convolution_param { kernel_size: 2 stride: 2 axis: -2 }"#,
        bottom: &[&[&[2, 2, 3, 5]], &[&[3, 4]]],
        naive: |x, _| vec![im2col(&x[0], x[0].ndim() - 2, &[(2, 2, 0, 1)])],
        ..CASE
    },
    Case {
        name: "im2col_along_three_axes",
        prototxt: r#"type: "Im2col" convolution_param { kernel_size: 2 stride: 1 stride: 2 stride: 1 pad: 0 pad: 1 pad: 1 }"#,
        bottom: &[&[&[1, 2, 2, 3, 2]], &[&[2, 1, 3, 2, 1]]],
        naive: |x, _| vec![im2col(&x[0], 1, &[(2, 1, 0, 1), (2, 2, 1, 1), (2, 1, 1, 1)])],
        ..CASE
    },
    Case {
        name: "pooling_stochastic",
        prototxt: r#"type: "Pooling" pooling_param { pool: STOCHASTIC kernel_size: 3 stride: 2 }"#,
        bottom: &[&[&[2, 2, 5, 6]], &[&[1, 3, 4, 3]]],
        fill: &[Fill::Uniform(0.0, 1.0)],
        naive: |x, _| vec![draw(&x[0], 3, 2, Random::new(0, "pooling_stochastic", 0))],
        gradient: false, // a step where another value is drawn; see `what_is_drawn_gets_the_gradient`
        ..CASE
    },
    Case {
        name: "pooling_stochastic_test",
        prototxt: r#"type: "Pooling" pooling_param { pool: STOCHASTIC kernel_size: 3 stride: 2 }"#,
        bottom: &[&[&[2, 2, 5, 6]], &[&[1, 3, 4, 3]]],
        fill: &[Fill::Uniform(0.1, 1.0)],
        phase: Phase::Test,
        naive: |x, _| vec![expected(&x[0], 3, 2)],
        ..CASE
    },
    Case {
        name: "pooling_stochastic_empty_windows",
        prototxt: r#"type: "Pooling" pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 4 }"#,
        bottom: &[&[&[2, 2, 7, 8]], &[&[1, 2, 3, 5]]],
        fill: &[Fill::Uniform(0.1, 1.0)],
        phase: Phase::Test,
        naive: |x, _| vec![expected(&x[0], 2, 4)],
        ..CASE
    },
    Case {
        name: "spp",
        prototxt: r#"type: "SPP" spp_param { pyramid_height: 3 }"#,
        bottom: &[&[&[2, 2, 9, 8]], &[&[1, 3, 4, 7]]],
        fill: &[Fill::Distinct(-3.0, 3.0)],
        naive: |x, _| vec![pyramid(&x[0], 3, |x, _| x.iter().copied().fold(f64::MIN, f64::max))],
        ..CASE
    },
    Case {
        name: "spp_ave",
        prototxt: r#"type: "SPP" spp_param { pyramid_height: 2 pool: AVE }"#,
        bottom: &[&[&[2, 2, 5, 4]], &[&[1, 3, 3, 3]]],
        naive: |x, _| vec![pyramid(&x[0], 2, |x, size| x.iter().sum::<f64>() / size as f64)],
        ..CASE
    },
    Case {
        name: "spp_stochastic_test",
        prototxt: r#"type: "SPP" spp_param { pyramid_height: 2 pool: STOCHASTIC }"#,
        bottom: &[&[&[2, 2, 4, 6]], &[&[1, 1, 2, 2]]],
        fill: &[Fill::Uniform(0.1, 1.0)],
        phase: Phase::Test,
        naive: |x, _| vec![pyramid(&x[0], 2, |x, _| mean_of_draws(x))],
        ..CASE
    },
    Case {
        name: "spp_of_one_level",
        prototxt: r#"type: "SPP" spp_param { pyramid_height: 1 pool: AVE }"#,
        bottom: &[&[&[2, 2, 5, 4]], &[&[1, 3, 1, 2]]],
        naive: |x, _| {
            let mean = |n: usize, c: usize| x[0].index_axis(Axis(0), n).index_axis(Axis(0), c).mean().unwrap();
            vec![ArrayD::from_shape_fn(IxDyn(&[x[0].shape()[0], x[0].shape()[1], 1, 1]), |i| mean(i[0], i[1]))]
        },
        ..CASE
    },
    Case {
        name: "crop",
        prototxt: r#"type: "Crop" crop_param { offset: 2 offset: 1 }"#,
        bottom: &[&[&[2, 3, 6, 5], &[1, 1, 4, 3]], &[&[1, 2, 3, 4], &[1, 2, 1, 3]]],
        naive: |x, _| vec![crop(x, 2, &[2, 1])],
        ..CASE
    },
    Case {
        name: "crop_by_one_offset",
        prototxt: r#"type: "Crop" crop_param { axis: 0 offset: 1 }"#,
        bottom: &[&[&[3, 4, 3], &[2, 2, 2]], &[&[5], &[3]]],
        naive: |x, _| vec![crop(x, 0, &vec![1; x[0].ndim()])],
        ..CASE
    },
    Case {
        name: "crop_last_axis",
        prototxt: r#"type: "Crop" crop_param { axis: -1 }"#,
        bottom: &[&[&[2, 3, 4], &[7, 7, 3]], &[&[4, 2], &[1, 2]]],
        naive: |x, _| vec![crop(x, x[0].ndim() - 1, &[0])],
        ..CASE
    },
];

/// The definition: each x lays down a kernel. x \[N, C, sizes\], w \[C, K / group, kernels\].
fn deconvolution(
    x: &ArrayD<f64>,
    w: &[ArrayD<f64>],
    stride: &[usize],
    pad: &[usize],
    dilation: &[usize],
    group: usize,
) -> ArrayD<f64> {
    let (xs, ws) = (x.shape(), w[0].shape());
    let mut shape = vec![xs[0], ws[1] * group];
    shape.extend(
        (0..stride.len()).map(|i| stride[i] * (xs[2 + i] - 1) + dilation[i] * (ws[2 + i] - 1) + 1 - 2 * pad[i]),
    );
    let mut y = ArrayD::from_shape_fn(IxDyn(&shape), |o| w.get(1).map_or(0.0, |b| b[[o[1]]]));
    for (at, &x) in x.indexed_iter() {
        for (k, &w) in w[0].index_axis(Axis(0), at[1]).indexed_iter() {
            let mut o = vec![at[0], at[1] / (xs[1] / group) * ws[1] + k[0]];
            o.extend((0..stride.len()).map(|i| (at[2 + i] * stride[i] + k[1 + i] * dilation[i]).wrapping_sub(pad[i])));
            if let Some(y) = y.get_mut(&o[..]) {
                *y += w * x;
            }
        }
    }
    y
}

/// The definition, for spatial axes behind `axis` with (kernel, stride, pad, dilation) each.
fn im2col(x: &ArrayD<f64>, axis: usize, axes: &[(usize, usize, usize, usize)]) -> ArrayD<f64> {
    let mut shape = x.shape().to_vec();
    shape[axis] *= axes.iter().map(|a| a.0).product::<usize>();
    for (size, (kernel, stride, pad, dilation)) in shape[axis + 1..].iter_mut().zip(axes) {
        *size = (*size + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
    }
    ArrayD::from_shape_fn(IxDyn(&shape), |o| {
        let mut at: Vec<usize> = (0..shape.len()).map(|i| o[i]).collect();
        for (i, (kernel, stride, pad, dilation)) in axes.iter().enumerate().rev() {
            let place = o[axis + 1 + i] * stride + at[axis] % kernel * dilation;
            at[axis] /= kernel;
            at[axis + 1 + i] = place.wrapping_sub(*pad);
        }
        x.get(&at[..]).copied().unwrap_or(0.0)
    })
}

/// The square windows of a pooling without padding, rounded up: `pool` gets each output's number and the window's values.
fn windows(x: &ArrayD<f64>, kernel: usize, stride: usize, pool: impl Fn(usize, &[f64]) -> f64) -> ArrayD<f64> {
    let s = x.shape();
    let out = |i: usize| ((s[i] as f64 - kernel as f64) / stride as f64).ceil() as usize + 1;
    let shape = [s[0], s[1], out(2), out(3)];
    ArrayD::from_shape_fn(IxDyn(&shape), |o| {
        let mut values = Vec::new();
        for row in o[2] * stride..s[2].min(o[2] * stride + kernel) {
            for column in o[3] * stride..s[3].min(o[3] * stride + kernel) {
                values.push(x[[o[0], o[1], row, column]]);
            }
        }
        pool(((o[0] * shape[1] + o[1]) * shape[2] + o[2]) * shape[3] + o[3], &values)
    })
}

/// The definition: the first value at which the sum so far reaches a random part of the sum.
fn draw(x: &ArrayD<f64>, kernel: usize, stride: usize, random: Random) -> ArrayD<f64> {
    windows(x, kernel, stride, |i, x| {
        let goal = random.unit(i) as f64 * x.iter().sum::<f64>();
        let sums = x.iter().scan(0.0, |sum, x| {
            *sum += x;
            Some(*sum)
        });
        x.iter().zip(sums).find(|(_, sum)| *sum >= goal).map_or(0.0, |(x, _)| *x)
    })
}

/// What is drawn in the mean: each x with probability x / s.
fn mean_of_draws(x: &[f64]) -> f64 {
    let s: f64 = x.iter().sum();
    if s == 0.0 { 0.0 } else { x.iter().map(|x| x * (x / s)).sum() }
}

fn expected(x: &ArrayD<f64>, kernel: usize, stride: usize) -> ArrayD<f64> {
    windows(x, kernel, stride, |_, x| mean_of_draws(x))
}

/// The definition: all bins of all levels. `pool` gets a bin's values, and its size with padding.
fn pyramid(x: &ArrayD<f64>, levels: usize, pool: fn(&[f64], usize) -> f64) -> ArrayD<f64> {
    let s = x.shape();
    let mut y = Vec::new();
    for n in 0..s[0] {
        for bins in (0..levels).map(|level| 1 << level) {
            // Along an axis: the bin's places, padding included.
            let bin = |size: usize, i: usize| {
                let kernel = size.div_ceil(bins);
                let pad = (kernel * bins - size).div_ceil(2);
                let places = i * kernel..((i + 1) * kernel).min(size + 2 * pad);
                places.map(|at| at.wrapping_sub(pad)).collect::<Vec<_>>()
            };
            for (c, i, j) in (0..s[1]).flat_map(|c| (0..bins * bins).map(move |b| (c, b / bins, b % bins))) {
                let (rows, columns) = (bin(s[2], i), bin(s[3], j));
                let places = rows.iter().flat_map(|&r| columns.iter().map(move |&k| [n, c, r, k]));
                let values: Vec<f64> = places.filter_map(|at| x.get(at)).copied().collect();
                y.push(pool(&values, rows.len() * columns.len()));
            }
        }
    }
    ArrayD::from_shape_vec(vec![s[0], y.len() / s[0]], y).unwrap()
}

/// The definition: x at offsets, in the size of the second blob from `axis` on.
fn crop(x: &[ArrayD<f64>], axis: usize, offset: &[usize]) -> ArrayD<f64> {
    let shape = [&x[0].shape()[..axis], &x[1].shape()[axis..]].concat();
    ArrayD::from_shape_fn(IxDyn(&shape), |o| {
        let at: Vec<usize> = (0..shape.len()).map(|i| if i < axis { o[i] } else { o[i] + offset[i - axis] }).collect();
        x[0][&at[..]]
    })
}

fn make(text: &str, bottom: &[&[usize]]) -> Harness {
    Harness::create(&Layers::caffe(), &crate::text::layer(text), bottom).unwrap()
}

/// The weights have the bottom's channels first, as Caffe's have.
#[test]
fn weights_of_a_deconvolution_lie_as_in_caffe() {
    let text = r#"type: "Deconvolution" convolution_param { num_output: 6 kernel_size: 3 kernel_size: 2 group: 2 }"#;
    let bench = make(text, &[&[1, 4, 5, 5]]);
    assert_eq!(bench.params[0].shape(), [4, 3, 3, 2]);
    assert_eq!(bench.params[1].shape(), [6]);
    assert_eq!(bench.top[0].shape(), [1, 6, 7, 6]);
}

/// A bilinear filler doubles an image: away from its border a slope stays a slope.
#[test]
fn a_bilinear_deconvolution_enlarges() {
    let text = r#"type: "Deconvolution" convolution_param { num_output: 2 group: 2 bias_term: false
        kernel_size: 4 stride: 2 pad: 1 weight_filler { type: "bilinear" } }"#;
    let mut bench = make(text, &[&[1, 2, 4, 4]]);
    bench.fill(0, Fill::Values(&[0.0, 1.0, 2.0, 3.0]));
    bench.forward().unwrap();
    assert_eq!(bench.top[0].shape(), [1, 2, 8, 8]);
    let y = bench.top[0].data.view();
    for (c, row, column) in (0..2).flat_map(|c| (1..7).flat_map(move |r| (1..7).map(move |k| (c, r, k)))) {
        assert_eq!(y[[0, c, row, column]], (column as f32 - 0.5) / 2.0);
    }
}

#[test]
fn a_batch_of_none_is_no_mistake_here_either() {
    for (kind, bottom) in [
        (r#""Deconvolution" convolution_param { num_output: 2 kernel_size: 3 }"#, &[&[0, 3, 5, 5][..]][..]),
        (r#""Im2col" convolution_param { kernel_size: 3 }"#, &[&[0, 3, 5, 5]]),
        (r#""Pooling" pooling_param { pool: STOCHASTIC kernel_size: 2 }"#, &[&[0, 3, 5, 5]]),
        (r#""SPP" spp_param { pyramid_height: 2 }"#, &[&[0, 3, 5, 5]]),
        (r#""Crop""#, &[&[0, 3, 5, 5], &[0, 3, 2, 2]]),
    ] {
        for device in both_devices() {
            let mut bench = make(&format!("type: {kind}"), bottom).device(&device);
            bench.forward().unwrap();
            bench.backward().unwrap();
            assert!(bench.top[0].count() == 0 && bench.params.iter().all(|p| p.diff.asum() == 0.0), "{kind}");
        }
    }
}

/// MAX over windows of many sizes against the definition, ties and NaN and infinities among the values: the first of the
/// largest, or the last NaN; and its place. Wide planes have their windows taken several at a time.
#[test]
fn the_maximum_of_any_window() {
    let sizes = (1..=4).flat_map(|kernel| (1..=4).map(move |stride| (kernel, stride)));
    for (kernel, stride) in sizes.chain([(5, 2), (11, 4), (9, 1)]) {
        for (height, width, pad) in [(7, 40, 0), (11, 19, kernel / 2), (12, 12, 0), (11, 5, 0), (13, 64, kernel - 1)] {
            if height.min(width) + 2 * pad < kernel {
                continue;
            }
            let pool = format!("pool: MAX kernel_size: {kernel} stride: {stride} pad: {pad}");
            let text = format!(r#"type: "Pooling" top: "y" top: "mask" pooling_param {{ {pool} }}"#);
            for device in both_devices() {
                let mut bench = make(&text, &[&[2, 3, height, width]]).device(&device);
                let random = Random::new(kernel as u64, "windows", stride as u64);
                for (i, x) in (0..).zip(bench.bottom[0].data.slice_mut()) {
                    *x = match (random.unit(i) * 40.0) as usize {
                        0 => f32::NAN,
                        1 => f32::INFINITY,
                        2..=9 => f32::NEG_INFINITY,
                        n => (n / 8) as f32 - 3.0,
                    };
                }
                bench.forward().unwrap();
                let shape = bench.top[0].shape().to_vec();
                let (x, y, mask) = (bench.bottom[0].data.slice(), bench.top[0].data.slice(), bench.top[1].data.slice());
                for i in 0..y.len() {
                    let (plane, row, column) = (i / (shape[2] * shape[3]), i / shape[3] % shape[2], i % shape[3]);
                    let along = |o: usize, size: usize| {
                        (o * stride..o * stride + kernel).filter_map(move |p| p.checked_sub(pad).filter(|p| *p < size))
                    };
                    let mut best = (f32::MIN, -1.0); // of an empty window
                    for place in along(row, height).flat_map(|r| along(column, width).map(move |c| r * width + c)) {
                        let x = x[plane * height * width + place];
                        if best.1 < 0.0 || x > best.0 || x.is_nan() {
                            best = (x, place as f32);
                        }
                    }
                    assert!(
                        y[i].to_bits() == best.0.to_bits() && mask[i] == best.1,
                        "{device:?}, {pool}, {height} x {width}, window {i}: {} at {}, not {best:?}",
                        y[i],
                        mask[i]
                    );
                }
            }
        }
    }
}

const STOCHASTIC: &str = r#"name: "p" type: "Pooling" pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }"#;

/// In many passes each value comes as often as its share of the window's sum; in one pass always the same.
#[test]
fn values_are_drawn_by_their_size() {
    let mut bench = make(STOCHASTIC, &[&[10, 10, 2, 2]]);
    bench.fill(0, Fill::Values(&[1.0, 0.0, 4.0, 3.0]));
    let mut times = [0usize; 5];
    for pass in 0..100 {
        bench.pass = pass;
        bench.forward().unwrap();
        bench.top[0].data.slice().iter().for_each(|&y| times[y as usize] += 1);
    }
    assert_eq!(times[0] + times[2], 0);
    for (value, share) in [(1, 0.125), (3, 0.375), (4, 0.5)] {
        let found = times[value] as f64 / 10_000.0;
        assert!((found - share).abs() < 0.02, "{value} came in {found} of all windows"); // 4 standard deviations
    }
    let first = bench.top[0].data.slice().to_vec();
    bench.forward().unwrap();
    assert_eq!(bench.top[0].data.slice(), first);
    bench.pass = 100;
    bench.forward().unwrap();
    assert_ne!(bench.top[0].data.slice(), first);
}

#[test]
fn what_is_drawn_gets_the_gradient() {
    for device in both_devices() {
        let mut bench = make(STOCHASTIC, &[&[2, 3, 5, 4]]).device(&device);
        bench.fill(0, Fill::Distinct(0.0, 1.0));
        bench.forward().unwrap();
        Random::new(1, "dy", 0).uniform(0.5, 1.0, bench.top[0].diff.slice_mut());
        bench.backward().unwrap();
        let (x, dx) = (bench.bottom[0].data.slice(), bench.bottom[0].diff.slice());
        let (y, dy) = (bench.top[0].data.slice(), bench.top[0].diff.slice());
        for (x, dx) in x.iter().zip(dx) {
            let expected = y.iter().position(|y| y == x).map_or(0.0, |i| dy[i]); // no two values are equal
            assert_eq!(*dx, expected);
        }
    }
}

fn phases_on_both_devices() -> impl Iterator<Item = (Phase, Device)> {
    [Phase::Train, Phase::Test].into_iter().flat_map(|phase| both_devices().map(|device| (phase, device)))
}

/// Zeros, and what is no number, in a window.
#[test]
fn a_window_without_a_probability() {
    for (phase, device) in phases_on_both_devices() {
        let mut bench = make(STOCHASTIC, &[&[1, 1, 2, 6]]).phase(phase).device(&device);
        bench.fill(0, Fill::Values(&[0.0, 0.0, f32::NAN, 1.0, 2.0, 2.0]));
        bench.forward().unwrap();
        let y = bench.top[0].data.slice();
        assert!(y[0] == 0.0 && y[1].is_nan() && y[2] == 2.0, "{y:?}");
        bench.top[0].diff.fill(1.0);
        bench.backward().unwrap();
        let dx = bench.bottom[0].diff.slice();
        assert_eq!([dx[4], dx[5], dx[10], dx[11]].iter().sum::<f32>(), 1.0);
    }
}

#[test]
fn a_negative_value_is_not_drawn() {
    for (phase, device) in phases_on_both_devices() {
        let mut bench = make(STOCHASTIC, &[&[2, 1, 2, 2]]).phase(phase).device(&device);
        bench.fill(0, Fill::Values(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -0.5]));
        let e = bench.forward().unwrap_err();
        assert!(e.message().contains("-0.5, value 2 of sample 1"), "{e}");
        assert_eq!(e.field_path(), Some("pooling_param.pool"));
    }
}

#[test]
fn bad_layers_of_space_are_refused() {
    let x: &[&[usize]] = &[&[1, 4, 5, 5]];
    let conv = |kind: &str, p: &str| format!(r#"type: "{kind}" convolution_param {{ {p} }}"#);
    let deconv = |p: &str| conv("Deconvolution", p);
    let field = |name: &str| format!("convolution_param.{name}");
    let no = |text: String, bottom: &[&[usize]], why: &str, name: &str| refuses(&text, bottom, why, &field(name));
    no(deconv("kernel_size: 3"), x, "a Deconvolution needs a num_output", "num_output");
    no(deconv("num_output: 3 kernel_size: 3 group: 2"), x, "num_output 3 in 2 groups", "group");
    no(deconv("num_output: 3 kernel_size: 3 group: 3"), x, "4 channels in 3 groups", "group");
    no(deconv("num_output: 1 kernel_size: 3 pad: 4"), x, "a padding of 4 leaves nothing of 7 values", "pad");
    no(deconv("num_output: 1 kernel_size: 3 pad: 4294967295"), x, "leaves nothing", "pad");
    no(deconv("num_output: 1 kernel_size: 3 stride: 4294967295"), x, "5 values, 4294967295 apart", "stride");
    refuses(&deconv("num_output: 1 kernel_size: 3"), &[&[1, 4, 5, 0]], "size 0", "bottom");
    no(deconv("num_output: 1 kernel_size: 3 dilation: 40000"), x, "80001", "kernel_size");
    no(deconv("num_output: 1 kernel_size: 3 axis: 4"), x, "axis 4", "axis");
    refuses(&deconv("num_output: 1"), x, "kernel_size is not given", "convolution_param");
    let im2col = |p: &str| conv("Im2col", p);
    no(im2col("kernel_size: 6"), x, "a kernel of 6x6 does not fit into an input of 5x5", "kernel_size");
    no(im2col("kernel_size: 0"), x, "must not be 0", "kernel_size");
    no(im2col("kernel_size: 1 axis: 4"), x, "axis 4", "axis");
    no(im2col("kernel_size: 60000 pad: 60000"), x, "2^31", "kernel_size");
    refuses(&im2col(""), x, "kernel_size is not given", "convolution_param");
    let pool = |p: &str| format!(r#"type: "Pooling" pooling_param {{ pool: STOCHASTIC {p} }}"#);
    refuses(&pool("kernel_size: 2 pad: 1"), x, "takes no padding", "pooling_param.pad");
    refuses(&format!(r#"top: "y" top: "mask" {}"#, pool("kernel_size: 2")), x, "takes exactly 1", "top");
    let spp = |p: &str| format!(r#"type: "SPP" spp_param {{ {p} }}"#);
    refuses(&spp(""), x, "pyramid_height of at least 1", "spp_param.pyramid_height");
    refuses(&spp("pyramid_height: 3"), x, "planes of 5 x 5 cannot be divided into 2^2", "spp_param.pyramid_height");
    refuses(&spp("pyramid_height: 4000000000"), x, "cannot be divided", "spp_param.pyramid_height");
    refuses(&spp("pyramid_height: 2 pool: STOCHASTIC"), x, "no padding, which planes of 5 x 5", "spp_param.pool");
    let crop = |p: &str| format!(r#"type: "Crop" crop_param {{ {p} }}"#);
    let two: &[&[usize]] = &[&[1, 2, 5, 5], &[1, 2, 3, 4]];
    refuses(&crop("axis: 4"), two, "axis 4", "crop_param.axis");
    refuses(&crop("offset: 1 offset: 1 offset: 1"), two, "3 times for the 2 axes from 2 on", "crop_param.offset");
    refuses(&crop("offset: 2"), two, "axis 3: 4 values from offset 2 on do not fit into 5", "crop_param.offset");
    refuses(&crop("offset: 4294967295"), two, "do not fit", "crop_param.offset");
    refuses(&crop(""), &[&[1, 2, 5, 5], &[3, 3]], "[1, 2, 5, 5] and bottom[1] [3, 3]", "bottom[1]");
}
