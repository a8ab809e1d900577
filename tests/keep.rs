//! `Keep::Needed` saves memory: measured, not believed.

use cortado::net::{Builder, Keep};
use cortado::{Phase, Result};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::SeqCst) + layout.size();
        PEAK.fetch_max(now, Ordering::SeqCst);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::SeqCst);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Twenty ReLUs in a row on a blob of 4 MB: the most megabytes that two forwards (and backwards) take.
fn peak(keep: Keep, train: bool) -> Result<usize> {
    let mut text = format!("force_backward: {train} ");
    text.push_str("layer { name: \"x\" type: \"Input\" top: \"b0\" input_param { shape { dim: 1048576 } } }");
    for i in 1..=20 {
        text.push_str(&format!("layer {{ name: \"l{i}\" type: \"ReLU\" bottom: \"b{}\" top: \"b{i}\" }}", i - 1));
    }
    let before = NOW.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    let mut net = Builder::parse(&text, "test")?.phase(Phase::Test).keep(keep).make()?;
    for pass in 0..2 {
        net.data_mut("b0")?.fill(pass as f32 + 1.0);
        assert_eq!(net.forward()?["b20"].iter().sum::<f32>(), (pass as f32 + 1.0) * 1048576.0);
        if train {
            net.diff_mut("b20")?.fill(1.0);
            net.backward()?;
            assert_eq!(net.diff("b0")?.slice()[7], 1.0);
        }
    }
    Ok((PEAK.load(Ordering::SeqCst) - before) >> 20)
}

#[test]
fn what_nobody_will_read_is_handed_on() -> Result {
    let (all, needed) = (peak(Keep::All, false)?, peak(Keep::Needed, false)?);
    assert!(all >= 21 * 4, "{all} MB");
    assert!(needed <= 5 * 4, "{needed} MB"); // the input, the output, its copy for the caller, and two to compute with

    // Trained, the data are needed for backward, but a diff only until the layer below has run.
    let (all, needed) = (peak(Keep::All, true)?, peak(Keep::Needed, true)?);
    assert!(all >= 41 * 4, "{all} MB");
    assert!(needed <= 27 * 4, "{needed} MB");
    Ok(())
}
