//! Finds the files that a prototxt names, and writes files whole.
//!
//! A relative path starts at the current directory, as in Caffe; or at the prototxt's folder; or at the project's root,
//! the nearest folder above that holds `proto/caffe.proto`. So a net works from the root and from a notebook's folder.

use crate::{Error, Kind, Result};
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
    let path = path.as_ref();
    if path.as_os_str().is_empty() {
        return Err(Error::new(Kind::File, "the path is empty"));
    }
    let mut tried: Vec<PathBuf> = Vec::new();
    for candidate in candidates(path, prototxt_dir) {
        if candidate.exists() {
            return Ok(candidate);
        }
        if !tried.contains(&candidate) {
            tried.push(candidate);
        }
    }
    let tried: Vec<String> = tried.iter().map(|p| p.display().to_string()).collect();
    let path = path.display().to_string();
    let hint = match path.contains("mnist") && path.contains("lmdb") {
        true => "make MNIST's databases with `cortado convert mnist`",
        false => {
            "correct the path; a relative one starts at the current folder, the prototxt's, or the one above that holds proto/caffe.proto"
        }
    };
    Err(Error::new(Kind::File, format!("{path} is not there: looked for {}", tried.join(", "))).hint(hint))
}

/// The paths to try, in this order. An absolute path is the only candidate.
fn candidates(path: &Path, prototxt_dir: Option<&Path>) -> Vec<PathBuf> {
    let mut candidates = vec![path.to_path_buf()];
    if path.is_relative() {
        candidates.extend(prototxt_dir.map(|dir| dir.join(path)));
        let here = std::env::current_dir().ok();
        let dir = prototxt_dir.and_then(|dir| std::path::absolute(dir).ok());
        let root = here.iter().chain(&dir).find_map(|from| project_root(from));
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
    let fail = |e| Error::file(path, "write", e).hint("is its folder writable, and is there room on the disk?");
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
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
