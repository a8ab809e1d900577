//! LMDB databases: keys and values in one file, `data.mdb`, in the order of the keys.
//!
//! Caffe keeps its data sets in them. The file is an array of pages, most often of 4096 bytes, that form a B+ tree. Every
//! number is little-endian; a page is named by its index in the file.
//!
//! | page     | what it holds                                                                             |
//! |----------|-------------------------------------------------------------------------------------------|
//! | meta     | pages 0 and 1: magic, version, page size, root of the tree, how many entries; the one with the larger transaction number counts |
//! | branch   | keys, each with the page that holds the entries from that key on                          |
//! | leaf     | keys with their values                                                                    |
//! | overflow | one value that is too long for a leaf, over as many pages as it needs                     |
//!
//! A branch or leaf page begins with 16 bytes (its own number u64, padding u16, flags u16, `lower` u16, `upper` u16), then
//! come u16 offsets of its nodes up to `lower`, and the nodes themselves from `upper` to the end. A node is `lo` u16, `hi`
//! u16, flags u16, key length u16, the key, and in a leaf the value of `lo + hi * 65536` bytes, or the u64 number of its
//! overflow page. In a branch `lo`, `hi` and flags together are the number of the child.
//!
//! The reader asks for plain files only: nothing is mapped into memory, so a broken or shrinking file is an error and never
//! a crash, any number of readers may share a database, and entry `i` is found by its index, which is what a shuffle needs.
//!
//! ```
//! use cortado::data::lmdb;
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("two_lmdb");
//! lmdb::create(&path, false, |db| {
//!     db.put(b"00000000", b"first")?;
//!     db.put(b"00000001", b"second")
//! })?;
//! let mut db = lmdb::Reader::open(&path)?;
//! assert_eq!(db.len(), 2);
//! assert_eq!(db.get(1)?, (&b"00000001"[..], &b"second"[..]));
//! # Ok::<(), cortado::Error>(())
//! ```

mod write;

pub use write::{Writer, create};

