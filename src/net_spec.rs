//! Nets written in Rust: a program that makes the prototxt.
//!
//! A [`NetSpec`] collects layers, each a value built by its type's own methods. A layer's bottoms are the [`Top`]s that
//! earlier layers gave; a block of layers is a plain function.
//!
//! ```
//! use cortado::net_spec::*;
//! use cortado::{Net, Phase};
//!
//! let mut n = NetSpec::new("LeNet");
//! let mnist = |set: &str, batch| Data::lmdb(&format!("data/mnist_{set}_lmdb"), batch).scale(1.0 / 256.0);
//! let [data, label] = n.tops("mnist", [], mnist("train", 64).include(Phase::Train), ["data", "label"]);
//! n.tops("mnist", [], mnist("test", 100).include(Phase::Test), ["data", "label"]);
//!
//! let conv = |outputs| Convolution::new(outputs, 5).weight_filler(xavier()).lr_mult([1.0, 2.0]);
//! let ip = |outputs| InnerProduct::new(outputs).weight_filler(xavier()).lr_mult([1.0, 2.0]);
//! let conv1 = n.layer("conv1", &data, conv(20));
//! let pool1 = n.layer("pool1", &conv1, Pooling::max(2, 2));
//! let conv2 = n.layer("conv2", &pool1, conv(50));
//! let pool2 = n.layer("pool2", &conv2, Pooling::max(2, 2));
//! let ip1 = n.layer("ip1", &pool2, ip(500));
//! n.in_place("relu1", &ip1, Relu::new());
//! let ip2 = n.layer("ip2", &ip1, ip(10));
//! n.layer("accuracy", [&ip2, &label], Accuracy::new().include(Phase::Test));
//! n.layer("loss", [&ip2, &label], SoftmaxWithLoss::new());
//!
//! // The same net as the one that is written by hand.
//! let by_hand = std::fs::read_to_string("proto/lenet_train_test.prototxt").unwrap();
//! let by_hand = NetSpec::from_prototxt(&by_hand)?.to_param()?;
//! assert!(diff(&n.to_param()?, &by_hand).is_empty());
//! # Ok::<(), cortado::Error>(())
//! ```
//!
//! Any net is made of the message as usual, `Net::new(&n.to_param()?, Phase::Train)`, and [`NetSpec::to_prototxt`] is
//! the file. Errors are reported there, once, so the lines above need no `?`:
//!
//! ```
//! # use cortado::net_spec::*;
//! let mut n = NetSpec::new("twice");
//! let x = n.layer("x", [], Input::new([1, 3]));
//! n.layer("ip", &x, InnerProduct::new(2));
//! n.layer("ip", &x, InnerProduct::new(5));
//! let e = n.to_param().unwrap_err().to_string();
//! assert!(e.starts_with("layer \"ip\": a layer before it has the same name"), "{e}");
//! ```
//!
//! A field that a layer does not have does not compile:
//!
//! ```compile_fail
//! # use cortado::net_spec::*;
//! Convolution::new(20, 5).kernel_sise(3);
//! ```
//! ```compile_fail
//! # use cortado::net_spec::*;
//! Relu::new().stride(2);
//! ```
//!
//! Every layer has the settings of [`LayerSpec`] besides: rules, multipliers, names of parameters, loss weights. An
//! empty name ([`AUTO`]) becomes conv1, pool1, ip1 and so on:
//!
//! ```
//! # use cortado::net_spec::*;
//! fn block(n: &mut NetSpec, x: &Top, outputs: u32) -> Top {
//!     let y = n.layer(AUTO, x, Convolution::new(outputs, 3).pad(1).weight_filler(msra()));
//!     n.in_place(AUTO, &y, Relu::new());
//!     n.layer(AUTO, &y, Pooling::max(2, 2))
//! }
//! let mut n = NetSpec::new("blocks");
//! let mut x = n.layer("data", [], Input::new([1, 3, 32, 32]));
//! for outputs in [16, 32] {
//!     x = block(&mut n, &x, outputs);
//! }
//! assert_eq!(x.name(), "pool2");
//! assert_eq!(n.layer_names(), ["data", "conv1", "relu1", "pool1", "conv2", "relu2", "pool2"]);
//! # Ok::<(), cortado::Error>(())
//! ```

mod check;
mod diff;
mod fill;
mod layers;
mod settings;

pub use diff::{Difference, Which, diff};
pub use fill::*;
pub use layers::*;
pub use settings::{LayerSpec, Rule};

pub use crate::proto::{BlobShape, FillerParameter, ParamSpec, Phase};
use crate::proto::{LayerParameter, NetParameter, text};
use crate::{Error, Kind, Result};

