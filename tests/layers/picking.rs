//! Layers that look up, choose and repeat: Embed, Tile, ArgMax, BatchReindex, Filter; and Python, which looks up a layer.

use crate::kit::*;
use cortado::layer::*;
use cortado::net::Keep;
use cortado::proto::LayerParameter;
use cortado::{Blob, Device, Net};
use ndarray::Dimension;

pub const CASES: &[Case] = &[
    Case {
        name: "embed",
        prototxt: r#"type: "Embed" embed_param { num_output: 3 input_dim: 5 }"#,
        bottom: &[&[&[4]], &[&[2, 5]], &[&[]]],
        fill: &[Fill::Label(5)],
        naive: |x, w| vec![embed(&x[0], w)],
        ..CASE
    },
    Case {
        name: "embed_without_bias",
        prototxt: r#"type: "Embed" embed_param { num_output: 2 input_dim: 3 bias_term: false }"#,
        bottom: &[&[&[2, 3]], &[&[1, 1, 7]]],
        fill: &[Fill::Values(&[2.0, 0.0, 2.9, -0.5, 1.0])], // fractions are cut off
        naive: |x, w| vec![embed(&x[0], w)],
        ..CASE
    },
    Case {
        name: "tile",
        prototxt: r#"type: "Tile" tile_param { tiles: 3 }"#,
        bottom: &[&[&[2, 3, 2]], &[&[3, 1]]],
        naive: |x, _| vec![tile(&x[0], 1, 3)],
        ..CASE
    },
    Case {
        name: "tile_first_axis",
        prototxt: r#"type: "Tile" tile_param { axis: 0 tiles: 2 }"#,
        bottom: &[&[&[2, 3]], &[&[5]]],
        naive: |x, _| vec![tile(&x[0], 0, 2)],
        ..CASE
    },
    Case {
        name: "tile_last_axis",
        prototxt: r#"type: "Tile" tile_param { axis: -1 tiles: 4 }"#,
        bottom: &[&[&[2, 3, 2]], &[&[3]]],
        naive: |x, _| vec![tile(&x[0], x[0].ndim() - 1, 4)],
        ..CASE
    },
    Case {
        name: "argmax",
        prototxt: r#"type: "ArgMax" argmax_param { top_k: 2 }"#,
        bottom: &[&[&[3, 2, 4]], &[&[2, 3]], &[&[1, 2, 1, 2, 2]]],
        fill: TIES,
        naive: |x, _| vec![argmax(&x[0], 2, false)],
        gradient: false,
        ..CASE
    },
    Case {
        name: "argmax_with_values",
        prototxt: r#"type: "ArgMax" argmax_param { top_k: 3 out_max_val: true }"#,
        bottom: &[&[&[3, 2, 4]], &[&[2, 3]]],
        fill: TIES,
        naive: |x, _| vec![argmax(&x[0], 3, true)],
        gradient: false,
        ..CASE
    },
    Case {
        name: "argmax_along_an_axis",
        prototxt: r#"type: "ArgMax" argmax_param { axis: 1 top_k: 2 }"#,
        bottom: &[&[&[2, 4, 3]], &[&[3, 2]]],
        fill: TIES,
        naive: |x, _| vec![argmax_along(&x[0], 1, 2, false)],
        gradient: false,
        ..CASE
    },
    Case {
        name: "argmax_values_along_an_axis",
        prototxt: r#"type: "ArgMax" argmax_param { axis: -1 top_k: 2 out_max_val: true }"#,
        bottom: &[&[&[2, 4, 3]], &[&[5]]],
        fill: TIES,
        naive: |x, _| vec![argmax_along(&x[0], x[0].ndim() - 1, 2, true)],
        gradient: false,
        ..CASE
    },
    Case {
        name: "batch_reindex",
        prototxt: r#"type: "BatchReindex""#,
        bottom: &[&[&[4, 2, 3], &[6]], &[&[3], &[2]]],
        fill: &[Fill::Uniform(-1.0, 1.0), Fill::Values(&[2.0, 0.0, 2.0, 1.0, 2.0])],
        naive: |x, _| vec![x[0].select(Axis(0), &x[1].iter().map(|&i| i as usize).collect::<Vec<_>>())],
        ..CASE
    },
    Case {
        name: "filter",
        prototxt: r#"type: "Filter""#,
        bottom: &[&[&[5, 2, 2], &[5, 1]], &[&[3], &[3]]],
        fill: &[Fill::Uniform(-1.0, 1.0), Fill::Values(&[1.0, 0.0, -0.5])],
        naive: |x, _| filter(x),
        ..CASE
    },
    Case {
        name: "filter_of_two",
        prototxt: r#"type: "Filter" top: "a" top: "b""#,
        bottom: &[&[&[4, 3], &[4, 1, 2], &[4]], &[&[2, 2], &[2], &[2, 1, 1]]],
        fill: &[Fill::Uniform(-1.0, 1.0), Fill::Uniform(-1.0, 1.0), Fill::Values(&[0.0, 1.0, 1.0])],
        naive: |x, _| filter(x),
        ..CASE
    },
];

