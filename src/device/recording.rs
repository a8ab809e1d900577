//! A recording: what was asked of a card, to be done again.

use crate::Result;
use std::fmt;

/// What was asked of a card between `record` and `end_record`, with the arguments as they were then.
pub trait Recording: Send {
    /// Has it all done again.
    fn replay(&self) -> Result;
    /// The launches, products, fills and copies, in order. Two recordings that ask for the same do the same.
    fn asked(&self) -> &[Asked];
    /// How many there are.
    fn len(&self) -> usize {
        self.asked().len()
    }
    /// Whether there is nothing to do.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One thing in a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// For people: `its kernel "relu"`.
    pub what: String,
    /// All that it was given: sizes, numbers, addresses.
    pub given: String,
}

impl Asked {
    /// Notes what was asked, with everything that it was given.
    pub fn new(what: impl Into<String>, given: impl fmt::Debug) -> Asked {
        Asked { what: what.into(), given: format!("{given:?}") }
    }
}
