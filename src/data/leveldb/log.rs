//! Logs of a LevelDB: records of any length, cut into parts that fit into blocks of 32 KiB.
//!
//! A part is 7 bytes (masked CRC-32C of type and data u32, length u16, type u8) and its data. A record is one part of
//! type FULL, or a FIRST, any number of MIDDLE and a LAST. Fewer than 7 bytes at the end of a block are left unused.

use super::source::{Bytes, Source, checksum};
use crate::Result;
use std::ops::Range;

pub(super) const BLOCK: u64 = 32768;
/// Bytes before a part's data.
pub(super) const HEAD: u64 = 7;

// Types of parts.
const ZERO: u8 = 0; // space that was reserved and never written
pub(super) const FULL: u8 = 1;
pub(super) const FIRST: u8 = 2;
pub(super) const MIDDLE: u8 = 3;
pub(super) const LAST: u8 = 4;

/// The records of a log, from its beginning.
pub(super) struct Log {
    pub source: Source,
    /// The block that is being read, where it begins in the file, and how much of it has been read.
    block: Vec<u8>,
    start: u64,
    at: usize,
    record: Vec<u8>,
}

impl Log {
    pub fn new(source: Source) -> Log {
        Log { source, block: Vec::new(), start: 0, at: 0, record: Vec::new() }
    }

    /// The next record, and where its data begin in the file. A log that ends within a record is an error: its writer
    /// was stopped, or the file was copied in part.
    pub fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        self.record.clear();
        let mut start = None;
        loop {
            let Some((kind, data)) = self.part()? else {
                return match start {
                    None => Ok(None),
                    Some(at) => Err(self.source.broken(at, "the file ends within the record that begins here")),
                };
            };
            let at = self.start + data.start as u64;
            match (kind, start) {
                (FULL | FIRST, None) => start = Some(at),
                // Old writers left an empty FIRST at the end of a block, and began again in the next.
                (FULL | FIRST, Some(_)) if self.record.is_empty() => start = Some(at),
                (MIDDLE | LAST, Some(_)) => {}
                _ => return Err(self.source.broken(at - HEAD, format!("a part of type {kind} is out of order"))),
            }
            self.record.extend_from_slice(&self.block[data]);
            if let (FULL | LAST, Some(start)) = (kind, start) {
                return Ok(Some((start, &self.record)));
            }
        }
    }

    /// The type of the next part, and where its data are in the block.
    fn part(&mut self) -> Result<Option<(u8, Range<usize>)>> {
        loop {
            let at = self.start + self.at as u64;
            let unused = self.at as u64 > BLOCK - HEAD;
            if self.at == self.block.len() || unused {
                // All blocks but the last are whole.
                self.start += self.block.len() as u64;
                self.block.clear();
                self.at = 0;
                let len = BLOCK.min(self.source.len.saturating_sub(self.start));
                if len == 0 {
                    return Ok(None);
                }
                self.source.read(self.start, len as usize, &mut self.block)?;
                continue;
            }
            let broken = |what: &str| Err(self.source.broken(at, what));
            let mut bytes = Bytes(&self.block[self.at..]);
            let Some(head) = bytes.take(HEAD as usize) else {
                return broken("the file ends within a record");
            };
            let (sum, len, kind) = (Bytes(head).u32(), usize::from(u16::from_le_bytes([head[4], head[5]])), head[6]);
            if kind == ZERO && self.block[self.at..].iter().all(|&byte| byte == 0) {
                self.at = self.block.len();
                continue;
            }
            let Some(data) = bytes.take(len) else {
                return broken("a record goes on beyond the end of its block or of the file");
            };
            if sum != Some(checksum(head[6..].iter().chain(data))) {
                return broken("the record's checksum is another");
            }
            let start = self.at + HEAD as usize;
            self.at = start + len;
            return Ok(Some((kind, start..start + len)));
        }
    }
}

/// Where in the file the byte is that comes `offset` bytes after a record's first, whose data begin at `start`: every
/// part but the last goes to the end of its block.
pub(super) fn position(start: u64, offset: usize) -> u64 {
    // An empty first part's data "begin" at the end of its block, not in the next.
    let (block, within) = ((start - 1) / BLOCK, (start - 1) % BLOCK + 1 - HEAD);
    let from_first = within + offset as u64;
    (block + from_first / (BLOCK - HEAD)) * BLOCK + HEAD + from_first % (BLOCK - HEAD)
}

/// Reads `len` bytes of a record from the file's byte `at` on, without the heads of parts between them.
pub(super) fn read(source: &mut Source, mut at: u64, len: usize, to: &mut Vec<u8>) -> Result {
    to.clear();
    while to.len() < len {
        let room = BLOCK - at % BLOCK;
        source.read(at, (len - to.len()).min(room as usize), to)?;
        at += room + HEAD;
    }
    Ok(())
}
