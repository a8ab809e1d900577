//! A pass of the net on a GPU: the data layers' batch goes to the card, the rest is launched, or replayed.

use super::{Arg, GpuStep, Kernels, Net, Replay, SLOTS, say};
use crate::device::Gpu;
use crate::memory::Side;
use crate::{Log, Result};

/// How far the table of the [module](super) has come, and for which shapes.
#[derive(Default)]
pub(super) struct Pass {
    shapes: Vec<Vec<usize>>,
    stage: Stage,
}

#[derive(Default)]
enum Stage {
    /// Nothing was run: memory is not allocated, kernels are not compiled.
    #[default]
    New,
    /// One plain pass was run.
    Warm,
    /// A plain pass was run in which nothing was copied.
    Clean,
    Recorded(Replay),
    /// It cannot be recorded.
    Plain,
}

impl GpuStep {
    /// Forward and backward, once, on the next batch.
    ///
    /// # Errors
    /// The first layer's that fails, with its name.
    pub fn pass(&mut self, net: &mut Net, log: &Log) -> Result {
        let gpu = self.gpu.clone();
        net.feed(&gpu)?;
        let shapes = net.source_shapes();
        if shapes != self.pass.shapes {
            self.pass = Pass { shapes, stage: Stage::New };
        }
        if net.debug_info() {
            return self.run(net, None);
        }
        match std::mem::replace(&mut self.pass.stage, Stage::Plain) {
            Stage::New => {
                self.run(net, None)?;
                net.fallback_reported = true;
                self.pass.stage = if self.records { Stage::Warm } else { Stage::Plain };
                Ok(())
            }
            Stage::Warm => {
                let mut copied = None;
                self.run(net, Some(&mut copied))?;
                match copied {
                    Some(what) => say(log, &what),
                    None => self.pass.stage = Stage::Clean,
                }
                Ok(())
            }
            Stage::Clean => {
                let replay = Replay::record(&gpu, net, |net| self.run(net, Some(&mut None)))?;
                replay.replay(&gpu, net)?;
                self.pass.stage = Stage::Recorded(replay);
                net.device.check()
            }
            Stage::Recorded(replay) => {
                replay.replay(&gpu, net)?;
                net.has_passed();
                self.pass.stage = Stage::Recorded(replay);
                net.device.check() // without waiting: what a kernel has refused by now
            }
            Stage::Plain => self.run(net, None),
        }
    }

    /// Runs all layers but the data layers, forward and backward, and adds up the loss on the card. The first copy between
    /// host and card is told to `copied`.
    fn run(&mut self, net: &mut Net, mut copied: Option<&mut Option<String>>) -> Result {
        let gpu = self.gpu.clone();
        for i in 0..net.steps.len() {
            if !net.steps[i].layer.is_source() {
                watch(&gpu, net, i, copied.as_deref_mut(), |net| net.forward_step_on_card(i))?;
                self.add_losses(net, i)?;
            }
        }
        for i in (0..net.steps.len()).rev() {
            watch(&gpu, net, i, copied.as_deref_mut(), |net| net.backward_step(i))?;
        }
        net.log_params();
        net.device.check()
    }

    /// Adds what the step's tops count in the objective to the loss of this iteration.
    fn add_losses(&mut self, net: &Net, i: usize) -> Result {
        let GpuStep { gpu, kernels, dial, losses, .. } = self;
        let step = &net.steps[i];
        for (&t, &weight) in step.top.iter().zip(&step.loss_weight).filter(|(_, weight)| **weight != 0.0) {
            let y = &net.blobs[t].data;
            let args = &mut [
                y.count().into(),
                weight.into(),
                y.card(gpu)?,
                Arg::In(&**dial, 6),
                Arg::Out(&mut **losses, SLOTS + 1),
            ];
            kernels.launch_blocks(gpu, "add_loss", 1, Kernels::BLOCK, args)?;
        }
        Ok(())
    }
}

/// Runs a step, and notes whether values went between host and card.
fn watch(
    gpu: &Gpu,
    net: &mut Net,
    i: usize,
    copied: Option<&mut Option<String>>,
    run: impl FnOnce(&mut Net) -> Result,
) -> Result {
    let Some(copied) = copied.filter(|copied| copied.is_none()) else { return run(net) };
    let copies = |gpu: &Gpu| (gpu.counts().uploads, gpu.counts().downloads);
    let before = copies(gpu);
    let sides = sides_of(net, i);
    // A look from the host cannot return an error; here it is known whose look it was.
    let done = run(net).and_then(|()| net.device.check().map_err(|e| net.blame(e, i)));
    let left_card = |was: Side, is: Side| was == Side::Card && is != Side::Card;
    let looked_at =
        |(was, is): &(&(usize, Side, Side), (usize, Side, Side))| left_card(was.1, is.1) || left_card(was.2, is.2);
    done.map_err(|e| match sides.iter().zip(sides_of(net, i)).find(looked_at) {
        Some((_, (id, ..))) => e.hint(format!("the host asked for blob \"{}\"", net.names[net.owner[id]].name)),
        None => e,
    })?;
    let step = &net.steps[i];
    let on_host = |values: &crate::Values| values.side() == Side::Host;
    let data = step.top.iter().filter(|t| on_host(&net.blobs[**t].data));
    let diffs =
        step.bottom.iter().zip(&step.propagate_down).filter(|(b, down)| **down && on_host(&net.blobs[**b].diff));
    let (copied_some, left) = (copies(gpu) != before, data.chain(diffs.map(|(b, _)| b)).next());
    if copied_some || (left.is_some() && !step.bottom.is_empty()) {
        let blob = left.map_or(String::new(), |&id| format!(" \"{}\"", net.names[net.owner[id]].name));
        let (name, kind) = (&step.name, &step.kind);
        *copied = Some(format!("the values{blob} of layer \"{name}\" ({kind}) go through the host"));
    }
    Ok(())
}

/// Where the data and the diffs of a step's blobs are.
fn sides_of(net: &Net, i: usize) -> Vec<(usize, Side, Side)> {
    let step = &net.steps[i];
    let blobs = step.bottom.iter().chain(&step.top);
    blobs.map(|&id| (id, net.blobs[id].data.side(), net.blobs[id].diff.side())).collect()
}
