//! The messages and their fields: `proto/caffe.proto` as a table.
//!
//! A parser that reads `kernel_size: 5` inside `convolution_param { }` must know that this is field 4 of
//! `ConvolutionParameter`, repeated, an unsigned integer. [`caffe`](super::caffe) has this knowledge at compile time
//! only; here it can be looked up:
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

pub use table::{DEFAULTS, MESSAGES};

/// A message: its name and its fields by number.
#[derive(Debug)]
pub struct Message {
    /// The name in `proto/caffe.proto`, such as `LayerParameter`.
    pub name: &'static str,
    /// The fields, by increasing number.
    pub fields: &'static [Field],
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// The name in a prototxt, such as `kernel_size`.
    pub name: &'static str,
    /// The number in the binary format.
    pub number: u32,
    /// How often the field may be set.
    pub label: Label,
    /// The type of each value.
    pub ty: Type,
}

/// How often a field may be set in its message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Label {
    /// At most once; if it is left out, it has its default.
    Optional,
    /// Exactly once; a message without it is an error.
    Required,
    /// Any number of times; the values keep their order.
    Repeated,
}

/// The type of a field.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// An integer from -2^31 to 2^31 - 1.
    Int32,
    /// An integer from -2^63 to 2^63 - 1.
    Int64,
    /// An integer from 0 to 2^32 - 1.
    Uint32,
    /// An integer from 0 to 2^64 - 1.
    Uint64,
    /// A floating-point number of 32 bits.
    Float,
    /// A floating-point number of 64 bits.
    Double,
    /// Text in UTF-8.
    String,
    /// Any bytes, written as a quoted string.
    Bytes,
    /// One of the named values of an enumeration, written without quotes.
    Enum(&'static Enum),
    /// A message, written in braces.
    Message(&'static Message),
}

/// An enumeration: its name (`PoolingParameter.PoolMethod`) and its values.
#[derive(Debug)]
pub struct Enum {
    /// The name, after that of the message around it and a dot.
    pub name: &'static str,
    /// The name and number of each value.
    pub values: &'static [(&'static str, i32)],
}

/// The message with this name.
pub fn message(name: &str) -> Option<&'static Message> {
    MESSAGES.iter().find(|m| m.name == name).copied()
}

/// The field's default, as a prototxt writes it, if the schema has one.
///
/// ```
/// use cortado::proto::schema;
/// assert_eq!(schema::default("PoolingParameter", "stride"), Some("1"));
/// assert_eq!(schema::default("PoolingParameter", "kernel_size"), None);
/// ```
pub fn default(message: &str, field: &str) -> Option<&'static str> {
    DEFAULTS.iter().find(|(m, f, _)| (*m, *f) == (message, field)).map(|(_, _, value)| *value)
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
