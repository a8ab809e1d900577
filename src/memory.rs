//! One buffer in two places: the host's memory and a card's (Caffe's SyncedMemory).
//!
//! Each side is filled at its first use. Writing to one side makes the other stale; a stale side is parked, not freed,
//! so that a card's addresses never change. Between two `&mut` calls each side is written at most once, as a `OnceLock`
//! allows behind `&self`: no `unsafe`, no `RefCell`, and the type is `Sync`. Between two cards, as of two nets, values
//! are copied by way of the host.
//!
//! Each change of side or storage raises the card's [generation](Gpu::generation), so a recorded step knows without a
//! look at every buffer whether it may be replayed.
//!
//! | calls on a fresh buffer | host  | card  | copies          |
//! |-------------------------|-------|-------|-----------------|
//! | `host_mut()`            | fresh | empty | none            |
//! | then `card(gpu)`        | fresh | fresh | host to card    |
//! | then `card_mut(gpu)`    | stale | fresh | none            |
//! | then `host()`           | fresh | fresh | card to host    |
//!
//! Zeros need no side at all: `fill(0.0)` writes nothing, and `host_over`, for values that are overwritten as a whole, never meets
//! them.

use crate::device::{CardBuffer, Gpu};
use crate::{Error, Result};
use std::iter::successors;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

struct Card(Gpu, Box<dyn CardBuffer>);

impl Drop for Card {
    fn drop(&mut self) {
        self.0.values_have_moved();
    }
}

/// `len` values, zero until written, allocated at the first use.
#[derive(Default)]
pub struct Memory {
    len: usize,
    host: OnceLock<Vec<f32>>,
    cards: OnceLock<Box<OnCard>>,
    /// NaN in place of values that could not be copied to the host.
    unread: OnceLock<Vec<f32>>,
    parked: Mutex<Parked>,
}

/// A list of the cards that hold the values: two nets may have a card each. Behind `&self` the list can only grow.
struct OnCard {
    card: Card,
    next: OnceLock<Box<OnCard>>,
}

/// The stale sides, kept for their storage.
#[derive(Default)]
struct Parked {
    host: Option<Vec<f32>>,
    cards: Vec<Card>,
}

