//! What a net tells of its layers, against sums by hand: multiply-adds and receptive fields.

use cortado::{Device, Log, Net, Phase};

/// A net of layers on `x`, an input of the shape given.
fn net(shape: &[usize], layers: &str) -> Net {
    let dims: String = shape.iter().map(|d| format!("dim: {d} ")).collect();
    let text = format!("layer {{ name: 'in' type: 'Input' top: 'x' input_param {{ shape {{ {dims} }} }} }} {layers}");
    let builder = cortado::net::Builder::parse(&text, "net").unwrap();
    builder.phase(Phase::Test).device(&Device::cpu()).log(&Log::silent()).make().unwrap()
}

/// (size, step) along each axis.
fn fields(net: &Net, blob: &str) -> Vec<(f64, f64)> {
    net.receptive_fields(blob).unwrap().iter().map(|f| (f.size, f.step)).collect()
}

#[test]
fn lenet() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/zoo/lenet.prototxt");
    let net = Net::from_file(path, Phase::Test).unwrap();
    let sum: u64 = net.layer_names().iter().map(|l| net.multiply_adds(l).unwrap()).sum();
    assert_eq!(sum, 20 * 24 * 24 * 25 + 50 * 8 * 8 * 20 * 25 + 500 * 800 + 10 * 500);
    for (blob, size, step) in [
        ("data", 1.0, 1.0),
        ("conv1", 5.0, 1.0),
        ("pool1", 6.0, 2.0),
        ("conv2", 14.0, 2.0),
        ("pool2", 16.0, 4.0),
        ("ip1", 28.0, 4.0),
        ("ip2", 28.0, 4.0),
    ] {
        assert_eq!(fields(&net, blob), [(size, step); 2], "{blob}");
    }
    assert!(net.receptive_fields("conv3").is_err() && net.multiply_adds("conv3").is_err());
}

#[test]
fn a_dilated_net_sees_more_for_the_same_work() {
    // Yu and Koltun: dilations 1, 2, 4 of 3 x 3 see 3, 7, 15.
    let conv = |name: &str, bottom: &str, d: usize| {
        format!(
            "layer {{ name: '{name}' type: 'Convolution' bottom: '{bottom}' top: '{name}'
                          convolution_param {{ num_output: 2 kernel_size: 3 pad: {d} dilation: {d} }} }}"
        )
    };
    let net = net(&[1, 2, 32, 32], &(conv("a", "x", 1) + &conv("b", "a", 2) + &conv("c", "b", 4)));
    for (blob, size) in [("a", 3.0), ("b", 7.0), ("c", 15.0)] {
        assert_eq!(fields(&net, blob), [(size, 1.0); 2]);
        assert_eq!(net.multiply_adds(blob).unwrap(), 2 * 32 * 32 * 2 * 9);
    }
}

#[test]
fn pooling_and_kernels_that_are_not_square() {
    let net = net(&[3, 4, 20, 30], "
        layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'c' convolution_param { num_output: 6 group: 2 kernel_h: 1 kernel_w: 5 stride_h: 1 stride_w: 2 } }
        layer { name: 'r' type: 'ReLU' bottom: 'c' top: 'c' }
        layer { name: 'p' type: 'Pooling' bottom: 'c' top: 'p' pooling_param { kernel_h: 2 kernel_w: 3 stride_h: 2 stride_w: 3 pool: AVE } }
        layer { name: 'n' type: 'LRN' bottom: 'p' top: 'n' lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 } }
        layer { name: 'g' type: 'Pooling' bottom: 'n' top: 'g' pooling_param { global_pooling: true } }");
    assert_eq!(fields(&net, "c"), [(1.0, 1.0), (5.0, 2.0)]);
    assert_eq!(fields(&net, "p"), [(2.0, 2.0), (9.0, 6.0)]);
    assert_eq!(fields(&net, "n"), [(6.0, 2.0), (21.0, 6.0)]);
    assert_eq!(net.shape("n").unwrap(), [3, 6, 10, 5]);
    assert_eq!(fields(&net, "g"), [(6.0 + 9.0 * 2.0, 2.0), (21.0 + 4.0 * 6.0, 6.0)]);
    // 13 = (30 - 5) / 2 + 1 windows in each of 20 rows, of 4 / 2 channels.
    assert_eq!(net.multiply_adds("c").unwrap(), 3 * 6 * 20 * 13 * (2 * 5));
    assert_eq!(net.multiply_adds("p").unwrap(), 0);
}

#[test]
fn deconvolution_goes_back() {
    let net = net(&[1, 3, 16, 16], "
        layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'c' convolution_param { num_output: 5 kernel_size: 4 stride: 4 } }
        layer { name: 'd' type: 'Deconvolution' bottom: 'c' top: 'd' convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 } }
        layer { name: 'e' type: 'Deconvolution' bottom: 'c' top: 'e' convolution_param { num_output: 2 kernel_size: 2 stride: 2 } }");
    assert_eq!(fields(&net, "c"), [(4.0, 4.0); 2]);
    // Each value comes from at most 4 / 2 neighbours, 4 apart; or from just one.
    assert_eq!(fields(&net, "d"), [(8.0, 2.0); 2]);
    assert_eq!(fields(&net, "e"), [(4.0, 2.0); 2]);
    assert_eq!(net.multiply_adds("d").unwrap(), 4 * 4 * 5 * 2 * 4 * 4);
}

#[test]
fn branches_join_at_the_larger_field() {
    let net = net(&[1, 2, 9, 9], "
        layer { name: 'a' type: 'Convolution' bottom: 'x' top: 'a' convolution_param { num_output: 2 kernel_size: 1 } }
        layer { name: 'b' type: 'Convolution' bottom: 'x' top: 'b' convolution_param { num_output: 2 kernel_size: 5 pad: 2 } }
        layer { name: 'j' type: 'Concat' bottom: 'a' bottom: 'b' top: 'j' }");
    assert_eq!(fields(&net, "j"), [(5.0, 1.0); 2]);
}

#[test]
fn matrices_of_other_layers() {
    let ip = |more: &str| {
        format!(
            "layer {{ name: 'y' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param {{ num_output: 7 {more} }} }}"
        )
    };
    for more in ["", "transpose: true"] {
        let net = net(&[6, 5], &ip(more));
        assert_eq!(net.multiply_adds("y").unwrap(), 6 * 5 * 7);
        assert!(fields(&net, "y").is_empty());
    }
    let net = net(&[6, 5, 4], &ip("axis: 2"));
    assert_eq!(net.multiply_adds("y").unwrap(), 30 * 4 * 7);
    // 4 steps of 2 sequences: z of 4 x 3 from 5 values and 3 states.
    let text = "layer { name: 'cont' type: 'Input' top: 'cont' input_param { shape { dim: 4 dim: 2 } } }
                layer { name: 'y' type: 'LSTM' bottom: 'x' bottom: 'cont' top: 'y' recurrent_param { num_output: 3 } }";
    assert_eq!(self::net(&[4, 2, 5], text).multiply_adds("y").unwrap(), 4 * 2 * (12 * 5 + 12 * 3));
}
