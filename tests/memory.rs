//! One buffer in two places: which side is fresh, what is copied, and what stays where it is.

use cortado::device::emulator::Emulator;
use cortado::device::{Card, CardArg, CardBuffer, CardTable, ColumnMajor, Counts, Gpu, Module, Recording, Slot};
use cortado::memory::{Memory, Side};
use cortado::{Blob, Device, Error, Kind, Net, Phase, Result};
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
fn zeros_are_not_written_and_keep_the_storage() {
    let mut m = Memory::new(3);
    m.host_mut().copy_from_slice(&[1.0, 2.0, 3.0]);
    let address = m.host().as_ptr();
    for _ in 0..2 {
        m.fill(0.0);
        m.fill(0.0);
        assert_eq!((m.side(), m.clone().host()), (Side::Nowhere, &[0.0; 3][..]));
        assert_eq!((m.host(), m.host().as_ptr()), (&[0.0; 3][..], address));
        m.fill(0.0);
        m.host_over().copy_from_slice(&[4.0, 5.0, 6.0]);
        assert_eq!((m.host(), m.host().as_ptr()), (&[4.0, 5.0, 6.0][..], address));
    }
    m.fill(0.0);
    m.host_mut()[1] = 7.0;
    assert_eq!(m.host(), [0.0, 7.0, 0.0]);
    // Fewer values, and then more than the storage holds.
    m.fill(0.0);
    m.resize(2);
    assert_eq!(m.host(), [0.0; 2]);
    m.resize(5);
    assert_eq!((m.host_over().len(), m.host().len()), (5, 5));

    let (gpu, log) = counting();
    write_on_card(&mut m, &gpu, &[1.0; 5]);
    let before = log.counts();
    m.fill(0.0);
    assert_eq!((m.side(), log.counts()), (Side::Card, before));
    assert_eq!(m.host(), [0.0; 5]);
    write_on_card(&mut m, &gpu, &[1.0; 5]);
    let before = log.counts();
    m.host_over().fill(2.0); // nothing is downloaded
    assert_eq!((m.side(), log.counts()), (Side::Host, before));
    m.card(&gpu).unwrap();
    assert_eq!(log.counts()[1], before[1] + 1);
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
    let args = &mut [CardArg::Out(m.card_mut(&gpu).unwrap(), 1)];
    let e = kernels.launch("one", [1, 1, 1], [1, 1, 1], args).unwrap_err();
    assert_eq!(e.message(), "kernel one: buffer 0 belongs to another card");
}

// --- Two cards, as two nets have that were built without a device ------------------------------------------------------

#[test]
fn what_is_on_another_card_goes_by_the_host() {
    let ((a, log_a), (b, log_b)) = (counting(), counting());
    let mut m = Memory::new(2);
    write_on_card(&mut m, &a, &[1.0, 2.0]);
    let on_a = m.card(&a).unwrap().address();
    let on = |m: &Memory, gpu: &Gpu| {
        let mut values = [0.0; 2];
        m.card(gpu).unwrap().download(&mut values).unwrap();
        values
    };
    let [_, uploads, downloads] = log_a.counts();
    assert_eq!(on(&m, &b), [1.0, 2.0]);
    assert_eq!(m.side(), Side::Both);
    assert_eq!((log_a.counts()[2], log_b.counts()), (downloads + 1, [1, 1, 1]), "down from one, up to the other");
    assert_eq!((on(&m, &a), m.card(&a).unwrap().address()), ([1.0, 2.0], on_a), "the first has kept it");

    write_on_card(&mut m, &b, &[3.0, 4.0]);
    let on_b = m.card(&b).unwrap().address();
    assert_eq!(m.side(), Side::Card);
    assert_eq!((on(&m, &a), log_a.counts()[1]), ([3.0, 4.0], uploads + 1));
    m.card_over(&a).unwrap().upload(&[5.0, 6.0]).unwrap();
    assert_eq!((m.host(), on(&m, &b)), (&[5.0, 6.0][..], [5.0, 6.0]));
    m.host_mut()[0] = 7.0;
    m.card_mut(&b).unwrap();
    assert_eq!(on(&m, &a), [7.0, 6.0]);
    assert_eq!([m.card(&a).unwrap().address(), m.card(&b).unwrap().address()], [on_a, on_b]);
    assert_eq!([log_a.counts()[0], log_b.counts()[0]], [1, 1], "each card gave memory once");
}

#[test]
fn a_copy_takes_the_values_of_whichever_card_has_them() {
    let ((a, log_a), (b, _)) = (counting(), counting());
    let (mut x, mut y, mut z) = (Memory::new(2), Memory::new(2), Memory::new(2));
    write_on_card(&mut x, &a, &[1.0, 2.0]);
    write_on_card(&mut y, &b, &[3.0, 4.0]);
    y.copy_from(&x).unwrap();
    assert_eq!((y.side(), y.host()), (Side::Host, &[1.0, 2.0][..]));
    let copies = log_a.counts()[1..].to_vec();
    z.copy_from(&x).unwrap(); // which has no card yet
    assert_eq!((z.side(), &log_a.counts()[1..]), (Side::Card, &copies[..]), "on the card, without the host");
    assert_eq!(z.host(), [1.0, 2.0]);
}

