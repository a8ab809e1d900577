//! Wiring: from layer descriptions to steps that know which blobs and parameters they use.

use super::{Net, Planned, Step, Versions};
use crate::error::caught;
use crate::layer::{Cx, Param};
use crate::net::params::Spec;
use crate::{Blob, Error, Kind, Result};

/// The name of a loss's top if the prototxt gives it none.
const AUTOMATIC: &str = "(automatic)";

/// Whether the net made up this blob's name.
pub(super) fn is_automatic(name: &str) -> bool {
    name.starts_with(AUTOMATIC)
}

impl Net {
    /// Adds a layer as the next step: finds its bottoms, makes its tops, sets it up and shapes its tops.
    pub(super) fn wire(&mut self, planned: Planned) -> Result {
        let Planned { origin, name, mut param, layer } = planned;
        let kind = param.r#type().to_string();
        let arity = layer.arity();
        while arity.auto_top && param.top.len() < *arity.top.start() {
            let taken = self.index.contains_key(AUTOMATIC);
            param.top.push(if taken { format!("{AUTOMATIC} {name}") } else { AUTOMATIC.into() });
        }
        arity.check(&kind, param.bottom.len(), param.top.len())?;
        let bottom =
            param.bottom.iter().enumerate().map(|(i, b)| self.find_bottom(i, b)).collect::<Result<Vec<_>>>()?;
        for (i, down) in param.propagate_down.iter().enumerate() {
            if *down && !layer.propagates(i) {
                return Err(Error::new(
                    Kind::Net,
                    format!("{kind} has no gradient for its bottom \"{}\"", param.bottom[i]),
                )
                .field("propagate_down")
                .hint("a label or an index is not differentiable; set propagate_down: false for it"));
            }
        }
        let mut top = Vec::with_capacity(param.top.len());
        for (i, t) in param.top.iter().enumerate() {
            if self.index.contains_key(t) && !param.bottom.contains(t) {
                // A bottom that others read too is a top of a Split by now.
                let split = self.steps.iter().filter(|s| s.kind == "Split" && s.param.bottom[0] == *t);
                let shared = split.flat_map(|s| &s.param.top).any(|copy| param.bottom.contains(copy));
                let message = format!("top \"{t}\" is already made by layer \"{}\"", self.maker(t));
                let e = Error::new(Kind::Net, message).field(format!("top[{i}]"));
                return Err(e.hint(match shared {
                    true => {
                        "other layers read this blob too, so it cannot be computed in place: give the top its own name"
                    }
                    false => "give the blob another name, or name it as a bottom too to compute in place",
                }));
            }
            if param.top[..i].contains(t) {
                let e = Error::new(Kind::Net, format!("two tops are called \"{t}\"")).field(format!("top[{i}]"));
                return Err(e.hint("give each top a name of its own"));
            }
            top.push(self.new_version(t));
        }
        let loss_weight = (0..top.len()).map(|t| planned_weight(&param.loss_weight, &*layer, t)).collect();
        self.steps.push(Step {
            origin,
            propagate_down: vec![false; bottom.len()],
            asked_down: param.propagate_down.clone(),
            runs_backward: false,
            forward_at: 0,
            backward_at: 0,
            seeded: vec![usize::MAX; top.len()],
            params: Vec::new(),
            shapes: Vec::new(),
            lent: Default::default(),
            param,
            name,
            kind,
            layer,
            bottom,
            top,
            loss_weight,
        });
        self.set_up_last()
    }

    fn find_bottom(&self, i: usize, name: &str) -> Result<usize> {
        match self.index.get(name) {
            Some(&n) => Ok(*self.names[n].ids.last().unwrap_or(&0)),
            None => Err(Error::new(Kind::Net, format!("bottom \"{name}\" is made by no layer before this one"))
                .field(format!("bottom[{i}]"))
                .did_you_mean(name, self.names.iter().map(|v| v.name.as_str()))
                .hint(match self.names.is_empty() {
                    true => "there are no blobs yet: the first layer must make some".into(),
                    false => format!("the blobs so far are {}", self.blob_names().join(", ")),
                })),
        }
    }

    /// The layer that makes the blob called `name`.
    pub(crate) fn maker(&self, name: &str) -> &str {
        let step = self.steps.iter().find(|s| s.param.top.iter().any(|t| t == name));
        step.map_or("?", |s| &s.name)
    }

