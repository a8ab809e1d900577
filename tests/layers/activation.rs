//! Element by element: ReLU and its kin.

use crate::kit::*;

const SHAPES: &[&[&[usize]]] = &[&[&[2, 3, 4, 5]], &[&[7]]];

pub const CASES: &[Case] = &[
    Case {
        name: "relu",
        prototxt: r#"type: "ReLU""#,
        bottom: SHAPES,
        kink: Some((0.0, 0.02)),
        naive: |x, _| vec![x[0].mapv(|x| x.max(0.0))],
        ..CASE
    },
    Case {
        name: "relu_leaky",
        prototxt: r#"type: "ReLU" relu_param { negative_slope: 0.1 }"#,
        bottom: SHAPES,
        kink: Some((0.0, 0.02)),
        naive: |x, _| vec![x[0].mapv(|x| if x > 0.0 { x } else { 0.1 * x })],
        ..CASE
    },
];
