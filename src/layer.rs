//! What a layer is: the contract between a net and the code that computes.
//!
//! A net calls a layer like this:
//!
//! | when                     | call       | what it does                                                      |
//! |--------------------------|------------|-------------------------------------------------------------------|
//! | once                     | `new`      | reads its parameters from the prototxt                            |
//! | once                     | `setup`    | makes its learnable blobs; the net fills them                     |
//! | before **every** forward | `reshape`  | shapes its tops; cheap when nothing changed                       |
//! | every pass               | `forward`  | reads its bottoms' data, writes its tops' data                    |
//! | every training pass      | `backward` | **sets** its bottoms' diffs, **adds to** its parameters' diffs    |
//!
//! Only `new` and `forward` must be written: by default a layer has one bottom, one top of its shape, no parameters,
//! and no gradient.
//!
//! The borrow checker says the rest: forward gets `bottom: &[Blob]` and `top: &mut [Blob]`, backward the reverse.
//! Scratch memory is the layer's own. Bind Caffe's nouns to the formula's letters first, then use only letters:
//!
//! ```
//! use cortado::layer::*;
//!
//! /// y = x^2
//! struct Square;
//!
//! impl Layer for Square {
//!     fn new(_: &LayerParameter) -> Result<Self> {
//!         Ok(Square)
//!     }
//!     fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
//!         let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
//!         for (y, x) in y.iter_mut().zip(x) {
//!             *y = x * x;
//!         }
//!         Ok(())
//!     }
//!     fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
//!         let (x, dx) = (bottom[0].data.slice(), bottom[0].diff.slice_mut());
//!         let dy = top[0].diff.slice();
//!         for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
//!             *dx = 2.0 * x * dy;
//!         }
//!         Ok(())
//!     }
//! }
//! ```

use crate::files;
use crate::filler::Filler;
use crate::random::Random;
use std::any::Any;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

// With `use cortado::layer::*` a layer's file has what nearly all need.
pub use crate::args;
pub(crate) use crate::device::kernels;
pub use crate::device::{Device, Kernels};
pub use crate::proto::{LayerParameter, Phase};
pub use crate::{Blob, Error, Kind, Result, Values};

/// What a layer may know of the run.
#[derive(Clone, Copy, Debug)]
pub struct Cx<'a> {
    /// TRAIN or TEST: dropout and batch normalization, for example, differ between them.
    pub phase: Phase,
    /// Where the layer's arithmetic happens.
    pub device: &'a Device,
    /// The net's seed, from which [`Cx::random`] draws.
    pub seed: u64,
    /// How many forwards this net has made before this one.
    pub pass: u64,
    /// Whether a gradient is wanted for bottom `i`; backward sets the diffs of these bottoms only. Empty in `setup`, as
    /// the net is not wired yet.
    pub propagate_down: &'a [bool],
    /// The folder of the net's prototxt, if it came from a file.
    pub folder: Option<&'a Path>,
}

impl<'a> Cx<'a> {
    /// The first pass of a net with seed 0 that came from no file.
    pub fn new(phase: Phase, device: &'a Device) -> Cx<'a> {
        Cx { phase, device, seed: 0, pass: 0, propagate_down: &[], folder: None }
    }

    /// The file or folder that a path in the prototxt means: tried from the current folder, the prototxt's and the
    /// project's root. A layer asks in `setup`, and names the field: `cx.find(p.source()).map_err(|e| e.field(".."))`.
    ///
    /// # Errors
    /// There is none; the error lists the places where it was looked for.
    pub fn find(&self, path: &str) -> Result<PathBuf> {
        files::find(path, self.folder)
    }

    /// The random numbers of the layer `name` in this pass.
    pub fn random(&self, name: &str) -> Random {
        Random::new(self.seed, name, self.pass)
    }

    /// Whether the phase is TRAIN.
    pub fn train(&self) -> bool {
        self.phase == Phase::Train
    }
}

/// A learnable blob that a layer made, with the multipliers it takes if the prototxt gives none.
#[derive(Debug)]
pub struct Param {
    /// The parameter's shape, and its first values unless a filler draws them.
    pub blob: Blob,
    /// What the net fills it with, unless it copies trained weights into it first.
    pub filler: Option<Filler>,
    /// Multiplies the solver's learning rate; 0 for a parameter that is not trained.
    pub lr_mult: f32,
    /// Multiplies the solver's weight decay; 0 for none.
    pub decay_mult: f32,
    /// The filler field without which the values are 0, if the prototxt leaves it out: `embed_param.weight_filler`.
    pub unfilled: Option<&'static str>,
}

impl Param {
    /// A parameter with both multipliers 1.
    pub fn new(blob: Blob) -> Param {
        Param { blob, filler: None, lr_mult: 1.0, decay_mult: 1.0, unfilled: None }
    }

