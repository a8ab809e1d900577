//! Ranges of layers by their names, `"conv1"..="ip1"`, as places among the steps.

use super::Net;
use crate::{Error, Kind, Result};
use std::ops::{Bound, Range, RangeBounds};

impl Net {
    /// The steps of a range that runs backward: from the layer nearer to the loss to the other.
    pub(super) fn resolve_backward<'a>(&self, range: impl RangeBounds<&'a str>) -> Result<Range<usize>> {
        let n = self.steps.len();
        let (first, end) = self.resolve_with(range, |i| n - 1 - i, "backward")?;
        Ok(n - end..n - first)
    }

    pub(super) fn resolve<'a>(&self, range: impl RangeBounds<&'a str>, what: &str) -> Result<(usize, usize)> {
        self.resolve_with(range, |i| i, what)
    }

    /// First and one past the last step of a range of names, counted in the order in which `place` puts the steps.
    fn resolve_with<'a>(
        &self,
        range: impl RangeBounds<&'a str>,
        place: impl Fn(usize) -> usize,
        what: &str,
    ) -> Result<(usize, usize)> {
        let at = |name: &str| self.step(name).map(&place);
        let first = match range.start_bound() {
            Bound::Included(name) => at(name)?,
            Bound::Excluded(name) => at(name)? + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(name) => at(name)? + 1,
            Bound::Excluded(name) => at(name)?,
            Bound::Unbounded => self.steps.len(),
        };
        if first >= end {
            let names = |b: Bound<&&'a str>| match b {
                Bound::Included(n) | Bound::Excluded(n) => n.to_string(),
                Bound::Unbounded => String::new(),
            };
            let (a, b) = (names(range.start_bound()), names(range.end_bound()));
            return Err(Error::new(Kind::Net, format!("{what} from \"{a}\" never comes to \"{b}\""))
                .hint("give the layers in the order in which they run"));
        }
        Ok((first, end))
    }
}
