//! Iterations on a GPU, one after another, without waiting for it.
//!
//! The host asks for a whole iteration and goes on to the next: nothing comes back, not even the loss, before somebody wants
//! to see it ([`GpuStep::look`]). So the GPU itself adds up the losses, clips the gradients, and stops changing weights at
//! the first value that is not finite.
//!
//! An iteration is some forty launches, and asking for one takes longer than a small layer runs. So it is recorded once and
//! replayed ever after (on a card: a CUDA graph), in two parts: the pass of the net, and the update. A launch is recorded
//! with its arguments; what changes from one iteration to the next, rate, counters, the seed's pass, is therefore not an
//! argument but stands in the card's memory: the *dial*, which the host turns before each replay.
//!
//! | part     | first time | second time             | third time        | then     |
//! |----------|------------|-------------------------|-------------------|----------|
//! | the pass | plain      | plain, copies are sought | recorded, replayed | replayed |
//! | update   | plain      | recorded, replayed      | replayed          | replayed |
//!
//! A pass in which values go to the host and back cannot be recorded: a layer without kernels is the usual reason. It is
//! named once, and all passes are plain. So they are with `CORTADO_GRAPH=0`. A batch of another shape, or whatever else was
//! done to the net in between, starts the table anew.

mod pass;
mod update;

use crate::blob::Values;
use crate::device::{Arg, CardBuffer, CardTable, Gpu, Kernels, OnCard, Recording};
use crate::memory::Side;
use crate::net::Net;
use crate::{Error, Kind, Log, Result};
use pass::Pass;
use update::Plan;

/// The source of the kernels of an iteration; before it stands the rule's `step`.
pub const UPDATE: &str = include_str!("../kernels/update.cu");

/// How many arrays of history the update's kernel has room for.
const HISTORIES: usize = 4;

/// For how many iterations losses are kept before the host has to look.
const SLOTS: usize = 1024;

/// What an iteration depends on, besides the net.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Settings {
    pub rate: f32,
    pub iter_size: usize,
    /// The limit of the gradient's norm; negative for none.
    pub clip: f32,
    pub decay: f32,
    pub l1: bool,
    /// What the rule reads.
    pub rule: Vec<f32>,
}

/// What the host sees when it looks.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Seen {
    /// The loss of each iteration since the last look.
    pub losses: Vec<f32>,
    /// Which of them was the first with a loss or a gradient that is not finite.
    pub bad: Option<usize>,
}

/// The iterations of one net on one GPU.
pub(crate) struct GpuStep {
    gpu: Gpu,
    kernels: Kernels,
    histories: usize,
    plan: Option<Plan>,
    pass: Pass,
    update: Option<Replay>,
    /// Whether the update has run with the present plan: its kernels are compiled, its memory is there.
    update_is_known: bool,
    records: bool,
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

impl GpuStep {
    /// For a net whose device is `gpu`; `rule` is the source of the rule's step.
    ///
    /// # Errors
    /// A rule that remembers more than the kernel has room for; a GPU without memory.
    pub fn new(gpu: &Gpu, rule: &str, histories: usize) -> Result<GpuStep> {
        if histories > HISTORIES {
            let message = format!("a rule with a kernel has at most {HISTORIES} arrays of history, not {histories}");
            return Err(Error::new(Kind::Device, message).hint("give the rule no kernel: the CPU updates the weights"));
        }
        let mut losses = gpu.alloc(SLOTS + 1)?;
        gpu.fill(&mut *losses, SLOTS + 1, 0.0)?;
        let mut rule_settings = gpu.alloc(8)?;
        gpu.fill(&mut *rule_settings, 8, 0.0)?;
        Ok(GpuStep {
            gpu: gpu.clone(),
            kernels: Kernels::new(format!("{rule}\n{UPDATE}")),
            histories,
            plan: None,
            pass: Pass::default(),
            update: None,
            update_is_known: false,
            records: std::env::var("CORTADO_GRAPH").as_deref() != Ok("0"),
            losses,
            dial: gpu.alloc(6)?,
            rule_settings,
            known_settings: Vec::new(),
            squares: OnCard::default(),
            scale: OnCard::default(),
            done: 0,
        })
    }

