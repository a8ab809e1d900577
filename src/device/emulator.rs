//! A GPU without a card: CUDA C runs on the CPU, checked at every access.
//!
//! The emulator is to the CPU what NVRTC is to a card. [`compile`](Card::compile) joins a header (`kernels/emulator.h`)
//! to the source and hands both to the machine's C++ compiler; a launch runs the grid's threads one after another, up
//! to the next barrier or shuffle. Buffers are memory of their own, which holds NaN at first, so a value that was never
//! copied or written is missing here as it would be on a card, and a kernel that reaches outside a buffer ends in an
//! error, not in silence. So does one whose threads race, or do not all come to a barrier:
//!
//! ```text
//! kernel relu_bad: buffer 2 has 5 elements, thread (4,0) of block 0 used index 5
//! kernel sum: element 0 of buffer 1: threads (0,0) and (1,0) of block 0 both touch it, one writes, no barrier is between
//! kernel sum: block 0: some threads are at __syncthreads, the others have returned
//! ```
//!
//! ```
//! use cortado::device::{Gpu, Kernels, emulator::Emulator};
//! use cortado::{Blob, args};
//! let double = Kernels::new(
//!     r#"extern "C" __global__ void twice(int n, In x, Out y) {
//!            int i = blockIdx.x * blockDim.x + threadIdx.x;
//!            if (i < n) y[i] = 2 * x[i];
//!        }"#,
//! );
//! let gpu = Gpu::new(Emulator::new());
//! let (mut x, mut y) = (Blob::new(&[3])?, Blob::new(&[3])?);
//! x.data.fill(21.0);
//! double.launch(&gpu, "twice", 3, args![3_usize, x.data, y.data.over()])?;
//! assert_eq!(y.data.slice(), [42.0; 3]);
//! # Ok::<(), cortado::Error>(())
//! ```
//!
//! What it cannot show: how fast a kernel is, and whatever a card does in its own time.

mod build;
mod memory;
mod work;

use super::*;
use build::Library;
use memory::{Buffer, SlotWords, Storage, Table, Words};
use source::{foreign, no_kernel, too_long};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use work::{LATE, Recorded, Work};

/// A GPU whose threads run on the CPU, one after another. A clone is the same GPU.
#[derive(Clone, Default)]
pub struct Emulator {
    work: Arc<Work>,
}

impl Emulator {
    /// An emulator that has noted no error; kernels are compiled when they are asked for.
    pub fn new() -> Emulator {
        Emulator::default()
    }

    /// From now on copies to the host fail, as on a card that has fallen off the bus, or (false) succeed again.
    pub fn fail_downloads(&self, fail: bool) {
        self.work.unreadable.store(fail, Ordering::SeqCst);
    }

    /// An emulator whose kernels run at once, but whose host learns as late as a card's what they [refuse](Refusal).
    pub fn late() -> Emulator {
        Emulator { work: Arc::new(Work::late()) }
    }

    /// An emulator that records nothing: each recording ends in an error, as when a card's driver refuses it.
    pub fn without_recordings() -> Emulator {
        Emulator { work: Arc::new(Work::without_recordings()) }
    }

    fn own(&self, buffer: &(dyn CardBuffer + 'static)) -> Result<Arc<Storage>> {
        Buffer::of(buffer, &self.work).map(Buffer::storage)
    }
}

/// The machine's C++ compiler, which compiles kernels here.
///
/// # Errors
/// There is none.
pub fn compiler() -> Result<String> {
    build::compiler()
}

impl Card for Emulator {
    fn name(&self) -> String {
        "emulated GPU".into()
    }

    fn alloc(&self, len: usize) -> Result<Box<dyn CardBuffer>> {
        self.work.refuse_while_recording(&format!("memory for {len} values"))?;
        Ok(Box::new(Buffer::new(len, &self.work)))
    }

    fn compile(&self, source: &str) -> Result<Arc<dyn Module>> {
        Ok(Arc::new(Compiled { library: Arc::new(build::compile(source)?), work: self.work.clone() }))
    }

