//! The weights do not depend on the number of threads, nor on the run: only on the seed.

#[path = "common/digits.rs"]
mod digits;

use cortado::solver::Builder;
use cortado::{Device, Log};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

const NET: &str = r#"
    layer { name: "digits" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 mirror: true }
            data_param { source: "DIGITS" backend: LMDB batch_size: 19 shuffle: true } }
    layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
            convolution_param { num_output: 8 kernel_size: 5 pad: 1 weight_filler { type: "xavier" } } }
    layer { name: "norm1" type: "LRN" bottom: "conv1" top: "norm1" lrn_param { local_size: 3 alpha: 0.5 } }
    layer { name: "pool1" type: "Pooling" bottom: "norm1" top: "pool1" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
    layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
            convolution_param { num_output: 12 kernel_size: 3 stride: 2 group: 2 weight_filler { type: "msra" } } }
    layer { name: "bn2" type: "BatchNorm" bottom: "conv2" top: "conv2" }
    layer { name: "scale2" type: "Scale" bottom: "conv2" top: "conv2" scale_param { bias_term: true } }
    layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "conv2" }
    layer { name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
    layer { name: "ip1" type: "InnerProduct" bottom: "pool2" top: "ip1"
            inner_product_param { num_output: 50 weight_filler { type: "xavier" } } }
    layer { name: "relu3" type: "ReLU" bottom: "ip1" top: "ip1" }
    layer { name: "drop" type: "Dropout" bottom: "ip1" top: "ip1" }
    layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
            inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }"#;

/// The hash of all weights, statistics and losses after 30 iterations.
fn hash(digits: &Path, threads: usize, seed: u64) -> u64 {
    let text = format!(
        "net_param {{ {} }} base_lr: 0.02 momentum: 0.9 weight_decay: 0.0005 clip_gradients: 10 lr_policy: 'fixed'",
        NET.replace("DIGITS", digits.to_str().unwrap())
    );
    let builder = Builder::parse(&text, "solver").unwrap().seed(seed).log(&Log::silent());
    let mut solver = builder.device(&Device::cpu_with_threads(threads)).make().unwrap();
    solver.step(30).unwrap();
    let mut hasher = DefaultHasher::new();
    solver.losses().iter().for_each(|x| x.to_bits().hash(&mut hasher));
    assert!(solver.losses()[29] < solver.losses()[0], "it learns: {:?}", solver.losses());
    for (blob, _) in solver.net().store().iter() {
        blob.data.slice().iter().for_each(|x| x.to_bits().hash(&mut hasher));
    }
    hasher.finish()
}

#[test]
fn one_seed_is_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits_lmdb");
    digits::digits(&path, 100);
    let one = hash(&path, 1, 0);
    for threads in [1, 2, 5] {
        assert_eq!(hash(&path, threads, 0), one, "{threads} threads");
    }
    assert_ne!(hash(&path, 2, 1), one, "another seed");
}
