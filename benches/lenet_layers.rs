//! How long each layer of LeNet takes at batch 64: `cargo bench --bench lenet_layers [-- threads] [-- layer]`.
//!
//! The minimum is what the machine can do, the median what it did. Everything runs inside the device's threads, as in a
//! training loop.

use cortado::check::{Fill, Harness};
use cortado::proto::{LayerParameter, text};
use cortado::{Device, Layers, Phase, layer::Cx};
use std::time::Instant;

const LAYERS: &[(&str, &[usize])] = &[
    (r#"type: "Convolution" name: "conv1" convolution_param { num_output: 20 kernel_size: 5 }"#, &[64, 1, 28, 28]),
    (r#"type: "Pooling" name: "pool1" pooling_param { kernel_size: 2 stride: 2 }"#, &[64, 20, 24, 24]),
    (r#"type: "Convolution" name: "conv2" convolution_param { num_output: 50 kernel_size: 5 }"#, &[64, 20, 12, 12]),
    (r#"type: "Pooling" name: "pool2" pooling_param { kernel_size: 2 stride: 2 }"#, &[64, 50, 8, 8]),
    (r#"type: "InnerProduct" name: "ip1" inner_product_param { num_output: 500 }"#, &[64, 50, 4, 4]),
    (r#"type: "ReLU" name: "relu1""#, &[64, 500]),
    (r#"type: "InnerProduct" name: "ip2" inner_product_param { num_output: 10 }"#, &[64, 500]),
    (r#"type: "LRN" name: "lrn" lrn_param { local_size: 3 }"#, &[64, 32, 16, 16]),
    (r#"type: "Pooling" name: "ave" pooling_param { pool: AVE kernel_size: 3 stride: 2 }"#, &[64, 32, 16, 16]),
];

fn main() {
    let threads = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(2);
    let device = Device::cpu_with_threads(threads);
    println!("{device:?}; minimum / median in ms\n{:8}{:>16}{:>16}", "", "forward", "backward");
    let mut sums = [0.0; 2];
    let only = std::env::args().skip(1).find(|a| a.starts_with(char::is_alphabetic));
    for (prototxt, shape) in LAYERS {
        let param: LayerParameter = text::parse(prototxt, "bench").expect("a layer").message;
        if only.as_ref().is_some_and(|only| only != param.name()) {
            continue;
        }
        let mut bench = Harness::create(&Layers::caffe(), &param, &[shape]).expect("a bench");
        bench.fill(0, Fill::Uniform(-1.0, 1.0));
        (0..bench.params.len()).for_each(|i| bench.fill_param(i, Fill::Uniform(-0.1, 0.1)));
        bench.top[0].diff.fill(0.01);
        // The net's first layer has nowhere to send a gradient.
        let down = [param.name() != "conv1"];
        let times = device.install(|| {
            let cx = Cx { propagate_down: &down, ..Cx::new(Phase::Train, &device) };
            let mut times = [Vec::new(), Vec::new()];
            for _ in 0..300 {
                let Harness { layer, params, bottom, top, .. } = &mut bench;
                let start = Instant::now();
                layer.forward(&cx, params, bottom, top).expect("forward");
                times[0].push(start.elapsed());
                let start = Instant::now();
                layer.backward(&cx, params, top, bottom).expect("backward");
                times[1].push(start.elapsed());
            }
            times
        });
        let mut line = format!("{:8}", param.name());
        for (sum, mut times) in sums.iter_mut().zip(times) {
            times.sort();
            let ms = |i: usize| times[i].as_secs_f64() * 1e3;
            line += &format!("{:8.3} /{:6.3}", ms(0), ms(times.len() / 2));
            if !["lrn", "ave"].contains(&param.name()) {
                *sum += ms(0);
            }
        }
        println!("{line}");
    }
    println!("LeNet: {:.3} + {:.3} = {:.3}", sums[0], sums[1], sums[0] + sums[1]);
}
