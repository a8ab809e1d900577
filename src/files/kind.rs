//! What a file is, by its first bytes.

use std::io::Read;
use std::path::Path;

/// How many bytes are looked at.
const HEAD: u64 = 512;

/// What a file's first bytes say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileKind {
    Empty,
    Gzip,
    Hdf5,
    Html,
    LfsPointer,
    Npy,
    Pickle,
    Zip,
    /// Perhaps protobuf, which begins with no mark of its own.
    Other,
}

impl FileKind {
    /// The kind of the file at `path`.
    pub(crate) fn at(path: &Path) -> std::io::Result<FileKind> {
        let mut head = Vec::new();
        std::fs::File::open(path)?.take(HEAD).read_to_end(&mut head)?;
        Ok(FileKind::of(&head))
    }

    /// The kind of a file that begins with these bytes.
    pub(crate) fn of(bytes: &[u8]) -> FileKind {
        let head = &bytes[..bytes.len().min(HEAD as usize)];
        let text = String::from_utf8_lossy(head).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
        match head {
            [] => FileKind::Empty,
            [0x89, b'H', b'D', b'F', ..] => FileKind::Hdf5,
            [0x1f, 0x8b, ..] => FileKind::Gzip,
            [b'P', b'K', 3 | 5, 4 | 6, ..] => FileKind::Zip,
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => FileKind::Npy,
            [0x80, 2..=5, ..] => FileKind::Pickle,
            _ if text.starts_with("version https://git-lfs") => FileKind::LfsPointer,
            _ if text.starts_with("<!doctype html") || text.starts_with("<html") => FileKind::Html,
            _ => FileKind::Other,
        }
    }

    /// The kind in words, where the bytes are unmistakable.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            FileKind::Empty => Some("empty"),
            FileKind::Gzip => Some("a gzip archive"),
            FileKind::Hdf5 => Some("an HDF5 file"),
            FileKind::Html => Some("an HTML page"),
            FileKind::LfsPointer => Some("a Git LFS pointer"),
            FileKind::Npy => Some("a NumPy array (.npy)"),
            FileKind::Pickle => Some("a Python pickle"),
            FileKind::Zip => Some("a zip archive, as .npz and PyTorch's files are"),
            FileKind::Other => None,
        }
    }

    /// What to do about such a file where another was wanted.
    pub(crate) fn what_to_do(self) -> &'static str {
        match self {
            FileKind::Empty => "the download or the copy went wrong: fetch the file again",
            FileKind::Gzip => "unpack it with gunzip, or tar xzf",
            FileKind::Hdf5 => {
                "HDF5 is read as weights, as a solver's state and by the layer HDF5Data, whose source is a list of such files"
            }
            FileKind::Html => "the address gave a web page instead of the file: download the file itself",
            FileKind::LfsPointer => "it names the real file, which `git lfs pull` fetches",
            FileKind::Npy => "convert the array, or give the file that Caffe wrote",
            FileKind::Pickle | FileKind::Zip => {
                "unpack it if Caffe's file is inside; weights of other frameworks have to be converted to a .caffemodel"
            }
            FileKind::Other => "the file is truncated, or of another kind",
        }
    }
}
