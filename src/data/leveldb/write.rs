//! Writes a LevelDB: tables in the order of the keys, a manifest that lists them on level 2, and an empty log.

use super::log::{BLOCK, FIRST, FULL, HEAD, LAST, MIDDLE};
use super::manifest::COMPARATOR;
use super::source::checksum;
use super::table::{Block, FOOTER, MAGIC};
use super::{VALUE, lmdb};
use crate::{Error, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A block ends once it has this many bytes, and so does a table.
const BLOCK_LEN: usize = 4096;
const TABLE_LEN: u64 = 2 << 20;
/// From one whole key to the next, in entries.
const WHOLE: usize = 16;
/// Numbers of the manifest and the log. The tables follow.
const MANIFEST: u64 = 2;
const LOG: u64 = 3;

/// Makes the database `folder` with the entries that `fill` puts, as [`lmdb::create`] does.
///
/// # Errors
/// An error of `fill`; a folder that cannot be written.
pub fn create(folder: impl AsRef<Path>, overwrite: bool, fill: impl FnOnce(&mut Writer) -> Result) -> Result<bool> {
    lmdb::create_whole(folder.as_ref(), overwrite, |temporary| {
        let mut db = Writer::create(temporary);
        fill(&mut db)?;
        db.finish()
    })
}

/// A database that is being written. It cannot be read before [`finish`](Writer::finish).
pub struct Writer {
    folder: PathBuf,
    table: Option<Table>,
    /// Fields of the manifest, one for each table.
    listed: Vec<u8>,
    /// The number of the next table.
    next: u64,
    last_key: Vec<u8>,
    entries: u64,
}

impl Writer {
    /// Starts a database in an existing folder without one.
    pub fn create(folder: &Path) -> Writer {
        let (folder, next) = (folder.to_path_buf(), LOG + 1);
        Writer { folder, table: None, listed: Vec::new(), next, last_key: Vec::new(), entries: 0 }
    }

    /// Adds an entry after the last.
    ///
    /// # Errors
    /// A key that is not larger than the last; a key or a value above 1 GiB; a full disk.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result {
        let bad = |what: &str| Err(Error::value(format!("key \"{}\" {what}", String::from_utf8_lossy(key))));
        if self.entries > 0 && key <= &self.last_key[..] {
            return bad("is not larger than the previous one; put the entries in the order of their keys");
        }
        if key.len().max(value.len()) > 1 << 30 {
            return bad("or its value has more than 1 GiB");
        }
        self.entries += 1;
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        let tag = self.entries << 8 | u64::from(VALUE);
        let key = [key, &tag.to_le_bytes()].concat();
        let table = match &mut self.table {
            Some(table) => table,
            none => none.insert(Table::create(self.folder.join(format!("{:06}.ldb", self.next)), &key)?),
        };
        table.put(&key, value)?;
        if table.len >= TABLE_LEN { self.finish_table() } else { Ok(()) }
    }

    /// Writes what is left, and waits until all is on the disk. A database without entries is valid.
    pub fn finish(mut self) -> Result {
        self.finish_table()?;
        let mut edit = [&varints(&[1, COMPARATOR.len() as u64])[..], COMPARATOR].concat();
        edit.extend(varints(&[2, LOG, 3, self.next, 4, self.entries]));
        edit.extend_from_slice(&self.listed);
        write_file(&self.folder.join(format!("{LOG:06}.log")), &[])?;
        write_file(&self.folder.join(format!("MANIFEST-{MANIFEST:06}")), &one_record(&edit))?;
        write_file(&self.folder.join("CURRENT"), format!("MANIFEST-{MANIFEST:06}\n").as_bytes())
    }

    fn finish_table(&mut self) -> Result {
        let Some(table) = self.table.take() else { return Ok(()) };
        let (smallest, largest, len) = table.finish()?;
        self.listed.extend(varints(&[7, 2, self.next, len]));
        for key in [smallest, largest] {
            self.listed.extend(varints(&[key.len() as u64]));
            self.listed.extend(key);
        }
        self.next += 1;
        Ok(())
    }
}

/// A table that is being written.
struct Table {
    path: PathBuf,
    file: BufWriter<File>,
    /// The bytes that have been written.
    len: u64,
    block: Entries,
    index: Entries,
    smallest: Vec<u8>,
}

