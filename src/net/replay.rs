//! A training pass on a GPU: asked for a few times, then replayed.
//!
//! A pass is some thirty launches, and asking for one takes longer than a small layer runs. So a pass is recorded (on a
//! card: a CUDA graph) and replayed from then on. A launch is recorded with its arguments; what changes from pass to
//! pass stands in the card's memory, in the [dial](Gpu::dial).
//!
//! | pass   | what happens                                                                          |
//! |--------|---------------------------------------------------------------------------------------|
//! | first  | plain: memory is allocated, kernels are compiled                                      |
//! | second | plain, and watched: a layer whose values go through the host cannot be recorded       |
//! | third  | recorded, and replayed                                                                |
//! | fourth | recorded again, and replayed: both recordings must ask the card for the same          |
//! | later  | replayed                                                                              |
//!
//! If that fails, the log says why and all passes are plain, as they are with `CORTADO_GRAPH=0`. A batch of another
//! shape starts the table anew, and so does [`Net::forget_recording`]. A pass that fails leaves the table where it was.

use super::{Net, through_host::Watched};
use crate::blob::Values;
use crate::device::{Gpu, Recording};
use crate::memory::Side;
use crate::{Error, Kind, Log, Result};

/// Is handed each top that has a loss weight, and the weight, while a pass runs or is recorded.
pub(crate) type AddLoss<'a> = dyn FnMut(&Values, f32) -> Result + 'a;

/// How far the table of the [module](self) has come.
#[derive(Default)]
pub(crate) struct Recorder {
    /// The shapes of what the data layers fill, for which the stage holds.
    shapes: Vec<Vec<usize>>,
    stage: Stage,
    /// The card's generation when the last pass was over.
    generation: u64,
}

#[derive(Default)]
enum Stage {
    #[default]
    New,
    /// One plain pass was run.
    Warm,
    /// A plain pass was run in which nothing was copied; and perhaps one was recorded.
    Clean(Option<Replay>),
    Recorded(Replay),
    /// It cannot be recorded.
    Plain,
}

/// A recorded pass.
struct Replay {
    recording: Box<dyn Recording>,
    /// Where each of the net's values was before the recording, and after it.
    sides: Vec<(Side, Side)>,
    watched: Watched,
}

impl Net {
    /// Nothing that was recorded holds any more: the net or its parameters may have been changed.
    pub(crate) fn forget_recording(&mut self) {
        self.recorder = Recorder::default();
    }

    /// Forward and backward, once, on the next batch, without waiting for the GPU. Says whether the pass was replayed:
    /// then the parameters and their diffs are on the card if they were there before.
    ///
    /// # Errors
    /// The error of the first layer that fails, with its name.
    pub(crate) fn pass_on_gpu(&mut self, gpu: &Gpu, add_loss: &mut AddLoss) -> Result<bool> {
        let untouched = self.recorder.generation == gpu.generation();
        self.feed(gpu)?;
        let sources = self.steps.iter().filter(|step| step.layer.is_source());
        let shapes = sources.flat_map(|step| &step.top).map(|&t| self.blobs[t].shape());
        if !shapes.clone().eq(self.recorder.shapes.iter().map(Vec::as_slice)) {
            self.recorder = Recorder { shapes: shapes.map(<[usize]>::to_vec).collect(), ..Recorder::default() };
        }
        if self.debug_info() {
            return self.run_pass(gpu, add_loss, None).map(|()| false);
        }
        let mut stage = std::mem::take(&mut self.recorder.stage);
        let done = self.pass_at(&mut stage, gpu, add_loss, untouched);
        self.recorder.stage = stage;
        if done.is_ok() {
            self.recorder.generation = gpu.generation(); // a pass that fails may leave values anywhere
        }
        done
    }

    /// Runs the pass that the table has for this stage, and goes on to the next stage if it succeeds.
    fn pass_at(&mut self, stage: &mut Stage, gpu: &Gpu, add_loss: &mut AddLoss, untouched: bool) -> Result<bool> {
        *stage = match stage {
            Stage::New => {
                self.run_pass(gpu, add_loss, None)?;
                self.fallback_reported = true;
                if gpu.records() { Stage::Warm } else { Stage::Plain }
            }
            Stage::Warm => {
                let mut watched = Watched::default();
                self.run_pass(gpu, add_loss, Some(&mut watched))?;
                match watched.through_host {
                    None => Stage::Clean(None),
                    Some(why) => self.never_recorded(&why),
                }
            }
            Stage::Clean(first) => match self.record_pass(gpu, add_loss) {
                Ok(replay) => {
                    replay.recording.replay()?;
                    self.device.check()?;
                    match first.take() {
                        None => Stage::Clean(Some(replay)),
                        Some(first) => match self.what_changes(&first, &replay) {
                            None => Stage::Recorded(replay),
                            Some(why) => self.never_recorded(&why),
                        },
                    }
                }
                Err(e) if e.kind() == Kind::Device => {
                    self.run_pass(gpu, add_loss, None)?;
                    warn_not_recorded(&self.log, "passes", &e);
                    Stage::Plain
                }
                Err(e) => return Err(e), // the layer's own
            },
            Stage::Recorded(replay) => {
                self.replay_pass(replay, gpu, untouched)?;
                return Ok(true);
            }
            Stage::Plain => return self.run_pass(gpu, add_loss, None).map(|()| false),
        };
        Ok(false)
    }