    /// A statistic that the layer itself writes: no solver touches it.
    pub fn statistic(blob: Blob) -> Param {
        Param { lr_mult: 0.0, decay_mult: 0.0, ..Param::new(blob) }
    }
}

/// How many bottoms and tops a layer takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arity {
    /// The numbers of bottoms allowed; `usize::MAX` stands for no limit.
    pub bottom: RangeInclusive<usize>,
    /// The numbers of tops allowed; `usize::MAX` stands for no limit.
    pub top: RangeInclusive<usize>,
    /// As many tops as bottoms.
    pub equal: bool,
    /// Tops that the prototxt does not name are added, up to the smallest number allowed (losses).
    pub auto_top: bool,
}

impl Arity {
    /// Exactly these numbers of bottoms and tops.
    pub fn exact(bottom: usize, top: usize) -> Arity {
        Arity::range(bottom..=bottom, top..=top)
    }

    /// These numbers of bottoms and tops, independent of each other.
    pub fn range(bottom: RangeInclusive<usize>, top: RangeInclusive<usize>) -> Arity {
        Arity { bottom, top, equal: false, auto_top: false }
    }

    /// At least one bottom, and as many tops.
    pub fn pairs() -> Arity {
        Arity { equal: true, ..Arity::range(1..=usize::MAX, 1..=usize::MAX) }
    }

    /// A loss: its first top may go unnamed.
    pub fn loss(bottom: RangeInclusive<usize>, top: RangeInclusive<usize>) -> Arity {
        Arity { auto_top: true, ..Arity::range(bottom, top) }
    }

    /// Compares the numbers with those given in a net.
    ///
    /// # Errors
    /// Too many or too few; the message says how many were given and wanted.
    pub fn check(&self, kind: &str, bottom: usize, top: usize) -> Result {
        for (what, given, range) in [("bottom", bottom, &self.bottom), ("top", top, &self.top)] {
            if !range.contains(&given) {
                let wanted = match (*range.start(), *range.end()) {
                    (a, b) if a == b => format!("exactly {a}"),
                    (a, usize::MAX) => format!("at least {a}"),
                    (a, b) => format!("{a} to {b}"),
                };
                let s = if given == 1 { "" } else { "s" };
                return Err(Error::new(Kind::Net, format!("{kind} has {given} {what}{s} and takes {wanted}"))
                    .field(what)
                    .hint(format!("give the layer {wanted} `{what}: \"..\"`")));
            }
        }
        if self.equal && bottom != top {
            return Err(Error::new(
                Kind::Net,
                format!("{kind} makes one top of each bottom: {bottom} bottoms, {top} tops"),
            )
            .field("top")
            .hint("give as many tops as bottoms"));
        }
        Ok(())
    }
}

/// Which data a layer's backward reads: what is not needed can be freed when memory is short. All bottoms are named
/// together, which costs little: a layer that reads one of several (a loss its scores, not its labels) keeps them all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Needs {
    /// The bottoms' data.
    pub x: bool,
    /// The tops' data.
    pub y: bool,
}

impl Needs {
    /// Backward reads the bottoms' and the tops' data.
    pub const ALL: Needs = Needs { x: true, y: true };
    /// Backward reads the bottoms' data only, as InnerProduct does for its weights.
    pub const X: Needs = Needs { x: true, y: false };
    /// Backward reads the tops' data only, as Softmax does.
    pub const Y: Needs = Needs { x: false, y: true };
    /// Backward reads no data but the parameters', as Concat does.
    pub const NOTHING: Needs = Needs { x: false, y: false };
}

