//! Compares two messages field by field. A field that is not set has its default value.
//!
//! ```
//! use cortado::proto::{PoolingParameter, compare};
//! let a = PoolingParameter { kernel_size: Some(3), stride: Some(1), ..Default::default() };
//! let b = PoolingParameter { kernel_size: Some(2), ..Default::default() };
//! let differences = compare::messages(&a, &b);
//! assert_eq!(differences.len(), 1); // the stride is 1 by default
//! assert_eq!(differences[0].to_string(), "kernel_size: 3 | 2");
//! ```

use super::caffe::FillerParameter;
use super::print;
use super::schema::{Field, Label, Message, Type, default};
use super::text::Named;
use super::wire::{self, Value};
use prost::Message as _;
use std::collections::BTreeMap;
use std::fmt;

/// A field whose value differs between two messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unequal {
    /// The field's path, such as `weight_filler.std` or `param[1].lr_mult`.
    pub path: String,
    /// The value in the first message, as a prototxt writes it; `unset` if it has none.
    pub first: String,
    /// The value in the second message.
    pub second: String,
}

impl fmt::Display for Unequal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} | {}", self.path, self.first, self.second)
    }
}

/// The fields in which two messages differ, in the order of the schema.
pub fn messages<M: Named>(first: &M, second: &M) -> Vec<Unequal> {
    let mut found = Vec::new();
    walk(M::SCHEMA, &first.encode_to_vec(), &second.encode_to_vec(), "", &mut found);
    found
}

type Fields<'a> = BTreeMap<u32, Vec<Value<'a>>>;

/// The values of each field of a message that prost has just encoded, which is well-formed.
fn fields(mut data: &[u8]) -> Fields<'_> {
    let mut fields = Fields::new();
    while let Ok(Some((number, value))) = wire::take(&mut data) {
        fields.entry(number).or_default().push(value);
    }
    fields
}

fn walk(message: &Message, first: &[u8], second: &[u8], path: &str, found: &mut Vec<Unequal>) {
    let (first, second) = (fields(first), fields(second));
    for field in message.fields {
        let a = first.get(&field.number).cloned().unwrap_or_default();
        let b = second.get(&field.number).cloned().unwrap_or_default();
        let path = if path.is_empty() { field.name.into() } else { format!("{path}.{}", field.name) };
        match field.ty {
            Type::Message(inner) if field.label == Label::Repeated => {
                // A `param` that is left out has all defaults; the number of other messages counts.
                if a.len() != b.len() && field.name != "param" {
                    let count = |n: usize| format!("{n} of them");
                    found.push(Unequal { path, first: count(a.len()), second: count(b.len()) });
                    continue;
                }
                for i in 0..a.len().max(b.len()) {
                    walk(inner, body(a.get(i)), body(b.get(i)), &format!("{path}[{i}]"), found);
                }
            }
            Type::Message(inner) => {
                let implied = implied(message, field);
                let or = |values: &[Value<'_>]| match values.last() {
                    None => implied.clone(),
                    some => body(some).to_vec(),
                };
                walk(inner, &or(&a), &or(&b), &path, found);
            }
            _ => {
                let (first, second) = (text(message, field, &a), text(message, field, &b));
                if first != second {
                    found.push(Unequal { path, first, second });
                }
            }
        }
    }
}

fn body<'a>(value: Option<&Value<'a>>) -> &'a [u8] {
    match value {
        Some(Value::Bytes(body)) => body,
        _ => &[],
    }
}

/// The value of a missing message, if it is not its defaults: Scale's factors start at 1, PReLU's slopes at 0.25.
fn implied(message: &Message, field: &Field) -> Vec<u8> {
    let value = match (message.name, field.name) {
        ("ScaleParameter", "filler") => 1.0,
        ("PReLUParameter", "filler") => 0.25,
        _ => return Vec::new(),
    };
    FillerParameter { value: Some(value), ..Default::default() }.encode_to_vec()
}

/// A scalar field's values as a prototxt writes them, or the default if there are none.
fn text(message: &Message, field: &Field, values: &[Value<'_>]) -> String {
    let write = |value: Value<'_>| print::scalar(field.ty, value);
    if field.label == Label::Repeated {
        let all: Vec<String> = values.iter().flat_map(|v| print::unpack(field.ty, *v)).map(write).collect();
        return match (all.is_empty(), message.name, field.name) {
            (false, ..) => all.join(" "),
            (true, "ConvolutionParameter", "pad") => "0".into(),
            (true, "ConvolutionParameter", "stride" | "dilation") => "1".into(),
            (true, ..) => "unset".into(),
        };
    }
    match (values.last(), default(message.name, field.name)) {
        (Some(value), _) => write(*value),
        (None, None) => "unset".into(),
        (None, Some(default)) => match (field.ty, default.parse()) {
            (Type::Float, Ok(value)) => print::float(value),
            (Type::String, _) => format!("\"{default}\""),
            _ => default.into(),
        },
    }
}
