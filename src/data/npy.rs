//! NumPy's `.npy` files, which hold one array each.
//!
//! Six bytes `\x93NUMPY`, the version, the length of a header, and the header: a Python dictionary as text, padded with
//! spaces to a multiple of 64 bytes. Then the values.
//!
//! ```
//! use cortado::data::npy;
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("x.npy");
//! let x = ndarray::array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0f32]].into_dyn();
//! npy::write(&path, x.view())?;
//! assert_eq!(npy::read(&path)?, x);
//! # Ok::<(), cortado::Error>(())
//! ```

use super::read_exactly;
use crate::{Error, Kind, Result, blob};
use ndarray::{ArrayD, ArrayViewD, IxDyn, ShapeBuilder};
use std::array::from_fn;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that is read; those of arrays of numbers are shorter.
const HEADER_MAX: usize = 1 << 16;

/// Reads an array of f4, f8, u1, i4 or i8, in either order of bytes, as f32. One in Fortran order is transposed.
///
/// # Errors
/// The file cannot be read or is no .npy file; its shape and its length disagree.
pub fn read(path: impl AsRef<Path>) -> Result<ArrayD<f32>> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|e| Error::file(path, "open", e))?;
    parse(BufReader::new(file)).map_err(|what| Error::new(Kind::Data, format!("{}: {what}", path.display())))
}

/// Writes an array as little-endian f4; never half a file.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: impl AsRef<Path>, x: ArrayViewD<'_, f32>) -> Result {
    let path = path.as_ref();
    let sizes: String = x.shape().iter().map(|d| format!("{d},")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}");
    let before = MAGIC.len() + 4;
    let padded = (before + header.len() + 1).next_multiple_of(64) - before;
    header = format!("{header:width$}\n", width = padded - 1);
    let mut bytes = Vec::with_capacity(before + header.len() + 4 * x.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend([1, 0]);
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    x.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
    crate::files::write_aside(path, &bytes)
}

fn parse(mut file: impl Read) -> Result<ArrayD<f32>, String> {
    let mut read = |len: usize, part: &str| read_exactly(&mut file, len, part);
    let start = read(8, "first bytes")?;
    if !start.starts_with(MAGIC) {
        return Err("not a .npy file: its first bytes are not NumPy's".into());
    }
    let wide = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => return Err(format!("version {version} of .npy; versions 1 to 3 can be read")),
    };
    let len = read(wide, "header")?.iter().rev().fold(0, |n, &b| n << 8 | b as usize);
    if len > HEADER_MAX {
        return Err(format!("a header of {len} bytes"));
    }
    let header = String::from_utf8(read(len, "header")?).map_err(|_| "the header is not text")?;
    let header = Header::parse(&header).ok_or_else(|| format!("cannot understand the header {}", header.trim()))?;
    let (size, convert) = converter(&header.descr)
        .ok_or_else(|| format!("values of type '{}'; f4, f8, u1, i4 and i8 can be read", header.descr))?;
    let shape = &header.shape;
    let count = blob::count(shape).map_err(|_| format!("the shape {shape:?} is too large"))?;
    let bytes = read(count.checked_mul(size).ok_or("the shape is too large")?, "values")?;
    let values = bytes.chunks_exact(size).map(convert).collect();
    let order = IxDyn(shape).set_f(header.fortran_order);
    let x = ArrayD::from_shape_vec(order, values).map_err(|e| e.to_string())?;
    Ok(if header.fortran_order { x.as_standard_layout().into_owned() } else { x })
}

/// Makes an f32 of a value's bytes.
type Convert = fn(&[u8]) -> f32;

/// The size of a value of this type, and its conversion to f32.
fn converter(descr: &str) -> Option<(usize, Convert)> {
    Some(match descr {
        "<f4" => (4, |b| f32::from_le_bytes(from_fn(|i| b[i]))),
        "<f8" => (8, |b| f64::from_le_bytes(from_fn(|i| b[i])) as f32),
        ">f4" => (4, |b| f32::from_be_bytes(from_fn(|i| b[i]))),
        ">f8" => (8, |b| f64::from_be_bytes(from_fn(|i| b[i])) as f32),
        "|u1" | "<u1" | ">u1" => (1, |b| b[0] as f32),
        "<i4" => (4, |b| i32::from_le_bytes(from_fn(|i| b[i])) as f32),
        "<i8" => (8, |b| i64::from_le_bytes(from_fn(|i| b[i])) as f32),
        ">i4" => (4, |b| i32::from_be_bytes(from_fn(|i| b[i])) as f32),
        ">i8" => (8, |b| i64::from_be_bytes(from_fn(|i| b[i])) as f32),
        _ => return None,
    })
}

struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Parses the dictionary, whose three entries may come in any order.
    fn parse(text: &str) -> Option<Header> {
        let after = |key: &str| {
            let (_, rest) = text.split_once(&format!("'{key}'"))?;
            Some(rest.trim_start().strip_prefix(':')?.trim_start())
        };
        let descr = after("descr")?.strip_prefix('\'')?.split_once('\'')?.0.to_string();
        let fortran_order = match after("fortran_order")? {
            text if text.starts_with("True") => true,
            text if text.starts_with("False") => false,
            _ => return None,
        };
        let sizes = after("shape")?.strip_prefix('(')?.split_once(')')?.0;
        let sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
        Some(Header { descr, fortran_order, shape: sizes.map(|size| size.parse().ok()).collect::<Option<_>>()? })
    }
}
