//! The emulated card's memory: apart from the host's, never moved, and marked with who touched it.

use super::work::{LATE, Work};
use super::{Argument, Kept};
use crate::device::source::{self, too_long};
use crate::device::{CardBuffer, CardTable, Slot};
use crate::{Error, Kind, Result};
use std::any::Any;
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Values, and for each of them who wrote and who read it last (see `kernels/emulator.h`).
pub struct Storage {
    len: usize,
    values: UnsafeCell<Box<[f32]>>,
    marks: UnsafeCell<Box<[[u64; 2]]>>,
}

// SAFETY: whoever touches the values or the marks has the turn (`Work::turn`), which one thread has at a time.
unsafe impl Send for Storage {}
unsafe impl Sync for Storage {}

impl Storage {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Lends the values to be read. The caller must have the turn.
    pub fn read<R>(&self, work: impl FnOnce(&[f32]) -> R) -> R {
        // SAFETY: see above; nobody writes meanwhile.
        work(unsafe { &*self.values.get() })
    }

    /// Lends the values to be written. The caller must have the turn, and must not read these values at the same time.
    pub fn write<R>(&self, work: impl FnOnce(&mut [f32]) -> R) -> R {
        // SAFETY: see above; nobody else touches them meanwhile.
        work(unsafe { &mut *self.values.get() })
    }
}

/// A buffer of the emulated card.
pub struct Buffer {
    storage: Arc<Storage>,
    work: Arc<Work>,
}

impl Buffer {
    /// What was never written reads as NaN.
    pub fn new(len: usize, work: &Arc<Work>) -> Buffer {
        let (values, marks) = (vec![f32::NAN; len].into(), vec![[0; 2]; len].into());
        let storage = Storage { len, values: UnsafeCell::new(values), marks: UnsafeCell::new(marks) };
        Buffer { storage: Arc::new(storage), work: work.clone() }
    }

    /// This emulator's own buffer behind a card's. Another's memory is touched in turns of its own.
    pub fn of<'a>(buffer: &'a (dyn CardBuffer + 'static), work: &Arc<Work>) -> Result<&'a Buffer> {
        let own = (buffer as &dyn Any).downcast_ref::<Buffer>().filter(|own| Arc::ptr_eq(&own.work, work));
        own.ok_or_else(source::not_ours)
    }

    pub fn storage(&self) -> Arc<Storage> {
        self.storage.clone()
    }

    /// As a kernel is given it, with `len` values in use.
    pub fn argument(&self, len: usize) -> Argument {
        // SAFETY: the boxes are never changed, so their addresses stay.
        let (values, marks) = unsafe { (&mut *self.storage.values.get(), &mut *self.storage.marks.get()) };
        let (data, marks) = (values.as_mut_ptr(), marks.as_mut_ptr());
        Argument { data, marks, length: len.min(self.len()), ..Argument::NOTHING }
    }
}

impl CardBuffer for Buffer {
    fn len(&self) -> usize {
        self.storage.len()
    }

    fn address(&self) -> u64 {
        self.argument(0).data as u64
    }

    fn upload(&mut self, host: &[f32]) -> Result {
        self.work.refuse_while_recording(&format!("a copy of {} values from the host", host.len()))?;
        let (len, _turn) = (self.len(), self.work.turn());
        self.work.advance(1);
        self.work
            .count(|counts| (counts.uploads, counts.uploaded) = (counts.uploads + 1, counts.uploaded + bytes(host)));
        let copy = |card: &mut [f32]| card.get_mut(..host.len()).map(|card| card.copy_from_slice(host));
        self.storage.write(copy).ok_or_else(|| too_long(host.len(), len))
    }

