//! InnerProduct and the layers of many uses.

use crate::kit::*;

const TWO: &[&[&[usize]]] = &[&[&[2, 3, 4], &[2, 3, 4]], &[&[5], &[5]]];
const THREE: &[&[&[usize]]] = &[&[&[2, 3], &[2, 3], &[2, 3]], &[&[7], &[7], &[7]]];
const DISTINCT: &[Fill] = &[Fill::Distinct(-1.0, 1.0), Fill::Distinct(-0.9, 1.1), Fill::Distinct(-0.8, 1.2)];
const ONE: &[&[&[usize]]] = &[&[&[2, 3, 4]], &[&[1, 5]]];

pub const CASES: &[Case] = &[
    Case {
        name: "inner_product",
        prototxt: r#"type: "InnerProduct" inner_product_param { num_output: 5 }"#,
        bottom: &[&[&[3, 2, 4]], &[&[1, 8]], &[&[2, 3]]],
        naive: |x, w| vec![inner_product(&x[0], w, 1)],
        ..CASE
    },
    Case {
        name: "inner_product_transposed",
        prototxt: r#"type: "InnerProduct" inner_product_param { num_output: 3 axis: -1 transpose: true }"#,
        bottom: &[&[&[3, 2, 4]], &[&[5, 4]]],
        naive: |x, w| {
            let w = [w[0].t().to_owned(), w[1].clone()];
            vec![inner_product(&x[0], &w, x[0].ndim() - 1)]
        },
        ..CASE
    },
    Case {
        name: "inner_product_of_everything",
        prototxt: r#"type: "InnerProduct" inner_product_param { num_output: 2 axis: 0 bias_term: false }"#,
        bottom: &[&[&[3, 4]], &[&[12]]],
        naive: |x, w| vec![inner_product(&x[0], w, 0)],
        ..CASE
    },
    Case {
        name: "eltwise_sum",
        prototxt: r#"type: "Eltwise""#,
        bottom: TWO,
        naive: |x, _| vec![&x[0] + &x[1]],
        ..CASE
    },
    Case {
        name: "eltwise_sum_coeff",
        prototxt: r#"type: "Eltwise" eltwise_param { operation: SUM coeff: 0.5 coeff: -2 coeff: 0 }"#,
        bottom: THREE,
        naive: |x, _| vec![&x[0] * 0.5 - &x[1] * 2.0],
        ..CASE
    },
    Case {
        name: "eltwise_prod",
        prototxt: r#"type: "Eltwise" eltwise_param { operation: PROD }"#,
        bottom: THREE,
        naive: |x, _| vec![&x[0] * &x[1] * &x[2]],
        ..CASE
    },
    Case {
        name: "eltwise_prod_by_division",
        prototxt: r#"type: "Eltwise" eltwise_param { operation: PROD stable_prod_grad: false }"#,
        bottom: TWO,
        fill: &[Fill::Uniform(0.5, 1.5)], // not near 0, where y / x is not a number
        naive: |x, _| vec![&x[0] * &x[1]],
        ..CASE
    },
    Case {
        name: "eltwise_max",
        prototxt: r#"type: "Eltwise" eltwise_param { operation: MAX }"#,
        bottom: THREE,
        fill: DISTINCT,
        naive: |x, _| {
            let mut y = x[0].clone();
            x[1..].iter().for_each(|x| y.zip_mut_with(x, |y, &x| *y = y.max(x)));
            vec![y]
        },
        ..CASE
    },
    Case {
        name: "reduction_sum",
        prototxt: r#"type: "Reduction""#,
        bottom: ONE,
        naive: |x, _| reduce(x, 0, 1.0, |x| x),
        ..CASE
    },
    Case {
        name: "reduction_sum_axis",
        prototxt: r#"type: "Reduction" reduction_param { axis: 1 coeff: 2.5 }"#,
        bottom: ONE,
        naive: |x, _| reduce(x, 1, 2.5, |x| x),
        ..CASE
    },
    Case {
        name: "reduction_asum",
        prototxt: r#"type: "Reduction" reduction_param { operation: ASUM axis: -1 coeff: 0.5 }"#,
        bottom: ONE,
        kink: Some((0.0, 0.03)),
        naive: |x, _| reduce(x, x[0].ndim() - 1, 0.5, f64::abs),
        fill: &[Fill::Distinct(-1.05, 1.0)],
        ..CASE
    },
    Case {
        name: "reduction_sumsq",
        prototxt: r#"type: "Reduction" reduction_param { operation: SUMSQ axis: 1 coeff: -1.5 }"#,
        bottom: ONE,
        naive: |x, _| reduce(x, 1, -1.5, |x| x * x),
        ..CASE
    },
    Case {
        name: "reduction_mean",
        prototxt: r#"type: "Reduction" reduction_param { operation: MEAN axis: 1 coeff: 3 }"#,
        bottom: ONE,
        naive: |x, _| {
            let dim: usize = x[0].shape()[1..].iter().product();
            reduce(x, 1, 3.0 / dim as f64, |x| x)
        },
        ..CASE
    },
];