const TIES: &[Fill] = &[Fill::Values(&[0.5, 2.0, -1.0, 2.0, 0.5, 2.0, 3.0])];

/// The definition: the row that each number names, plus b.
fn embed(x: &ArrayD<f64>, w: &[ArrayD<f64>]) -> ArrayD<f64> {
    let shape = [x.shape(), &w[0].shape()[1..]].concat();
    ArrayD::from_shape_fn(IxDyn(&shape), |o| {
        let (at, k) = (&o.slice()[..x.ndim()], o[x.ndim()]);
        w[0][[x[at] as usize, k]] + w.get(1).map_or(0.0, |b| b[[k]])
    })
}

/// The definition: every `size` values along the axis the same again.
fn tile(x: &ArrayD<f64>, axis: usize, tiles: usize) -> ArrayD<f64> {
    let (mut shape, size) = (x.shape().to_vec(), x.shape()[axis]);
    shape[axis] *= tiles;
    ArrayD::from_shape_fn(IxDyn(&shape), |o| {
        let mut at = o.slice().to_vec();
        at[axis] %= size;
        x[&at[..]]
    })
}

/// The places of the `k` largest, by looking for the largest k times; of equal ones the last.
fn largest(x: &[f64], k: usize) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for _ in 0..k {
        let rest = (0..x.len()).filter(|i| !found.contains(i));
        let best = rest.reduce(|best, i| if x[i] >= x[best] { i } else { best });
        found.extend(best);
    }
    found
}

fn argmax(x: &ArrayD<f64>, k: usize, values: bool) -> ArrayD<f64> {
    let mut y = Vec::new();
    for x in x.outer_iter() {
        let x: Vec<f64> = x.iter().copied().collect();
        let places = largest(&x, k);
        y.extend(places.iter().map(|&i| i as f64));
        if values {
            y.extend(places.iter().map(|&i| x[i]));
        }
    }
    let mut shape = vec![x.shape()[0], if values { 2 } else { 1 }, k];
    shape.resize(x.ndim().max(3), 1);
    ArrayD::from_shape_vec(shape, y).unwrap()
}

fn argmax_along(x: &ArrayD<f64>, axis: usize, k: usize, values: bool) -> ArrayD<f64> {
    let mut shape = x.shape().to_vec();
    shape[axis] = k;
    ArrayD::from_shape_fn(IxDyn(&shape), |o| {
        let along: Vec<f64> = (0..x.shape()[axis])
            .map(|i| {
                let mut at = o.slice().to_vec();
                at[axis] = i;
                x[&at[..]]
            })
            .collect();
        let place = largest(&along, k)[o[axis]];
        if values { along[place] } else { place as f64 }
    })
}

/// The samples whose selector is not 0.
fn filter(x: &[ArrayD<f64>]) -> Vec<ArrayD<f64>> {
    let (s, x) = x.split_last().unwrap();
    let kept: Vec<usize> = s.iter().enumerate().filter(|(_, s)| **s != 0.0).map(|(n, _)| n).collect();
    x.iter().map(|x| x.select(Axis(0), &kept)).collect()
}

fn make(text: &str, bottom: &[&[usize]]) -> Harness {
    Harness::create(&Layers::caffe(), &crate::text::layer(text), bottom).unwrap()
}

#[test]
fn a_row_that_the_table_has_not_is_named() {
    for device in [Device::cpu_with_threads(1), Device::emulated()] {
        let text = r#"type: "Embed" embed_param { num_output: 2 input_dim: 5 }"#;
        let mut bench = make(text, &[&[2, 3]]).device(&device);
        for (bad, said) in [(5.0, "5"), (-1.0, "-1"), (f32::NAN, "NaN"), (f32::INFINITY, "inf"), (1e20, "1000000")] {
            bench.fill(0, Fill::Values(&[0.0, 4.0, 1.0, 2.0, 3.0, 4.0]));
            bench.bottom[0].data.slice_mut()[4] = bad;
            let e = bench.forward().unwrap_err();
            let message = e.message();
            assert!(message.starts_with(&format!("sample 1, value 1 is {said}")), "{message}");
            assert!(message.ends_with("the table's rows are 0 to 4"), "{message}");
            assert_eq!(e.field_path(), Some("embed_param.input_dim"));
            bench.backward().unwrap(); // a late complaint: what was refused is left out, nothing else is touched
        }
        bench.fill(0, Fill::Values(&[0.0, 4.9, -0.5, 2.0, 3.0, 4.0])); // fractions are cut off
        bench.forward().unwrap();
    }
}