/// An empty layer name: the spec chooses one.
pub const AUTO: &str = "";

/// A net that is being written. See the [module](self).
#[derive(Clone, PartialEq, Debug)]
pub struct NetSpec {
    param: NetParameter,
}

/// A blob that a layer of a [`NetSpec`] makes, to be another layer's bottom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Top {
    name: String,
}

impl Top {
    /// The blob's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What a layer can take as its bottoms: `&x`, `[&x, &label]`, a slice or vector of tops, or none, `[]`.
pub trait Bottoms {
    /// The names of the blobs.
    fn names(self) -> Vec<String>;
}

impl Bottoms for &Top {
    fn names(self) -> Vec<String> {
        vec![self.name.clone()]
    }
}

impl<const N: usize> Bottoms for [&Top; N] {
    fn names(self) -> Vec<String> {
        self.iter().map(|top| top.name.clone()).collect()
    }
}

impl Bottoms for &[Top] {
    fn names(self) -> Vec<String> {
        self.iter().map(|top| top.name.clone()).collect()
    }
}

impl<const N: usize> Bottoms for &[Top; N] {
    fn names(self) -> Vec<String> {
        self.as_slice().names()
    }
}

impl Bottoms for &Vec<Top> {
    fn names(self) -> Vec<String> {
        self.as_slice().names()
    }
}

impl NetSpec {
    /// A net without layers.
    pub fn new(name: &str) -> NetSpec {
        NetSpec { param: NetParameter { name: Some(name.into()), ..Default::default() } }
    }

    /// Continues an existing net; [`NetSpec::top`] finds its blobs.
    pub fn from_param(param: NetParameter) -> NetSpec {
        NetSpec { param }
    }

    /// Continues a net from a prototxt; an old format is upgraded.
    ///
    /// # Errors
    /// The text is no net.
    pub fn from_prototxt(prototxt: &str) -> Result<NetSpec> {
        let mut parsed = text::parse::<NetParameter>(prototxt, "(text)")?;
        parsed.upgrade()?;
        Ok(NetSpec::from_param(parsed.message))
    }

    /// Adds a layer with one top, which has the layer's name.
    pub fn layer(&mut self, name: impl AsRef<str>, bottom: impl Bottoms, layer: impl LayerSpec) -> Top {
        let mut layer = layer.into_message();
        let name = self.name_of(name.as_ref(), &layer);
        layer.top = vec![name.clone()];
        self.push(name.clone(), bottom.names(), layer);
        Top { name }
    }

    /// Adds a layer whose tops have names of their own, any number of them:
    /// `let [data, label] = n.tops("mnist", [], Data::lmdb("data/mnist_train_lmdb", 64), ["data", "label"]);`
    pub fn tops<const N: usize>(
        &mut self,
        name: impl AsRef<str>,
        bottom: impl Bottoms,
        layer: impl LayerSpec,
        tops: [&str; N],
    ) -> [Top; N] {
        let mut layer = layer.into_message();
        let name = self.name_of(name.as_ref(), &layer);
        layer.top = tops.iter().map(|top| top.to_string()).collect();
        self.push(name, bottom.names(), layer);
        tops.map(|name| Top { name: name.into() })
    }

    /// Adds a layer that computes in place: its bottom is its top. Gives the same top again.
    pub fn in_place(&mut self, name: impl AsRef<str>, top: &Top, layer: impl LayerSpec) -> Top {
        let mut layer = layer.into_message();
        let name = self.name_of(name.as_ref(), &layer);
        layer.top = top.names();
        self.push(name, top.names(), layer);
        top.clone()
    }

    /// The blob of this name, for a net that was not written here.
    ///
    /// # Errors
    /// No layer makes it.
    pub fn top(&self, name: &str) -> Result<Top> {
        let made = || self.param.layer.iter().flat_map(|l| &l.top).map(String::as_str);
        match made().any(|top| top == name) {
            true => Ok(Top { name: name.into() }),
            false => Err(Error::new(Kind::Unknown, format!("no layer makes a blob \"{name}\""))
                .did_you_mean(name, made())
                .hint("a blob is made by a layer that has it as `top`")),
        }
    }

    /// The layers' names, in order.
    pub fn layer_names(&self) -> Vec<&str> {
        self.param.layer.iter().map(|l| l.name()).collect()
    }

    /// Changes a field that has no method: `n.edit(|net| net.force_backward = Some(true))`.
    pub fn edit(&mut self, change: impl FnOnce(&mut NetParameter)) -> &mut NetSpec {
        change(&mut self.param);
        self
    }

