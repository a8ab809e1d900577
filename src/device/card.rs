//! What a GPU must offer, and what layers say to one.

use super::args::Arg;
use super::gemm::{ColumnMajor, Gemm};
use super::kernels::Kernels;
use super::recording::Recording;
use crate::{Error, Kind, Result};
use std::any::Any;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a GPU must offer: memory of its own, a compiler for kernels, launches, matrix products, and the recording of them.
/// There are two faces: a card ([`cuda`](super::cuda)), and the [emulator](super::emulator) that runs the same CUDA C on
/// the CPU.
///
/// Whatever is asked of a card happens in that order, and later: only a download and [`wait`](Card::wait) wait for it.
pub trait Card: Any + Send + Sync {
    /// The card's name, for people.
    fn name(&self) -> String;
    /// Its number among the machine's cards, from 0, if it is one of them.
    fn ordinal(&self) -> Option<u32> {
        None
    }
    /// Memory for `len` values, which may hold anything (emulated: NaN).
    fn alloc(&self, len: usize) -> Result<Box<dyn CardBuffer>>;
    /// Compiles CUDA C.
    fn compile(&self, source: &str) -> Result<Arc<dyn Module>>;
    /// A matrix product in cuBLAS's terms; see [`Gpu::gemm`].
    fn product(&self, call: &ColumnMajor, a: &dyn CardBuffer, b: &dyn CardBuffer, c: &mut dyn CardBuffer) -> Result;
    /// Sets the first `len` values of a buffer.
    fn fill(&self, buffer: &mut dyn CardBuffer, len: usize, value: f32) -> Result;
    /// Copies the first `len` values of one buffer to another.
    fn copy(&self, from: &dyn CardBuffer, to: &mut dyn CardBuffer, len: usize) -> Result;
    /// Writes up to eight words to the front of a buffer. They travel in the command itself, so nothing is waited for; and
    /// they are never part of a recording: this is how a recorded step is told what has changed.
    fn put(&self, buffer: &dyn CardBuffer, words: &[u32]) -> Result;
    /// Many buffers as one argument of a kernel.
    fn table(&self, buffers: &[&dyn CardBuffer]) -> Result<Box<dyn CardTable>>;
    /// A place where a kernel can leave a complaint; see [`Refusal`](super::Refusal).
    fn slot(&self) -> Result<Box<dyn Slot>>;
    /// From now on launches, products, fills and copies on the card are recorded instead of done; copies from and to the
    /// host are errors.
    fn record(&self) -> Result;
    /// Ends the recording, and gives it to be replayed.
    fn end_record(&self) -> Result<Box<dyn Recording>>;
    /// Waits until all is done that was asked.
    fn wait(&self) -> Result;
    /// What was asked of the card so far.
    fn counts(&self) -> Counts;
    /// Keeps the first error of a call that had no way to return it.
    fn note(&self, error: Error);
    /// Gives up the first error noted, if any: asked by whoever returns a `Result` next.
    fn take_error(&self) -> Option<Error>;
}

/// Values in a card's memory, four bytes each. The address stays the same as long as the buffer lives.
pub trait CardBuffer: Any + Send + Sync {
    /// How many values there is room for.
    fn len(&self) -> usize;
    /// Whether there is room for none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The address of the first value, as a kernel is given it.
    fn address(&self) -> u64;
    /// Copies `host` to the front of the buffer.
    fn upload(&mut self, host: &[f32]) -> Result;
    /// Waits until the buffer is written, and copies its front to `host`.
    fn download(&self, host: &mut [f32]) -> Result;
}

/// Many buffers as one argument; it keeps them alive.
pub trait CardTable: Any + Send + Sync {
    /// How many buffers there are.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Three words that a kernel writes and the host reads without waiting.
pub trait Slot: Any + Send + Sync {
    /// The index and the value that a kernel complained of first, if one did since this was last asked.
    fn take(&self) -> Option<(i32, f32)>;
}

/// Compiled kernels.
pub trait Module: Send + Sync {
    /// Runs the kernel `name` on `grid` blocks of `block` threads.
    ///
    /// # Errors
    /// A name that the source does not define, arguments that do not fit, or (emulated) an access outside a buffer, a
    /// race, or a barrier that not all threads reach.
    fn launch(&self, name: &str, grid: [u32; 3], block: [u32; 3], args: &mut [Arg]) -> Result;
}

/// What was asked of a card.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Kernels launched.
    pub launches: u64,
    /// Matrix products.
    pub products: u64,
    /// Fills, and copies from one of its buffers to another.
    pub moves: u64,
    /// Bytes in the buffers that kernels, products, fills and copies were given: about what crosses the card's memory.
    pub bytes: u64,
    /// Copies from the host.
    pub uploads: u64,
    /// Bytes copied from the host.
    pub uploaded: u64,
    /// Copies to the host; each waits.
    pub downloads: u64,
    /// Bytes copied to the host.
    pub downloaded: u64,
    /// Recordings replayed; what is in them is not counted again.
    pub replays: u64,
}

