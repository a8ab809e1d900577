//! One buffer in two places: the host's memory and a card's (Caffe's SyncedMemory).
//!
//! Each side is filled when it is first asked for. Writing to one side makes the other stale; a stale side is parked, not
//! freed, so that a card's addresses never change. A side is written at most once between two `&mut` calls, which is
//! exactly what a `OnceLock` allows behind `&self`: no `unsafe`, no `RefCell`, and the type is `Sync`.
//!
//! | calls on a fresh buffer | host  | card  | copies          |
//! |-------------------------|-------|-------|-----------------|
//! | `host_mut()`            | fresh | empty | none            |
//! | then `card(gpu)`        | fresh | fresh | host to card    |
//! | then `card_mut(gpu)`    | stale | fresh | none            |
//! | then `host()`           | fresh | fresh | card to host    |

use crate::Result;
use crate::device::{CardBuffer, Gpu};
use std::sync::{Mutex, OnceLock, PoisonError};

type Card = (Gpu, Box<dyn CardBuffer>);

/// `len` values, zero until written, allocated when first asked for.
#[derive(Default)]
pub struct Memory {
    len: usize,
    host: OnceLock<Vec<f32>>,
    card: OnceLock<Card>,
    parked: Mutex<Parked>,
}

/// The stale sides, kept for their storage.
#[derive(Default)]
struct Parked {
    host: Option<Vec<f32>>,
    card: Option<Card>,
}

/// Which sides hold the present values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Neither: nothing is allocated, and the values count as zeros.
    Nowhere,
    /// The host alone; the card has none or a stale copy.
    Host,
    /// The card alone; the host has none or a stale copy.
    Card,
    /// Both, and they are equal.
    Both,
}

impl Memory {
    /// Zeros; nothing is allocated yet.
    pub fn new(len: usize) -> Memory {
        Memory { len, ..Memory::default() }
    }

    /// How many values there are; a side's storage may be longer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the present values are.
    pub fn side(&self) -> Side {
        match (self.host.get().is_some(), self.card.get().is_some()) {
            (false, false) => Side::Nowhere,
            (true, false) => Side::Host,
            (false, true) => Side::Card,
            (true, true) => Side::Both,
        }
    }

    /// Makes room for `len` values. Storage only grows; the values are kept as far as the storage was long enough.
    pub fn resize(&mut self, len: usize) {
        let sides = [self.host.get().map(Vec::len), self.card.get().map(|c| c.1.len())];
        if sides.into_iter().flatten().min().is_none_or(|capacity| len > capacity) {
            *self = Memory::new(len);
        }
        self.len = len;
    }

    /// The values on the host; copied from the card if they are only there. If that copy fails, they are NaN and the
    /// card keeps the error.
    pub fn host(&self) -> &[f32] {
        let host = self.host.get_or_init(|| {
            let mut host = self.parked(|p| p.host.take()).unwrap_or_default();
            match self.card.get() {
                Some((gpu, card)) => {
                    host.resize(card.len(), 0.0);
                    if let Err(e) = card.download(&mut host) {
                        host.fill(f32::NAN);
                        gpu.note(e);
                    }
                }
                None => host = vec![0.0; self.len],
            }
            host
        });
        &host[..self.len]
    }

    /// The values on the host, to be changed; the card's become stale.
    pub fn host_mut(&mut self) -> &mut [f32] {
        self.host();
        if let Some(card) = self.card.take() {
            self.parked.get_mut().unwrap_or_else(PoisonError::into_inner).card = Some(card);
        }
        match self.host.get_mut() {
            Some(host) => &mut host[..self.len],
            None => &mut [],
        }
    }

