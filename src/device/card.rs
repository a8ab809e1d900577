//! What a GPU must offer, and what layers say to one.

use super::gemm::{ColumnMajor, Gemm};
use super::refusal::Refusal;
use crate::{Error, Kind, Result};
use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// What a GPU must offer: memory of its own, a compiler for kernels, launches, matrix products, and the recording of them.
/// There are two faces: a card ([`cuda`](super::cuda)), and the [emulator](super::emulator) that runs the same CUDA C on
/// the CPU.
///
/// Whatever is asked of a card happens in that order, and later: only a download and [`wait`](Card::wait) wait for it.
pub trait Card: Any + Send + Sync {
    /// The card's name, for people.
    fn name(&self) -> String;
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
    /// A place where a kernel can leave a complaint; see [`Refusal`].
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

/// What was asked of a card between `record` and `end_record`, with the arguments as they were then.
pub trait Recording: Send {
    /// Has it all done again.
    fn replay(&self) -> Result;
    /// How many launches, products, fills and copies there are.
    fn len(&self) -> usize;
    /// Whether there is nothing to do.
    fn is_empty(&self) -> bool {
        self.len() == 0
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

/// One argument of a kernel launch. A buffer comes with the number of its values that are in use: its storage may be longer.
pub enum Arg<'a> {
    /// A number that the kernel declares as `int`.
    Int(i32),
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
    Refusal(&'a Refusal),
}

impl From<i32> for Arg<'_> {
    fn from(x: i32) -> Self {
        Arg::Int(x)
    }
}

/// No blob has more than 2^31 - 1 values.
impl From<usize> for Arg<'_> {
    fn from(x: usize) -> Self {
        Arg::Int(i32::try_from(x).unwrap_or(i32::MAX))
    }
}

impl From<f32> for Arg<'_> {
    fn from(x: f32) -> Self {
        Arg::Float(x)
    }
}

/// A handle to a card, real or emulated. Cloning is cheap; clones are the same card and have the same [dial](Gpu::dial).
#[derive(Clone)]
pub struct Gpu {
    card: Arc<dyn Card>,
    dial: Arc<Mutex<Option<Arc<dyn CardBuffer>>>>,
    refusals: Arc<super::refusal::Refusals>,
    /// What was compiled, by source: layers of one type share their kernels.
    modules: Arc<Mutex<HashMap<String, Arc<dyn Module>>>>,
}

impl Gpu {
    /// A handle with a dial of its own.
    pub fn new(card: impl Card) -> Gpu {
        Gpu { card: Arc::new(card), dial: Arc::default(), refusals: Arc::default(), modules: Arc::default() }
    }

    /// A handle to the same card with a dial of its own: what each net has.
    pub fn with_own_dial(&self) -> Gpu {
        Gpu { dial: Arc::default(), ..self.clone() }
    }

    /// Whether both are the same card.
    pub fn is_same_card(&self, other: &Gpu) -> bool {
        Arc::ptr_eq(&self.card, &other.card)
    }

    /// Compiles CUDA C, or finds what this card has compiled of it before.
    ///
    /// # Errors
    /// No compiler, or a source that it refuses.
    pub fn compile(&self, source: &str) -> Result<Arc<dyn Module>> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(source) {
            return Ok(module.clone());
        }
        let module = self.card.compile(source)?;
        modules.insert(source.to_string(), module.clone());
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

    /// c = alpha op(a) op(b) + beta c, row after row, once or `batch` times.
    ///
    /// # Errors
    /// Buffers that are too short for the sizes.
    pub fn gemm(&self, gemm: &Gemm, a: Arg, b: Arg, c: Arg) -> Result {
        let (Arg::In(a, a_len), Arg::In(b, b_len), Arg::Out(c, c_len)) = (a, b, c) else {
            return Err(Error::new(Kind::Device, "gemm takes two buffers to read and one to write"));
        };
        gemm.check([a_len.min(a.len()), b_len.min(b.len()), c_len.min(c.len())])?;
        match gemm.is_empty() {
            true => Ok(()),
            false => self.card.product(&gemm.column_major(), b, a, c), // its left factor is our right one
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

/// The kernels of one source, compiled when first launched: what a layer with a loop of its own keeps.
///
/// The source is CUDA C. Before it stands `kernels/prelude.h`: the types `In`, `Out`, `InInt`, `OutInt`, `Many` and
/// `Refusal`, random numbers, indices and the sum of a block.
pub struct Kernels {
    source: Cow<'static, str>,
    compiled: Option<(Gpu, Arc<dyn Module>)>,
}

impl Kernels {
    /// How many threads a block of [`launch`](Kernels::launch) has.
    pub const BLOCK: usize = 256;

    /// Nothing is compiled yet.
    pub fn new(source: impl Into<Cow<'static, str>>) -> Kernels {
        Kernels { source: source.into(), compiled: None }
    }

    /// Runs the kernel `name` on at least `n` threads in one row, in blocks of 256. With n = 0 nothing is done.
    ///
    /// # Errors
    /// What [`Card::compile`] and [`Module::launch`] say.
    pub fn launch(&mut self, gpu: &Gpu, name: &str, n: usize, args: &mut [Arg]) -> Result {
        self.launch_blocks(gpu, name, n.div_ceil(Self::BLOCK), Self::BLOCK, args)
    }

    /// Runs the kernel `name` on a row of blocks, each of a row of threads. Without blocks nothing is done.
    ///
    /// # Errors
    /// As [`launch`](Kernels::launch).
    pub fn launch_blocks(&mut self, gpu: &Gpu, name: &str, blocks: usize, threads: usize, args: &mut [Arg]) -> Result {
        self.launch_grid(gpu, name, [blocks, 1, 1], [threads, 1, 1], args)
    }

    /// Runs the kernel `name` on a block for each of `rows` rows; its threads, whole warps and at most 512, share the row's
    /// `len` values. Without rows nothing is done.
    ///
    /// # Errors
    /// As [`launch`](Kernels::launch).
    pub fn launch_rows(&mut self, gpu: &Gpu, name: &str, rows: usize, len: usize, args: &mut [Arg]) -> Result {
        self.launch_blocks(gpu, name, rows, len.clamp(1, 512).next_multiple_of(32), args)
    }

    /// Runs the kernel `name` on a grid of blocks, x first. An empty grid is no error, and nothing is done.
    ///
    /// # Errors
    /// As [`launch`](Kernels::launch).
    pub fn launch_grid(
        &mut self,
        gpu: &Gpu,
        name: &str,
        grid: [usize; 3],
        block: [usize; 3],
        args: &mut [Arg],
    ) -> Result {
        if grid.contains(&0) {
            return Ok(());
        }
        let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.module(gpu)?.launch(name, grid.map(size), block.map(size), args)?;
        args.iter().try_for_each(|arg| match arg {
            Arg::Refusal(refusal) => refusal.check(),
            _ => Ok(()),
        })
    }

    fn module(&mut self, gpu: &Gpu) -> Result<Arc<dyn Module>> {
        match &self.compiled {
            Some((compiled_for, module)) if compiled_for.is_same_card(gpu) => Ok(module.clone()),
            _ => {
                let module = gpu.compile(&self.source)?;
                self.compiled = Some((gpu.clone(), module.clone()));
                Ok(module)
            }
        }
    }
}
