//! RNN, LSTM and its unit: layers over time.

use crate::kit::*;
use cortado::layer::Cx;
use cortado::layers::{Lstm, Rnn};
use cortado::{Device, Layer, Net, Values};

const SEQUENCES: &[&[&[usize]]] = &[&[&[3, 2, 5], &[3, 2]], &[&[5, 1, 5], &[5, 1]], &[&[1, 4, 1, 5], &[1, 4]]];
const WITH_STATIC: &[&[&[usize]]] = &[&[&[3, 2, 5], &[3, 2], &[2, 6]], &[&[2, 3, 5], &[2, 3], &[3, 2, 3]]];
const WITH_STATE: &[&[&[usize]]] = &[&[&[3, 2, 5], &[3, 2], &[1, 2, 4]], &[&[2, 3, 5], &[2, 3], &[1, 3, 4]]];
const WITH_STATES: &[&[&[usize]]] =
    &[&[&[3, 2, 5], &[3, 2], &[1, 2, 4], &[1, 2, 4]], &[&[2, 3, 5], &[2, 3], &[1, 3, 4], &[1, 3, 4]]];
const WITH_ALL: &[&[&[usize]]] =
    &[&[&[3, 2, 5], &[3, 2], &[2, 6], &[1, 2, 4], &[1, 2, 4]], &[&[2, 1, 5], &[2, 1], &[1, 6], &[1, 1, 4], &[1, 1, 4]]];
const UNIT: &[&[&[usize]]] = &[&[&[1, 4, 3], &[1, 4, 12], &[1, 4]], &[&[1, 1, 2], &[1, 1, 8], &[1, 1]]];
const U: Fill = Fill::Uniform(-1.0, 1.0);
/// cont that starts no sequence in the first step, so that the given states count.
const GOES_ON: Fill = Fill::Values(&[1.0, 1.0, 1.0, 1.0, 0.0]);

pub const CASES: &[Case] = &[
    Case {
        name: "rnn",
        prototxt: r#"type: "RNN" recurrent_param { num_output: 4 }"#,
        bottom: SEQUENCES,
        fill: &[U, Fill::Cont],
        naive: rnn,
        ..CASE
    },
    Case {
        name: "rnn_static",
        prototxt: r#"type: "RNN" recurrent_param { num_output: 4 }"#,
        bottom: WITH_STATIC,
        fill: &[U, Fill::Cont, U],
        naive: rnn,
        ..CASE
    },
    Case {
        name: "rnn_exposed",
        prototxt: r#"type: "RNN" top: "o" top: "hT" recurrent_param { num_output: 4 expose_hidden: true }"#,
        bottom: WITH_STATE,
        fill: &[U, GOES_ON, U],
        naive: rnn,
        ..CASE
    },
    Case {
        name: "lstm",
        prototxt: r#"type: "LSTM" recurrent_param { num_output: 4 }"#,
        bottom: SEQUENCES,
        fill: &[U, Fill::Cont],
        naive: lstm,
        ..CASE
    },
    Case {
        name: "lstm_static",
        prototxt: r#"type: "LSTM" recurrent_param { num_output: 4 }"#,
        bottom: WITH_STATIC,
        fill: &[U, Fill::Cont, U],
        naive: lstm,
        ..CASE
    },
    Case {
        name: "lstm_exposed",
        prototxt: r#"type: "LSTM" top: "h" top: "hT" top: "cT" recurrent_param { num_output: 4 expose_hidden: true }"#,
        bottom: WITH_STATES,
        fill: &[U, GOES_ON, U],
        naive: lstm,
        ..CASE
    },
    Case {
        name: "lstm_static_exposed",
        prototxt: r#"type: "LSTM" top: "h" top: "hT" top: "cT" recurrent_param { num_output: 4 expose_hidden: true }"#,
        bottom: WITH_ALL,
        fill: &[U, GOES_ON, U],
        naive: lstm,
        ..CASE
    },
    Case {
        name: "lstm_unit",
        prototxt: r#"type: "LSTMUnit""#,
        bottom: UNIT,
        fill: &[U, Fill::Uniform(-2.0, 2.0), GOES_ON],
        naive: lstm_unit,
        ..CASE
    },
    Case {
        name: "lstm_unit_that_half_forgets",
        prototxt: r#"type: "LSTMUnit""#,
        bottom: UNIT,
        fill: &[U, Fill::Uniform(-2.0, 2.0), Fill::Values(&[0.5, 0.25])],
        naive: lstm_unit,
        ..CASE
    },
];

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// y += w x
fn add_product(w: &ArrayD<f64>, x: &[f64], y: &mut [f64]) {
    for (y, w) in y.iter_mut().zip(w.outer_iter()) {
        *y += w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
    }
}

