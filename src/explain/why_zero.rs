//! Why a gradient is zero: a walk from the blob up to the loss finds the first reason.
//!
//! ```
//! use cortado::{Net, Phase, explain::why_zero::Cause};
//! let mut net = Net::from_prototxt(r#"
//!     layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 } } }
//!     layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
//!             inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
//!     layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
//! "#, Phase::Test)?;
//! net.forward()?;
//! net.backward()?;
//! let why = net.why_zero("data")?;
//! assert_eq!(why.cause, Cause::NotAsked { frozen: false, loss: false });
//! assert!(why.to_string().contains("force_backward: true"));
//! # Ok::<(), cortado::Error>(())
//! ```

mod walk;

use crate::error::Place;
use crate::net::debug::mean_size;
use crate::net::{Net, Step};
use crate::{Error, Kind, Result};
use walk::{Found, Walk};

/// The first reason why a gradient is zero.
#[derive(Clone, PartialEq, Debug)]
pub enum Cause {
    /// It is not: the mean of |diff| is `size`.
    NotZero {
        /// The mean of |diff|.
        size: f32,
    },
    /// It is not, but the layer passed on almost nothing of its upstream gradient.
    Vanishes {
        /// The mean of |diff| that the layer passed on.
        size: f32,
        /// The mean of |diff| of its upstream gradient.
        got: f32,
    },
    /// No layer up to there has a parameter that learns, and nothing forces backward.
    NotAsked {
        /// There are parameters, all with lr_mult 0.
        frozen: bool,
        /// Some top of the net counts in the objective.
        loss: bool,
    },
    /// The parameter's lr_mult is 0.
    Frozen,
    /// The way up ends in a blob without weight in the objective.
    NoLoss,
    /// The layer is a loss, and its loss_weight is 0.
    LossWeightZero,
    /// Backward ran, but nobody put a gradient into the blob in which the way up ends.
    NotSeeded,
    /// The layer has `propagate_down: false` for the blob.
    PropagateDown,
    /// The layer has no gradient for the blob: it is a label, or the layer an Accuracy or a Silence.
    NoGradient,
    /// Backward has not run since the last forward.
    NotRun {
        /// Forward has run, at least.
        forward: bool,
    },
    /// A range of backward began below.
    BeganBelow {
        /// The layer at which it began.
        began: String,
    },
    /// A range of backward ended above.
    EndedAbove {
        /// The layer at which it ended.
        ended: String,
    },
    /// The diff was cleared, or written by hand, after backward.
    Cleared,
    /// Units that are 0 and let nothing through: dead ReLUs.
    Dead {
        /// The share of all units, 0 to 1.
        share: f32,
    },
    /// Saturated units, whose slope is 0, as in a Sigmoid.
    Saturated {
        /// The share of all units, 0 to 1.
        share: f32,
    },
    /// The layer's weights are all 0.
    ZeroWeights,
    /// The blob's data are one value everywhere.
    Constant {
        /// The value.
        value: f32,
        /// A data layer overwrote the values that were put there by hand.
        overwritten: bool,
    },
    /// The loss is 0: there is nothing to be learned from this batch.
    LossIsZero,
    /// The layer received an upstream gradient and passed nothing on.
    Swallowed {
        /// The mean of |diff| of its upstream gradient.
        size: f32,
    },
}

/// What [`Net::why_zero`] found. It prints as one sentence with the cause and one with the remedy.
#[derive(Clone, PartialEq, Debug)]
pub struct WhyZero {
    /// What was asked about.
    pub of: String,
    /// Why it is zero.
    pub cause: Cause,
    /// The blob at which the cause was found.
    pub blob: String,
    /// The layer at which the cause was found.
    pub layer: String,
    /// That layer's type.
    pub kind: String,
    /// Where the layer stands in the prototxt.
    pub place: Option<Place>,
}

impl Net {
    /// Why the diff of a blob is zero: the first cause on the way from it to the loss.
    ///
    /// # Errors
    /// There is no such blob, or values on the way were not kept.
    pub fn why_zero(&self, blob: &str) -> Result<WhyZero> {
        let id = self.versions(blob)?.diff;
        self.has_diff(id)?;
        let of = format!("the diff of \"{blob}\"");
        let size = mean_size(&self.blobs[id].diff);
        let found = match size == 0.0 {
            true => Walk::new(self, true).blob(id)?,
            false => Walk::new(self, true)
                .vanishing(id)
                .or_else(|| Some(Found { id, step: self.neighbour(id), cause: Cause::NotZero { size } })),
        };
        self.tell(of, found)
    }

    /// Why the gradient of learnable blob `i` of a layer is zero.
    ///
    /// # Errors
    /// There is no such parameter, or values on the way were not kept.
    pub fn why_zero_param(&self, layer: &str, i: usize) -> Result<WhyZero> {
        let (n, p) = (self.step(layer)?, self.param_id(layer, i)?);
        let of = format!("the gradient of parameter {i} of layer \"{layer}\"");
        let id = self.steps[n].top.first().or(self.steps[n].bottom.first()).copied().unwrap_or(0);
        let size = mean_size(&self.params.blobs[p].diff);
        let found = match size == 0.0 {
            true => Walk::new(self, true).param(n, p)?,
            false => Some(Found { id, step: n, cause: Cause::NotZero { size } }),
        };
        self.tell(of, found)
    }

    /// Why backward never reaches version `id`, whatever the values; none if it does.
    pub(crate) fn why_not_reached(&self, id: usize) -> Result<Option<WhyZero>> {
        let of = format!("the diff of \"{}\"", self.names[self.owner[id]].name);
        match Walk::new(self, false).blob(id)? {
            None => Ok(None),
            found => self.tell(of, found).map(Some),
        }
    }

    fn tell(&self, of: String, found: Option<Found>) -> Result<WhyZero> {
        self.device.check()?; // values that were not read well explain nothing
        let Some(Found { id, step, cause }) = found else {
            return Err(Error::new(Kind::Net, format!("nothing tells why {of} is zero")));
        };
        let Step { name, kind, origin, .. } = &self.steps[step];
        let blob = self.names[self.owner[id]].name.clone();
        let place = self.source.place(&format!("layer[{origin}]"));
        Ok(WhyZero { of, cause, blob, layer: name.clone(), kind: kind.clone(), place })
    }

    fn neighbour(&self, id: usize) -> usize {
        self.reader(id).or(self.writer(id)).map_or(0, |(n, _)| n)
    }
}
