//! The update on a GPU: all parameters at once, by three launches.

use super::{Arg, CardBuffer, CardTable, GpuStep, Kernels, Net, OnCard, Replay, SLOTS, Settings, Values};
use crate::Result;

/// How many values a block of the update works on.
const CHUNK: usize = 1024;

/// The parameters as tables for the kernels. It holds as long as their memory stays where it is, and they as long as they are.
pub(super) struct Plan {
    addresses: Vec<u64>,
    counts: Vec<usize>,
    pub chunks: usize,
    /// Parameter, first value, end of each chunk.
    pub chunk: OnCard<i32>,
    /// lr_mult and decay_mult of each parameter.
    multipliers: OnCard<f32>,
    w: Box<dyn CardTable>,
    pub dw: Box<dyn CardTable>,
    history: Box<dyn CardTable>,
}

impl GpuStep {
    /// Turns the gradients into steps and takes them; this ends an iteration.
    pub fn update(&mut self, net: &mut Net, history: &mut [Values]) -> Result {
        self.settle(net, history)?;
        let is_known = std::mem::replace(&mut self.update_is_known, true);
        match &self.update {
            Some(update) => update.replay(&self.gpu, net)?,
            None if self.records && is_known => {
                let gpu = self.gpu.clone();
                let update = Replay::record(&gpu, net, |_| self.launch_update())?;
                update.replay(&gpu, net)?;
                self.update = Some(update);
            }
            None => self.launch_update()?,
        }
        self.done += 1;
        Ok(())
    }

    /// The update of the gradients as they stand, outside an iteration. Whether they were not finite: then nothing is changed.
    pub fn update_now(&mut self, net: &mut Net, history: &mut [Values], settings: &Settings) -> Result<bool> {
        self.turn_dial(settings)?;
        self.settle(net, history)?;
        self.gpu.fill(&mut *self.losses, SLOTS + 1, 0.0)?; // an iteration that failed may have left its loss
        self.launch_update()?;
        self.done = 1;
        let seen = self.look()?;
        net.device.check()?;
        Ok(seen.bad.is_some())
    }

    fn launch_update(&mut self) -> Result {
        let GpuStep { gpu, kernels, plan, dial, rule_settings, losses, squares, scale, histories, .. } = self;
        let Some(plan) = plan else { return Ok(()) };
        let dial = || Arg::In(&**dial, 6);
        let chunks = plan.chunks;
        let args = &mut [plan.chunk.get()?, Arg::Many(&*plan.dw), squares.over(gpu, chunks)?];
        kernels.launch_blocks(gpu, "squares", chunks, Kernels::BLOCK, args)?;
        let args = &mut [
            chunks.into(),
            SLOTS.into(),
            squares.get()?,
            dial(),
            Arg::Out(&mut **losses, SLOTS + 1),
            scale.over(gpu, 1)?,
        ];
        kernels.launch_blocks(gpu, "judge", 1, 1024, args)?; // one block: as many threads as it can have
        let args = &mut [
            plan.chunk.get()?,
            plan.counts.len().into(),
            (*histories).into(),
            plan.multipliers.get()?,
            dial(),
            Arg::In(&**rule_settings, 8),
            scale.get()?,
            Arg::Many(&*plan.w),
            Arg::Many(&*plan.dw),
            Arg::Many(&*plan.history),
        ];
        kernels.launch_blocks(gpu, "update", chunks, Kernels::BLOCK, args)
    }

    /// Sees to it that parameters, gradients and history are on the card, to be changed there, and that the tables lead to
    /// them.
    pub(super) fn settle(&mut self, net: &mut Net, history: &mut [Values]) -> Result {
        let gpu = self.gpu.clone();
        let mut on_card: [Vec<&dyn CardBuffer>; 3] = Default::default();
        let [w, dw, h] = &mut on_card;
        let mut counts = Vec::new();
        let mut multipliers = Vec::new();
        for (blob, spec) in net.store_mut().iter_mut() {
            counts.push(blob.count());
            multipliers.extend([spec.lr_mult, spec.decay_mult]);
            w.push(blob.data.memory_mut().card_mut(&gpu)?);
            dw.push(blob.diff.memory_mut().card_mut(&gpu)?);
        }
        for values in history {
            h.push(values.memory_mut().card_mut(&gpu)?);
        }
        let addresses: Vec<u64> = on_card.iter().flatten().map(|buffer| buffer.address()).collect();
        if self.plan.as_ref().is_some_and(|plan| (&plan.addresses, &plan.counts) == (&addresses, &counts)) {
            return Ok(());
        }
        let [w, dw, h] = &on_card;
        let mut chunk = Vec::new();
        for (p, &count) in counts.iter().enumerate() {
            for start in (0..count).step_by(CHUNK) {
                chunk.extend([p, start, count.min(start + CHUNK)].map(|i| i as i32));
            }
        }
        let mut plan = Plan {
            addresses,
            chunks: chunk.len() / 3,
            chunk: OnCard::default(),
            multipliers: OnCard::default(),
            w: gpu.table(w)?,
            dw: gpu.table(dw)?,
            history: gpu.table(h)?,
            counts,
        };
        plan.chunk.hold(&gpu, if chunk.is_empty() { &[0, 0, 0] } else { &chunk })?;
        plan.multipliers.put(&gpu, &multipliers)?;
        (self.plan, self.update, self.update_is_known) = (Some(plan), None, false);
        Ok(())
    }
}
