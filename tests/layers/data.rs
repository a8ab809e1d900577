//! Layers that make their tops from nothing.

use crate::kit::*;
use cortado::random::Random;

pub const CASES: &[Case] = &[
    Case {
        name: "input",
        prototxt: r#"type: "Input" input_param { shape { dim: 2 dim: 3 } }"#,
        bottom: &[&[], &[]],
        naive: |_, _| vec![ArrayD::from_elem(IxDyn(&[2, 3]), f64::NAN)], // what was put there: forward touches nothing
        gradient: false,
        ..CASE
    },
    Case {
        name: "parameter",
        prototxt: r#"type: "Parameter" parameter_param { shape { dim: 2 dim: 3 } }"#,
        bottom: &[&[], &[]],
        naive: |_, w| vec![w[0].clone()],
        ..CASE
    },
    Case {
        name: "parameter_scalar",
        prototxt: r#"type: "Parameter""#,
        bottom: &[&[], &[]],
        naive: |_, w| vec![w[0].clone()],
        ..CASE
    },
    Case {
        name: "dummy_data",
        prototxt: r#"type: "DummyData" top: "a" top: "b" dummy_data_param {
            shape { dim: 2 dim: 3 } shape { dim: 4 } data_filler { type: "uniform" min: -1 max: 1 } }"#,
        bottom: &[&[], &[]],
        naive: |_, _| vec![uniform("dummy_data/0", &[2, 3]), uniform("dummy_data/1", &[4])],
        gradient: false,
        ..CASE
    },
];

fn uniform(name: &str, shape: &[usize]) -> ArrayD<f64> {
    let mut x = vec![0.0; shape.iter().product()];
    Random::new(0, name, 0).uniform(-1.0, 1.0, &mut x);
    ArrayD::from_shape_vec(IxDyn(shape), x).unwrap().mapv(f64::from)
}

/// The layer with the tops that `text` names.
fn bench(text: &str) -> Harness {
    Harness::create(&Layers::caffe(), &crate::text::layer(text), &[]).unwrap()
}

