//! Writes an LMDB database: first the leaves, as the entries arrive in the order of the keys, then the branches.

use super::*;
use std::io::{BufWriter, ErrorKind, Write};

const SIZE: usize = 4096;
/// The longest node of a page, so that two fit into each. A longer value goes to overflow pages.
const NODE_MAX: usize = (SIZE - PAGE_HEAD) / 2 - 2;
/// LMDB's longest key.
const KEY_MAX: usize = 511;

/// Makes the database `folder` with the entries that `fill` puts. It is written under a temporary name beside the
/// target and renamed when it is whole. An existing one is kept unless `overwrite`; of two processes that make the same
/// one at once, the first wins. Returns whether it was made.
///
/// # Errors
/// An error of `fill`; a folder that cannot be written.
pub fn create(folder: impl AsRef<Path>, overwrite: bool, fill: impl FnOnce(&mut Writer) -> Result) -> Result<bool> {
    create_whole(folder.as_ref(), overwrite, |temporary| {
        let mut db = Writer::create(temporary)?;
        fill(&mut db)?;
        db.finish()
    })
}

/// The same for a database of any kind, which `write` writes into the folder it is given.
pub(in crate::data) fn create_whole(
    folder: &Path,
    overwrite: bool,
    write: impl FnOnce(&Path) -> Result,
) -> Result<bool> {
    if folder.exists() && !overwrite {
        return Ok(false);
    }
    let temporary = new_folder_beside(folder)?;
    let made = write(&temporary).and_then(|()| rename_into_place(&temporary, folder, overwrite));
    if !matches!(made, Ok(true)) {
        let _ = std::fs::remove_dir_all(&temporary); // a folder that stays does no harm
    }
    made
}

/// A new, empty folder beside `folder` for this process alone.
fn new_folder_beside(folder: &Path) -> Result<PathBuf> {
    let Some(name) = folder.file_name() else {
        return Err(Error::new(Kind::File, format!("{} is no name for a database", folder.display())));
    };
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|e| Error::file(parent, "make the folder", e))?;
    for k in 0..1000 {
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}.{k}", std::process::id()));
        let temporary = parent.join(temporary);
        match std::fs::create_dir(&temporary) {
            Ok(()) => return Ok(temporary),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::file(&temporary, "make the folder", e)),
        }
    }
    Err(Error::new(Kind::File, format!("{} is full of unfinished databases", parent.display())))
}

/// Renames the finished database; returns false if another process was faster and its database is kept.
fn rename_into_place(temporary: &Path, folder: &Path, overwrite: bool) -> Result<bool> {
    // The kind of error decides first: another process may move the old database aside before we look for it.
    let exists = |e: &std::io::Error| {
        matches!(e.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) || folder.exists()
    };
    for _ in 0..10 {
        match std::fs::rename(temporary, folder) {
            Ok(()) => return Ok(true),
            Err(e) if exists(&e) && !overwrite => return Ok(false),
            Err(e) if exists(&e) => {
                // Moves the old one aside, unless another process has done so.
                let aside = new_folder_beside(folder)?;
                let _ = std::fs::rename(folder, aside.join("old"));
                let _ = std::fs::remove_dir_all(aside);
            }
            Err(e) => return Err(Error::file(folder, "make the database", e)),
        }
    }
    Err(Error::new(Kind::File, format!("cannot replace {}", folder.display())))
}

/// A database that is being written. It cannot be read before [`finish`](Writer::finish).
pub struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    /// The number of the next page.
    next: u64,
    leaf: NodePage,
    /// First key and number of each page of the level that is being written.
    children: Vec<(Vec<u8>, u64)>,
    last_key: Vec<u8>,
    entries: u64,
    overflow: u64,
}