    /// As cuBLAS does it: columns are contiguous, and what stands in c is read only if beta is not 0.
    fn product(&self, call: &ColumnMajor, a: &dyn CardBuffer, b: &dyn CardBuffer, c: &mut dyn CardBuffer) -> Result {
        let [a, b, c] = [self.own(a)?, self.own(b)?, self.own(&*c)?];
        let call = *call;
        let factors = [(call.a, call.m, call.k), (call.b, call.k, call.n), (call.c, call.m, call.n)];
        if factors.iter().any(|(f, rows, cols)| f.ld < if f.trans == Trans::Yes { *cols } else { *rows }) {
            return Err(Error::new(
                Kind::Device,
                format!("cuBLAS takes no leading dimension that is too short: {call:?}"),
            ));
        }
        self.work.count(|counts| (counts.products, counts.bytes) = (counts.products + 1, counts.bytes + call.bytes()));
        let asked = Asked::new("a matrix product", (call, [&a, &b, &c].map(Arc::as_ptr)));
        self.work.run(asked, move |_| {
            a.read(|a| {
                b.read(|b| {
                    c.write(|c| {
                        for i in 0..call.batch {
                            let (a, b) =
                                (factor(a, call.a, [call.m, call.k], i), factor(b, call.b, [call.k, call.n], i));
                            let c = MatMut::strided(&mut c[call.c.at + i * call.c.step..], call.n, call.m, call.c.ld);
                            cpu::gemm(call.alpha, b.t(), a.t(), call.beta, c);
                        }
                    })
                })
            });
            Ok(())
        })
    }

    fn fill(&self, buffer: &mut dyn CardBuffer, len: usize, value: f32) -> Result {
        let to = self.own(&*buffer)?;
        if len > to.len() {
            return Err(too_long(len, to.len()));
        }
        self.work.count(|counts| (counts.moves, counts.bytes) = (counts.moves + 1, counts.bytes + 4 * len as u64));
        let asked = Asked::new("a fill", (Arc::as_ptr(&to), len, value));
        self.work.run(asked, move |_| {
            to.write(|to| to[..len].fill(value));
            Ok(())
        })
    }

    fn copy(&self, from: &dyn CardBuffer, to: &mut dyn CardBuffer, len: usize) -> Result {
        let (from, to) = (self.own(from)?, self.own(&*to)?);
        if len > from.len().min(to.len()) {
            return Err(too_long(len, from.len().min(to.len())));
        }
        self.work.count(|counts| (counts.moves, counts.bytes) = (counts.moves + 1, counts.bytes + 8 * len as u64));
        let asked = Asked::new("a copy", ([&from, &to].map(Arc::as_ptr), len));
        self.work.run(asked, move |_| {
            from.read(|from| to.write(|to| to[..len].copy_from_slice(&from[..len])));
            Ok(())
        })
    }

    fn put(&self, buffer: &dyn CardBuffer, words: &[u32]) -> Result {
        self.work.refuse_while_recording("new words for the dial")?;
        let to = self.own(buffer)?;
        if words.len() > to.len().min(8) {
            return Err(too_long(words.len(), to.len().min(8)));
        }
        let _turn = self.work.turn();
        to.write(|to| to.iter_mut().zip(words).for_each(|(to, word)| *to = f32::from_bits(*word)));
        Ok(())
    }

    fn table(&self, buffers: &[&dyn CardBuffer]) -> Result<Box<dyn CardTable>> {
        self.work.refuse_while_recording("a table of buffers")?;
        Ok(Box::new(Table::new(buffers, &self.work)?))
    }

    fn slot(&self) -> Result<Box<dyn Slot>> {
        Ok(Box::new(SlotWords::new(&self.work)))
    }

    fn record(&self) -> Result {
        self.work.record()
    }

    fn end_record(&self) -> Result<Box<dyn Recording>> {
        Ok(Box::new(Recorded::new(self.work.end_record()?, &self.work)))
    }

    fn wait(&self) -> Result {
        self.work.refuse_while_recording("a wait")?;
        self.work.advance(LATE);
        Ok(())
    }

    fn counts(&self) -> Counts {
        self.work.counts()
    }

    fn note(&self, error: Error) {
        self.work.note(error);
    }