use crate::{Error, Kind, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
/// Bytes before a page's offsets.
const PAGE_HEAD: usize = 16;
/// Bytes before a node's key.
const NODE_HEAD: usize = 8;
/// Where the two tree descriptions (free pages, entries) stand in a meta page, and how long each is.
const TREES: usize = PAGE_HEAD + 24;
const TREE: usize = 48;
const META: usize = TREES + 2 * TREE + 16;
/// No page: the root of an empty tree.
const NOWHERE: u64 = u64::MAX;
/// Deeper than any tree that LMDB makes.
const MAX_DEPTH: u16 = 32;

// Page flags.
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const OVERFLOW: u16 = 4;
const META_PAGE: u16 = 8;
const KINDS: u16 = 0x6F;
// Node flags.
const BIG: u16 = 1;
const NOT_PLAIN: u16 = 6; // a database in the database, or several values of one key

/// A database, open for reading. It is never changed; open it as often as you like.
pub struct Reader {
    pages: Pages,
    len: u64,
    /// The leaf pages, in the order of the keys.
    leaves: Vec<u64>,
    /// The index of each leaf's first entry, as far as leaves were visited; one more for where the next begins.
    starts: Vec<u64>,
    /// The leaf read last, and its place in `leaves`.
    leaf: Vec<u8>,
    at: Option<usize>,
    /// The long value read last.
    big: Vec<u8>,
}

impl Reader {
    /// Opens a database: its folder, or the file itself.
    ///
    /// # Errors
    /// There is none, it is empty, or it is not LMDB's; the error names the file and says what to do.
    pub fn open(path: impl AsRef<Path>) -> Result<Reader> {
        let path = path.as_ref();
        let hint = match path.to_string_lossy() {
            _ if path.join("CURRENT").exists() => "this looks like a LevelDB; convert the data to LMDB",
            path if path.contains("mnist") => "make MNIST's databases with `cortado convert mnist`",
            _ => "make the database again, or correct its path",
        };
        Self::read_tree(path).map_err(|e| e.hint(hint))
    }

    fn read_tree(path: &Path) -> Result<Reader> {
        let path = if path.is_dir() { path.join("data.mdb") } else { path.to_path_buf() };
        let (mut pages, meta) = Pages::open(path)?;
        if meta.entries == 0 || meta.root == NOWHERE {
            return Err(Error::new(Kind::Data, format!("{} is an empty database", pages.path.display())));
        }
        // Level by level: the children of all pages of one level are the next.
        let mut leaves = vec![meta.root];
        let mut page = Vec::new();
        for _ in 1..meta.depth {
            let mut children = Vec::new();
            for &number in &leaves {
                let count = pages.read_node_page(number, BRANCH, &mut page)?;
                for i in 0..count {
                    let n = node(&page, i).ok_or_else(|| pages.broken(number, "has a node outside itself"))?;
                    children.push(n.low as u64 | (n.flags as u64) << 32);
                }
                if children.len() as u64 > pages.count {
                    return Err(pages.broken(number, "makes the tree larger than the file"));
                }
            }
            leaves = children;
        }
        let (len, starts) = (meta.entries, vec![0]);
        Ok(Reader { pages, len, leaves, starts, leaf: Vec::new(), at: None, big: Vec::new() })
    }

    /// The number of entries.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none: never, for such a database does not open.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The file read from.
    pub fn path(&self) -> &Path {
        &self.pages.path
    }

    /// Key and value of entry `i` in the order of the keys. Going forward costs one page now and then; the first jump
    /// far ahead visits the leaves between.
    ///
    /// # Errors
    /// There is no such entry, or the file is broken or truncated.
    pub fn get(&mut self, i: u64) -> Result<(&[u8], &[u8])> {
        self.find(i).map_err(|e| e.hint("make the database again"))
    }

    fn find(&mut self, i: u64) -> Result<(&[u8], &[u8])> {
        if i >= self.len {
            let what = format!("{} has {} entries, no entry {i}", self.path().display(), self.len);
            return Err(Error::new(Kind::Data, what));
        }
        loop {
            let seen = self.starts.len() - 1;
            let next = self.starts[seen];
            if i < next {
                break;
            }
            if seen == self.leaves.len() {
                let what = format!("{} ends after {next} of {} entries", self.path().display(), self.len);
                return Err(Error::new(Kind::Data, what));
            }
            let count = self.visit(seen)?;
            self.starts.push(next + count as u64);
        }
        let leaf = self.starts.partition_point(|&start| start <= i) - 1;
        if self.at != Some(leaf) {
            self.visit(leaf)?;
        }
        self.entry(leaf, (i - self.starts[leaf]) as usize)
    }

    /// Reads a leaf; gives the number of its entries.
    fn visit(&mut self, leaf: usize) -> Result<usize> {
        self.at = None;
        let count = self.pages.read_node_page(self.leaves[leaf], LEAF, &mut self.leaf)?;
        self.at = Some(leaf);
        Ok(count)
    }

    /// Entry `i` of the leaf read last.
    fn entry(&mut self, leaf: usize, i: usize) -> Result<(&[u8], &[u8])> {
        let number = self.leaves[leaf];
        let outside = |pages: &Pages| pages.broken(number, "has a node outside itself");
        let n = node(&self.leaf, i).ok_or_else(|| outside(&self.pages))?;
        if n.flags & NOT_PLAIN != 0 {
            return Err(self.pages.broken(number, "holds databases within the database; Caffe's have none"));
        }
        let len = n.low as usize;
        if n.flags & BIG == 0 {
            let value = n.rest.get(..len).ok_or_else(|| outside(&self.pages))?;
            return Ok((n.key, value));
        }
        let first = u64_at(n.rest, 0).ok_or_else(|| outside(&self.pages))?;
        let value = self.pages.read_overflow(first, len, &mut self.big)?;
        Ok((n.key, value))
    }
}

/// The file as an array of pages.
struct Pages {
    path: PathBuf,
    file: File,
    size: usize,
    /// Whole pages in the file.
    count: u64,
}

/// What a meta page says of the tree of entries.
struct Meta {
    page_size: usize,
    depth: u16,
    /// Pages in use; the file cannot have fewer.
    used: u64,
    entries: u64,
    root: u64,
    transaction: u64,
}

impl Pages {
    fn open(path: PathBuf) -> Result<(Pages, Meta)> {
        let file = File::open(&path).map_err(|e| Error::file(&path, "open", e))?;
        let bytes = file.metadata().map_err(|e| Error::file(&path, "open", e))?.len();
        // Until the first page tells the pages' size, every byte is a page.
        let mut pages = Pages { path, file, size: 1, count: bytes };
        let (mut page, start) = (Vec::new(), pages.path.display().to_string());
        let not_lmdb = |why: String| Error::new(Kind::Data, format!("{start} is not an LMDB database: {why}"));
        if bytes < META as u64 {
            return Err(not_lmdb(format!("it has only {bytes} bytes")));
        }
        pages.read(0, META, &mut page)?;
        let first = meta(&page).map_err(not_lmdb)?;
        if bytes < (first.page_size + META) as u64 {
            return Err(not_lmdb(format!("it has only {bytes} bytes")));
        }
        pages.read(first.page_size as u64, META, &mut page)?;
        let second = meta(&page).map_err(not_lmdb)?;
        let meta = if second.transaction > first.transaction { second } else { first };
        pages.size = meta.page_size;
        pages.count = bytes / meta.page_size as u64;
        if meta.used > pages.count {
            let what = format!("{} is truncated: {} pages are in use, {} are there", start, meta.used, pages.count);
            return Err(Error::new(Kind::Data, what));
        }
        if meta.depth > MAX_DEPTH || meta.entries > bytes {
            let what = format!("{start} is broken: {} entries in a tree of depth {}", meta.entries, meta.depth);
            return Err(Error::new(Kind::Data, what));
        }
        Ok((pages, meta))
    }

    /// Reads `len` bytes from page `number` on.
    fn read(&mut self, number: u64, len: usize, to: &mut Vec<u8>) -> Result {
        to.resize(len, 0);
        self.file
            .seek(SeekFrom::Start(number * self.size as u64))
            .and_then(|_| self.file.read_exact(to))
            .map_err(|e| Error::file(&self.path, "read", e))
    }

    /// Reads a branch or leaf page; gives the number of its nodes.
    fn read_node_page(&mut self, number: u64, kind: u16, page: &mut Vec<u8>) -> Result<usize> {
        if number >= self.count {
            return Err(self.broken(number, "lies beyond the end of the file: the file is truncated or broken"));
        }
        self.read(number, self.size, page)?;
        let (itself, flags, lower) = (u64_at(page, 0), u16_at(page, 10), u16_at(page, 12));
        if itself != Some(number) || flags.map(|f| f & KINDS) != Some(kind) {
            let kind = if kind == LEAF { "a leaf" } else { "a branch" };
            return Err(self.broken(number, &format!("is not {kind} of the tree")));
        }
        let lower = lower.unwrap_or(0) as usize;
        match lower >= PAGE_HEAD && lower <= self.size {
            true => Ok((lower - PAGE_HEAD) / 2),
            false => Err(self.broken(number, "has no end of its offsets")),
        }
    }

    /// Reads a value of `len` bytes that begins on overflow page `number`.
    fn read_overflow<'a>(&mut self, number: u64, len: usize, to: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        let end = len.div_ceil(self.size) as u64;
        if number.checked_add(end).is_none_or(|end| end > self.count) {
            return Err(self.broken(number, &format!("cannot hold {len} bytes: the file is truncated or broken")));
        }
        let whole = (PAGE_HEAD + len).min((self.count - number) as usize * self.size);
        self.read(number, whole, to)?;
        match to.get(PAGE_HEAD..PAGE_HEAD + len) {
            Some(value) if u16_at(to, 10).map(|f| f & KINDS) == Some(OVERFLOW) => Ok(value),
            _ => Err(self.broken(number, "is not the long value that a leaf points to")),
        }
    }

    fn broken(&self, number: u64, what: &str) -> Error {
        Error::new(Kind::Data, format!("{} is broken: page {number} {what}", self.path.display()))
    }
}

