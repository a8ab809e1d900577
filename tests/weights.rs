//! Files of weights and states: HDF5 beside protobuf, shared parameters, what a wrong file is called, hostile files.

use cortado::net::Builder;
use cortado::proto::{BlobProto, BlobShape, LayerParameter, NetParameter};
use cortado::{Device, Net, Phase, Solver, weights};
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn net(text: &str) -> Net {
    Builder::parse(text, "test").unwrap().phase(Phase::Train).device(&Device::cpu()).make().unwrap()
}

/// Two layers share their weights and one bias; names with a slash are groups within groups.
const SIAMESE: &str = "
    layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 } } }
    layer { name: 'left/ip' type: 'InnerProduct' bottom: 'x' top: 'l'
      param { name: 'w' } param { name: 'b' }
      inner_product_param { num_output: 4 weight_filler { type: 'gaussian' } bias_filler { type: 'gaussian' } } }
    layer { name: 'right/ip' type: 'InnerProduct' bottom: 'x' top: 'r' param { name: 'w' }
      inner_product_param { num_output: 4 weight_filler { type: 'gaussian' } bias_filler { type: 'gaussian' } } }
    layer { name: 'both' type: 'InnerProduct' bottom: 'x' top: 'o' param { name: 'w' } param { name: 'b' }
      inner_product_param { num_output: 4 } }";

fn values(net: &Net) -> Vec<Vec<f32>> {
    net.store().iter().map(|(blob, _)| blob.data.read().unwrap().to_vec()).collect()
}

#[test]
fn caffes_hdf5_weights_equal_its_protobuf() {
    let h5 = weights::read_weights(&golden("nets/lenet_small_train_iter_5.caffemodel.h5")).unwrap();
    let binary = weights::read_weights(&golden("nets/lenet_small_train_iter_5.caffemodel")).unwrap();
    let blobs = |net: &NetParameter| {
        let mut layers: Vec<_> = net.layer.iter().filter(|l| !l.blobs.is_empty()).cloned().collect();
        layers.sort_by_key(|l| l.name().to_string());
        layers.into_iter().map(|l| (l.name().to_string(), l.blobs)).collect::<Vec<_>>()
    };
    let (h5, binary) = (blobs(&h5), blobs(&binary));
    assert_eq!(h5.len(), 4);
    for ((name, ours), (want, theirs)) in h5.iter().zip(&binary) {
        assert_eq!(name, want);
        for (a, b) in ours.iter().zip(theirs) {
            assert_eq!((&a.shape, &a.data), (&b.shape, &b.data), "{name}");
        }
    }
}

#[test]
fn shared_parameters_are_stored_once_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("siamese.h5");
    let first = net(SIAMESE);
    first.save(&path).unwrap();
    let stored = weights::read_weights(&path).unwrap();
    let blobs = |name: &str| stored.layer.iter().find(|l| l.name() == name).unwrap().blobs.clone();
    assert_eq!(blobs("left/ip").len(), 2);
    assert_eq!(blobs("right/ip")[0], BlobProto::default());
    assert!(blobs("both").is_empty());

    let mut second = net(&format!("{SIAMESE} # another seed"));
    second.param_mut("left/ip", 0).unwrap().data.slice_mut().fill(9.0);
    second.param_mut("right/ip", 1).unwrap().data.slice_mut().fill(9.0);
    let report = second.copy_trained_layers_from(&path).unwrap();
    assert!(report.left_new.is_empty(), "{report:?}");
    assert_eq!(values(&first), values(&second));

    // Without sharing, an absent blob is missing.
    let mut alone = net(&SIAMESE.replace("param { name: 'w' }", ""));
    let before = values(&alone);
    let message = alone.copy_trained_layers_from(&path).unwrap_err().to_string();
    assert!(message.contains("right/ip") && message.contains("blob 0"), "{message}");
    assert_eq!(before, values(&alone));
}

#[test]
fn names_that_hdf5_cannot_hold_are_errors() {
    let layer = |name: &str| LayerParameter { name: Some(name.into()), ..Default::default() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.h5");
    let twice = NetParameter { layer: vec![layer("a"), layer("a")], ..Default::default() };
    let message = weights::write(&path, &twice).unwrap_err().to_string();
    assert!(message.contains("two layers are called \"a\""), "{message}");
    let slash = NetParameter { layer: vec![layer("a//b")], ..Default::default() };
    let message = weights::write(&path, &slash).unwrap_err().to_string();
    assert!(message.contains("\"a//b\" cannot be a group"), "{message}");
    assert!(!path.exists());
}

#[test]
fn diffs_are_written_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.h5");
    net(SIAMESE).save(&path).unwrap();
    let file = hdf5_pure::File::open(&path).unwrap();
    assert_eq!(file.root().groups().unwrap(), ["data"]);
    weights::write(&path, &net(SIAMESE).to_proto(true).unwrap()).unwrap();
    let file = hdf5_pure::File::open(&path).unwrap();
    assert_eq!(file.dataset("diff/left/ip/0").unwrap().shape().unwrap(), [4, 3]);
}

