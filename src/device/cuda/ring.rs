//! Copies from the host that nobody waits for.
//!
//! ```text
//! host values -> slot on the host -> slot on the card -> buffer
//!        by the CPU       by the copying stream    by the computing stream
//! ```
//!
//! The CPU's copy is over when the call returns, so the caller may go on with its values. The second runs beside what
//! the card computes; the third takes its turn in that. There are a few slots, used in turn: the host only waits for
//! the last copy out of the slot that it needs.

use super::driver::{Event, Stream};
use super::memory::{self, Compute, Memory, Pinned};
use crate::Result;
use std::sync::Arc;

/// How many copies may be under way: data and labels of a batch, and of the next.
const SLOTS: usize = 4;
/// The largest slot; what is longer goes through several.
const LARGEST: usize = 64 << 20;
const SMALLEST: usize = 64 << 10;

pub struct Ring {
    copying: Stream,
    compute: Arc<Compute>,
    slots: Vec<Slot>,
    next: usize,
}

struct Slot {
    host: Pinned,
    card: Memory,
    /// The copy into the card's half.
    arrived: Event,
    /// The copy out of it.
    taken: Event,
}

impl Ring {
    /// Slots are made when they are needed.
    pub fn new(compute: &Arc<Compute>) -> Result<Ring> {
        Ok(Ring { copying: Stream::new(compute.context)?, compute: compute.clone(), slots: Vec::new(), next: 0 })
    }

    /// Copies bytes to an address where there is room for them.
    pub fn upload(&mut self, bytes: &[u8], to: u64) -> Result {
        for (i, piece) in bytes.chunks(LARGEST).enumerate() {
            let (copying, compute) = (&self.copying, &self.compute.stream);
            let slot = Slot::take(&mut self.slots, self.next, &self.compute, piece.len())?;
            self.next = (self.next + 1) % SLOTS;
            slot.taken.wait()?;
            // SAFETY: the slot is at least so long, and no copy out of it is under way.
            unsafe {
                slot.host.host().copy_from_nonoverlapping(piece.as_ptr(), piece.len());
                memory::copy_in(copying, slot.host.host(), slot.card.address, piece.len())?;
            }
            slot.arrived.mark(copying)?;
            compute.wait_for(&slot.arrived)?;
            memory::copy(compute, slot.card.address, to + (i * LARGEST) as u64, piece.len())?;
            slot.taken.mark(compute)?;
        }
        Ok(())
    }
}

impl Slot {
    /// Slot `i`, with room for `bytes` bytes.
    fn take<'a>(slots: &'a mut Vec<Slot>, i: usize, compute: &Arc<Compute>, bytes: usize) -> Result<&'a mut Slot> {
        if slots.get(i).is_none_or(|slot| slot.host.bytes < bytes) {
            let room = bytes.next_power_of_two().clamp(SMALLEST, LARGEST);
            let slot = Slot {
                host: Pinned::new(compute, room)?,
                card: Memory::new(compute, room)?,
                arrived: Event::new(compute.context)?,
                taken: Event::new(compute.context)?,
            };
            match slots.get_mut(i) {
                Some(old) => *old = slot,
                None => slots.push(slot),
            }
        }
        // Slots are first taken in order, so there is one at `i` now.
        let last = slots.len() - 1;
        Ok(&mut slots[i.min(last)])
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let _ = self.copying.wait();
    }
}
