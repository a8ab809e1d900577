//! The layers, one file each, and the table that finds them by the prototxt's `type`.
//!
//! The table is a value: a user's layer is added to it and needs no change here.
//!
//! ```
//! # use cortado::{Blob, Result, layer::*, proto::LayerParameter};
//! # struct Dice;
//! # impl Layer for Dice {
//! #     fn new(_: &LayerParameter) -> Result<Self> { Ok(Dice) }
//! #     fn arity(&self) -> Arity { Arity::exact(2, 1) }
//! #     fn reshape(&mut self, _: &[Blob], _: &mut [Blob]) -> Result { Ok(()) }
//! #     fn forward(&mut self, _: &Cx, _: &mut [Blob], _: &[Blob], _: &mut [Blob]) -> Result { Ok(()) }
//! #     fn backward(&mut self, _: &Cx, _: &mut [Blob], _: &[Blob], _: &[bool], _: &mut [Blob]) -> Result { Ok(()) }
//! # }
//! let mut layers = cortado::Layers::caffe();
//! layers.add::<Dice>("Dice");
//! ```

pub mod accuracy;
pub mod batch_norm;
pub mod bias;
pub mod concat;
pub mod convolution;
pub mod data;
pub mod dropout;
pub mod dummy_data;
pub mod eltwise;
pub mod euclidean_loss;
pub mod flatten;
pub mod inner_product;
pub mod input;
pub mod lrn;
pub mod lstm;
pub mod lstm_unit;
pub mod parameter;
pub mod pooling;
pub mod reduction;
pub mod relu;
pub mod reshape;
pub mod rnn;
pub mod scale;
pub mod sigmoid;
pub mod sigmoid_cross_entropy_loss;
pub mod silence;
pub mod slice;
pub mod softmax;
pub mod softmax_loss;
pub mod split;
pub mod tanh;

// What several of them share.
mod groups;
mod learnable;
mod loss;
mod parts;
mod recurrent;
mod sizes;
mod spread;
mod sums;

pub use accuracy::Accuracy;
pub use batch_norm::BatchNorm;
pub use bias::Bias;
pub use concat::Concat;
pub use convolution::Convolution;
pub use data::Data;
pub use dropout::Dropout;
pub use dummy_data::DummyData;
pub use eltwise::Eltwise;
pub use euclidean_loss::EuclideanLoss;
pub use flatten::Flatten;
pub use inner_product::InnerProduct;
pub use input::Input;
pub use lrn::Lrn;
pub use lstm::Lstm;
pub use lstm_unit::LstmUnit;
pub use parameter::Parameter;
pub use pooling::Pooling;
pub use reduction::Reduction;
pub use relu::Relu;
pub use reshape::Reshape;
pub use rnn::Rnn;
pub use scale::Scale;
pub use sigmoid::Sigmoid;
pub use sigmoid_cross_entropy_loss::SigmoidCrossEntropyLoss;
pub use silence::Silence;
pub use slice::Slice;
pub use softmax::Softmax;
pub use softmax_loss::SoftmaxWithLoss;
pub use split::Split;
pub use tanh::Tanh;

use crate::layer::Layer;
use crate::proto::LayerParameter;
use crate::{Error, Kind, Result};
use std::sync::Arc;

type Create = fn(&LayerParameter) -> Result<Box<dyn Layer>>;

