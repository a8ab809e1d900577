//! An NVIDIA card, by its driver, NVRTC and cuBLAS. They are looked for when the program runs: the crate is built and
//! tested without CUDA, and says in one sentence what is missing.
//!
//! Everything that is asked of a card happens on one stream, in order. Only copies from the host have a second one, so
//! that the next batch travels while this one is computed (`cuda/ring.rs`).

mod blas;
mod compiler;
mod driver;
mod library;
mod memory;
mod module;
mod query;
mod record;
mod ring;

use super::card::{Card, CardArg, CardBuffer, CardTable, Counts, Module, Slot};
use super::gemm::ColumnMajor;
use super::lock::lock;
use super::recording::{Asked, Recording};
use super::source::{not_ours, recorded_elsewhere, too_long};
use crate::{Error, Kind, Result};
use blas::Blas;
use driver::Context;
use memory::{Compute, Memory, Pinned};
pub use query::{describe, fact};
use record::Recorded;
use ring::Ring;
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// A card with a stream of its own. Two of the same card compute side by side, and do not share buffers.
pub struct Cuda(Arc<Inner>);

struct Inner {
    name: String,
    ordinal: i32,
    /// The compute capability, as in 9.0.
    capability: (i32, i32),
    /// The CUDA version that the driver is made for, as 13.
    newest: i32,
    compute: Arc<Compute>,
    state: Mutex<State>,
    error: Mutex<Option<Error>>,
}

/// What only one thread uses at a time.
#[derive(Default)]
struct State {
    ring: Option<Ring>,
    blas: Option<Blas>,
    /// The kernel of [`Card::put`].
    put: Option<module::Loaded>,
    recorded: Option<Recorded>,
    counts: Counts,
}

impl Cuda {
    /// The card of that number, from 0.
    ///
    /// # Errors
    /// No such card, or a library that is missing: one sentence that says what was looked for, and where.
    pub fn open(ordinal: u32) -> Result<Cuda> {
        // Every function was looked up before it is called; if one is missing all the same, cudarc panics.
        catch_unwind(AssertUnwindSafe(|| Cuda::start(ordinal)))
            .unwrap_or_else(|_| Err(Error::new(Kind::Device, "CUDA's libraries do not fit together")))
    }

    fn start(ordinal: u32) -> Result<Cuda> {
        let (version, cards) = driver::start()?;
        let ordinal = i32::try_from(ordinal).ok().filter(|&ordinal| ordinal < cards).ok_or_else(|| {
            Error::new(
                Kind::Device,
                format!("there is no card {ordinal}: the CUDA driver has {cards}, numbered from 0"),
            )
        })?;
        let newest = version / 1000;
        library::NVRTC.find(newest)?;
        library::CUBLAS.find(newest)?;
        let (device, name, _) = driver::device(ordinal)?;
        let compute = Compute::new(Context::of(device)?)?;
        let capability = query::capability(device)?;
        let (state, error) = Default::default();
        Ok(Cuda(Arc::new(Inner { name, ordinal, capability, newest, compute, state, error })))
    }

    /// The machine code that NVRTC makes of CUDA C for cards of a compute capability, such as (9, 0); it needs no card.
    ///
    /// # Errors
    /// No NVRTC, or a source that it refuses.
    pub fn code_for(source: &str, capability: (i32, i32)) -> Result<Vec<u8>> {
        super::source::kernels(source)?;
        compiler::compile(source, capability, false, i32::MAX)
    }

