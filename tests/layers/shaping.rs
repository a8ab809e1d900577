//! Layers that move values, or share them out: Split, Concat, Slice, Flatten, Reshape, Silence.

use crate::kit::*;
use ndarray::Slice;

pub const CASES: &[Case] = &[
    Case {
        name: "split",
        prototxt: r#"type: "Split" top: "a" top: "b" top: "c""#,
        bottom: &[&[&[2, 3]], &[&[4]]],
        naive: |x, _| vec![x[0].clone(), x[0].clone(), x[0].clone()],
        ..CASE
    },
    Case {
        name: "split_one",
        prototxt: r#"type: "Split" top: "a""#,
        bottom: &[&[&[2, 3]], &[&[]]],
        naive: |x, _| vec![x[0].clone()],
        ..CASE
    },
    Case {
        name: "concat",
        prototxt: r#"type: "Concat""#,
        bottom: &[&[&[2, 3, 2], &[2, 1, 2], &[2, 2, 2]], &[&[1, 2], &[1, 4], &[1, 1]]],
        naive: |x, _| vec![concat(x, 1)],
        ..CASE
    },
    Case {
        name: "concat_axis0",
        prototxt: r#"type: "Concat" concat_param { axis: 0 }"#,
        bottom: &[&[&[1, 3], &[2, 3]], &[&[4], &[3]]],
        naive: |x, _| vec![concat(x, 0)],
        ..CASE
    },
    Case {
        name: "concat_last_axis",
        prototxt: r#"type: "Concat" concat_param { axis: -1 }"#,
        bottom: &[&[&[2, 3], &[2, 1]], &[&[2, 2, 3], &[2, 2, 2]]],
        naive: |x, _| vec![concat(x, x[0].ndim() - 1)],
        ..CASE
    },
    Case {
        name: "concat_dim",
        prototxt: r#"type: "Concat" concat_param { concat_dim: 2 }"#,
        bottom: &[&[&[1, 2, 3, 2], &[1, 2, 1, 2]], &[&[2, 1, 1], &[2, 1, 2]]],
        naive: |x, _| vec![concat(x, 2)],
        ..CASE
    },
    Case {
        name: "concat_with_an_empty_bottom",
        prototxt: r#"type: "Concat""#,
        bottom: &[&[&[2, 1], &[2, 0], &[2, 2]], &[&[2, 1], &[2, 1], &[2, 2]]],
        naive: |x, _| vec![concat(x, 1)],
        gradient: false, // of an empty blob there is none to compare
        ..CASE
    },
    Case {
        name: "concat_one",
        prototxt: r#"type: "Concat""#,
        bottom: &[&[&[2, 3]], &[&[1, 1, 4]]],
        naive: |x, _| vec![x[0].clone()],
        ..CASE
    },
    Case {
        name: "slice_even",
        prototxt: r#"type: "Slice" top: "a" top: "b" top: "c""#,
        bottom: &[&[&[2, 6, 2]], &[&[3, 3]]],
        naive: |x, _| {
            let third = x[0].shape()[1] / 3;
            vec![cut(&x[0], 1, 0, third), cut(&x[0], 1, third, 2 * third), cut(&x[0], 1, 2 * third, 3 * third)]
        },
        ..CASE
    },
    Case {
        name: "slice_points",
        prototxt: r#"type: "Slice" top: "a" top: "b" top: "c" slice_param { slice_point: 1 slice_point: 4 }"#,
        bottom: &[&[&[2, 6, 2]], &[&[1, 5]]],
        naive: |x, _| vec![cut(&x[0], 1, 0, 1), cut(&x[0], 1, 1, 4), cut(&x[0], 1, 4, x[0].shape()[1])],
        ..CASE
    },
    Case {
        name: "slice_last_axis",
        prototxt: r#"type: "Slice" top: "a" top: "b" slice_param { axis: -1 slice_point: 3 }"#,
        bottom: &[&[&[2, 3, 4]], &[&[5]]],
        naive: |x, _| {
            let last = x[0].ndim() - 1;
            vec![cut(&x[0], last, 0, 3), cut(&x[0], last, 3, x[0].shape()[last])]
        },
        ..CASE
    },
    Case {
        name: "slice_dim",
        prototxt: r#"type: "Slice" top: "a" top: "b" slice_param { slice_dim: 0 }"#,
        bottom: &[&[&[2, 3]], &[&[4]]],
        naive: |x, _| {
            let half = x[0].shape()[0] / 2;
            vec![cut(&x[0], 0, 0, half), cut(&x[0], 0, half, 2 * half)]
        },
        ..CASE
    },
    Case {
        name: "slice_one",
        prototxt: r#"type: "Slice" top: "a""#,
        bottom: &[&[&[2, 3]], &[&[1, 2, 2]]],
        naive: |x, _| vec![x[0].clone()],
        ..CASE
    },
    Case {
        name: "flatten",
        prototxt: r#"type: "Flatten""#,
        bottom: &[&[&[2, 3, 2, 2]], &[&[4, 1, 3]]],
        naive: |x, _| {
            let n = x[0].shape()[0];
            vec![shaped(x, &[n, x[0].len() / n])]
        },
        ..CASE
    },
    Case {
        name: "flatten_middle",
        prototxt: r#"type: "Flatten" flatten_param { axis: -3 end_axis: -2 }"#,
        bottom: &[&[&[2, 3, 2, 2]], &[&[1, 2, 3, 4]]],
        naive: |x, _| {
            let d = x[0].shape();
            vec![shaped(x, &[d[0], d[1] * d[2], d[3]])]
        },
        ..CASE
    },
    Case {
        name: "reshape",
        prototxt: r#"type: "Reshape" reshape_param { shape { dim: 0 dim: 2 dim: -1 } }"#,
        bottom: &[&[&[2, 8]], &[&[3, 2, 3]]],
        naive: |x, _| {
            let n = x[0].shape()[0];
            vec![shaped(x, &[n, 2, x[0].len() / n / 2])]
        },
        ..CASE
    },
    Case {
        name: "reshape_last_axis",
        prototxt: r#"type: "Reshape" reshape_param { shape { dim: 2 dim: -1 } axis: -2 }"#,
        bottom: &[&[&[2, 3, 8]], &[&[1, 4]]],
        naive: |x, _| {
            let d = x[0].shape();
            let (before, last) = d.split_at(d.len() - 1);
            vec![shaped(x, &[before, &[2, last[0] / 2]].concat())]
        },
        ..CASE
    },
    Case {
        name: "reshape_adds_an_axis",
        prototxt: r#"type: "Reshape" reshape_param { shape { dim: 1 } axis: -1 }"#,
        bottom: &[&[&[2, 3]], &[&[4]]],
        naive: |x, _| vec![shaped(x, &[x[0].shape(), &[1]].concat())],
        ..CASE
    },
    Case {
        name: "reshape_one_axis",
        prototxt: r#"type: "Reshape" reshape_param { shape { dim: -1 dim: 3 } axis: 1 num_axes: 1 }"#,
        bottom: &[&[&[2, 3, 4]], &[&[1, 6]]],
        naive: |x, _| {
            let d = x[0].shape();
            vec![shaped(x, &[&d[..1], &[d[1] / 3, 3], &d[2..]].concat())]
        },
        ..CASE
    },
    Case {
        name: "reshape_inserts",
        prototxt: r#"type: "Reshape" reshape_param { shape { dim: 1 dim: 1 } axis: 1 num_axes: 0 }"#,
        bottom: &[&[&[2, 3]], &[&[4]]],
        naive: |x, _| {
            let d = x[0].shape();
            vec![shaped(x, &[&d[..1], &[1, 1], &d[1..]].concat())]
        },
        ..CASE
    },
    Case {
        name: "reshape_scalar",
        prototxt: r#"type: "Reshape" reshape_param { shape { } }"#,
        bottom: &[&[&[1, 1]], &[&[1]]],
        naive: |x, _| vec![shaped(x, &[])],
        ..CASE
    },
    Case {
        name: "silence",
        prototxt: r#"type: "Silence""#,
        bottom: &[&[&[2, 3], &[4]], &[&[1], &[2, 2]]],
        naive: |_, _| vec![],
        gradient: false, // below: without a top there is no slope to walk along
        ..CASE
    },
];