    /// The values on the card; copied from the host if they are only there.
    ///
    /// # Errors
    /// The card has no memory left, or the copy failed.
    pub fn card(&self, gpu: &Gpu) -> Result<&dyn CardBuffer> {
        if self.card.get().is_none() {
            let mut card = self.card_storage(gpu)?;
            let filled = match self.host.get() {
                Some(host) => card.1.upload(&host[..host.len().min(card.1.len())]),
                None => gpu.fill(&mut *card.1, self.len, 0.0),
            };
            if let Err(e) = filled {
                self.parked(|p| p.card = Some(card)); // a recording may know its address
                return Err(e);
            }
            let _ = self.card.set(card); // lost only to another thread that made the same copy
        }
        self.card.get().map(|c| &*c.1).ok_or_else(|| crate::Error::shape("no card memory"))
    }

    /// The values on the card, to be changed; the host's become stale.
    pub fn card_mut(&mut self, gpu: &Gpu) -> Result<&mut dyn CardBuffer> {
        self.card(gpu)?;
        self.card_over(gpu)
    }

    /// The card's storage, to be wholly overwritten: nothing is copied.
    pub fn card_over(&mut self, gpu: &Gpu) -> Result<&mut dyn CardBuffer> {
        if self.card.get().is_none() {
            let _ = self.card.set(self.card_storage(gpu)?);
        }
        if let Some(host) = self.host.take() {
            self.parked.get_mut().unwrap_or_else(PoisonError::into_inner).host = Some(host);
        }
        match self.card.get_mut() {
            Some(c) => Ok(&mut *c.1),
            None => Err(crate::Error::shape("no card memory")),
        }
    }

    /// Sets every value: on the card where the values are there, else on the host.
    pub fn fill(&mut self, value: f32) {
        let len = self.len;
        match self.on_card() {
            Some((gpu, card)) => gpu.fill(card, len, value).unwrap_or_else(|e| gpu.note(e)),
            None => self.host_mut().fill(value),
        }
    }

    /// Takes over the values of `from`, which has the same length: on the card where they are there, else on the host.
    pub fn copy_from(&mut self, from: &Memory) {
        let (len, source) = (self.len.min(from.len), from.card.get().map(|(gpu, card)| (gpu.clone(), card)));
        match source.as_ref().map(|(gpu, card)| (gpu, card, self.card_over(gpu))) {
            Some((gpu, card, Ok(to))) => gpu.copy(&***card, to, len).unwrap_or_else(|e| gpu.note(e)),
            Some((gpu, _, Err(e))) => gpu.note(e),
            None => self.host_mut()[..len].copy_from_slice(&from.host()[..len]),
        }
    }

    /// The card's fresh values, to be changed; the host's become stale.
    fn on_card(&mut self) -> Option<(Gpu, &mut dyn CardBuffer)> {
        let gpu = self.card.get()?.0.clone();
        Some((gpu.clone(), self.card_over(&gpu).ok()?))
    }

    /// Gives the host's storage away, with whatever values it holds; the values are zeros from now on. None if they are (also)
    /// on a card.
    pub fn take_storage(&mut self) -> Option<Vec<f32>> {
        match self.side() {
            Side::Host => {
                *self.parked.get_mut().unwrap_or_else(PoisonError::into_inner) = Parked::default();
                self.host.take()
            }
            _ => None,
        }
    }

    /// Takes over storage of at least this length, with whatever values it holds.
    pub fn put_storage(&mut self, storage: Vec<f32>) {
        if storage.len() >= self.len && self.side() == Side::Nowhere {
            let _ = self.host.set(storage);
        }
    }

    /// Parked storage if it is long enough, or new.
    fn card_storage(&self, gpu: &Gpu) -> Result<Card> {
        match self.parked(|p| p.card.take()) {
            Some(card) if card.1.len() >= self.len => Ok(card),
            _ => Ok((gpu.clone(), gpu.alloc(self.len)?)),
        }
    }

    fn parked<T>(&self, f: impl FnOnce(&mut Parked) -> T) -> T {
        f(&mut self.parked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clone for Memory {
    /// A copy of the values, on the host.
    fn clone(&self) -> Memory {
        let copy = Memory::new(self.len);
        if self.side() != Side::Nowhere {
            let _ = copy.host.set(self.host().to_vec());
        }
        copy
    }
}
