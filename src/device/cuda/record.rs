//! A training step recorded once and done many times, without asking for each of its kernels again.

use super::Inner;
use super::driver::Graph;
use crate::device::card::Recording;
use crate::{Error, Kind, Result};
use std::any::Any;
use std::sync::Arc;

/// What is recorded just now.
#[derive(Default)]
pub struct Recorded {
    pub len: usize,
    /// The memory that is used: its addresses are part of the recording.
    pub keep: Vec<Arc<dyn Any + Send + Sync>>,
}

impl Inner {
    pub fn record(&self) -> Result {
        let mut state = self.state();
        state.ensure_done_now("a recording")?;
        // cuBLAS cannot be started while a step is recorded.
        state.blas(&self.compute)?;
        self.compute.context.enter()?;
        self.compute.hold();
        if let Err(e) = Graph::begin(&self.compute) {
            self.compute.release();
            return Err(e);
        }
        state.recorded = Some(Recorded::default());
        Ok(())
    }

    pub fn end_record(card: &Arc<Inner>) -> Result<Box<dyn Recording>> {
        let recorded = card.state().recorded.take();
        let recorded = recorded.ok_or_else(|| Error::new(Kind::Device, "no step is being recorded"))?;
        card.compute.context.enter()?;
        let graph = Graph::end(&card.compute);
        card.compute.release();
        Ok(Box::new(Step { graph: graph?, recorded, card: card.clone() }))
    }
}

/// A recorded step. Its graph goes first, then the memory that it uses.
struct Step {
    graph: Graph,
    recorded: Recorded,
    card: Arc<Inner>,
}

impl Recording for Step {
    fn replay(&self) -> Result {
        let mut state = self.card.state();
        state.ensure_done_now("a replay")?;
        self.card.compute.context.enter()?;
        self.graph.launch()?;
        state.counts.replays += 1;
        Ok(())
    }

    fn len(&self) -> usize {
        self.recorded.len
    }
}
