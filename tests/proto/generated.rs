//! `src/proto/caffe.rs` and `src/proto/table.rs` are made from `proto/caffe.proto` here, and compared with the committed
//! ones (`CORTADO_BLESS=1` writes them); and what is on the wire is compared with Caffe's schema, field by field.

use std::fmt::Write as _;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn compiled() -> protox::prost_reflect::DescriptorPool {
    let fds = protox::compile([root().join("proto/caffe.proto")], [root().join("proto")]).unwrap();
    protox::prost_reflect::DescriptorPool::from_file_descriptor_set(fds).unwrap()
}

/// Compares code with the committed file, but for what rustfmt changes; or writes it when blessed.
fn committed(path: &str, code: &str) {
    let file = root().join(path);
    let bare = |code: &str| code.replace(|c: char| c.is_whitespace() || c == ',', "");
    let same = bare(&std::fs::read_to_string(&file).unwrap()) == bare(code);
    if !same && std::env::var_os("CORTADO_BLESS").is_some() {
        std::fs::write(&file, code).unwrap();
    } else {
        assert!(same, "{path} is stale: CORTADO_BLESS=1 cargo test --test proto && cargo fmt");
    }
}

/// The Rust code of the messages.
fn structs() -> String {
    let fds = protox::compile([root().join("proto/caffe.proto")], [root().join("proto")]).unwrap();
    let out = tempfile::tempdir().unwrap();
    prost_build::Config::new().out_dir(out.path()).compile_fds(fds).unwrap();
    std::fs::read_to_string(out.path().join("caffe.rs")).unwrap()
}

const HEAD: &str = "// Made from proto/caffe.proto by `CORTADO_BLESS=1 cargo test --test proto`; do not edit.\n";

#[test]
fn caffe_rs_is_made_from_caffe_proto() {
    committed("src/proto/caffe.rs", &format!("{HEAD}{}", structs()));
}

#[test]
fn table_rs_is_made_from_caffe_proto() {
    use protox::prost_reflect::{Cardinality, Kind};
    let pool = compiled();
    let name = |n: &str| n.trim_start_matches("caffe.").to_owned();
    let ident = |n: &str| name(n).replace('.', "_").to_uppercase();
    let mut t = String::from(HEAD);
    t.push_str(
        "\nuse super::Label::{Optional, Repeated, Required};\n\
         use super::Type::{Bool, Bytes, Double, Float, Int32, Int64, String, Uint32, Uint64};\n\
         use super::{Enum, Field, Message, Type};\n\
         use crate::proto::caffe;\n\
         use crate::proto::text::Named;\n\n",
    );
    t += "/// Every message, in the order of `proto/caffe.proto`.\npub static MESSAGES: &[&Message] = &[\n";
    for m in pool.all_messages() {
        writeln!(t, "    &{},", ident(m.full_name())).unwrap();
    }
    t += "];\n";
    for e in pool.all_enums() {
        let values: Vec<_> = e.values().map(|v| format!("(\"{}\", {})", v.name(), v.number())).collect();
        let (id, name) = (ident(e.full_name()), name(e.full_name()));
        write!(t, "\nstatic {id}: Enum = Enum {{\n    name: \"{name}\",\n    values: &[{}],\n}};\n", values.join(", "))
            .unwrap();
    }
    for m in pool.all_messages() {
        let (id, name) = (ident(m.full_name()), m.name().to_owned());
        write!(t, "\nstatic {id}: Message = Message {{\n    name: \"{name}\",\n    fields: &[\n").unwrap();
        let mut fields: Vec<_> = m.fields().collect();
        fields.sort_by_key(|f| f.number());
        for f in fields {
            let label = match f.cardinality() {
                Cardinality::Optional => "Optional",
                Cardinality::Required => "Required",
                Cardinality::Repeated => "Repeated",
            };
            let ty = match f.kind() {
                Kind::Message(m) => format!("Type::Message(&{})", ident(m.full_name())),
                Kind::Enum(e) => format!("Type::Enum(&{})", ident(e.full_name())),
                scalar => {
                    let name = format!("{scalar:?}");
                    name[..1].to_uppercase() + &name[1..]
                }
            };
            let (name, number) = (f.name(), f.number());
            writeln!(t, "        Field {{ name: \"{name}\", number: {number}, label: {label}, ty: {ty} }},").unwrap();
        }
        t += "    ],\n};\n";
    }
    // The structs of messages are not nested and stand in the schema's order.
    let structs = structs();
    let names: Vec<_> = structs.lines().filter_map(|l| l.strip_prefix("pub struct ")?.strip_suffix(" {")).collect();
    assert_eq!(names.len(), pool.all_messages().len());
    for (name, m) in names.iter().zip(pool.all_messages()) {
        let id = ident(m.full_name());
        write!(t, "\nimpl Named for caffe::{name} {{\n    const SCHEMA: &'static Message = &{id};\n}}\n").unwrap();
    }
    committed("src/proto/table.rs", &t);
}
