//! Convolution, InnerProduct, Pooling and LRN against real Caffe's values.

use cortado::{Net, Phase};
use std::collections::BTreeMap;
use std::path::PathBuf;

type Arrays = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// A safetensors file: a JSON header, then the arrays.
fn read(path: &PathBuf) -> Arrays {
    let bytes = std::fs::read(path).unwrap();
    let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + n]).unwrap();
    let number = |v: &serde_json::Value| v.as_u64().unwrap() as usize;
    let arrays = header.as_object().unwrap().iter().filter(|(name, _)| *name != "__metadata__");
    arrays
        .map(|(name, a)| {
            let shape = a["shape"].as_array().unwrap().iter().map(number).collect();
            let data = &bytes[8 + n..][number(&a["data_offsets"][0])..number(&a["data_offsets"][1])];
            let values = data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            (name.clone(), (shape, values))
        })
        .collect()
}

fn near(name: &str, key: &str, got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len(), "{name} {key}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= 1e-5 + 1e-4 * e.abs(), "{name} {key}: value {i} is {g}, Caffe's {e}");
    }
}

#[test]
fn forward_and_backward_are_caffes() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/layers");
    let mut cases = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_string();
        let ours = ["conv_", "ip_", "pool_", "lrn_"].iter().any(|p| name.starts_with(p));
        if !ours || path.extension().unwrap() != "prototxt" {
            continue;
        }
        cases += 1;
        let arrays = read(&path.with_extension("safetensors"));
        let mut net = Net::from_file(&path, Phase::Train).unwrap_or_else(|e| panic!("{name}: {e}"));
        for (key, (shape, values)) in &arrays {
            match key.split('/').collect::<Vec<_>>()[..] {
                ["in", blob] if !arrays.contains_key(&format!("param/{blob}/0")) => {
                    net.data_mut(blob).unwrap().slice_mut().copy_from_slice(values)
                }
                ["param", layer, i] => {
                    let w = net.param_mut(layer, i.parse().unwrap()).unwrap();
                    assert_eq!(w.shape(), shape, "{name} {key}");
                    w.data.slice_mut().copy_from_slice(values);
                }
                _ => {}
            }
        }
        net.forward().unwrap_or_else(|e| panic!("{name}: {e}"));
        for (key, (shape, values)) in &arrays {
            if let ["out", blob] = key.split('/').collect::<Vec<_>>()[..] {
                assert_eq!(net.data(blob).unwrap().shape(), shape, "{name} {key}");
                near(&name, key, net.data(blob).unwrap().slice(), values);
            }
        }
        for (key, (_, values)) in &arrays {
            if let ["outdiff", blob] = key.split('/').collect::<Vec<_>>()[..] {
                net.diff_mut(blob).unwrap().slice_mut().copy_from_slice(values);
            }
        }
        net.backward().unwrap_or_else(|e| panic!("{name}: {e}"));
        for (key, (_, values)) in &arrays {
            match key.split('/').collect::<Vec<_>>()[..] {
                ["indiff", blob] => near(&name, key, net.diff(blob).unwrap().slice(), values),
                ["paramdiff", layer, i] => {
                    let w = net.param(layer, i.parse().unwrap()).unwrap();
                    near(&name, key, w.diff.slice(), values)
                }
                _ => {}
            }
        }
    }
    assert_eq!(cases, 42);
}