/// Row `i` of all but the last axes taken together, which are `rows`.
fn row(x: &ArrayD<f64>, rows: usize, i: usize) -> Vec<f64> {
    let len = x.len() / rows;
    x.iter().skip(i * len).take(len).copied().collect()
}

/// Runs `step(z, states)`, which makes the output and the next states, over each sequence; z holds W x + b + W_static x_static.
/// `w` are the input's parameters, the first `states` of the other bottoms are the states to begin with, or zeros.
fn over_time(
    x: &[ArrayD<f64>],
    w: &[ArrayD<f64>],
    states: usize,
    h: usize,
    step: impl Fn(Vec<f64>, f64, &mut [Vec<f64>]) -> Vec<f64>,
) -> Vec<ArrayD<f64>> {
    let (steps, n, fixed) = (x[0].shape()[0], x[0].shape()[1], w.len() - 2);
    let given = &x[2 + fixed..];
    let mut y = ArrayD::zeros(IxDyn(&[steps, n, h]));
    let mut last = vec![ArrayD::zeros(IxDyn(&[1, n, h])); given.len()];
    for s in 0..n {
        let begin = |i: usize| given.get(i).map_or(vec![0.0; h], |state| row(state, n, s));
        let mut state: Vec<Vec<f64>> = (0..states).map(begin).collect();
        for t in 0..steps {
            let mut z: Vec<f64> = w[1].iter().copied().collect();
            add_product(&w[0], &row(&x[0], steps * n, t * n + s), &mut z);
            if fixed == 1 {
                add_product(&w[2], &row(&x[2], n, s), &mut z);
            }
            let out = step(z, x[1][[t, s]], &mut state);
            (0..h).for_each(|k| y[[t, s, k]] = out[k]);
        }
        for (last, state) in last.iter_mut().zip(&state) {
            (0..h).for_each(|k| last[[0, s, k]] = state[k]);
        }
    }
    [vec![y], last].concat()
}

fn rnn(x: &[ArrayD<f64>], w: &[ArrayD<f64>]) -> Vec<ArrayD<f64>> {
    let (input, [w_hh, w_ho, b_o]) = w.split_at(w.len() - 3) else { panic!() };
    over_time(x, input, 1, b_o.len(), |mut z, cont, state| {
        let before: Vec<f64> = state[0].iter().map(|h| cont * h).collect();
        add_product(w_hh, &before, &mut z);
        state[0] = z.into_iter().map(f64::tanh).collect();
        let mut o: Vec<f64> = b_o.iter().copied().collect();
        add_product(w_ho, &state[0], &mut o);
        o.into_iter().map(f64::tanh).collect()
    })
}

fn lstm(x: &[ArrayD<f64>], w: &[ArrayD<f64>]) -> Vec<ArrayD<f64>> {
    let (input, w_hc) = (&w[..w.len() - 1], &w[w.len() - 1]);
    over_time(x, input, 2, w_hc.shape()[1], |mut z, cont, state| {
        let before: Vec<f64> = state[0].iter().map(|h| cont * h).collect();
        add_product(w_hc, &before, &mut z);
        let (h, c) = cell(&z, &state[1], cont);
        state.clone_from_slice(&[h.clone(), c]);
        h
    })
}

