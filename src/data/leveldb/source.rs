//! A file of a LevelDB, and the numbers in its bytes.

use crate::{Error, Kind, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// A file, open for reading.
pub(super) struct Source {
    pub path: PathBuf,
    /// The file's length in bytes.
    pub len: u64,
    file: File,
}

impl Source {
    pub fn open(path: PathBuf) -> Result<Source> {
        let opened = File::open(&path).and_then(|file| file.metadata().map(|m| (file, m.len())));
        let (file, len) = opened.map_err(|e| Error::file(&path, "open", e))?;
        Ok(Source { path, len, file })
    }

    /// Reads `len` bytes from byte `at` on, appended to `to`. Memory grows with the bytes that are there.
    pub fn read(&mut self, at: u64, len: usize, to: &mut Vec<u8>) -> Result {
        let read = self.file.seek(SeekFrom::Start(at)).and_then(|_| (&mut self.file).take(len as u64).read_to_end(to));
        match read {
            Ok(read) if read == len => Ok(()),
            Ok(read) => Err(self.broken(at, format!("the file ends after {read} of {len} bytes"))),
            Err(e) => Err(Error::file(&self.path, "read", e)),
        }
    }

    /// An error at byte `at` of the file.
    pub fn broken(&self, at: u64, what: impl std::fmt::Display) -> Error {
        Error::new(Kind::Data, format!("{} is broken at byte {at}: {what}", self.path.display()))
    }
}

/// Bytes that are taken from the front. Every method gives `None` where they end too early.
pub(super) struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    /// A number of one to ten bytes: seven bits each, the low ones first; a set eighth bit says that more follow.
    pub fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A varint that counts bytes.
    pub fn len(&mut self) -> Option<usize> {
        self.varint()?.try_into().ok()
    }

    /// Bytes with their number in front.
    pub fn string(&mut self) -> Option<&'a [u8]> {
        let len = self.len()?;
        self.take(len)
    }
}

/// A key as tables hold it: the user's key, then a tag of 8 bytes.
pub(super) fn split_key(key: &[u8]) -> Option<(&[u8], u64)> {
    let (user, tag) = key.split_last_chunk()?;
    Some((user, u64::from_le_bytes(*tag)))
}

/// The checksum of some bytes, as a database stores it: CRC-32C, rotated and shifted, so that the checksum of bytes that
/// hold checksums is good as well.
pub(super) fn checksum<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> u32 {
    let next = |crc: u32, byte: &u8| TABLE[usize::from(crc as u8 ^ byte)] ^ crc >> 8;
    let crc = !bytes.into_iter().fold(!0, next);
    crc.rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// The CRC-32C of each byte.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};
