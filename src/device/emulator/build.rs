//! From CUDA C to a loaded library, by the machine's C++ compiler.

use super::Argument;
use crate::{Error, Kind, Place, Result};
use std::ffi::{CStr, c_char, c_int};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt, fs, io};

const HEADER: &str = include_str!("../../../kernels/emulator.h");
/// No fused multiply-add, so that a kernel rounds as the CPU's loop does.
const FLAGS: &[&str] = &["-std=c++17", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off"];
/// What a source is called in the compiler's messages.
const SOURCE: &str = "kernel.cu";

/// A kernel parameter's type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parameter {
    Int,
    Float,
    In,
    Out,
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Parameter::Int => "int",
            Parameter::Float => "float",
            Parameter::In => "In",
            Parameter::Out => "Out",
        })
    }
}

type Signature = unsafe extern "C" fn() -> *const c_char;
type Launch = unsafe extern "C" fn(*const Argument, *const [u32; 3], *const [u32; 3], *mut c_char, usize) -> c_int;

/// A kernel in a loaded library.
pub struct Kernel {
    pub name: String,
    pub parameters: Vec<Parameter>,
    launch: Launch,
}

/// A loaded library and its kernels.
pub struct Library {
    pub kernels: Vec<Kernel>,
    /// Keeps the kernels' code in memory.
    _code: libloading::Library,
}

impl Library {
    /// Runs a kernel with arguments that fit its parameters.
    pub fn run(&self, kernel: &Kernel, grid: [u32; 3], block: [u32; 3], args: &[Argument]) -> Result {
        let mut message = [0u8; 256];
        // SAFETY: the arguments have the number and kinds of the kernel's own signature; their buffers live, and are
        // borrowed for writing where the kernel may write, as long as the launch's `Arg`s; the code checks every
        // index and ends its message, which it never writes past the given size, with a 0.
        let rc = unsafe {
            (kernel.launch)(args.as_ptr(), &grid, &block, message.as_mut_ptr().cast::<c_char>(), message.len())
        };
        match (rc, CStr::from_bytes_until_nul(&message)) {
            (0, _) => Ok(()),
            (_, Ok(message)) => Err(Error::new(Kind::Device, message.to_string_lossy())),
            (_, Err(_)) => Err(Error::new(Kind::Device, format!("kernel {} failed", kernel.name))),
        }
    }

    /// Loads what the compiler made.
    fn load(path: &Path, names: &[String]) -> Result<Library> {
        let refuse = |e: libloading::Error| Error::file(path, "load", e);
        // SAFETY: the file was compiled by us of our header and the source, so it defines these symbols with these
        // types; if it is not what it should be, the load fails. The function pointers live as long as `_code`,
        // beside them.
        unsafe {
            let code = libloading::Library::new(path).map_err(refuse)?;
            let mut kernels = Vec::new();
            for name in names {
                let signature = *code.get::<Signature>(format!("cortado_signature_{name}")).map_err(refuse)?;
                let launch = *code.get::<Launch>(format!("cortado_launch_{name}")).map_err(refuse)?;
                let parameters = CStr::from_ptr(signature()).to_bytes().iter().map(|letter| match letter {
                    b'i' => Parameter::Int,
                    b'f' => Parameter::Float,
                    b'I' => Parameter::In,
                    _ => Parameter::Out,
                });
                kernels.push(Kernel { name: name.clone(), parameters: parameters.collect(), launch });
            }
            Ok(Library { kernels, _code: code })
        }
    }
}

/// Compiles CUDA C, or finds what was compiled before in the user's cache folder.
///
/// # Errors
/// No compiler; a source that it refuses (its first error, with the place); a source that asks for what the emulator
/// has not.
pub fn compile(source: &str) -> Result<Library> {
    if !cfg!(unix) {
        return Err(Error::new(Kind::Device, "the emulated GPU needs Linux or macOS").hint("use CORTADO_DEVICE=cpu"));
    }
    let names = kernel_names(source)?;
    let compiler = Compiler::find()?;
    let exports: String = names.iter().map(|name| format!("CORTADO_EXPORT({name})\n")).collect();
    let unit = format!("#line 1 \"emulator.h\"\n{HEADER}\n#line 1 \"{SOURCE}\"\n{source}\n{exports}");

    let mut hash = DefaultHasher::new();
    (&unit, &compiler.command, FLAGS, env::consts::ARCH, env::consts::OS).hash(&mut hash);
    let key = format!("{:016x}", hash.finish());
    let cache = cache_folder();
    let made = cache.as_ref().map(|folder| folder.join(format!("{key}.so")));
    if let Some(library) = made.as_ref().and_then(|path| Library::load(path, &names).ok()) {
        return Ok(library);
    }

    // Written aside, in a folder that is ours alone, and renamed: others see the whole file or none.
    let aside = Aside::new(&cache.unwrap_or_else(env::temp_dir), &key)?;
    let (text, code) = (aside.0.join("kernel.cpp"), aside.0.join("kernel.so"));
    fs::write(&text, unit).map_err(|e| Error::file(&text, "write", e))?;
    compiler.run(&text, &code, source)?;
    match made {
        Some(made) if fs::rename(&code, &made).is_ok() => Library::load(&made, &names),
        _ => Library::load(&code, &names), // loaded code stays when its file goes
    }
}

