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

pub mod absval;
pub mod accuracy;
pub mod arg_max;
pub mod batch_norm;
pub mod batch_reindex;
pub mod bias;
pub mod bnll;
pub mod clip;
pub mod concat;
pub mod contrastive_loss;
pub mod convolution;
pub mod crop;
pub mod data;
pub mod deconvolution;
pub mod dropout;
pub mod dummy_data;
pub mod eltwise;
pub mod elu;
pub mod embed;
pub mod euclidean_loss;
pub mod exp;
pub mod filter;
pub mod flatten;
pub mod hinge_loss;
pub mod im2col;
pub mod infogain_loss;
pub mod inner_product;
pub mod input;
pub mod log;
pub mod lrn;
pub mod lstm;
pub mod lstm_unit;
pub mod multinomial_logistic_loss;
pub mod mvn;
pub mod parameter;
pub mod pooling;
pub mod power;
pub mod prelu;
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
pub mod spp;
pub mod swish;
pub mod tanh;
pub mod threshold;
pub mod tile;

// What several of them share.
mod columns;
mod convolving;
mod convolving_on_card;
mod groups;
mod indices;
mod learnable;
mod loss;
mod parts;
mod pointwise;
mod pooling_on_card;
mod pooling_on_cpu;
mod python;
mod recurrent;
mod rows;
mod sizes;
mod spread;
mod sums;
mod windows;

pub use absval::AbsVal;
pub use accuracy::Accuracy;
pub use arg_max::ArgMax;
pub use batch_norm::BatchNorm;
pub use batch_reindex::BatchReindex;
pub use bias::Bias;
pub use bnll::Bnll;
pub use clip::Clip;
pub use concat::Concat;
pub use contrastive_loss::ContrastiveLoss;
pub use convolution::Convolution;
pub use crop::Crop;
pub use data::Data;
pub use deconvolution::Deconvolution;
pub use dropout::Dropout;
pub use dummy_data::DummyData;
pub use eltwise::Eltwise;
pub use elu::Elu;
pub use embed::Embed;
pub use euclidean_loss::EuclideanLoss;
pub use exp::Exp;
pub use filter::Filter;
pub use flatten::Flatten;
pub use hinge_loss::HingeLoss;
pub use im2col::Im2col;
pub use infogain_loss::InfogainLoss;
pub use inner_product::InnerProduct;
pub use input::Input;
pub use log::Log;
pub use lrn::Lrn;
pub use lstm::Lstm;
pub use lstm_unit::LstmUnit;
pub use multinomial_logistic_loss::MultinomialLogisticLoss;
pub use mvn::Mvn;
pub use parameter::Parameter;
pub use pooling::Pooling;
pub use power::Power;
pub use prelu::Prelu;
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
pub use spp::Spp;
pub use swish::Swish;
pub use tanh::Tanh;
pub use threshold::Threshold;
pub use tile::Tile;

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
    ("Deconvolution",           new::<Deconvolution>),
    ("Im2col",                  new::<Im2col>),
    ("Pooling",                 new::<Pooling>),
    ("SPP",                     new::<Spp>),
    ("Crop",                    new::<Crop>),
    // common
    ("InnerProduct",            new::<InnerProduct>),
    ("Embed",                   new::<Embed>),
    // normalisation
    ("LRN",                     new::<Lrn>),
    ("BatchNorm",               new::<BatchNorm>),
    ("MVN",                     new::<Mvn>),
    ("Scale",                   new::<Scale>),
    ("Bias",                    new::<Bias>),
    // activation
    ("ReLU",                    new::<Relu>),
    ("PReLU",                   new::<Prelu>),
    ("ELU",                     new::<Elu>),
    ("Sigmoid",                 new::<Sigmoid>),
    ("TanH",                    new::<Tanh>),
    ("Swish",                   new::<Swish>),
    ("BNLL",                    new::<Bnll>),
    ("AbsVal",                  new::<AbsVal>),
    ("Power",                   new::<Power>),
    ("Exp",                     new::<Exp>),
    ("Log",                     new::<Log>),
    ("Threshold",               new::<Threshold>),
    ("Clip",                    new::<Clip>),
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
    ("Tile",                    new::<Tile>),
    ("ArgMax",                  new::<ArgMax>),
    ("BatchReindex",            new::<BatchReindex>),
    ("Filter",                  new::<Filter>),
    ("Silence",                 new::<Silence>),
    // loss
    ("SoftmaxWithLoss",         new::<SoftmaxWithLoss>),
    ("EuclideanLoss",           new::<EuclideanLoss>),
    ("HingeLoss",               new::<HingeLoss>),
    ("SigmoidCrossEntropyLoss", new::<SigmoidCrossEntropyLoss>),
    ("InfogainLoss",            new::<InfogainLoss>),
    ("MultinomialLogisticLoss", new::<MultinomialLogisticLoss>),
    ("ContrastiveLoss",         new::<ContrastiveLoss>),
    ("Accuracy",                new::<Accuracy>),
];

fn new<L: Layer>(param: &LayerParameter) -> Result<Box<dyn Layer>> {
    Ok(Box::new(L::new(param)?))
}

/// The types of Caffe 1.0 that are not here yet.
#[rustfmt::skip]
const MISSING: &[&str] = &[
    "HDF5Data", "HDF5Output", "ImageData", "MemoryData", "WindowData",
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

    /// What makes layers of the type `name`.
    fn find(&self, name: &str) -> Option<&SharedCreate> {
        self.table.iter().find(|(n, _)| n == name).map(|(_, create)| create)
    }

    /// Makes the layer that `param` describes. A layer of type `Python` is the Rust layer with the name that its
    /// `python_param` gives.
    ///
    /// # Errors
    /// A type that is unknown or does not exist yet, or parameters that the layer refuses.
    pub fn create(&self, param: &LayerParameter) -> Result<Box<dyn Layer>> {
        let kind = param.r#type();
        match self.find(kind) {
            Some(create) => create(param),
            None if kind == "Python" => python::create(self, param),
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
