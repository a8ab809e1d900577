//! From CUDA C to a card's machine code, by NVRTC; what was made is kept in the user's cache folder.

use super::library::NVRTC;
use crate::device::PRELUDE;
use crate::device::cache::{self, Aside};
use crate::device::source::{SOURCE, refused};
use crate::{Error, Kind, Result};
use cudarc::nvrtc::sys::{self, nvrtcResult};
use std::ffi::{CString, c_char, c_int};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// No fused multiply-add, so that a kernel rounds as the CPU's loop does.
const OPTIONS: &[&str] = &["--std=c++17", "--fmad=false"];

/// The machine code for cards of a compute capability, such as (9, 0), or the PTX that their driver makes it from: from
/// the cache, or else by NVRTC.
///
/// # Errors
/// No NVRTC, one that is too new for the card, or a source that it refuses: its first error, with the place.
pub fn compile(source: &str, capability: (i32, i32), as_ptx: bool, newest: i32) -> Result<Vec<u8>> {
    NVRTC.find(newest)?;
    let version = version()?;
    let target = Target::of(capability, as_ptx, version)?;
    let text = format!("#line 1 \"prelude.h\"\n{PRELUDE}\n#line 1 \"{SOURCE}\"\n{source}");

    let mut hash = DefaultHasher::new();
    (&text, OPTIONS, &target.option, version).hash(&mut hash);
    let name = format!("{:016x}.cubin", hash.finish());
    let folder = cache::folder();
    if let Some(code) = folder.as_ref().and_then(|folder| read(&folder.join(&name))) {
        return Ok(code);
    }
    let code = target.compile(&text, source)?;
    // A cache that cannot be written does no harm.
    let _ = folder.map(|folder| write(&folder, &name, &code));
    Ok(code)
}

/// NVRTC's version, as in 13.0.
pub fn version() -> Result<(i32, i32)> {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the function is there; it writes two numbers.
    check("ask NVRTC's version", unsafe { sys::nvrtcVersion(&mut major, &mut minor) })?;
    Ok((major, minor))
}

/// What NVRTC makes: a card's own code, which a driver of the same major version takes; or, for a card that is newer
/// than NVRTC, PTX, which the driver translates.
struct Target {
    option: String,
    is_machine_code: bool,
}

impl Target {
    fn of((major, minor): (i32, i32), as_ptx: bool, version: (i32, i32)) -> Result<Target> {
        let mut count = 0;
        // SAFETY: it writes a number.
        check("ask what NVRTC compiles for", unsafe { sys::nvrtcGetNumSupportedArchs(&mut count) })?;
        let mut known = vec![0; count.max(0) as usize];
        // SAFETY: it writes as many numbers as it has said.
        check("ask what NVRTC compiles for", unsafe { sys::nvrtcGetSupportedArchs(known.as_mut_ptr()) })?;
        let card = 10 * major + minor;
        match known.into_iter().filter(|&arch| arch <= card).max() {
            Some(arch) if arch == card && !as_ptx => {
                Ok(Target { option: format!("--gpu-architecture=sm_{arch}"), is_machine_code: true })
            }
            Some(arch) => Ok(Target { option: format!("--gpu-architecture=compute_{arch}"), is_machine_code: false }),
            None => Err(Error::new(
                Kind::Device,
                format!(
                    "NVRTC {}.{} does not compile for a card of compute capability {major}.{minor}",
                    version.0, version.1
                ),
            )
            .hint("install an older NVRTC")),
        }
    }

    fn compile(&self, text: &str, source: &str) -> Result<Vec<u8>> {
        let program = Program::new(text)?;
        let options: Vec<CString> =
            OPTIONS.iter().chain([&&*self.option]).map(|&option| c_string(option)).collect::<Result<_>>()?;
        let options: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        // SAFETY: program and options live until it returns.
        match unsafe { sys::nvrtcCompileProgram(program.0, options.len() as c_int, options.as_ptr()) } {
            nvrtcResult::NVRTC_ERROR_COMPILATION => return Err(complaint(&program.log()?, source)),
            answer => check("compile a kernel", answer)?,
        }
        match self.is_machine_code {
            true => program.bytes(sys::nvrtcGetCUBINSize, sys::nvrtcGetCUBIN),
            false => program.bytes(sys::nvrtcGetPTXSize, sys::nvrtcGetPTX),
        }
    }
}

/// A source that NVRTC has read.
struct Program(sys::nvrtcProgram);

