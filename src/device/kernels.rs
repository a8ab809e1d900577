//! The kernels of one source.

use crate::random::fnv1a;
use std::borrow::Cow;
use std::hash::{Hash, Hasher};

/// The kernels of one source: a constant of each layer that has a loop of its own. A card compiles them when one is
/// first launched there, and layers of one type share them.
///
/// The source is CUDA C. `kernels/prelude.h` comes before it: the types `In`, `Out`, `InInt`, `OutInt`, `Many` and
/// `Refusal`, random numbers, indices and the sum of a block.
#[derive(Clone, PartialEq, Eq)]
pub struct Kernels {
    source: Cow<'static, str>,
    /// What the source is found by: its FNV-1a hash.
    hash: u64,
}

impl Kernels {
    /// The kernels of a source that is known at compile time; for any other, `Kernels::from(text)`.
    pub const fn new(source: &'static str) -> Kernels {
        Kernels { source: Cow::Borrowed(source), hash: fnv1a(source) }
    }

    /// The CUDA C.
    pub(super) fn source(&self) -> &str {
        &self.source
    }
}

/// The kernels of a source that a program makes.
impl From<String> for Kernels {
    fn from(source: String) -> Kernels {
        Kernels { hash: fnv1a(&source), source: source.into() }
    }
}

// What a card has compiled is found without reading the whole source for each launch.
impl Hash for Kernels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// The kernels of files in `kernels/`: `kernels!("loss", "hinge_loss")` for one source made of two.
macro_rules! kernels {
    ($($file:literal),+) => {
        $crate::device::Kernels::new(concat!(
            $(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/kernels/", $file, ".cu"))),+
        ))
    };
}
pub(crate) use kernels;

/// The two kernels of a layer that has one for each pass.
pub struct Passes {
    /// The source.
    pub kernels: Kernels,
    /// The kernel that does forward.
    pub forward: &'static str,
    /// The kernel that does backward.
    pub backward: &'static str,
}

/// The kernels of a file in `kernels/` that are named after it: `relu_forward` and `relu_backward`. What they share
/// with other layers stands in a file before it.
macro_rules! passes {
    ($file:literal) => {
        $crate::device::passes!($file; $crate::device::kernels!($file))
    };
    ($before:literal, $file:literal) => {
        $crate::device::passes!($file; $crate::device::kernels!($before, $file))
    };
    ($file:literal; $kernels:expr) => {
        $crate::device::Passes {
            kernels: $kernels,
            forward: concat!($file, "_forward"),
            backward: concat!($file, "_backward"),
        }
    };
}
pub(crate) use passes;
