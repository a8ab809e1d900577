//! The parameter store: every learnable blob of a net once, however many layers use it.
//!
//! Layers that name a parameter alike, `param { name: "w" }`, share one entry; its diff is then the sum of what each
//! layer adds. The store can be lent to another net, entry by entry, by swapping pointers.

use crate::filler::Filler;
use crate::layer::Param;
use crate::proto::{ParamSpec, param_spec::DimCheckMode};
use crate::{Blob, Error, Kind, Result};

/// What is known of one entry besides its values.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The name of the layer that made it.
    pub layer: String,
    /// Which of that layer's blobs it is, from 0.
    pub index: usize,
    /// The name under which layers share it; empty if it has none.
    pub name: String,
    /// Multiplies the solver's learning rate; 0 for an entry that is not trained.
    pub lr_mult: f32,
    /// Multiplies the solver's weight decay; 0 for none.
    pub decay_mult: f32,
    /// It gets no gradient: lr_mult is 0 and nothing forces backward.
    pub(crate) frozen: bool,
    /// See [`Param::unfilled`].
    pub(crate) unfilled: Option<&'static str>,
    /// What its first values are drawn by, unless they were drawn or copied already.
    pub(crate) filler: Option<Filler>,
    given: ParamSpec,
}

impl Spec {
    pub(super) fn new(layer: &str, index: usize, given: ParamSpec, made: &Param) -> Spec {
        Spec {
            layer: layer.into(),
            index,
            name: given.name().into(),
            lr_mult: given.lr_mult.unwrap_or(made.lr_mult),
            decay_mult: given.decay_mult.unwrap_or(made.decay_mult),
            frozen: false,
            unfilled: made.unfilled,
            filler: made.filler.clone(),
            given,
        }
    }
}

/// The learnable blobs of a net, in the order in which its layers made them.
#[derive(Default, Debug)]
pub struct Params {
    pub(crate) blobs: Vec<Blob>,
    pub(crate) specs: Vec<Spec>,
}

impl Params {
    /// The number of entries; one that several layers share counts once.
    pub fn len(&self) -> usize {
        self.blobs.len()
    }

    /// Whether no layer of the net made a parameter.
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// Each entry's blob and what is known of it.
    pub fn iter(&self) -> impl Iterator<Item = (&Blob, &Spec)> {
        self.blobs.iter().zip(&self.specs)
    }

    /// Each entry's blob, to be changed, and what is known of it.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&mut Blob, &Spec)> {
        self.blobs.iter_mut().zip(&self.specs)
    }

    /// Entry `i`.
    pub fn get(&self, i: usize) -> Option<(&Blob, &Spec)> {
        Some((self.blobs.get(i)?, &self.specs[i]))
    }

    /// All values of all entries.
    pub fn count(&self) -> usize {
        self.blobs.iter().map(Blob::count).sum()
    }

    /// Adds an entry, or finds the one of the same name. Gives its number.
    ///
    /// # Errors
    /// A shared parameter whose shapes or multipliers disagree.
    pub(super) fn add(&mut self, blob: Blob, spec: Spec) -> Result<usize> {
        let shared = self.specs.iter().position(|s| !s.name.is_empty() && s.name == spec.name);
        let Some(id) = shared else {
            self.blobs.push(blob);
            self.specs.push(spec);
            return Ok(self.blobs.len() - 1);
        };
        let (owner, kept) = (&mut self.specs[id], &self.blobs[id]);
        let permissive = spec.given.share_mode() == DimCheckMode::Permissive;
        if kept.shape() != blob.shape() && !(permissive && kept.count() == blob.count()) {
            let (name, maker, here, there) = (&spec.name, &owner.layer, blob.shape(), kept.shape());
            let message = format!(
                "parameter \"{name}\" has shape {here:?} here and {there:?} in layer \"{maker}\", which made it"
            );
            return Err(Error::shape(message)
                .hint("shared parameters need one shape, or equal counts with share_mode: PERMISSIVE"));
        }
        for (what, first, here, value) in [
            ("lr_mult", owner.given.lr_mult, spec.given.lr_mult, &mut owner.lr_mult),
            ("decay_mult", owner.given.decay_mult, spec.given.decay_mult, &mut owner.decay_mult),
        ] {
            match (first, here) {
                (Some(a), Some(b)) if a != b => {
                    let message =
                        format!("parameter \"{}\" has {what} {b} here and {a} in \"{}\"", spec.name, owner.layer);
                    return Err(Error::new(Kind::Net, message).hint("give it in one place, or alike"));
                }
                (None, Some(b)) => *value = b,
                _ => {}
            }
        }
        owner.given.lr_mult = owner.given.lr_mult.or(spec.given.lr_mult);
        owner.given.decay_mult = owner.given.decay_mult.or(spec.given.decay_mult);
        Ok(id)
    }
}
