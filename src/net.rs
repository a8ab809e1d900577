//! The net: layers in order, the blobs between them, and one store of parameters.
//!
//! Building a net is four steps, each a file: [`filter`] keeps the layers of the phase, `splits` makes fan-out
//! explicit, `wire` finds blobs and sets the layers up, `mark` says who runs backward. To run a layer, the net *lends*
//! it the blobs: they are moved into the step's own vectors, and put back whatever happens.
//!
//! A layer that computes in place makes a new *version* of its blob. Under a name, `data` is the version that forward
//! wrote last and `diff` the one that backward (or you) wrote last: what Caffe's one buffer would hold.
//!
//! ```
//! use cortado::{Net, Phase};
//! let text = r#"
//!     layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
//!     layer { name: "relu" type: "ReLU" bottom: "x" top: "y" }
//! "#;
//! let mut net = Net::from_prototxt(text, Phase::Test)?;
//! net.data_mut("x")?.assign(&ndarray::array![[-1.0, 0.0, 1.0], [2.0, -2.0, 0.0]])?;
//! net.forward()?;
//! assert_eq!(net.data("y")?.slice(), [0.0, 0.0, 1.0, 2.0, 0.0, 0.0]);
//! # Ok::<(), cortado::Error>(())
//! ```

mod build;
pub(crate) mod debug;
pub mod filter;
mod inputs;
mod keep;
mod mark;
mod mistakes;
mod names;
mod params;
mod range;
pub(crate) mod replay;
mod run;
mod splits;
mod through_host;
mod versions;
pub(crate) mod view;
pub mod weights;
mod wire;

pub use build::Builder;
pub(crate) use build::setters;
pub use inputs::Input;
pub use keep::Keep;
pub use params::{Params, Spec};
pub use run::Outputs;
pub use weights::CopyReport;

use crate::layer::{Layer, Phase};

use crate::error::caught;
use crate::proto::{LayerParameter, NetParameter, SourceMap};
use crate::{Blob, Device, Error, Log, Result};
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

/// A net. See the [module](self).
pub struct Net {
    pub(crate) name: String,
    pub(crate) phase: Phase,
    pub(crate) device: Device,
    pub(crate) seed: u64,
    /// The number of the present pass, and of the next.
    pub(crate) pass: u64,
    pub(crate) next_pass: u64,
    pub(crate) log: Log,
    pub(crate) debug_info: bool,
    pub(crate) source: SourceMap,
    /// The folder of the prototxt, if the net came from a file.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) steps: Vec<Step>,
    /// All versions of all blobs, and the entry of `names` that each belongs to.
    pub(crate) blobs: Vec<Blob>,
    pub(crate) owner: Vec<usize>,
    pub(crate) names: Vec<Versions>,
    pub(crate) index: HashMap<String, usize>,
    pub(crate) params: Params,
    keeper: keep::Keeper,
    /// The warnings that are given once.
    warned: HashSet<String>,
    /// Whether it was said which layers have no kernels.
    pub(crate) fallback_reported: bool,
    /// On a GPU: the recorded pass.
    recorder: replay::Recorder,
    /// Counts what happens, so that it can be told what was first.
    pub(crate) clock: u64,
    /// When the parameters' diffs were cleared.
    pub(crate) cleared_at: u64,
}

/// A layer in its place in a net.
pub(crate) struct Step {
    /// Its place in the prototxt.
    pub(crate) origin: usize,
    /// The name by which it is looked up. Layers may share a name in the prototxt: the second is `name[1]` here.
    pub(crate) name: String,
    pub(crate) kind: String,
    /// As the prototxt has it.
    pub(crate) param: LayerParameter,
    pub(crate) layer: Box<dyn Layer>,
    /// Blobs and parameters by number.
    pub(crate) bottom: Vec<usize>,
    pub(crate) top: Vec<usize>,
    pub(crate) params: Vec<usize>,
    /// The parameters' shapes in this layer; a shared one may have another in its owner (share_mode: PERMISSIVE).
    pub(crate) shapes: Vec<Vec<usize>>,
    /// Each top's weight in the objective, and how many values of its diff hold it.
    pub(crate) loss_weight: Vec<f32>,
    pub(crate) seeded: Vec<usize>,
    /// Whether the prototxt asks for each bottom's gradient, and what was decided.
    pub(crate) asked_down: Vec<bool>,
    pub(crate) propagate_down: Vec<bool>,
    pub(crate) runs_backward: bool,
    /// When it ran last; 0 if it never did.
    pub(crate) forward_at: u64,
    pub(crate) backward_at: u64,
    lent: Lent,
}

/// The blobs that a layer holds while it runs.
#[derive(Default)]
struct Lent {
    bottom: Vec<Blob>,
    top: Vec<Blob>,
    params: Vec<Blob>,
}