impl Counts {
    /// Launches, products and moves together: what a recording consists of.
    pub fn asked(&self) -> u64 {
        self.launches + self.products + self.moves
    }
}

/// A handle to a card, real or emulated. Cloning is cheap; clones are the same card and have the same [dial](Gpu::dial).
#[derive(Clone)]
pub struct Gpu {
    card: Arc<dyn Card>,
    dial: Arc<Mutex<Option<Arc<dyn CardBuffer>>>>,
    refusals: Arc<super::refusal::Refusals>,
    /// What was compiled, by source: layers of one type share their kernels.
    modules: Arc<Mutex<HashMap<Kernels, Arc<dyn Module>>>>,
    generation: Arc<AtomicU64>,
}

impl Gpu {
    /// A handle with a dial of its own.
    pub fn new(card: impl Card) -> Gpu {
        let (dial, refusals, modules, generation) = Default::default();
        Gpu { card: Arc::new(card), dial, refusals, modules, generation }
    }

    /// A handle to the same card with a dial of its own: what each net has.
    pub fn with_own_dial(&self) -> Gpu {
        Gpu { dial: Arc::default(), ..self.clone() }
    }

    /// Whether both are the same card.
    pub fn is_same_card(&self, other: &Gpu) -> bool {
        Arc::ptr_eq(&self.card, &other.card)
    }

    /// Goes up whenever values go to this card or leave it, or their memory is another. While it stays, everything is where
    /// it was.
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

    /// Compiles kernels, or finds what this card has compiled of them before.
    ///
    /// # Errors
    /// No compiler, or a source that it refuses.
    pub fn module(&self, kernels: &Kernels) -> Result<Arc<dyn Module>> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(kernels) {
            return Ok(module.clone());
        }
        let module = self.card.compile(kernels.source())?;
        modules.insert(kernels.clone(), module.clone());
        Ok(module)
    }

    /// Tells the kernels seed and pass: the words of the [dial](Gpu::dial).
    pub fn turn(&self, seed: u64, pass: u64) -> Result {
        let dial = self.dial()?;
        self.card.put(&*dial, &[seed as u32, (seed >> 32) as u32, pass as u32])
    }

    /// Three words in the card's memory, the key of the [random numbers](crate::random): the seed's lower and upper half,
    /// and the pass. A recorded step reads them anew each time: `Arg::InInt(&*dial, 3)`.
    pub fn dial(&self) -> Result<Arc<dyn CardBuffer>> {
        let mut dial = self.dial.lock().unwrap_or_else(PoisonError::into_inner);
        match &*dial {
            Some(dial) => Ok(dial.clone()),
            None => Ok(dial.insert(Arc::from(self.card.alloc(3)?)).clone()),
        }
    }

    /// c = alpha op(a) op(b) + beta c, row after row, once or `batch` times: `gpu.gemm(&gemm, args![a, b, c.over()])`.
    ///
    /// # Errors
    /// Arguments that are not two buffers to read and one to write; buffers that are too short for the sizes.
    pub fn gemm(&self, gemm: &Gemm, args: &mut [Arg; 3]) -> Result {
        super::args::bring(args, self)?;
        let [Arg::In(a, a_len), Arg::In(b, b_len), Arg::Out(c, c_len)] = args else {
            return Err(Error::new(Kind::Device, "gemm takes two buffers to read and one to write"));
        };
        gemm.check([(*a_len).min(a.len()), (*b_len).min(b.len()), (*c_len).min(c.len())])?;
        match gemm.is_empty() {
            true => Ok(()),
            false => self.card.product(&gemm.column_major(), *b, *a, *c), // its left factor is our right one
        }
    }

    /// The first error noted, or the first complaint of a kernel.
    pub fn take_error(&self) -> Option<Error> {
        self.card.take_error().or_else(|| self.refusals.take())
    }

    /// Where kernels' complaints are looked for.
    pub(super) fn refusals(&self) -> &super::refusal::Refusals {
        &self.refusals
    }
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