#[test]
fn a_sample_that_there_is_not_is_named() {
    let mut bench = make(r#"type: "BatchReindex""#, &[&[3, 2], &[4]]);
    bench.fill(1, Fill::Values(&[0.0, 2.0, 3.0, 1.0]));
    let e = bench.forward().unwrap_err();
    assert_eq!(e.message(), "value 2 of bottom[1] is 3, and the samples of bottom[0] are 0 to 2");
    bench.reshape(&[&[0, 2], &[1]]).unwrap();
    assert!(bench.forward().unwrap_err().message().ends_with("the samples of bottom[0] are none"));
}

/// A large table, so that the rows are looked up in pieces.
#[test]
fn a_large_table() {
    let mut bench = make(r#"type: "Embed" embed_param { num_output: 300 input_dim: 50 }"#, &[&[200]]);
    bench.fill(0, Fill::Label(50));
    bench.fill_param(0, Fill::Uniform(-1.0, 1.0));
    bench.fill_param(1, Fill::Uniform(-1.0, 1.0));
    bench.check_forward(|x, w| vec![embed(&x[0], w)], 1e-6).unwrap();
    bench.check_threads().unwrap();
    let mut slope = |device| {
        bench.device = device;
        bench.forward().unwrap();
        bench.top[0].diff.slice_mut().iter_mut().enumerate().for_each(|(i, dy)| *dy = (i % 17) as f32 * 0.1);
        bench.params.iter_mut().for_each(|w| w.diff.fill(0.5));
        bench.backward().unwrap();
        bench.params[0].diff.slice().to_vec()
    };
    let (cpu, gpu) = (slope(Device::cpu_with_threads(1)), slope(Device::emulated()));
    assert_eq!(cpu, gpu, "a card adds up the samples of a row in their order");
}

#[test]
fn a_nan_is_the_largest() {
    let mut bench = make(r#"type: "ArgMax" argmax_param { top_k: 3 }"#, &[&[1, 5]]);
    bench.fill(0, Fill::Values(&[1.0, f32::NAN, f32::INFINITY, 0.0, 0.0]));
    bench.forward().unwrap();
    assert_eq!(bench.top[0].data.slice(), [1.0, 2.0, 0.0]);
    bench.fill(0, Fill::Values(&[0.0, -0.0, -1.0, 0.0, -0.0])); // both zeros are equal
    bench.forward().unwrap();
    assert_eq!(bench.top[0].data.slice(), [4.0, 3.0, 1.0]);
}

#[test]
fn a_gpu_refuses_what_is_no_sample_in_the_same_words() {
    for bad in [5.0, -1.0, f32::NAN, 1e10] {
        let refused = |device: &Device| {
            let mut bench = make(r#"type: "BatchReindex""#, &[&[5, 2], &[4]]).device(device);
            bench.bottom[1].data.slice_mut().copy_from_slice(&[4.9, -0.5, bad, 7.0]);
            bench.forward().unwrap_err().to_string()
        };
        assert_eq!(refused(&Device::emulated()), refused(&Device::cpu()));
    }
}

/// The shape follows the values, from one forward to the next.
#[test]
fn a_filter_may_let_through_nothing_or_all() {
    for device in [Device::cpu(), Device::emulated()] {
        let mut bench = make(r#"type: "Filter""#, &[&[3, 2], &[3]]).device(&device);
        assert_eq!(bench.top[0].shape(), [3, 2]); // nothing is known yet
        for (selector, kept) in [(&[0.0][..], 0), (&[1.0], 3), (&[0.0, f32::NAN, 0.0], 1)] {
            bench.bottom[1].data.slice_mut().iter_mut().zip(selector.iter().cycle()).for_each(|(s, v)| *s = *v);
            bench.forward().unwrap();
            assert_eq!(bench.top[0].shape(), [kept, 2]);
            bench.top[0].diff.fill(1.0);
            bench.backward().unwrap();
            assert_eq!(bench.bottom[0].diff.asum(), 2.0 * kept as f32);
        }
    }
}

/// A net that filters learns of the samples that are left, whether or not it hands on memory, and whatever is left.
#[test]
fn a_net_learns_of_the_samples_that_a_filter_lets_through() {
    let net = |filter: &str, samples: usize, keep: Keep| {
        let text = format!(
            r#"layer {{ name: "in" type: "Input" top: "x" top: "label" top: "s" input_param {{
                   shape {{ dim: {samples} dim: 3 }} shape {{ dim: {samples} }} shape {{ dim: {samples} }} }} }}
               layer {{ name: "a" type: "InnerProduct" bottom: "x" top: "a"
                   inner_product_param {{ num_output: 4 weight_filler {{ type: "xavier" }} }} }}
               layer {{ name: "r" type: "ReLU" bottom: "a" top: "a" }}
               {filter}
               layer {{ name: "b" type: "InnerProduct" bottom: "f" top: "b"
                   inner_product_param {{ num_output: 2 weight_filler {{ type: "xavier" }} }} }}
               layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "b" bottom: "g" top: "loss"
                   propagate_down: true propagate_down: false }}"#
        );
        cortado::net::Builder::parse(&text, "filter.prototxt").unwrap().keep(keep).make().unwrap()
    };
    let filter = r#"layer { name: "f" type: "Filter" bottom: "a" bottom: "label" bottom: "s" top: "f" top: "g" }"#;
    let none = r#"layer { name: "f" type: "Split" bottom: "a" top: "f" }
        layer { name: "g" type: "Split" bottom: "label" top: "g" }
        layer { name: "s" type: "Silence" bottom: "s" }"#;
    let x = |sample: usize| (0..3).map(move |i| ((7 * sample + 3 * i) % 5) as f32 - 2.0);
    let run = |net: &mut Net, samples: &[usize], selector: &[f32]| {
        let fill = |net: &mut Net, name: &str, values: Vec<f32>| {
            net.data_mut(name).unwrap().slice_mut().copy_from_slice(&values);
        };
        fill(net, "x", samples.iter().flat_map(|&n| x(n)).collect());
        fill(net, "label", samples.iter().map(|n| (n % 2) as f32).collect());
        fill(net, "s", selector.to_vec());
        net.clear_param_diffs();
        let loss = net.forward().unwrap().loss;
        net.backward().unwrap();
        let diffs = ["a", "b"].map(|layer| net.params(layer).unwrap()[0].diff.slice().to_vec());
        (loss, diffs)
    };
    for keep in [Keep::All, Keep::Needed] {
        let mut filtered = net(filter, 5, keep);
        for kept in [&[1, 3, 4][..], &[0], &[], &[0, 1, 2, 3, 4], &[2, 4]] {
            let selector: Vec<f32> = (0..5).map(|n| f32::from(kept.contains(&n))).collect();
            let found = run(&mut filtered, &[0, 1, 2, 3, 4], &selector);
            let expected = run(&mut net(none, kept.len(), keep), kept, &vec![1.0; kept.len()]);
            assert!((found.0 - expected.0).abs() < 1e-6, "{kept:?}: {} and {}", found.0, expected.0);
            for (found, expected) in found.1.iter().zip(&expected.1) {
                let same = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
                assert!(same, "{kept:?}: {found:?} and {expected:?}");
            }
        }
    }
}

