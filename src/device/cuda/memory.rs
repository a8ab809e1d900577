//! Memory on the card, and on the host where the card reaches it; freed when dropped, once all that may use it is done.

use super::driver::{Context, Handle, Stream, check};
use crate::Result;
use crate::device::lock::lock;
use cudarc::driver::sys::{self, CUresult};
use std::ffi::c_void;
use std::sync::{Arc, Mutex};

/// The stream that computes, and what to free after it: nothing may wait for the stream while a step is recorded.
pub struct Compute {
    pub stream: Stream,
    pub context: Context,
    later: Mutex<Later>,
}

#[derive(Default)]
struct Later {
    recording: bool,
    frees: Vec<Box<dyn FnOnce() -> CUresult + Send>>,
}

impl Compute {
    pub fn new(context: Context) -> Result<Arc<Compute>> {
        Ok(Arc::new(Compute { stream: Stream::new(context)?, context, later: Mutex::default() }))
    }

    /// From now on nothing is freed.
    pub fn hold(&self) {
        lock(&self.later).recording = true;
    }

    /// Frees what was held.
    pub fn release(&self) {
        let frees = {
            let mut later = lock(&self.later);
            later.recording = false;
            std::mem::take(&mut later.frees)
        };
        frees.into_iter().for_each(|free| self.free(free));
    }

    /// Frees something once all that may use it is done. A failing card gets no second chance: errors are dropped.
    pub fn free(&self, free: impl FnOnce() -> CUresult + Send + 'static) {
        // Locked until it is freed: no recording begins meanwhile.
        let mut later = lock(&self.later);
        match later.recording {
            true => later.frees.push(Box::new(free)),
            false => drop((self.stream.wait(), free())),
        }
    }
}

impl Drop for Compute {
    fn drop(&mut self) {
        self.release(); // a recording that nobody has ended held them
    }
}

/// Memory on the card.
pub struct Memory {
    pub address: u64,
    pub bytes: usize,
    compute: Arc<Compute>,
}

impl Memory {
    /// What it holds may be anything.
    pub fn new(compute: &Arc<Compute>, bytes: usize) -> Result<Memory> {
        compute.context.enter()?;
        let mut address = 0;
        // SAFETY: the driver writes a number.
        let answer = unsafe { sys::cuMemAlloc_v2(&mut address, bytes.max(4)) };
        check(&format!("allocate {bytes} bytes"), answer)?;
        Ok(Memory { address, bytes, compute: compute.clone() })
    }

    pub fn belongs_to(&self, compute: &Arc<Compute>) -> bool {
        Arc::ptr_eq(&self.compute, compute)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let address = self.address;
        // SAFETY: nothing that was asked of the card uses it any more, and nothing will.
        self.compute.free(move || unsafe { sys::cuMemFree_v2(address) });
    }
}

/// Memory on the host that the card can reach.
pub struct Pinned {
    host: Handle<c_void>,
    pub bytes: usize,
    compute: Arc<Compute>,
}

impl Pinned {
    /// It holds zeros.
    pub fn new(compute: &Arc<Compute>, bytes: usize) -> Result<Pinned> {
        compute.context.enter()?;
        let mut host = std::ptr::null_mut();
        // SAFETY: the driver writes its own pointer, to as many bytes as were asked for.
        let answer = unsafe { sys::cuMemHostAlloc(&mut host, bytes.max(4), sys::CU_MEMHOSTALLOC_DEVICEMAP) };
        check(&format!("allocate {bytes} bytes on the host"), answer)?;
        // SAFETY: as above; nobody else knows of them yet.
        unsafe { host.cast::<u8>().write_bytes(0, bytes) };
        Ok(Pinned { host: Handle(host), bytes, compute: compute.clone() })
    }

    pub fn belongs_to(&self, compute: &Arc<Compute>) -> bool {
        Arc::ptr_eq(&self.compute, compute)
    }

    pub fn host(&self) -> *mut u8 {
        self.host.0.cast()
    }

    /// Its address as kernels see it.
    pub fn address(&self) -> Result<u64> {
        let mut address = 0;
        // SAFETY: the memory was allocated to be mapped; the driver writes a number.
        let answer = unsafe { sys::cuMemHostGetDevicePointer_v2(&mut address, self.host.0, 0) };
        check("map the host's memory", answer)?;
        Ok(address)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let host = self.host;
        // SAFETY: nothing that was asked of the card uses it any more, and nothing will.
        self.compute.free(move || unsafe { sys::cuMemFreeHost(host.raw()) });
    }
}

/// Copies on a stream, from host to card. The host's bytes must stay as they are until it is done.
///
/// # Safety
/// `from` must be valid for `bytes`, until the stream has done it.
pub unsafe fn copy_in(stream: &Stream, from: *const u8, to: u64, bytes: usize) -> Result {
    // SAFETY: the caller's promise; the card's addresses are checked by whoever made them.
    check("copy to the card", unsafe { sys::cuMemcpyHtoDAsync_v2(to, from.cast(), bytes, stream.raw()) })
}

/// Copies from the card to the host, and waits for it.
pub fn copy_out(stream: &Stream, from: u64, to: &mut [f32]) -> Result {
    let bytes = size_of_val(to);
    if bytes == 0 {
        return stream.wait(); // what the driver does with a copy of nothing is not documented
    }
    // SAFETY: `to` is borrowed until the wait below is over.
    let answer = unsafe { sys::cuMemcpyDtoHAsync_v2(to.as_mut_ptr().cast(), from, bytes, stream.raw()) };
    // Even after an error: whatever was begun must not write into memory that is given back.
    let waited = stream.wait();
    check("copy from the card", answer).and(waited)
}

pub fn copy(stream: &Stream, from: u64, to: u64, bytes: usize) -> Result {
    // SAFETY: the caller has checked the lengths; both stay until the stream has done it.
    check("copy on the card", unsafe { sys::cuMemcpyDtoDAsync_v2(to, from, bytes, stream.raw()) })
}

pub fn fill(stream: &Stream, at: u64, word: u32, count: usize) -> Result {
    // SAFETY: as above.
    check("fill memory on the card", unsafe { sys::cuMemsetD32Async(at, word, count, stream.raw()) })
}
