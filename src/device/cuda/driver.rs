//! The driver: whether it is there, what it answers; contexts, streams and events.

use super::library::DRIVER;
use crate::{Error, Kind, Result};
use cudarc::driver::sys::{self, CUresult};
use std::ffi::{CStr, c_char, c_int};

/// A driver call's answer as a result; `what` says what was tried. Kernels run later than they are launched, so their
/// faults come out of whichever call is next.
pub fn check(what: &str, answer: CUresult) -> Result {
    let number = answer as u32;
    // Faults of the card: 214 its memory, 220 and 221 its links; the rest a kernel: an address, a timeout, an assertion.
    let of_a_kernel = matches!(number, 214 | 220 | 221 | 700 | 702 | 710 | 714..=719);
    match (number, of_a_kernel) {
        (0, _) => Ok(()),
        (2, _) => Err(Error::new(Kind::Device, format!("cannot {what}: the card's memory is full"))
            .hint("use a smaller batch_size, or CORTADO_DEVICE=cpu")),
        (_, true) => Err(Error::new(Kind::Device, format!("an earlier kernel failed: {}", text(answer)))
            .hint("start the program anew: this process has lost the card")
            .hint("CORTADO_DEVICE=emulated says which kernel, and why; on the card CUDA_LAUNCH_BLOCKING=1 CORTADO_GRAPH=0 shows the launch")),
        (_, false) => Err(Error::new(Kind::Device, format!("cannot {what}: {}", text(answer)))),
    }
}

/// The driver's words for an answer: `no CUDA-capable device is detected (CUDA_ERROR_NO_DEVICE)`.
pub fn text(answer: CUresult) -> String {
    let words = |ask: unsafe fn(CUresult, *mut *const c_char) -> CUresult| {
        let mut words = std::ptr::null();
        // SAFETY: the driver writes the address of a constant text, or null.
        unsafe {
            ask(answer, &mut words);
            (!words.is_null()).then(|| CStr::from_ptr(words).to_string_lossy().into_owned())
        }
    };
    match (words(sys::cuGetErrorString), words(sys::cuGetErrorName)) {
        (Some(text), Some(name)) => format!("{text} ({name})"),
        _ => format!("the driver's error {}", answer as u32),
    }
}

/// The driver, ready: the CUDA version that it is made for, as 13000 for 13.0, and how many cards there are.
///
/// # Errors
/// No driver, one that is broken, or no card.
pub fn start() -> Result<(i32, i32)> {
    let file = &DRIVER.find(i32::MAX)?.file;
    let (mut version, mut cards) = (0, 0);
    // SAFETY: the functions are there; the numbers outlive the calls.
    let answers = unsafe { [sys::cuInit(0), sys::cuDriverGetVersion(&mut version), sys::cuDeviceGetCount(&mut cards)] };
    let refused = answers.into_iter().find(|&answer| answer != CUresult::CUDA_SUCCESS);
    match refused {
        Some(answer) => Err(Error::new(Kind::Device, format!("the CUDA driver {file} has no card: {}", text(answer)))),
        None if cards == 0 => Err(Error::new(Kind::Device, format!("the CUDA driver {file} has no card"))),
        None => Ok((version, cards)),
    }
}

/// A pointer of the driver's; it may be used by any thread.
pub struct Handle<T>(pub *mut T);
// SAFETY: the driver's functions may be called from any thread, and order themselves what they do to the thing.
unsafe impl<T> Send for Handle<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Handle<T> {}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T> Handle<T> {
    pub fn raw(self) -> *mut T {
        self.0
    }
}

/// A card's context: every thread enters it before it asks anything of the card. It lasts as long as the process.
#[derive(Clone, Copy)]
pub struct Context(Handle<sys::CUctx_st>);

impl Context {
    /// The context that the whole process shares.
    pub fn of(device: sys::CUdevice) -> Result<Context> {
        let mut context = std::ptr::null_mut();
        // SAFETY: the driver writes its own pointer, which is never given back.
        check("use the card", unsafe { sys::cuDevicePrimaryCtxRetain(&mut context, device) })?;
        Ok(Context(Handle(context)))
    }