/// The sides that hold the current values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Neither: the values count as zeros, and nothing is allocated for them, or what is allocated holds anything.
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

    /// The number of values; a side's storage may be longer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The sides that hold the current values.
    pub fn side(&self) -> Side {
        match (self.host.get().is_some(), self.cards.get().is_some()) {
            (false, false) => Side::Nowhere,
            (true, false) => Side::Host,
            (false, true) => Side::Card,
            (true, true) => Side::Both,
        }
    }

    /// Whether NaN once stood in for the values, because they could not be copied to the host.
    pub fn was_unread(&self) -> bool {
        self.unread.get().is_some()
    }

    /// Makes room for `len` values. Storage never shrinks; the values are kept unless it must grow.
    pub fn resize(&mut self, len: usize) {
        self.cards().for_each(|Card(gpu, _)| gpu.values_have_moved());
        let sides = self.host.get().map(Vec::len).into_iter().chain(self.cards().map(|card| card.1.len()));
        if sides.min().is_none_or(|capacity| len > capacity) {
            *self = Memory::new(len);
        }
        self.len = len;
        self.unread.take();
    }

    /// The values on the host; copied from a card if they are only there. If that copy fails, the values are NaN and
    /// the card keeps the error; the next call tries again.
    pub fn host(&self) -> &[f32] {
        self.read().unwrap_or_else(|e| {
            self.note(&e);
            &self.unread.get_or_init(|| vec![f32::NAN; self.len])[..self.len]
        })
    }

    /// Makes the card whose copy failed keep the error.
    fn note(&self, e: &Error) {
        self.cards().take(1).for_each(|Card(gpu, _)| gpu.note(e.clone()));
    }

    /// The values on the host; copied from a card if they are only there.
    ///
    /// # Errors
    /// That copy failed.
    pub fn read(&self) -> Result<&[f32]> {
        if self.host.get().is_none() {
            let mut parked = self.parked(); // other threads wait here for the one copy
            if self.host.get().is_none() {
                let mut host = parked.host.take().unwrap_or_default();
                let copied = match self.cards().next() {
                    Some(Card(_, buffer)) => {
                        host.resize(buffer.len(), 0.0);
                        buffer.download(&mut host)
                    }
                    None if host.len() >= self.len => {
                        host.fill(0.0);
                        Ok(())
                    }
                    None => {
                        host = vec![0.0; self.len];
                        Ok(())
                    }
                };
                if let Err(e) = copied {
                    parked.host = Some(host);
                    return Err(e);
                }
                let _ = self.host.set(host);
                self.cards().for_each(|Card(gpu, _)| gpu.values_have_moved());
            }
        }
        Ok(self.host.get().map_or(&[], |host| &host[..self.len]))
    }

    /// The values on the host, to be changed; the cards' become stale. If the copy from a card fails, the changes are
    /// lost, and the card keeps the error and the values.
    pub fn host_mut(&mut self) -> &mut [f32] {
        if let Err(e) = self.read() {
            self.note(&e);
            self.unread = vec![f32::NAN; self.len].into();
            return self.unread.get_mut().map_or(&mut [], Vec::as_mut_slice);
        }
        self.host_over()
    }

    /// The host's storage, to be overwritten as a whole: it may hold anything.
    pub fn host_over(&mut self) -> &mut [f32] {
        if self.host.get().is_none() {
            let parked = self.parked.get_mut().unwrap_or_else(PoisonError::into_inner).host.take();
            let storage = parked.filter(|host| host.len() >= self.len).unwrap_or_else(|| vec![0.0; self.len]);
            self.cards().for_each(|Card(gpu, _)| gpu.values_have_moved());
            self.host = storage.into();
        }
        self.park_cards_but(None);
        match self.host.get_mut() {
            Some(host) => &mut host[..self.len],
            None => &mut [],
        }
    }

    /// The values on this card; copied from the host, or from another card by way of the host, if needed.
    ///
    /// # Errors
    /// The card has no memory left, or a copy failed.
    pub fn card(&self, gpu: &Gpu) -> Result<&dyn CardBuffer> {
        if let Some(buffer) = self.buffer_on(gpu) {
            return Ok(buffer);
        }
        if self.side() == Side::Card {
            self.read()?;
        }
        let mut parked = self.parked();
        if self.buffer_on(gpu).is_none() {
            let mut card = parked.storage(gpu, self.len)?;
            let filled = match self.host.get() {
                Some(host) => card.1.upload(&host[..host.len().min(card.1.len())]),
                None => gpu.fill(&mut *card.1, self.len, 0.0),
            };
            if let Err(e) = filled {
                parked.cards.push(card); // a recording may know its address
                return Err(e);
            }
            gpu.values_have_moved();
            let last = self.list().last().map_or(&self.cards, |last| &last.next);
            let _ = last.set(Box::new(OnCard { card, next: OnceLock::new() }));
        }
        self.buffer_on(gpu).ok_or_else(no_card_memory)
    }

    /// The values on this card, to be changed; all others become stale.
    pub fn card_mut(&mut self, gpu: &Gpu) -> Result<&mut dyn CardBuffer> {
        self.card(gpu)?;
        self.card_over(gpu)
    }

    /// This card's storage, to be overwritten as a whole: nothing is copied.
    pub fn card_over(&mut self, gpu: &Gpu) -> Result<&mut dyn CardBuffer> {
        let is_there = self.buffer_on(gpu).is_some();
        let made = if is_there { None } else { Some(self.parked().storage(gpu, self.len)?) };
        self.park_cards_but(Some(gpu));
        let parked = self.parked.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = self.host.take() {
            gpu.values_have_moved();
            parked.host = Some(host);
        }
        if let Some(card) = made {
            gpu.values_have_moved();
            self.cards = Box::new(OnCard { card, next: OnceLock::new() }).into();
        }
        self.cards.get_mut().map(|list| &mut *list.card.1).ok_or_else(no_card_memory)
    }

    /// Sets every value: on a card if one has the values, else on the host. Where no card has a part in it, zeros are not
    /// written: the host's storage waits until it is read or overwritten.
    pub fn fill(&mut self, value: f32) {
        let (len, gpu) = (self.len, self.cards().next().map(|Card(gpu, _)| gpu.clone()));
        let Some(gpu) = gpu else {
            let parked = self.parked.get_mut().unwrap_or_else(PoisonError::into_inner);
            if value == 0.0 && parked.cards.is_empty() {
                parked.host = self.host.take().or(parked.host.take());
            } else {
                self.host_mut().fill(value);
            }
            return;
        };
        let filled = self.card_over(&gpu).and_then(|buffer| gpu.fill(buffer, len, value));
        filled.unwrap_or_else(|e| gpu.note(e));
    }

    /// Copies the values of `from`, which has the same length: on its card if this memory may use it, else on the host.
    ///
    /// # Errors
    /// The card has no memory left, or a copy failed.
    pub fn copy_from(&mut self, from: &Memory) -> Result {
        let len = self.len.min(from.len);
        let shared = from.cards().find(|Card(gpu, _)| self.may_use(gpu));
        match shared {
            Some(Card(gpu, buffer)) => gpu.copy(&**buffer, self.card_over(gpu)?, len),
            None => {
                self.host_mut()[..len].copy_from_slice(&from.read()?[..len]);
                Ok(())
            }
        }
    }

    /// Whether this memory has storage on this card, or on no card.
    fn may_use(&self, gpu: &Gpu) -> bool {
        let parked = self.parked();
        let own = self.cards().chain(&parked.cards).map(|Card(gpu, _)| gpu);
        let mut own = own.peekable();
        own.peek().is_none() || own.any(|own| own.is_same_card(gpu))
    }

    /// Gives the host's storage away; the values are zeros from now on. None if a card has the values.
    pub fn take_storage(&mut self) -> Option<Vec<f32>> {
        match self.side() {
            Side::Host => {
                *self.parked.get_mut().unwrap_or_else(PoisonError::into_inner) = Parked::default();
                self.host.take()
            }
            _ => None,
        }
    }

    /// Takes storage of at least this length, with any values, unless there is some.
    pub fn put_storage(&mut self, storage: Vec<f32>) {
        if storage.len() >= self.len && self.side() == Side::Nowhere {
            let _ = self.host.set(storage);
        }
    }

    fn list(&self) -> impl Iterator<Item = &OnCard> {
        successors(self.cards.get(), |list| list.next.get()).map(|list| &**list)
    }

    /// All cards that hold the current values.
    fn cards(&self) -> impl Iterator<Item = &Card> {
        self.list().map(|list| &list.card)
    }

    /// The current values on this card, if it has them.
    fn buffer_on(&self, gpu: &Gpu) -> Option<&dyn CardBuffer> {
        self.cards().find(|card| card.0.is_same_card(gpu)).map(|card| &*card.1)
    }

    /// Makes the values on all other cards stale.
    fn park_cards_but(&mut self, gpu: Option<&Gpu>) {
        let parked = self.parked.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut rest = self.cards.take();
        while let Some(mut list) = rest {
            rest = list.next.take();
            if gpu.is_some_and(|gpu| list.card.0.is_same_card(gpu)) {
                self.cards = list.into();
            } else {
                list.card.0.values_have_moved();
                parked.cards.push(list.card);
            }
        }
    }

    fn parked(&self) -> MutexGuard<'_, Parked> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parked {
    /// The card's parked storage if it is long enough, else new storage.
    fn storage(&mut self, gpu: &Gpu, len: usize) -> Result<Card> {
        let own = self.cards.iter().position(|card| card.0.is_same_card(gpu));
        match own.map(|i| self.cards.swap_remove(i)) {
            Some(card) if card.1.len() >= len => Ok(card),
            _ => Ok(Card(gpu.clone(), gpu.alloc(len)?)),
        }
    }
}

fn no_card_memory() -> Error {
    Error::shape("no card memory")
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
