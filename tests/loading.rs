//! Weights go from their file straight into a net's blobs: the same values as by way of a message, in less memory; and
//! what they fill is not filled before.

use cortado::net::Builder;
use cortado::proto::{NetParameter, binary};
use cortado::{Device, Net, Phase, weights};
use std::path::Path;

const TEXT: &str = "
    layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }
    layer { name: 'conv' type: 'Convolution' bottom: 'x' top: 'y'
      convolution_param { num_output: 7 kernel_size: 3 weight_filler { type: 'msra' } bias_filler { type: 'uniform' } } }
    layer { name: 'ip' type: 'InnerProduct' bottom: 'y' top: 'z'
      inner_product_param { num_output: 90 weight_filler { type: 'gaussian' std: 0.1 } } }";

fn builder(text: &str, seed: u64) -> Builder {
    Builder::parse(text, "test").unwrap().phase(Phase::Test).device(&Device::cpu()).seed(seed)
}

fn values(net: &Net) -> Vec<Vec<f32>> {
    net.store().iter().map(|(blob, _)| blob.data.read().unwrap().to_vec()).collect()
}

/// A field of bytes: number, length, bytes.
fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let varint = |mut value: usize| {
        let mut varint = Vec::new();
        while value >= 0x80 {
            varint.push(value as u8 | 0x80);
            value >>= 7;
        }
        varint.push(value as u8);
        varint
    };
    [varint((number << 3 | 2) as usize), varint(bytes.len()), bytes.to_vec()].concat()
}

/// The trained net's file with its values in another form: `blob` makes a blob's bytes of its shape and values.
fn rewritten(net: &NetParameter, layer: [u32; 3], blob: impl Fn(&[u8], &[f32]) -> Vec<u8>) -> Vec<u8> {
    let [layers, name, blobs] = layer;
    let layers = net.layer.iter().filter(|l| !l.blobs.is_empty()).map(|l| {
        let stored = l.blobs.iter().map(|b| field(blobs, &blob(&binary::encode(b.shape.as_ref().unwrap()), &b.data)));
        field(layers, &[field(name, l.name().as_bytes()), stored.collect::<Vec<_>>().concat()].concat())
    });
    layers.collect::<Vec<_>>().concat()
}

#[test]
fn each_form_of_a_file_gives_the_values_of_the_message() {
    let folder = tempfile::tempdir().unwrap();
    let trained = builder(TEXT, 1).make().unwrap();
    let message = trained.to_proto(false).unwrap();
    let bytes = |data: &[f32]| data.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let doubles = |data: &[f32]| data.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect::<Vec<u8>>();
    let new = [100, 1, 7];
    type Form<'a> = (&'a str, Vec<u8>);
    let forms: Vec<Form> = vec![
        ("packed", rewritten(&message, new, |shape, data| [field(7, shape), field(5, &bytes(data))].concat())),
        ("values before the shape", {
            rewritten(&message, new, |shape, data| [field(5, &bytes(data)), field(7, shape)].concat())
        }),
        ("double precision", {
            rewritten(&message, new, |shape, data| [field(7, shape), field(8, &doubles(data))].concat())
        }),
        ("as bytes of doubles", {
            let blob =
                |shape: &[u8], data: &[f32]| [field(7, shape), vec![10 << 3, 0], field(12, &doubles(data))].concat();
            rewritten(&message, new, blob)
        }),
        ("in two pieces", {
            let halves = |shape: &[u8], data: &[f32]| {
                let (a, b) = data.split_at(data.len() / 2);
                [field(7, shape), field(5, &bytes(a)), field(5, &bytes(b))].concat()
            };
            rewritten(&message, new, halves)
        }),
        ("each value a field", {
            let each = |data: &[f32]| {
                data.iter().flat_map(|v| [&[5 << 3 | 5][..], &v.to_le_bytes()].concat()).collect::<Vec<u8>>()
            };
            rewritten(&message, new, |shape, data| [field(7, shape), each(data)].concat())
        }),
        ("layers of 2013", {
            rewritten(&message, [2, 4, 6], |shape, data| [field(7, shape), field(5, &bytes(data))].concat())
        }),
    ];
    for (name, file) in forms {
        let path = folder.path().join("net.caffemodel");
        std::fs::write(&path, &file).unwrap();
        let mut net = builder(TEXT, 2).make().unwrap();
        assert_ne!(values(&net), values(&trained));
        let report = net.copy_trained_layers_from(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(report.copied, ["conv", "ip"], "{name}");
        assert_eq!(values(&net), values(&trained), "{name}");

        // Wherever it is cut, it is an error that names it, or what is left is whole; then nothing is copied by halves.
        for cut in (0..file.len()).step_by(file.len() / 97) {
            std::fs::write(&path, &file[..cut]).unwrap();
            let mut net = builder(TEXT, 2).make().unwrap();
            let before = values(&net);
            if let Err(e) = net.copy_trained_layers_from(&path) {
                assert!(e.to_string().contains("net.caffemodel"), "{name}, cut at {cut}: {e}");
                assert_eq!(values(&net), before, "{name}, cut at {cut}");
            }
        }
    }
    for name in ["net.caffemodel", "net.caffemodel.h5"] {
        let path = folder.path().join(name);
        trained.save(&path).unwrap();
        let mut net = builder(TEXT, 2).make().unwrap();
        net.copy_trained_layers_from(&path).unwrap();
        assert_eq!(values(&net), values(&trained), "{name}");
    }
}

