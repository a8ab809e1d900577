//! A card as layers know it: its dial, what it has compiled, and whether values have moved.

use super::card::{Card, CardBuffer, Module};
use super::kernels::Kernels;
use super::lock::lock;
use super::recording::Recording;
use crate::{Error, Result};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// A handle to a card, real or emulated. Cloning is cheap; clones are the same card with the same [dial](Gpu::dial).
#[derive(Clone)]
pub struct Gpu {
    card: Arc<dyn Card>,
    dial: Arc<Mutex<Option<Arc<dyn CardBuffer>>>>,
    complaints: Arc<Mutex<Vec<Weak<dyn Complaint>>>>,
    /// What was compiled, by source: layers of one type share their kernels.
    modules: Arc<Mutex<HashMap<Kernels, Arc<dyn Module>>>>,
    generation: Arc<AtomicU64>,
}

impl Gpu {
    /// A handle with a dial of its own.
    pub fn new(card: impl Card) -> Gpu {
        let (dial, complaints, modules, generation) = Default::default();
        Gpu { card: Arc::new(card), dial, complaints, modules, generation }
    }

    /// A handle to the same card with a dial of its own: what each net has.
    pub fn with_own_dial(&self) -> Gpu {
        Gpu { dial: Arc::default(), ..self.clone() }
    }

    /// Whether both are the same card.
    pub fn is_same_card(&self, other: &Gpu) -> bool {
        Arc::ptr_eq(&self.card, &other.card)
    }

    /// Goes up whenever values come to this card, leave it or get other memory. While it stays the same, everything is
    /// where it was.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Notes that values have moved.
    pub(crate) fn values_have_moved(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether training records what it repeats: not with `CORTADO_GRAPH=0`.
    pub fn records(&self) -> bool {
        std::env::var("CORTADO_GRAPH").as_deref() != Ok("0")
    }

    /// Records what `work` asks of the card; none of it is done. Whatever happens, the recording is ended.
    ///
    /// # Errors
    /// What `work` returns, or a recording that the card refuses.
    pub fn recorded(&self, work: impl FnOnce() -> Result) -> Result<Box<dyn Recording>> {
        self.card.record()?;
        let open = Open(self);
        let done = work();
        drop(open);
        let recording = done.and(self.card.end_record());
        if recording.is_err() {
            let _ = self.card.take_error(); // noted while recording: it has the same cause
        }
        recording
    }

    /// Compiles kernels, or finds them if this card has compiled them before.
    ///
    /// # Errors
    /// No compiler, or a source that it refuses.
    pub fn module(&self, kernels: &Kernels) -> Result<Arc<dyn Module>> {
        let mut modules = lock(&self.modules);
        if let Some(module) = modules.get(kernels) {
            return Ok(module.clone());
        }
        let module = self.card.compile(kernels.source())?;
        modules.insert(kernels.clone(), module.clone());
        Ok(module)
    }

    /// Tells the kernels the seed and the pass: the words of the [dial](Gpu::dial).
    pub fn turn(&self, seed: u64, pass: u64) -> Result {
        let dial = self.dial()?;
        self.card.put(&*dial, &[seed as u32, (seed >> 32) as u32, pass as u32])
    }

    /// Three words in the card's memory, the key of the [random numbers](crate::random): the seed's lower and upper
    /// half, and the pass. A recorded step reads them anew each time: `CardArg::InInt(&*dial, 3)`.
    pub fn dial(&self) -> Result<Arc<dyn CardBuffer>> {
        let mut dial = lock(&self.dial);
        match &*dial {
            Some(dial) => Ok(dial.clone()),
            None => Ok(dial.insert(Arc::from(self.card.alloc(3)?)).clone()),
        }
    }

    /// The first error noted, or the first complaint of a kernel.
    pub fn take_error(&self) -> Option<Error> {
        self.card.take_error().or_else(|| {
            let mut complaints = lock(&self.complaints);
            complaints.retain(|complaint| complaint.strong_count() > 0);
            complaints.iter().filter_map(Weak::upgrade).find_map(|complaint| complaint.take())
        })
    }

    /// From now on [`take_error`](Gpu::take_error) looks there, as long as it lives.
    pub(super) fn look_at(&self, complaint: Weak<dyn Complaint>) {
        lock(&self.complaints).push(complaint);
    }
}

/// Where a kernel may have left an error.
pub(super) trait Complaint: Send + Sync {
    /// The error, told once.
    fn take(&self) -> Option<Error>;
}

impl Deref for Gpu {
    type Target = dyn Card;
    fn deref(&self) -> &Self::Target {
        &*self.card
    }
}

/// Ends a recording that a panic leaves open.
struct Open<'a>(&'a Gpu);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.card.end_record();
        }
    }
}
