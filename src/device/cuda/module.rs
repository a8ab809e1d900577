//! Compiled kernels, loaded into a card, and their launch.

use super::driver::{self, Handle};
use super::memory::Compute;
use super::{Buffer, CardArg, Complaint, Inner, Module, Table, compiler};
use crate::device::Asked;
use crate::device::source::{self, Kernel, foreign, no_kernel};
use crate::{Error, Kind, Result};
use cudarc::driver::sys;
use std::any::Any;
use std::ffi::{CString, c_void};
use std::sync::Arc;

/// A source's kernels on a card, each with its code.
pub struct Loaded {
    kernels: Vec<(Kernel, Handle<sys::CUfunc_st>)>,
    module: Handle<sys::CUmod_st>,
    compute: Arc<Compute>,
}

impl Loaded {
    pub fn new(card: &Inner, source: &str) -> Result<Loaded> {
        let kernels = source::kernels(source)?;
        let code = compiler::compile(source, card.capability, false, card.newest)?;
        card.compute.context.enter()?;
        let (what, mut module) = ("load a kernel", std::ptr::null_mut());
        // SAFETY: the driver copies the code, and writes its own pointer.
        driver::check(what, unsafe { sys::cuModuleLoadData(&mut module, code.as_ptr().cast()) })
            .map_err(|e| e.hint(format!("the driver must be as new as NVRTC: it is made for CUDA {}", card.newest)))?;
        let mut loaded = Loaded { kernels: Vec::new(), module: Handle(module), compute: card.compute.clone() };
        for kernel in kernels {
            let name = CString::new(&*kernel.name).map_err(|e| Error::new(Kind::Device, e.to_string()))?;
            let mut function = std::ptr::null_mut();
            // SAFETY: module and name live; the driver writes its own pointer.
            driver::check(what, unsafe { sys::cuModuleGetFunction(&mut function, module, name.as_ptr()) })
                .map_err(|e| e.hint(format!("write extern \"C\" __global__ void {}(..)", kernel.name)))?;
            loaded.kernels.push((kernel, Handle(function)));
        }
        Ok(loaded)
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        let module = self.module;
        // SAFETY: recordings keep the modules that they launch from, and what else was launched is done by then.
        self.compute.free(move || unsafe { sys::cuModuleUnload(module.raw()) });
    }
}

/// What layers launch.
pub struct Kernels {
    pub card: Arc<Inner>,
    pub loaded: Arc<Loaded>,
}

impl Module for Kernels {
    fn launch(&self, name: &str, grid: [u32; 3], block: [u32; 3], args: &mut [CardArg]) -> Result {
        let all = &self.loaded.kernels;
        let (kernel, function) = all
            .iter()
            .find(|(kernel, _)| kernel.name == name)
            .ok_or_else(|| no_kernel(name, all.iter().map(|(kernel, _)| kernel)))?;
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
            recorded.asked.push(Asked::new(format!("its kernel \"{name}\""), (grid, block, words)));
            recorded.keep.extend(keep);
            recorded.keep.push(self.loaded.clone());
        }
        Ok(())
    }
}

/// Has a kernel run with these words as its arguments. An `int` or a `float` is the first half of its word: both kinds
/// of machine that CUDA runs on have the low bytes first.
fn launch(
    card: &Inner,
    name: &str,
    function: Handle<sys::CUfunc_st>,
    [grid, block]: [[u32; 3]; 2],
    words: &mut [u64],
) -> Result {
    card.compute.context.enter()?;
    let mut params: Vec<*mut c_void> = words.iter_mut().map(|word| std::ptr::from_mut(word).cast()).collect();
    let ([gx, gy, gz], [bx, by, bz]) = (grid, block);
    // SAFETY: the arguments have the number and the kinds of the kernel's own parameters, and are copied by the call;
    // the buffers live until all that was asked is done: they wait for it when they are dropped.
    let answer = unsafe {
        let (stream, params, none) = (card.compute.stream.raw(), params.as_mut_ptr(), std::ptr::null_mut());
        sys::cuLaunchKernel(function.raw(), gx, gy, gz, bx, by, bz, 0, stream, params, none)
    };
    driver::check(&format!("launch the kernel {name}"), answer)
}

/// Writes at most eight words, a kernel's arguments, to the front of a buffer with room for them. It is not counted.
pub fn put(card: &Inner, buffer: &Buffer, words: &[u32]) -> Result {
    let mut args = [0u64; 10];
    args[0] = words.len() as u64;
    args[1..9].iter_mut().zip(words).for_each(|(arg, &word)| *arg = word.into());
    args[9] = buffer.memory.address;
    let mut state = card.state();
    state.ensure_done_now("new words for the dial")?;
    if state.put.is_none() {
        state.put = Some(Loaded::new(card, include_str!("../../../kernels/put.cu"))?);
    }
    match state.put.iter().flat_map(|put| &put.kernels).next() {
        Some((kernel, function)) => launch(card, &kernel.name, *function, [[1; 3]; 2], &mut args),
        None => Ok(()),
    }
}

/// One argument as the kernel gets it, and what must live as long as it may run.
struct Given {
    word: u64,
    bytes: usize,
    keep: Option<Arc<dyn Any + Send + Sync>>,
}

impl Given {
    /// None for a buffer of another card.
    fn new(card: &Inner, arg: &CardArg) -> Option<Given> {
        let number = |word: u32| Some(Given { word: word.into(), bytes: 0, keep: None });
        let memory = |own: &Buffer, len: usize| {
            let bytes = 4 * len.min(own.len);
            Given { word: own.memory.address, bytes, keep: Some(own.memory.clone()) }
        };
        match arg {
            CardArg::Int(x) => number(*x as u32),
            CardArg::Size(x) => number(*x as u32), // checked: it fits
            CardArg::Float(x) => number(x.to_bits()),
            CardArg::In(buffer, len) | CardArg::InInt(buffer, len) => {
                card.own(*buffer).ok().map(|own| memory(own, *len))
            }
            CardArg::Out(buffer, len) | CardArg::OutInt(buffer, len) => {
                card.own(&**buffer).ok().map(|own| memory(own, *len))
            }
            CardArg::Many(table) => {
                let own = (*table as &dyn Any).downcast_ref::<Table>().filter(|own| card.owns(&own.all.memory))?;
                Some(Given { word: own.all.memory.address, bytes: own.all.bytes, keep: Some(own.all.clone()) })
            }
            CardArg::Refusal(slot) => {
                let own = (*slot as &dyn Any).downcast_ref::<Complaint>();
                let own = own.filter(|own| own.words.belongs_to(&card.compute))?;
                Some(Given { word: own.address, bytes: 0, keep: Some(own.words.clone()) })
            }
        }
    }
}
