//! The solver: the loop of forward, backward and update, with testing, snapshots and the log around it.
//!
//! One iteration is: clear the parameters' diffs; forward and backward, `iter_size` times; clip, normalise and
//! regularise the gradients; turn them into steps by the [rule](rules); subtract the steps. The test nets have no
//! weights of their own: the train net's are swapped into them for as long as they run.
//!
//! ```no_run
//! use cortado::Solver;
//! let mut solver = Solver::from_file("proto/lenet_solver.prototxt")?;
//! solver.step(100)?; // a hundred iterations
//! println!("loss {}", solver.loss());
//! println!("{}", solver.test(0)?); // the means of test net 0's outputs
//! # Ok::<(), cortado::Error>(())
//! ```

mod build;
mod gpu_update;
mod lending;
mod nets;
mod on_card;
pub mod policy;
pub mod rules;
mod settings;
mod snapshot;
mod testing;
mod update;

pub use build::Builder;
pub use testing::{Score, TestScores, average, scores};

use crate::blob::Values;
use crate::device::{Cpu, Device};
use crate::log::number;
use crate::net::Net;
use crate::proto::SolverParameter;
use crate::{Error, Kind, Log, Result};
use rules::{Rule, Rules};
use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use update::Regularization;

/// Trains a net. See the [module](self).
pub struct Solver {
    param: SolverParameter,
    device: Device,
    cpu: Cpu,
    seed: u64,
    log: Log,
    net: Net,
    tests: Vec<lending::Test>,
    /// The test net that has the parameters just now.
    lent_to: Option<usize>,
    rules: Rules,
    rule: Box<dyn Rule>,
    regularization: Regularization,
    /// What the rule remembers: its first array of every parameter, then its second, as in a `.solverstate`.
    history: Vec<Values>,
    iter: u64,
    /// The loss of every iteration of this run, and the last `average_loss` of them.
    losses: Vec<f32>,
    window: VecDeque<f32>,
    remote: Remote,
    /// The iteration at which this run last saved the weights.
    saved_at: Option<u64>,
    /// On a GPU: what updates the weights, and where the iterations began whose losses are not known yet.
    gpu_update: Option<gpu_update::GpuUpdate>,
    starts: Vec<on_card::Start>,
    /// Whether it was said that the rule has no kernel.
    said: bool,
}

/// Asks a running solver to stop or to snapshot, from a signal handler or another thread.
#[derive(Clone, Default, Debug)]
pub struct Remote {
    /// True ends training after the iteration that is running, or a test after the batch that is running.
    pub stop: Arc<AtomicBool>,
    /// True has a snapshot saved after the iteration that is running, and goes back to false.
    pub snapshot: Arc<AtomicBool>,
}

