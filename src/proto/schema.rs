//! What fields the messages have: `proto/caffe.proto` as a table.
//!
//! The text format needs to know, while it reads `kernel_size: 5` inside `convolution_param { }`, that this is field 4
//! of `ConvolutionParameter`, repeated, an unsigned integer. [`caffe`](super::caffe) knows it only at compile time;
//! here it can be looked up:
//!
//! ```
//! use cortado::proto::schema::{self, Type};
//! let layer = schema::message("LayerParameter").unwrap();
//! let field = layer.field("convolution_param").unwrap();
//! let Type::Message(conv) = field.ty else { panic!() };
//! assert_eq!((field.number, conv.name), (106, "ConvolutionParameter"));
//! ```

#[path = "table.rs"]
mod table;

pub use table::MESSAGES;

/// A message: its name and its fields by number.
#[derive(Debug)]
pub struct Message {
    pub name: &'static str,
    pub fields: &'static [Field],
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub number: u32,
    pub label: Label,
    pub ty: Type,
}

/// How often a field stands in its message: at most once, exactly once, or any number of times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Label {
    Optional,
    Required,
    Repeated,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Float,
    Double,
    String,
    Bytes,
    Enum(&'static Enum),
    Message(&'static Message),
}

/// An enumeration: its name (`PoolingParameter.PoolMethod`) and its values.
#[derive(Debug)]
pub struct Enum {
    pub name: &'static str,
    pub values: &'static [(&'static str, i32)],
}

/// The message with this name.
pub fn message(name: &str) -> Option<&'static Message> {
    MESSAGES.iter().find(|m| m.name == name).copied()
}

impl Message {
    /// The field with this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// The field with this number.
    pub fn number(&self, number: u32) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.number == number)
    }
}

impl Enum {
    /// The number of the value with this name.
    pub fn value(&self, name: &str) -> Option<i32> {
        self.values.iter().find(|v| v.0 == name).map(|v| v.1)
    }

    /// The name of the value with this number.
    pub fn name_of(&self, number: i32) -> Option<&'static str> {
        self.values.iter().find(|v| v.1 == number).map(|v| v.0)
    }
}