#[test]
fn input_starts_as_zeros_and_keeps_what_is_put_in() {
    let mut bench = bench(r#"type: "Input" top: "a" top: "b" input_param { shape { dim: 2 } }"#);
    assert_eq!((bench.top[0].data.slice(), bench.top[1].shape()), (&[0.0, 0.0][..], &[2][..]));
    bench.top[0].data.slice_mut()[1] = 5.0;
    bench.forward().unwrap();
    assert_eq!(bench.top[0].data.slice(), [0.0, 5.0]);
    bench.top[0].reshape(&[3]).unwrap(); // a shape given by hand stays
    bench.forward().unwrap();
    assert_eq!((bench.top[0].shape(), bench.top[1].shape()), (&[3][..], &[2][..]));
}

#[test]
fn input_takes_one_shape_for_each_top() {
    let each = bench(r#"type: "Input" top: "a" top: "b" input_param { shape { dim: 2 } shape { } }"#);
    assert_eq!((each.top[0].shape(), each.top[1].shape()), (&[2][..], &[][..]));
}

#[test]
fn dummy_data_fills_constants_once_and_draws_the_rest_anew() {
    let text = r#"type: "DummyData" top: "a" top: "b" dummy_data_param { num: 2 channels: 3 height: 1 height: 2 width: 1
        data_filler { type: "constant" value: 7 } data_filler { type: "gaussian" } }"#;
    let mut bench = bench(text);
    assert!(bench.layer.is_source());
    assert_eq!((bench.top[0].shape(), bench.top[1].shape()), (&[2, 3, 1, 1][..], &[2, 3, 2, 1][..]));
    assert!(bench.top[0].data.slice().iter().all(|&x| x == 7.0));
    bench.forward().unwrap();
    let first = bench.top[1].data.slice().to_vec();
    bench.top[0].data.fill(8.0);
    bench.pass = 1;
    bench.forward().unwrap();
    assert_ne!(bench.top[1].data.slice(), first);
    assert!(bench.top[0].data.slice().iter().all(|&x| x == 8.0));
    bench.pass = 0;
    bench.forward().unwrap();
    assert_eq!(bench.top[1].data.slice(), first);
}

#[test]
fn dummy_data_without_a_filler_is_zero() {
    let bench = bench(r#"type: "DummyData" dummy_data_param { shape { dim: 3 } }"#);
    assert!(!bench.layer.is_source());
    assert_eq!(bench.top[0].data.slice(), [0.0; 3]);
}

#[test]
fn memory_data_hands_out_what_it_is_given() {
    let text = r#"type: "MemoryData" name: "m" top: "x" top: "l"
        memory_data_param { batch_size: 2 channels: 1 height: 1 width: 3 }"#;
    let mut bench = bench(text);
    assert!(bench.layer.is_source());
    assert_eq!((bench.top[0].shape(), bench.top[1].shape()), (&[2, 1, 1, 3][..], &[2, 1, 1, 1][..]));
    let e = bench.forward().unwrap_err().to_string();
    assert!(e.contains("the layer was given no data") && e.contains("(\"m\")?.set_input_arrays"), "{e}");

    use ndarray::Dimension;
    let layer: &mut dyn std::any::Any = bench.layer.as_mut();
    let layer = layer.downcast_mut::<cortado::layers::MemoryData>().unwrap();
    let array = |shape: &[usize]| {
        ArrayD::from_shape_fn(IxDyn(shape), |i| i.slice().iter().fold(0.0, |n, &i| 10.0 * n + i as f32))
    };
    let (x, labels) = (array(&[4, 1, 1, 3]), array(&[4]));
    for (x, labels, why) in [
        (&array(&[4, 1, 3]), &labels, "samples of shape [4, 1, 3] for a layer of shape [2, 1, 1, 3]"),
        (&array(&[4, 3, 1, 1]), &labels, "samples of shape [4, 3, 1, 1] for a layer"),
        (&array(&[]), &labels, "samples of shape []"),
        (&x, &array(&[3]), "labels of shape [3] for samples of shape [4, 1, 1, 3]"),
        (&x, &array(&[4, 1]), "labels of shape [4, 1] for samples"),
        (&array(&[3, 1, 1, 3]), &array(&[3]), "3 samples for a batch_size of 2"),
        (&array(&[0, 1, 1, 3]), &array(&[0]), "0 samples for a batch_size of 2"),
    ] {
        let e = layer.set_input_arrays(x, labels).unwrap_err();
        assert!(e.message().contains(why) && e.layer_name() == Some("m") && !e.hints().is_empty(), "{e}");
    }
    layer.set_input_arrays(&x, &labels).unwrap();
    for batch in [0, 1, 0] {
        bench.forward().unwrap();
        let rows: Vec<f32> =
            (2 * batch..2 * batch + 2).flat_map(|i| (0..3).map(move |j| (1000 * i + j) as f32)).collect();
        assert_eq!(bench.top[0].data.slice(), rows);
        assert_eq!(bench.top[1].data.slice(), [2.0 * batch as f32, 2.0 * batch as f32 + 1.0]);
    }
    bench.layer.seek(2).unwrap();
    bench.forward().unwrap();
    assert_eq!((bench.top[1].data.slice(), bench.layer.position()), (&[2.0, 3.0][..], Some(4)));
}

#[test]
fn impossible_shapes_are_errors() {
    let dummy = |param: &str| format!(r#"type: "DummyData" top: "a" top: "b" top: "c" dummy_data_param {{ {param} }}"#);
    let input = |param: &str| format!(r#"type: "Input" top: "a" top: "b" top: "c" input_param {{ {param} }}"#);
    for (text, why, field) in [
        (input("shape { dim: 1 } shape { dim: 2 }"), "2 `shape` for 3 tops", "input_param.shape"),
        (input("shape { dim: -1 }"), "dim -1 in the shape [-1]", "input_param.shape"),
        (input("shape { dim: 65536 dim: 65536 }"), "more than 2^31 - 1 values", "input_param.shape"),
        (input("shape { dim: 9223372036854775807 dim: 9 }"), "more than 2^31 - 1 values", "input_param.shape"),
        (dummy("shape { dim: -5 }"), "dim -5", "dummy_data_param.shape"),
        (dummy(""), "0 `shape` for 3 tops", "dummy_data_param.shape"),
        (dummy("shape { dim: 1 } num: 2"), "both `shape` and the older", "dummy_data_param.shape"),
        (dummy("num: 2 channels: 1 width: 1"), "0 `height` for 3 tops", "dummy_data_param.height"),
        (dummy("num: 65536 channels: 65536 height: 1 width: 1"), "more than 2^31 - 1", "dummy_data_param.num"),
        (
            dummy(r#"shape { dim: 1 } data_filler { type: "uniform" } data_filler { type: "uniform" }"#),
            "2 `data_filler` for 3 tops",
            "dummy_data_param.data_filler",
        ),
        (
            dummy(r#"shape { dim: 1 } data_filler { type: "gausian" }"#),
            "there is no filler \"gausian\"",
            "dummy_data_param.data_filler",
        ),
        (
            r#"type: "MemoryData" top: "a" top: "b" memory_data_param { batch_size: 1 channels: 1 height: 2 }"#.into(),
            "width must be at least 1",
            "memory_data_param.width",
        ),
        (
            r#"type: "MemoryData" top: "a" top: "b" memory_data_param { batch_size: 65536 channels: 65536 height: 1 width: 1 }"#.into(),
            "more than 2^31 - 1 values",
            "memory_data_param.batch_size",
        ),
        (r#"type: "Parameter" parameter_param { shape { dim: -2 } }"#.into(), "dim -2", "parameter_param.shape"),
    ] {
        refuses(&text, &[], why, field);
    }
}