impl Solver {
    /// A solver from a prototxt file.
    ///
    /// # Errors
    /// As [`Builder::make`], with file, line and column.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Solver> {
        Builder::read(path)?.make()
    }

    /// A solver from a message.
    pub fn new(param: &SolverParameter) -> Result<Solver> {
        Builder::new(param.clone()).make()
    }

    /// Starts building a solver; see [`Builder`].
    pub fn build(param: &SolverParameter) -> Builder {
        Builder::new(param.clone())
    }

    /// The settings.
    pub fn param(&self) -> &SolverParameter {
        &self.param
    }

    /// Changes settings for the iterations to come: `solver.set(|p| p.base_lr = Some(0.001))?`. The nets, the seed and
    /// the number of test nets stay as they were made.
    ///
    /// # Errors
    /// Settings that a solver would not be made with, or a `type` with another history; nothing is changed then.
    pub fn set(&mut self, change: impl FnOnce(&mut SolverParameter)) -> Result {
        let mut param = self.param.clone();
        change(&mut param);
        let regularization = settings::check(&param)?;
        let rule = self.rules.create(&param)?;
        if rule.history() != self.rule.history() || param.r#type() != self.param.r#type() {
            let message = format!("the rule {} cannot become {} while it runs", self.param.r#type(), param.r#type());
            return Err(Error::value(message).field("type").hint("make another solver, and copy the weights"));
        }
        if param.test_iter.len() != self.param.test_iter.len() || param.test_iter.iter().any(|n| *n < 0) {
            let message = format!("test_iter {:?} for {} test nets", param.test_iter, self.tests.len());
            return Err(Error::value(message).field("test_iter").hint("give each a number of batches"));
        }
        let of_snapshots = |p: &SolverParameter| (p.snapshot(), p.snapshot_prefix.clone(), p.snapshot_format());
        if of_snapshots(&param) != of_snapshots(&self.param) {
            snapshot::check_on_the_way(&param)?;
        }
        (self.param, self.regularization, self.rule) = (param, regularization, rule);
        Ok(())
    }

    /// The train net's name.
    pub fn name(&self) -> &str {
        self.net.name()
    }

    /// How many iterations are done.
    pub fn iter(&self) -> u64 {
        self.iter
    }

    /// The learning rate of the next iteration.
    pub fn rate(&self) -> Result<f32> {
        policy::rate(&self.param, self.iter)
    }

    /// The mean loss of the last `average_loss` iterations.
    pub fn loss(&self) -> f32 {
        self.window.iter().sum::<f32>() / self.window.len() as f32
    }

    /// The loss of every iteration of this run.
    pub fn losses(&self) -> &[f32] {
        &self.losses
    }

    /// What the rule remembers, in a `.solverstate`'s order.
    pub fn history(&self) -> &[Values] {
        &self.history
    }

    /// A handle to stop this solver or have it snapshot while it runs.
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Trains to `max_iter`, with a snapshot and a test at the end as the settings say.
    ///
    /// # Errors
    /// Whatever stops training: a layer's error, a loss that is not finite, a disk that is full.
    pub fn solve(&mut self) -> Result {
        self.solve_with(None)
    }

    /// As [`Solver::solve`]; calls `look` after each iteration with the number of iterations done and the last loss
    /// that is known, for a progress bar. On the CPU that is this iteration's loss. A GPU is not waited for: there it
    /// is the loss at the last `display`, and NaN before the first.
    pub fn solve_watched(&mut self, mut look: impl FnMut(u64, f32) + Send) -> Result {
        self.solve_with(Some(Watcher { look: &mut look, waits: false }))
    }

    fn solve_with(&mut self, watcher: Option<Watcher>) -> Result {
        self.log.info(|| format!("Solving {}", self.net.name()));
        self.log.info(|| format!("Learning Rate Policy: {}", self.param.lr_policy()));
        let (end, saves) = ((self.param.max_iter() as u64).max(self.iter), self.param.snapshot_after_train());
        let saves = saves && self.param.snapshot_prefix.is_some();
        if saves && self.saved_at != Some(end) {
            snapshot::check(&self.param, [end])?;
        }
        self.iterations(end - self.iter, watcher)?;
        if saves && self.saved_at != Some(self.iter) {
            self.snapshot()?;
        }
        if self.remote.stop.swap(false, Ordering::SeqCst) {
            self.log.info(|| "Optimization stopped early.".into());
            return Ok(());
        }
        if due(self.param.display(), self.iter) {
            // As in Caffe, one more forward says what the last update was worth.
            self.lend_to(None);
            let loss = self.net.forward_loss()?;
            self.smooth(loss);
            self.log.info(|| format!("Iteration {}, loss = {}", self.iter, number(self.loss())));
        }
        if due(self.param.test_interval(), self.iter) {
            self.test_all()?;
        }
        self.log.info(|| "Optimization Done.".into());
        Ok(())
    }

    /// Trains for `n` iterations, testing, logging and saving when they are due.
    ///
    /// # Errors
    /// As [`Solver::solve`]. The iteration that failed is not counted.
    pub fn step(&mut self, n: u64) -> Result {
        self.iterations(n, None)
    }

    /// As [`Solver::step`]; calls `look` with the number of iterations done and the loss after each. A GPU has to be
    /// waited for to know a loss: [`Solver::step`] is faster there.
    pub fn step_each(&mut self, n: u64, mut look: impl FnMut(u64, f32) + Send) -> Result {
        self.iterations(n, Some(Watcher { look: &mut look, waits: true }))
    }

    fn iterations(&mut self, n: u64, mut watcher: Option<Watcher>) -> Result {
        let device = self.device.clone();
        let mut clock = Clock { since: Instant::now(), iter: self.iter };
        self.lend_to(None);
        device.install(|| {
            let mut all = || {
                for _ in 0..n {
                    self.iterate(&mut clock)?;
                    if let Some(Watcher { look, waits }) = &mut watcher {
                        if *waits {
                            self.look()?;
                        }
                        look(self.iter, self.losses.last().copied().unwrap_or(f32::NAN));
                    }
                    if self.remote.snapshot.swap(false, Ordering::SeqCst) || due(self.param.snapshot(), self.iter) {
                        self.look()?;
                        self.snapshot()?;
                    }
                    if self.remote.stop.load(Ordering::SeqCst) {
                        break;
                    }
                }
                Ok(())
            };
            let done = all();
            self.look().and(done) // what a GPU has found went wrong earlier than what the host has
        })
    }

    fn iterate(&mut self, clock: &mut Clock) -> Result {
        if due(self.param.test_interval(), self.iter) && (self.iter > 0 || self.param.test_initialization()) {
            self.look()?;
            self.test_all()?;
            self.lend_to(None);
        }
        if self.is_on_gpu()? {
            return self.iterate_on_card(clock);
        }
        let display = due(self.param.display(), self.iter);
        self.net.set_debug_info(display && self.param.debug_info());
        let loss = self.passes()?;
        self.losses.push(loss);
        self.smooth(loss);
        if display {
            self.show_progress(clock)?;
        }
        self.apply_update()?;
        self.iter += 1;
        Ok(())
    }

    /// Forward and backward, `iter_size` times, on cleared gradients; gives the mean loss.
    ///
    /// # Errors
    /// A loss that is not finite, with the layer that made the first such value.
    fn passes(&mut self) -> Result<f32> {
        self.net.clear_param_diffs();
        let mut loss = 0.0;
        for _ in 0..self.param.iter_size() {
            let positions = self.net.positions();
            let of_pass = self.net.forward_loss()?;
            if !of_pass.is_finite() {
                return Err(self.not_finite(of_pass, positions));
            }
            loss += of_pass;
            self.net.backward()?;
        }
        Ok(loss / self.param.iter_size() as f32)
    }

    /// Takes a loss into the mean of the last `average_loss`.
    fn smooth(&mut self, loss: f32) {
        self.window.push_back(loss);
        while self.window.len() > self.param.average_loss() as usize {
            self.window.pop_front();
        }
    }

    /// The complaint about a loss that is not finite. The pass is run once more from where its data began, layer by
    /// layer, to name the first whose values are not finite.
    fn not_finite(&mut self, loss: f32, positions: Vec<(String, u64)>) -> Error {
        let e = Error::new(Kind::NonFinite, format!("the loss is {loss} at iteration {}", self.iter));
        let mut first = None;
        let mut again = || {
            positions.iter().try_for_each(|(layer, samples)| self.net.seek(layer, *samples))?;
            self.net.set_passes(self.net.passes() - 1);
            self.net.forward_each(|net, layer| {
                let is_finite = |top: &&str| net.data(top).map_or(true, |y| y.slice().iter().all(|y| y.is_finite()));
                if let Some(top) = net.top_names(layer)?.into_iter().find(|top| !is_finite(top)) {
                    first.get_or_insert((layer.to_string(), top.to_string()));
                }
                Ok(())
            })
        };
        let _ = again(); // whatever else goes wrong, the loss is what there is to report
        let diverged = "a smaller base_lr, clip_gradients or another filler usually helps";
        match first {
            Some((layer, top)) => {
                // What a layer without bottoms makes is what it was given.
                let is_source = self.net.bottom_names(&layer).is_ok_and(|bottoms| bottoms.is_empty());
                let e = if is_source { e.hint("look at the data: they hold such values") } else { e.hint(diverged) };
                e.hint(format!("the first values that are not finite are its top \"{top}\"")).layer(layer)
            }
            None => e.hint(diverged),
        }
    }

    fn show_progress(&self, clock: &mut Clock) -> Result {
        let (seconds, iters) = (clock.since.elapsed().as_secs_f32(), self.iter - clock.iter);
        *clock = Clock { since: Instant::now(), iter: self.iter };
        let speed = number(iters as f32 / seconds);
        self.log.info(|| {
            let (iter, display, loss) = (self.iter, self.param.display(), number(self.loss()));
            format!("Iteration {iter} ({speed} iter/s, {}s/{display} iters), loss = {loss}", number(seconds))
        });
        for (k, score) in testing::scores(&self.net)?.iter().enumerate() {
            self.log.info(|| format!("    Train net output #{k}: {score}"));
        }
        let rate = self.rate()?;
        self.log.info(|| format!("Iteration {}, lr = {}", self.iter, number(rate)));
        Ok(())
    }
}

/// A callback after each iteration, given the number of iterations done and the loss. `waits` says whether to wait for
/// a GPU to know the loss.
struct Watcher<'a> {
    look: &'a mut (dyn FnMut(u64, f32) + Send),
    waits: bool,
}

/// When the last line of progress was shown.
struct Clock {
    since: Instant,
    iter: u64,
}

/// Whether something that happens every `interval` iterations happens now; 0 means never.
fn due(interval: i32, iter: u64) -> bool {
    interval > 0 && iter.is_multiple_of(interval as u64)
}

impl fmt::Debug for Solver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Solver \"{}\" at iteration {} of {:?}", self.param.r#type(), self.iter, self.net)
    }
}
