//! Where two messages differ: field by field, a value that is not set counting as its default.
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

/// A field with another value in the second message than in the first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unequal {
    /// The field's path, such as `weight_filler.std` or `param[1].lr_mult`.
    pub path: String,
    /// Its value in the first message, as a prototxt writes it; `unset` if it has none.
    pub first: String,
    /// Its value in the second.
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

/// The values of each field of an encoded message. What prost has just encoded is well-formed.
fn fields(mut data: &[u8]) -> Fields<'_> {
    let mut fields = Fields::new();
    while let Ok(Some((number, value))) = wire::take(&mut data) {
        fields.entry(number).or_default().push(value);
    }
    fields
}

fn of<'a>(fields: &Fields<'a>, field: &Field) -> Vec<Value<'a>> {
    fields.get(&field.number).cloned().unwrap_or_default()
}

fn walk(message: &Message, first: &[u8], second: &[u8], path: &str, found: &mut Vec<Unequal>) {
    let (first, second) = (fields(first), fields(second));
    for field in message.fields {
        let (a, b) = (of(&first, field), of(&second, field));
        let path = if path.is_empty() { field.name.into() } else { format!("{path}.{}", field.name) };
        match field.ty {
            Type::Message(inner) if field.label == Label::Repeated => {
                // Whoever leaves out a `param` means one with all defaults; of other messages the number counts.
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

/// What a message that is left out stands for, where that is not its defaults: factors begin at 1, PReLU's slopes at 0.25.
fn implied(message: &Message, field: &Field) -> Vec<u8> {
    let value = match (message.name, field.name) {
        ("ScaleParameter", "filler") => 1.0,
        ("PReLUParameter", "filler") => 0.25,
        _ => return Vec::new(),
    };
    FillerParameter { value: Some(value), ..Default::default() }.encode_to_vec()
}

/// A scalar field's values as they would be written, or what counts if there are none.
fn text(message: &Message, field: &Field, values: &[Value<'_>]) -> String {
    let write = |value: &Value<'_>| match (field.ty, value) {
        (Type::String | Type::Bytes, Value::Bytes(text)) => format!("\"{}\"", print::escape(text)),
        (ty, value) => print::scalar(ty, *value),
    };
    if field.label == Label::Repeated {
        let all: Vec<String> = values.iter().flat_map(|v| print::unpack(field.ty, *v)).map(|v| write(&v)).collect();
        return match (all.is_empty(), message.name, field.name) {
            (false, ..) => all.join(" "),
            (true, "ConvolutionParameter", "pad") => "0".into(),
            (true, "ConvolutionParameter", "stride" | "dilation") => "1".into(),
            (true, ..) => "unset".into(),
        };
    }
    match (values.last(), default(message.name, field.name)) {
        (Some(value), _) => write(value),
        (None, None) => "unset".into(),
        (None, Some(default)) => match (field.ty, default.parse()) {
            (Type::Float, Ok(value)) => print::float(value),
            (Type::String, _) => format!("\"{default}\""),
            _ => default.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{LayerParameter, text};

    fn differences(first: &str, second: &str) -> Vec<String> {
        let read = |t: &str| text::parse::<LayerParameter>(t, "t").unwrap().message;
        messages(&read(first), &read(second)).iter().map(|d| d.to_string()).collect()
    }

    #[test]
    fn what_is_not_set_is_its_default() {
        for (first, second) in [
            ("convolution_param { pad: 0 stride: 1 group: 1 bias_term: true engine: DEFAULT }", ""),
            ("batch_norm_param { eps: 1e-5 moving_average_fraction: 0.999 }", "batch_norm_param { }"),
            ("param { lr_mult: 1 } param { decay_mult: 1 }", "param { }"),
            ("inner_product_param { bias_filler { type: 'constant' value: 0 } }", "inner_product_param { }"),
            ("scale_param { filler { value: 1 } }", ""),
            ("image_data_param { root_folder: '' }", ""),
            ("pooling_param { pool: MAX }", ""),
        ] {
            assert_eq!(differences(first, second), Vec::<String>::new());
        }
    }

    #[test]
    fn differences_are_named_by_their_path() {
        for (first, second, says) in [
            ("convolution_param { pad: 2 }", "", "convolution_param.pad: 2 | 0"),
            ("convolution_param { kernel_size: 3 kernel_size: 5 }", "", "convolution_param.kernel_size: 3 5 | unset"),
            ("param { } param { lr_mult: 0.1 }", "", "param[1].lr_mult: 0.1 | 1"),
            ("loss_param { ignore_label: 0 }", "", "loss_param.ignore_label: 0 | unset"),
            ("scale_param { filler { value: 0.5 } }", "", "scale_param.filler.value: 0.5 | 1"),
            (
                "input_param { shape { dim: 1 dim: 3 } }",
                "input_param { shape { dim: 2 dim: 3 } }",
                "input_param.shape[0].dim: 1 3 | 2 3",
            ),
            ("input_param { shape { } }", "", "input_param.shape: 1 of them | 0 of them"),
            ("pooling_param { pool: AVE }", "", "pooling_param.pool: AVE | MAX"),
            ("top: 'a' top: 'b'", "top: 'a'", "top: \"a\" \"b\" | \"a\""),
        ] {
            assert_eq!(differences(first, second), [says]);
        }
    }
}
