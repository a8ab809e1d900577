//! The update on a GPU: all parameters at once, by three launches that send nothing back.
//!
//! The GPU itself adds up the losses, clips the gradients, and stops changing weights at the first value that is not
//! finite; the host sees all that when it looks ([`GpuUpdate::look`]). The launches are recorded at the second update
//! and replayed from then on. What changes between updates (rate, limits, the place for the loss) is therefore no
//! argument: it stands in the card's memory, in the update's dial.

use crate::blob::Values;
use crate::device::{CardArg, CardBuffer, CardTable, Gpu, Kernels, OnCard, Recording};
use crate::net::{Net, replay::warn_not_recorded};
use crate::{Error, Kind, Log, Result, args};

/// The source of the kernels; before it stands the rule's `step`.
const UPDATE: &str = include_str!("../../kernels/update.cu");

/// How many arrays of history the update's kernel has room for.
const HISTORIES: usize = 4;

/// For how many iterations losses are kept before the host has to look.
const SLOTS: usize = 1024;

/// How many values a block of the update works on.
const CHUNK: usize = 1024;

/// What an iteration depends on, besides the net.
pub(super) struct Settings {
    /// Learning rate, 1 / iter_size, the gradient norm's limit (negative for none), weight decay, 1 for L1 or 0 for L2.
    pub dial: [f32; 5],
    /// What the rule reads.
    pub rule: Vec<f32>,
}

/// What the host sees when it looks.
#[derive(Default)]
pub(super) struct Seen {
    /// The loss of each iteration since the last look.
    pub losses: Vec<f32>,
    /// Which of them was the first with a loss or a gradient that is not finite.
    pub bad: Option<usize>,
}

/// The updates of one net on one GPU.
pub(super) struct GpuUpdate {
    gpu: Gpu,
    log: Log,
    kernels: Kernels,
    histories: usize,
    plan: Option<Plan>,
    /// The card's generation when everything in the plan was last known to be on the card.
    planned_at: Option<u64>,
    stage: Stage,
    /// Losses by slot, and the first bad slot.
    losses: Box<dyn CardBuffer>,
    dial: Box<dyn CardBuffer>,
    rule_settings: Box<dyn CardBuffer>,
    known_settings: Vec<f32>,
    squares: OnCard<f32>,
    scale: OnCard<f32>,
    /// How many iterations were done since the last look.
    done: usize,
}

/// How far the recording of the launches has come, with the present plan.
enum Stage {
    New,
    /// They were launched: the kernels are compiled, their memory is there.
    Warm,
    Recorded(Box<dyn Recording>),
    /// They cannot be recorded, or `CORTADO_GRAPH=0` forbids it.
    Plain,
}

/// The parameters as tables for the kernels: valid while their addresses and lengths stay the same.
struct Plan {
    addresses: Vec<u64>,
    counts: Vec<usize>,
    chunks: usize,
    /// Parameter, first value, end of each chunk.
    chunk: OnCard<i32>,
    /// lr_mult and decay_mult of each parameter.
    multipliers: OnCard<f32>,
    w: Box<dyn CardTable>,
    dw: Box<dyn CardTable>,
    history: Box<dyn CardTable>,
}

impl GpuUpdate {
    /// For a net whose device is `gpu`; `rule` is the source of the rule's step.
    ///
    /// # Errors
    /// A rule that remembers more than the kernel has room for; a GPU without memory.
    pub fn new(gpu: &Gpu, rule: &str, histories: usize, log: &Log) -> Result<GpuUpdate> {
        if histories > HISTORIES {
            let message = format!("a rule with a kernel has at most {HISTORIES} arrays of history, not {histories}");
            return Err(Error::new(Kind::Device, message).hint("give the rule no kernel: the CPU updates the weights"));
        }
        let zeros = |len| -> Result<Box<dyn CardBuffer>> {
            let mut buffer = gpu.alloc(len)?;
            gpu.fill(&mut *buffer, len, 0.0)?;
            Ok(buffer)
        };
        Ok(GpuUpdate {
            log: log.clone(),
            kernels: Kernels::from(format!("{rule}\n{UPDATE}")),
            histories,
            plan: None,
            planned_at: None,
            stage: Stage::New,
            losses: zeros(SLOTS + 1)?,
            dial: zeros(6)?,
            rule_settings: zeros(8)?,
            known_settings: Vec::new(),
            squares: OnCard::default(),
            scale: OnCard::default(),
            done: 0,
            gpu: gpu.clone(),
        })
    }

    /// The parameters or the history may have changed: nothing that was recorded holds any more.
    pub fn forget(&mut self) {
        (self.planned_at, self.stage) = (None, Stage::New);
    }

    /// Whether the host has to look before the next iteration.
    pub fn is_full(&self) -> bool {
        self.done == SLOTS
    }

    /// Starts an iteration: turns the dial, clears the gradients and the loss.
    pub fn begin(&mut self, net: &mut Net, history: &mut [Values], settings: &Settings) -> Result {
        self.turn_dial(settings)?;
        if self.planned_at != Some(self.gpu.generation()) {
            self.plan(net, history)?;
        }
        let GpuUpdate { kernels, plan, dial, losses, gpu, .. } = self;
        let Some(plan) = plan else { return Ok(()) };
        let args = args![
            plan.chunk,
            CardArg::In(&**dial, 6),
            CardArg::Many(&*plan.dw),
            CardArg::Out(&mut **losses, SLOTS + 1)
        ];
        kernels.launch_blocks(gpu, "clear", plan.chunks.max(1), Kernels::BLOCK, args)?;
        net.diffs_are_cleared();
        Ok(())
    }