    /// Enters it on this thread.
    pub fn enter(&self) -> Result {
        // SAFETY: the context is never given back.
        check("use the card", unsafe { sys::cuCtxSetCurrent(self.0.0) })
    }
}

/// A queue of work that a card does in order. There are two: one computes, one copies from the host.
pub struct Stream {
    stream: Handle<sys::CUstream_st>,
    context: Context,
}

impl Stream {
    pub fn new(context: Context) -> Result<Stream> {
        context.enter()?;
        let mut stream = std::ptr::null_mut();
        let apart = sys::CUstream_flags_enum::CU_STREAM_NON_BLOCKING as u32;
        // SAFETY: the driver writes its own pointer.
        check("make a stream", unsafe { sys::cuStreamCreate(&mut stream, apart) })?;
        Ok(Stream { stream: Handle(stream), context })
    }

    pub fn raw(&self) -> sys::CUstream {
        self.stream.0
    }

    /// Waits until all is done.
    pub fn wait(&self) -> Result {
        self.context.enter()?;
        // SAFETY: the stream lives.
        check("wait for the card", unsafe { sys::cuStreamSynchronize(self.raw()) })
    }

    /// Has the stream wait for what was marked; the host does not.
    pub fn wait_for(&self, event: &Event) -> Result {
        // SAFETY: both live; the driver keeps what it needs of the event.
        check("order two streams", unsafe { sys::cuStreamWaitEvent(self.raw(), event.event.0, 0) })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the stream is no longer used; what is still to be done on it will be.
        let _ = self.context.enter().map(|()| unsafe { sys::cuStreamDestroy_v2(self.raw()) });
    }
}

/// A mark on a stream.
pub struct Event {
    event: Handle<sys::CUevent_st>,
    context: Context,
}

impl Event {
    pub fn new(context: Context) -> Result<Event> {
        context.enter()?;
        let mut event = std::ptr::null_mut();
        let no_clock = sys::CUevent_flags_enum::CU_EVENT_DISABLE_TIMING as u32;
        // SAFETY: the driver writes its own pointer.
        check("make an event", unsafe { sys::cuEventCreate(&mut event, no_clock) })?;
        Ok(Event { event: Handle(event), context })
    }

    /// Marks what was asked of the stream so far.
    pub fn mark(&self, stream: &Stream) -> Result {
        // SAFETY: both live.
        check("mark a stream", unsafe { sys::cuEventRecord(self.event.0, stream.raw()) })
    }

    /// Waits until what was marked is done; at once if nothing ever was.
    pub fn wait(&self) -> Result {
        // SAFETY: the event lives.
        check("wait for a copy", unsafe { sys::cuEventSynchronize(self.event.0) })
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the event is no longer used; the driver keeps what a stream still needs of it.
        let _ = self.context.enter().map(|()| unsafe { sys::cuEventDestroy_v2(self.event.0) });
    }
}

/// A number that the driver knows of a card.
pub fn attribute(device: sys::CUdevice, what: sys::CUdevice_attribute) -> Result<c_int> {
    let mut value = 0;
    // SAFETY: the driver writes a number.
    check("ask about the card", unsafe { sys::cuDeviceGetAttribute(&mut value, what, device) })?;
    Ok(value)
}

/// A card: its handle, name and memory.
pub fn device(ordinal: i32) -> Result<(sys::CUdevice, String, usize)> {
    let (mut device, mut name, mut bytes) = (0, [0u8; 256], 0);
    // SAFETY: the driver writes numbers, and at most `name.len()` letters with a 0 at the end.
    unsafe {
        check("find the card", sys::cuDeviceGet(&mut device, ordinal))?;
        check("ask about the card", sys::cuDeviceGetName(name.as_mut_ptr().cast(), name.len() as c_int, device))?;
        check("ask about the card", sys::cuDeviceTotalMem_v2(&mut bytes, device))?;
    }
    let name = CStr::from_bytes_until_nul(&name).map_or("a card".into(), |name| name.to_string_lossy().into_owned());
    Ok((device, name, bytes))
}