#[test]
fn a_copy_that_fails_is_an_error_and_loses_nothing() {
    let ((a, log), (b, _)) = (counting(), counting());
    let (mut x, mut y) = (Memory::new(2), Memory::new(2));
    write_on_card(&mut x, &a, &[1.0, 2.0]);
    write_on_card(&mut y, &b, &[3.0, 4.0]);
    log.broken.store(true, SeqCst);
    assert_eq!(y.copy_from(&x).unwrap_err().message(), "copy 1 failed");
    assert_eq!(x.card(&b).err().unwrap().message(), "copy 2 failed");
    log.broken.store(false, SeqCst);
    assert_eq!((x.host(), y.host()), (&[1.0, 2.0][..], &[3.0, 4.0][..]));
    assert!(Device::Gpu(a).check().is_ok() && Device::Gpu(b).check().is_ok(), "the error was returned, not noted");
}

const TWO_LAYERS: &str = r#"
    layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
    layer { name: "ip" type: "InnerProduct" bottom: "x" top: "h"
            inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
    layer { name: "scale" type: "Scale" bottom: "h" top: "y" }"#;

fn net(seed: u64, device: &Device) -> Net {
    let net = cortado::net::Builder::parse(TWO_LAYERS, "net").unwrap().seed(seed).device(device);
    let mut net = net.phase(Phase::Test).make().unwrap();
    net.data_mut("x").unwrap().fill(0.5);
    net.forward().unwrap();
    net
}

/// `Device::best()` opens a card for each net: what works between two nets on the CPU works between those.
#[test]
fn two_nets_with_a_card_each_share_values() {
    let run = |device: fn() -> Device| {
        let (mut a, mut b) = (net(1, &device()), net(2, &device()));
        let y_of_b = b.data("y").unwrap().slice().to_vec();
        let lent = b.lend_params(&mut a, |a| Ok(a.forward()?["y"].clone())).unwrap();
        assert_eq!(lent.as_slice().unwrap(), y_of_b, "a with the parameters of b");
        let y_of_a = a.forward().unwrap()["y"].clone();
        assert_ne!(y_of_a.as_slice().unwrap(), y_of_b, "a has its own again");
        assert_eq!(b.forward().unwrap()["y"].as_slice().unwrap(), y_of_b);

        for (layer, i) in [("ip", 0), ("ip", 1), ("scale", 0)] {
            let from = &b.param(layer, i).unwrap().data;
            a.param_mut(layer, i).unwrap().data.copy_from(from).unwrap();
        }
        assert_eq!(a.forward().unwrap()["y"].as_slice().unwrap(), y_of_b);
        std::mem::swap(a.data_mut("x").unwrap(), b.data_mut("x").unwrap());
        a.data_mut("h").unwrap().copy_from(b.data("h").unwrap()).unwrap();
        assert_eq!(a.forward().unwrap()["y"], b.forward().unwrap()["y"]);
        a.device().check().unwrap();
        b.device().check().unwrap();
        y_of_b
    };
    let (cpu, emulated) = (run(Device::cpu), run(Device::emulated));
    cpu.iter().zip(&emulated).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{cpu:?} {emulated:?}"));
}

/// A recorded step looks at this number instead of at every buffer.
#[test]
fn whatever_moves_values_raises_the_cards_generation() {
    let gpu = Gpu::new(Emulator::new());
    let mut m = Memory::new(3);
    let raised = |what: &str, m: &mut Memory, expected: bool, work: &dyn Fn(&mut Memory)| {
        let before = gpu.generation();
        work(m);
        assert_eq!(gpu.generation() != before, expected, "{what}, now {:?}", m.side());
    };
    raised("written on the host alone", &mut m, false, &|m| m.host_mut().fill(1.0));
    raised("copied to the card", &mut m, true, &|m| assert!(m.card(&gpu).is_ok()));
    raised("asked for again", &mut m, false, &|m| assert!(m.card(&gpu).is_ok()));
    raised("read on the host where it is", &mut m, false, &|m| assert_eq!(m.host(), [1.0; 3]));
    raised("to be changed on the card", &mut m, true, &|m| assert!(m.card_mut(&gpu).is_ok()));
    raised("changed there again", &mut m, false, &|m| m.fill(2.0));
    raised("copied to the host", &mut m, true, &|m| assert_eq!(m.host(), [2.0; 3]));
    raised("changed on the host", &mut m, true, &|m| m.host_mut().fill(3.0));
    raised("overwritten on the card", &mut m, true, &|m| assert!(m.card_over(&gpu).is_ok()));
    raised("another length in the same storage", &mut m, true, &|m| m.resize(2));
    raised("another storage", &mut m, true, &|m| m.resize(100));
    raised("copied to the new storage", &mut m, true, &|m| assert!(m.card(&gpu).is_ok()));
    raised("dropped for another", &mut m, true, &|m| *m = Memory::new(100));
}