#[test]
fn stored_diffs_come_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.caffemodel");
    let mut trained = builder(TEXT, 1).make().unwrap();
    trained.param_mut("conv", 1).unwrap().diff.fill(0.5);
    weights::write(&path, &trained.to_proto(true).unwrap()).unwrap();
    let mut net = builder(TEXT, 2).make().unwrap();
    net.copy_trained_layers_from(&path).unwrap();
    assert_eq!(net.param("conv", 1).unwrap().diff.slice(), [0.5; 7]);
}

#[test]
fn what_is_not_copied_is_filled_later_with_the_same_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.caffemodel");
    builder(TEXT, 1).make().unwrap().save(&path).unwrap();
    let other = TEXT.replace("'ip'", "'new'");
    let mut want = builder(&other, 3).make().unwrap();
    want.copy_trained_layers_from(&path).unwrap();

    let mut net = builder(&other, 3).fill_later().make().unwrap();
    assert!(values(&net).iter().flatten().all(|v| *v == 0.0));
    let report = net.copy_trained_layers_from(&path).unwrap();
    assert_eq!((report.copied, report.left_new), (vec!["conv".to_string()], vec!["new".to_string()]));
    net.fill().unwrap();
    assert_eq!(values(&net), values(&want));
    net.fill().unwrap();
    assert_eq!(values(&net), values(&want), "a second call changes nothing");

    // Weights that do not fit and are skipped leave their layer to its filler.
    let wider = TEXT.replace("num_output: 90", "num_output: 91");
    let mut net = builder(&wider, 3).fill_later().make().unwrap();
    assert_eq!(net.copy_fitting_layers_from(&path).unwrap().mismatched.len(), 1);
    net.fill().unwrap();
    assert_eq!(values(&net)[2], values(&builder(&wider, 3).make().unwrap())[2]);
}

#[test]
fn a_filler_that_cannot_fill_is_an_error_with_its_place() {
    let text = TEXT.replace("'msra'", "'mrsa'");
    let e = builder(&text, 0).make().map(|_| ()).unwrap_err().to_string();
    assert!(e.contains("mrsa") && e.contains("msra") && e.contains("conv") && e.contains("test:4"), "{e}");
    let mut net = builder(&text, 0).fill_later().make().unwrap();
    let e = net.fill().unwrap_err().to_string();
    assert!(e.contains("mrsa") && e.contains("conv") && e.contains("test:4"), "{e}");
}

/// The most memory that the process has had, in bytes.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// In a process of its own, as the peak is the process's.
#[cfg(target_os = "linux")]
#[test]
fn loading_takes_little_more_memory_than_the_file_is_long() {
    const FILE: &str = "CORTADO_TEST_LOADS";
    let text = TEXT.replace("num_output: 90", "num_output: 60000"); // 21 million values, 84 MB
    if let Some(file) = std::env::var_os(FILE) {
        let path = Path::new(&file);
        let mut net = builder(&text, 2).fill_later().make().unwrap();
        let before = peak();
        net.copy_trained_layers_from(path).unwrap();
        let (more, length) = (peak() - before, std::fs::metadata(path).unwrap().len());
        println!("{file:?}: {length} bytes, {more} bytes of memory");
        assert!(more as f64 <= 1.3 * length as f64, "{more} bytes of memory for {length} bytes");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trained = builder(&text, 1).make().unwrap();
    for name in ["net.caffemodel", "net.caffemodel.h5"] {
        let path = folder.path().join(name);
        trained.save(&path).unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "loading_takes_little_more_memory_than_the_file_is_long", "--nocapture"])
            .env(FILE, &path);
        let out = child.output().unwrap();
        println!("{}", String::from_utf8_lossy(&out.stdout));
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
}