/// The definition: y\[m\]\[n\] = b\[n\] + sum of x\[m\]\[k\] * w\[n\]\[k\], where the axes from `axis` on make k.
fn inner_product(x: &ArrayD<f64>, w: &[ArrayD<f64>], axis: usize) -> ArrayD<f64> {
    let k = w[0].shape()[1];
    let shape = [&x.shape()[..axis], &w[0].shape()[..1]].concat();
    let x: Vec<f64> = x.iter().copied().collect();
    let y = x.chunks(k).flat_map(|x| {
        let sum = |n| x.iter().zip(w[0].index_axis(Axis(0), n)).map(|(x, w)| x * w).sum::<f64>();
        (0..w[0].shape()[0]).map(|n| sum(n) + w.get(1).map_or(0.0, |b| b[[n]])).collect::<Vec<_>>()
    });
    ArrayD::from_shape_vec(shape, y.collect()).unwrap()
}

/// Large enough to be cut into pieces: forward against the definition, and one thread against two.
#[test]
fn a_large_inner_product() {
    for transpose in [false, true] {
        let text = format!("type: \"InnerProduct\" inner_product_param {{ num_output: 150 transpose: {transpose} }}");
        let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(&text), &[&[50, 300]]).unwrap();
        bench.fill(0, Fill::Uniform(-1.0, 1.0));
        bench.fill_param(0, Fill::Uniform(-0.1, 0.1));
        bench.fill_param(1, Fill::Uniform(-1.0, 1.0));
        let naive = |x: &[ArrayD<f64>], w: &[ArrayD<f64>]| {
            let turned = if transpose { w[0].t().to_owned() } else { w[0].clone() };
            vec![inner_product(&x[0], &[turned, w[1].clone()], 1)]
        };
        bench.check_forward(naive, 1e-5).unwrap();
        bench.check_threads().unwrap();
    }
}

