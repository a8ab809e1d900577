//! What a GPU must offer.

use super::gemm::ColumnMajor;
use super::recording::Recording;
use crate::{Error, Result};
use std::any::Any;
use std::sync::Arc;

/// What a GPU must offer: its own memory, a compiler for kernels, launches, matrix products, recording. There are two
/// faces: a card ([`cuda`](super::cuda)), and the [emulator](super::emulator) that runs the same CUDA C on the CPU.
///
/// What is asked of a card happens later, in the order asked: only a download and [`wait`](Card::wait) wait for it.
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
    /// A matrix product in cuBLAS's terms; see [`Gpu::gemm`](super::Gpu::gemm).
    fn product(&self, call: &ColumnMajor, a: &dyn CardBuffer, b: &dyn CardBuffer, c: &mut dyn CardBuffer) -> Result;
    /// Sets the first `len` values of a buffer.
    fn fill(&self, buffer: &mut dyn CardBuffer, len: usize, value: f32) -> Result;
    /// Copies the first `len` values of one buffer to another.
    fn copy(&self, from: &dyn CardBuffer, to: &mut dyn CardBuffer, len: usize) -> Result;
    /// Writes up to eight words to the front of a buffer. They travel in the command itself, so nothing waits for them;
    /// and they are never part of a recording: this is how a recorded step learns what has changed.
    fn put(&self, buffer: &dyn CardBuffer, words: &[u32]) -> Result;
    /// Many buffers as one argument of a kernel.
    fn table(&self, buffers: &[&dyn CardBuffer]) -> Result<Box<dyn CardTable>>;
    /// A place where a kernel can leave a complaint; see [`Refusal`](super::Refusal).
    fn slot(&self) -> Result<Box<dyn Slot>>;
    /// From now on launches, products, fills and copies on the card are recorded instead of done; copies from and to
    /// the host are errors.
    fn record(&self) -> Result;
    /// Ends the recording and returns it, to be replayed.
    fn end_record(&self) -> Result<Box<dyn Recording>>;
    /// Waits until everything that was asked is done.
    fn wait(&self) -> Result;
    /// What was asked of the card so far.
    fn counts(&self) -> Counts;
    /// Keeps the first error of a call that had no way to return it.
    fn note(&self, error: Error);
    /// Takes the first error noted, if any: whoever returns a `Result` next asks for it.
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
    /// The index and the value of the first complaint since the last call, if there was one.
    fn take(&self) -> Option<(i32, f32)>;
}

/// Compiled kernels.
pub trait Module: Send + Sync {
    /// Runs the kernel `name` on `grid` blocks of `block` threads.
    ///
    /// # Errors
    /// A name that the source does not define, arguments that do not fit, or (emulated) an access outside a buffer, a
    /// race, or a barrier that not all threads reach.
    fn launch(&self, name: &str, grid: [u32; 3], block: [u32; 3], args: &mut [CardArg]) -> Result;
}

/// One argument of a kernel as a card takes it; layers write [`args!`](crate::args). A buffer comes with the number of
/// values in use: its storage may be longer.
pub enum CardArg<'a> {
    /// A number that the kernel declares as `int`.
    Int(i32),
    /// A size, an index or a count that the kernel declares as `int`; a launch refuses one that no `int` holds.
    Size(usize),
    /// A number that the kernel declares as `float`.
    Float(f32),
    /// `In x`: a buffer that the kernel only reads, and how many of its values are in use.
    In(&'a (dyn CardBuffer + 'static), usize),
    /// `Out y`: a buffer that the kernel writes, and may read, and how many of its values are in use.
    Out(&'a mut (dyn CardBuffer + 'static), usize),
    /// `InInt i`: a buffer of integers that the kernel only reads.
    InInt(&'a (dyn CardBuffer + 'static), usize),
    /// `OutInt i`: a buffer of integers that the kernel writes, and may read.
    OutInt(&'a mut (dyn CardBuffer + 'static), usize),
    /// `Many w`: a table of buffers, each of which the kernel may write.
    Many(&'a (dyn CardTable + 'static)),
    /// `Refusal r`: where the kernel may complain.
    Refusal(&'a (dyn Slot + 'static)),
}

impl CardArg<'_> {
    /// The same argument, lent for one launch.
    pub(super) fn lend(&mut self) -> CardArg<'_> {
        match self {
            CardArg::Int(x) => CardArg::Int(*x),
            CardArg::Size(n) => CardArg::Size(*n),
            CardArg::Float(x) => CardArg::Float(*x),
            CardArg::In(x, len) => CardArg::In(*x, *len),
            CardArg::Out(y, len) => CardArg::Out(&mut **y, *len),
            CardArg::InInt(i, len) => CardArg::InInt(*i, *len),
            CardArg::OutInt(i, len) => CardArg::OutInt(&mut **i, *len),
            CardArg::Many(table) => CardArg::Many(*table),
            CardArg::Refusal(slot) => CardArg::Refusal(*slot),
        }
    }
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