impl Table {
    fn create(path: PathBuf, smallest: &[u8]) -> Result<Table> {
        let file = BufWriter::new(File::create_new(&path).map_err(|e| Error::file(&path, "create", e))?);
        let (block, index) = (Entries::new(WHOLE), Entries::new(1));
        Ok(Table { path, file, len: 0, block, index, smallest: smallest.to_vec() })
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result {
        self.block.put(key, value);
        if self.block.bytes.len() >= BLOCK_LEN { self.finish_block() } else { Ok(()) }
    }

    fn finish_block(&mut self) -> Result {
        let last = self.block.last.clone();
        let bytes = self.block.take();
        let block = self.write_block(&bytes)?;
        self.index.put(&last, &varints(&[block.at, block.len as u64]));
        Ok(())
    }

    /// Writes index and footer; gives the smallest and the largest key, and the table's length.
    fn finish(mut self) -> Result<(Vec<u8>, Vec<u8>, u64)> {
        if self.block.count > 0 {
            self.finish_block()?;
        }
        let largest = self.index.last.clone();
        let unused = self.write_block(&Entries::new(1).take())?;
        let bytes = self.index.take();
        let index = self.write_block(&bytes)?;
        let mut footer = varints(&[unused.at, unused.len as u64, index.at, index.len as u64]);
        footer.resize(FOOTER - 8, 0);
        footer.extend(MAGIC.to_le_bytes());
        self.write(&footer)?;
        let flushed = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        flushed.map_err(|e| Error::file(&self.path, "write", e))?;
        Ok((self.smallest, largest, self.len))
    }

    /// Writes a block with its tail, compressed where that spares an eighth.
    fn write_block(&mut self, bytes: &[u8]) -> Result<Block> {
        let packed = snap::raw::Encoder::new().compress_vec(bytes).ok();
        let packed = packed.filter(|packed| packed.len() < bytes.len() - bytes.len() / 8);
        let (mut body, kind) = packed.map_or_else(|| (bytes.to_vec(), 0), |packed| (packed, 1));
        let block = Block { at: self.len, len: body.len() };
        body.push(kind);
        let sum = checksum(&body);
        body.extend(sum.to_le_bytes());
        self.write(&body)?;
        Ok(block)
    }

    fn write(&mut self, bytes: &[u8]) -> Result {
        self.len += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|e| Error::file(&self.path, "write", e))
    }
}

/// The entries of a block.
struct Entries {
    bytes: Vec<u8>,
    /// The positions of the entries with whole keys: every `whole`-th.
    positions: Vec<u8>,
    whole: usize,
    count: usize,
    last: Vec<u8>,
}

impl Entries {
    fn new(whole: usize) -> Entries {
        Entries { bytes: Vec::new(), positions: Vec::new(), whole, count: 0, last: Vec::new() }
    }

    fn put(&mut self, key: &[u8], value: &[u8]) {
        let mut shared = key.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        if self.count.is_multiple_of(self.whole) {
            shared = 0;
            self.positions.extend((self.bytes.len() as u32).to_le_bytes());
        }
        self.bytes.extend(varints(&[shared as u64, (key.len() - shared) as u64, value.len() as u64]));
        self.bytes.extend_from_slice(&key[shared..]);
        self.bytes.extend_from_slice(value);
        self.count += 1;
        self.last = key.to_vec();
    }

    /// Returns the finished block and begins a new one.
    fn take(&mut self) -> Vec<u8> {
        let Entries { mut bytes, mut positions, .. } = std::mem::replace(self, Entries::new(self.whole));
        if positions.is_empty() {
            positions.extend([0; 4]); // LevelDB wants one
        }
        let count = positions.len() as u32 / 4;
        bytes.extend(positions);
        bytes.extend(count.to_le_bytes());
        bytes
    }
}

/// A log of one record.
fn one_record(mut data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let (part, rest) = data.split_at(data.len().min((BLOCK - HEAD) as usize));
        let kind = match (bytes.is_empty(), rest.is_empty()) {
            (true, true) => FULL,
            (true, false) => FIRST,
            (false, false) => MIDDLE,
            (false, true) => LAST,
        };
        bytes.extend(checksum([kind].iter().chain(part)).to_le_bytes());
        bytes.extend((part.len() as u16).to_le_bytes());
        bytes.push(kind);
        bytes.extend_from_slice(part);
        if rest.is_empty() {
            return bytes;
        }
        data = rest;
    }
}

fn varints(numbers: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &number in numbers {
        let mut rest = number;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }
    bytes
}

fn write_file(path: &Path, bytes: &[u8]) -> Result {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|e| Error::file(path, "write", e))
}
