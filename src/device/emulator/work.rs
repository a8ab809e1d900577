//! What the emulated card is asked to do: done at once, one thing at a time, or recorded and done when replayed.

use crate::device::lock::lock;
use crate::device::source::recorded_elsewhere;
use crate::device::{Asked, Counts, Recording};
use crate::{Error, Kind, Result};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, ThreadId};

/// Something to do, with its arguments as they were when it was asked for. It is given the number of its run.
type Op = Box<dyn Fn(u64) -> Result + Send>;

/// A recording that has begun: the thread that records, and what it asked for.
type Open = (ThreadId, Vec<(Asked, Op)>);

/// Counts launches, for all emulators: memory that blocks share outlives an emulator.
static RUNS: AtomicU64 = AtomicU64::new(1);

/// What all parts of one emulated card share.
#[derive(Default)]
pub struct Work {
    error: Mutex<Option<Error>>,
    recording: Mutex<Option<Open>>,
    turn: Mutex<()>,
    counts: Mutex<Counts>,
    /// Whether copies to the host fail, for a test.
    pub unreadable: AtomicBool,
    refuses_recordings: bool,
    /// Whether a complaint reaches the host only when a card's would; see [`LATE`].
    pub is_late: bool,
    clock: AtomicU64,
}

/// The most uploads until the host sees what a kernel has refused. On a card they use four slots in turn
/// (`cuda/ring.rs`), and the host waits for a slot until the card has done all that was asked before that slot's last
/// use.
pub const LATE: u64 = 5;

impl Work {
    pub fn late() -> Work {
        Work { is_late: true, ..Work::default() }
    }

    pub fn without_recordings() -> Work {
        Work { refuses_recordings: true, ..Work::default() }
    }

    /// How far the host knows the card to be, in uploads.
    pub fn clock(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Moves the clock on, after an upload or (by `LATE`) after the host has waited for all that was asked.
    pub fn advance(&self, uploads: u64) {
        self.clock.fetch_add(uploads, Ordering::Relaxed);
    }

    /// Whoever touches the card's memory has the turn.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        lock(&self.turn)
    }

    /// Does it now, or records it as what was asked.
    pub fn run(&self, asked: Asked, op: impl Fn(u64) -> Result + Send + 'static) -> Result {
        if let Some((by, ops)) = &mut *lock(&self.recording) {
            if *by != thread::current().id() {
                return Err(recorded_elsewhere());
            }
            ops.push((asked, Box::new(op)));
            return Ok(());
        }
        self.do_now(&op)
    }

    fn do_now(&self, op: &dyn Fn(u64) -> Result) -> Result {
        let _turn = self.turn();
        op(RUNS.fetch_add(1, Ordering::Relaxed))
    }

    pub fn record(&self) -> Result {
        self.refuse_while_recording("a second recording")?;
        *lock(&self.recording) = Some((thread::current().id(), Vec::new()));
        Ok(())
    }

    pub fn end_record(&self) -> Result<Vec<(Asked, Op)>> {
        match lock(&self.recording).take() {
            Some(_) if self.refuses_recordings => Err(Error::new(Kind::Device, "this emulator records nothing")),
            Some((_, ops)) => Ok(ops),
            None => Err(Error::new(Kind::Device, "no step is being recorded")),
        }
    }

    /// What cannot be part of a recorded step is refused by name.
    pub fn refuse_while_recording(&self, what: &str) -> Result {
        match &*lock(&self.recording) {
            Some(_) => Err(Error::new(Kind::Device, format!("{what} while a step is being recorded"))),
            None => Ok(()),
        }
    }

    pub fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut lock(&self.counts));
    }

    pub fn counts(&self) -> Counts {
        *lock(&self.counts)
    }

    pub fn note(&self, error: Error) {
        lock(&self.error).get_or_insert(error);
    }

    pub fn take_error(&self) -> Option<Error> {
        lock(&self.error).take()
    }
}

/// A recorded step.
pub struct Recorded {
    asked: Vec<Asked>,
    ops: Vec<Op>,
    work: Arc<Work>,
}

impl Recorded {
    pub fn new(recorded: Vec<(Asked, Op)>, work: &Arc<Work>) -> Recorded {
        let (asked, ops) = recorded.into_iter().unzip();
        Recorded { asked, ops, work: work.clone() }
    }
}

impl Recording for Recorded {
    fn replay(&self) -> Result {
        self.work.refuse_while_recording("a replay")?;
        self.work.count(|counts| counts.replays += 1);
        self.ops.iter().try_for_each(|op| self.work.do_now(op))
    }

    fn asked(&self) -> &[Asked] {
        &self.asked
    }
}