    /// A new blob under `name`: its first version, or one more if a layer computes in place.
    fn new_version(&mut self, name: &str) -> usize {
        let id = self.blobs.len();
        self.blobs.push(Blob::default());
        let n = *self.index.entry(name.to_string()).or_insert_with(|| {
            self.names.push(Versions { name: name.to_string(), ..Versions::default() });
            self.names.len() - 1
        });
        self.owner.push(n);
        let versions = &mut self.names[n];
        versions.ids.push(id);
        (versions.data, versions.diff) = (id, id);
        id
    }

    /// Calls setup and reshape of the newest step and stores the parameters that it made.
    fn set_up_last(&mut self) -> Result {
        let i = self.steps.len() - 1;
        let Net { steps, blobs, phase, seed, device, folder, .. } = self;
        let folder = folder.as_deref();
        let cx = Cx { seed: *seed, folder, ..Cx::new(steps[i].phase(*phase), device) };
        let step = &mut steps[i];
        step.borrow_blobs(blobs);
        let shaped = caught("its code", || {
            let made = step.layer.setup(&cx, &step.lent.bottom)?;
            step.layer.reshape(&step.lent.bottom, &mut step.lent.top).map(|()| made)
        });
        step.return_blobs(blobs);
        let mut made = shaped?;
        step.fill_loss_diffs(blobs);
        if step.param.param.len() > made.len() {
            let (kind, blobs, given) = (&step.kind, made.len(), step.param.param.len());
            let message = format!("{kind} has {blobs} learnable blobs and {given} `param {{ }}`");
            let e = Error::new(Kind::Net, message).field(format!("param[{}]", made.len()));
            return Err(e.hint("give one `param { }` for each learnable blob, in their order, or fewer"));
        }
        fill_inline(&step.param, &mut made)?;
        for (k, made) in made.into_iter().enumerate() {
            let (layer, given) = (self.steps[i].name.clone(), self.steps[i].param.param.get(k).cloned());
            let spec = Spec::new(&layer, k, given.unwrap_or_default(), &made);
            self.steps[i].shapes.push(made.blob.shape().to_vec());
            let id = self.params.add(made.blob, spec).map_err(|e| e.field(format!("param[{k}]")))?;
            if self.steps[i].params.contains(&id) {
                let message = "one layer names one parameter twice";
                let e = Error::new(Kind::Net, message).field(format!("param[{k}].name"));
                return Err(e.hint("parameters of one name are shared between layers: give each of a layer's its own"));
            }
            self.steps[i].params.push(id);
        }
        Ok(())
    }
}

/// Lists that must be as long as the bottoms or tops, if they are given.
pub(super) fn check_lists(param: &crate::proto::LayerParameter, arity: &crate::layer::Arity) -> Result {
    let tops = if arity.auto_top { param.top.len().max(*arity.top.start()) } else { param.top.len() };
    let lists = [
        ("loss_weight", param.loss_weight.len(), "top", tops),
        ("propagate_down", param.propagate_down.len(), "bottom", param.bottom.len()),
    ];
    for (list, given, of, wanted) in lists {
        if given != 0 && given != wanted {
            let message = format!("{given} values of {list} for {wanted} {of}s");
            return Err(Error::new(Kind::Net, message).field(list).hint(format!("give none, or one for each {of}")));
        }
    }
    match param.loss_weight.iter().find(|w| !w.is_finite()) {
        Some(w) => Err(Error::value(format!("loss_weight {w} is not a finite number"))
            .field("loss_weight")
            .hint("a loss_weight is what the top counts in the objective: 1, for example")),
        None => Ok(()),
    }
}

/// The weight of top `t` in the objective, by the prototxt or else by the layer.
pub(super) fn planned_weight(given: &[f32], layer: &dyn crate::Layer, t: usize) -> f32 {
    if given.is_empty() { layer.loss_weight(t) } else { given.get(t).copied().unwrap_or(0.0) }
}

/// Values given in the prototxt itself, `blobs { .. }`, take the place of the fillers'.
fn fill_inline(param: &crate::proto::LayerParameter, made: &mut [Param]) -> Result {
    if param.blobs.is_empty() {
        return Ok(());
    }
    if param.blobs.len() != made.len() {
        let message = format!("{} `blobs {{ }}` for {} learnable blobs", param.blobs.len(), made.len());
        return Err(Error::new(Kind::Weights, message).field("blobs").hint("give one for each, or none"));
    }
    for (k, (proto, made)) in param.blobs.iter().zip(made).enumerate() {
        crate::proto::stored::from_proto(proto, &mut made.blob).map_err(|e| e.field(format!("blobs[{k}]")))?;
        made.filler = None;
    }
    Ok(())
}