impl Program {
    fn new(text: &str) -> Result<Program> {
        let (text, name) = (c_string(text)?, c_string(SOURCE)?);
        let (mut program, none) = (std::ptr::null_mut(), std::ptr::null());
        // SAFETY: NVRTC copies the texts, and writes its own pointer.
        let answer = unsafe { sys::nvrtcCreateProgram(&mut program, text.as_ptr(), name.as_ptr(), 0, none, none) };
        check("read a kernel", answer)?;
        Ok(Program(program))
    }

    fn bytes(
        &self,
        size: unsafe fn(sys::nvrtcProgram, *mut usize) -> nvrtcResult,
        get: unsafe fn(sys::nvrtcProgram, *mut c_char) -> nvrtcResult,
    ) -> Result<Vec<u8>> {
        let mut len = 0;
        // SAFETY: NVRTC says how many bytes it will write, and writes as many.
        unsafe {
            check("compile a kernel", size(self.0, &mut len))?;
            let mut bytes = vec![0u8; len];
            check("compile a kernel", get(self.0, bytes.as_mut_ptr().cast()))?;
            Ok(bytes)
        }
    }

    fn log(&self) -> Result<String> {
        let bytes = self.bytes(sys::nvrtcGetProgramLogSize, sys::nvrtcGetProgramLog)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\0').into())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: the program is not used again.
        let _ = unsafe { sys::nvrtcDestroyProgram(&mut self.0) };
    }
}

fn check(what: &str, answer: nvrtcResult) -> Result {
    match answer as u32 {
        0 => Ok(()),
        number => Err(Error::new(Kind::Device, format!("cannot {what}: NVRTC's error {number}"))),
    }
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::new(Kind::Device, "a kernel's source has a zero byte"))
}

/// The first error of a log: `kernel.cu(2): error: why`, and below it the line and a caret.
fn complaint(log: &str, source: &str) -> Error {
    let mut lines = log.lines().skip_while(|line| !line.contains("error"));
    let Some(first) = lines.next() else { return Error::new(Kind::Device, "the kernel does not compile") };
    let place = || {
        let (number, why) = first.strip_prefix(SOURCE)?.strip_prefix('(')?.split_once("): ")?;
        Some((number.parse::<usize>().ok()?, why))
    };
    let Some((number, why)) = place() else {
        return Error::new(Kind::Device, format!("the kernel does not compile: {first}"));
    };
    // NVRTC indents the line anew, and its caret with it.
    let indent = |line: &str| line.len() - line.trim_start().len();
    let ours = source.lines().nth(number.saturating_sub(1)).map_or(0, indent);
    let column = match (lines.next(), lines.next()) {
        (Some(line), Some(caret)) if caret.trim() == "^" => ours + 1 + indent(caret).saturating_sub(indent(line)),
        _ => ours + 1,
    };
    refused(source, number, column, why)
}

/// What is kept: eight bytes to know it by, then the code.
fn read(path: &Path) -> Option<Vec<u8>> {
    let all = fs::read(path).ok()?;
    let (known, code) = all.split_at_checked(8)?;
    (sum(code) == known).then(|| code.to_vec())
}

fn write(folder: &Path, name: &str, code: &[u8]) -> Result {
    let aside = Aside::new(folder, name)?;
    let file = aside.0.join(name);
    let all = [&sum(code)[..], code].concat();
    fs::write(&file, all).map_err(|e| Error::file(&file, "write", e))?;
    fs::rename(&file, folder.join(name)).map_err(|e| Error::file(&file, "rename", e))
}

fn sum(code: &[u8]) -> [u8; 8] {
    let mut hash = DefaultHasher::new();
    code.hash(&mut hash);
    hash.finish().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nvrtcs_complaint_is_shown_in_its_place() {
        let source = "extern \"C\" __global__ void wrong(Out y) {\n    y[0] = oops;\n}\n";
        let log = "kernel.cu(2): error: identifier \"oops\" is undefined\n      y[0] = oops;\n             ^\n\n\
            1 error detected in the compilation of \"kernel.cu\".\n";
        let e = complaint(log, source);
        let place = e.place().unwrap();
        assert_eq!((place.line, place.column, place.text.as_str()), (2, 12, "    y[0] = oops;"));
        assert_eq!(e.message(), "error: identifier \"oops\" is undefined");
        assert!(
            complaint("nvrtc: error: failed to open builtins\n", source).message().contains("failed to open builtins")
        );
    }

    #[test]
    fn what_is_kept_is_whole_or_not_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.cubin", b"code").unwrap();
        let file = folder.path().join("a.cubin");
        assert_eq!(read(&file), Some(b"code".to_vec()));
        for broken in [&b""[..], b"short", b"12345678code"] {
            fs::write(&file, broken).unwrap();
            assert_eq!(read(&file), None);
        }
    }
}
