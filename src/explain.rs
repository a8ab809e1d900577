//! Where a blob comes from: its writers and readers, the origin of its shape, and whether a gradient reaches it.
//!
//! ```
//! use cortado::{Net, Phase};
//! let net = Net::from_prototxt(r#"
//!     layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 1 dim: 28 dim: 28 } } }
//!     layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
//!             convolution_param { num_output: 20 kernel_size: 5 } }
//! "#, Phase::Test)?;
//! let told = net.explain("conv1")?.to_string();
//! assert!(told.contains("(28 + 2*0 - 5)/1 + 1 = 24"));
//! assert!(told.contains("kernel_size: 5"));
//! # Ok::<(), cortado::Error>(())
//! ```

mod multiply_adds;
mod receptive_field;
pub mod why_zero;

pub use receptive_field::ReceptiveField;
pub use why_zero::{Cause, WhyZero};

use crate::Result;
use crate::error::Place;
use crate::net::Net;

/// What [`Net::explain`] reports about a blob.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation {
    /// The blob's name.
    pub blob: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The layer that makes version 0, then the in-place layers, each of which makes the next version.
    pub writers: Vec<LayerOf>,
    /// What its maker reads, with the shapes.
    pub made_of: Vec<(String, Vec<usize>)>,
    /// The layers that read its last version.
    pub readers: Vec<LayerOf>,
    /// The Split that copies it, if several layers read it.
    pub split: Option<String>,
    /// How the shape follows from what the maker reads.
    pub arithmetic: Option<String>,
    /// The fields on which the shape depends, where they are given.
    pub fields: Vec<Place>,
    /// Its weight in the objective.
    pub loss_weight: f32,
    /// Why backward never reaches it; none if it does.
    pub unreached: Option<WhyZero>,
}

/// A layer in an [`Explanation`].
#[derive(Clone, PartialEq, Debug)]
pub struct LayerOf {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Where it stands in the prototxt.
    pub place: Option<Place>,
}

impl Net {
    /// Explains where the blob comes from and where it goes.
    ///
    /// # Errors
    /// There is no such blob.
    pub fn explain(&self, blob: &str) -> Result<Explanation> {
        let versions = self.versions(blob)?;
        let steps_of = |ids: &[usize], of: &dyn Fn(usize) -> Option<(usize, usize)>| -> Vec<usize> {
            ids.iter().filter_map(|&id| of(id).map(|(n, _)| n)).collect()
        };
        let writers = steps_of(&versions.ids, &|id| self.writer(id));
        let last = versions.ids.last().copied().unwrap_or(0);
        let reader = self.reader(last).map(|(n, _)| n);
        let split = reader.filter(|&n| self.steps[n].kind == "Split");
        let readers = match split {
            Some(n) => steps_of(&self.steps[n].top, &|id| self.reader(id)),
            None => reader.into_iter().collect(),
        };
        let weight =
            split.into_iter().flat_map(|n| &self.steps[n].loss_weight).fold(self.weight_of(versions), |a, b| a + b);
        let mut told = Explanation {
            blob: blob.into(),
            shape: self.blobs[last].shape().to_vec(),
            writers: writers.iter().map(|&n| self.layer_of(n)).collect(),
            made_of: Vec::new(),
            readers: readers.iter().map(|&n| self.layer_of(n)).collect(),
            split: split.map(|n| self.steps[n].name.clone()),
            arithmetic: None,
            fields: Vec::new(),
            loss_weight: weight,
            unreached: self.why_not_reached(versions.ids.first().copied().unwrap_or(0))?,
        };
        if let Some(maker) = writers.first().map(|&n| &self.steps[n]) {
            let shapes: Vec<&[usize]> = maker.bottom.iter().map(|&b| self.blobs[b].shape()).collect();
            let names = self.names_of(&maker.bottom);
            told.made_of = names.iter().zip(&shapes).map(|(name, shape)| (name.to_string(), shape.to_vec())).collect();
            if let Some(sum) = maker.layer.shape_arithmetic(&shapes) {
                let place = |field: &&str| self.source.place(&format!("layer[{}].{field}", maker.origin));
                told.fields = sum.fields.iter().filter_map(place).collect();
                told.arithmetic = Some(sum.text);
            }
        }
        Ok(told)
    }

    fn layer_of(&self, n: usize) -> LayerOf {
        let step = &self.steps[n];
        let place = self.source.place(&format!("layer[{}]", step.origin));
        LayerOf { name: step.name.clone(), kind: step.kind.clone(), place }
    }
}