impl Writer {
    /// Starts a database in an existing folder without one.
    ///
    /// # Errors
    /// The file cannot be made, or exists already.
    pub fn create(folder: &Path) -> Result<Writer> {
        let path = folder.join("data.mdb");
        let file = File::create_new(&path).map_err(|e| Error::file(&path, "create", e))?;
        let mut writer = Writer {
            path,
            file: BufWriter::with_capacity(1 << 18, file),
            next: 2,
            leaf: NodePage::new(LEAF),
            children: Vec::new(),
            last_key: Vec::new(),
            entries: 0,
            overflow: 0,
        };
        writer.write(&[0; 2 * SIZE])?; // the meta pages come last
        Ok(writer)
    }

    /// Adds an entry after the last.
    ///
    /// # Errors
    /// A key that is empty, too long or not larger than the last; a value above 4 GiB; a full disk.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result {
        let bad = |what: &str| Err(Error::value(format!("key \"{}\" {what}", String::from_utf8_lossy(key))));
        if key.is_empty() || key.len() > KEY_MAX {
            return bad("is empty or longer than 511 bytes");
        }
        if self.entries > 0 && key <= &self.last_key[..] {
            return bad("is not larger than the previous one; put the entries in the order of their keys");
        }
        let Ok(len) = u32::try_from(value.len()) else {
            return bad("has a value of more than 4 GiB");
        };
        let big = NODE_HEAD + key.len() + value.len() > NODE_MAX;
        let number = if big { self.put_overflow(value)?.to_le_bytes() } else { [0; 8] };
        let (flags, value) = if big { (BIG, &number[..]) } else { (0, value) };
        if !self.leaf.fits(key.len() + value.len()) {
            self.flush_leaf()?;
        }
        if self.leaf.count == 0 {
            self.children.push((key.to_vec(), 0)); // its page number follows
        }
        self.leaf.push(len, flags, key, value);
        self.entries += 1;
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        Ok(())
    }

    /// Writes the branches and the meta pages, and waits until all is on the disk. A database without entries is valid.
    pub fn finish(mut self) -> Result {
        self.flush_leaf()?;
        let leaves = self.children.len() as u64;
        let (mut depth, mut branches) = (leaves.min(1) as u16, 0);
        while self.children.len() > 1 {
            let children = std::mem::take(&mut self.children);
            for group in groups(&children) {
                let mut branch = NodePage::new(BRANCH);
                for (i, (key, child)) in group.iter().enumerate() {
                    let key = if i == 0 { &[][..] } else { key }; // the first child takes all smaller keys
                    branch.push(*child as u32, (*child >> 32) as u16, key, &[]);
                }
                self.children.push((group[0].0.clone(), self.next));
                self.write(&branch.take(self.next))?;
                self.next += 1;
                branches += 1;
            }
            depth += 1;
        }
        let root = self.children.first().map_or(NO_PAGE, |(_, page)| *page);
        let error = |e| Error::file(&self.path, "write", e);
        self.file.seek(SeekFrom::Start(0)).map_err(error)?;
        for transaction in 0..2u64 {
            let mut page = page_head(transaction, META_PAGE);
            page.extend(MAGIC.to_le_bytes());
            page.extend(VERSION.to_le_bytes());
            page.extend(0u64.to_le_bytes()); // no fixed address
            page.extend((self.next * SIZE as u64).to_le_bytes()); // the size to map
            let free = (SIZE as u32, 8u16, 0u16, [0, 0, 0, 0, NO_PAGE]); // no free pages; flag 8: integer keys
            let main = (0, 0, depth, [branches, leaves, self.overflow, self.entries, root]);
            for (pad, flags, depth, numbers) in [free, main] {
                page.extend(pad.to_le_bytes());
                page.extend(flags.to_le_bytes());
                page.extend(depth.to_le_bytes());
                numbers.iter().for_each(|n| page.extend(n.to_le_bytes()));
            }
            page.extend((self.next - 1).to_le_bytes());
            page.extend(transaction.to_le_bytes());
            page.resize(SIZE, 0);
            self.file.write_all(&page).map_err(error)?;
        }
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).map_err(error)
    }

    fn flush_leaf(&mut self) -> Result {
        if self.leaf.count == 0 {
            return Ok(());
        }
        if let Some((_, number)) = self.children.last_mut() {
            *number = self.next;
        }
        let page = self.leaf.take(self.next);
        self.next += 1;
        self.write(&page)
    }

    /// Writes a long value; returns the number of its first page.
    fn put_overflow(&mut self, value: &[u8]) -> Result<u64> {
        let first = self.next;
        let pages = (PAGE_HEAD + value.len()).div_ceil(SIZE);
        let mut head = page_head(first, OVERFLOW);
        head.splice(12..16, (pages as u32).to_le_bytes());
        self.overflow += pages as u64;
        self.next += pages as u64;
        self.write(&head)?;
        self.write(value)?;
        self.write(&vec![0; pages * SIZE - PAGE_HEAD - value.len()])?;
        Ok(first)
    }

    fn write(&mut self, bytes: &[u8]) -> Result {
        self.file.write_all(bytes).map_err(|e| Error::file(&self.path, "write", e))
    }
}

