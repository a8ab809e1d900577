//! What both faces of the GPU read from CUDA C before anything runs: its kernels and what they take. So both refuse
//! what does not fit in the same words.

use super::card::CardArg;
use crate::{Error, Kind, Place, Result};
use std::fmt;

/// What a source is called in the compiler's messages.
pub const SOURCE: &str = "kernel.cu";

/// The most threads that a block may have, and along each of its directions.
const BLOCK: (u64, [u32; 3]) = (1024, [1024, 1024, 64]);
/// The most blocks that a grid may have in each direction.
const GRID: [u32; 3] = [0x7fff_ffff, 0xffff, 0xffff];

/// A kernel parameter's type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parameter {
    Int,
    Float,
    In,
    Out,
    InInt,
    OutInt,
    Many,
    Refusal,
}

impl Parameter {
    const ALL: [(&str, Parameter); 8] = [
        ("int", Parameter::Int),
        ("float", Parameter::Float),
        ("In", Parameter::In),
        ("Out", Parameter::Out),
        ("InInt", Parameter::InInt),
        ("OutInt", Parameter::OutInt),
        ("Many", Parameter::Many),
        ("Refusal", Parameter::Refusal),
    ];

    /// The kind of parameter that an argument is for.
    pub fn of(arg: &CardArg) -> Parameter {
        match arg {
            CardArg::Int(_) | CardArg::Size(_) => Parameter::Int,
            CardArg::Float(_) => Parameter::Float,
            CardArg::In(..) => Parameter::In,
            CardArg::Out(..) => Parameter::Out,
            CardArg::InInt(..) => Parameter::InInt,
            CardArg::OutInt(..) => Parameter::OutInt,
            CardArg::Many(_) => Parameter::Many,
            CardArg::Refusal(_) => Parameter::Refusal,
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Parameter::ALL.iter().find(|(_, p)| p == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// A kernel as its source declares it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kernel {
    pub name: String,
    pub parameters: Vec<Parameter>,
}

impl Kernel {
    /// Whether it can be launched like this.
    ///
    /// # Errors
    /// A grid or a block without threads or too large for a card; arguments of a wrong number or type.
    pub fn check(&self, grid: [u32; 3], block: [u32; 3], args: &[CardArg]) -> Result {
        let name = &self.name;
        let threads: u64 = block.iter().fold(1, |n, &d| n.saturating_mul(d.into()));
        let fits = |size: [u32; 3], most: [u32; 3]| (0..3).all(|i| (1..=most[i]).contains(&size[i]));
        if !fits(grid, GRID) || !fits(block, BLOCK.1) || threads > BLOCK.0 {
            let ([x, y, z], most) = (GRID, BLOCK.0);
            return Err(Error::new(
                Kind::Device,
                format!("kernel {name}: a grid of {grid:?} blocks of {block:?} threads"),
            )
            .hint(format!(
                "give at least 1 in each direction, at most {most} threads a block and {x} x {y} x {z} blocks"
            )));
        }
        if args.len() != self.parameters.len() {
            let (given, takes) = (args.len(), self.parameters.len());
            let words: Vec<String> = self.parameters.iter().map(Parameter::to_string).collect();
            return Err(Error::new(
                Kind::Device,
                format!("kernel {name} takes {takes} arguments and was given {given}"),
            )
            .hint(format!("its parameters are {}", words.join(", "))));
        }
        for (i, (arg, wanted)) in args.iter().zip(&self.parameters).enumerate() {
            let given = Parameter::of(arg);
            if given != *wanted {
                return Err(Error::new(
                    Kind::Device,
                    format!("argument {i} of kernel {name} is {wanted}, not {given}"),
                )
                .hint(format!("give a CardArg::{wanted:?}")));
            }
            if let CardArg::Size(size) = arg
                && i32::try_from(*size).is_err()
            {
                let most = i32::MAX;
                let message = format!("argument {i} of kernel {name} is {size}, and an int goes to {most}");
                return Err(Error::new(Kind::Device, message).hint("make the batch or the blob smaller"));
            }
        }
        Ok(())
    }
}

/// The error of a launch that names a kernel which is not there.
pub fn no_kernel<'a>(name: &str, kernels: impl Iterator<Item = &'a Kernel>) -> Error {
    let names: Vec<&str> = kernels.map(|k| k.name.as_str()).collect();
    Error::new(Kind::Device, format!("the source has no kernel \"{name}\""))
        .did_you_mean(name, names.iter().copied())
        .hint(format!("its kernels are {}", names.join(", ")))
}

/// The error of a launch whose buffer `i` is not this card's.
pub fn foreign(kernel: &str, i: usize) -> Error {
    Error::new(Kind::Device, format!("kernel {kernel}: buffer {i} belongs to another card"))
        .hint("take both from one Device")
}

/// The error of any other call whose buffer is not this card's.
pub fn not_ours() -> Error {
    Error::new(Kind::Device, "a buffer belongs to another card").hint("take both from one Device")
}

/// The error of a call that another thread makes while one records.
pub fn recorded_elsewhere() -> Error {
    Error::new(Kind::Device, "another thread records a step on this card").hint("give each thread a Device of its own")
}

/// The error of a copy that is longer than its buffer.
pub fn too_long(host: usize, card: usize) -> Error {
    Error::shape(format!("a copy of {host} values and a card buffer of {card}"))
}

/// A compiler's complaint about a line of the source, with its place; the column counts from 1.
pub fn refused(source: &str, line: usize, column: usize, why: &str) -> Error {
    let text = line.checked_sub(1).and_then(|line| source.lines().nth(line));
    let error = Error::new(Kind::Device, why);
    match text {
        Some(text) => error.at(Place { file: SOURCE.into(), line, column: column.max(1), text: text.into(), width: 1 }),
        None => error,
    }
}

/// A kernel as it stands in its source.
pub struct Declared<'a> {
    pub name: &'a str,
    /// What stands between the brackets after the name.
    pub list: &'a str,
    /// All from its `__global__` to the next one.
    pub text: &'a str,
}

/// The kernels of a source without comments: `__global__ void name(int n, In x, Out y)`.
///
/// # Errors
/// A `__global__` without a name.
pub fn declared(code: &str) -> Result<Vec<Declared<'_>>> {
    let mut kernels = Vec::new();
    for text in code.split("__global__").skip(1) {
        // A __launch_bounds__(..) may stand before the name.
        let rest = match text.split_once("__launch_bounds__") {
            Some((before, after)) if !before.contains('(') => after.split_once(')').map_or(after, |(_, after)| after),
            _ => text,
        };
        let (head, list) = rest.split_once('(').unwrap_or((rest, ""));
        let name = head.trim_end().rsplit(|c| !is_word(c)).next().unwrap_or_default();
        if name.is_empty() {
            return Err(Error::new(Kind::Device, "a __global__ without a kernel's name behind it")
                .hint("write extern \"C\" __global__ void name(int n, In x, Out y) { .. }"));
        }
        kernels.push(Declared { name, list: list.split(')').next().unwrap_or_default().trim(), text });
    }
    Ok(kernels)
}