    /// Begins a pass: the data layers fill their tops on the host, which are then copied to the card.
    fn feed(&mut self, gpu: &Gpu) -> Result {
        (self.pass, self.next_pass) = (self.next_pass, self.next_pass + 1);
        gpu.turn(self.seed, self.pass)?;
        for i in 0..self.steps.len() {
            if self.steps[i].layer.is_source() {
                self.forward_step(i)?;
                self.steps[i].top.iter().try_for_each(|&t| self.blobs[t].data.card(gpu).map(drop))?;
            }
        }
        Ok(())
    }

    /// Runs all layers but the data layers, forward and backward.
    fn run_pass(&mut self, gpu: &Gpu, add_loss: &mut AddLoss, mut watched: Option<&mut Watched>) -> Result {
        for i in 0..self.steps.len() {
            if !self.steps[i].layer.is_source() {
                self.watch(gpu, i, watched.as_deref_mut(), |net| {
                    net.forward_step(i)?;
                    let tops = net.steps[i].top.iter().zip(&net.steps[i].loss_weight);
                    tops.filter(|(_, w)| **w != 0.0).try_for_each(|(&t, &w)| add_loss(&net.blobs[t].data, w))
                })?;
            }
        }
        self.warn_before_backward(&(0..self.steps.len()));
        for i in (0..self.steps.len()).rev() {
            self.watch(gpu, i, watched.as_deref_mut(), |net| net.backward_step(i))?;
        }
        self.log_params();
        self.device.check()
    }

    /// Records a pass instead of running it. If that fails, a plain pass writes all that it began to write.
    fn record_pass(&mut self, gpu: &Gpu, add_loss: &mut AddLoss) -> Result<Replay> {
        let before: Vec<Side> = self.all_values().map(|values| values.side()).collect();
        let mut watched = Watched::default();
        let recording = gpu.recorded(|| self.run_pass(gpu, add_loss, Some(&mut watched)))?;
        let sides = before.into_iter().zip(self.all_values().map(|values| values.side())).collect();
        Ok(Replay { recording, sides, watched })
    }

    /// Has the card do a recorded pass. Each value has to be looked at only if something was moved since the last one.
    fn replay_pass(&mut self, replay: &Replay, gpu: &Gpu, untouched: bool) -> Result {
        if !untouched {
            for (values, (before, _)) in self.all_values().zip(&replay.sides) {
                if matches!(before, Side::Card | Side::Both) {
                    values.card(gpu)?;
                }
            }
        }
        replay.recording.replay()?;
        if !untouched {
            for (values, (_, after)) in self.all_values().zip(&replay.sides) {
                if *after == Side::Card {
                    values.card_over(gpu)?;
                }
            }
        }
        self.note_replay();
        self.device.check() // without waiting: what a kernel has refused by now
    }

    /// Notes what all layers but the data layers note of themselves when they run.
    fn note_replay(&mut self) {
        for i in 0..self.steps.len() {
            if !self.steps[i].layer.is_source() {
                self.steps[i].forward_at = self.tick();
                self.note_forward(i);
            }
        }
        for i in (0..self.steps.len()).rev() {
            if self.steps[i].runs_backward {
                self.steps[i].backward_at = self.tick();
                self.note_backward(i);
            }
        }
    }

    /// The layer that asked the card for something else in the second recording than in the first, if one did.
    fn what_changes(&self, first: &Replay, second: &Replay) -> Option<String> {
        let (a, b) = (first.recording.asked(), second.recording.asked());
        let k = (0..a.len().max(b.len())).find(|&k| a.get(k) != b.get(k))?;
        let (what, step) = (&b.get(k).or(a.get(k))?.what, &self.steps[second.watched.step_of(k)?]);
        Some(format!(
            "layer \"{}\" ({}) asks for something else in each pass, first by {what}; what changes must stand in the card's memory",
            step.name, step.kind
        ))
    }

    fn never_recorded(&self, why: &str) -> Stage {
        self.log.info(|| format!("The passes are not recorded: {why}."));
        Stage::Plain
    }

    /// Every array of the net: the blobs' and the parameters', data and diffs.
    fn all_values(&mut self) -> impl Iterator<Item = &mut Values> {
        self.blobs.iter_mut().chain(&mut self.params.blobs).flat_map(|blob| [&mut blob.data, &mut blob.diff])
    }
}

/// Warns that something is not recorded, because recording it failed.
pub(crate) fn warn_not_recorded(log: &Log, what: &str, e: &Error) {
    let layer = e.layer_name().map_or(String::new(), |name| format!("layer \"{name}\": "));
    let hint = e.hints().first().map_or(String::new(), |hint| format!(" ({hint})"));
    log.warning(|| format!("The {what} are not recorded: {layer}{}{hint}.", e.message()));
}