#[test]
fn bad_inner_products_are_refused() {
    let make = |p: &str| {
        let param = crate::text::layer(&format!(r#"type: "InnerProduct" inner_product_param {{ {p} }}"#));
        Harness::create(&Layers::caffe(), &param, &[&[2, 6]])
    };
    let field = |p: &str| make(p).err().map(|e| e.field_path().map(str::to_string));
    assert_eq!(field(""), Some(Some("inner_product_param.num_output".into())));
    assert_eq!(field("num_output: 2 axis: 2"), Some(Some("inner_product_param.axis".into())));
    assert!(field("num_output: 4294967295").is_some()); // more weights than a blob holds
    let error = make("num_output: 2").unwrap().reshape(&[&[2, 7]]).unwrap_err().to_string();
    assert!(error.contains("6 inputs") && error.contains("[2, 7]"), "{error}");
}

/// c times the sum of f(x) over the axes from `axis` on.
fn reduce(x: &[ArrayD<f64>], axis: usize, c: f64, f: fn(f64) -> f64) -> Vec<ArrayD<f64>> {
    let mut y = x[0].mapv(f);
    while y.ndim() > axis {
        y = y.sum_axis(Axis(y.ndim() - 1));
    }
    vec![y * c]
}

/// An Eltwise of two bottoms with the given values: y, dx_0 and dx_1 for dy = 1.
fn eltwise(param: &str, x: [&'static [f32]; 2]) -> [Vec<f32>; 3] {
    let param = crate::text::layer(&format!(r#"type: "Eltwise" eltwise_param {{ {param} }}"#));
    let n = x[0].len();
    let mut bench = Harness::create(&Layers::caffe(), &param, &[&[n], &[n]]).unwrap();
    (0..2).for_each(|i| bench.fill(i, Fill::Values(x[i])));
    bench.forward().unwrap();
    bench.top[0].diff.fill(1.0);
    bench.backward().unwrap();
    [&bench.top[0].data, &bench.bottom[0].diff, &bench.bottom[1].diff].map(|x| x.slice().to_vec())
}

#[test]
fn a_tie_of_the_first_two_goes_to_the_second() {
    let [y, dx0, dx1] = eltwise("operation: MAX", [&[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0]]);
    assert_eq!((y, dx0, dx1), (vec![1.0, 3.0, 3.0], vec![0.0, 0.0, 1.0], vec![1.0, 1.0, 0.0]));
}

#[test]
fn a_maximum_hides_no_nan() {
    let [y, _, _] = eltwise("operation: MAX", [&[1.0, f32::NAN], &[f32::NAN, 1.0]]);
    assert!(y.iter().all(|y| y.is_nan()));
}

#[test]
fn a_product_with_a_zero_has_a_gradient_if_it_is_stable() {
    let [_, dx0, dx1] = eltwise("operation: PROD", [&[0.0], &[3.0]]);
    assert_eq!((dx0[0], dx1[0]), (3.0, 0.0));
    let [_, dx0, dx1] = eltwise("operation: PROD stable_prod_grad: false", [&[0.0], &[3.0]]);
    assert!(dx0[0].is_nan() && dx1[0] == 0.0);
}

#[test]
fn the_slope_of_an_absolute_value_is_zero_at_zero() {
    let param = crate::text::layer(r#"type: "Reduction" reduction_param { operation: ASUM }"#);
    let mut bench = Harness::create(&Layers::caffe(), &param, &[&[3]]).unwrap();
    bench.fill(0, Fill::Values(&[0.0, -2.0, 2.0]));
    bench.forward().unwrap();
    bench.top[0].diff.fill(1.0);
    bench.backward().unwrap();
    assert_eq!(bench.bottom[0].diff.slice(), [0.0, -1.0, 1.0]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let eltwise = |param: &str| format!(r#"type: "Eltwise" eltwise_param {{ {param} }}"#);
    let two: &[&[usize]] = &[&[2], &[2]];
    refuses(
        &eltwise(""),
        &[&[2, 3], &[3, 2]],
        "bottom 0 of shape [2, 3] and bottom 1 of shape [3, 2] differ",
        "bottom",
    );
    refuses(&eltwise(""), &[&[2]], "Eltwise has 1 bottom and takes at least 2", "bottom");
    refuses(&eltwise("coeff: 1"), two, "1 coeffs for 2 bottoms", "eltwise_param.coeff");
    refuses(&eltwise("operation: PROD coeff: 1 coeff: 1"), two, "PROD takes no coeff", "eltwise_param.coeff");
    // MAX has no use for them, and Caffe says nothing.
    assert!(
        Harness::create(&Layers::caffe(), &crate::text::layer(&eltwise("operation: MAX coeff: 1 coeff: 2")), two)
            .is_ok()
    );
    let reduction = |param: &str| format!(r#"type: "Reduction" reduction_param {{ {param} }}"#);
    refuses(&reduction("axis: 2"), &[&[2, 3]], "axis 2 of a blob of shape [2, 3]", "reduction_param.axis");
    refuses(&reduction(""), &[&[]], "axis 0 of a blob of shape []", "reduction_param.axis");
    refuses(&reduction("axis: 1"), &[&[2, 0]], "nothing to sum from axis 1 of shape [2, 0] on", "bottom");
}