    /// The same before the last step: PTX, to be read.
    ///
    /// # Errors
    /// As [`code_for`](Cuda::code_for).
    pub fn ptx_for(source: &str, capability: (i32, i32)) -> Result<String> {
        let text = compiler::compile(source, capability, true, i32::MAX)?;
        Ok(String::from_utf8_lossy(&text).trim_end_matches('\0').into())
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn owns(&self, memory: &Memory) -> bool {
        memory.belongs_to(&self.compute)
    }

    /// The buffer as ours, if it is.
    fn own<'a>(&self, buffer: &'a (dyn CardBuffer + 'static)) -> Result<&'a Buffer> {
        let own = (buffer as &dyn Any).downcast_ref::<Buffer>().filter(|own| self.owns(&own.memory));
        own.ok_or_else(not_ours)
    }

    /// Copies bytes to a place with room for them; the caller need not wait.
    fn upload(&self, bytes: &[u8], to: &Memory) -> Result {
        let mut state = self.state();
        state.ensure_done_now(&format!("a copy of {} values from the host", bytes.len() / 4))?;
        self.compute.context.enter()?;
        if state.ring.is_none() {
            state.ring = Some(Ring::new(&self.compute)?);
        }
        if let Some(ring) = &mut state.ring {
            ring.upload(bytes, to.address)?;
        }
        state.counts.uploads += 1;
        state.counts.uploaded += bytes.len() as u64;
        Ok(())
    }
}

impl State {
    /// Refuses what another thread asks while a step is recorded: it would become part of the recording.
    fn ensure_ours(&self) -> Result {
        match &self.recorded {
            Some(recorded) if recorded.by != thread::current().id() => Err(recorded_elsewhere()),
            _ => Ok(()),
        }
    }

    /// Refuses what cannot be recorded.
    fn ensure_done_now(&self, what: &str) -> Result {
        match self.recorded {
            None => Ok(()),
            Some(_) => Err(Error::new(Kind::Device, format!("{what} while a step is being recorded"))),
        }
    }

    fn blas(&mut self, compute: &Arc<Compute>) -> Result<&Blas> {
        match &mut self.blas {
            Some(blas) => Ok(blas),
            none => Ok(none.insert(Blas::new(compute)?)),
        }
    }

    /// Counts a fill, or a copy on the card.
    fn moved(&mut self, what: &str, bytes: usize, value: f32, memories: &[&Arc<Memory>]) {
        self.counts.moves += 1;
        self.counts.bytes += bytes as u64;
        self.keep(what, (bytes, value), memories);
    }

    /// Notes something that was recorded, and keeps what it uses.
    fn keep(&mut self, what: &str, given: impl fmt::Debug, memories: &[&Arc<Memory>]) {
        if let Some(recorded) = &mut self.recorded {
            let addresses: Vec<u64> = memories.iter().map(|memory| memory.address).collect();
            recorded.asked.push(Asked::new(what, (given, addresses)));
            recorded.keep.extend(memories.iter().map(|&memory| memory.clone() as Arc<dyn Any + Send + Sync>));
        }
    }
}

impl Card for Cuda {
    fn name(&self) -> String {
        self.0.name.clone()
    }

    fn ordinal(&self) -> Option<u32> {
        u32::try_from(self.0.ordinal).ok()
    }

    fn alloc(&self, len: usize) -> Result<Box<dyn CardBuffer>> {
        self.0.state().ensure_done_now(&format!("memory for {len} values"))?;
        let bytes = len.checked_mul(4).ok_or_else(|| Error::shape(format!("{len} values are too many for a card")))?;
        let memory = Arc::new(Memory::new(&self.0.compute, bytes)?);
        Ok(Box::new(Buffer { memory, len, card: self.0.clone() }))
    }

    fn compile(&self, source: &str) -> Result<Arc<dyn Module>> {
        let loaded = Arc::new(module::Loaded::new(&self.0, source)?);
        Ok(Arc::new(module::Kernels { card: self.0.clone(), loaded }))
    }

    fn product(&self, call: &ColumnMajor, a: &dyn CardBuffer, b: &dyn CardBuffer, c: &mut dyn CardBuffer) -> Result {
        let (a, b, c) = (self.0.own(a)?, self.0.own(b)?, self.0.own(c)?);
        let mut state = self.0.state();
        state.ensure_ours()?;
        state.blas(&self.0.compute)?.product(call, a.memory.address, b.memory.address, c.memory.address)?;
        state.counts.products += 1;
        state.counts.bytes += call.bytes();
        state.keep("a matrix product", call, &[&a.memory, &b.memory, &c.memory]);
        Ok(())
    }

    fn fill(&self, buffer: &mut dyn CardBuffer, len: usize, value: f32) -> Result {
        let own = self.0.own(buffer)?;
        own.ensure_room(len)?;
        let mut state = self.0.state();
        state.ensure_ours()?;
        if len == 0 {
            return Ok(()); // the driver takes it for a mistake
        }
        self.0.compute.context.enter()?;
        memory::fill(&self.0.compute.stream, own.memory.address, value.to_bits(), len)?;
        state.moved("a fill", 4 * len, value, &[&own.memory]);
        Ok(())
    }

    fn copy(&self, from: &dyn CardBuffer, to: &mut dyn CardBuffer, len: usize) -> Result {
        let (from, to) = (self.0.own(from)?, self.0.own(to)?);
        from.ensure_room(len).and(to.ensure_room(len))?;
        let mut state = self.0.state();
        state.ensure_ours()?;
        if len == 0 {
            return Ok(());
        }
        self.0.compute.context.enter()?;
        memory::copy(&self.0.compute.stream, from.memory.address, to.memory.address, 4 * len)?;
        state.moved("a copy", 8 * len, 0.0, &[&from.memory, &to.memory]);
        Ok(())
    }

    fn put(&self, buffer: &dyn CardBuffer, words: &[u32]) -> Result {
        let own = self.0.own(buffer)?;
        if words.len() > own.len.min(8) {
            return Err(too_long(words.len(), own.len.min(8)));
        }
        module::put(&self.0, own, words)
    }

    fn table(&self, buffers: &[&dyn CardBuffer]) -> Result<Box<dyn CardTable>> {
        self.0.state().ensure_done_now("a table of buffers")?;
        let own: Vec<&Buffer> = buffers.iter().map(|&buffer| self.0.own(buffer)).collect::<Result<_>>()?;
        let addresses: Vec<u8> = own.iter().flat_map(|own| own.memory.address.to_ne_bytes()).collect();
        let memory = Memory::new(&self.0.compute, addresses.len())?;
        self.0.upload(&addresses, &memory)?;
        let bytes = own.iter().map(|own| own.memory.bytes).sum();
        let buffers = own.iter().map(|own| own.memory.clone()).collect();
        Ok(Box::new(Table { all: Arc::new(Addresses { memory, buffers, bytes }) }))
    }

    fn slot(&self) -> Result<Box<dyn Slot>> {
        let words = Arc::new(Pinned::new(&self.0.compute, 12)?);
        Ok(Box::new(Complaint { address: words.address()?, words }))
    }

    fn record(&self) -> Result {
        self.0.record()
    }

    fn end_record(&self) -> Result<Box<dyn Recording>> {
        Inner::end_record(&self.0)
    }

    fn wait(&self) -> Result {
        let state = self.0.state(); // kept: no recording begins meanwhile
        state.ensure_done_now("a wait")?;
        self.0.compute.stream.wait()
    }

    fn counts(&self) -> Counts {
        self.0.state().counts
    }

    fn note(&self, error: Error) {
        lock(&self.0.error).get_or_insert(error);
    }

    fn take_error(&self) -> Option<Error> {
        lock(&self.0.error).take()
    }
}

struct Buffer {
    memory: Arc<Memory>,
    len: usize,
    card: Arc<Inner>,
}

impl Buffer {
    fn ensure_room(&self, len: usize) -> Result {
        match len <= self.len {
            true => Ok(()),
            false => Err(too_long(len, self.len)),
        }
    }
}

impl CardBuffer for Buffer {
    fn len(&self) -> usize {
        self.len
    }

    fn address(&self) -> u64 {
        self.memory.address
    }

    fn upload(&mut self, host: &[f32]) -> Result {
        self.ensure_room(host.len())?;
        // SAFETY: any four bytes of a value are bytes.
        let bytes = unsafe { std::slice::from_raw_parts(host.as_ptr().cast::<u8>(), size_of_val(host)) };
        self.card.upload(bytes, &self.memory)
    }

    fn download(&self, host: &mut [f32]) -> Result {
        self.ensure_room(host.len())?;
        let mut state = self.card.state();
        state.ensure_done_now(&format!("a copy of {} values to the host", host.len()))?;
        self.card.compute.context.enter()?;
        memory::copy_out(&self.card.compute.stream, self.memory.address, host)?;
        state.counts.downloads += 1;
        state.counts.downloaded += size_of_val(host) as u64;
        Ok(())
    }
}

struct Table {
    all: Arc<Addresses>,
}

/// The addresses of buffers, on the card, and the buffers that they keep alive.
struct Addresses {
    memory: Memory,
    buffers: Vec<Arc<Memory>>,
    bytes: usize,
}

impl CardTable for Table {
    fn len(&self) -> usize {
        self.all.buffers.len()
    }
}

/// Three words on the host that the card can reach: the complaint's state (0 none, 1 begun, 2 written), index, value.
struct Complaint {
    words: Arc<Pinned>,
    address: u64,
}

impl Slot for Complaint {
    fn take(&self) -> Option<(i32, f32)> {
        // SAFETY: there are three words, aligned; the card writes each whole.
        let [state, index, value] = unsafe { &*self.words.host().cast::<[AtomicI32; 3]>() };
        if state.load(Ordering::Acquire) != 2 {
            return None;
        }
        let said = (index.load(Ordering::Relaxed), f32::from_bits(value.load(Ordering::Relaxed) as u32));
        state.store(0, Ordering::Release);
        Some(said)
    }
}
