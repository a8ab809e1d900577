//! A blob seen around one of its axes: outer x n x inner.
//!
//! ```text
//! x   2 x 3 x 4 x 5      axis 1: outer 2, n 3, inner 20
//! ```

use crate::{Blob, Result};
use std::ops::Range;

/// The axis of `n` values between what lies before it, and what lies within.
#[derive(Clone, Copy, Default, Debug)]
pub struct Groups {
    pub outer: usize,
    pub n: usize,
    pub inner: usize,
}

impl Groups {
    /// The blob around its axis `axis`, which may count from the end.
    ///
    /// # Errors
    /// There is no such axis.
    pub fn of(blob: &Blob, axis: i32) -> Result<Groups> {
        let axis = blob.axis(axis)?;
        let end = blob.num_axes();
        Ok(Groups { outer: blob.count_in(0..axis), n: blob.shape()[axis], inner: blob.count_in(axis + 1..end) })
    }

    /// How many groups there are: of n values each, `inner` apart.
    pub fn count(&self) -> usize {
        self.outer * self.inner
    }

    /// The length of what belongs to one outer index; never 0, so that it can cut slices.
    pub fn row(&self) -> usize {
        (self.n * self.inner).max(1)
    }

    /// Where the value `i` of group `group` stands.
    pub fn at(&self, group: usize, i: usize) -> usize {
        (group / self.inner * self.n + i) * self.inner + group % self.inner
    }

    /// Where the values of index `i` of the axis stand: a slice for each outer index.
    pub fn slices(self, i: usize) -> impl Iterator<Item = Range<usize>> {
        (0..self.outer).map(move |outer| {
            let start = (outer * self.n + i) * self.inner;
            start..start + self.inner
        })
    }
}
