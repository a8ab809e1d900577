//! `src/proto/caffe.rs` and `src/proto/table.rs` are made from `proto/caffe.proto` here, and compared with the committed
//! ones (`CORTADO_BLESS=1` writes them); and what is on the wire is compared with Caffe's schema, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use protox::prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind, Value};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn compiled() -> DescriptorPool {
    let fds = protox::compile([root().join("proto/caffe.proto")], [root().join("proto")]).unwrap();
    DescriptorPool::from_file_descriptor_set(fds).unwrap()
}

/// Compares code with the committed file, but for what rustfmt changes; or writes it when blessed.
fn committed(path: &str, code: &str) {
    let file = root().join(path);
    let bare = |code: &str| code.replace(|c: char| c.is_whitespace() || c == ',', "");
    let same = bare(&std::fs::read_to_string(&file).unwrap()) == bare(code);
    if !same && std::env::var_os("CORTADO_BLESS").is_some() {
        std::fs::write(&file, code).unwrap();
    } else {
        assert!(same, "{path} is stale: CORTADO_BLESS=1 cargo test --release --test proto; cargo fmt");
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
    t += "\n/// Message, field, and the value that counts if it is left out.\n";
    t += "pub static DEFAULTS: &[(&str, &str, &str)] = &[\n";
    for m in pool.all_messages() {
        let mut fields: Vec<_> = m.fields().collect();
        fields.sort_by_key(|f| f.number());
        for f in fields {
            if let Some(value) = &f.field_descriptor_proto().default_value {
                writeln!(t, "    (\"{}\", \"{}\", {value:?}),", m.name(), f.name()).unwrap();
            }
        }
    }
    t += "];\n";
    committed("src/proto/table.rs", &t);
}

/// The facts of the schema, in the form of `tests/caffe_schema.tsv`.
fn facts(pool: &DescriptorPool) -> BTreeSet<String> {
    let short = |name: &str| name.trim_start_matches("caffe.").to_owned();
    let field = |f: FieldDescriptor| {
        let label = format!("{:?}", f.cardinality()).to_lowercase();
        let ty = match f.kind() {
            Kind::Message(m) => short(m.full_name()),
            Kind::Enum(e) => short(e.full_name()),
            scalar => format!("{scalar:?}").to_lowercase(),
        };
        let default = match (f.field_descriptor_proto().default_value.is_some(), f.default_value()) {
            (false, _) => String::new(),
            (_, Value::F32(v)) => format!("float {:08x}", v.to_bits()),
            (_, Value::Bool(v)) => if v { "True" } else { "False" }.to_owned(),
            (_, Value::String(v)) => format!("'{v}'"),
            (_, Value::EnumNumber(n)) => f.kind().as_enum().unwrap().get_value(n).unwrap().name().to_owned(),
            (_, Value::I32(v)) => v.to_string(),
            (_, Value::U32(v)) => v.to_string(),
            (_, Value::I64(v)) => v.to_string(),
            (_, other) => panic!("{other:?}"),
        };
        let packed = if f.is_packed() { "packed" } else { "" };
        let message = short(f.parent_message().full_name());
        format!("{message}\t{}\t{}\t{label}\t{ty}\t{default}\t{packed}", f.name(), f.number())
    };
    let mut all: BTreeSet<String> =
        pool.all_messages().flat_map(|m| m.fields().collect::<Vec<_>>()).map(field).collect();
    for e in pool.all_enums() {
        let values: BTreeSet<_> = e.values().map(|v| format!("{}={}", v.name(), v.number())).collect();
        all.insert(format!("enum {}: {values:?}", short(e.full_name())));
    }
    all
}

/// Every message, field, number, label, type and default is Caffe's; what is more is Cortado's own, by name.
#[test]
fn the_wire_format_is_caffes() {
    let tsv = std::fs::read_to_string(root().join("tests/caffe_schema.tsv")).unwrap();
    let mut theirs = BTreeSet::new();
    for line in tsv.lines().filter(|l| !l.starts_with('#')) {
        if let Some(e) = line.strip_prefix("enum ") {
            let (name, values) = e.split_once(": ").unwrap();
            theirs.insert(format!("enum {name}: {:?}", values.split(", ").collect::<BTreeSet<_>>()));
            continue;
        }
        let mut columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
        if columns[4] == "float" && !columns[5].is_empty() {
            columns[5] = format!("float {:08x}", columns[5].parse::<f32>().unwrap().to_bits());
        }
        theirs.insert(columns.join("\t"));
    }
    let ours = facts(&compiled());
    assert_eq!(theirs.difference(&ours).collect::<Vec<_>>(), Vec::<&String>::new(), "missing or changed");
    let own: Vec<&str> = ours.difference(&theirs).map(String::as_str).collect();
    let expected = [
        "DataParameter\tshuffle\t1000\toptional\tbool\tFalse\t",
        "LayerPosition\tlayer\t1\toptional\tstring\t\t",
        "LayerPosition\tsamples\t2\toptional\tuint64\t\t",
        "SolverState\tpass\t1001\toptional\tuint64\t\t",
        "SolverState\tposition\t1002\trepeated\tLayerPosition\t\t",
        "SolverState\tseed\t1000\toptional\tuint64\t\t",
        "SolverState\ttype\t1003\toptional\tstring\t\t",
    ];
    assert_eq!(own, expected);
}

/// The schema is teaching material: every message, field, enumeration and value says what it is.
#[test]
fn everything_in_caffe_proto_has_a_comment() {
    let fds = protox::compile([root().join("proto/caffe.proto")], [root().join("proto")]).unwrap();
    let info = fds.file[0].source_code_info.clone().unwrap();
    let words = |s: &Option<String>| s.as_deref().unwrap_or("").trim().to_owned();
    let comments: BTreeMap<Vec<i32>, String> = info
        .location
        .iter()
        .map(|l| (l.path.clone(), words(&l.leading_comments) + &words(&l.trailing_comments)))
        .collect();
    let pool = compiled();
    let mut paths: Vec<(String, Vec<i32>)> = Vec::new();
    for m in pool.all_messages() {
        paths.push((m.full_name().to_owned(), m.path().to_vec()));
        paths.extend(m.fields().map(|f| (f.full_name().to_owned(), f.path().to_vec())));
    }
    for e in pool.all_enums() {
        paths.push((e.full_name().to_owned(), e.path().to_vec()));
        paths.extend(e.values().map(|v| (v.full_name().to_owned(), v.path().to_vec())));
    }
    assert!(paths.len() > 500, "{}", paths.len());
    for (name, path) in paths {
        let comment = comments.get(&path).unwrap_or_else(|| panic!("{name}"));
        assert!(
            comment.len() > 3 && comment.ends_with('.') && comment.matches("  ").count() == 0,
            "{name}: {comment:?}"
        );
    }
}

/// None of the messages contains itself, so the text parser's recursion has a bound.
#[test]
fn no_message_contains_itself() {
    use cortado::proto::schema::{MESSAGES, Message, Type};
    fn depth(m: &Message, above: &mut Vec<&'static str>) -> usize {
        assert!(!above.contains(&m.name), "{} in {above:?}", m.name);
        above.push(m.name);
        let inner = m.fields.iter().filter_map(|f| match f.ty {
            Type::Message(inner) => Some(depth(inner, above)),
            _ => None,
        });
        let deepest = inner.max().unwrap_or(0);
        above.pop();
        1 + deepest
    }
    let deepest = MESSAGES.iter().map(|m| depth(m, &mut Vec::new())).max();
    assert!(deepest <= Some(10), "{deepest:?}");
}
