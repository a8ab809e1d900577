//! Upgrades nets and solvers in Caffe's old formats.
//!
//! Caffe's format has changed three times. All old forms are still understood:
//!
//! | old | new | done by |
//! |------|-----|---------|
//! | `layers { layer { type: "conv" num_output: 4 } }`, "padding" layers | V1: `convolution_param { pad: ... }` | `v0` |
//! | `layers { type: CONVOLUTION blobs_lr: 1 weight_decay: 1 }` | `layer { type: "Convolution" param { ... } }` | `v1` |
//! | in `layers`: `data_param { scale: ... mirror: ... }` | `transform_param { ... }` | `transform` |
//! | `input: "data" input_dim: 1 ...` | `layer { type: "Input" }` | `input` |
//! | three `param { }` in a BatchNorm layer | with `lr_mult: 0 decay_mult: 0`: its blobs are not learned | `batch_norm` |
//! | `solver_type: ADAGRAD` | `type: "AdaGrad"` | [`solver`] |
//!
//! ```
//! use cortado::proto::{NetParameter, text};
//! let old = "input: 'data' input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8 layers { name: 'prob' type: SOFTMAX }";
//! let mut net = text::parse::<NetParameter>(old, "old.prototxt")?;
//! let notes = net.upgrade()?;
//! assert_eq!(notes.len(), 2);
//! assert_eq!(net.message.layer[0].r#type(), "Input");
//! assert_eq!(net.message.layer[1].r#type(), "Softmax");
//! assert_eq!(net.source.place("layer[1].type").unwrap().width, "type: SOFTMAX".len());
//! # Ok::<(), cortado::Error>(())
//! ```

mod v0;
mod v1;

use super::BlobShape;
use super::caffe::solver_parameter::SolverType;
use super::caffe::{InputParameter, LayerParameter, NetParameter, SolverParameter, V1LayerParameter};
use super::source::{Node, SourceMap};
use super::text::Parsed;
use crate::error::{Error, Kind, Result};

/// Upgrades a net; returns a sentence about each change.
///
/// # Errors
/// An old field has no meaning for its layer's type, or old and new fields contradict each other.
pub fn net(param: &mut NetParameter) -> Result<Vec<String>> {
    net_at(param, &mut SourceMap::default(), "")
}

/// Upgrades a solver and the nets inside it.
pub fn solver(param: &mut SolverParameter) -> Result<Vec<String>> {
    solver_at(param, &mut SourceMap::default())
}

impl Parsed<NetParameter> {
    /// [`net`], with a source map that follows the layers.
    pub fn upgrade(&mut self) -> Result<Vec<String>> {
        net_at(&mut self.message, &mut self.source, "")
    }
}

impl Parsed<SolverParameter> {
    /// [`solver`], with a source map that follows.
    pub fn upgrade(&mut self) -> Result<Vec<String>> {
        solver_at(&mut self.message, &mut self.source)
    }
}

pub(crate) fn solver_at(param: &mut SolverParameter, source: &mut SourceMap) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    if let Some(old) = param.solver_type {
        let name = match SolverType::try_from(old) {
            Ok(SolverType::Sgd) => "SGD",
            Ok(SolverType::Nesterov) => "Nesterov",
            Ok(SolverType::Adagrad) => "AdaGrad",
            Ok(SolverType::Rmsprop) => "RMSProp",
            Ok(SolverType::Adadelta) => "AdaDelta",
            Ok(SolverType::Adam) => "Adam",
            Err(_) => return Err(Error::new(Kind::Unknown, format!("there is no solver_type {old}"))),
        };
        if param.r#type.is_some() {
            let e = Error::value("a solver has either `type` or the old `solver_type`, not both").field("solver_type");
            return Err(source.locate(e, "").hint("keep `type`"));
        }
        param.solver_type = None;
        param.r#type = Some(name.to_owned());
        let node = source.inside_mut("").and_then(|nodes| nodes.iter_mut().find(|n| n.name == "solver_type"));
        if let Some(node) = node {
            node.name = "type";
        }
        notes.push(format!("the old field `solver_type` became `type: \"{name}\"`"));
    }
    for (net, path) in [(&mut param.net_param, "net_param"), (&mut param.train_net_param, "train_net_param")] {
        if let Some(net) = net {
            notes.extend(net_at(net, source, path)?);
        }
    }
    for (i, net) in param.test_net_param.iter_mut().enumerate() {
        notes.extend(net_at(net, source, &format!("test_net_param[{i}]"))?);
    }
    Ok(notes)
}

/// Upgrades the net that the source map has at `path`.
pub(crate) fn net_at(param: &mut NetParameter, source: &mut SourceMap, path: &str) -> Result<Vec<String>> {
    let mut none = Vec::new();
    let nodes = source.inside_mut(path).unwrap_or(&mut none);
    let mut notes = Vec::new();
    let done = steps(param, nodes, &mut notes);
    done.map_err(|e| source.locate(e, path))?;
    Ok(notes)
}

fn steps(param: &mut NetParameter, nodes: &mut Vec<Node>, notes: &mut Vec<String>) -> Result {
    v0::upgrade(param, nodes, notes)?;
    transform(param, notes)?;
    v1::upgrade(param, nodes, notes)?;
    input(param, nodes, notes)?;
    batch_norm(param, notes);
    Ok(())
}