/// Reads a meta page; the error says why it is none.
fn meta(page: &[u8]) -> Result<Meta, String> {
    let u64_in = |tree: usize, at: usize| u64_at(page, TREES + tree * TREE + at).unwrap_or(0);
    let (magic, version) = (u32_at(page, PAGE_HEAD), u32_at(page, PAGE_HEAD + 4));
    if magic != Some(MAGIC) {
        return Err("its first bytes are not LMDB's".into());
    }
    if version != Some(VERSION) {
        return Err(format!("its version is {}, not {VERSION}", version.unwrap_or(0)));
    }
    let page_size = u32_at(page, TREES).unwrap_or(0) as usize;
    if !(256..=65536).contains(&page_size) || !page_size.is_power_of_two() {
        return Err(format!("its page size is {page_size}"));
    }
    let used = (0..2).flat_map(|tree| [8, 16, 24].map(|at| u64_in(tree, at)));
    Ok(Meta {
        page_size,
        depth: u16_at(page, TREES + TREE + 6).unwrap_or(0),
        used: used.fold(2, u64::saturating_add),
        entries: u64_in(1, 32),
        root: u64_in(1, 40),
        transaction: u64_at(page, META - 8).unwrap_or(0),
    })
}

/// A node: `low` is `lo` and `hi` together, `rest` everything after the key.
struct Node<'a> {
    low: u32,
    flags: u16,
    key: &'a [u8],
    rest: &'a [u8],
}

/// Node `i` of a page, if all of its key lies inside.
fn node(page: &[u8], i: usize) -> Option<Node<'_>> {
    let at = u16_at(page, PAGE_HEAD + 2 * i)? as usize;
    let body = page.get(at + NODE_HEAD..)?;
    let (key, rest) = body.split_at_checked(u16_at(page, at + 6)? as usize)?;
    Some(Node { low: u32_at(page, at)?, flags: u16_at(page, at + 4)?, key, rest })
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes_at(bytes, at).map(u16::from_le_bytes)
}
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes_at(bytes, at).map(u32::from_le_bytes)
}
fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes_at(bytes, at).map(u64::from_le_bytes)
}