fn concat(x: &[ArrayD<f64>], axis: usize) -> ArrayD<f64> {
    ndarray::concatenate(Axis(axis), &x.iter().map(|x| x.view()).collect::<Vec<_>>()).unwrap()
}

fn cut(x: &ArrayD<f64>, axis: usize, from: usize, to: usize) -> ArrayD<f64> {
    x.slice_axis(Axis(axis), Slice::from(from..to)).to_owned()
}

fn shaped(x: &[ArrayD<f64>], shape: &[usize]) -> ArrayD<f64> {
    x[0].to_shape(IxDyn(shape)).unwrap().to_owned()
}

#[test]
fn silence_gives_zero_diffs_where_they_are_asked_for() {
    let mut bench = case("silence").bench(0).unwrap();
    bench.bottom.iter_mut().for_each(|x| x.diff.fill(7.0));
    bench.backward_to(&[true, false]).unwrap();
    assert!(bench.bottom[0].diff.slice().iter().all(|&d| d == 0.0));
    assert!(bench.bottom[1].diff.slice().iter().all(|&d| d == 7.0));
}

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).unwrap()
}

#[test]
fn what_cannot_be_shaped_is_an_error() {
    let both = "are both given";
    refuses(r#"type: "Concat" concat_param { axis: 1 concat_dim: 1 }"#, &[&[2, 3]], both, "concat_param.concat_dim");
    refuses(
        r#"type: "Concat" concat_param { axis: 2 }"#,
        &[&[2, 3]],
        "axis 2 of a blob of shape [2, 3]",
        "concat_param.axis",
    );
    refuses(
        r#"type: "Concat" concat_param { concat_dim: 4294967295 }"#,
        &[&[2, 3]],
        "of a blob of shape [2, 3]",
        "concat_param.axis",
    );
    let differ = "bottom 0 of shape [2, 3, 4] and bottom 1 of shape [2, 3, 5] do not join";
    refuses(r#"type: "Concat""#, &[&[2, 3, 4], &[2, 3, 5]], differ, "bottom");
    refuses(r#"type: "Concat""#, &[&[2, 3], &[2, 3, 1]], "[2, 3] and bottom 1 of shape [2, 3, 1]", "bottom");

    let slice = |param: &str| format!(r#"type: "Slice" top: "a" top: "b" slice_param {{ {param} }}"#);
    refuses(&slice("axis: 1 slice_dim: 1"), &[&[2, 4]], both, "slice_param.slice_dim");
    refuses(&slice("axis: -3"), &[&[2, 4]], "axis -3 of a blob of shape [2, 4]", "slice_param.axis");
    for (param, why) in [
        ("", "axis 1 of shape [2, 3] cannot be divided into 2 equal tops"),
        ("slice_point: 4", "axis 1 of shape [2, 3] cannot be cut at [4]"),
        ("slice_point: 0", "cannot be cut at [0]"),
        ("slice_point: 1 slice_point: 2", "2 slice points make 3 tops, not 2"),
        ("slice_point: 4294967295", "cannot be cut at [4294967295]"),
    ] {
        refuses(&slice(param), &[&[2, 3]], why, "slice_param.slice_point");
    }
    let three = r#"type: "Slice" top: "a" top: "b" top: "c" slice_param { slice_point: 2 slice_point: 2 }"#;
    refuses(three, &[&[2, 3]], "cannot be cut at [2, 2]", "slice_param.slice_point");

    let flatten = |param: &str| format!(r#"type: "Flatten" flatten_param {{ {param} }}"#);
    refuses(&flatten("axis: 2"), &[&[2, 3]], "axis 2 of a blob of shape [2, 3]", "flatten_param.axis");
    refuses(&flatten("end_axis: -3"), &[&[2, 3]], "axis -3", "flatten_param.end_axis");
    refuses(&flatten("axis: 2 end_axis: 0"), &[&[2, 3, 4]], "axes 2 to 0 of shape [2, 3, 4]", "flatten_param.end_axis");
    refuses(r#"type: "Flatten""#, &[&[]], "axis 1 of a blob of shape []", "flatten_param.axis");

    let reshape = |param: &str| format!(r#"type: "Reshape" reshape_param {{ {param} }}"#);
    for (shape, why) in [
        ("dim: -2", "dim -2 in the shape [-2]"),
        ("dim: -1 dim: -1", "several dims -1 in the shape [-1, -1]"),
        ("dim: 4 dim: 2", "a blob of shape [2, 3] cannot take the shape [4, 2]"),
        ("dim: 4 dim: -1", "a blob of shape [2, 3] cannot take the shape [4, ?]"),
        ("dim: 1 dim: 2 dim: 0", "dim 2 of the shape [1, 2, 0] is 0, but [2, 3] has no axis 2"),
        ("dim: 4294967296 dim: 4294967296", "cannot take the shape"),
        ("dim: 4294967296 dim: 4294967296 dim: -1", "cannot take the shape"),
        ("dim: 9223372036854775807 dim: 3", "cannot take the shape"),
    ] {
        refuses(&reshape(&format!("shape {{ {shape} }}")), &[&[2, 3]], why, "reshape_param.shape");
    }
    refuses(&reshape("shape { dim: 0 dim: -1 }"), &[&[0, 3]], "cannot take the shape [0, ?]", "reshape_param.shape");
    refuses(&reshape("axis: 3"), &[&[2, 3]], "axis 3 of a blob of shape [2, 3]", "reshape_param.axis");
    refuses(&reshape("axis: -4"), &[&[2, 3]], "axis -4 of a blob of shape [2, 3]", "reshape_param.axis");
    refuses(&reshape("num_axes: 3"), &[&[2, 3]], "3 axes from axis 0 on", "reshape_param.num_axes");
    refuses(&reshape("num_axes: -2"), &[&[2, 3]], "num_axes -2", "reshape_param.num_axes");
}
