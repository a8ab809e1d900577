//! The files that a LevelDB consists of: CURRENT names the manifest, a log whose records each change the list of tables.

use super::log::{Log, position};
use super::source::{Bytes, Source};
use crate::{Error, Kind, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const COMPARATOR: &[u8] = b"leveldb.BytewiseComparator";
const LEVELS: u64 = 7;
/// More than a file name's bytes.
const CURRENT_MAX: u64 = 1000;

/// The numbers of a database's files.
#[derive(Default)]
pub(super) struct Files {
    /// Tables, each with its length in bytes.
    pub tables: BTreeMap<u64, u64>,
    /// Logs with what is not in the tables yet.
    pub logs: BTreeSet<u64>,
}

/// What the records of a manifest add up to.
#[derive(Default)]
struct Version {
    /// The length of a table, by level and number.
    tables: BTreeMap<(u64, u64), u64>,
    /// The first log that is in use, and one more.
    log: Option<u64>,
    previous_log: u64,
}

impl Files {
    pub fn of(folder: &Path) -> Result<Files> {
        let mut manifest = Log::new(Source::open(folder.join(current(folder)?))?);
        let mut version = Version::default();
        while let Some((start, record)) = manifest.next()? {
            if let Err((offset, what)) = version.edit(record) {
                return Err(manifest.source.broken(position(start, offset), what));
            }
        }
        let Some(log) = version.log else {
            return Err(manifest.source.broken(manifest.source.len, "the file ends before it names a log"));
        };
        let mut files =
            Files { tables: version.tables.iter().map(|(&(_, n), &len)| (n, len)).collect(), ..Files::default() };
        for entry in std::fs::read_dir(folder).map_err(|e| Error::file(folder, "read the folder", e))? {
            let name = entry.map_err(|e| Error::file(folder, "read the folder", e))?.file_name();
            let number = name.to_str().and_then(|n| n.strip_suffix(".log")).and_then(|n| n.parse::<u64>().ok());
            files.logs.extend(number.filter(|&n| n >= log || n == version.previous_log));
        }
        // A repaired database has no log, which it calls number 0.
        if log > 0 && !files.logs.contains(&log) {
            let what = format!("{} is missing", folder.join(format!("{log:06}.log")).display());
            return Err(Error::new(Kind::Data, what).hint(
                "copy it as well: it holds the newest entries; if it was empty, make an empty file of this name",
            ));
        }
        Ok(files)
    }
}

impl Version {
    /// Applies a record; an error says where in the record.
    fn edit(&mut self, record: &[u8]) -> Result<(), (usize, String)> {
        let mut bytes = Bytes(record);
        while !bytes.0.is_empty() {
            let at = record.len() - bytes.0.len();
            self.field(&mut bytes).map_err(|what| (at, what))?;
        }
        Ok(())
    }

    fn field(&mut self, bytes: &mut Bytes) -> Result<(), String> {
        let tag = bytes.varint();
        let whole = (|| {
            match tag? {
                1 => {
                    let name = bytes.string()?;
                    if name != COMPARATOR {
                        return Some(Err(format!("the keys are in the order of {:?}", String::from_utf8_lossy(name))));
                    }
                }
                2 => self.log = Some(bytes.varint()?),
                3 | 4 => _ = bytes.varint()?, // the next file's number, the last sequence number
                5 => _ = (bytes.varint()?, bytes.string()?), // where the next compaction begins
                6 => {
                    let table = (bytes.varint()?, bytes.varint()?);
                    self.tables.remove(&table);
                }
                7 => {
                    let (level, number, len) = (bytes.varint()?, bytes.varint()?, bytes.varint()?);
                    _ = (bytes.string()?, bytes.string()?); // the smallest and the largest key
                    if level >= LEVELS {
                        return Some(Err(format!("there is no level {level}")));
                    }
                    self.tables.insert((level, number), len);
                }
                9 => self.previous_log = bytes.varint()?,
                tag => return Some(Err(format!("a field of number {tag} is unknown"))),
            }
            Some(Ok(()))
        })();
        whole.unwrap_or_else(|| Err("the record ends within a field".into()))
    }
}

/// The name of the manifest, as CURRENT gives it.
fn current(folder: &Path) -> Result<String> {
    let mut source = Source::open(folder.join("CURRENT"))?;
    let mut text = Vec::new();
    let len = source.len.min(CURRENT_MAX) as usize;
    source.read(0, len, &mut text)?;
    let text = String::from_utf8_lossy(&text);
    let name = text.strip_suffix('\n').filter(|name| {
        let number = name.strip_prefix("MANIFEST-").unwrap_or_default();
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    });
    let what = || format!("{text:?} is not the name of a manifest, such as MANIFEST-000002, and a line's end");
    name.map(String::from).ok_or_else(|| source.broken(0, what()))
}
