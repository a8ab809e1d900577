//! Where compiled kernels are kept: `$XDG_CACHE_HOME/cortado`, or `~/.cache/cortado`.

use crate::{Error, Result};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The folder; none where it cannot be made.
pub fn folder() -> Option<PathBuf> {
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = xdg.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?.join("cortado");
    fs::create_dir_all(&folder).ok()?;
    Some(folder)
}

/// A folder that no other thread or process uses; it is deleted when dropped. Others see what is made there and then
/// renamed either whole or not at all.
pub struct Aside(pub PathBuf);

impl Aside {
    /// A new one.
    pub fn new(folder: &Path, key: &str) -> Result<Aside> {
        let mut i = 0;
        loop {
            let path = folder.join(format!("cortado-{key}.{i}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Aside(path)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => i += 1,
                Err(e) => return Err(Error::file(path, "make the folder", e)),
            }
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
