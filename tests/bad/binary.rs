//! Broken weights, databases and snapshots. They are made by the recipes here from files that are right.

use super::{Log, compare, make_database, survive};
use cortado::layer::Phase;
use cortado::proto::{BlobProto, BlobShape, NetParameter, SolverState};
use cortado::{Net, Result, Solver, net, solver};
use prost::Message;
use std::path::Path;

type Bytes = Vec<u8>;
/// A name, and how to make good bytes wrong.
type Recipe = (&'static str, fn(&mut Bytes));

/// Applies each recipe to `good`, writes the result to `file`, and compares what `read` complains about.
fn check(class: &str, good: &[u8], file: &Path, recipes: &[Recipe], mut read: impl FnMut() -> Result) {
    assert!(recipes.len() >= 6);
    std::fs::write(file, good).unwrap();
    read().unwrap();
    for (name, spoil) in recipes {
        let mut bytes = good.to_vec();
        spoil(&mut bytes);
        assert_ne!(bytes, good, "{name}");
        std::fs::write(file, bytes).unwrap();
        keep(class, name, file, &mut read);
    }
}

pub fn keep(class: &str, name: &str, file: &Path, read: impl FnOnce() -> Result) {
    let name = format!("{class}/{name}");
    let error = survive(&name, read).expect_err(&name);
    let folder = file.parent().unwrap().to_str().unwrap();
    std::fs::create_dir_all(Path::new("tests/bad").join(class)).unwrap();
    let wrong = compare(&name, &error, &Path::new("tests/bad").join(format!("{name}.txt")), &[(folder, "DIR")]);
    assert_eq!(wrong, None);
}

const NET: &str = r#"name: "small"
layer { name: "in" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 3 } data_filler { value: 1 } } }
layer { name: "label" type: "DummyData" top: "label" dummy_data_param { shape { dim: 2 } } }
layer { name: "ip1" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 4 } }
layer { name: "ip2" type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "b" bottom: "label" top: "loss" }
"#;

fn net(text: &str) -> Net {
    net::Builder::parse(text, "net").unwrap().phase(Phase::Train).log(&Log::silent()).make().unwrap()
}

fn change<M: Message + Default>(bytes: &mut Bytes, change: impl FnOnce(&mut M)) {
    let mut message = M::decode(&bytes[..]).unwrap();
    change(&mut message);
    *bytes = message.encode_to_vec();
}

#[test]
fn truncated_weights() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("net.caffemodel");
    let good = net(NET).to_proto(false).unwrap().encode_to_vec();
    let recipes: &[Recipe] = &[
        ("empty", |b| b.clear()),
        ("one_byte", |b| b.truncate(1)),
        ("ten_bytes", |b| b.truncate(10)),
        ("half", |b| b.truncate(b.len() / 2)),
        ("all_but_one_byte", |b| b.truncate(b.len() - 1)),
        ("first_byte_missing", |b| *b = b[1..].to_vec()),
        ("ones", |b| b.fill(0xFF)),
        ("zeros", |b| b.fill(0)),
        ("prototxt", |b| *b = NET.into()),
        ("hdf5", |b| *b = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0".to_vec()),
        ("length_of_2_63", |b| *b = b"\xa2\x06\xff\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec()),
        ("nested_without_end", |b| *b = b"\xa3\x06".repeat(100_000)),
        ("ten_million_layers", |b| *b = b"\xa2\x06\x00".repeat(10_000_000)),
        ("as_many_old_layers", |b| *b = b"\x12\x00".repeat(10_000_000)),
        ("as_many_blobs", |b| {
            let blobs = b"\x3a\x00".repeat(10_000_000); // field 7 of one layer
            *b = [&b"\xa2\x06\x80\xda\xc4\x09"[..], &blobs].concat();
        }),
        ("no_blobs", |b| change(b, |n: &mut NetParameter| n.layer.iter_mut().for_each(|l| l.blobs.clear()))),
    ];
    let mut net = net(NET);
    check("truncated_weights", &good, &file, recipes, || net.copy_trained_layers_from(&file).map(|_| ()));
    std::fs::remove_file(&file).unwrap();
    keep("truncated_weights", "missing", &file, || net.copy_trained_layers_from(&file).map(|_| ()));
}

/// As many layers as are let through take little.
#[test]
fn many_empty_layers() {
    let bytes = b"\xa2\x06\x00".repeat(10_000);
    let net = survive("ten thousand layers", || cortado::proto::binary::decode::<NetParameter>(&bytes)).unwrap();
    assert_eq!(net.layer.len(), 10_000);
}

/// Files from before 2015 name the net's inputs, but not their shapes.
#[test]
fn old_weights_with_an_input_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.caffemodel");
    let mut message = net(NET).to_proto(false).unwrap();
    message.layer[2].blobs[0].data[0] = 7.0;
    message.input.push("x".into());
    std::fs::write(&file, message.encode_to_vec()).unwrap();
    let mut into = net(NET);
    assert_eq!(into.copy_trained_layers_from(&file).unwrap().copied, ["ip1", "ip2"]);
    assert_eq!(into.to_proto(false).unwrap().layer[2].blobs[0].data[0], 7.0);
}