    /// The net as Caffe's message.
    ///
    /// # Errors
    /// Two layers of one net with the same name; a bottom that no layer before makes (it is a top of another spec); a
    /// blob that two layers make.
    pub fn to_param(&self) -> Result<NetParameter> {
        check::check(&self.param)?;
        Ok(self.param.clone())
    }

    /// The net as a prototxt.
    ///
    /// # Errors
    /// As [`NetSpec::to_param`].
    pub fn to_prototxt(&self) -> Result<String> {
        Ok(text::print(&self.to_param()?))
    }

    fn push(&mut self, name: String, bottom: Vec<String>, mut layer: LayerParameter) {
        (layer.name, layer.bottom) = (Some(name), bottom);
        self.param.layer.push(layer);
    }

    /// The name that is given, or an automatic one: by the layer's type and how many of it there are.
    fn name_of(&self, given: &str, layer: &LayerParameter) -> String {
        if !given.is_empty() {
            return given.into();
        }
        let kind = layer.r#type();
        let lower = kind.to_lowercase();
        let (stem, first) = match STEMS.iter().find(|(k, _)| *k == kind) {
            Some((_, stem)) => (*stem, format!("{stem}1")),
            None if kind.ends_with("Loss") => ("loss", "loss".into()),
            None if kind.ends_with("Data") || kind == "Input" => ("data", "data".into()),
            None => (lower.as_str(), format!("{lower}1")),
        };
        let taken = |name: &str| self.param.layer.iter().any(|l| l.name() == name);
        let of_kind = self.param.layer.iter().filter(|l| l.r#type() == kind).count();
        let numbered = |i: usize| if i == 1 { first.clone() } else { format!("{stem}{i}") };
        (of_kind + 1..).map(numbered).find(|name| !taken(name)).unwrap_or_default()
    }
}

/// The usual names of layers where they differ from the type's name.
#[rustfmt::skip]
const STEMS: &[(&str, &str)] = &[
    ("Convolution", "conv"), ("Deconvolution", "deconv"), ("Pooling", "pool"), ("InnerProduct", "ip"), ("LRN", "norm"),
    ("BatchNorm", "bn"), ("Dropout", "drop"), ("SoftmaxWithLoss", "loss"), ("Softmax", "prob"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Phase;

    #[test]
    fn automatic_names_find_free_numbers() {
        let mut n = NetSpec::new("names");
        let x = n.layer(AUTO, [], Input::new([1, 4, 8, 8]));
        n.layer("conv2", &x, Convolution::new(1, 1));
        n.layer(AUTO, &x, Convolution::new(1, 1));
        n.layer(AUTO, &x, Pooling::max(2, 2));
        n.layer(AUTO, &x, AbsVal::new());
        n.layer(AUTO, [&x, &x], EuclideanLoss::new());
        n.layer(AUTO, [&x, &x], HingeLoss::new());
        n.layer(AUTO, [&x, &x], EuclideanLoss::new());
        assert_eq!(n.layer_names(), ["data", "conv2", "conv3", "pool1", "absval1", "loss", "loss2", "loss3"]);
        assert!(n.to_param().is_ok());
    }

    #[test]
    fn what_cannot_be_is_said_with_the_layer() {
        let mut other = NetSpec::new("other");
        let foreign = other.layer("far", [], Input::new([1]));
        let mut n = NetSpec::new("n");
        let x = n.layer("x", [], Input::new([1]));
        n.layer("y", &foreign, Relu::new());
        let e = n.to_param().unwrap_err();
        assert_eq!((e.layer_name(), e.kind()), (Some("y"), Kind::Net));
        assert!(e.message().contains("\"far\""), "{e}");
        assert_eq!(n.top("z").unwrap_err().kind(), Kind::Unknown);
        assert_eq!(n.top("x").unwrap(), x);

        // One name in two phases is no clash; in one phase it is, and so is one blob of two layers.
        let mut n = NetSpec::new("n");
        let source = |phase| Input::new([1]).include(phase);
        let x = n.layer("x", [], source(Phase::Train));
        n.layer("x", [], source(Phase::Test));
        assert!(n.to_param().is_ok());
        n.layer("y", &x, Relu::new().exclude(Phase::Test));
        n.layer("y", &x, Relu::new().include(Rule::new().phase(Phase::Train).stage("fast")));
        assert_eq!(n.to_param().unwrap_err().layer_name(), Some("y"));
        let mut n = NetSpec::new("n");
        let x = n.layer("x", [], Input::new([1]));
        n.tops("a", &x, Relu::new(), ["y"]);
        n.tops("b", &x, Relu::new(), ["y"]);
        assert!(n.to_prototxt().unwrap_err().to_string().contains("layer \"a\" makes it too"));
    }
}
