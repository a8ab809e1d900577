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
//! # }
//! let mut layers = cortado::Layers::caffe();
//! layers.add::<Dice>("Dice");
//! ```

pub mod activation;
pub mod common;
pub mod data;
pub mod loss;
pub mod normalisation;
pub mod recurrent;
pub mod shape;
pub mod vision;

// What several families share.
mod groups;
mod indices;
mod learnable;
mod python;
mod rows;

pub use activation::*;
pub use common::*;
pub use data::*;
pub use loss::*;
pub use normalisation::*;
pub use recurrent::*;
pub use shape::*;
pub use vision::*;

use crate::layer::Layer;
use crate::proto::{LayerParameter, forks};
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
    ("MemoryData",              new::<MemoryData>),
    ("HDF5Data",                new::<Hdf5Data>),
    ("HDF5Output",              new::<Hdf5Output>),
    ("ImageData",               new::<ImageData>),
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
    // shape
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

/// The types of Caffe 1.0 that are not here yet, and what to use instead.
const MISSING: &[(&str, &str)] = &[(
    "WindowData",
    "convert the windows to an LMDB for a Data layer, or write a data layer of your own, as lesson 04 does",
)];

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
            None => Err(match MISSING.iter().find(|(name, _)| *name == kind) {
                Some((_, instead)) => {
                    let e = Error::new(
                        Kind::Unknown,
                        format!("Caffe's layer type \"{kind}\" does not exist in Cortado yet"),
                    );
                    e.hint(*instead)
                }
                None => {
                    let e = Error::new(Kind::Unknown, format!("there is no layer type \"{kind}\""));
                    let own = "if the type is your own, add it to a `Layers` and hand that to the builder: `.layers(&layers)`";
                    match forks::layer_type(kind) {
                        Some(fork) => e.hint(fork),
                        None => e.near_or_all(kind, &self.names().collect::<Vec<_>>(), own),
                    }
                }
            }
            .field("type")),
        }
    }
}

impl Default for Layers {
    fn default() -> Layers {
        Layers::caffe()
    }
}
