//! A training step recorded once and done many times, without asking for each of its kernels again.

use super::Inner;
use super::driver::{Handle, check};
use super::memory::Compute;
use crate::device::{Asked, Recording};
use crate::{Error, Kind, Result};
use cudarc::driver::sys;
use std::any::Any;
use std::sync::Arc;
use std::thread::{self, ThreadId};

/// What is recorded just now.
pub struct Recorded {
    /// The thread that records.
    pub by: ThreadId,
    pub asked: Vec<Asked>,
    /// The memory that is used: its addresses are part of the recording.
    pub keep: Vec<Arc<dyn Any + Send + Sync>>,
}

impl Inner {
    pub fn record(&self) -> Result {
        let mut state = self.state();
        state.ensure_done_now("a second recording")?;
        // cuBLAS cannot be started while a step is recorded.
        state.blas(&self.compute)?;
        self.compute.context.enter()?;
        self.compute.hold();
        if let Err(e) = Graph::begin(&self.compute) {
            self.compute.release();
            return Err(e);
        }
        state.recorded = Some(Recorded { by: thread::current().id(), asked: Vec::new(), keep: Vec::new() });
        Ok(())
    }

    pub fn end_record(card: &Arc<Inner>) -> Result<Box<dyn Recording>> {
        let mut state = card.state(); // kept: nobody finds the stream half recorded
        state.ensure_ours()?;
        let recorded = state.recorded.take();
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

    fn asked(&self) -> &[Asked] {
        &self.recorded.asked
    }
}

/// A recorded step, ready to be done again.
struct Graph {
    graph: Handle<sys::CUgraphExec_st>,
    compute: Arc<Compute>,
}

impl Graph {
    /// From now on what is asked of the stream is recorded. Other threads and allocations do not touch it, and may go
    /// on.
    fn begin(compute: &Compute) -> Result {
        let relaxed = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;
        // SAFETY: the stream lives.
        check("record a step", unsafe { sys::cuStreamBeginCapture_v2(compute.stream.raw(), relaxed) })
    }

    /// What was asked since.
    fn end(compute: &Arc<Compute>) -> Result<Graph> {
        let (mut graph, mut exec) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the driver writes its own pointers; the graph is not needed once it is made executable.
        unsafe {
            check("record the step", sys::cuStreamEndCapture(compute.stream.raw(), &mut graph))?;
            let answer = sys::cuGraphInstantiateWithFlags(&mut exec, graph, 0);
            sys::cuGraphDestroy(graph);
            check("prepare the recorded step", answer)?;
        }
        Ok(Graph { graph: Handle(exec), compute: compute.clone() })
    }

    fn launch(&self) -> Result {
        // SAFETY: graph and stream live; the recording keeps all that the graph uses.
        check("replay a step", unsafe { sys::cuGraphLaunch(self.graph.0, self.compute.stream.raw()) })
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let graph = self.graph;
        // SAFETY: it has run, and will not again.
        self.compute.free(move || unsafe { sys::cuGraphExecDestroy(graph.raw()) });
    }
}
