//! Tables of a LevelDB: entries in the order of their keys, in blocks that may be compressed.
//!
//! The last 48 bytes are the footer: two handles (offset and length of a block, as varints) for an unused block and the
//! index, zeros, the magic. The index is also a block: a key and the handle of each data block. After a block come 5
//! bytes: how it is compressed (0 not, 1 snappy) and the masked CRC-32C of all before.
//!
//! A block's entry is three varints (the bytes of the key that are the previous key's, the key's other bytes, the
//! value's bytes), these other bytes and the value. The positions of entries with whole keys follow the last entry, u32
//! each, and their number.

use super::source::{Bytes, Source, checksum, split_key};
use crate::Result;
use std::ops::Range;

pub(super) const FOOTER: usize = 48;
pub(super) const MAGIC: u64 = 0xDB47_7524_8B80_FB57;
/// Bytes after a block.
const TAIL: usize = 5;
/// How many times longer than the block its keys may be together: each shares the first bytes of the one before.
/// LevelDB spells out every 16th key.
const KEYS_MAX: usize = 64;

/// Where a block is in its file. The five bytes after it do not count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub at: u64,
    pub len: usize,
}

/// Buffers for a block: as it is in the file, and without compression.
#[derive(Default)]
pub(super) struct Buffers {
    raw: Vec<u8>,
    pub block: Vec<u8>,
}

/// Calls `visit` with key, tag, block and the value's bytes in the block, of every entry of a table of `len` bytes.
pub(super) fn visit(source: &mut Source, len: u64, mut visit: impl FnMut(&[u8], u64, Block, Range<usize>)) -> Result {
    let mut buffers = Buffers::default();
    let mut last: Option<(Vec<u8>, u64)> = None;
    for block in index(source, len)? {
        read(source, block, &mut buffers)?;
        let visited = entries(&buffers.block, |key, value| {
            let (user, tag) = split_key(key).ok_or("a key has no tag")?;
            // Of entries with the same key, the newest comes first.
            if last.as_ref().is_some_and(|(key, before)| (user, before) <= (key, &tag)) {
                return Err("the keys are not in order");
            }
            last = Some((user.to_vec(), tag));
            visit(user, tag, block, value);
            Ok(())
        });
        visited.map_err(|what| source.broken(block.at, format!("in the block that begins here {what}")))?;
    }
    Ok(())
}

/// The data blocks of a table.
fn index(source: &mut Source, len: u64) -> Result<Vec<Block>> {
    if source.len != len {
        let what = format!("the manifest says that the file has {len} bytes");
        return Err(source.broken(source.len, what));
    }
    let Some(footer) = len.checked_sub(FOOTER as u64) else {
        return Err(source.broken(0, format!("a table has {FOOTER} bytes at least")));
    };
    let mut buffers = Buffers::default();
    source.read(footer, FOOTER, &mut buffers.raw)?;
    let (handles, magic) = buffers.raw.split_at(FOOTER - 8);
    if Bytes(magic).u64() != Some(MAGIC) {
        return Err(source.broken(len - 8, "a LevelDB table does not end like this"));
    }
    let mut handles = Bytes(handles);
    let block = handle(&mut handles, 0, footer).and_then(|_| handle(&mut handles, 0, footer));
    let block = block.ok_or_else(|| source.broken(footer, "the index lies outside the file"))?;
    read(source, block, &mut buffers)?;
    let (mut blocks, mut end) = (Vec::new(), 0);
    let index = &buffers.block;
    let visited = entries(index, |_, value| {
        let block =
            handle(&mut Bytes(&index[value]), end, footer).ok_or("a block lies outside the file or in another")?;
        end = block.at + (block.len + TAIL) as u64;
        blocks.push(block);
        Ok(())
    });
    visited.map_err(|what| source.broken(block.at, format!("in the index that begins here {what}")))?;
    Ok(blocks)
}

/// A handle of a block that lies with its tail in the file's bytes from `start` to `end`.
fn handle(bytes: &mut Bytes, start: u64, end: u64) -> Option<Block> {
    let (at, len) = (bytes.varint()?, bytes.len()?);
    let inside = at >= start && at.checked_add(len as u64)?.checked_add(TAIL as u64)? <= end;
    inside.then_some(Block { at, len })
}

/// Reads a block, whose checksum must be right.
pub(super) fn read(source: &mut Source, block: Block, buffers: &mut Buffers) -> Result {
    let Buffers { raw, block: to } = buffers;
    raw.clear();
    source.read(block.at, block.len + TAIL, raw)?;
    let broken = |what: &str| source.broken(block.at, format!("the block that begins here {what}"));
    let (body, sum) = raw.split_at(block.len + 1);
    if Bytes(sum).u32() != Some(checksum(body)) {
        return Err(broken("has another checksum"));
    }
    match (&body[..block.len], body[block.len]) {
        (_, 0) => {
            raw.truncate(block.len);
            std::mem::swap(raw, to);
            Ok(())
        }
        (bytes, 1) => unpack(bytes, to).map_err(|what| broken(&what)),
        (_, 2) => Err(broken("is compressed with zstd; only snappy is read")),
        (_, other) => Err(broken(&format!("has a compression of type {other}"))),
    }
}

fn unpack(bytes: &[u8], to: &mut Vec<u8>) -> Result<(), String> {
    let no_snappy = |e: snap::Error| format!("is not snappy's: {e}");
    let len = snap::raw::decompress_len(bytes).map_err(no_snappy)?;
    // Snappy's shortest code is 3 bytes for 64.
    if len / 64 > bytes.len() / 3 {
        return Err(format!("cannot hold {len} bytes in {}", bytes.len()));
    }
    to.clear();
    to.try_reserve(len).map_err(|e| e.to_string())?;
    to.resize(len, 0);
    snap::raw::Decoder::new().decompress(bytes, to).map(|_| ()).map_err(no_snappy)
}

/// Calls `visit` with the key of each entry in a block, and with the bytes of its value.
fn entries(
    block: &[u8],
    mut visit: impl FnMut(&[u8], Range<usize>) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let positions = block.split_last_chunk().map(|(rest, n)| (rest, u32::from_le_bytes(*n) as usize));
    let len = positions.and_then(|(rest, n)| rest.len().checked_sub(n.checked_mul(4)?));
    let len = len.ok_or("the entries have no end")?;
    let (mut bytes, mut key, mut long) = (Bytes(&block[..len]), Vec::new(), 0);
    while !bytes.0.is_empty() {
        let entry = (|| {
            let (shared, more, value) = (bytes.len()?, bytes.len()?, bytes.len()?);
            Some((shared, bytes.take(more)?, bytes.take(value)?.len()))
        })();
        let (shared, more, value) = entry.ok_or("an entry goes on beyond the end")?;
        if shared > key.len() {
            return Err("a key takes more from the previous key than it has");
        }
        key.truncate(shared);
        key.extend_from_slice(more);
        long += key.len();
        if long > KEYS_MAX * block.len() {
            return Err("the keys are too long");
        }
        let end = len - bytes.0.len();
        visit(&key, end - value..end)?;
    }
    Ok(())
}