/// How a layer works out the shape of its top, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arithmetic {
    /// The sum with its numbers: `(28 + 2*0 - 5)/1 + 1 = 24`.
    pub text: String,
    /// The prototxt's fields from which the numbers come, including those that may be left out.
    pub fields: &'static [&'static str],
}

impl Arithmetic {
    /// The sizes of a blob with signs between them: `50 * 4 * 4 = 800`.
    pub fn product(sizes: &[usize]) -> String {
        let count: usize = sizes.iter().product();
        match sizes {
            [] | [_] => count.to_string(),
            _ => format!("{} = {count}", sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" * ")),
        }
    }
}

/// One step of a net. See the [module](self) for its life.
///
/// Shapes are checked in `reshape`; `forward` and `backward` may trust them.
pub trait Layer: Any + Send {
    /// Reads the parameters.
    ///
    /// # Errors
    /// A parameter that is missing or impossible, named by [`Error::field`].
    fn new(param: &LayerParameter) -> Result<Self>
    where
        Self: Sized;

    /// How many bottoms and tops the layer takes, one of each by default; a net with other numbers is not built.
    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    /// Makes the learnable blobs, filled. The bottoms have their shapes, but no values yet.
    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        let _ = (cx, bottom);
        Ok(Vec::new())
    }

    /// Shapes the tops by the bottoms: by default each top like the bottom of its number.
    ///
    /// # Errors
    /// Bottoms whose shapes do not fit; the message names both shapes.
    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top.iter_mut().zip(bottom).try_for_each(|(y, x)| y.reshape_like(x))
    }

    /// Computes the tops' data from the bottoms'.
    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result;

    /// Sets the diff of each bottom `i` with `cx.propagate_down[i]`, and adds to the parameters' diffs. It is called
    /// only when something is wanted of it: a layer with one bottom and no parameters need not ask.
    ///
    /// A layer through which no gradient flows leaves it out, and says so in [`propagates`](Layer::propagates).
    ///
    /// # Errors
    /// By default, that there is no backward.
    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let _ = (cx, params, top, bottom);
        Err(Error::new(Kind::Net, "the layer has no backward, and a gradient is wanted of it")
            .hint("write it; or let `propagates` say that no gradient flows to its bottoms"))
    }

    /// Which data backward reads.
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    /// Something about the layer that is allowed but surprising; the net says it when it is built.
    fn warning(&self) -> Option<String> {
        None
    }

    /// The weight of top `i` in the objective if the prototxt gives none: 1 for a loss's first top, else 0.
    fn loss_weight(&self, top: usize) -> f32 {
        let _ = top;
        0.0
    }

    /// Whether a gradient can flow to bottom `i`: not to a label.
    fn propagates(&self, bottom: usize) -> bool {
        let _ = bottom;
        true
    }

    /// For an activation: whether a unit of input `x` and output `y` lets no gradient through, as its slope there is 0.
    fn is_flat(&self, x: f32, y: f32) -> bool {
        let _ = (x, y);
        false
    }

    /// How the first top's shape follows from the bottoms' shapes, where that takes some arithmetic.
    fn shape_arithmetic(&self, bottom: &[&[usize]]) -> Option<Arithmetic> {
        let _ = bottom;
        None
    }

    /// Whether the tops are the net's inputs: forward leaves them as they were set by hand (Input).
    fn is_input(&self) -> bool {
        false
    }

    /// Whether forward fills the tops from outside the net (a data layer), so that values set by hand are overwritten.
    fn is_source(&self) -> bool {
        false
    }

    /// How many samples a data layer has handed out so far; kept in snapshots.
    fn position(&self) -> Option<u64> {
        None
    }

    /// Makes a data layer continue after the given number of samples.
    fn seek(&mut self, samples: u64) -> Result {
        let _ = samples;
        Ok(())
    }
}
