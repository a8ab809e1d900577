//! CUDA's libraries: found when the program runs, or reported missing in one sentence.
//!
//! cudarc panics when a library or one of its functions is not there. So each library is opened here first and kept
//! open, and every function that we call is looked up: what is called later is known to be there.

use crate::{Error, Kind, Result};
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

/// A library, and the functions of it that we call.
pub struct Library {
    /// What people call it.
    what: &'static str,
    /// Its file's name between `lib` and `.so`, on Linux and on Windows.
    stems: &'static [&'static str],
    /// The versions that its file may be named after, the best first.
    versions: &'static [i32],
    functions: &'static [&'static str],
    found: OnceLock<Result<Found, String>>,
}

/// A library that was found.
pub struct Found {
    /// The file that was loaded.
    pub file: String,
    _open: libloading::Library,
}

/// The driver: memory, streams, launches. It comes with the card, not with CUDA's toolkit.
pub static DRIVER: Library = Library {
    what: "CUDA driver",
    stems: &["cuda", "nvcuda"],
    versions: &[1],
    functions: &[
        "cuCtxSetCurrent",
        "cuDeviceGet",
        "cuDeviceGetAttribute",
        "cuDeviceGetCount",
        "cuDeviceGetName",
        "cuDevicePrimaryCtxRetain",
        "cuDeviceTotalMem_v2",
        "cuDriverGetVersion",
        "cuEventCreate",
        "cuEventDestroy_v2",
        "cuEventRecord",
        "cuEventSynchronize",
        "cuGetErrorName",
        "cuGetErrorString",
        "cuGraphDestroy",
        "cuGraphExecDestroy",
        "cuGraphInstantiateWithFlags",
        "cuGraphLaunch",
        "cuInit",
        "cuLaunchKernel",
        "cuMemAlloc_v2",
        "cuMemFreeHost",
        "cuMemFree_v2",
        "cuMemHostAlloc",
        "cuMemHostGetDevicePointer_v2",
        "cuMemcpyDtoDAsync_v2",
        "cuMemcpyDtoHAsync_v2",
        "cuMemcpyHtoDAsync_v2",
        "cuMemsetD32Async",
        "cuModuleGetFunction",
        "cuModuleLoadData",
        "cuModuleUnload",
        "cuStreamBeginCapture_v2",
        "cuStreamCreate",
        "cuStreamDestroy_v2",
        "cuStreamEndCapture",
        "cuStreamSynchronize",
        "cuStreamWaitEvent",
    ],
    found: OnceLock::new(),
};

/// The compiler of CUDA C.
pub static NVRTC: Library = Library {
    what: "NVRTC, CUDA's compiler",
    stems: &["nvrtc"],
    versions: &[13, 12],
    functions: &[
        "nvrtcCompileProgram",
        "nvrtcCreateProgram",
        "nvrtcDestroyProgram",
        "nvrtcGetCUBIN",
        "nvrtcGetCUBINSize",
        "nvrtcGetNumSupportedArchs",
        "nvrtcGetPTX",
        "nvrtcGetPTXSize",
        "nvrtcGetProgramLog",
        "nvrtcGetProgramLogSize",
        "nvrtcGetSupportedArchs",
        "nvrtcVersion",
    ],
    found: OnceLock::new(),
};

/// Matrix products.
pub static CUBLAS: Library = Library {
    what: "cuBLAS",
    stems: &["cublas"],
    versions: &[13, 12],
    functions: &[
        "cublasCreate_v2",
        "cublasDestroy_v2",
        "cublasSetAtomicsMode",
        "cublasSetMathMode",
        "cublasSetStream_v2",
        "cublasSetWorkspace_v2",
        "cublasSgemmStridedBatched",
        "cublasSgemm_v2",
    ],
    found: OnceLock::new(),
};

impl Library {
    /// The library, of a version that the driver's CUDA version allows. It is looked for once in a process.
    ///
    /// # Errors
    /// What was looked for, and where; or what is wrong with what was found.
    pub fn find(&self, newest: i32) -> Result<&Found> {
        let found = self.found.get_or_init(|| self.look(newest));
        found.as_ref().map_err(|why| Error::new(Kind::Device, why.clone()))
    }

    fn look(&self, newest: i32) -> Result<Found, String> {
        let mut broken = None;
        // Once a file is open under its full path, the loader knows it by its name as well, and cudarc finds it.
        let elsewhere = std::iter::once_with(|| self.files_elsewhere(newest)).flatten();
        for path in self.names().chain(elsewhere) {
            match open(&path) {
                Ok(open) if self.names().any(|name| self::open(&name).is_ok()) => return self.check(open, &path),
                Ok(_) => drop(broken.get_or_insert(format!("{} has another name inside", path.display()))),
                Err(why) if is_absent(&path, &why) => {}
                Err(why) => drop(broken.get_or_insert(why)),
            }
        }
        let files: Vec<String> = self.file_names(i32::MAX);
        Err(match broken {
            Some(why) => format!("no {} that loads: {why}", self.what),
            None if self.is_driver() => {
                format!("no {}: looked for {} in the loader's path", self.what, files.join(" and "))
            }
            None => format!(
                "no {}: looked for {} in the loader's path, CUDA_PATH, /usr/local/cuda and Python's site-packages",
                self.what,
                files.join(", ")
            ),
        })
    }

