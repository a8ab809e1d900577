//! What the exercises of lesson 01 should print.

use crate::Exercise;
use cortado::log::number as number_of;
use cortado::net_spec::*;
use cortado::random::Random;
use cortado::{Net, Phase, Result};
use std::fmt::Write;

/// The exercises of this lesson, in order.
pub const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "01_1",
        title: "how large is the last blob?",
        hint: "the pad counts on both sides; convolution rounds down, pooling up; and the window that pooling adds must begin \
               before the end of the image",
        expected: sides,
    },
    Exercise {
        name: "01_2",
        title: "one spec, two nets",
        hint: "compare the layers of the two phases with the list in the exercise: Dropout in TRAIN only, accuracy in TEST only, \
               all ReLUs in place; and lr_mult takes two values, one for the weights and one for the bias",
        expected: classifier,
    },
    Exercise {
        name: "01_3",
        title: "a bottleneck",
        hint: "the last ReLU comes after the sum, _a and _side have the stride, and whether there is a _side depends on the \
               stride and on the number of maps",
        expected: bottlenecks,
    },
];

/// Builds the nets and asks them.
fn sides(number: u64) -> Result<String> {
    let mut text = String::new();
    for net in 0..16 {
        let random = Random::new(number, "exercise 01.1", net);
        let x = 40 + random.below(0, 30);
        let mut n = NetSpec::new("sides");
        let mut tops = vec![n.layer(AUTO, [], Input::new([1, 1, x as i64, x as i64]))];
        for i in 0..3 {
            let at = 1 + 4 * i;
            let kernel = 2 + random.below(at, 3);
            let widest = if net % 2 == 0 { kernel } else { kernel / 2 + 1 };
            let (stride, pad) = (1 + random.below(at + 1, kernel.min(3)), random.below(at + 2, widest));
            let (kernel, stride, pad) = (kernel as u32, stride as u32, pad as u32);
            tops.push(match random.below(at + 3, 2) {
                1 => n.layer(AUTO, &tops[i], Pooling::max(kernel, stride).pad(pad)),
                _ => n.layer(AUTO, &tops[i], Convolution::new(1, kernel).stride(stride).pad(pad)),
            });
        }
        let net = Net::new(&n.to_param()?, Phase::Test)?;
        let sides: Vec<String> =
            tops.iter().map(|top| Ok(net.shape(top.name())?[3].to_string())).collect::<Result<_>>()?;
        let _ = writeln!(text, "{}", sides.join(" -> "));
    }
    Ok(text)
}

/// The list of the exercise, layer by layer.
fn classifier(number: u64) -> Result<String> {
    let random = Random::new(number, "exercise 01.2", 0);
    let widths: Vec<usize> = (0..1 + random.below(0, 4)).map(|i| 5 + random.below(1 + i, 20)).collect();
    let classes = 2 + random.below(9, 8);
    // Two inputs, three layers for each width, scores, loss and accuracy.
    let mut text = format!("{} layers\n", 2 + 3 * widths.len() + 3);
    for (phase, batch) in [("Train", 32), ("Test", 50)] {
        let (train, mut inputs, mut count) = (phase == "Train", 12, 0);
        let mut layers = format!("  input makes [\"data\", \"label\"] [[{batch}, 12], [{batch}]]\n");
        let mut params = String::new();
        let mut param = |name: &str| {
            let _ = writeln!(params, "  {name}[0] lr_mult 1, filled true");
            let _ = writeln!(params, "  {name}[1] lr_mult 2, filled false");
        };
        for (i, width) in (1..).zip(&widths) {
            for what in ["ip", "relu", "drop"] {
                if what != "drop" || train {
                    let _ = writeln!(layers, "  {what}{i} makes [\"ip{i}\"] [[{batch}, {width}]]");
                }
            }
            param(&format!("ip{i}"));
            count += inputs * width + width;
            inputs = *width;
        }
        let _ = writeln!(layers, "  scores makes [\"scores\"] [[{batch}, {classes}]]");
        param("scores");
        count += inputs * classes + classes;
        let outputs = if train { "[\"loss\"]" } else { "[\"accuracy\", \"loss\"]" };
        layers += "  loss makes [\"loss\"] [[]]\n";
        if !train {
            layers += "  accuracy makes [\"accuracy\"] [[]]\n";
        }
        let _ = write!(text, "{phase}: {count} parameters, outputs {outputs}\n{layers}{params}");
    }
    Ok(text)
}

