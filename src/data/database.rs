//! A database of either kind: LMDB or LevelDB, whichever a folder holds, or whichever is asked for.

use super::{leveldb, lmdb};
use crate::files::kind::FileKind;
use crate::{Error, Kind, Result};
use std::path::Path;

/// A database, open for reading: entries in the order of their keys.
pub enum Reader {
    /// A folder with `data.mdb`, or this file.
    Lmdb(lmdb::Reader),
    /// A folder with `CURRENT`.
    Leveldb(leveldb::Reader),
}

impl Reader {
    /// Opens the database at `path`, whatever kind it is of.
    ///
    /// # Errors
    /// There is none, which the error says with what is there instead; or the database is broken or empty.
    pub fn open(path: impl AsRef<Path>) -> Result<Reader> {
        let path = path.as_ref();
        let is_lmdb = path.join("data.mdb").exists();
        if path.join("CURRENT").exists() && !is_lmdb {
            return leveldb::Reader::open(path).map(Reader::Leveldb);
        }
        if path.is_dir() && !is_lmdb {
            return Err(no_database(path));
        }
        if path.is_file() {
            let kind = FileKind::at(path).map_err(|e| Error::file(path, "read", e))?;
            if let Some(name) = kind.name() {
                let what = format!("{} is {name}, not a database", path.display());
                return Err(Error::new(Kind::Data, what).hint(kind.what_to_do()));
            }
            if path.with_file_name("CURRENT").exists() {
                let what = format!("{} is one file of a LevelDB", path.display());
                return Err(Error::new(Kind::Data, what).hint("name the folder"));
            }
        }
        lmdb::Reader::open(path).map(Reader::Lmdb)
    }

    /// The number of entries.
    pub fn len(&self) -> u64 {
        match self {
            Reader::Lmdb(db) => db.len(),
            Reader::Leveldb(db) => db.len(),
        }
    }

    /// Always false: [`open`](Reader::open) refuses a database without entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The path of the database, for errors.
    pub fn path(&self) -> &Path {
        match self {
            Reader::Lmdb(db) => db.path(),
            Reader::Leveldb(db) => db.path(),
        }
    }

    /// Key and value of entry `i` in the order of the keys.
    ///
    /// # Errors
    /// There is no such entry, or the database is broken or truncated.
    pub fn get(&mut self, i: u64) -> Result<(&[u8], &[u8])> {
        match self {
            Reader::Lmdb(db) => db.get(i),
            Reader::Leveldb(db) => db.get(i),
        }
    }
}

/// The kind of a database that is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Backend {
    /// One file, which any number of programs read at once.
    #[default]
    Lmdb,
    /// Sorted tables, Caffe's older default.
    Leveldb,
}

/// A database of either kind that is being written.
pub struct Writer<'a>(&'a mut dyn FnMut(&[u8], &[u8]) -> Result);

impl Writer<'_> {
    /// Adds an entry after the last.
    ///
    /// # Errors
    /// A key that is not larger than the last, a key or a value that is too long, a full disk.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result {
        (self.0)(key, value)
    }
}

/// Makes the database `folder` with the entries that `fill` puts. It appears when it is whole.
///
/// # Errors
/// An error of `fill`; the database exists and not `overwrite`; a folder that cannot be written.
pub fn create(
    folder: impl AsRef<Path>,
    backend: Backend,
    overwrite: bool,
    fill: impl FnOnce(&mut Writer) -> Result,
) -> Result {
    let folder = folder.as_ref();
    let made = match backend {
        Backend::Lmdb => lmdb::create(folder, overwrite, |db| fill(&mut Writer(&mut |key, value| db.put(key, value)))),
        Backend::Leveldb => {
            leveldb::create(folder, overwrite, |db| fill(&mut Writer(&mut |key, value| db.put(key, value))))
        }
    };
    match made? {
        true => Ok(()),
        false => Err(Error::new(Kind::File, format!("{} is there already", folder.display()))
            .hint("replace it with --overwrite, or choose another name")),
    }
}

/// The error for a folder without a database.
fn no_database(folder: &Path) -> Error {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let first = names.map(|name| name.to_string_lossy().into_owned()).filter(|name| !name.starts_with('.')).min();
    let found = first.map_or("the folder is empty".into(), |name| format!("the folder holds {name:?} and so on"));
    let what = "is no database: LMDB's data.mdb and LevelDB's CURRENT are missing, and";
    let hint = match folder.to_string_lossy().contains("mnist") {
        true => "make MNIST's databases with `cortado convert mnist`",
        false => "correct the path, or make the database",
    };
    Error::new(Kind::Data, format!("{} {what} {found}", folder.display())).hint(hint)
}
