//! LevelDB databases: keys and values in a folder of files.
//!
//! Caffe's `backend` is LEVELDB where a prototxt names none. Entries go to a log first. When a log is long enough they
//! are written to a table, in the order of the keys, and tables are merged into longer ones from time to time. No file is
//! changed: what is newer hides what is older.
//!
//! | file               | contents                                                                        |
//! |--------------------|---------------------------------------------------------------------------------|
//! | `CURRENT`          | the manifest's name                                                             |
//! | `MANIFEST-000002`  | which tables and which log are in use                                           |
//! | `000005.ldb`       | a table; `.sst` in older databases                                              |
//! | `000003.log`       | what is in no table yet; after Caffe's conversion often all there is            |
//!
//! An entry has a key, a sequence number and a type: a value, or the mark of a deletion. The highest number of a key
//! counts. Sequence number and type are one u64, the tag: `number << 8 | type`. All numbers are little-endian.
//!
//! Reading writes nothing and takes no lock: a folder may be read-only, and any number of readers may share it. Opening reads
//! every block once, as nothing else says how many entries there are. The keys are kept in memory and the values are not.
//! An entry is found by its index, as a shuffle needs it.

mod log;
mod manifest;
mod source;
mod table;
mod write;

pub use write::{Writer, create};

use super::lmdb;
use crate::{Error, Kind, Result};
use log::Log;
use manifest::Files;
use source::{Bytes, Source};
use std::path::{Path, PathBuf};
use table::{Block, Buffers};

// Types of entries: a tag's last byte.
const DELETION: u8 = 0;
const VALUE: u8 = 1;

/// A database, open for reading. Several readers may have it open.
pub struct Reader {
    folder: PathBuf,
    /// In the order of the keys.
    entries: Vec<Entry>,
    /// The tables and logs.
    files: Vec<PathBuf>,
    /// The file read last, and its index.
    open: Option<(usize, Source)>,
    /// The block read last, and its file.
    cached: Option<(usize, Block)>,
    buffers: Buffers,
    /// The value read last, if it is in a log.
    value: Vec<u8>,
}

struct Entry {
    key: Box<[u8]>,
    tag: u64,
    /// The index of the file.
    file: usize,
    /// The value's block; `None` in a log.
    block: Option<Block>,
    /// Where the value begins: a byte of the block without compression, or of the log.
    at: u64,
    len: usize,
}

impl Reader {
    /// Opens the database in a folder.
    ///
    /// # Errors
    /// A file is missing, broken or truncated, or there are no entries; the error names the file and the place.
    pub fn open(folder: impl AsRef<Path>) -> Result<Reader> {
        let folder = folder.as_ref();
        Self::index(folder).map_err(|e| e.hint("copy or make the database again, or correct its path"))
    }

    fn index(folder: &Path) -> Result<Reader> {
        let Files { tables, logs } = Files::of(folder)?;
        let (mut entries, mut files) = (Vec::new(), Vec::new());
        for (number, len) in tables {
            let name = |end: &str| folder.join(format!("{number:06}.{end}"));
            let path = Some(name("sst")).filter(|path| path.exists()).unwrap_or_else(|| name("ldb"));
            let (file, mut source) = (files.len(), Source::open(path.clone())?);
            files.push(path);
            table::visit(&mut source, len, |key, tag, block, value| {
                let (at, len) = (value.start as u64, value.len());
                entries.push(Entry { key: key.into(), tag, file, block: Some(block), at, len });
            })?;
        }
        for number in logs {
            let path = folder.join(format!("{number:06}.log"));
            let (file, mut log) = (files.len(), Log::new(Source::open(path.clone())?));
            files.push(path);
            while let Some((start, batch)) = log.next()? {
                let visited = visit_batch(batch, |key, tag, offset, len| {
                    let at = log::position(start, offset);
                    entries.push(Entry { key: key.into(), tag, file, block: None, at, len });
                });
                if let Err(what) = visited {
                    return Err(log.source.broken(start, format!("in the record that begins here {what}")));
                }
            }
        }
        // Of each key the newest entry comes first, and stays, unless it says that the key is deleted.
        entries.sort_unstable_by(|a, b| a.key.cmp(&b.key).then(b.tag.cmp(&a.tag)));
        entries.dedup_by(|next, kept| next.key == kept.key);
        entries.retain(|entry| entry.tag as u8 == VALUE);
        entries.shrink_to_fit();
        if entries.is_empty() {
            return Err(Error::new(Kind::Data, format!("{} is an empty database", folder.display())));
        }
        let (folder, buffers) = (folder.to_path_buf(), Buffers::default());
        Ok(Reader { folder, entries, files, open: None, cached: None, buffers, value: Vec::new() })
    }

    /// The number of entries.
    pub fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Always false: [`open`](Reader::open) refuses a database without entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The path of the database's folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Key and value of entry `i` in the order of the keys.
    ///
    /// # Errors
    /// There is no such entry, or a file has changed since the database was opened.
    pub fn get(&mut self, i: u64) -> Result<(&[u8], &[u8])> {
        self.entry(i).map_err(|e| e.hint("copy or make the database again"))
    }

    fn entry(&mut self, i: u64) -> Result<(&[u8], &[u8])> {
        let Some(entry) = usize::try_from(i).ok().and_then(|i| self.entries.get(i)) else {
            let what = format!("{} has {} entries, no entry {i}", self.folder.display(), self.entries.len());
            return Err(Error::new(Kind::Data, what));
        };
        if self.open.as_ref().is_none_or(|(file, _)| *file != entry.file) {
            self.open = Some((entry.file, Source::open(self.files[entry.file].clone())?));
        }
        let Some((_, source)) = &mut self.open else { return Err(Error::new(Kind::Data, "no file is open")) };
        let Some(block) = entry.block else {
            log::read(source, entry.at, entry.len, &mut self.value)?;
            return Ok((&entry.key, &self.value));
        };
        let wanted = Some((entry.file, block));
        if self.cached != wanted {
            self.cached = None;
            table::read(source, block, &mut self.buffers)?;
            self.cached = wanted;
        }
        let value = self.buffers.block.get(entry.at as usize..).and_then(|rest| rest.get(..entry.len));
        Ok((&entry.key, value.ok_or_else(|| source.broken(block.at, "the block that begins here has changed"))?))
    }
}

/// Calls `visit` with key, tag, offset of the value in the record and its length, of each entry of a record of a log:
/// sequence number of the first u64, number of entries u32, then a type u8 for each, the key and (not of a deletion) the
/// value.
fn visit_batch(record: &[u8], mut visit: impl FnMut(&[u8], u64, usize, usize)) -> Result<(), String> {
    let mut bytes = Bytes(record);
    let (sequence, count) = bytes.u64().zip(bytes.u32()).ok_or("there is no number of entries")?;
    for i in 0..u64::from(count) {
        let kind = bytes.u8().ok_or_else(|| format!("only {i} of {count} entries are there"))?;
        if kind != DELETION && kind != VALUE {
            return Err(format!("entry {i} has the type {kind}"));
        }
        let entry = (|| Some((bytes.string()?, if kind == VALUE { bytes.string()? } else { &[] })))();
        let (key, value) = entry.ok_or_else(|| format!("entry {i} goes on beyond the end"))?;
        let tag = sequence.wrapping_add(i) << 8 | u64::from(kind);
        visit(key, tag, record.len() - bytes.0.len() - value.len(), value.len());
    }
    let left = bytes.0.len();
    if left > 0 { Err(format!("{left} bytes are left after {count} entries")) } else { Ok(()) }
}
