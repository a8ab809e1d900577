//! OpenCV, which has a reader of Caffe's files of its own, runs the nets and the weights that we write, to the same numbers.

use cortado::Phase;
use cortado::data::npy;
use cortado::proto::text;
use ndarray::ArrayD;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// A block of a ResNet: convolutions, BatchNorm with Scale, in place and not, a sum, a mean over the image.
const BLOCK: &str = r#"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 16 dim: 16 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 8 kernel_size: 3 pad: 1 bias_term: false weight_filler { type: "msra" } } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "bn1" }
layer { name: "scale1" type: "Scale" bottom: "bn1" top: "bn1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "bn1" top: "bn1" }
layer { name: "conv2" type: "Convolution" bottom: "bn1" top: "conv2"
        convolution_param { num_output: 8 kernel_size: 3 pad: 1 weight_filler { type: "msra" } } }
layer { name: "sum" type: "Eltwise" bottom: "conv1" bottom: "conv2" top: "sum" }
layer { name: "relu2" type: "ReLU" bottom: "sum" top: "sum" }
layer { name: "pool" type: "Pooling" bottom: "sum" top: "pool" pooling_param { pool: AVE global_pooling: true } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip" inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"#;

#[test]
fn opencv_runs_what_we_write() {
    let python = std::env::var_os("CORTADO_PYTHON").unwrap_or("python3".into());
    let run = |args: &[&OsStr]| Command::new(&python).args(args).output();
    let has = "import cv2, sys; sys.exit(0 if hasattr(cv2.dnn, 'readNetFromCaffe') else 1)";
    if !run(&["-c".as_ref(), has.as_ref()]).is_ok_and(|out| out.status.success()) {
        println!("skipped: {} has no OpenCV 4", python.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let read = |file: &str| std::fs::read_to_string(file).unwrap();
    let nets = [BLOCK.to_string(), read("proto/lenet.prototxt"), read("proto/zoo/cifar10_full.prototxt")];
    for prototxt in nets {
        let builder = cortado::net::Builder::parse(&prototxt, "net").unwrap();
        let mut net = builder.phase(Phase::Test).stage("deploy").make().unwrap();
        let mut param = net.to_proto(false).unwrap();
        param.layer.iter_mut().for_each(|layer| layer.blobs.clear());
        std::fs::write(path("net.prototxt"), text::print(&param)).unwrap();
        // Weights around 0 of the size that keeps values alive, and positive statistics and biases.
        for layer in net.layer_names().into_iter().map(String::from).collect::<Vec<_>>() {
            for i in 0..net.param_ids(&layer).unwrap().len() {
                let is_norm = net.layer_type(&layer).unwrap() == "BatchNorm";
                let w = net.param_mut(&layer, i).unwrap();
                let inputs = w.shape().iter().skip(1).product::<usize>() as f32;
                let small = |k: usize| ((k * 7919 % 101) as f32 / 50.0 - 1.0) * (3.0 / inputs).sqrt();
                let positive = |k: usize| 0.5 + 0.1 * (k % 7) as f32;
                let flat = is_norm || w.shape().len() == 1;
                w.data
                    .slice_mut()
                    .iter_mut()
                    .enumerate()
                    .for_each(|(k, w)| *w = if flat { positive(k) } else { small(k) });
            }
        }
        let input = net.inputs()[0].to_string();
        let shape = net.shape(&input).unwrap().to_vec();
        let x = ArrayD::from_shape_fn(shape, |at| {
            (0..4).map(|axis| (at[axis] * [7, 11, 13, 17][axis] % 19) as f32 / 40.0).sum::<f32>() - 0.8
        });
        net.data_mut(&input).unwrap().assign(&x).unwrap();
        net.forward().unwrap();
        net.save(path("net.caffemodel")).unwrap();
        npy::write(path("x.npy"), x.view()).unwrap();
        let output = net.outputs()[0].to_string();
        npy::write(path("y.npy"), net.data(&output).unwrap().view()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/opencv.py");
        let files = ["net.prototxt", "net.caffemodel", "x.npy", "y.npy"].map(path);
        let args: Vec<&OsStr> = std::iter::once(script.as_ref()).chain(files.iter().map(|f| f.as_ref())).collect();
        let out = run(&args).unwrap();
        assert!(out.status.success(), "{}: {}", net.name(), String::from_utf8_lossy(&out.stderr));
    }
}
