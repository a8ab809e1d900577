//! Training on a GPU: the host is iterations ahead of it, and learns of losses when it looks.

use super::gpu_update::{GpuUpdate, Seen, Settings};
use super::{Clock, Solver, due};
use crate::device::Device;
use crate::{Error, Kind, Result};

/// Where the data layers and the passes stood when an iteration began.
pub(super) struct Start {
    iter: u64,
    positions: Vec<(String, u64)>,
    passes: u64,
}

impl Solver {
    /// Whether the net is on a GPU and the rule has a kernel: then the update is made ready for it.
    pub(super) fn is_on_gpu(&mut self) -> Result<bool> {
        let Device::Gpu(gpu) = &self.net.device else { return Ok(false) };
        if self.gpu_update.is_none() {
            let Some(kernel) = self.rule.kernel() else {
                if !std::mem::replace(&mut self.said, true) {
                    let kind = self.param.r#type();
                    self.log.info(|| format!("The rule {kind} has no kernel: the CPU updates the weights."));
                }
                return Ok(false);
            };
            self.gpu_update = Some(GpuUpdate::new(gpu, kernel, self.rule.history(), &self.log)?);
        }
        Ok(true)
    }

    fn settings(&self) -> Result<Settings> {
        let p = &self.param;
        let l1 = f32::from(u8::from(self.regularization == super::Regularization::L1));
        let dial = [self.rate()?, 1.0 / p.iter_size() as f32, p.clip_gradients(), p.weight_decay(), l1];
        Ok(Settings { dial, rule: self.rule.settings(self.iter) })
    }

    /// One iteration; its outcome is not known afterwards, unless the loss is displayed.
    pub(super) fn iterate_on_card(&mut self, clock: &mut Clock) -> Result {
        let settings = self.settings()?;
        let display = due(self.param.display(), self.iter);
        self.net.set_debug_info(display && self.param.debug_info());
        let start = Start { iter: self.iter, positions: self.net.positions(), passes: self.net.passes() };
        let Solver { gpu_update: Some(update), net, history, param, .. } = self else { return Ok(()) };
        let Device::Gpu(gpu) = net.device.clone() else { return Ok(()) };
        update.begin(net, history, &settings)?;
        let mut replayed = true;
        for _ in 0..param.iter_size() {
            replayed &= net.pass_on_gpu(&gpu, &mut |y, weight| update.add_loss(y, weight))?;
        }
        update.update(net, history, replayed)?;
        let is_full = update.is_full();
        self.starts.push(start);
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
        let Solver { gpu_update: Some(update), net, history, .. } = self else { return Ok(()) };
        match update.update_now(net, history, &settings)? {
            true => self.check_gradients(),
            false => Ok(()),
        }
    }

    /// Waits for the GPU and takes over the losses.
    ///
    /// # Errors
    /// A loss or a gradient was not finite: the weights are then those before that iteration. What a kernel refused.
    pub(super) fn look(&mut self) -> Result {
        let Some(update) = &mut self.gpu_update else { return Ok(()) };
        let seen = update.look();
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

    /// The complaint about a bad iteration, which is done once more, watched by the host: no weight has changed since.
    fn again(&mut self, start: Start) -> Error {
        self.net.set_passes(start.passes);
        let sought = start.positions.iter().try_for_each(|(layer, samples)| self.net.seek(layer, *samples));
        match sought.and_then(|()| self.passes()).and_then(|_| self.check_gradients()) {
            Err(e) => e,
            Ok(()) => Error::new(Kind::NonFinite, format!("a value is not finite at iteration {}", self.iter)),
        }
    }
}
