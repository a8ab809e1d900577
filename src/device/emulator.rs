//! A GPU without a card: CUDA C runs on the CPU, checked at every access.
//!
//! The emulator is to the CPU what NVRTC is to a card. [`compile`](Card::compile) joins a small header
//! (`kernels/emulator.h`) to the source and hands both to the machine's C++ compiler; a launch runs the grid's
//! threads one after another. Buffers are memory of their own, so a value that was never copied is missed here as it
//! would be on a card, and a kernel that reaches outside one ends in an error, not in silence:
//!
//! ```text
//! kernel relu_bad: buffer 2 has 5 elements, thread (4,0) of block 0 used index 5
//! ```
//!
//! ```
//! use cortado::Blob;
//! use cortado::device::{Arg, Gpu, Kernels, emulator::Emulator};
//! let mut double = Kernels::new(
//!     r#"extern "C" __global__ void twice(int n, In x, Out y) {
//!            int i = blockIdx.x * blockDim.x + threadIdx.x;
//!            if (i < n) y[i] = 2 * x[i];
//!        }"#,
//! );
//! let gpu: Gpu = std::sync::Arc::new(Emulator::new());
//! let (mut x, mut y) = (Blob::new(&[3])?, Blob::new(&[3])?);
//! x.data.fill(21.0);
//! double.launch(&gpu, "twice", 3, &mut [Arg::Int(3), x.data.card(&gpu)?, y.data.card_over(&gpu)?])?;
//! assert_eq!(y.data.slice(), [42.0; 3]);
//! # Ok::<(), cortado::Error>(())
//! ```
//!
//! Kernels may use indices, loops and `__device__` functions; barriers and shared memory are refused by name.

mod build;

use super::*;
use build::{Library, Parameter};
use std::any::Any;
use std::sync::{Mutex, PoisonError};

/// The most threads a block may have, as on a card.
const MAX_BLOCK: u64 = 1024;

/// A GPU whose threads run on the CPU, one after another.
#[derive(Default)]
pub struct Emulator {
    error: Mutex<Option<Error>>,
}

impl Emulator {
    /// An emulator that has noted no error; kernels are compiled when they are asked for.
    pub fn new() -> Emulator {
        Emulator::default()
    }
}

impl Card for Emulator {
    fn name(&self) -> String {
        "emulated GPU".into()
    }

    fn alloc(&self, len: usize) -> Result<Box<dyn CardBuffer>> {
        Ok(Box::new(Buffer { values: vec![0.0; len].into_boxed_slice() }))
    }

    fn compile(&self, source: &str) -> Result<Arc<dyn Module>> {
        Ok(Arc::new(Kernels { library: build::compile(source)? }))
    }

    fn note(&self, error: Error) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn take_error(&self) -> Option<Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The emulated card's memory: apart from the host's, and never moved.
struct Buffer {
    values: Box<[f32]>,
}

impl CardBuffer for Buffer {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn address(&self) -> u64 {
        self.values.as_ptr() as u64
    }

    fn upload(&mut self, host: &[f32]) -> Result {
        let card = self.values.get_mut(..host.len());
        card.map(|card| card.copy_from_slice(host)).ok_or_else(|| too_long(host.len(), self.len()))
    }

    fn download(&self, host: &mut [f32]) -> Result {
        let card = self.values.get(..host.len()).ok_or_else(|| too_long(host.len(), self.len()))?;
        host.copy_from_slice(card);
        Ok(())
    }
}

fn too_long(host: usize, card: usize) -> Error {
    Error::shape(format!("a copy of {host} values and a card buffer of {card}"))
}

/// What the compiler made of a source.
struct Kernels {
    library: Library,
}

impl Module for Kernels {
    fn launch(&self, name: &str, grid: [u32; 3], block: [u32; 3], args: &mut [Arg]) -> Result {
        let Some(kernel) = self.library.kernels.iter().find(|k| k.name == name) else {
            let names: Vec<&str> = self.library.kernels.iter().map(|k| k.name.as_str()).collect();
            return Err(Error::new(Kind::Device, format!("the source has no kernel \"{name}\""))
                .did_you_mean(name, names.iter().copied())
                .hint(format!("its kernels are {}", names.join(", "))));
        };
        let threads: u64 = block.iter().fold(1, |n, &d| n.saturating_mul(d.into()));
        if grid.contains(&0) || !(1..=MAX_BLOCK).contains(&threads) {
            return Err(Error::new(
                Kind::Device,
                format!("kernel {name}: a grid of {grid:?} blocks of {block:?} threads"),
            )
            .hint(format!("give sizes of at least 1, and a block at most {MAX_BLOCK} threads")));
        }
        if args.len() != kernel.parameters.len() {
            let (given, takes) = (args.len(), kernel.parameters.len());
            return Err(Error::new(
                Kind::Device,
                format!("kernel {name} takes {takes} arguments and was given {given}"),
            )
            .hint(format!("its parameters are {}", words(&kernel.parameters))));
        }
        let args: Vec<Argument> = args
            .iter_mut()
            .zip(&kernel.parameters)
            .enumerate()
            .map(|(i, (arg, wanted))| Argument::new(name, i, arg, *wanted))
            .collect::<Result<_>>()?;
        self.library.run(kernel, grid, block, &args)
    }
}

fn words(parameters: &[Parameter]) -> String {
    parameters.iter().map(Parameter::to_string).collect::<Vec<_>>().join(", ")
}

/// One argument as the header's struct of the same name has it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Argument {
    integer: i32,
    number: f32,
    data: *mut f32,
    length: usize,
}

impl Argument {
    /// Argument `i` of the kernel `name`, checked against its parameter.
    fn new(name: &str, i: usize, arg: &mut Arg, wanted: Parameter) -> Result<Argument> {
        let mut argument = Argument { integer: 0, number: 0.0, data: std::ptr::null_mut(), length: 0 };
        let foreign = || {
            Error::new(Kind::Device, format!("kernel {name}: buffer {i} belongs to another card"))
                .hint("take both from one Device")
        };
        let given = match arg {
            Arg::Int(x) => {
                argument.integer = *x;
                Parameter::Int
            }
            Arg::Float(x) => {
                argument.number = *x;
                Parameter::Float
            }
            Arg::In(buffer, len) => {
                let buffer = (*buffer as &dyn Any).downcast_ref::<Buffer>().ok_or_else(foreign)?;
                // The kernel sees it as `const float *`.
                (argument.data, argument.length) = (buffer.values.as_ptr().cast_mut(), buffer.len().min(*len));
                Parameter::In
            }
            Arg::Out(buffer, len) => {
                let buffer = (&mut **buffer as &mut dyn Any).downcast_mut::<Buffer>().ok_or_else(foreign)?;
                (argument.data, argument.length) = (buffer.values.as_mut_ptr(), buffer.len().min(*len));
                Parameter::Out
            }
        };
        if given != wanted {
            return Err(Error::new(Kind::Device, format!("argument {i} of kernel {name} is {wanted}, not {given}"))
                .hint(format!("give an Arg::{wanted:?}")));
        }
        Ok(argument)
    }
}