    fn download(&self, host: &mut [f32]) -> Result {
        self.work.refuse_while_recording(&format!("a copy of {} values to the host", host.len()))?;
        if self.work.unreadable.load(Ordering::SeqCst) {
            let message = format!("{} values cannot be copied to the host: the card does not answer", host.len());
            return Err(Error::new(Kind::Device, message));
        }
        let (len, _turn) = (self.len(), self.work.turn());
        self.work.advance(LATE);
        self.work.count(|counts| {
            (counts.downloads, counts.downloaded) = (counts.downloads + 1, counts.downloaded + bytes(host));
        });
        let size = host.len();
        let copy = |card: &[f32]| card.get(..size).map(|card| host.copy_from_slice(card));
        self.storage.read(copy).ok_or_else(|| too_long(size, len))
    }
}

fn bytes(values: &[f32]) -> u64 {
    size_of_val(values) as u64
}

/// Buffers as one argument.
pub struct Table {
    held: Arc<Entries>,
    work: Arc<Work>,
}

struct Entries {
    arguments: Box<[Argument]>,
    _kept: Vec<Arc<Storage>>,
}

impl Table {
    pub fn new(buffers: &[&dyn CardBuffer], work: &Arc<Work>) -> Result<Table> {
        let buffers = buffers.iter().map(|buffer| Buffer::of(*buffer, work)).collect::<Result<Vec<_>>>()?;
        let arguments = buffers.iter().map(|buffer| buffer.argument(usize::MAX)).collect();
        let held = Entries { arguments, _kept: buffers.iter().map(|buffer| buffer.storage()).collect() };
        Ok(Table { held: Arc::new(held), work: work.clone() })
    }

    /// As a kernel is given it; none if it is another emulator's.
    pub fn argument(&self, work: &Arc<Work>) -> Option<(Kept, Argument)> {
        let entries = &self.held.arguments;
        // The kernel only reads the entries.
        let data = entries.as_ptr().cast_mut().cast::<f32>();
        let argument = Argument { data, length: entries.len(), ..Argument::NOTHING };
        Arc::ptr_eq(&self.work, work).then(|| (Some(self.held.clone() as Arc<_>), argument))
    }
}

impl CardTable for Table {
    fn len(&self) -> usize {
        self.held.arguments.len()
    }
}

/// Where a kernel complains: whether it did, of which index, and the bits of the value.
pub struct SlotWords {
    words: Arc<Words>,
    work: Arc<Work>,
}

pub struct Words {
    words: UnsafeCell<[i32; 3]>,
    /// When there was a complaint; 0 if there is none.
    since: AtomicU64,
}

// SAFETY: as for `Storage`.
unsafe impl Send for Words {}
unsafe impl Sync for Words {}

impl SlotWords {
    pub fn new(work: &Arc<Work>) -> SlotWords {
        let words = Words { words: UnsafeCell::new([0; 3]), since: AtomicU64::new(0) };
        SlotWords { words: Arc::new(words), work: work.clone() }
    }

    /// As a kernel is given it; none if it is another emulator's.
    pub fn argument(&self, work: &Arc<Work>) -> Option<(Kept, Argument)> {
        let data = self.words.words.get().cast::<f32>();
        let argument = Argument { data, length: 0, ..Argument::NOTHING };
        Arc::ptr_eq(&self.work, work).then(|| (Some(self.words.clone() as Arc<_>), argument))
    }
}

impl Words {
    /// Notes when a kernel complained. The caller must have the turn.
    pub fn date(&self, clock: u64) {
        // SAFETY: as for `Storage`.
        if unsafe { (*self.words.get())[0] } != 0 {
            let _ = self.since.compare_exchange(0, clock + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

impl Slot for SlotWords {
    fn take(&self) -> Option<(i32, f32)> {
        let _turn = self.work.turn();
        let since = self.words.since.load(Ordering::Relaxed);
        if since == 0 || self.work.is_late && self.work.clock() + 1 < since + LATE {
            return None;
        }
        self.words.since.store(0, Ordering::Relaxed);
        // SAFETY: we have the turn, so no kernel runs.
        let [_, index, value] = unsafe { std::mem::take(&mut *self.words.words.get()) };
        Some((index, f32::from_bits(value as u32)))
    }
}