/// Caffe's layers, as far as they exist: the prototxt's `type` and the constructor, in teaching order.
#[rustfmt::skip]
pub const LAYERS: &[(&str, Create)] = &[
    // data
    ("Input",                   new::<Input>),
    ("DummyData",               new::<DummyData>),
    ("Parameter",               new::<Parameter>),
    ("Data",                    new::<Data>),
    // vision
    ("Convolution",             new::<Convolution>),
    ("Pooling",                 new::<Pooling>),
    // common
    ("InnerProduct",            new::<InnerProduct>),
    // normalisation
    ("LRN",                     new::<Lrn>),
    ("BatchNorm",               new::<BatchNorm>),
    ("Scale",                   new::<Scale>),
    ("Bias",                    new::<Bias>),
    // activation
    ("ReLU",                    new::<Relu>),
    ("Sigmoid",                 new::<Sigmoid>),
    ("TanH",                    new::<Tanh>),
    ("Dropout",                 new::<Dropout>),
    ("Softmax",                 new::<Softmax>),
    // recurrent
    ("RNN",                     new::<Rnn>),
    ("LSTM",                    new::<Lstm>),
    ("LSTMUnit",                new::<LstmUnit>),
    // utility
    ("Split",                   new::<Split>),
    ("Concat",                  new::<Concat>),
    ("Slice",                   new::<Slice>),
    ("Eltwise",                 new::<Eltwise>),
    ("Flatten",                 new::<Flatten>),
    ("Reshape",                 new::<Reshape>),
    ("Reduction",               new::<Reduction>),
    ("Silence",                 new::<Silence>),
    // loss
    ("SoftmaxWithLoss",         new::<SoftmaxWithLoss>),
    ("EuclideanLoss",           new::<EuclideanLoss>),
    ("SigmoidCrossEntropyLoss", new::<SigmoidCrossEntropyLoss>),
    ("Accuracy",                new::<Accuracy>),
];

fn new<L: Layer>(param: &LayerParameter) -> Result<Box<dyn Layer>> {
    Ok(Box::new(L::new(param)?))
}

/// The types of Caffe 1.0 that are not here yet.
#[rustfmt::skip]
const MISSING: &[&str] = &[
    "AbsVal", "ArgMax", "BNLL", "BatchReindex", "ContrastiveLoss", "Crop", "Deconvolution", "ELU", "Embed", "Exp",
    "Filter", "HDF5Data", "HDF5Output", "HingeLoss", "Im2col", "ImageData", "InfogainLoss", "Log",
    "MVN", "MemoryData", "MultinomialLogisticLoss", "PReLU", "Power", "Python", "SPP", "Threshold", "Tile",
    "WindowData",
];

type SharedCreate = Arc<dyn Fn(&LayerParameter) -> Result<Box<dyn Layer>> + Send + Sync>;

/// The layer types that a net may use. Cloning is cheap.
#[derive(Clone)]
pub struct Layers {
    table: Vec<(String, SharedCreate)>,
}

impl Layers {
    /// Those of Caffe's layers that exist so far: [`LAYERS`].
    pub fn caffe() -> Layers {
        Layers { table: LAYERS.iter().map(|&(name, create)| (name.to_string(), Arc::new(create) as _)).collect() }
    }

    /// Adds a layer type of one's own, or replaces the one of that name.
    pub fn add<L: Layer>(&mut self, name: &str) {
        self.add_with(name, |param| new::<L>(param));
    }

    /// Adds a layer type that is made by a closure, which may hand state to the layer.
    pub fn add_with(
        &mut self,
        name: &str,
        create: impl Fn(&LayerParameter) -> Result<Box<dyn Layer>> + Send + Sync + 'static,
    ) {
        self.table.retain(|(n, _)| n != name);
        self.table.push((name.to_string(), Arc::new(create)));
    }

    /// The names of all types.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.table.iter().map(|(name, _)| name.as_str())
    }

    /// Makes the layer that `param` describes.
    ///
    /// # Errors
    /// A type that is unknown or does not exist yet, or parameters that the layer refuses.
    pub fn create(&self, param: &LayerParameter) -> Result<Box<dyn Layer>> {
        let kind = param.r#type();
        match self.table.iter().find(|(name, _)| name == kind) {
            Some((_, create)) => create(param),
            None if kind.is_empty() => {
                Err(Error::new(Kind::Unknown, "the layer has no `type`").hint("add type: \"..\""))
            }
            None if MISSING.contains(&kind) => {
                Err(Error::new(Kind::Unknown, format!("Caffe's layer type \"{kind}\" does not exist in Cortado yet"))
                    .field("type")
                    .hint(format!("the types are {}", self.names().collect::<Vec<_>>().join(", "))))
            }
            None => Err(Error::new(Kind::Unknown, format!("there is no layer type \"{kind}\""))
                .field("type")
                .did_you_mean(kind, self.names())
                .hint(format!("the types are {}", self.names().collect::<Vec<_>>().join(", ")))),
        }
    }
}

impl Default for Layers {
    fn default() -> Layers {
        Layers::caffe()
    }
}