#[test]
fn what_a_wrong_file_is_has_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.caffemodel");
    let cases: &[(&[u8], &str)] = &[
        (b"", "it is empty"),
        (b"\x1f\x8b\x08\x00rest", "a gzip archive"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\x93NUMPY\x01\x00rest", "a NumPy array"),
        (b"\x80\x02}q\x00.", "a Python pickle"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "an HTML page"),
        (b"layer { name: 'a' }\n", "it is a text, as a prototxt is"),
        (b"\x89HDF\r\n\x1a\n", "is not a whole HDF5 file"),
    ];
    for (bytes, want) in cases {
        std::fs::write(&path, bytes).unwrap();
        let message = weights::read_weights(&path).unwrap_err().to_string();
        assert!(message.contains(want) && message.contains("net.caffemodel"), "{want}: {message}");
    }
}

const SOLVER: &str = "base_lr: 0.1 lr_policy: 'fixed' momentum: 0.9 type: 'Adam' momentum2: 0.99 snapshot_format: HDF5
    snapshot_prefix: 'PREFIX' random_seed: 3 max_iter: 10 snapshot_after_train: false net_param {
    layer { name: 'x' type: 'DummyData' top: 'x' top: 't' dummy_data_param { data_filler { type: 'gaussian' }
      data_filler { type: 'gaussian' } shape { dim: 4 dim: 3 } shape { dim: 4 dim: 2 } } }
    layer { name: 'd' type: 'Dropout' bottom: 'x' top: 'd' }
    layer { name: 'ip' type: 'InnerProduct' bottom: 'd' top: 'y' inner_product_param { num_output: 2
      weight_filler { type: 'xavier' } } }
    layer { name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 't' top: 'loss' } }";

#[test]
fn a_run_goes_on_bit_for_bit_from_hdf5() {
    let folder = tempfile::tempdir().unwrap();
    let text = SOLVER.replace("PREFIX", &folder.path().join("run").display().to_string());
    let prototxt = folder.path().join("solver.prototxt");
    std::fs::write(&prototxt, &text).unwrap();
    let mut whole = Solver::from_file(&prototxt).unwrap();
    whole.step(4).unwrap();
    let state = whole.snapshot().unwrap();
    assert!(state.ends_with("run_iter_4.solverstate.h5"));
    assert!(folder.path().join("run_iter_4.caffemodel.h5").is_file());
    whole.step(4).unwrap();
    std::fs::write(&prototxt, text.replace("random_seed: 3", "random_seed: 4")).unwrap();
    let mut resumed = Solver::from_file(&prototxt).unwrap();
    resumed.restore(&state).unwrap();
    assert_eq!(resumed.iter(), 4);
    resumed.step(4).unwrap();
    let (whole, resumed) = (values(whole.net()), values(resumed.net()));
    assert_eq!(whole, resumed);
    let mut again = Solver::from_file(&prototxt).unwrap();
    // Weights are no state.
    let message = again.restore(folder.path().join("run_iter_4.caffemodel.h5")).unwrap_err().to_string();
    assert!(message.contains("it is no .solverstate.h5"), "{message}");
}

/// A file of weights whose bytes are changed at one place after another.
#[test]
fn a_damaged_hdf5_file_is_an_error_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.h5");
    for name in ["solvers/ckpt_sgdm_iter_6.caffemodel.h5", "solvers/ckpt_sgdm_iter_6.solverstate.h5"] {
        let whole = std::fs::read(golden(name)).unwrap();
        let mut errors = 0;
        let mut try_it = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            if let Err(e) = weights::read_weights(&path) {
                assert!(e.to_string().contains("damaged.h5"), "{e}");
                errors += 1;
            }
        };
        (0..64).for_each(|k| try_it(&whole[..whole.len() * k / 64]));
        for at in (0..whole.len()).step_by(13) {
            for byte in [0xff, 0x00, whole[at] ^ 0x01, whole[at] ^ 0x80] {
                let mut bytes = whole.clone();
                bytes[at] = byte;
                try_it(&bytes);
            }
        }
        // Sizes of eight bytes that no file has.
        for at in (0..whole.len() - 8).step_by(40) {
            let mut bytes = whole.clone();
            bytes[at..at + 8].copy_from_slice(&(1u64 << 40).to_le_bytes());
            try_it(&bytes);
        }
        assert!(errors > 100, "{errors}");
    }
}

#[test]
fn sizes_are_compared_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.h5");
    let mut file = hdf5_pure::FileBuilder::new();
    let mut data = file.create_group("data");
    let mut layer = data.create_group("ip");
    let zeros = vec![0.0f32; 4 << 20];
    layer.create_dataset("0").with_f32_data(&zeros).with_shape(&[4 << 20]).with_chunks(&[1 << 20]).with_deflate(9);
    data.add_group(layer.finish());
    file.add_group(data.finish());
    file.write(&path).unwrap();
    let message = weights::read_weights(&path).unwrap_err().to_string();
    assert!(message.contains("data/ip/0") && message.contains("larger than the file can hold"), "{message}");
}

