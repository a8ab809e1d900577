//! Bad input: every file of `tests/bad/CLASS`, and every binary file made wrong by a recipe, is an error whose whole message
//! is kept beside it; nothing panics, and nothing takes memory that only the mistake asks for.
//!
//! `CORTADO_BLESS=1` writes the messages anew; read them before you commit them.

#[path = "bad/binary.rs"]
mod binary;
#[path = "bad/fuzz.rs"]
mod fuzz;
#[path = "bad/hostile.rs"]
mod hostile;
#[path = "bad/leveldb.rs"]
mod leveldb;

use cortado::data::lmdb;
use cortado::layer::Phase;
use cortado::{Error, Kind, Log, Result, data, net, solver};
use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The most that a mistake may allocate, in bytes.
const MEMORY: usize = 100_000_000;

/// Counts the bytes in use, and the most there were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(more: usize) {
    PEAK.fetch_max(NOW.fetch_add(more, Ordering::Relaxed) + more, Ordering::Relaxed);
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.realloc(old, layout, size) }
    }
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(old, layout) }
    }
}

/// Does something wrong, alone in this process: it must not panic, and not take more than [`MEMORY`].
fn survive<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = NOW.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| panic!("{name} panics"));
    let taken = PEAK.load(Ordering::SeqCst).saturating_sub(before);
    assert!(taken < MEMORY, "{name} takes {taken} bytes");
    result
}

/// Compares an error's message with the one that is kept in `expected`; gives what is wrong with it. `hide` replaces what
/// differs between machines.
fn compare(name: &str, error: &Error, expected: &Path, hide: &[(&str, &str)]) -> Option<String> {
    let root = (env!("CARGO_MANIFEST_DIR"), "ROOT");
    let message = hide.iter().chain([&root]).fold(format!("{error}\n"), |text, (from, to)| text.replace(from, to));
    if std::env::var_os("CORTADO_BLESS").is_some() {
        std::fs::write(expected, &message).unwrap();
    }
    let kept = std::fs::read_to_string(expected).unwrap_or_default().replace("\r\n", "\n");
    if message != kept {
        return Some(format!("{name}: not the message in {}, but {message}", expected.display()));
    }
    let says_what_to_do = !error.hints().is_empty() || error.kind() == Kind::Syntax;
    (!says_what_to_do).then(|| format!("{name}: no word on what to do: {message}"))
}

/// Four images of 28 x 28, in the database that the prototxt files name.
fn database() {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        std::fs::create_dir_all("target/tmp").unwrap();
        make_database(Path::new("target/tmp/bad_lmdb"));
    });
}

fn make_database(path: &Path) {
    lmdb::create(path, true, |db| {
        (0..4u8).try_for_each(|i| {
            let mut value = Vec::new();
            data::datum::encode([1, 28, 28], &[i; 784], i as i32, &mut value)?;
            db.put(format!("{i:08}").as_bytes(), &value)
        })
    })
    .unwrap();
}

/// Builds a net in both phases and runs it forward and backward.
fn run_net(make: impl Fn() -> Result<net::Builder>) -> Result {
    for phase in [Phase::Train, Phase::Test] {
        let mut net = make()?.phase(phase).log(&Log::silent()).make()?;
        net.forward()?;
        net.backward()?;
    }
    Ok(())
}

/// Checks all files of a class; a file whose name begins with `solver` is a solver's, the others are nets'.
fn check_class(class: &str, kinds: &[Kind]) {
    database();
    let dir = Path::new("tests/bad").join(class);
    let mut files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "prototxt"));
    files.sort();
    assert!(files.len() >= 6, "{class} has {} files", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let path = format!("tests/bad/{class}/{name}");
        let result = survive(&path, || match name.starts_with("solver") {
            true => solver::Builder::read(&path)?.log(&Log::silent()).make()?.solve(),
            false => run_net(|| net::Builder::read(&path)),
        });
        let Err(error) = result else {
            wrong.push(format!("{path} is no error"));
            continue;
        };
        wrong.extend(compare(&path, &error, &Path::new(&path).with_extension("txt"), &[]));
        if !kinds.is_empty() && !kinds.contains(&error.kind()) {
            wrong.push(format!("{path} is of {:?}", error.kind()));
        }
        let stays = ["snapshot_", "diverges", "exp_beyond"].iter().any(|p| path.contains(p)); // found while it runs, far from any line
        if !stays && error.place().is_none() {
            wrong.push(format!("{path}: no line: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn syntax() {
    check_class("syntax", &[Kind::Syntax]);
}

#[test]
fn unknown_fields_and_values() {
    check_class("unknown", &[Kind::Unknown]);
}

#[test]
fn missing_and_surplus_bottoms() {
    check_class("bottoms", &[Kind::Net]);
}

#[test]
fn shapes_that_do_not_fit() {
    check_class("shapes", &[]);
}

#[test]
fn impossible_sizes() {
    check_class("sizes", &[Kind::Shape, Kind::Value]);
}

#[test]
fn labels_out_of_range() {
    check_class("labels", &[Kind::Value]);
}

#[test]
fn nets() {
    check_class("nets", &[]);
}

#[test]
fn fillers() {
    check_class("fillers", &[]);
}

#[test]
fn data_and_transformation() {
    check_class("data", &[]);
}

#[test]
fn solvers() {
    check_class("solver", &[]);
}

/// The net that the wrong solvers use is right; so a mistake is theirs.
#[test]
fn the_good_net_is_good() {
    run_net(|| net::Builder::read("tests/bad/good_net.prototxt")).unwrap();
}