#[test]
fn mismatched_weights() {
    fn blob(b: &mut Bytes, spoil: fn(&mut BlobProto)) {
        change(b, |n: &mut NetParameter| spoil(&mut n.layer[3].blobs[0]));
    }
    fn shape(dim: &[i64]) -> Option<BlobShape> {
        Some(BlobShape { dim: dim.to_vec() })
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("net.caffemodel");
    let good = net(NET).to_proto(false).unwrap().encode_to_vec();
    let recipes: &[Recipe] = &[
        ("other_num_output", |b| {
            *b = net(&NET.replace("num_output: 4", "num_output: 6")).to_proto(false).unwrap().encode_to_vec()
        }),
        ("other_inputs", |b| {
            *b = net(&NET.replace("dim: 2 dim: 3", "dim: 2 dim: 7")).to_proto(false).unwrap().encode_to_vec()
        }),
        ("no_bias", |b| {
            *b = net(&NET.replace("num_output: 5", "num_output: 5 bias_term: false"))
                .to_proto(false)
                .unwrap()
                .encode_to_vec()
        }),
        ("three_blobs", |b| change(b, |n: &mut NetParameter| n.layer[3].blobs.push(BlobProto::default()))),
        ("transposed", |b| blob(b, |w| w.shape = shape(&[3, 4]))),
        ("more_values_than_shape", |b| blob(b, |w| w.data.push(0.0))),
        ("fewer_values_than_shape", |b| blob(b, |w| w.data.truncate(11))),
        ("no_values", |b| blob(b, |w| w.data.clear())),
        ("negative_shape", |b| blob(b, |w| w.shape = shape(&[-4, -3]))),
        ("huge_shape", |b| blob(b, |w| w.shape = shape(&[i64::MAX, i64::MAX]))),
        ("large_shape", |b| blob(b, |w| w.shape = shape(&[46_000, 46_000]))),
        ("many_axes", |b| blob(b, |w| w.shape = shape(&[1; 40]))),
        ("old_shape_of_four", |b| {
            blob(b, |w| {
                w.shape = None;
                (w.num, w.channels, w.height, w.width) = (Some(1), Some(1), Some(3), Some(4));
            })
        }),
    ];
    let mut into = net(NET);
    let before = into.to_proto(false).unwrap().encode_to_vec();
    check("mismatched_weights", &good, &file, recipes, || into.copy_trained_layers_from(&file).map(|_| ()));
    assert!(into.to_proto(false).unwrap().encode_to_vec() == before, "a file that does not fit changes nothing");
}

#[test]
fn broken_databases() {
    /// Both meta pages name the page size at 40, and of the entries' tree the depth at 94, the number at 120, the root at 128.
    fn both(b: &mut Bytes, at: usize, with: &[u8]) {
        for page in [0, 4096] {
            b[page + at..][..with.len()].copy_from_slice(with);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    make_database(&path);
    let file = path.join("data.mdb");
    let good = std::fs::read(&file).unwrap();
    let recipes: &[Recipe] = &[
        ("empty", |b| b.clear()),
        ("truncated_in_the_head", |b| b.truncate(100)),
        ("truncated_after_the_heads", |b| b.truncate(8192)),
        ("truncated_by_a_byte", |b| b.truncate(b.len() - 1)),
        ("zeros", |b| b.fill(0)),
        ("magic", |b| both(b, 16, &[1, 2, 3, 4])),
        ("version", |b| both(b, 20, &999u32.to_le_bytes())),
        ("page_size", |b| both(b, 40, &u32::MAX.to_le_bytes())),
        ("depth", |b| both(b, 94, &u16::MAX.to_le_bytes())),
        ("no_entries", |b| both(b, 120, &0u64.to_le_bytes())),
        ("more_entries_than_bytes", |b| both(b, 120, &u64::MAX.to_le_bytes())),
        ("root", |b| both(b, 128, &(u64::MAX - 1).to_le_bytes())),
        ("first_leaf", |b| b[8192..12288].fill(0xFF)),
        ("leaf_without_end", |b| b[8192 + 12..][..2].fill(0xFF)),
    ];
    let prototxt = format!(
        r#"layer {{ name: "data" type: "Data" top: "x" data_param {{ source: "{}" batch_size: 2 backend: LMDB }} }}"#,
        path.display()
    );
    // The place in the text is as long as the folder's name: a net made in code has none.
    let parsed = cortado::proto::text::parse::<NetParameter>(&prototxt, "net").unwrap().message;
    check("broken_database", &good, &file, recipes, || Net::new(&parsed, Phase::Train)?.forward().map(|_| ()));
    std::fs::remove_file(&file).unwrap();
    keep("broken_database", "missing", &path, || Net::new(&parsed, Phase::Train).map(|_| ()));
}

const SOLVER: &str = "base_lr: 0.1 lr_policy: 'fixed' momentum: 0.9 max_iter: 4";

fn make_solver(net: &str, settings: &str, prefix: &Path) -> Solver {
    let text = format!("net_param {{ {net} }} {settings} snapshot_prefix: '{}'", prefix.display());
    solver::Builder::parse(&text, "solver").unwrap().log(&Log::silent()).make().unwrap()
}

#[test]
fn broken_snapshots() {
    fn state(b: &mut Bytes, spoil: fn(&mut SolverState)) {
        change(b, spoil);
    }
    fn other(net: &str, settings: &str) -> Bytes {
        let folder = tempfile::tempdir().unwrap();
        let mut solver = make_solver(net, settings, &folder.path().join("other"));
        solver.step(1).unwrap();
        std::fs::read(solver.snapshot().unwrap()).unwrap()
    }
    let folder = tempfile::tempdir().unwrap();
    database_net(&folder.path().join("db"), |net| {
        let mut solver = make_solver(net, SOLVER, &folder.path().join("net"));
        solver.step(2).unwrap();
        let file = solver.snapshot().unwrap();
        let model = file.with_extension("caffemodel");
        let (good, good_model) = (std::fs::read(&file).unwrap(), std::fs::read(&model).unwrap());
        let recipes: &[Recipe] = &[
            ("empty", |b| b.clear()),
            ("half", |b| b.truncate(b.len() / 2)),
            ("all_but_one_byte", |b| b.truncate(b.len() - 1)),
            ("ones", |b| b.fill(0xFF)),
            ("prototxt", |b| *b = SOLVER.into()),
            ("of_adam", |b| *b = other(NET, "base_lr: 0.1 lr_policy: 'fixed' type: 'Adam'")),
            ("of_another_net", |b| *b = other(&NET.replace("num_output: 4", "num_output: 6"), SOLVER)),
            ("negative_iteration", |b| state(b, |s| s.iter = Some(-1))),
            ("shape_of_history", |b| state(b, |s| s.history[0].shape = Some(BlobShape { dim: vec![3, 4] }))),
            ("values_of_history", |b| state(b, |s| s.history[2].data.truncate(3))),
            ("one_more_history", |b| state(b, |s| s.history.push(BlobProto::default()))),
            ("ten_million_histories", |b| *b = b"\x1a\x00".repeat(10_000_000)),
            ("no_pass", |b| state(b, |s| s.pass = None)),
            ("no_position", |b| state(b, |s| s.position.clear())),
            ("unknown_position", |b| state(b, |s| s.position.push(Default::default()))),
            ("position_of_2_64", |b| state(b, |s| s.position[0].samples = Some(u64::MAX))),
            ("model_elsewhere", |b| state(b, |s| s.learned_net = Some("no/such.caffemodel".into()))),
        ];
        let weights = |solver: &mut Solver| solver.net().to_proto(false).unwrap().encode_to_vec();
        let mut fresh = make_solver(net, SOLVER, &folder.path().join("net"));
        let before = weights(&mut fresh);
        for (name, spoil) in recipes {
            let mut bytes = good.clone();
            spoil(&mut bytes);
            std::fs::write(&file, bytes).unwrap();
            keep("broken_snapshot", name, &file, || fresh.restore(&file));
            assert_eq!(fresh.iter(), 0, "{name}");
            assert!(weights(&mut fresh) == before, "{name}: a snapshot that is broken changes nothing");
        }
        std::fs::write(&file, &good).unwrap();
        let models: &[Recipe] = &[
            ("model_truncated", |b| b.truncate(b.len() - 10)),
            ("model_without_a_layer", |b| change(b, |n: &mut NetParameter| n.layer.retain(|l| l.name() != "ip2"))),
            ("model_of_another_net", |b| {
                change(b, |n: &mut NetParameter| n.layer.iter_mut().for_each(|l| l.blobs.reverse()))
            }),
        ];
        for (name, spoil) in models {
            let mut bytes = good_model.clone();
            spoil(&mut bytes);
            std::fs::write(&model, bytes).unwrap();
            keep("broken_snapshot", name, &file, || fresh.restore(&file));
            assert!(weights(&mut fresh) == before && fresh.iter() == 0, "{name}");
        }
        std::fs::remove_file(&model).unwrap();
        keep("broken_snapshot", "model_missing", &file, || fresh.restore(&file));
        std::fs::write(&model, good_model).unwrap();
        fresh.restore(&file).unwrap();
        assert_eq!(fresh.iter(), 2);
    });
}

/// Calls `work` with a net that reads a database made at `path`.
fn database_net(path: &Path, work: impl FnOnce(&str)) {
    make_database(path);
    let data = format!(
        r#"layer {{ name: "data" type: "Data" top: "x" top: "label" data_param {{ source: "{}" batch_size: 3 }} }}"#,
        path.display()
    );
    let rest = NET.lines().skip(3).collect::<Vec<_>>().join("\n");
    work(&format!("{data}\n{rest}"));
}

/// Files damaged anywhere: all truncations of some length, and a bit flipped at many places. What cannot be read is an error that
/// names the file; nothing panics, and nothing takes more memory than a small file asks for.
fn damage(what: &str, good: &[u8], file: &Path, mut read: impl FnMut() -> Result) {
    let (mut tried, mut refused) = (0, 0);
    let folder = file.parent().unwrap().to_str().unwrap();
    let mut with = |bytes: &[u8]| {
        std::fs::write(file, bytes).unwrap();
        tried += 1;
        if let Err(e) = survive(what, &mut read) {
            refused += 1;
            assert!(e.to_string().contains(folder), "{what}: no file is named: {e}");
        }
    };
    (0..200).for_each(|k| with(&good[..good.len() * k / 200]));
    for k in 0..2000usize {
        let mut bytes = good.to_vec();
        bytes[k * 7919 % good.len()] ^= 1 << (k % 8);
        with(&bytes);
    }
    assert!(refused > 200 && refused < tried, "{what}: {refused} of {tried} are refused");
}

#[test]
fn damaged_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("net.caffemodel");
    let mut into = net(NET);
    let good = into.to_proto(false).unwrap().encode_to_vec();
    damage("weights", &good, &file, || into.copy_fitting_layers_from(&file).map(|_| ()));

    let mut solver = make_solver(NET, SOLVER, &folder.path().join("net"));
    solver.step(2).unwrap();
    let state = solver.snapshot().unwrap();
    let good = std::fs::read(&state).unwrap();
    damage("a state", &good, &state, || solver.restore(&state));

    let path = folder.path().join("db");
    make_database(&path);
    let file = path.join("data.mdb");
    let good = std::fs::read(&file).unwrap();
    damage("a database", &good, &file, || {
        let mut db = cortado::data::lmdb::Reader::open(&path)?;
        (0..db.len().min(10)).try_for_each(|i| db.get(i).map(|_| ()))
    });
}
