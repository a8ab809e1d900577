//! `type: "Python"`: a layer of one's own, by the name that a Caffe prototxt gives it.
//!
//! ```text
//! layer { type: "Python"  python_param { module: "dice"  layer: "DiceLoss"  param_str: "smooth=1" } .. }
//! ```
//!
//! In Caffe that is the class DiceLoss of the Python module dice. Here it is the Rust layer that was added to
//! [`Layers`] as "dice.DiceLoss" or as "DiceLoss", and nothing in the prototxt needs to change. The layer gets the
//! whole message and finds its `param_str` in `param.python_param`.

use super::Layers;
use crate::layer::Layer;
use crate::proto::LayerParameter;
use crate::{Error, Kind, Result};

/// Makes the layer that `python_param` names.
///
/// # Errors
/// No name, or one that nobody has added.
pub(super) fn create(layers: &Layers, param: &LayerParameter) -> Result<Box<dyn Layer>> {
    let p = param.python_param.clone().unwrap_or_default();
    let (module, name) = (p.module(), p.layer());
    if name.is_empty() {
        return Err(Error::value("a Python layer needs the name of a layer").field("python_param.layer").hint(
            "python_param { layer: \"Name\" } finds the Rust layer that layers.add::<Name>(\"Name\") registered",
        ));
    }
    let full = format!("{module}.{name}");
    match layers.find(&full).or_else(|| layers.find(name)) {
        Some(create) => create(param),
        None => {
            let names = if module.is_empty() { format!("\"{name}\"") } else { format!("\"{name}\" or \"{full}\"") };
            Err(Error::new(Kind::Unknown, format!("no layer is registered as {names}"))
                .field("python_param.layer")
                .did_you_mean(name, layers.names())
                .hint(format!("write the layer in Rust, and register it with layers.add::<{name}>(\"{name}\")")))
        }
    }
}