/// The kernels of a source, with what they take.
///
/// # Errors
/// As [`declared`]; or a parameter of a type that a launch cannot give.
pub fn kernels(source: &str) -> Result<Vec<Kernel>> {
    let read = |kernel: &Declared| {
        let list = kernel.list.split(',').filter(|_| !kernel.list.is_empty());
        let parameters = list.map(|text| parameter(kernel.name, text)).collect::<Result<_>>()?;
        Ok(Kernel { name: kernel.name.into(), parameters })
    };
    declared(&without_comments(source))?.iter().map(read).collect()
}

/// The type of a parameter as it is declared: `const int n`.
fn parameter(kernel: &str, text: &str) -> Result<Parameter> {
    let words: Vec<&str> = text.split(|c| !is_word(c)).filter(|word| !matches!(*word, "" | "const")).collect();
    let known = words.first().and_then(|first| Parameter::ALL.iter().find(|(name, _)| name == first));
    match known {
        Some((_, parameter)) if words.len() <= 2 && !text.contains(['*', '&', '[']) => Ok(*parameter),
        _ => {
            let types = Parameter::ALL.map(|(name, _)| name).join(", ");
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            Err(Error::new(Kind::Device, format!("kernel {kernel} has a parameter \"{text}\""))
                .hint(format!("a kernel's parameters are {types}")))
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The source with comments blanked; line breaks stay.
pub fn without_comments(source: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_read_with_their_parameters() {
        let source = "// __global__ void not_this(int n)\n\
            __device__ float twice(float x) { return 2 * x; }\n\
            extern \"C\" __global__ void a(int n, float nu, In x, Out y) { f(x, y); }\n\
            extern \"C\" __global__ void __launch_bounds__(256) b(const int n, InInt i, OutInt j,\n  Many w, Refusal r) {}\n\
            extern \"C\" __global__ void c() {}";
        use Parameter::*;
        let found: Vec<_> = kernels(source).unwrap().into_iter().map(|k| (k.name, k.parameters)).collect();
        assert_eq!(
            found,
            [
                ("a".into(), vec![Int, Float, In, Out]),
                ("b".into(), vec![Int, InInt, OutInt, Many, Refusal]),
                ("c".into(), vec![])
            ]
        );
    }

    #[test]
    fn what_no_launch_can_give_is_refused() {
        for (source, said) in [
            ("__global__ void k(double x) {}", "kernel k has a parameter \"double x\""),
            ("__global__ void k(int n, float *x) {}", "kernel k has a parameter \"float *x\""),
            ("__global__ void k(unsigned int n) {}", "kernel k has a parameter \"unsigned int n\""),
            ("__global__", "a __global__ without a kernel's name behind it"),
        ] {
            assert_eq!(kernels(source).unwrap_err().message(), said);
        }
    }

    #[test]
    fn a_launch_keeps_to_a_cards_limits() {
        let kernel = Kernel { name: "k".into(), parameters: vec![] };
        let ok = |grid, block| kernel.check(grid, block, &[]).is_ok();
        assert!(ok([0x7fff_ffff, 65535, 65535], [1024, 1, 1]) && ok([1; 3], [4, 4, 64]));
        assert!(!ok([0x8000_0000, 1, 1], [1; 3]) && !ok([1, 65536, 1], [1; 3]) && !ok([1, 1, 65536], [1; 3]));
        assert!(!ok([1; 3], [1025, 1, 1]) && !ok([1; 3], [1, 1, 65]) && !ok([1; 3], [33, 32, 1]));
        assert!(!ok([0, 1, 1], [1; 3]) && !ok([1; 3], [1, 0, 1]) && !ok([1; 3], [u32::MAX; 3]));
    }
}