/// h and c of one step of one sequence.
fn cell(z: &[f64], c: &[f64], cont: f64) -> (Vec<f64>, Vec<f64>) {
    let n = c.len();
    let gate = |gate: usize, k: usize| z[gate * n + k];
    let c: Vec<f64> =
        (0..n).map(|k| cont * sigmoid(gate(1, k)) * c[k] + sigmoid(gate(0, k)) * gate(3, k).tanh()).collect();
    ((0..n).map(|k| sigmoid(gate(2, k)) * c[k].tanh()).collect(), c)
}

fn lstm_unit(x: &[ArrayD<f64>], _: &[ArrayD<f64>]) -> Vec<ArrayD<f64>> {
    let n = x[0].shape()[1];
    let steps = (0..n).map(|s| cell(&row(&x[1], n, s), &row(&x[0], n, s), x[2][[0, s]]));
    let (h, c): (Vec<_>, Vec<_>) = steps.unzip();
    [c, h].map(|rows| ArrayD::from_shape_vec(x[0].raw_dim(), rows.concat()).unwrap()).to_vec()
}

fn bench(text: &str, bottom: &[&[usize]]) -> Harness {
    let mut bench = Harness::create(&Layers::caffe(), &crate::text::layer(text), bottom).unwrap();
    (0..bottom.len()).for_each(|i| bench.fill(i, U));
    (0..bench.params.len()).for_each(|i| bench.fill_param(i, U));
    bench
}

fn near(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
}

/// The CPU, and a GPU.
fn devices() -> [Device; 2] {
    [Device::cpu_with_threads(1), Device::emulated()]
}