#[test]
fn compressed_and_wide_values_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.h5");
    let mut file = hdf5_pure::FileBuilder::new();
    let mut data = file.create_group("data");
    let mut layer = data.create_group("ip");
    let values: Vec<f64> = (0..600).map(|i| f64::from(i * i % 97)).collect();
    layer.create_dataset("0").with_f64_data(&values).with_shape(&[20, 30]).with_chunks(&[10, 30]).with_deflate(1);
    data.add_group(layer.finish());
    file.add_group(data.finish());
    file.write(&path).unwrap();
    let blob = &weights::read_weights(&path).unwrap().layer[0].blobs[0];
    assert_eq!(blob.shape, Some(BlobShape { dim: vec![20, 30] }));
    assert!(blob.data.iter().zip(&values).all(|(a, b)| f64::from(*a) == *b));
}

/// A field of bytes, as protobuf stores it.
fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut varint = |mut v: usize| {
        while v >= 0x80 {
            wire.push(v as u8 | 0x80);
            v >>= 7;
        }
        wire.push(v as u8);
    };
    varint((number << 3 | 2) as usize);
    varint(bytes.len());
    [wire, bytes.to_vec()].concat()
}

#[test]
fn values_as_bytes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.caffemodel");
    let read = |kind: u8, raw: &[u8]| {
        // The type follows the values: the order of fields is free.
        let blob = [field(12, raw), vec![10 << 3, kind]].concat();
        let layer = [field(1, b"ip"), field(7, &blob)].concat();
        std::fs::write(&path, field(100, &layer)).unwrap();
        weights::read_weights(&path).map(|net| net.layer[0].blobs[0].clone())
    };
    let halves = [0x3c00u16, 0xc000, 0x3555, 0x0001, 0x7bff, 0x8000, 0x7c00, 0x0400];
    let raw: Vec<u8> = halves.iter().flat_map(|h| h.to_le_bytes()).collect();
    let want = [1.0, -2.0, 0.333_251_95, 5.960_464_5e-8, 65504.0, 0.0, f32::INFINITY, 6.103_515_6e-5];
    assert_eq!(read(2, &raw).unwrap().data, want);
    assert_eq!(read(1, &[1.5f32.to_le_bytes(), 2.5f32.to_le_bytes()].concat()).unwrap().data, [1.5, 2.5]);
    assert_eq!(read(0, &0.25f64.to_le_bytes()).unwrap().double_data, [0.25]);
    let message = read(2, &raw[1..]).unwrap_err().to_string();
    assert!(message.contains("blob 0: raw_data has 15 bytes"), "{message}");
    let message = read(3, &raw).unwrap_err().to_string();
    assert!(message.contains("raw_data has the type 3"), "{message}");
}

/// The C library, by way of h5py, reads our files, and we read its. Python is `python3`, or what `CORTADO_PYTHON` names.
#[test]
fn h5py_reads_ours_and_we_read_its() {
    let python = std::env::var_os("CORTADO_PYTHON").unwrap_or("python3".into());
    let run = |args: &[&std::ffi::OsStr]| std::process::Command::new(&python).args(args).output();
    if !run(&["-c".as_ref(), "import h5py".as_ref()]).is_ok_and(|out| out.status.success()) {
        println!("skipped: {} has no h5py", python.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let prototxt = folder.path().join("solver.prototxt");
    std::fs::write(&prototxt, SOLVER.replace("PREFIX", &folder.path().join("run").display().to_string())).unwrap();
    let mut solver = Solver::from_file(&prototxt).unwrap();
    solver.step(4).unwrap();
    let state = solver.snapshot().unwrap();
    let (ours, its) = (folder.path().join("run_iter_4.caffemodel.h5"), folder.path().join("its.h5"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights_h5py.py");
    let out = run(&[script.as_ref(), ours.as_ref(), state.as_ref(), its.as_ref()]).unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let before = values(solver.net());
    solver.net().copy_trained_layers_from(&its).unwrap();
    let after = values(solver.net());
    for (a, b) in after.iter().flatten().zip(before.iter().flatten()) {
        assert_eq!(*a, *b + 1.0);
    }
}

/// An infogain matrix and a mean image are read from `.npy`; of another file the error says what it is.
#[test]
fn blobs_are_read_from_npy() {
    use cortado::data::{binaryproto, npy};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mean.npy");
    let x = ndarray::array![[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]].into_dyn();
    npy::write(&path, x.view()).unwrap();
    let (shape, values) = binaryproto::read(&path, "the mean image", "hint").unwrap();
    assert_eq!((shape, values), (vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    std::fs::write(&path, "version https://git-lfs.github.com/spec/v1\n").unwrap();
    let message = binaryproto::read(&path, "the mean image", "hint").unwrap_err().to_string();
    assert!(message.contains("mean.npy: it is a Git LFS pointer"), "{message}");
}
