//! Compiled kernels, loaded into a card, and their launch.

use super::driver;
use super::{Arg, Buffer, Complaint, Inner, Module, Table, compiler};
use crate::device::source::{self, Kernel, foreign, no_kernel};
use crate::{Error, Kind, Result};
use cudarc::driver::sys;
use std::any::Any;
use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::sync::{Arc, Mutex, PoisonError};

/// A source's kernels on a card, each with its code. They stay loaded as long as the process runs: many layers share
/// them.
type Loaded = Arc<Vec<(Kernel, Function)>>;

/// A kernel's code on a card.
#[derive(Clone, Copy)]
struct Function(sys::CUfunction);
// SAFETY: any thread may launch it, and it is never unloaded.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

/// What layers launch.
pub struct Kernels {
    card: Arc<Inner>,
    loaded: Loaded,
}

impl Kernels {
    /// The kernels of a source: those loaded before, or new ones.
    pub fn new(card: &Arc<Inner>, source: &str) -> Result<Kernels> {
        static LOADED: Mutex<Option<HashMap<(i32, String), Loaded>>> = Mutex::new(None);
        let mut all = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all.get_or_insert_default();
        let key = (card.ordinal, source.to_string());
        let loaded = match all.get(&key) {
            Some(loaded) => loaded.clone(),
            None => {
                let loaded = Arc::new(load(card, source)?);
                all.insert(key, loaded.clone());
                loaded
            }
        };
        Ok(Kernels { card: card.clone(), loaded })
    }
}

fn load(card: &Inner, source: &str) -> Result<Vec<(Kernel, Function)>> {
    let kernels = source::kernels(source)?;
    let code = compiler::compile(source, card.capability, false, card.newest)?;
    card.compute.context.enter()?;
    let (what, mut module) = ("load a kernel", std::ptr::null_mut());
    // SAFETY: the driver copies the code, and writes its own pointer.
    driver::check(what, unsafe { sys::cuModuleLoadData(&mut module, code.as_ptr().cast()) })
        .map_err(|e| e.hint(format!("the driver must be as new as NVRTC: it is made for CUDA {}", card.newest)))?;
    let function = |kernel: Kernel| {
        let name = CString::new(&*kernel.name).map_err(|e| Error::new(Kind::Device, e.to_string()))?;
        let mut function = std::ptr::null_mut();
        // SAFETY: module and name live; the driver writes its own pointer.
        driver::check(what, unsafe { sys::cuModuleGetFunction(&mut function, module, name.as_ptr()) })
            .map_err(|e| e.hint(format!("write extern \"C\" __global__ void {}(..)", kernel.name)))?;
        Ok((kernel, Function(function)))
    };
    kernels.into_iter().map(function).collect()
}

impl Module for Kernels {
    fn launch(&self, name: &str, grid: [u32; 3], block: [u32; 3], args: &mut [Arg]) -> Result {
        let kernels = || self.loaded.iter().map(|(kernel, _)| kernel);
        let (kernel, function) =
            self.loaded.iter().find(|(kernel, _)| kernel.name == name).ok_or_else(|| no_kernel(name, kernels()))?;
        kernel.check(grid, block, args)?;
        let (mut words, mut keep, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (i, arg) in args.iter().enumerate() {
            let given = Given::new(&self.card, arg).ok_or_else(|| foreign(name, i))?;
            words.push(given.word);
            keep.extend(given.keep);
            bytes += given.bytes;
        }
        let mut state = self.card.state();
        state.ensure_ours()?;
        launch(&self.card, name, *function, [grid, block], &mut words)?;
        state.counts.launches += 1;
        state.counts.bytes += bytes as u64;
        if let Some(recorded) = &mut state.recorded {
            recorded.len += 1;
            recorded.keep.extend(keep);
        }
        Ok(())
    }
}

/// Has a kernel run with these words as its arguments. An `int` or a `float` is the first half of its word: both kinds of
/// machine that CUDA runs on have the low bytes first.
fn launch(card: &Inner, name: &str, function: Function, [grid, block]: [[u32; 3]; 2], words: &mut [u64]) -> Result {
    card.compute.context.enter()?;
    let mut params: Vec<*mut c_void> = words.iter_mut().map(|word| std::ptr::from_mut(word).cast()).collect();
    let ([gx, gy, gz], [bx, by, bz]) = (grid, block);
    // SAFETY: the arguments have the number and the kinds of the kernel's own parameters, and are copied by the call;
    // the buffers live until all that was asked is done: they wait for it when they are dropped.
    let answer = unsafe {
        let (stream, params, none) = (card.compute.stream.raw(), params.as_mut_ptr(), std::ptr::null_mut());
        sys::cuLaunchKernel(function.0, gx, gy, gz, bx, by, bz, 0, stream, params, none)
    };
    driver::check(&format!("launch the kernel {name}"), answer)
}

/// Writes at most eight words to the front of a buffer with room for them, by a kernel whose arguments they are. It is not counted.
pub fn put(card: &Arc<Inner>, buffer: &Buffer, words: &[u32]) -> Result {
    let kernels = Kernels::new(card, include_str!("../../../kernels/put.cu"))?;
    let Some((kernel, function)) = kernels.loaded.first() else { return Ok(()) };
    let mut args = [0u64; 10];
    args[0] = words.len() as u64;
    args[1..9].iter_mut().zip(words).for_each(|(arg, &word)| *arg = word.into());
    args[9] = buffer.memory.address;
    let state = card.state();
    state.ensure_done_now("new words for the dial")?;
    launch(card, &kernel.name, *function, [[1; 3]; 2], &mut args)
}

/// One argument as the kernel gets it, and what must live as long as it may run.
struct Given {
    word: u64,
    bytes: usize,
    keep: Option<Arc<dyn Any + Send + Sync>>,
}

impl Given {
    /// None for a buffer of another card.
    fn new(card: &Inner, arg: &Arg) -> Option<Given> {
        let number = |word: u32| Some(Given { word: word.into(), bytes: 0, keep: None });
        let memory = |own: &Buffer, len: usize| {
            let bytes = 4 * len.min(own.len);
            Given { word: own.memory.address, bytes, keep: Some(own.memory.clone()) }
        };
        match arg {
            Arg::Int(x) => number(*x as u32),
            Arg::Float(x) => number(x.to_bits()),
            Arg::In(buffer, len) | Arg::InInt(buffer, len) => card.own(*buffer).ok().map(|own| memory(own, *len)),
            Arg::Out(buffer, len) | Arg::OutInt(buffer, len) => card.own(&**buffer).ok().map(|own| memory(own, *len)),
            Arg::Many(table) => {
                let own = (*table as &dyn Any).downcast_ref::<Table>().filter(|own| card.owns(&own.all.memory))?;
                Some(Given { word: own.all.memory.address, bytes: own.all.bytes, keep: Some(own.all.clone()) })
            }
            Arg::Refusal(refusal) => {
                let own = (refusal.slot()? as &dyn Any).downcast_ref::<Complaint>()?;
                Some(Given { word: own.address, bytes: 0, keep: Some(own.words.clone()) })
            }
        }
    }
}
