//! Training on a GPU: the host is iterations ahead of it, and learns of losses when it looks.

use super::{Clock, Solver, due};
use crate::device::Device;
use crate::gpu_step::{GpuStep, Seen, Settings};
use crate::{Error, Kind, Result};

/// Where the data layers and the passes stood when an iteration began.
pub(super) struct Start {
    iter: u64,
    positions: Vec<(String, u64)>,
    passes: u64,
}

impl Solver {
    /// What does the iterations, if the net is on a GPU and the rule has a kernel.
    pub(super) fn card(&mut self) -> Result<Option<&mut GpuStep>> {
        let Device::Gpu(gpu) = &self.net.device else { return Ok(None) };
        if self.card.is_none() {
            let Some(kernel) = self.rule.kernel() else {
                if !std::mem::replace(&mut self.said, true) {
                    let kind = self.param.r#type();
                    self.log.info(|| format!("The rule {kind} has no kernel: the CPU updates the weights."));
                }
                return Ok(None);
            };
            self.card = Some(GpuStep::new(gpu, kernel, self.rule.history())?);
        }
        Ok(self.card.as_mut())
    }

    fn settings(&self) -> Result<Settings> {
        let p = &self.param;
        Ok(Settings {
            rate: self.rate()?,
            iter_size: p.iter_size() as usize,
            clip: p.clip_gradients(),
            decay: p.weight_decay(),
            l1: self.regularization == super::Regularization::L1,
            rule: self.rule.settings(self.iter),
        })
    }

    /// One iteration; nothing of it is known afterwards, unless the loss is displayed.
    pub(super) fn iterate_on_card(&mut self, clock: &mut Clock) -> Result {
        let settings = self.settings()?;
        let display = due(self.param.display(), self.iter);
        self.net.set_debug_info(display && self.param.debug_info());
        let start = Start { iter: self.iter, positions: self.net.positions(), passes: self.net.passes() };
        let Solver { card, net, history, log, param, .. } = self;
        let Some(card) = card else { return Ok(()) };
        card.begin(net, history, &settings)?;
        for _ in 0..param.iter_size() {
            card.pass(net, log)?;
        }
        card.update(net, history)?;
        self.starts.push(start);
        let is_full = card.is_full();
        if display || is_full {
            self.look()?;
        }
        if display {
            self.show_progress(clock)?;
        }
        self.iter += 1;
        Ok(())
    }

    /// One update with the gradients as they stand; the host waits for it.
    ///
    /// # Errors
    /// A gradient that is not finite; no weight has changed then.
    pub(super) fn update_on_card(&mut self) -> Result {
        self.look()?;
        let settings = self.settings()?;
        let Solver { card, net, history, .. } = self;
        match card.as_mut().map(|card| card.update_now(net, history, &settings)) {
            Some(Ok(true)) => self.check_gradients(),
            Some(done) => done.map(drop),
            None => Ok(()),
        }
    }

    /// Waits for the GPU and takes over the losses.
    ///
    /// # Errors
    /// A loss or a gradient was not finite: then the weights are those before that iteration. What a kernel has refused.
    pub(super) fn look(&mut self) -> Result {
        let Some(card) = &mut self.card else { return Ok(()) };
        let seen = card.look();
        let starts = std::mem::take(&mut self.starts);
        let Seen { losses, bad } = seen?;
        let good = bad.unwrap_or(losses.len());
        for loss in &losses[..good] {
            self.losses.push(*loss);
            self.smooth(*loss);
        }
        let start = bad.and_then(|bad| starts.into_iter().nth(bad));
        if let Some(start) = &start {
            self.iter = start.iter;
        }
        self.net.device.check()?;
        start.map_or(Ok(()), |start| Err(self.again(start)))
    }

    /// The complaint about a bad iteration, which is done once more, under the host's eyes: no weight has changed since.
    fn again(&mut self, start: Start) -> Error {
        self.net.set_passes(start.passes);
        let sought = start.positions.iter().try_for_each(|(layer, samples)| self.net.seek(layer, *samples));
        match sought.and_then(|()| self.passes()).and_then(|_| self.check_gradients()) {
            Err(e) => e,
            Ok(()) => Error::new(Kind::NonFinite, format!("a value is not finite at iteration {}", self.iter)),
        }
    }
}
