//! Nets written in Rust: every layer type and every field can be written, and what is written comes back equal.

use cortado::net_spec::*;
use cortado::proto::schema::{self, Type};
use cortado::proto::{NetParameter, convolution_parameter, pooling_parameter, text};
use cortado::{Layers, Net, Phase};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The layers of a file's table: documentation, type and fields.
fn table(code: &str) -> Vec<(&str, &str, &str)> {
    let table = code.split("\nlayers! {").nth(1).unwrap().split("\n}\n").next().unwrap();
    let entry = |text| {
        let (doc, rest): (&str, &str) = str::split_once(text, '\n').unwrap();
        let (kind, fields) = rest.split_once("= \"").unwrap().1.split_once('"').unwrap();
        (doc, kind, fields)
    };
    table.split("\n    /// ").skip(1).map(entry).collect()
}

/// The types of `src/net_spec/layers` and, for each message, the fields that have a method.
fn written() -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let (mut types, mut fields) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
    for entry in std::fs::read_dir(root().join("src/net_spec/layers")).unwrap() {
        let code = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for (_, kind, methods) in table(&code) {
            types.push(kind.to_string());
            let mut param = "";
            // An entry's fields are words: `x_param XParameter one field type ..`.
            let words: Vec<&str> =
                methods.split([' ', '\n', ':', ',', ';', '{', '}']).filter(|w| !w.is_empty()).collect();
            for pair in words.windows(2) {
                match pair {
                    [name, _] if name.ends_with("_param") => param = name,
                    ["one" | "each" | "sizes", field] => {
                        fields.entry(param.into()).or_default().push(field.to_string())
                    }
                    _ => {}
                }
            }
        }
    }
    (types, fields)
}

/// Fields without a method: what old files have, and what constructors take.
const WITHOUT: &[(&str, &[&str])] = &[
    ("data_param", &["scale", "mean_file", "crop_size", "mirror"]),
    ("image_data_param", &["scale", "mean_file", "crop_size", "mirror"]),
    ("window_data_param", &["scale", "mean_file", "crop_size", "mirror"]),
    ("concat_param", &["concat_dim"]),
    ("slice_param", &["slice_dim"]),
    ("loss_param", &["normalize"]),
    ("dummy_data_param", &["data_filler", "num", "channels", "height", "width", "shape"]),
    ("input_param", &["shape"]),
    ("clip_param", &["min", "max"]),
];

#[test]
fn every_type_and_every_field_can_be_written() {
    let (types, fields) = written();
    for kind in Layers::caffe().names() {
        assert!(types.iter().any(|t| t == kind), "{kind} has no type in src/net_spec/layers");
    }
    for kind in ["HDF5Data", "HDF5Output", "ImageData", "LSTM", "LSTMUnit", "MemoryData", "RNN", "WindowData", "Python"]
    {
        assert!(types.iter().any(|t| t == kind), "{kind} has no type in src/net_spec/layers");
    }
    let mut seen = 0;
    for param in schema::message("LayerParameter").unwrap().fields.iter().filter(|f| f.name.ends_with("_param")) {
        let Type::Message(message) = param.ty else { panic!("{}", param.name) };
        let without = WITHOUT.iter().find(|(p, _)| *p == param.name).map_or(&[][..], |(_, fields)| fields);
        for field in message.fields {
            let has = fields.get(param.name).is_some_and(|fields| fields.iter().any(|f| f == field.name));
            assert!(has != without.contains(&field.name), "{}.{}: {has}", param.name, field.name);
            seen += 1;
        }
    }
    assert!(seen > 180, "{seen}");
}

/// All prototxt files of nets under a folder of the project.
fn nets(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|e| e.unwrap().path());
    entries
        .filter(|p| p.extension().is_some_and(|e| e == "prototxt"))
        .filter(|p| p.file_stem().is_some_and(|name| !name.to_string_lossy().contains("solver")))
        .collect()
}

#[test]
fn what_is_written_comes_back_equal() {
    let files: Vec<PathBuf> = ["proto", "proto/zoo", "tests/golden/nets"].into_iter().flat_map(nets).collect();
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let there = text::read::<NetParameter>(&file).unwrap().message;
        let spec = NetSpec::from_param(there.clone());
        let back = spec.to_prototxt().unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert_eq!(text::parse::<NetParameter>(&back, "back").unwrap().message, there, "{}", file.display());
        assert_eq!(NetSpec::from_prototxt(&back).unwrap(), spec);
        assert_eq!(diff(&there, &spec.to_param().unwrap()), []);
    }
}

#[test]
fn fields_reach_the_prototxt() {
    let mut n = NetSpec::new("fields");
    let x = n.layer("x", [], Input::new([2, 3, 8, 8]));
    let conv = Convolution::new(4, [3, 5]).pad([1, 2]).dilation(2).engine(convolution_parameter::Engine::Caffe);
    let y = n.layer("conv", &x, conv.bias_term(false).weight_filler(uniform(-1.0, 1.0)));
    let pool = Pooling::max(2, 2).round_mode(pooling_parameter::RoundMode::Floor);
    n.layer("pool", &y, pool.include(Rule::new().min_level(1).stage("small")));
    n.edit(|net| net.force_backward = Some(true));
    let text = n.to_prototxt().unwrap();
    for line in [
        "force_backward: true",
        "    kernel_size: 3\n    kernel_size: 5\n",
        "    pad: 1\n    pad: 2\n",
        "    dilation: 2\n",
        "    engine: CAFFE\n",
        "    bias_term: false\n",
        "    weight_filler {\n      type: \"uniform\"\n      min: -1\n      max: 1\n    }\n",
        "  include {\n    min_level: 1\n    stage: \"small\"\n  }\n",
        "    round_mode: FLOOR\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // And the net of it is as usual.
    let net = Net::new(&n.to_param().unwrap(), Phase::Test).unwrap();
    assert_eq!((net.name(), net.shape("conv").unwrap()), ("fields", &[2, 4, 6, 4][..]));
}