    /// The net or its parameters may have changed: nothing that was recorded holds any more.
    pub fn forget(&mut self) {
        self.pass = Pass::default();
        (self.update, self.update_is_known) = (None, false);
    }

    /// Whether the host has to look before the next iteration.
    pub fn is_full(&self) -> bool {
        self.done == SLOTS
    }

    /// Starts an iteration: turns the dial, clears the gradients and the loss.
    pub fn begin(&mut self, net: &mut Net, history: &mut [Values], settings: &Settings) -> Result {
        self.turn_dial(settings)?;
        self.settle(net, history)?;
        let GpuStep { kernels, plan, dial, losses, gpu, .. } = self;
        let Some(plan) = plan else { return Ok(()) };
        let args =
            &mut [plan.chunk.get()?, Arg::In(&**dial, 6), Arg::Many(&*plan.dw), Arg::Out(&mut **losses, SLOTS + 1)];
        kernels.launch_blocks(gpu, "clear", plan.chunks.max(1), Kernels::BLOCK, args)?;
        net.diffs_are_cleared();
        Ok(())
    }

    /// Tells the kernels what holds in the iteration that begins.
    fn turn_dial(&mut self, settings: &Settings) -> Result {
        let Settings { rate, iter_size, clip, decay, l1, .. } = *settings;
        let (slot, share) = (self.done as f32, 1.0 / iter_size as f32);
        let words = [slot, rate, share, clip, decay, f32::from(u8::from(l1))];
        self.gpu.put(&*self.dial, &words.map(f32::to_bits))?;
        if self.known_settings != settings.rule {
            let words: Vec<u32> = settings.rule.iter().map(|x| x.to_bits()).collect();
            self.gpu.put(&*self.rule_settings, &words)?;
            self.known_settings.clone_from(&settings.rule);
        }
        Ok(())
    }

    /// The losses since the last look. This waits for the GPU; what a kernel has refused, the device tells afterwards.
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
}

/// A recorded part of an iteration, and which sides of memory it uses.
struct Replay {
    recording: Box<dyn Recording>,
    /// Of each of the net's values: where it was before the recording, and after.
    sides: Vec<(Side, Side)>,
}

impl Replay {
    /// Records what `work` asks of the GPU.
    fn record(gpu: &Gpu, net: &mut Net, work: impl FnOnce(&mut Net) -> Result) -> Result<Replay> {
        let before: Vec<Side> = net.all_values().map(|values| values.side()).collect();
        gpu.record()?;
        let open = Open(gpu);
        let done = work(net);
        drop(open);
        match done.and(gpu.end_record()) {
            Ok(recording) => {
                let sides = before.into_iter().zip(net.all_values().map(|values| values.side())).collect();
                Ok(Replay { recording, sides })
            }
            Err(e) => {
                // A copy that was refused has left NaN on the host; the card's values are the true ones.
                for (values, before) in net.all_values().zip(before) {
                    if before == Side::Card && values.side() == Side::Both {
                        values.card_over(gpu)?;
                    }
                }
                Err(e)
            }
        }
    }

    /// Does it again. What the host has changed goes to the card first; what the recording changes is on the card after.
    fn replay(&self, gpu: &Gpu, net: &mut Net) -> Result {
        for (values, (before, _)) in net.all_values().zip(&self.sides) {
            if matches!(before, Side::Card | Side::Both) {
                values.card(gpu)?;
            }
        }
        self.recording.replay()?;
        for (values, (_, after)) in net.all_values().zip(&self.sides) {
            if *after == Side::Card && values.side() != Side::Card {
                values.card_over(gpu)?;
            }
        }
        Ok(())
    }
}

/// Ends a recording that a layer's panic leaves open.
struct Open<'a>(&'a Gpu);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.end_record();
        }
    }
}

/// Says why passes are not recorded.
fn say(log: &Log, why: &str) {
    log.info(|| format!("The passes are not recorded: {why}."));
}