/// The versions of a blob, and which of them the name means.
#[derive(Default, Debug)]
pub(crate) struct Versions {
    pub(crate) name: String,
    pub(crate) ids: Vec<usize>,
    pub(crate) data: usize,
    pub(crate) diff: usize,
    /// Somebody outside the net wrote the data since the last forward.
    pub(crate) set_by_hand: bool,
    /// What they wrote was overwritten before a layer read it.
    pub(crate) lost: bool,
    /// When somebody outside the net could last write the diff.
    pub(crate) diff_by_hand: u64,
}

const SHARED: &str = "layers of one name in the train and the test net share their parameters, in their order";

/// A layer that is to become a step.
struct Planned {
    /// Its place in the prototxt.
    origin: usize,
    name: String,
    param: LayerParameter,
    layer: Box<dyn Layer>,
}

impl Planned {
    fn loss_weight(&self, top: usize) -> f32 {
        wire::planned_weight(&self.param.loss_weight, &*self.layer, top)
    }

    fn set_loss_weight(&mut self, top: usize, weight: f32) {
        self.param.loss_weight = (0..self.param.top.len()).map(|t| self.loss_weight(t)).collect();
        self.param.loss_weight[top] = weight;
    }
}

impl Net {
    /// A net from a message, with everything else by default.
    ///
    /// # Errors
    /// Anything in the message that cannot be built: the error names layer, field and what to do.
    pub fn new(param: &NetParameter, phase: Phase) -> Result<Net> {
        Net::build(param).phase(phase).make()
    }

    /// A net from a prototxt file.
    ///
    /// # Errors
    /// As [`Net::new`], with file, line and column.
    pub fn from_file(path: impl AsRef<Path>, phase: Phase) -> Result<Net> {
        Builder::read(path)?.phase(phase).make()
    }

    /// A net from prototxt.
    ///
    /// # Errors
    /// As [`Net::new`], with line and column.
    pub fn from_prototxt(text: &str, phase: Phase) -> Result<Net> {
        Builder::parse(text, "(text)")?.phase(phase).make()
    }

    /// Starts building a net; see [`Builder`].
    pub fn build(param: &NetParameter) -> Builder {
        Builder::new(param.clone())
    }

    /// The `name` in the prototxt, empty if it has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// TRAIN or TEST, settled when the net was built.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Where the net's arithmetic happens.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The seed of everything random in the net: fillers, dropout, shuffling.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Changes the seed for the passes to come.
    pub fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// How many passes have begun.
    pub fn passes(&self) -> u64 {
        self.next_pass
    }

    /// Makes the next pass number `pass`, as a resumed run does.
    pub fn set_passes(&mut self, pass: u64) {
        self.next_pass = pass;
    }

    /// The parameter store.
    pub fn store(&self) -> &Params {
        &self.params
    }

    /// The parameter store, to be changed.
    pub fn store_mut(&mut self) -> &mut Params {
        &mut self.params
    }

    /// Shapes all blobs anew, after an input was reshaped.
    pub fn reshape(&mut self) -> Result {
        for i in 0..self.steps.len() {
            let Net { steps, blobs, .. } = self;
            let step = &mut steps[i];
            step.borrow_blobs(blobs);
            let shaped = caught("its code", || step.layer.reshape(&step.lent.bottom, &mut step.lent.top));
            step.return_blobs(blobs);
            step.fill_loss_diffs(blobs);
            shaped.map_err(|e| self.blame(e, i))?;
        }
        Ok(())
    }

    /// Sets every parameter's diff to zero. Backward adds to them, so this comes before each iteration.
    pub fn clear_param_diffs(&mut self) {
        self.params.blobs.iter_mut().for_each(|blob| blob.diff.fill(0.0));
        self.diffs_are_cleared();
    }

    /// Notes that every parameter's diff is zero.
    pub(crate) fn diffs_are_cleared(&mut self) {
        self.cleared_at = self.tick();
    }