    /// Adds the weighted values of a loss's top to the loss of this iteration.
    pub fn add_loss(&mut self, y: &Values, weight: f32) -> Result {
        let GpuUpdate { gpu, kernels, dial, losses, .. } = self;
        let args = args![y.count(), weight, y, CardArg::In(&**dial, 6), CardArg::Out(&mut **losses, SLOTS + 1)];
        kernels.launch_blocks(gpu, "add_loss", 1, Kernels::BLOCK, args)
    }

    /// Turns the gradients into steps and takes them; this ends an iteration. `in_place` says that nothing but the
    /// batch has been moved since it began.
    pub fn update(&mut self, net: &mut Net, history: &mut [Values], in_place: bool) -> Result {
        if !in_place {
            self.plan(net, history)?;
        }
        match &self.stage {
            Stage::New => {
                self.launch()?;
                self.stage = if self.gpu.records() { Stage::Warm } else { Stage::Plain };
            }
            Stage::Warm => {
                let gpu = self.gpu.clone();
                self.stage = match gpu.recorded(|| self.launch()) {
                    Ok(recording) => {
                        recording.replay()?;
                        Stage::Recorded(recording)
                    }
                    Err(e) => {
                        self.launch()?;
                        warn_not_recorded(&self.log, "updates", &e);
                        Stage::Plain
                    }
                };
            }
            Stage::Recorded(recording) => recording.replay()?,
            Stage::Plain => self.launch()?,
        }
        self.planned_at = Some(self.gpu.generation());
        self.done += 1;
        Ok(())
    }

    /// An update with the gradients as they stand, outside an iteration. Says whether they were not finite: then
    /// nothing is changed.
    pub fn update_now(&mut self, net: &mut Net, history: &mut [Values], settings: &Settings) -> Result<bool> {
        self.turn_dial(settings)?;
        self.plan(net, history)?;
        self.gpu.fill(&mut *self.losses, SLOTS + 1, 0.0)?; // an iteration that failed may have left its loss
        self.launch()?;
        self.done = 1;
        let seen = self.look()?;
        net.device.check()?;
        Ok(seen.bad.is_some())
    }

    /// The losses since the last look. This waits for the GPU; afterwards the device tells what a kernel has refused.
    pub fn look(&mut self) -> Result<Seen> {
        let done = std::mem::take(&mut self.done);
        if done == 0 {
            return Ok(Seen::default());
        }
        let mut words = vec![0.0; SLOTS + 1];
        self.losses.download(&mut words)?;
        let losses = words[..done].to_vec();
        let noted = (words[SLOTS] > 0.0).then(|| words[SLOTS] as usize - 1);
        let bad = losses.iter().position(|loss| !loss.is_finite()).into_iter().chain(noted).min();
        if words[SLOTS] > 0.0 {
            self.gpu.fill(&mut *self.losses, SLOTS + 1, 0.0)?;
        }
        Ok(Seen { losses, bad })
    }

    /// Tells the kernels what holds in the iteration that begins.
    fn turn_dial(&mut self, settings: &Settings) -> Result {
        let bits = |words: &[f32]| words.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
        let slot = [self.done as f32];
        self.gpu.put(&*self.dial, &bits(&[&slot[..], &settings.dial].concat()))?;
        if self.known_settings != settings.rule {
            self.gpu.put(&*self.rule_settings, &bits(&settings.rule))?;
            self.known_settings.clone_from(&settings.rule);
        }
        Ok(())
    }

    fn launch(&mut self) -> Result {
        let GpuUpdate { gpu, kernels, plan, dial, rule_settings, losses, squares, scale, histories, .. } = self;
        let Some(plan) = plan else { return Ok(()) };
        let dial = || CardArg::In(&**dial, 6);
        let chunks = plan.chunks;
        let args = args![plan.chunk, CardArg::Many(&*plan.dw), squares.over(chunks)];
        kernels.launch_blocks(gpu, "squares", chunks, Kernels::BLOCK, args)?;
        let losses = CardArg::Out(&mut **losses, SLOTS + 1);
        let args = args![chunks, SLOTS, plan.chunk, *squares, dial(), losses, scale.over(1)];
        kernels.launch_blocks(gpu, "judge", 1, 1024, args)?; // one block: as many threads as it can have
        let args = args![
            plan.chunk,
            plan.counts.len(),
            *histories,
            plan.multipliers,
            dial(),
            CardArg::In(&**rule_settings, 8),
            *scale,
            CardArg::Many(&*plan.w),
            CardArg::Many(&*plan.dw),
            CardArg::Many(&*plan.history),
        ];
        kernels.launch_blocks(gpu, "update", chunks, Kernels::BLOCK, args)
    }

    /// Brings parameters, gradients and history to the card, to be changed there, and makes the tables point to them.
    fn plan(&mut self, net: &mut Net, history: &mut [Values]) -> Result {
        let gpu = &self.gpu;
        let mut on_card: [Vec<&dyn CardBuffer>; 3] = Default::default();
        let [w, dw, h] = &mut on_card;
        let mut counts = Vec::new();
        let mut multipliers = Vec::new();
        for (blob, spec) in net.store_mut().iter_mut() {
            counts.push(blob.count());
            multipliers.extend([spec.lr_mult, spec.decay_mult]);
            w.push(blob.data.memory_mut().card_mut(gpu)?);
            dw.push(blob.diff.memory_mut().card_mut(gpu)?);
        }
        for values in history {
            h.push(values.memory_mut().card_mut(gpu)?);
        }
        self.planned_at = Some(gpu.generation());
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
        plan.chunk.hold(gpu, if chunk.is_empty() { &[0, 0, 0] } else { &chunk })?;
        plan.multipliers.put(gpu, &multipliers)?;
        (self.plan, self.stage) = (Some(plan), Stage::New);
        Ok(())
    }
}
