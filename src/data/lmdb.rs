//! LMDB databases: keys and values in one file, `data.mdb`, in the order of the keys.
//!
//! Caffe keeps its data sets in them. The file is an array of pages, usually of 4096 bytes, that form a B+ tree. All
//! numbers are little-endian; a page's number is its index in the file.
//!
//! | page     | contents                                                                                  |
//! |----------|-------------------------------------------------------------------------------------------|
//! | meta     | pages 0 and 1: magic, version, page size, root, entries; the later transaction is valid    |
//! | branch   | keys, each with the page of the entries from that key on                                  |
//! | leaf     | keys with their values                                                                    |
//! | overflow | one value that is too long for a leaf, on consecutive pages                               |
//!
//! A branch or leaf page begins with 16 bytes (its own number u64, padding u16, flags u16, `lower` u16, `upper` u16).
//! The u16 offsets of its nodes follow up to `lower`; the nodes fill the page from `upper` to the end. A node is `lo`
//! u16, `hi` u16, flags u16, key length u16, the key, and in a leaf the value of `lo + hi * 65536` bytes, or the u64
//! number of its overflow page. In a branch `lo`, `hi` and flags together are the child's page number.
//!
//! The reader maps nothing into memory: a broken or shrinking file is an error and never a crash. Any number of readers
//! may share a database, and an entry is found by its index, as a shuffle needs it.
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

pub(in crate::data) use write::create_whole;
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
/// The position in a meta page of the descriptions of two trees (free pages, entries), and the length of each.
const TREES: usize = PAGE_HEAD + 24;
const TREE: usize = 48;
const META: usize = TREES + 2 * TREE + 16;
/// The root of an empty tree.
const NO_PAGE: u64 = u64::MAX;
/// The depth of the deepest tree that is read; LMDB's are less deep.
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

/// A database, open for reading. Several readers may have it open.
pub struct Reader {
    pages: Pages,
    len: u64,
    /// The leaf pages, in the order of the keys.
    leaves: Vec<u64>,
    /// The index of the first entry of each leaf visited so far, and of the leaf after these.
    starts: Vec<u64>,
    /// The page of the leaf read last, and its index in `leaves`.
    page: Vec<u8>,
    leaf: Option<usize>,
    /// The overflow pages read last.
    overflow: Vec<u8>,
}

impl Reader {
    /// Opens a database: its folder, or the file itself.
    ///
    /// # Errors
    /// The file is missing, is no LMDB database, or has no entries; the error names it and says what to do.
    pub fn open(path: impl AsRef<Path>) -> Result<Reader> {
        let path = path.as_ref();
        let hint = match path.to_string_lossy() {
            _ if path.join("CURRENT").exists() => "this looks like a LevelDB, which `leveldb::Reader` opens",
            path if path.contains("mnist") => "make MNIST's databases with `cortado convert mnist`",
            _ => "make the database again, or correct its path",
        };
        Self::read_tree(path).map_err(|e| e.hint(hint))
    }

    fn read_tree(path: &Path) -> Result<Reader> {
        let path = if path.is_dir() { path.join("data.mdb") } else { path.to_path_buf() };
        let (mut pages, meta) = Pages::open(path)?;
        if meta.entries == 0 || meta.root == NO_PAGE {
            return Err(Error::new(Kind::Data, format!("{} is an empty database", pages.path.display())));
        }
        // Walk down level by level: the children of all pages of one level form the next.
        let mut leaves = vec![meta.root];
        let mut page = Vec::new();
        for _ in 1..meta.depth {
            let mut children = Vec::new();
            for &number in &leaves {
                let count = pages.read_node_page(number, BRANCH, &mut page)?;
                for i in 0..count {
                    let n = node(&page, i).ok_or_else(|| pages.node_outside(number))?;
                    children.push(n.low as u64 | (n.flags as u64) << 32);
                }
                if children.len() as u64 > pages.count {
                    return Err(pages.broken(number, "makes the tree larger than the file"));
                }
            }
            leaves = children;
        }
        let (len, starts) = (meta.entries, vec![0]);
        Ok(Reader { pages, len, leaves, starts, page, leaf: None, overflow: Vec::new() })
    }

    /// The number of entries.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Always false: [`open`](Reader::open) refuses a database without entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The path of the database's file.
    pub fn path(&self) -> &Path {
        &self.pages.path
    }

