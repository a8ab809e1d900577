//! The layer of every data set: its [`Feed`] does the work. `Data` is the one that reads databases.

use crate::data::Dataset;
use crate::data::feed::{self, Feed};
use crate::layer::*;

/// Batches of the data set `D`, one top for each thing that a sample has. As a layer type of one's own:
/// `layers.add::<DataLayer<D>>("D")`.
pub struct DataLayer<D> {
    param: LayerParameter,
    feed: Option<Feed<D>>,
    warning: Option<String>,
}

impl<D: Dataset> Layer for DataLayer<D> {
    fn new(param: &LayerParameter) -> Result<Self> {
        feed::check::<D>(&D::settings(param))?;
        Ok(DataLayer { param: param.clone(), feed: None, warning: D::warning(param) })
    }

    fn arity(&self) -> Arity {
        Arity::range(0..=0, 1..=usize::MAX)
    }

    fn setup(&mut self, cx: &Cx, _: &[Blob]) -> Result<Vec<Param>> {
        self.feed = Some(Feed::open(&self.param, cx)?);
        Ok(Vec::new())
    }

    fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
        self.feed()?.reshape(top)
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], _: &[Blob], top: &mut [Blob]) -> Result {
        self.feed()?.fill(cx.seed, top)
    }

    /// Nothing flows back into a data set.
    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn warning(&self) -> Option<String> {
        self.warning.clone()
    }

    fn is_source(&self) -> bool {
        true
    }

    fn position(&self) -> Option<u64> {
        self.feed.as_ref().map(Feed::position)
    }

    fn seek(&mut self, samples: u64) -> Result {
        self.feed()?.seek(samples)
    }
}

impl<D: Dataset> DataLayer<D> {
    /// The feed: the data set, and how far it has been read.
    ///
    /// # Errors
    /// The layer is in no net yet.
    pub fn feed(&mut self) -> Result<&mut Feed<D>> {
        self.feed.as_mut().ok_or_else(|| Error::new(Kind::Net, "the data layer was not set up"))
    }
}
