//! Where a relative path in a prototxt may lead.
//!
//! It is tried from the current directory, as in Caffe; then from the prototxt's own folder; then from the nearest folder
//! above that holds `proto/caffe.proto`, the project's root. So a net works from the root and from a notebook's folder.

use crate::proto::LayerParameter;
use crate::{Error, Kind, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file or folder that `path` means, for a prototxt in `prototxt_dir`.
///
/// # Errors
/// There is none; the error lists the places where it was looked for.
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
    let mut places: Vec<PathBuf> = Vec::new();
    for place in places_of(path, prototxt_dir) {
        if place.exists() {
            return Ok(place);
        }
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let places: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
    let e = Error::new(Kind::File, format!("{} is not there: looked for {}", path.display(), places.join(", ")));
    Err(match path.to_string_lossy().contains("mnist") && path.to_string_lossy().contains("lmdb") {
        true => e.hint("make MNIST's databases with `cortado convert mnist`"),
        false => {
            e.hint("correct the path; a relative one starts at the current folder, the prototxt's, or the project's")
        }
    })
}

/// Rewrites the paths of the files that a layer reads to where they are. Those that are nowhere stay as they are, for the
/// layer to complain about.
pub fn resolve(param: &mut LayerParameter, prototxt_dir: Option<&Path>) {
    let paths = [
        param.data_param.as_mut().and_then(|p| p.source.as_mut()),
        param.transform_param.as_mut().and_then(|p| p.mean_file.as_mut()),
        param.hdf5_data_param.as_mut().and_then(|p| p.source.as_mut()),
        param.image_data_param.as_mut().and_then(|p| p.source.as_mut()),
        param.infogain_loss_param.as_mut().and_then(|p| p.source.as_mut()),
        param.window_data_param.as_mut().and_then(|p| p.source.as_mut()),
    ];
    for path in paths.into_iter().flatten() {
        if let Ok(found) = find(&*path, prototxt_dir)
            && let Some(found) = found.to_str()
        {
            *path = found.to_string();
        }
    }
}

/// The places to try, the first first. An absolute path is only itself.
fn places_of(path: &Path, prototxt_dir: Option<&Path>) -> Vec<PathBuf> {
    let mut places = vec![path.to_path_buf()];
    if path.is_relative() {
        places.extend(prototxt_dir.map(|dir| dir.join(path)));
        let here = std::env::current_dir().ok();
        let dir = prototxt_dir.and_then(|dir| std::path::absolute(dir).ok());
        let root = here.iter().chain(&dir).find_map(|from| project_root(from));
        places.extend(root.map(|root| root.join(path)));
    }
    places
}

/// The project's root: the nearest folder that holds `proto/caffe.proto`, from the current directory upwards.
///
/// # Errors
/// There is none.
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

/// Writes a file under a temporary name beside it and renames it, so that nobody ever reads half a file. Folders that are
/// missing are made.
pub fn write_aside(path: &Path, bytes: &[u8]) -> Result {
    let hint = "may its folder be written to, and has the disk room?";
    let fail = |e: std::io::Error| Error::file(path, "write", e).hint(hint);
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