    /// The time, which goes on by one.
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Runs `work` on `other` while it holds this net's parameters: those of layers of the same name and shape. They
    /// are swapped, not copied, and swapped back afterwards.
    ///
    /// # Errors
    /// A layer of both nets whose parameters have different shapes; whatever `work` returns.
    pub fn lend_params<T>(&mut self, other: &mut Net, work: impl FnOnce(&mut Net) -> Result<T>) -> Result<T> {
        let pairs = self.params_shared_with(other)?;
        self.swap_params(other, &pairs);
        let result = catch_unwind(AssertUnwindSafe(|| work(other)));
        self.swap_params(other, &pairs);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Pairs of entries of the two stores that belong to layers of one name; layers that share a name pair up in order.
    pub(crate) fn params_shared_with(&self, other: &Net) -> Result<Vec<(usize, usize)>> {
        let mut pairs = Vec::new();
        for (i, step) in other.steps.iter().enumerate() {
            let name = step.param.name();
            if !self.steps.iter().any(|s| s.param.name() == name) {
                continue;
            }
            let (ours, theirs) = (self.learners(name), other.learners(name));
            let differ = |message| Err(other.blame(Error::shape(message).hint(SHARED), i));
            let (a, b) = (ours.len(), theirs.len());
            if a != b {
                return differ(format!("{a} layers of this name have parameters in one net and {b} in the other"));
            }
            let Some(k) = theirs.iter().position(|&j| j == i) else { continue };
            let mine = &self.steps[ours[k]];
            let (a, b) = (mine.params.len(), step.params.len());
            if a != b {
                return differ(format!("it has {a} parameters in one net and {b} in the other"));
            }
            for (&a, &b) in mine.params.iter().zip(&step.params) {
                let (x, y) = (self.params.blobs[a].shape(), other.params.blobs[b].shape());
                if x != y {
                    return differ(format!("its parameter has shape {y:?} here and {x:?} in the other net"));
                }
                if !pairs.iter().any(|&(p, q)| p == a || q == b) {
                    pairs.push((a, b));
                }
            }
        }
        Ok(pairs)
    }

    /// Frees the parameters that will only ever be lent to this net.
    pub(crate) fn drop_params(&mut self, pairs: &[(usize, usize)]) {
        for &(_, mine) in pairs {
            let shape = self.params.blobs[mine].shape().to_vec();
            if let Ok(empty) = Blob::new(&shape) {
                self.params.blobs[mine] = empty;
            }
            self.params.specs[mine].filler = None;
        }
    }

    /// Draws the first values of all parameters that have none: neither drawn before nor copied. [`Builder::make`] calls
    /// it, unless it is left [for later](Builder::fill_later).
    ///
    /// # Errors
    /// A filler that is unknown or cannot fill its parameter.
    pub fn fill(&mut self) -> Result {
        let cpu = self.device.host();
        for id in 0..self.params.len() {
            let Some(filler) = self.params.specs[id].filler.take() else { continue };
            filler.fill(&cpu, &mut self.params.blobs[id]).map_err(|e| {
                let maker = self.steps.iter().position(|step| step.params.contains(&id));
                self.blame(e, maker.unwrap_or_default())
            })?;
        }
        if self.phase == Phase::Train {
            self.warn_of_zero_weights();
        }
        Ok(())
    }

    pub(crate) fn swap_params(&mut self, other: &mut Net, pairs: &[(usize, usize)]) {
        for &(a, b) in pairs {
            std::mem::swap(&mut self.params.blobs[a], &mut other.params.blobs[b]);
        }
    }

    /// The layer of the given name as its own type, to look at its state or change it.
    ///
    /// # Errors
    /// No such layer, or it is of another type.
    pub fn layer<L: Layer>(&self, name: &str) -> Result<&L> {
        let step = &self.steps[self.step(name)?];
        (&*step.layer as &dyn std::any::Any).downcast_ref().ok_or_else(|| self.other_type::<L>(step))
    }

    /// As [`Net::layer`], to be changed.
    pub fn layer_mut<L: Layer>(&mut self, name: &str) -> Result<&mut L> {
        let i = self.step(name)?;
        if !(&*self.steps[i].layer as &dyn std::any::Any).is::<L>() {
            return Err(self.other_type::<L>(&self.steps[i]));
        }
        let layer = &mut *self.steps[i].layer as &mut dyn std::any::Any;
        layer.downcast_mut().ok_or_else(|| Error::value("a layer of another type"))
    }

    fn other_type<L>(&self, step: &Step) -> Error {
        let message = format!("it is of type \"{}\", not {}", step.kind, std::any::type_name::<L>());
        Error::new(crate::Kind::Unknown, message).layer(&step.name)
    }

    /// Where each data layer stands: its name and the samples it has handed out.
    pub fn positions(&self) -> Vec<(String, u64)> {
        self.steps.iter().filter_map(|s| s.layer.position().map(|samples| (s.name.clone(), samples))).collect()
    }

    /// Makes the data layer `name` continue after `samples` samples.
    pub fn seek(&mut self, name: &str, samples: u64) -> Result {
        let i = self.step(name)?;
        self.steps[i].layer.seek(samples).map_err(|e| e.layer(name))
    }
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (layers, parameters) = (self.steps.len(), self.params.count());
        write!(f, "Net \"{}\" ({:?}, {layers} layers, {parameters} parameters)", self.name, self.phase)
    }
}