    /// Key and value of entry `i` in the order of the keys. The first jump ahead visits all leaves in between.
    ///
    /// # Errors
    /// There is no such entry, or the file is broken or truncated.
    pub fn get(&mut self, i: u64) -> Result<(&[u8], &[u8])> {
        self.entry(i).map_err(|e| e.hint("make the database again"))
    }

    fn entry(&mut self, i: u64) -> Result<(&[u8], &[u8])> {
        if i >= self.len {
            let what = format!("{} has {} entries, no entry {i}", self.path().display(), self.len);
            return Err(Error::new(Kind::Data, what));
        }
        loop {
            let visited = self.starts.len() - 1;
            let next = self.starts[visited];
            if i < next {
                break;
            }
            if visited == self.leaves.len() {
                let what = format!("{} ends after {next} of {} entries", self.path().display(), self.len);
                return Err(Error::new(Kind::Data, what));
            }
            let count = self.read_leaf(visited)?;
            self.starts.push(next + count as u64);
        }
        let leaf = self.starts.partition_point(|&start| start <= i) - 1;
        if self.leaf != Some(leaf) {
            self.read_leaf(leaf)?;
        }
        let number = self.leaves[leaf];
        let node_outside = || self.pages.node_outside(number);
        let n = node(&self.page, (i - self.starts[leaf]) as usize).ok_or_else(node_outside)?;
        let len = n.low as usize;
        let value = match n.flags {
            flags if flags & NOT_PLAIN != 0 => {
                return Err(self.pages.broken(number, "holds databases within the database; Caffe's have none"));
            }
            flags if flags & BIG != 0 => {
                let first = u64_at(n.rest, 0).ok_or_else(node_outside)?;
                self.pages.read_overflow(first, len, &mut self.overflow)?
            }
            _ => n.rest.get(..len).ok_or_else(node_outside)?,
        };
        Ok((n.key, value))
    }

    /// Reads a leaf; returns the number of its entries.
    fn read_leaf(&mut self, leaf: usize) -> Result<usize> {
        self.leaf = None;
        let count = self.pages.read_node_page(self.leaves[leaf], LEAF, &mut self.page)?;
        self.leaf = Some(leaf);
        Ok(count)
    }
}

/// The file as an array of pages.
struct Pages {
    path: PathBuf,
    file: File,
    size: usize,
    /// The number of whole pages in the file.
    count: u64,
}

/// A meta page: the tree of entries.
struct Meta {
    page_size: usize,
    depth: u16,
    /// The number of pages in use; the file has at least as many.
    used: u64,
    entries: u64,
    root: u64,
    transaction: u64,
}

impl Pages {
    fn open(path: PathBuf) -> Result<(Pages, Meta)> {
        let file = File::open(&path).map_err(|e| Error::file(&path, "open", e))?;
        let bytes = file.metadata().map_err(|e| Error::file(&path, "open", e))?.len();
        // Until the first page gives the page size, every byte counts as a page.
        let mut pages = Pages { path, file, size: 1, count: bytes };
        let (mut page, start) = (Vec::new(), pages.path.display().to_string());
        let not_lmdb = |why: String| Error::new(Kind::Data, format!("{start} is not an LMDB database: {why}"));
        let mut meta_at = |at: usize| {
            if bytes < (at + META) as u64 {
                return Err(not_lmdb(format!("it has only {bytes} bytes")));
            }
            pages.read(at as u64, META, &mut page)?;
            meta(&page).map_err(not_lmdb)
        };
        let first = meta_at(0)?;
        let second = meta_at(first.page_size)?;
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

    /// Reads a branch or leaf page; returns the number of its nodes.
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
        match lower.unwrap_or(0) as usize {
            lower if (PAGE_HEAD..=self.size).contains(&lower) => Ok((lower - PAGE_HEAD) / 2),
            _ => Err(self.broken(number, "has no end of its offsets")),
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

    fn node_outside(&self, number: u64) -> Error {
        self.broken(number, "has a node outside itself")
    }

    fn broken(&self, number: u64, what: &str) -> Error {
        Error::new(Kind::Data, format!("{} is broken: page {number} {what}", self.path.display()))
    }
}

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

/// A node: `low` is `lo + hi * 65536`, `rest` are the bytes after the key.
struct Node<'a> {
    low: u32,
    flags: u16,
    key: &'a [u8],
    rest: &'a [u8],
}

/// Node `i` of a page, if its key lies inside the page.
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