#[test]
fn bad_choices_are_refused() {
    let embed = |p: &str| format!(r#"type: "Embed" embed_param {{ {p} }}"#);
    let x: &[&[usize]] = &[&[2, 6]];
    refuses(&embed("input_dim: 3"), x, "num_output of at least 1", "embed_param.num_output");
    refuses(&embed("num_output: 3"), x, "input_dim of at least 1", "embed_param.input_dim");
    refuses(&embed("num_output: 65536 input_dim: 65536"), x, "2^31", "embed_param.input_dim");
    refuses(&embed("num_output: 1000000000 input_dim: 1"), x, "2^31", "embed_param.num_output");
    let tile = |p: &str| format!(r#"type: "Tile" tile_param {{ {p} }}"#);
    refuses(&tile(""), x, "at least 1", "tile_param.tiles");
    refuses(&tile("tiles: -2"), x, "at least 1", "tile_param.tiles");
    refuses(&tile("tiles: 2 axis: 2"), x, "axis 2", "tile_param.axis");
    refuses(&tile("tiles: 2147483647"), x, "2^31", "tile_param.tiles");
    let argmax = |p: &str| format!(r#"type: "ArgMax" argmax_param {{ {p} }}"#);
    refuses(&argmax("top_k: 0"), x, "top_k is 0", "argmax_param.top_k");
    refuses(&argmax("top_k: 7"), x, "the 7 largest of 6 values, in a bottom of shape [2, 6]", "argmax_param.top_k");
    refuses(&argmax("axis: 0 top_k: 3"), x, "the 3 largest of 2 values", "argmax_param.top_k");
    refuses(&argmax("axis: 2"), x, "axis 2", "argmax_param.axis");
    let reindex = r#"type: "BatchReindex""#;
    refuses(reindex, &[&[2, 3], &[2, 1]], "[2, 3] and bottom[1] [2, 1]", "bottom");
    refuses(reindex, &[&[], &[2]], "[] and bottom[1] [2]", "bottom");
    let filter = r#"type: "Filter""#;
    refuses(filter, &[&[2, 3], &[3]], "bottom[0] has shape [2, 3]", "bottom[0]");
    refuses(filter, &[&[2, 3], &[2, 2]], "the selector, the last bottom, has shape [2, 2]", "bottom[1]");
    refuses(filter, &[&[2, 3], &[]], "has shape []", "bottom[1]");
    refuses(filter, &[&[], &[1]], "bottom[0] has shape []", "bottom[0]");
    refuses(filter, &[&[2], &[2], &[2]], "2 bottoms and a selector, and 1 tops", "top");
}

/// y = a x, with a from the param_str of a Python layer.
struct Times(f32);

impl Layer for Times {
    fn new(param: &LayerParameter) -> Result<Self> {
        let text = param.python_param.as_ref().map_or("", |p| p.param_str());
        let a = text.parse().map_err(|_| cortado::Error::value(text).field("python_param.param_str"))?;
        Ok(Times(a))
    }
    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
        y.iter_mut().zip(x).for_each(|(y, x)| *y = self.0 * x);
        Ok(())
    }
    fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, dx) = (top[0].diff.slice(), bottom[0].diff.slice_mut());
        dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx = self.0 * dy);
        Ok(())
    }
}