    fn take_error(&self) -> Option<Error> {
        self.work.take_error()
    }
}

/// Factor `i` of a batch. Our rows are cuBLAS's columns, so a matrix that it takes as it stands is a transposed one.
fn factor(x: &[f32], f: Factor, [rows, cols]: [usize; 2], i: usize) -> Mat<'_> {
    let x = &x[f.at + i * f.step..];
    match f.trans {
        Trans::No => Mat::strided(x, cols, rows, f.ld).t(),
        Trans::Yes => Mat::strided(x, rows, cols, f.ld),
    }
}

/// What the compiler made of a source.
struct Compiled {
    library: Arc<Library>,
    work: Arc<Work>,
}

impl Module for Compiled {
    fn launch(&self, name: &str, grid: [u32; 3], block: [u32; 3], args: &mut [CardArg]) -> Result {
        let declared = || self.library.kernels.iter().map(|kernel| &kernel.declared);
        let kernel = declared().find(|kernel| kernel.name == name).ok_or_else(|| no_kernel(name, declared()))?;
        kernel.check(grid, block, args)?;
        let args: Vec<(Kept, Argument)> = args
            .iter_mut()
            .enumerate()
            .map(|(i, arg)| Argument::new(arg, &self.work).ok_or_else(|| foreign(name, i)))
            .collect::<Result<_>>()?;
        let (kept, args): (Vec<_>, Vec<_>) = args.into_iter().unzip();
        let bytes: usize = args.iter().map(|arg| 4 * arg.length).sum();
        self.work.count(|counts| (counts.launches, counts.bytes) = (counts.launches + 1, counts.bytes + bytes as u64));
        let (library, name) = (self.library.clone(), name.to_string());
        let asked = Asked::new(format!("its kernel \"{name}\""), (grid, block, &args));
        let words = kept.iter().flatten().filter_map(|kept| kept.clone().downcast::<Words>().ok());
        let (words, work) = (words.collect::<Vec<_>>(), Arc::downgrade(&self.work));
        self.work.run(asked, move |number| {
            let _ = &kept; // the buffers live as long as this may be done again
            let kernel = library.kernels.iter().find(|k| k.declared.name == name);
            kernel.map_or(Ok(()), |kernel| library.run(number, kernel, grid, block, &args))?;
            words.iter().for_each(|words| words.date(work.upgrade().map_or(0, |work| work.clock())));
            Ok(())
        })
    }
}

/// What keeps a buffer alive while a recorded launch may use it.
type Kept = Option<Arc<dyn Any + Send + Sync>>;

/// One argument as the header's struct of the same name has it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Argument {
    integer: i32,
    number: f32,
    data: *mut f32,
    marks: *mut [u64; 2],
    length: usize,
}

// SAFETY: the pointers lead into storage that is kept beside the argument, and touched by one launch at a time.
unsafe impl Send for Argument {}
unsafe impl Sync for Argument {}

impl Argument {
    const NOTHING: Argument =
        Argument { integer: 0, number: 0.0, data: std::ptr::null_mut(), marks: std::ptr::null_mut(), length: 0 };

    /// One argument; none for what belongs to another card.
    fn new(arg: &mut CardArg, work: &Arc<Work>) -> Option<(Kept, Argument)> {
        let nothing = Argument::NOTHING;
        let buffer = |buffer: &(dyn CardBuffer + 'static), len: usize| -> Option<(Kept, Argument)> {
            let buffer = Buffer::of(buffer, work).ok()?;
            Some((Some(buffer.storage()), buffer.argument(len)))
        };
        match arg {
            CardArg::Int(x) => Some((None, Argument { integer: *x, ..nothing })),
            CardArg::Size(x) => Some((None, Argument { integer: *x as i32, ..nothing })), // checked: it fits
            CardArg::Float(x) => Some((None, Argument { number: *x, ..nothing })),
            CardArg::In(x, len) | CardArg::InInt(x, len) => buffer(*x, *len),
            CardArg::Out(x, len) | CardArg::OutInt(x, len) => buffer(&**x, *len),
            CardArg::Many(table) => (*table as &dyn Any).downcast_ref::<Table>()?.argument(work),
            CardArg::Refusal(slot) => (*slot as &dyn Any).downcast_ref::<SlotWords>()?.argument(work),
        }
    }
}
