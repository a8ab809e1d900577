//! One buffer in two places: which side is fresh, what is copied, and what stays where it is.

use cortado::device::emulator::Emulator;
use cortado::device::{Arg, Card, CardBuffer, CardTable, ColumnMajor, Counts, Gpu, Module, Recording, Slot};
use cortado::memory::{Memory, Side};
use cortado::{Blob, Device, Error, Kind, Result};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// What a [`Counting`] card saw, and whether its copies fail.
#[derive(Default)]
struct Log {
    allocs: AtomicUsize,
    uploads: AtomicUsize,
    downloads: AtomicUsize,
    broken: AtomicBool,
}

impl Log {
    /// Allocations, uploads, downloads.
    fn counts(&self) -> [usize; 3] {
        [&self.allocs, &self.uploads, &self.downloads].map(|n| n.load(SeqCst))
    }

    fn count(&self, what: &AtomicUsize) -> Result {
        let n = 1 + what.fetch_add(1, SeqCst);
        match self.broken.load(SeqCst) {
            true => Err(Error::new(Kind::Device, format!("copy {n} failed"))),
            false => Ok(()),
        }
    }
}

/// The emulator's memory, with every copy counted.
struct Counting {
    card: Emulator,
    log: Arc<Log>,
}

struct CountingBuffer {
    buffer: Box<dyn CardBuffer>,
    log: Arc<Log>,
}

impl Card for Counting {
    fn name(&self) -> String {
        "counting card".into()
    }
    fn alloc(&self, len: usize) -> Result<Box<dyn CardBuffer>> {
        self.log.allocs.fetch_add(1, SeqCst);
        Ok(Box::new(CountingBuffer { buffer: self.card.alloc(len)?, log: self.log.clone() }))
    }
    fn compile(&self, source: &str) -> Result<Arc<dyn Module>> {
        self.card.compile(source)
    }
    fn product(&self, call: &ColumnMajor, a: &dyn CardBuffer, b: &dyn CardBuffer, c: &mut dyn CardBuffer) -> Result {
        self.card.product(call, inner(a), inner(b), inner_mut(c))
    }
    fn fill(&self, buffer: &mut dyn CardBuffer, len: usize, value: f32) -> Result {
        self.card.fill(inner_mut(buffer), len, value)
    }
    fn copy(&self, from: &dyn CardBuffer, to: &mut dyn CardBuffer, len: usize) -> Result {
        self.card.copy(inner(from), inner_mut(to), len)
    }
    fn put(&self, buffer: &dyn CardBuffer, words: &[u32]) -> Result {
        self.card.put(inner(buffer), words)
    }
    fn table(&self, buffers: &[&dyn CardBuffer]) -> Result<Box<dyn CardTable>> {
        self.card.table(&buffers.iter().map(|buffer| inner(*buffer)).collect::<Vec<_>>())
    }
    fn slot(&self) -> Result<Box<dyn Slot>> {
        self.card.slot()
    }
    fn record(&self) -> Result {
        self.card.record()
    }
    fn end_record(&self) -> Result<Box<dyn Recording>> {
        self.card.end_record()
    }
    fn wait(&self) -> Result {
        self.card.wait()
    }
    fn counts(&self) -> Counts {
        self.card.counts()
    }
    fn note(&self, error: Error) {
        self.card.note(error)
    }
    fn take_error(&self) -> Option<Error> {
        self.card.take_error()
    }
}

impl CardBuffer for CountingBuffer {
    fn len(&self) -> usize {
        self.buffer.len()
    }
    fn address(&self) -> u64 {
        self.buffer.address()
    }
    fn upload(&mut self, host: &[f32]) -> Result {
        self.log.count(&self.log.uploads)?;
        self.buffer.upload(host)
    }
    fn download(&self, host: &mut [f32]) -> Result {
        self.log.count(&self.log.downloads)?;
        self.buffer.download(host)
    }
}

fn inner(buffer: &dyn CardBuffer) -> &dyn CardBuffer {
    &*(buffer as &dyn Any).downcast_ref::<CountingBuffer>().unwrap().buffer
}