/// Maps of one size, each a picture of `side` x `side`.
#[derive(Clone)]
struct Maps {
    maps: Vec<Vec<f64>>,
    side: usize,
}

/// A convolution, and how many parameters it has. Its values are those of a net that has only a layer of this name.
fn conv(x: &Maps, name: &str, outputs: usize, kernel: usize, stride: usize) -> Result<(Maps, usize)> {
    let mut n = NetSpec::new("a layer");
    let input = n.layer("x", [], Input::new([1, x.maps.len() as i64, x.side as i64, x.side as i64]));
    let layer = Convolution::new(outputs as u32, kernel as u32).pad((kernel / 2) as u32);
    n.layer(name, &input, layer.weight_filler(uniform(-0.5, 0.5)).bias_filler(uniform(0.0, 0.5)));
    let net = Net::new(&n.to_param()?, Phase::Test)?;
    let (weights, biases) = (net.param(name, 0)?.data.slice(), net.param(name, 1)?.data.slice());

    let (pad, side) = (kernel / 2, (x.side - 1) / stride + 1);
    let mut y = Maps { maps: vec![vec![0.0; side * side]; outputs], side };
    for (o, (map, weights)) in y.maps.iter_mut().zip(weights.chunks(weights.len() / outputs)).enumerate() {
        for row in 0..side {
            for column in 0..side {
                let mut sum = biases[o] as f64;
                for (source, weights) in x.maps.iter().zip(weights.chunks(kernel * kernel)) {
                    for i in 0..kernel {
                        for j in 0..kernel {
                            let (r, c) = (row * stride + i, column * stride + j);
                            if r >= pad && c >= pad && r - pad < x.side && c - pad < x.side {
                                sum += weights[i * kernel + j] as f64 * source[(r - pad) * x.side + c - pad];
                            }
                        }
                    }
                }
                map[row * side + column] = sum;
            }
        }
    }
    Ok((y, weights.len() + biases.len()))
}

fn relu(mut x: Maps) -> Maps {
    x.maps.iter_mut().flatten().for_each(|x| *x = x.max(0.0));
    x
}

fn bottlenecks(number: u64) -> Result<String> {
    let random = Random::new(number, "exercise 01.3", 0);
    let (maps, channels) = (2 + random.below(0, 3), 3 + random.below(1, 2));
    let mut picture = vec![0.0f32; channels * 81];
    Random::new(number, "picture", 0).gaussian(0.0, 1.0, &mut picture);
    let mut x = Maps { maps: picture.chunks(81).map(|map| map.iter().map(|&x| x as f64).collect()).collect(), side: 9 };
    let (mut count, mut text) = (0, String::new());
    for (name, maps, stride) in [("one", maps, 2), ("two", maps, 1), ("three", maps + 1, 1)] {
        let (a, params_a) = conv(&x, &format!("{name}_a"), maps, 1, stride)?;
        let (b, params_b) = conv(&relu(a), &format!("{name}_b"), maps, 3, 1)?;
        let (c, params_c) = conv(&relu(b), &format!("{name}_c"), 4 * maps, 1, 1)?;
        let (side, params_side) = match x.maps.len() == 4 * maps && stride == 1 {
            true => (x.clone(), 0),
            false => conv(&x, &format!("{name}_side"), 4 * maps, 1, stride)?,
        };
        let mut sum = c;
        for (sum, side) in sum.maps.iter_mut().flatten().zip(side.maps.iter().flatten()) {
            *sum += side;
        }
        x = relu(sum);
        count += params_a + params_b + params_c + params_side;
        let _ = writeln!(text, "[1, {}, {}, {}]", x.maps.len(), x.side, x.side);
        let sums: Vec<String> = x.maps.iter().map(|map| number_of(map.iter().sum::<f64>() as f32)).collect();
        let _ = writeln!(text, "  sum of each map {}", sums.join(" "));
    }
    Ok(format!("{count} parameters\n{text}"))
}