/// Scale, mean, crop and mirror were once fields of each data layer. Caffe ignores these fields in a `layer { }`.
fn transform(param: &mut NetParameter, notes: &mut Vec<String>) -> Result {
    for (i, layer) in param.layers.iter_mut().enumerate() {
        let name = layer.name().to_owned();
        let V1LayerParameter { transform_param, data_param, image_data_param, window_data_param, .. } = layer;
        let old = [
            data_param.as_mut().map(|p| (&mut p.scale, &mut p.mean_file, &mut p.crop_size, &mut p.mirror)),
            image_data_param.as_mut().map(|p| (&mut p.scale, &mut p.mean_file, &mut p.crop_size, &mut p.mirror)),
            window_data_param.as_mut().map(|p| (&mut p.scale, &mut p.mean_file, &mut p.crop_size, &mut p.mirror)),
        ];
        let mut new = transform_param.clone().unwrap_or_default();
        let mut moved = Vec::new();
        for (params, old) in ["data_param", "image_data_param", "window_data_param"].iter().zip(old) {
            let Some((scale, mean_file, crop_size, mirror)) = old else { continue };
            for (field, done) in [
                ("scale", move_value(scale, &mut new.scale)),
                ("mean_file", move_value(mean_file, &mut new.mean_file)),
                ("crop_size", move_value(crop_size, &mut new.crop_size)),
                ("mirror", move_value(mirror, &mut new.mirror)),
            ] {
                let path = format!("{params}.{field}");
                match done {
                    Some(true) => moved.push(path),
                    Some(false) => {
                        let e = Error::value(format!("`{field}` is set here and in `transform_param`")).layer(name);
                        return Err(e.field(format!("layers[{i}].{path}")).hint("keep the one in `transform_param`"));
                    }
                    None => {}
                }
            }
        }
        if !moved.is_empty() {
            notes.push(format!("layer \"{name}\": {} moved to `transform_param`", moved.join(", ")));
            *transform_param = Some(new);
        }
    }
    Ok(())
}

/// Moves a value if it is set; returns false if the new field is set already.
fn move_value<T>(old: &mut Option<T>, new: &mut Option<T>) -> Option<bool> {
    let free = new.is_none();
    old.take().map(|value| {
        if free {
            *new = Some(value);
        }
        free
    })
}

/// Inputs were once fields of the net; now they are the tops of an Input layer, the net's first.
fn input(param: &mut NetParameter, nodes: &mut Vec<Node>, notes: &mut Vec<String>) -> Result {
    if param.input.is_empty() {
        return Ok(());
    }
    let (inputs, shapes, dims) = (param.input.len(), param.input_shape.len(), param.input_dim.len());
    let made = |name: &String| param.layer.iter().any(|l| l.top.contains(name));
    if (shapes, dims) == (0, 0) && (param.layer.iter().any(|l| !l.blobs.is_empty()) || param.input.iter().all(made)) {
        // A file of weights, or a net with an Input layer as well; Caffe drops the names alike.
        param.input.clear();
        notes.push("the net's old `input` fields have no shapes and were left out".to_owned());
        return Ok(());
    }
    let shape = match (shapes, dims) {
        (s, 0) if s == inputs => std::mem::take(&mut param.input_shape),
        (0, d) if Some(d) == inputs.checked_mul(4) => {
            let dims = param.input_dim.chunks(4);
            dims.map(|four| BlobShape { dim: four.iter().map(|d| (*d).into()).collect() }).collect()
        }
        _ => {
            let needs = match inputs {
                1 => "one `input` needs one `input_shape`, or four `input_dim`".to_owned(),
                n => format!("{n} `input` need as many `input_shape`, or four `input_dim` each"),
            };
            let why = format!("{needs}; there are {shapes} and {dims}");
            let hint = "better: a layer of type \"Input\" with input_param { shape { dim: .. } }";
            return Err(Error::shape(why).field("input").hint(hint));
        }
    };
    param.input_dim.clear();
    let layer = LayerParameter {
        name: Some("input".to_owned()),
        r#type: Some("Input".to_owned()),
        top: std::mem::take(&mut param.input),
        input_param: Some(InputParameter { shape }),
        ..Default::default()
    };
    param.layer.insert(0, layer);
    nodes.iter_mut().filter(|n| n.name == "layer").for_each(|n| n.index += 1);
    if let Some(span) = nodes.iter().find(|n| n.name == "input").map(|n| n.span) {
        nodes.push(Node { name: "layer", index: 0, count: 1, span, fields: Vec::new() });
    }
    notes.push("the net's old `input` fields became a layer \"input\" of type Input".to_owned());
    Ok(())
}

/// Old BatchNorm layers needed three `param { lr_mult: 0 }` so that no solver changed their statistics. Now the layer
/// itself sees to that; the three `param` are set to agree.
fn batch_norm(param: &mut NetParameter, notes: &mut Vec<String>) {
    for layer in param.layer.iter_mut().filter(|l| l.r#type() == "BatchNorm" && l.param.len() == 3) {
        let before = layer.param.clone();
        for spec in &mut layer.param {
            (spec.lr_mult, spec.decay_mult) = (Some(0.0), Some(0.0));
        }
        if layer.param != before {
            notes.push(format!("layer \"{}\": lr_mult and decay_mult of the old BatchNorm became 0", layer.name()));
        }
    }
}
