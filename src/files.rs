//! Finds the files that a prototxt names, and writes files whole.
//!
//! A relative path starts at the current directory, as in Caffe; or at the prototxt's folder; or at the project's root,
//! the nearest folder above that holds `proto/caffe.proto`. So a net works from the root and from a notebook's folder.

pub(crate) mod kind;

use crate::proto::stray;
use crate::{Error, Kind, Result};
use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file or folder that `path` means in a prototxt in `prototxt_dir`.
///
/// # Errors
/// It does not exist; the error lists the paths that were tried.
///
/// ```
/// use cortado::files;
/// assert!(files::find("data/mnist", None).is_ok());
/// assert!(files::find("no/such/thing", None).unwrap_err().to_string().contains("no/such/thing"));
/// ```
pub fn find(path: impl AsRef<Path>, prototxt_dir: Option<&Path>) -> Result<PathBuf> {
    find_in(path, prototxt_dir.as_slice())
}

/// [`find`] for a path that may start in several folders, such as a list's and the prototxt's.
pub(crate) fn find_in(path: impl AsRef<Path>, folders: &[&Path]) -> Result<PathBuf> {
    let path = &*real(path.as_ref());
    if path.as_os_str().is_empty() {
        return Err(Error::new(Kind::File, "the path is empty"));
    }
    let mut tried: Vec<PathBuf> = Vec::new();
    for candidate in candidates(path, folders) {
        if candidate.exists() {
            return Ok(candidate);
        }
        if !tried.contains(&candidate) {
            tried.push(candidate);
        }
    }
    let tried: Vec<String> = tried.iter().map(|p| p.display().to_string()).collect();
    let path = path.display().to_string();
    let hint = if path.contains("mnist") && path.contains("lmdb") {
        "make MNIST's databases with `cortado convert mnist`"
    } else if path.contains(|c: char| c.is_ascii_control() || cfg!(unix) && c == '\\') {
        "in a prototxt a backslash begins an escape, such as \\t for a tab: write the path with /, as in \"C:/data/train\""
    } else {
        "correct the path; a relative one starts at the current folder, the prototxt's, or the one above that holds proto/caffe.proto"
    };
    Err(Error::new(Kind::File, format!("{path} is not there: looked for {}", tried.join(", "))).hint(hint))
}

/// The path of the file system that a prototxt's string means: stray bytes are bytes again, on Unix.
fn real(path: &Path) -> Cow<'_, Path> {
    #[cfg(unix)]
    if let Some(Cow::Owned(bytes)) = path.to_str().map(stray::encode) {
        use std::os::unix::ffi::OsStringExt;
        return Cow::Owned(std::ffi::OsString::from_vec(bytes).into());
    }
    Cow::Borrowed(path)
}

/// The paths to try, in this order. An absolute path is the only candidate.
fn candidates(path: &Path, folders: &[&Path]) -> Vec<PathBuf> {
    let mut candidates = vec![path.to_path_buf()];
    if path.is_relative() {
        candidates.extend(folders.iter().map(|dir| dir.join(path)));
        let here = std::env::current_dir().ok();
        let dirs = folders.iter().filter_map(|dir| std::path::absolute(dir).ok());
        let root = here.into_iter().chain(dirs).find_map(|from| project_root(&from).map(Path::to_path_buf));
        candidates.extend(root.map(|root| root.join(path)));
    }
    candidates
}

/// The project's root: the nearest folder that holds `proto/caffe.proto`, from the current directory upwards.
///
/// # Errors
/// No such folder exists.
pub fn root() -> Result<PathBuf> {
    let here = std::env::current_dir().map_err(|e| Error::file(".", "find the current directory", e))?;
    project_root(&here).map(Path::to_path_buf).ok_or_else(|| {
        Error::new(Kind::File, format!("no folder from {} upwards holds proto/caffe.proto", here.display()))
            .hint("run this inside the project's folder")
    })
}

/// The nearest folder from `from` upwards that holds `proto/caffe.proto`.
fn project_root(from: &Path) -> Option<&Path> {
    from.ancestors().find(|dir| dir.join("proto/caffe.proto").is_file())
}

/// Writes a file under a temporary name beside it and renames it, so that half a file is never read. Missing folders
/// are made.
///
/// # Errors
/// A folder or the file cannot be written.
pub fn write_aside(path: &Path, bytes: &[u8]) -> Result {
    let path = &*real(path);
    let fail = |e| Error::file(path, "write", e).hint("is its folder writable, and is there room on the disk?");
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    if std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        return std::fs::write(path, bytes).map_err(fail); // a pipe or a device, which cannot be replaced
    }
    remove_leftovers(path);
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}.tmp", std::process::id()));
    let aside = PathBuf::from(aside);
    let write = || {
        let mut file = std::fs::File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&aside, path)
    };
    write().map_err(|e| {
        let _ = std::fs::remove_file(&aside);
        fail(e)
    })
}

/// Writes an empty file and removes it: whether this can be done is better known before an hour's work than after it.
///
/// # Errors
/// As [`write_aside`].
pub fn try_writing(path: &Path) -> Result {
    write_aside(path, b"")?;
    std::fs::remove_file(real(path)).map_err(|e| Error::file(path, "remove", e))
}

/// Removes what a process that was killed while it wrote this file has left beside it. Only Linux tells which processes live.
fn remove_leftovers(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else { return };
    if !Path::new("/proc/self").exists() {
        return;
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let other = entry.file_name();
        let writer = other.to_str().and_then(|other| other.strip_prefix(name)?.strip_prefix('.')?.strip_suffix(".tmp"));
        if writer.is_some_and(|id| id.parse::<u32>().is_ok() && !Path::new("/proc").join(id).exists()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
