//! The driver's things, each freed when dropped: streams, events, memory on the card and on the host.

use super::library::DRIVER;
use crate::{Error, Kind, Result};
use cudarc::driver::sys::{self, CUresult};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A driver call's answer as a result; `what` says what was tried. Kernels run later than they are launched, so their
/// faults come out of whichever call is next.
pub fn check(what: &str, answer: CUresult) -> Result {
    let number = answer as u32;
    // A fault on the card: 214 memory, 220 and 221 links, 700 to 719 kernels (but 701, a launch with too many threads).
    let of_a_kernel = matches!(number, 214 | 220 | 221 | 700 | 702 | 710 | 714..=719);
    match (number, of_a_kernel) {
        (0, _) => Ok(()),
        (2, _) => Err(Error::new(Kind::Device, format!("cannot {what}: the card's memory is full"))
            .hint("use a smaller batch_size, or CORTADO_DEVICE=cpu")),
        (_, true) => Err(Error::new(Kind::Device, format!("an earlier kernel failed: {}", text(answer)))
            .hint("run with CORTADO_DEVICE=emulated to see which, and why; the card must be opened anew")),
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

/// The driver, ready: the CUDA version that it is made for, as 13000 for 13.0, and how many cards there are. It is asked
/// once in a process.
///
/// # Errors
/// No driver, one that is broken, or no card.
pub fn start() -> Result<(i32, i32)> {
    static STARTED: OnceLock<Result<(i32, i32)>> = OnceLock::new();
    let start = || {
        let file = &DRIVER.find(i32::MAX)?.file;
        let (mut version, mut cards) = (0, 0);
        // SAFETY: the functions are there; the numbers outlive the calls.
        let answers = unsafe {
            [sys::cuInit(0), sys::cuDriverGetVersion(&mut version), sys::cuDeviceGetCount(&mut cards)]
        };
        let refused = answers.into_iter().find(|&answer| answer != CUresult::CUDA_SUCCESS);
        match refused {
            Some(answer) => Err(Error::new(Kind::Device, format!("the CUDA driver {file} has no card: {}", text(answer)))),
            None if cards == 0 => Err(Error::new(Kind::Device, format!("the CUDA driver {file} has no card"))),
            None => Ok((version, cards)),
        }
    };
    STARTED.get_or_init(start).clone()
}

/// A pointer of the driver's; it may be used by any thread.
#[derive(Clone, Copy)]
struct Handle<T>(*mut T);
// SAFETY: the driver's functions may be called from any thread, and what they do to the thing is theirs to order.
unsafe impl<T> Send for Handle<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Handle<T> {}

/// A card's context: what every thread must be in before it asks something of the card. It lasts as long as the process.
#[derive(Clone, Copy)]
pub struct Context(Handle<sys::CUctx_st>);

impl Context {
    /// The context that all of the process shares.
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

/// What happens on a card in order. Everything here happens on one of two: one computes, one copies from the host.
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

/// The stream that computes, and what is to be freed after it: while a step is recorded nothing may wait for it.
pub struct Compute {
    pub stream: Stream,
    pub context: Context,
    later: Mutex<Later>,
}

#[derive(Default)]
struct Later {
    recording: bool,
    frees: Vec<Box<dyn FnOnce() + Send>>,
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

    /// Frees something once all is done that may use it. A card that fails gets no second chance: errors are dropped.
    fn free(&self, free: impl FnOnce() + Send + 'static) {
        let mut later = lock(&self.later);
        if later.recording {
            later.frees.push(Box::new(free));
        } else {
            drop(later);
            let _ = self.stream.wait();
            free();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.compute.free(move || drop(unsafe { sys::cuMemFree_v2(address) }));
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
        // SAFETY: the driver writes its own pointer, to so many bytes.
        let answer = unsafe { sys::cuMemHostAlloc(&mut host, bytes.max(4), sys::CU_MEMHOSTALLOC_DEVICEMAP) };
        check(&format!("allocate {bytes} bytes on the host"), answer)?;
        // SAFETY: as above; nobody else knows of them yet.
        unsafe { host.cast::<u8>().write_bytes(0, bytes) };
        Ok(Pinned { host: Handle(host), bytes, compute: compute.clone() })
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
        self.compute.free(move || drop(unsafe { sys::cuMemFreeHost({ host }.0) }));
    }
}

/// A recorded step, ready to be done again.
pub struct Graph {
    graph: Handle<sys::CUgraphExec_st>,
    compute: Arc<Compute>,
}

impl Graph {
    /// From now on what is asked of the stream is recorded. Other threads, and what allocates, may go on: nothing of
    /// theirs touches the stream.
    pub fn begin(compute: &Compute) -> Result {
        let relaxed = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;
        // SAFETY: the stream lives.
        check("record a step", unsafe { sys::cuStreamBeginCapture_v2(compute.stream.raw(), relaxed) })
    }

    /// What was asked since.
    pub fn end(compute: &Arc<Compute>) -> Result<Graph> {
        let (mut graph, mut exec) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the driver writes its own pointers; the graph is not needed once it is made executable.
        unsafe {
            check("record the step", sys::cuStreamEndCapture(compute.stream.raw(), &mut graph))?;
            let answer = sys::cuGraphInstantiateWithFlags(&mut exec, graph, 0);
            sys::cuGraphDestroy(graph);
            check("prepare the recorded step", answer)?;
        }
        Ok(Graph { graph: Handle(exec), compute: compute.clone() })
    }

    pub fn launch(&self) -> Result {
        // SAFETY: graph and stream live; the recording keeps all that the graph uses.
        check("replay a step", unsafe { sys::cuGraphLaunch(self.graph.0, self.compute.stream.raw()) })
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let graph = self.graph;
        // SAFETY: it has run, and will not again.
        self.compute.free(move || drop(unsafe { sys::cuGraphExecDestroy({ graph }.0) }));
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
    // SAFETY: `to` is borrowed until the wait below is over.
    let answer = unsafe { sys::cuMemcpyDtoHAsync_v2(to.as_mut_ptr().cast(), from, bytes, stream.raw()) };
    // Even after an error: whatever was begun must not write into memory that is given back.
    let waited = stream.wait();
    check("copy from the card", answer).and(waited)
}

/// Copies on the card.
pub fn copy(stream: &Stream, from: u64, to: u64, bytes: usize) -> Result {
    // SAFETY: the caller has checked the lengths; both stay until the stream has done it.
    check("copy on the card", unsafe { sys::cuMemcpyDtoDAsync_v2(to, from, bytes, stream.raw()) })
}

/// Sets words on the card.
pub fn fill(stream: &Stream, at: u64, word: u32, count: usize) -> Result {
    // SAFETY: as above.
    check("fill memory on the card", unsafe { sys::cuMemsetD32Async(at, word, count, stream.raw()) })
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
    // SAFETY: the driver writes numbers, and at most so many letters with a 0 at the end.
    unsafe {
        check("find the card", sys::cuDeviceGet(&mut device, ordinal))?;
        check("ask about the card", sys::cuDeviceGetName(name.as_mut_ptr().cast(), name.len() as c_int, device))?;
        check("ask about the card", sys::cuDeviceTotalMem_v2(&mut bytes, device))?;
    }
    let name = CStr::from_bytes_until_nul(&name).map_or("a card".into(), |name| name.to_string_lossy().into_owned());
    Ok((device, name, bytes))
}