/// A net with a Python layer of these parameters, and `layers` to find it in.
fn python(layers: Layers, param: &str) -> Result<Net> {
    let text = format!(
        r#"layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: 2 }} }} }}
           layer {{ name: "times" type: "Python" bottom: "x" top: "y" python_param {{ {param} }} }}"#
    );
    cortado::net::Builder::parse(&text, "python.prototxt")?.layers(&layers).make()
}

#[test]
fn a_python_layer_is_a_rust_layer_of_its_name() {
    for (name, param) in [
        ("Times", r#"layer: "Times" param_str: "3""#),
        ("Times", r#"module: "my" layer: "Times" param_str: "3""#),
        ("my.Times", r#"module: "my" layer: "Times" param_str: "3""#),
    ] {
        let mut layers = Layers::caffe();
        layers.add::<Times>(name);
        let mut net = python(layers, param).unwrap();
        net.data_mut("x").unwrap().slice_mut().copy_from_slice(&[1.0, -2.0]);
        net.forward().unwrap();
        assert_eq!(net.data("y").unwrap().slice(), [3.0, -6.0], "{name}");
    }
}

#[test]
fn the_module_comes_first() {
    let mut layers = Layers::caffe();
    layers.add_with("Times", |_| Ok(Box::new(Times(1.0))));
    layers.add_with("my.Times", |_| Ok(Box::new(Times(2.0))));
    let y = |param: &str| {
        let mut net = python(layers.clone(), param).unwrap();
        net.data_mut("x").unwrap().fill(1.0);
        net.forward().unwrap();
        net.data("y").unwrap().slice()[0]
    };
    assert_eq!(y(r#"module: "my" layer: "Times""#), 2.0);
    assert_eq!(y(r#"module: "your" layer: "Times""#), 1.0);
}

#[test]
fn a_python_layer_that_nobody_added_is_an_error() {
    let e = python(Layers::caffe(), r#"module: "my" layer: "Times""#).err().unwrap();
    assert_eq!(e.message(), r#"no layer is registered as "Times" or "my.Times""#);
    assert_eq!(e.field_path(), Some("python_param.layer"));
    assert!(e.hints().iter().any(|hint| hint.contains(r#"layers.add::<Times>("Times")"#)), "{e}");
    let e = python(Layers::caffe(), r#"param_str: "3""#).err().unwrap();
    assert_eq!(e.field_path(), Some("python_param.layer"));
    let mut layers = Layers::caffe();
    layers.add::<Times>("Times");
    let e = python(layers, r#"layer: "Times" param_str: "three""#).err().unwrap();
    assert_eq!(e.field_path(), Some("python_param.param_str"));
}
