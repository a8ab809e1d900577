//! Where arithmetic happens: the CPU, or a GPU behind one of its two faces.
//!
//! A layer that is made of the vocabulary here (`gemm`) is written once; a layer with a loop of its own has a CPU loop
//! and a kernel, and forks at that loop. This room holds the threads, the foreign calls and all `unsafe` of the crate.

pub mod cpu;
pub mod emulator;

use crate::{Error, Kind, Result};
pub use cpu::{Cpu, Mat, MatMut, Trans};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// The processor that runs a net. Cloning is cheap; clones are the same device.
#[derive(Clone)]
pub enum Device {
    /// The CPU with some number of threads.
    Cpu(Cpu),
    /// A GPU; what it does not do itself runs on one thread of the CPU.
    Gpu(Gpu),
}

/// A GPU, real or emulated.
pub type Gpu = Arc<dyn Card>;

/// What a GPU must offer: memory of its own, a compiler for kernels, and launches. There are two faces: a card, and the
/// [emulator] that runs the same CUDA C on the CPU.
pub trait Card: Send + Sync {
    /// The card's name, for people.
    fn name(&self) -> String;
    /// Memory for `len` values, holding zeros.
    fn alloc(&self, len: usize) -> Result<Box<dyn CardBuffer>>;
    /// Compiles CUDA C.
    fn compile(&self, source: &str) -> Result<Arc<dyn Module>>;
    /// Keeps the first error of a call that had no way to return it.
    fn note(&self, error: Error);
    /// Gives up the first error noted, if any: asked by whoever returns a `Result` next.
    fn take_error(&self) -> Option<Error>;
}

/// Values in a card's memory. The address stays the same as long as the buffer lives.
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
    /// Copies the front of the buffer to `host`.
    fn download(&self, host: &mut [f32]) -> Result;
}

/// Compiled kernels.
pub trait Module: Send + Sync {
    /// Runs the kernel `name` on `grid` blocks of `block` threads.
    ///
    /// # Errors
    /// A name that the source does not define, arguments that do not fit, or (emulated) an access outside a buffer.
    fn launch(&self, name: &str, grid: [u32; 3], block: [u32; 3], args: &mut [Arg]) -> Result;
}

/// One argument of a kernel launch: `int`, `float`, `In` or `Out`. A buffer comes with the number of its values that are
/// in use: its storage may be longer.
pub enum Arg<'a> {
    /// A number that the kernel declares as `int`.
    Int(i32),
    /// A number that the kernel declares as `float`.
    Float(f32),
    /// A buffer that the kernel only reads, and how many of its values are in use.
    In(&'a (dyn CardBuffer + 'static), usize),
    /// A buffer that the kernel writes, and how many of its values are in use.
    Out(&'a mut (dyn CardBuffer + 'static), usize),
}

/// The kernels of one source, compiled when first launched: what a layer with a loop of its own keeps.
pub struct Kernels {
    source: &'static str,
    compiled: Option<(Gpu, Arc<dyn Module>)>,
}

impl Kernels {
    /// How many threads a block has.
    const BLOCK: u32 = 256;

    /// Nothing is compiled yet.
    pub fn new(source: &'static str) -> Kernels {
        Kernels { source, compiled: None }
    }

    /// Runs the kernel `name` on at least `n` threads in one row.
    ///
    /// # Errors
    /// What [`Card::compile`] and [`Module::launch`] say.
    pub fn launch(&mut self, gpu: &Gpu, name: &str, n: usize, args: &mut [Arg]) -> Result {
        if n == 0 {
            return Ok(());
        }
        let module = match &self.compiled {
            Some((compiled_for, module)) if Arc::ptr_eq(compiled_for, gpu) => module.clone(),
            _ => {
                let module = gpu.compile(self.source)?;
                self.compiled = Some((gpu.clone(), module.clone()));
                module
            }
        };
        module.launch(name, [n.div_ceil(Self::BLOCK as usize) as u32, 1, 1], [Self::BLOCK, 1, 1], args)
    }
}

impl Device {
    /// The CPU with as many threads as it has cores.
    pub fn cpu() -> Device {
        Device::Cpu(Cpu::new(0))
    }

    /// The CPU with the given number of threads. Results do not depend on it.
    pub fn cpu_with_threads(threads: usize) -> Device {
        Device::Cpu(Cpu::new(threads))
    }

    /// The device that `CORTADO_DEVICE` names (`cpu`, `emulated`), or else the best there is.
    pub fn best() -> Result<Device> {
        match std::env::var("CORTADO_DEVICE").as_deref() {
            Err(_) | Ok("" | "cpu") => Ok(Device::cpu()),
            Ok("emulated") => Ok(Device::Gpu(Arc::new(emulator::Emulator::new()))),
            Ok("cuda") => Err(Error::new(Kind::Device, "this build has no CUDA yet").hint("use CORTADO_DEVICE=cpu")),
            Ok(other) => {
                Err(Error::new(Kind::Device, format!("CORTADO_DEVICE={other} is not a device"))
                    .hint("use cpu or emulated"))
            }
        }
    }

    /// Runs `work` inside this device's threads. A loop over many layers enters once, outside: entering costs far more
    /// than a small layer.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match self {
            Device::Cpu(cpu) => cpu.install(work),
            Device::Gpu(_) => work(),
        }
    }

    /// The CPU that does what this device does not do itself: for a GPU, one thread of it.
    pub fn host(&self) -> Cpu {
        match self {
            Device::Cpu(cpu) => cpu.clone(),
            Device::Gpu(_) => Cpu::new(1),
        }
    }

    /// The first error of a call on this device that could not return it.
    pub fn check(&self) -> Result {
        match self {
            Device::Gpu(gpu) => gpu.take_error().map_or(Ok(()), Err),
            Device::Cpu(_) => Ok(()),
        }
    }
}

impl Default for Device {
    fn default() -> Device {
        Device::cpu()
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu(cpu) => write!(f, "CPU with {} threads", cpu.threads()),
            Device::Gpu(gpu) => f.write_str(&gpu.name()),
        }
    }
}