fn inner_mut(buffer: &mut dyn CardBuffer) -> &mut dyn CardBuffer {
    &mut *(buffer as &mut dyn Any).downcast_mut::<CountingBuffer>().unwrap().buffer
}

fn counting() -> (Gpu, Arc<Log>) {
    let log = Arc::new(Log::default());
    (Gpu::new(Counting { card: Emulator::new(), log: log.clone() }), log)
}

/// Writes `x` on the card, as a kernel would.
fn write_on_card(memory: &mut Memory, gpu: &Gpu, x: &[f32]) {
    memory.card_mut(gpu).unwrap().upload(x).unwrap();
}

#[test]
fn only_a_stale_side_is_copied() {
    let (gpu, log) = counting();
    let mut m = Memory::new(3);
    assert_eq!((m.side(), log.counts()), (Side::Nowhere, [0, 0, 0]));
    m.host_mut().copy_from_slice(&[1.0, 2.0, 3.0]);
    assert_eq!((m.side(), log.counts()), (Side::Host, [0, 0, 0]));
    m.card(&gpu).unwrap();
    m.card(&gpu).unwrap();
    assert_eq!((m.side(), log.counts()), (Side::Both, [1, 1, 0]));
    m.card_mut(&gpu).unwrap();
    m.card_mut(&gpu).unwrap();
    assert_eq!((m.side(), log.counts()), (Side::Card, [1, 1, 0]));
    assert_eq!(m.host(), [1.0, 2.0, 3.0]);
    assert_eq!(m.host(), [1.0, 2.0, 3.0]);
    assert_eq!((m.side(), log.counts()), (Side::Both, [1, 1, 1]));
    m.host_mut()[0] = 9.0;
    m.card_mut(&gpu).unwrap();
    assert_eq!((m.host()[0], log.counts()), (9.0, [1, 2, 2]));
}

#[test]
fn what_is_wholly_overwritten_is_not_copied() {
    let (gpu, log) = counting();
    let mut m = Memory::new(2);
    m.host_mut().fill(1.0);
    m.card_over(&gpu).unwrap();
    assert_eq!((m.side(), log.counts()), (Side::Card, [1, 0, 0]));
    m.host_mut();
    m.card_over(&gpu).unwrap();
    assert_eq!(log.counts(), [1, 0, 1]);
}

#[test]
fn fresh_memory_is_zero_on_either_side() {
    let (gpu, log) = counting();
    let on_card = Memory::new(4);
    on_card.card(&gpu).unwrap();
    assert_eq!((on_card.side(), on_card.host()), (Side::Card, &[0.0; 4][..]));
    assert_eq!(Memory::new(4).host(), [0.0; 4]);
    assert_eq!(Memory::new(0).host(), [0.0; 0]);
    assert_eq!(log.counts(), [1, 0, 1]);
}

#[test]
fn addresses_stay_through_many_alternations() {
    let (gpu, log) = counting();
    let mut m = Memory::new(1000);
    let host = m.host_mut().as_ptr();
    let card = m.card(&gpu).unwrap().address();
    for i in 0..100 {
        m.host_mut()[7] += 1.0;
        assert_eq!(m.card_mut(&gpu).unwrap().address(), card);
        assert_eq!(m.host()[7], i as f32 + 1.0);
        assert_eq!(m.host().as_ptr(), host);
    }
    m.resize(10); // a shrink keeps both
    assert_eq!((m.host().as_ptr(), m.card(&gpu).unwrap().address()), (host, card));
    m.resize(1000);
    assert_eq!((m.host().as_ptr(), m.card(&gpu).unwrap().address()), (host, card));
    assert_eq!(log.counts()[0], 1);
}