const KINDS: [&str; 2] =
    [r#"type: "RNN" recurrent_param { num_output: 3 }"#, r#"type: "LSTM" recurrent_param { num_output: 3 }"#];

#[test]
fn a_long_sequence_can_come_in_pieces() {
    for (kind, device) in KINDS.into_iter().flat_map(|kind| devices().map(|device| (kind, device))) {
        let mut whole = bench(kind, &[&[5, 2, 3], &[5, 2]]).device(&device);
        whole.bottom[1].data.slice_mut().copy_from_slice(&[0., 0., 1., 1., 1., 0., 1., 1., 1., 1.]);
        whole.forward().unwrap();
        let mut pieces = bench(kind, &[&[2, 2, 3], &[2, 2]]).device(&device);
        let mut y = Vec::new();
        for steps in [0..2, 2..3, 3..5] {
            let n = steps.len();
            pieces.reshape(&[&[n, 2, 3], &[n, 2]]).unwrap(); // another T keeps the state
            for i in 0..2 {
                let row = whole.bottom[i].count() / 5;
                let x = &whole.bottom[i].data.slice()[steps.start * row..steps.end * row];
                pieces.bottom[i].data.slice_mut().copy_from_slice(x);
            }
            pieces.forward().unwrap();
            y.extend_from_slice(pieces.top[0].data.slice());
        }
        assert!(near(&y, whole.top[0].data.slice()), "{kind} on {device:?}");
    }
}

#[test]
fn the_state_is_forgotten_where_a_sequence_starts_by_reset_and_by_another_n() {
    for (kind, device) in KINDS.into_iter().flat_map(|kind| devices().map(|device| (kind, device))) {
        let mut bench = bench(kind, &[&[2, 2, 3], &[2, 2]]).device(&device);
        bench.bottom[1].data.fill(1.0);
        let mut run = |how: &str| {
            match how {
                "start" => bench.bottom[1].data.slice_mut()[..2].fill(0.0),
                "reset" => match (bench.layer.as_mut() as &mut dyn std::any::Any).downcast_mut::<Rnn>() {
                    Some(rnn) => rnn.reset(),
                    None => (bench.layer.as_mut() as &mut dyn std::any::Any).downcast_mut::<Lstm>().unwrap().reset(),
                },
                "other n" => {
                    let x = [0, 1].map(|i| bench.bottom[i].data.clone());
                    bench.reshape(&[&[2, 1, 3], &[2, 1]]).unwrap();
                    bench.forward().unwrap();
                    bench.reshape(&[&[2, 2, 3], &[2, 2]]).unwrap();
                    (0..2).for_each(|i| bench.bottom[i].data.copy_from(&x[i]).unwrap());
                }
                _ => {}
            }
            bench.forward().unwrap();
            let y = bench.top[0].data.slice().to_vec();
            bench.bottom[1].data.fill(1.0);
            y
        };
        let fresh = run("go on from zeros");
        for how in ["start", "reset", "other n"] {
            assert_ne!(run("go on"), fresh, "{kind}");
            assert_eq!(run(how), fresh, "{kind} {how}");
        }
    }
}

/// A state that is not a number does not outlive its sequence.
#[test]
fn a_start_forgets_even_what_is_not_a_number() {
    for ((kind, states), device) in [("RNN", 1), ("LSTM", 2)].into_iter().flat_map(|k| devices().map(|d| (k, d))) {
        let text = format!(
            r#"type: "{kind}" top: "a" top: "b" {} recurrent_param {{ num_output: 3 expose_hidden: true }}"#,
            if states == 2 { r#"top: "c""# } else { "" }
        );
        let shapes = [&[2, 2, 3][..], &[2, 2], &[1, 2, 3], &[1, 2, 3]];
        let mut bench = bench(&text, &shapes[..2 + states]).device(&device);
        bench.fill(1, Fill::Cont);
        bench.bottom[2..].iter_mut().for_each(|state| state.data.fill(f32::NAN));
        bench.forward().unwrap();
        bench.top.iter_mut().for_each(|top| top.diff.fill(1.0));
        bench.backward().unwrap();
        for (i, blob) in bench.top.iter().enumerate() {
            assert!(blob.data.slice().iter().all(|y| y.is_finite()), "{kind} top {i}");
        }
        assert!(bench.bottom[0].diff.slice().iter().all(|d| d.is_finite()));
        assert!(bench.bottom[2..].iter().all(|state| state.diff.asum() == 0.0), "{kind}");
        assert!(bench.params.iter().all(|w| w.diff.asum().is_finite()), "{kind}");
    }
}

/// Two layers of one set of weights, the states of the first handed to the second, are one layer of twice the steps: in
/// their gradients, too, which run through the states.
#[test]
fn gradients_flow_through_exposed_states() {
    let input = |name: &str, dims: &str| {
        let dims: String = dims.split(' ').map(|d| format!("dim: {d} ")).collect();
        format!(r#"layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}"#)
    };
    let lstm = |name: &str, bottoms: [&str; 4]| {
        let bottoms: String = bottoms.iter().map(|b| format!("bottom: \"{b}\" ")).collect();
        format!(
            r#"layer {{ name: "{name}" type: "LSTM" {bottoms} top: "y_{name}" top: "h_{name}" top: "c_{name}"
            param {{ name: "wx" }} param {{ name: "b" }} param {{ name: "wh" }}
            recurrent_param {{ num_output: 3 expose_hidden: true weight_filler {{ type: "xavier" }} }} }}"#
        )
    };
    let states = [input("h0", "1 2 3"), input("c0", "1 2 3")].concat();
    let whole = [&states[..], &input("x", "4 2 5"), &input("k", "4 2"), &lstm("all", ["x", "k", "h0", "c0"])].concat();
    let first = [input("x1", "2 2 5"), input("k1", "2 2"), lstm("one", ["x1", "k1", "h0", "c0"])].concat();
    let second = [input("x2", "2 2 5"), input("k2", "2 2"), lstm("two", ["x2", "k2", "h_one", "c_one"])].concat();
    let make = |text: &str| {
        let mut net = Net::from_prototxt(&format!("force_backward: true {text}"), Phase::Train).unwrap();
        net.clear_param_diffs();
        net
    };
    let (mut whole, mut pieces) = (make(&whole), make(&[states.clone(), first, second].concat()));
    let values = |n: usize, stream: &str| {
        let mut x = vec![0.0; n];
        cortado::random::Random::new(1, stream, 0).uniform(-1.0, 1.0, &mut x);
        x
    };
    let put = |to: &mut Values, x: &[f32]| to.slice_mut().copy_from_slice(x);
    let (x, dy, cont) = (values(40, "x"), values(24, "dy"), [1., 1., 1., 0., 1., 1., 0., 1.]);
    for net in [&mut whole, &mut pieces] {
        for (k, (w, _)) in net.store_mut().iter_mut().enumerate() {
            let n = w.count();
            put(&mut w.data, &values(n, &format!("w{k}")));
        }
        for state in ["h0", "c0"] {
            put(net.data_mut(state).unwrap(), &values(6, state));
        }
    }
    for (blob, x) in [("x", &x[..]), ("k", &cont)] {
        let (a, b) = x.split_at(x.len() / 2);
        put(whole.data_mut(blob).unwrap(), x);
        put(pieces.data_mut(&format!("{blob}1")).unwrap(), a);
        put(pieces.data_mut(&format!("{blob}2")).unwrap(), b);
    }
    whole.forward().unwrap();
    pieces.forward().unwrap();
    let joined = |net: &Net, a: &str, b: &str, diff: bool| {
        let get = |blob| if diff { net.diff(blob).unwrap() } else { net.data(blob).unwrap() }.slice().to_vec();
        [get(a), get(b)].concat()
    };
    assert!(near(&joined(&pieces, "y_one", "y_two", false), whole.data("y_all").unwrap().slice()));
    put(whole.diff_mut("y_all").unwrap(), &dy);
    put(pieces.diff_mut("y_one").unwrap(), &dy[..12]);
    put(pieces.diff_mut("y_two").unwrap(), &dy[12..]);
    for (net, layer) in [(&mut whole, "all"), (&mut pieces, "two")] {
        for (state, x) in [("h", [0.5; 6]), ("c", [-0.25; 6])] {
            put(net.diff_mut(&format!("{state}_{layer}")).unwrap(), &x);
        }
        net.backward().unwrap();
    }
    assert!(near(&joined(&pieces, "x1", "x2", true), whole.diff("x").unwrap().slice()));
    for state in ["h0", "c0"] {
        assert!(near(pieces.diff(state).unwrap().slice(), whole.diff(state).unwrap().slice()), "{state}");
    }
    for ((a, _), (b, _)) in pieces.store().iter().zip(whole.store().iter()) {
        assert!(near(a.diff.slice(), b.diff.slice()));
    }
}

#[test]
fn no_steps_or_no_sequences_are_no_mistake() {
    let text = r#"type: "LSTM" top: "h" top: "hT" top: "cT" recurrent_param { num_output: 3 expose_hidden: true }"#;
    for device in devices() {
        let mut bench = bench(text, &[&[0, 2, 4], &[0, 2], &[1, 2, 3], &[1, 2, 3]]).device(&device);
        bench.forward().unwrap();
        assert_eq!(bench.top[1].data.slice(), bench.bottom[2].data.slice()); // the state goes through
        bench.top[1].diff.fill(1.0);
        bench.top[2].diff.fill(2.0);
        bench.backward().unwrap();
        assert_eq!([2, 3].map(|i| bench.bottom[i].diff.scalar()), [1.0, 2.0]);
        for kind in KINDS {
            for (t, n) in [(0, 2), (3, 0), (0, 0)] {
                let mut bench = self::bench(kind, &[&[t, n, 4], &[t, n]]).device(&device);
                bench.forward().unwrap();
                bench.backward().unwrap();
                assert!(bench.params.iter().all(|p| p.diff.asum() == 0.0));
            }
        }
    }
}

/// Steps without values are steps of zeros, whatever was there before.
#[test]
fn nothing_to_read_reads_as_nothing() {
    for (kind, device) in KINDS.into_iter().flat_map(|kind| devices().map(|device| (kind, device))) {
        let mut bench = bench(kind, &[&[3, 2, 0], &[3, 2], &[2, 0]]).device(&device);
        bench.bottom[1].data.fill(0.0);
        bench.forward().unwrap();
        let first = bench.top[0].data.slice().to_vec();
        bench.forward().unwrap();
        assert!(first.iter().all(|y| y.is_finite()) && first == bench.top[0].data.slice(), "{kind} on {device:?}");
    }
}

/// A recorded pass goes on from the state where the pass before it ended.
#[test]
fn a_recorded_pass_carries_the_state_on() {
    for kind in KINDS {
        let device = Device::emulated();
        let Device::Gpu(gpu) = &device else { panic!() };
        let (mut bench, mut plain) = (bench(kind, &[&[2, 2, 3], &[2, 2]]), bench(kind, &[&[2, 2, 3], &[2, 2]]));
        bench = bench.device(&device);
        for bench in [&mut bench, &mut plain] {
            bench.bottom[1].data.fill(1.0);
            for _ in 0..2 {
                bench.forward().unwrap();
                bench.top[0].diff.fill(1.0);
                bench.backward().unwrap();
            }
        }
        let pass = |bench: &mut Harness| {
            let Harness { layer, params, bottom, top, device, .. } = bench;
            let cx = Cx { propagate_down: &[true, false], ..Cx::new(Phase::Train, device) };
            layer.forward(&cx, params, bottom, top).unwrap();
            layer.backward(&cx, params, top, bottom).unwrap();
        };
        bench.top[0].diff.card(gpu).unwrap();
        gpu.record().unwrap();
        pass(&mut bench);
        let recording = gpu.end_record().unwrap();
        for _ in 0..3 {
            recording.replay().unwrap();
            pass(&mut plain);
        }
        assert!(near(bench.top[0].data.slice(), plain.top[0].data.slice()), "{kind}");
        assert!(near(bench.bottom[0].diff.slice(), plain.bottom[0].diff.slice()), "{kind}");
        for (a, b) in bench.params.iter().zip(&plain.params) {
            let mut pairs = a.diff.slice().iter().zip(b.diff.slice());
            assert!(pairs.all(|(a, b)| (a - b).abs() < 1e-5 * b.abs().max(1.0)), "{kind}");
        }
    }
}

#[test]
fn many_sequences_of_large_states_give_the_same_bits_on_any_number_of_threads() {
    for kind in ["RNN", "LSTM"] {
        let text = format!(r#"type: "{kind}" recurrent_param {{ num_output: 70 }}"#);
        let mut bench = bench(&text, &[&[4, 40, 90], &[4, 40]]);
        (0..bench.params.len()).for_each(|i| bench.fill_param(i, Fill::Uniform(-0.1, 0.1)));
        bench.fill(1, Fill::Cont);
        bench.check_forward(if kind == "RNN" { rnn } else { lstm }, 1e-5).unwrap();
        bench.check_threads().unwrap();
    }
}

#[test]
fn weights_are_filled_and_biases_apart() {
    let filler = r#"weight_filler { type: "constant" value: 2 } bias_filler { type: "constant" value: 3 }"#;
    for (kind, shapes) in [
        ("RNN", &[&[4, 5][..], &[4], &[4, 6], &[4, 4], &[4, 4], &[4]][..]),
        ("LSTM", &[&[16, 5], &[16], &[16, 6], &[16, 4]]),
    ] {
        let text = format!(r#"type: "{kind}" recurrent_param {{ num_output: 4 {filler} }}"#);
        let bench = Harness::create(&Layers::caffe(), &crate::text::layer(&text), WITH_STATIC[0]).unwrap();
        assert_eq!(bench.params.iter().map(|p| p.shape()).collect::<Vec<_>>(), shapes, "{kind}");
        for p in &bench.params {
            let value = if p.num_axes() == 1 { 3.0 } else { 2.0 };
            assert!(p.data.slice().iter().all(|&w| w == value), "{kind} {p:?}");
        }
    }
}

#[test]
fn debug_info_is_said_to_do_nothing() {
    let warning = |text: &str| Layers::caffe().create(&crate::text::layer(text)).unwrap().warning();
    assert!(KINDS.iter().all(|kind| warning(kind).is_none()));
    for kind in KINDS {
        let said: Option<String> = warning(&kind.replace("num_output", "debug_info: true num_output"));
        assert!(said.is_some_and(|said| said.contains("debug_info")), "{kind}");
    }
    let unit: Box<dyn Layer> = Layers::caffe().create(&crate::text::layer(r#"type: "LSTMUnit""#)).unwrap();
    assert!(!unit.propagates(2));
}

#[test]
fn what_is_no_sequence_is_refused() {
    let layer = |kind: &str, p: &str| format!(r#"type: "{kind}" recurrent_param {{ {p} }}"#);
    let x: &[usize] = &[3, 2, 5];
    for kind in ["RNN", "LSTM"] {
        let four = &layer(kind, "num_output: 4");
        let exposed = &layer(kind, "num_output: 4 expose_hidden: true");
        refuses(&layer(kind, ""), &[x, &[3, 2]], "num_output of at least 1", "recurrent_param.num_output");
        refuses(four, &[x], &format!("{kind} has 1 bottom and takes 2 to 3"), "bottom");
        refuses(exposed, &[x, &[3, 2]], &format!("{kind} has 2 bottoms and takes"), "bottom");
        refuses(four, &[&[3], &[3, 2]], "bottom[0] of shape [3]", "bottom");
        refuses(four, &[x, &[2, 3]], "cont, bottom[1], has shape [2, 3], bottom[0] [3, 2, 5]", "bottom");
        refuses(four, &[x, &[3, 2, 1]], "cont, bottom[1], has shape [3, 2, 1]", "bottom");
        refuses(four, &[x, &[3, 2], &[3, 7]], "x_static, bottom[2], has shape [3, 7], for 2 sequences", "bottom");
        refuses(four, &[x, &[3, 2], &[]], "x_static, bottom[2], has shape []", "bottom");
        let huge = &layer(kind, "num_output: 4294967295");
        refuses(huge, &[x, &[3, 2]], "more than 2^31 - 1", "recurrent_param.num_output");
        let filler = &layer(kind, r#"num_output: 4 weight_filler { type: "xavierr" }"#);
        refuses(filler, &[x, &[3, 2]], "xavierr", "recurrent_param.weight_filler");
        let mut bench = bench(four, &[x, &[3, 2], &[2, 7]]);
        let e = bench.reshape(&[&[3, 2, 6], &[3, 2], &[2, 7]]).unwrap_err();
        assert!(e.message().contains("made for 5 inputs, a step of bottom[0] of shape [3, 2, 6] has 6"), "{e}");
        let e = bench.reshape(&[&[3, 2, 5], &[3, 2], &[2, 8]]).unwrap_err();
        assert!(e.message().contains("made for 7 inputs, a step of bottom[2] of shape [2, 8] has 8"), "{e}");
        bench.reshape(&[&[3, 2, 5], &[3, 2], &[2, 7]]).unwrap(); // a refused shape changes nothing
        bench.forward().unwrap();
    }
    let exposed = r#"type: "RNN" top: "o" top: "hT" recurrent_param { num_output: 4 expose_hidden: true }"#;
    let why = "the state bottom[2] has shape [1, 2, 3], not [1, 2, 4]";
    refuses(exposed, &[x, &[3, 2], &[1, 2, 3]], why, "bottom");
    refuses(exposed, &[x, &[3, 2], &[2, 7], &[2, 4]], "the state bottom[3] has shape [2, 4]", "bottom");

    let unit = r#"type: "LSTMUnit""#;
    refuses(unit, &[&[1, 2, 3], &[1, 2, 12]], "LSTMUnit has 2 bottoms and takes exactly 3", "bottom");
    refuses(unit, &[&[2, 2, 3], &[2, 2, 12], &[2, 2]], "the cell state bottom[0] has shape [2, 2, 3]", "bottom");
    refuses(unit, &[&[2, 3], &[1, 2, 12], &[1, 2]], "the cell state bottom[0] has shape [2, 3]", "bottom");
    refuses(unit, &[&[1, 2, 3], &[1, 2, 9], &[1, 2]], "the gates bottom[1] of shape [1, 2, 9]", "bottom");
    refuses(unit, &[&[1, 2, 3], &[1, 2, 12], &[2]], "cont, bottom[2], of shape [2] do not fit", "bottom");
}