/// The children, grouped by branch page. Each group has at least two, as LMDB requires.
fn groups(children: &[(Vec<u8>, u64)]) -> Vec<&[(Vec<u8>, u64)]> {
    let mut cuts = vec![0];
    let mut room = SIZE - PAGE_HEAD;
    for (i, (key, _)) in children.iter().enumerate() {
        let node = node_size(key.len()) + 2;
        if node > room {
            cuts.push(i);
            room = SIZE - PAGE_HEAD;
        }
        room -= node;
    }
    if cuts.len() > 1 && cuts.last() == Some(&(children.len() - 1)) {
        cuts.last_mut().into_iter().for_each(|cut| *cut -= 1);
    }
    cuts.push(children.len());
    cuts.windows(2).map(|w| &children[w[0]..w[1]]).collect()
}

/// A branch or leaf page that is filled node by node: offsets from the front, nodes from the back.
struct NodePage {
    kind: u16,
    bytes: Vec<u8>,
    count: usize,
    upper: usize,
}

impl NodePage {
    fn new(kind: u16) -> NodePage {
        NodePage { kind, bytes: vec![0; SIZE], count: 0, upper: SIZE }
    }

    /// Whether a node has room whose key and value have `len` bytes together.
    fn fits(&self, len: usize) -> bool {
        PAGE_HEAD + 2 * (self.count + 1) + node_size(len) <= self.upper
    }

    fn push(&mut self, low: u32, flags: u16, key: &[u8], value: &[u8]) {
        self.upper -= node_size(key.len() + value.len());
        let mut at = self.upper;
        self.set(PAGE_HEAD + 2 * self.count, &(at as u16).to_le_bytes());
        self.count += 1;
        for part in [&low.to_le_bytes()[..], &flags.to_le_bytes(), &(key.len() as u16).to_le_bytes(), key, value] {
            self.set(at, part);
            at += part.len();
        }
    }

    /// Returns the finished page `number` and begins a new one.
    fn take(&mut self, number: u64) -> Vec<u8> {
        self.set(0, &page_head(number, self.kind));
        self.set(12, &((PAGE_HEAD + 2 * self.count) as u16).to_le_bytes());
        self.set(14, &(self.upper as u16).to_le_bytes());
        std::mem::replace(self, NodePage::new(self.kind)).bytes
    }

    fn set(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// The size of a node, rounded up to an even number.
fn node_size(len: usize) -> usize {
    (NODE_HEAD + len).next_multiple_of(2)
}

/// A page's first 16 bytes: number, padding, flags, and zeros for `lower` and `upper`.
fn page_head(number: u64, flags: u16) -> Vec<u8> {
    let mut head = number.to_le_bytes().to_vec();
    head.extend([0, 0]);
    head.extend(flags.to_le_bytes());
    head.extend([0; 4]);
    head
}