#[test]
fn a_shrink_keeps_the_values_and_growth_beyond_the_storage_starts_anew() {
    let mut m = Memory::new(4);
    m.host_mut().copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
    m.resize(2);
    assert_eq!((m.len(), m.host()), (2, &[1.0, 2.0][..]));
    m.resize(4);
    assert_eq!(m.host(), [1.0, 2.0, 3.0, 4.0]);
    m.resize(5);
    assert_eq!((m.side(), m.host()), (Side::Nowhere, &[0.0; 5][..]));
    m.resize(0);
    assert!(m.is_empty() && m.host().is_empty());
}

#[test]
fn after_a_shrink_both_sides_still_hold_the_same() {
    let (gpu, _) = counting();
    let mut m = Memory::new(4);
    m.host_mut().fill(1.0);
    m.card(&gpu).unwrap();
    m.host_mut().fill(2.0);
    m.resize(2);
    m.card(&gpu).unwrap();
    m.resize(4);
    m.card_mut(&gpu).unwrap();
    assert_eq!(m.host(), [2.0; 4]);
    write_on_card(&mut m, &gpu, &[3.0; 4]);
    m.resize(2);
    assert_eq!(m.host(), [3.0; 2]);
    m.resize(4);
    assert_eq!(m.host(), [3.0; 4]);
}

#[test]
fn a_failed_download_reads_as_nan_and_the_device_keeps_the_first_error() {
    let (gpu, log) = counting();
    let device = Device::Gpu(gpu.clone());
    let (mut a, mut b) = (Memory::new(2), Memory::new(2));
    write_on_card(&mut a, &gpu, &[1.0, 2.0]);
    write_on_card(&mut b, &gpu, &[1.0, 2.0]);
    log.broken.store(true, SeqCst);
    assert!(a.host().iter().chain(b.host()).all(|x| x.is_nan()));
    log.broken.store(false, SeqCst);
    let e = device.check().unwrap_err();
    assert_eq!((e.kind(), e.message()), (Kind::Device, "copy 1 failed"));
    device.check().unwrap();
}

#[test]
fn a_failed_upload_is_an_error_and_loses_nothing() {
    let (gpu, log) = counting();
    let mut m = Memory::new(2);
    m.host_mut().fill(5.0);
    log.broken.store(true, SeqCst);
    assert!(m.card(&gpu).is_err() && m.card_mut(&gpu).is_err());
    assert_eq!(m.host(), [5.0; 2]);
    log.broken.store(false, SeqCst);
    m.card_mut(&gpu).unwrap();
    assert_eq!(m.host(), [5.0; 2]);
}

#[test]
fn a_clone_is_a_copy_of_the_values() {
    let (gpu, _) = counting();
    let mut m = Memory::new(2);
    write_on_card(&mut m, &gpu, &[1.0, 2.0]);
    let copy = m.clone();
    m.host_mut().fill(0.0);
    assert_eq!((copy.side(), copy.host()), (Side::Host, &[1.0, 2.0][..]));
    assert_eq!(Memory::new(3).clone().side(), Side::Nowhere);
}

#[test]
fn two_views_may_be_alive_at_once_and_on_two_threads() {
    fn is_sync<T: Send + Sync>(_: &T) {}
    let (gpu, log) = counting();
    let mut m = Memory::new(1000);
    is_sync(&m);
    is_sync(&Blob::default());
    write_on_card(&mut m, &gpu, &[2.0; 1000]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (a, b) = (m.host(), m.host());
                assert_eq!((a[0], a.as_ptr()), (2.0, b.as_ptr()));
                assert_eq!(m.card(&gpu).unwrap().len(), 1000);
            });
        }
    });
    assert_eq!(log.downloads.load(SeqCst), 1);
}

#[test]
fn a_buffer_of_another_card_is_refused() {
    let (gpu, _) = counting();
    let kernels = gpu.compile("__global__ void one(Out y) { y[0] = 1; }").unwrap();
    let mut m = Memory::new(1);
    let args = &mut [Arg::Out(m.card_mut(&gpu).unwrap(), 1)];
    let e = kernels.launch("one", [1, 1, 1], [1, 1, 1], args).unwrap_err();
    assert_eq!(e.message(), "kernel one: buffer 0 belongs to another card");
}
