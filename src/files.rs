//! Finding files and writing them whole.

use crate::proto::LayerParameter;
use crate::{Error, Kind, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Finds a file or folder that a prototxt names. A relative path is tried from the current directory, then from the
/// prototxt's folder, then from the nearest folder above either that holds `proto/caffe.proto` (the project's root).
///
/// # Errors
/// It is in none of them; the message lists the places.
pub fn find(path: impl AsRef<Path>, folder: Option<&Path>) -> Result<PathBuf> {
    let path = path.as_ref();
    let here = std::env::current_dir().unwrap_or_default();
    let from = folder.map(|f| here.join(f));
    let root = [Some(&here), from.as_ref()].into_iter().flatten().find_map(|start| {
        let mut above = start.ancestors();
        above.find(|a| a.join("proto/caffe.proto").is_file()).map(Path::to_path_buf)
    });
    let mut tried: Vec<PathBuf> = Vec::new();
    if path.exists() {
        return Ok(path.to_path_buf());
    }
    tried.push(here.join(path));
    for base in [from, root].into_iter().flatten() {
        let candidate = base.join(path);
        if candidate.exists() {
            return Ok(candidate);
        }
        if !tried.contains(&candidate) {
            tried.push(candidate);
        }
    }
    let list: Vec<String> = tried.iter().map(|p| p.display().to_string()).collect();
    Err(Error::new(Kind::File, format!("there is no {}", path.display())).hint(format!("tried {}", list.join(", "))))
}

/// Replaces the paths in a layer's parameters by where they are found; a path that is found nowhere stays as it is, for
/// the layer to report.
pub fn resolve(param: &mut LayerParameter, folder: Option<&Path>) {
    let mut paths: Vec<&mut Option<String>> = Vec::new();
    if let Some(p) = &mut param.data_param {
        paths.extend([&mut p.source, &mut p.mean_file]);
    }
    if let Some(p) = &mut param.transform_param {
        paths.push(&mut p.mean_file);
    }
    if let Some(p) = &mut param.image_data_param {
        paths.extend([&mut p.source, &mut p.mean_file]);
    }
    if let Some(p) = &mut param.hdf5_data_param {
        paths.push(&mut p.source);
    }
    if let Some(p) = &mut param.window_data_param {
        paths.extend([&mut p.source, &mut p.mean_file]);
    }
    if let Some(p) = &mut param.infogain_loss_param {
        paths.push(&mut p.source);
    }
    for path in paths {
        if let Some(found) = path.as_ref().filter(|p| !p.is_empty()).and_then(|p| find(p, folder).ok()) {
            *path = Some(found.to_string_lossy().into_owned());
        }
    }
}

/// Writes a file under a temporary name beside it and renames it, so that nobody ever reads half a file. Folders that are
/// missing are made.
pub fn write_aside(path: &Path, bytes: &[u8]) -> Result {
    let fail = |e: std::io::Error| Error::file(path, "write", e);
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
