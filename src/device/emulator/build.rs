//! From CUDA C to a loaded library, by the machine's C++ compiler.

use super::Argument;
use crate::device::PRELUDE;
use crate::device::cache::{self, Aside};
use crate::device::source::{self, Declared, Parameter, SOURCE, without_comments};
use crate::{Error, Kind, Result};
use std::ffi::{CStr, c_char, c_int};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;
use std::{env, fs};

const HEADER: &str = include_str!("../../../kernels/emulator.h");
/// No fused multiply-add, so that a kernel rounds as the CPU's loop does; no fortified longjmp, which takes a
/// jump to another stack for an attack.
const FLAGS: &[&str] =
    &["-std=c++17", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-U_FORTIFY_SOURCE"];
/// The letters of a signature.
const LETTERS: [(u8, Parameter); 8] = [
    (b'i', Parameter::Int),
    (b'f', Parameter::Float),
    (b'I', Parameter::In),
    (b'O', Parameter::Out),
    (b'j', Parameter::InInt),
    (b'J', Parameter::OutInt),
    (b'M', Parameter::Many),
    (b'R', Parameter::Refusal),
];

type Signature = unsafe extern "C" fn() -> *const c_char;
type Launch = unsafe extern "C" fn(u64, *const Argument, *const [u32; 3], *const [u32; 3], *mut c_char, usize) -> c_int;

/// A kernel in a loaded library.
pub struct Kernel {
    pub declared: source::Kernel,
    launch: Launch,
}

/// A loaded library and its kernels.
pub struct Library {
    pub kernels: Vec<Kernel>,
    /// Keeps the kernels' code in memory.
    _code: libloading::Library,
}

impl Library {
    /// Runs a kernel with arguments that fit its parameters; `number` counts launches.
    pub fn run(&self, number: u64, kernel: &Kernel, grid: [u32; 3], block: [u32; 3], args: &[Argument]) -> Result {
        let mut message = [0u8; 384];
        // SAFETY: the arguments have the number and kinds of the kernel's own signature; whoever calls keeps their
        // buffers and lets nobody else touch them; the code checks every index and ends its message, which it never
        // writes past the given size, with a 0.
        let rc = unsafe {
            let (message, size) = (message.as_mut_ptr().cast::<c_char>(), message.len());
            (kernel.launch)(number, args.as_ptr(), &grid, &block, message, size)
        };
        match (rc, CStr::from_bytes_until_nul(&message)) {
            (0, _) => Ok(()),
            (_, Ok(message)) => Err(Error::new(Kind::Device, message.to_string_lossy())),
            (_, Err(_)) => Err(Error::new(Kind::Device, format!("kernel {} failed", kernel.declared.name))),
        }
    }

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
                let letters = CStr::from_ptr(signature()).to_bytes().iter();
                let parameters =
                    letters.filter_map(|l| LETTERS.iter().find(|(letter, _)| letter == l)).map(|&(_, p)| p);
                let declared = source::Kernel { name: name.clone(), parameters: parameters.collect() };
                kernels.push(Kernel { declared, launch });
            }
            Ok(Library { kernels, _code: code })
        }
    }
}

/// Compiles CUDA C, or finds what was compiled before in the user's cache folder.
///
/// # Errors
/// No compiler; a source that it refuses (its first error, with the place); a source that needs what the emulator
/// lacks.
pub fn compile(source: &str) -> Result<Library> {
    if !cfg!(unix) {
        return Err(Error::new(Kind::Device, "the emulated GPU needs Linux or macOS").hint("use CORTADO_DEVICE=cpu"));
    }
    let code = without_comments(source);
    let kernels = source::declared(&code)?;
    let names: Vec<String> = kernels.iter().map(|kernel| kernel.name.to_string()).collect();
    let compiler = Compiler::find()?;
    let export = |kernel: &Declared| format!("CORTADO_EXPORT({}, {})\n", kernel.name, waits(kernel, &code));
    let exports: String = kernels.iter().map(export).collect();
    let (prelude, code) = (shared_arrays(&without_comments(PRELUDE))?, shared_arrays(&code)?);
    let parts = [("emulator.h", HEADER), ("prelude.h", &prelude), (SOURCE, &code), ("exports", &exports)];
    let unit: String = parts.iter().map(|(name, text)| format!("#line 1 \"{name}\"\n{text}\n")).collect();

    let mut hash = DefaultHasher::new();
    (&unit, &compiler.command, FLAGS, env::consts::ARCH, env::consts::OS).hash(&mut hash);
    let key = format!("{:016x}", hash.finish());
    let cache = cache::folder();
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

/// The compiler's command.
pub fn compiler() -> Result<String> {
    Ok(Compiler::find()?.command.join(" "))
}

/// What makes a thread wait for others, so that it needs a stack of its own.
const WAITS: &[&str] = &["__syncthreads", "__syncwarp", "__shfl", "block_sum", "block_max"];

/// Whether the threads of a kernel wait for each other.
fn waits(kernel: &Declared, code: &str) -> bool {
    let waits = |text: &str| WAITS.iter().any(|word| text.contains(word));
    // A function that waits may be called by any kernel.
    code.contains("__device__") && waits(code) || waits(kernel.text)
}

/// Turns each `__shared__ T name[n];` into `static thread_local Shared<T, n> name;`, on the same line.
fn shared_arrays(code: &str) -> Result<String> {
    let mut parts = code.split("__shared__");
    let mut made = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let line = made.matches('\n').count() + 1;
        let refuse = |why: &str| {
            Err(Error::new(Kind::Device, format!("{why} ({SOURCE}, line {line})"))
                .hint("write __shared__ float name[256];"))
        };
        let Some((declaration, after)) = part.split_once(';') else {
            return refuse("a __shared__ declaration without its end");
        };
        let (head, sizes) = declaration.split_at(declaration.find('[').unwrap_or(declaration.len()));
        let Some((kind, name)) = head.trim().rsplit_once(char::is_whitespace) else {
            return refuse("a __shared__ declaration has a type and a name");
        };
        if declaration.contains(',') || declaration.contains('=') {
            return refuse("a __shared__ declaration makes one array, without values");
        }
        if sizes.contains("[]") {
            return refuse("a shared array needs a size");
        }
        let sizes: String = sizes.split('[').skip(1).map(|size| format!(", {}", size.replace(']', ""))).collect();
        made += &format!("static thread_local Shared<{kind}{sizes}> {name};{after}");
    }
    Ok(made)
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
        let (line, column) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(source::refused(source, line, column, parts.next()?.trim()))
    };
    place().unwrap_or_else(|| Error::new(Kind::Device, format!("the kernel does not compile: {line}")))
}

/// Whether a program is there, by its path or on `PATH`.
fn on_path(program: &str) -> bool {
    match program.contains('/') {
        true => Path::new(program).is_file(),
        false => env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|dir| dir.join(program).is_file()),
    }
}