    /// The names under which cudarc looks, in its order: it takes the first that opens.
    fn names(&self) -> impl Iterator<Item = PathBuf> {
        self.stems.iter().flat_map(|stem| cudarc::get_lib_name_candidates(stem)).map(PathBuf::from)
    }

    fn check(&self, open: libloading::Library, path: &Path) -> Result<Found, String> {
        let file = loaded_from(self.stems[0]).unwrap_or_else(|| path.display().to_string());
        // SAFETY: the symbol is only looked up; its type does not matter, for it is not used.
        let lacks = |name: &&&str| unsafe { open.get::<*const ()>(**name) }.is_err();
        match self.functions.iter().find(lacks) {
            Some(name) => Err(format!("no {} that is whole: {file} lacks {name}", self.what)),
            None => Ok(Found { file, _open: open }),
        }
    }

    fn is_driver(&self) -> bool {
        self.stems.len() > 1
    }

    /// `libnvrtc.so`, `libnvrtc.so.13` ..: the names that matter, up to a version.
    fn file_names(&self, newest: i32) -> Vec<String> {
        let file = libloading::library_filename(self.stems[0]).to_string_lossy().into_owned();
        let versions = self.versions.iter().filter(|&&v| v <= newest).map(|v| format!("{file}.{v}"));
        std::iter::once(file.clone()).chain(versions).collect()
    }

    /// The library's files outside the loader's path. A driver is never there.
    fn files_elsewhere(&self, newest: i32) -> Vec<PathBuf> {
        if self.is_driver() {
            return Vec::new();
        }
        let folders = folders();
        let in_folders = |name: String| folders.iter().map(move |folder| folder.join(&name));
        self.file_names(newest).into_iter().flat_map(in_folders).filter(|file| file.is_file()).collect()
    }
}

/// Opens a library; what it needs from its own folder, which the loader does not search, is opened first.
fn open(path: &Path) -> Result<libloading::Library, String> {
    // SAFETY: loading a library runs its own start-up code; these are NVIDIA's, found under their own names.
    let load = |path: &Path| unsafe { libloading::Library::new(path) };
    let lt = path.to_string_lossy().replace("libcublas.", "libcublasLt.");
    let _needed = (path.is_absolute() && lt != path.to_string_lossy()).then(|| load(Path::new(&lt)));
    load(path).map_err(|e| e.source().map_or(e.to_string(), |why| why.to_string()))
}

/// Whether the loader found no such file, rather than one that it cannot load.
fn is_absent(path: &Path, why: &str) -> bool {
    why.starts_with(&*path.to_string_lossy()) && why.contains("No such file") || !cfg!(target_os = "linux")
}

/// The file behind a library that this process has loaded, as Linux tells it.
fn loaded_from(stem: &str) -> Option<String> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let name = format!("/lib{stem}.so");
    maps.lines()
        .filter_map(|line| line.find('/').map(|at| &line[at..]))
        .find(|file| file.contains(&name))
        .map(Into::into)
}

/// Where CUDA's libraries may be besides the loader's path: NVIDIA's own folders, and those of Python's packages.
fn folders() -> Vec<PathBuf> {
    let var = |name: &str| env::var_os(name).into_iter().flat_map(|paths| env::split_paths(&paths).collect::<Vec<_>>());
    let roots = var("CUDA_PATH").chain(var("CUDA_HOME")).chain(["/usr/local/cuda".into()]);
    let own = roots.flat_map(|root| [root.join("lib64"), root.join("lib")]);

    let python = |bin: &PathBuf| bin.join("python3").exists();
    let on_path = var("PATH").filter(python).filter_map(|bin| Some(bin.parent()?.to_path_buf()));
    let home = var("HOME").map(|home| home.join(".local"));
    let prefixes =
        var("VIRTUAL_ENV").chain(var("CONDA_PREFIX")).chain(on_path).chain(home).chain(["/usr/local".into()]);
    let pythons = prefixes.flat_map(|prefix| entries(&prefix.join("lib"), "python3"));
    let packages = pythons.flat_map(|python| [python.join("site-packages"), python.join("dist-packages")]);
    let theirs = var("PYTHONPATH").chain(packages).flat_map(|packages| entries(&packages.join("nvidia"), ""));

    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in own.chain(theirs.map(|package| package.join("lib"))) {
        if folder.is_absolute() && folder.is_dir() && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// The entries of a folder whose names begin with `start`.
fn entries(folder: &Path, start: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> =
        files.filter(|file| file.file_name().to_string_lossy().starts_with(start)).map(|file| file.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is called must have been looked up: cudarc panics otherwise.
    #[test]
    fn every_function_that_is_called_is_looked_up() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/device/cuda");
        let mut files: Vec<PathBuf> = entries(&folder, "");
        files.push(folder.with_extension("rs"));
        let mut seen = std::collections::BTreeSet::new();
        for file in files {
            for rest in fs::read_to_string(file).unwrap().split("sys::").skip(1) {
                let word: String = rest.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect();
                let is_type = word.ends_with("_t") || word == "nvrtcProgram" || word == "nvrtcResult";
                if !is_type && (word.starts_with("cu") || word.starts_with("nvrtc")) {
                    seen.insert(word);
                }
            }
        }
        let known: std::collections::BTreeSet<String> =
            [&DRIVER, &NVRTC, &CUBLAS].iter().flat_map(|l| l.functions).map(|&f| f.into()).collect();
        assert_eq!(seen, known);
    }
}
