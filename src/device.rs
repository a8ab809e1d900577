//! Where arithmetic happens: the CPU, or a GPU behind one of its two faces.
//!
//! A layer that is made of the vocabulary here (`gemm`) is written once; a layer with a loop of its own has a CPU loop
//! and a kernel, and forks there. This room holds the compute threads, foreign calls and all the crate's `unsafe`.

mod args;
mod cache;
mod card;
pub mod cpu;
pub mod cuda;
pub mod emulator;
mod gemm;
mod gpu;
mod kernels;
mod launch;
mod lock;
mod on_card;
mod recording;
mod refusal;
mod source;

use crate::{Error, Kind, Result};
pub use args::{Arg, AsArg, Stored};
pub use card::{Card, CardArg, CardBuffer, CardTable, Counts, Module, Slot};
pub use cpu::{Cpu, Mat, MatMut, Trans};
pub use gemm::{ColumnMajor, Factor, Gemm, Place};
pub use gpu::Gpu;
pub use kernels::{Kernels, Passes};
pub(crate) use kernels::{kernels, passes};
pub use on_card::{Number, OnCard};
pub use recording::{Asked, Recording};
pub use refusal::Refusal;
use std::fmt;

/// What stands before the source of every kernel, on both faces of the GPU.
pub const PRELUDE: &str = include_str!("../kernels/prelude.h");

/// The processor that runs a net. Cloning is cheap; clones are the same device.
#[derive(Clone)]
pub enum Device {
    /// The CPU with some number of threads.
    Cpu(Cpu),
    /// A GPU; what it does not do itself runs on one thread of the CPU.
    Gpu(Gpu),
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

    /// A GPU without a card: the [emulator].
    pub fn emulated() -> Device {
        Device::Gpu(Gpu::new(emulator::Emulator::new()))
    }

    /// An [emulator] whose host learns what kernels refuse as late as a card's host may.
    pub fn emulated_late() -> Device {
        Device::Gpu(Gpu::new(emulator::Emulator::late()))
    }

    /// The device for one net: a GPU gets a [dial](Gpu::dial) of the net's own.
    pub fn for_net(&self) -> Device {
        match self {
            Device::Cpu(_) => self.clone(),
            Device::Gpu(gpu) => Device::Gpu(gpu.with_own_dial()),
        }
    }

    /// An NVIDIA card, by its number from 0.
    ///
    /// # Errors
    /// No such card, no driver, no NVRTC or no cuBLAS: what was looked for, and where.
    pub fn card(ordinal: u32) -> Result<Device> {
        Ok(Device::Gpu(Gpu::new(cuda::Cuda::open(ordinal)?)))
    }

    /// The device that `CORTADO_DEVICE` names (`cpu`, `cuda`, `emulated`), or else the best there is: the first card,
    /// or the CPU. Each call makes a new one.
    pub fn best() -> Result<Device> {
        Ok(Device::choose(0)?.0)
    }

    /// Like [`best`](Device::best), but with card number `card`; and why this device was chosen, for people.
    pub fn choose(card: u32) -> Result<(Device, String)> {
        let name = std::env::var("CORTADO_DEVICE").unwrap_or_default();
        let asked = format!("CORTADO_DEVICE={name}");
        match &*name {
            "" | "best" => Ok(match Device::card(card) {
                Ok(device) => (device, format!("it is card {card}")),
                Err(e) => (Device::cpu(), e.message().into()),
            }),
            "cpu" => Ok((Device::cpu(), asked)),
            "cuda" => Ok((Device::card(card).map_err(|e| e.hint("use CORTADO_DEVICE=cpu"))?, asked)),
            "emulated" => Ok((Device::emulated(), asked)),
            _ => {
                Err(Error::new(Kind::Device, format!("{asked} is not a device"))
                    .hint("use best, cpu, cuda or emulated"))
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

    /// Waits until a GPU has done all that was asked of it.
    pub fn wait(&self) -> Result {
        match self {
            Device::Gpu(gpu) => gpu.wait(),
            Device::Cpu(_) => Ok(()),
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
