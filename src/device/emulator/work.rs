//! What the emulated card is asked to do: done at once, one thing at a time, or recorded and done when replayed.

use crate::device::source::recorded_elsewhere;
use crate::device::{Counts, Recording};
use crate::{Error, Kind, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// Something to do, with its arguments as they were when it was asked for. It is given the number of its run.
type Op = Box<dyn Fn(u64) -> Result + Send>;

/// Counts launches, for all emulators: memory that blocks share outlives an emulator.
static RUNS: AtomicU64 = AtomicU64::new(1);

/// What all parts of one emulated card share.
#[derive(Default)]
pub struct Work {
    error: Mutex<Option<Error>>,
    recording: Mutex<Option<(ThreadId, Vec<Op>)>>,
    turn: Mutex<()>,
    counts: Mutex<Counts>,
}

impl Work {
    /// Whoever touches the card's memory has the turn.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        lock(&self.turn)
    }

    /// Does it now, or records it.
    pub fn run(&self, op: impl Fn(u64) -> Result + Send + 'static) -> Result {
        if let Some((by, ops)) = &mut *lock(&self.recording) {
            if *by != thread::current().id() {
                return Err(recorded_elsewhere());
            }
            ops.push(Box::new(op));
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

    pub fn end_record(&self) -> Result<Vec<Op>> {
        lock(&self.recording)
            .take()
            .map(|(_, ops)| ops)
            .ok_or_else(|| Error::new(Kind::Device, "no step is being recorded"))
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
    ops: Vec<Op>,
    work: Arc<Work>,
}

impl Recorded {
    pub fn new(ops: Vec<Op>, work: &Arc<Work>) -> Recorded {
        Recorded { ops, work: work.clone() }
    }
}

impl Recording for Recorded {
    fn replay(&self) -> Result {
        self.work.refuse_while_recording("a replay")?;
        self.work.count(|counts| counts.replays += 1);
        self.ops.iter().try_for_each(|op| self.work.do_now(op))
    }

    fn len(&self) -> usize {
        self.ops.len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
