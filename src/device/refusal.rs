//! How a kernel refuses a value: it cannot return an error, so it leaves a note where the host looks.

use super::args::Arg;
use super::card::{Gpu, Slot};
use crate::{Error, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

type Explain = dyn Fn(usize, f32) -> Error + Send + Sync;

/// What a layer keeps to be told of values that its kernel refuses: a label out of range, for example. The kernel declares
/// a parameter `Refusal r` and calls `refuse(r, i, value)`; the error that `explain(i, value)` makes of it comes out of the
/// launch (emulated), or of a later call that returns a `Result`: a kernel runs after its launch has returned.
#[derive(Default)]
pub struct Refusal {
    made_for: Option<(Gpu, Arc<Noted>)>,
}

struct Noted {
    slot: Box<dyn Slot>,
    explain: Mutex<Box<Explain>>,
}

impl Refusal {
    /// The launch's argument; `explain` makes the error of an index and a value.
    pub fn arg(&mut self, gpu: &Gpu, explain: impl Fn(usize, f32) -> Error + Send + Sync + 'static) -> Result<Arg<'_>> {
        match &self.made_for {
            Some((made_for, noted)) if made_for.is_same_card(gpu) => *lock(&noted.explain) = Box::new(explain),
            _ => {
                let noted = Arc::new(Noted { slot: gpu.slot()?, explain: Mutex::new(Box::new(explain)) });
                lock(&gpu.refusals().0).push(Arc::downgrade(&noted));
                self.made_for = Some((gpu.clone(), noted));
            }
        }
        Ok(Arg::Refusal(self))
    }

    /// The slot, once an argument was asked for.
    pub(super) fn slot(&self) -> Option<&dyn Slot> {
        self.made_for.as_ref().map(|(_, noted)| &*noted.slot)
    }

    /// What the kernel has complained of so far.
    pub(super) fn check(&self) -> Result {
        self.made_for.as_ref().and_then(|(_, noted)| noted.take()).map_or(Ok(()), Err)
    }
}

impl Noted {
    fn take(&self) -> Option<Error> {
        let (index, value) = self.slot.take()?;
        Some(lock(&self.explain)(index.max(0) as usize, value))
    }
}

/// All places where a card's kernels may complain.
#[derive(Default)]
pub(super) struct Refusals(Mutex<Vec<Weak<Noted>>>);

impl Refusals {
    /// The first complaint.
    pub(super) fn take(&self) -> Option<Error> {
        let mut all = lock(&self.0);
        all.retain(|noted| noted.strong_count() > 0);
        all.iter().filter_map(Weak::upgrade).find_map(|noted| noted.take())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