/// The names of the `__global__ void name(` in a source.
fn kernel_names(source: &str) -> Result<Vec<String>> {
    let code = without_comments(source);
    for word in ["__shared__", "__syncthreads", "__syncwarp", "__shfl"] {
        if let Some(at) = code.find(word) {
            let line = code[..at].matches('\n').count() + 1;
            return Err(Error::new(
                Kind::Device,
                format!("the emulated GPU has no {word} yet ({SOURCE}, line {line})"),
            )
            .hint("its threads run one after another: write a kernel in which none waits for another"));
        }
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names = Vec::new();
    for rest in code.split("__global__").skip(1) {
        // Before the parameter list stands the name; a __launch_bounds__(..) may come first.
        let rest = match rest.split_once("__launch_bounds__") {
            Some((before, after)) if !before.contains('(') => after.split_once(')').map_or(after, |(_, after)| after),
            _ => rest,
        };
        let head = rest.split('(').next().unwrap_or_default().trim_end();
        let name = head.rsplit(|c| !word(c)).next().unwrap_or_default();
        if name.is_empty() {
            return Err(Error::new(Kind::Device, "a __global__ without a kernel's name behind it")
                .hint("write extern \"C\" __global__ void name(int n, In x, Out y) { .. }"));
        }
        names.push(name.to_string());
    }
    Ok(names)
}

/// The source with comments blanked; line breaks stay.
fn without_comments(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(at) = rest.find("//").into_iter().chain(rest.find("/*")).min() {
        let (before, comment) = rest.split_at(at);
        let end = if comment.starts_with("//") { comment.find('\n') } else { comment.find("*/").map(|i| i + 2) };
        let (comment, after) = comment.split_at(end.unwrap_or(comment.len()));
        code.push_str(before);
        code.extend(comment.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = after;
    }
    code + rest
}

/// The machine's C++ compiler: a program and the arguments that `CXX` may add.
struct Compiler {
    command: Vec<String>,
}

impl Compiler {
    /// `CXX`, or else the first of the usual names on the path.
    fn find() -> Result<Compiler> {
        let cxx = env::var("CXX").unwrap_or_default();
        let command: Vec<String> = cxx.split_whitespace().map(String::from).collect();
        let (looked_for, candidates) = match command.is_empty() {
            false => (format!("CXX={cxx}"), vec![command]),
            true => ("c++, g++ and clang++".into(), ["c++", "g++", "clang++"].map(|c| vec![c.to_string()]).to_vec()),
        };
        candidates.into_iter().find(|command| on_path(&command[0])).map(|command| Compiler { command }).ok_or_else(
            || {
                Error::new(Kind::Device, format!("no C++ compiler for the emulated GPU: looked for {looked_for}"))
                    .hint("install one (on Debian: apt install g++), or use CORTADO_DEVICE=cpu")
            },
        )
    }

    fn run(&self, text: &Path, code: &Path, source: &str) -> Result {
        let (program, more) = (&self.command[0], &self.command[1..]);
        let output = Command::new(program)
            .args(more)
            .args(FLAGS)
            .arg("-o")
            .args([code, text])
            .env("LC_ALL", "C")
            .output()
            .map_err(|e| Error::new(Kind::Device, format!("cannot run the C++ compiler {program}: {e}")))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().find(|line| line.contains("error:")).or(said.lines().next()).unwrap_or("no message");
        Err(refused(first, source))
    }
}

/// The compiler's `kernel.cu:3:7: error: why` as an error with its place.
fn refused(line: &str, source: &str) -> Error {
    let place = || {
        let mut parts = line.strip_prefix(SOURCE)?.splitn(4, ':').skip(1);
        let (line, column) = (parts.next()?.parse().ok()?, parts.next()?.parse::<usize>().ok()?.max(1));
        let text = source.lines().nth(usize::checked_sub(line, 1)?)?.to_string();
        Some((Place { file: SOURCE.into(), line, column, text, width: 1 }, parts.next()?.trim()))
    };
    match place() {
        Some((place, why)) => Error::new(Kind::Device, why).at(place),
        None => Error::new(Kind::Device, format!("the kernel does not compile: {line}")),
    }
}

/// Whether a program is there, by its path or on `PATH`.
fn on_path(program: &str) -> bool {
    match program.contains('/') {
        true => Path::new(program).is_file(),
        false => env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|dir| dir.join(program).is_file()),
    }
}

/// `$XDG_CACHE_HOME/cortado`, or `~/.cache/cortado`; none where it cannot be made.
fn cache_folder() -> Option<PathBuf> {
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = xdg.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?.join("cortado");
    fs::create_dir_all(&folder).ok()?;
    Some(folder)
}

/// A folder that no other thread or process uses; it goes when dropped.
struct Aside(PathBuf);

impl Aside {
    fn new(folder: &Path, key: &str) -> Result<Aside> {
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
