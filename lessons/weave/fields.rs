//! The fields of a layer's messages as tables: types and defaults from the schema, meanings from `proto/caffe.proto`.

use cortado::proto::schema::{self, Field, Label, Type};

/// Tables of a layer's messages: the one called like its type, that of its example, and those that its source names.
pub fn tables(kind: &str, source: &str, doc: &str, of_example: &str, proto: &str) -> String {
    let layer = schema::message("LayerParameter").map_or(&[][..], |message| message.fields);
    let is_its_own = |field: &&Field| {
        let Some(stem) = field.name.strip_suffix("_param") else { return false };
        let read = source.contains(&format!("param.{}", field.name)) || doc.contains(&format!("`{}", field.name));
        read || field.name == of_example || stem.replace('_', "") == kind.to_lowercase()
    };
    let mut text = String::from("\n## Fields\n");
    for field in layer.iter().filter(is_its_own) {
        let Type::Message(message) = field.ty else { continue };
        text += &format!("\n### `{}`\n\n", field.name);
        text += "| field | type | default | meaning |\n|---|---|---|---|\n";
        for f in message.fields {
            let default = match f.ty {
                Type::Message(inner) if inner.name == "FillerParameter" && f.name.ends_with("_filler") => {
                    "zeros".into()
                }
                _ => schema::default(message.name, f.name).map_or(String::new(), |value| format!("`{value}`")),
            };
            let said = said_of(proto, message.name, f.name).replace('|', "\\|");
            text += &format!("| `{}` | {} | {default} | {said} |\n", f.name, type_of(f));
        }
    }
    if text.lines().count() == 2 {
        text += "\nNone of its own.\n";
    }
    text
}

/// The type of a field as a prototxt's writer needs it.
fn type_of(field: &Field) -> String {
    let kind = match field.ty {
        Type::Bool => "bool".into(),
        Type::Int32 | Type::Int64 => "integer".into(),
        Type::Uint32 | Type::Uint64 => "integer ≥ 0".into(),
        Type::Float | Type::Double => "number".into(),
        Type::String | Type::Bytes => "text".into(),
        Type::Enum(e) => e.values.iter().map(|v| format!("`{}`", v.0)).collect::<Vec<_>>().join(", "),
        Type::Message(m) => format!("`{}`", m.name),
    };
    if field.label == Label::Repeated { format!("{kind}; repeated") } else { kind }
}

/// The comment behind a field in `caffe.proto`, or on the line before it.
fn said_of(proto: &str, message: &str, field: &str) -> String {
    let mut lines = proto.lines().skip_while(|line| !line.starts_with(&format!("message {message} {{")));
    let mut before = Vec::new();
    for line in lines.by_ref().take_while(|line| *line != "}") {
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        if code.contains(&format!(" {field} = ")) {
            return if comment.is_empty() { before.join(" ") } else { comment.trim().to_string() };
        }
        match code.trim().is_empty() {
            true => before.push(comment.trim()),
            false => before.clear(),
        }
    }
    String::new()
}
