//! # Exercise 01.3: a bottleneck, an answer
//!
//! Very deep ResNets have blocks of three convolutions. The first reduces many maps to a few, so that the second, the
//! expensive one, has less to do; the third expands them again. Write `bottleneck`. Its layers, in any order that works,
//! each named with `{name}` in front:
//!
//! - `{name}_a`: 1 x 1, `maps` outputs, **with the stride**; then a ReLU in place;
//! - `{name}_b`: 3 x 3, `maps` outputs, pad 1, stride 1; then a ReLU in place;
//! - `{name}_c`: 1 x 1, `4 * maps` outputs; no ReLU;
//! - the input is added to that. If its shape differs, it first passes through a convolution `{name}_side`: 1 x 1, with the
//!   stride, `4 * maps` outputs. Otherwise there is no such layer;
//! - a ReLU in place on the sum. The block's top is the sum.
//!
//! All convolutions come from `conv`, which sets the fillers. `inputs` is the number of maps of the input.
//!
//! ```text
//! cargo run --release -p answers --bin answer_01_3 -- 3
//! cargo run --release --bin check -- --answers 01
//! ```

use cortado::log::number as number_of; // a number with six digits
use cortado::net_spec::*;
use cortado::random::Random;
use cortado::{Net, Phase, Result};

/// Weights of either sign, and biases, which depend on the layer's name.
fn conv(outputs: u32, kernel: u32) -> Convolution {
    Convolution::new(outputs, kernel).weight_filler(uniform(-0.5, 0.5)).bias_filler(uniform(0.0, 0.5))
}

fn bottleneck(n: &mut NetSpec, name: &str, x: &Top, inputs: u32, maps: u32, stride: u32) -> Result<Top> {
    let a = n.layer(format!("{name}_a"), x, conv(maps, 1).stride(stride));
    n.in_place(format!("{name}_a_relu"), &a, Relu::new());
    let b = n.layer(format!("{name}_b"), &a, conv(maps, 3).pad(1));
    n.in_place(format!("{name}_b_relu"), &b, Relu::new());
    let c = n.layer(format!("{name}_c"), &b, conv(4 * maps, 1));
    let side = if stride > 1 || inputs != 4 * maps {
        n.layer(format!("{name}_side"), x, conv(4 * maps, 1).stride(stride))
    } else {
        x.clone()
    };
    let sum = n.layer(name, [&side, &c], Eltwise::sum());
    Ok(n.in_place(format!("{name}_relu"), &sum, Relu::new()))
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let random = Random::new(number, "exercise 01.3", 0);
    let (maps, channels) = (2 + random.below(0, 3) as u32, 3 + random.below(1, 2) as u32);
    let mut n = NetSpec::new("bottlenecks");
    let data = n.layer("data", [], Input::new([1, channels as i64, 9, 9]));
    let x = bottleneck(&mut n, "one", &data, channels, maps, 2)?;
    let y = bottleneck(&mut n, "two", &x, 4 * maps, maps, 1)?;
    let z = bottleneck(&mut n, "three", &y, 4 * maps, maps + 1, 1)?;

    let mut net = Net::new(&n.to_param()?, Phase::Test)?;
    Random::new(number, "picture", 0).gaussian(0.0, 1.0, net.data_mut("data")?.slice_mut());
    net.forward()?;
    println!("{} parameters", net.store().count());
    for top in [&x, &y, &z] {
        let data = net.data(top.name())?;
        println!("{:?}", data.shape());
        let sums: Vec<String> = data.slice().chunks(25).map(|map| number_of(map.iter().sum())).collect();
        println!("  sum of each map {}", sums.join(" "));
    }
    Ok(())
}
