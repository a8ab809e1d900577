//! HDF5 as Caffe uses it: groups within groups, and arrays. Reading trusts no size that a file declares.

pub(crate) mod net;
pub(crate) mod state;

use crate::proto::{BlobProto, BlobShape};
use crate::{Error, Kind, Result};
use hdf5_pure::{DType, Dataset, File, FileBuilder, FinishedGroup, Group, GroupBuilder, Layout};
use std::cell::Cell;
use std::path::Path;

/// The most groups and arrays that are visited, and how deep they may lie: a link can lead back to a group above.
const MAX_OBJECTS: usize = 100_000;
pub(crate) const MAX_DEPTH: usize = 16;
/// Compressed values may take this many times the file's length, all arrays together.
const MAX_RATIO: u64 = 64;
/// How many values are read at a time.
const ROWS: u64 = 1 << 18;
/// Data may be zeros for the most part: deflate's best ratio, twice for f32 of f16.
const MAX_RATIO_OF_DATA: u64 = 2 * 1032;

/// An open file, which counts what is taken from it.
pub(crate) struct Reader {
    file: File,
    path: String,
    /// Of its errors: weights or data.
    kind: Kind,
    bytes_left: Cell<u64>,
    objects_left: Cell<usize>,
}

impl Reader {
    pub(crate) fn open(path: &Path, kind: Kind) -> Result<Reader> {
        let name = path.display().to_string();
        let length = std::fs::metadata(path).map_err(|e| Error::file(path, "read", e))?.len();
        // The values are read array by array, so that memory holds them once.
        let file = File::open_streaming(path).map_err(|e| broken(&name, kind, "", &e.to_string()))?;
        let ratio = if kind == Kind::Data { MAX_RATIO_OF_DATA } else { MAX_RATIO };
        let bytes_left = Cell::new(length.saturating_mul(ratio));
        Ok(Reader { file, path: name, kind, bytes_left, objects_left: Cell::new(MAX_OBJECTS) })
    }

    pub(crate) fn root(&self) -> Group {
        self.file.root()
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The error of the object at `place`.
    pub(crate) fn broken(&self, place: &str, why: impl std::fmt::Display) -> Error {
        broken(&self.path, self.kind, place, &why.to_string())
    }

    /// The names of a group's groups and of its arrays.
    pub(crate) fn members(&self, group: &Group, place: &str) -> Result<(Vec<String>, Vec<String>)> {
        let groups = group.groups().map_err(|e| self.broken(place, e))?;
        let arrays = group.datasets().map_err(|e| self.broken(place, e))?;
        match self.objects_left.get().checked_sub(groups.len() + arrays.len()) {
            Some(left) => self.objects_left.set(left),
            None => return Err(self.broken(place, format!("it has more than {MAX_OBJECTS} groups and arrays"))),
        }
        Ok((groups, arrays))
    }

    pub(crate) fn group(&self, parent: &Group, name: &str, place: &str) -> Result<Group> {
        parent.group(name).map_err(|e| self.broken(place, e))
    }

    /// The array `name` of a group and its shape, after its size was compared with the file's.
    fn array(&self, group: &Group, name: &str, place: &str) -> Result<(Dataset, Vec<i64>)> {
        let fail = |e: hdf5_pure::Error| self.broken(place, e);
        let array = group.dataset(name).map_err(fail)?;
        let shape = array.shape().map_err(fail)?;
        let too_large = || self.broken(place, format!("an array of shape {shape:?} is larger than the file can hold"));
        let values = shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d)).ok_or_else(too_large)?;
        let stored = values.checked_mul(array.element_size().map_err(fail)?).ok_or_else(too_large)?;
        let packed = matches!(array.layout().map_err(fail)?, Layout::Chunked { .. });
        // Values are f32 here, whatever they were.
        let bytes = stored.max(values.saturating_mul(4));
        let left = self.bytes_left.get().checked_sub(bytes).filter(|_| packed || stored <= self.file.file_size());
        self.bytes_left.set(left.ok_or_else(too_large)?);
        let dims = shape.iter().map(|&d| d as i64).collect();
        Ok((array, dims))
    }

    /// The axes of an array.
    pub(crate) fn shape(&self, array: &str) -> Result<Vec<usize>> {
        let shape = self.root().dataset(array).and_then(|array| array.shape()).map_err(|e| self.broken(array, e))?;
        shape.iter().map(|&d| usize::try_from(d).map_err(|e| self.broken(array, e))).collect()
    }

    /// The type of an array's values, if they are no numbers that can be read.
    pub(crate) fn other_type(&self, array: &str) -> Result<Option<String>> {
        use DType::{Enum, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
        let found = self.root().dataset(array).and_then(|array| array.dtype()).map_err(|e| self.broken(array, e))?;
        let number = matches!(found, F32 | F64 | I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64 | Enum(_));
        Ok((!number).then(|| found.to_string()))
    }

    /// An array of numbers as a blob without values.
    pub(crate) fn shape_only(&self, group: &Group, name: &str, place: &str) -> Result<BlobProto> {
        let (_, dim) = self.array(group, name, place)?;
        Ok(BlobProto { shape: Some(BlobShape { dim }), ..Default::default() })
    }

    /// Copies the numbers of an array, whose size was compared with the file's, some rows at a time unless they are packed.
    pub(crate) fn values(&self, place: &str, to: &mut [f32]) -> Result {
        let fail = |e: hdf5_pure::Error| self.broken(place, e);
        let array = self.root().dataset(place).map_err(fail)?;
        let rows = array.shape().map_err(fail)?.first().copied().unwrap_or(1).max(1);
        let row = (to.len() as u64 / rows).max(1);
        let some = match array.layout().map_err(fail)? {
            Layout::Chunked { .. } => rows,
            _ => (ROWS / row).clamp(1, rows),
        };
        let mut read = 0;
        for start in (0..rows).step_by(some as usize) {
            let values = array.read_f32_rows(start, some).map_err(fail)?;
            let to = to.get_mut(read..read + values.len());
            let to = to.ok_or_else(|| self.broken(place, "there are more values than the shape says"))?;
            to.copy_from_slice(&values);
            read += values.len();
        }
        match read == to.len() {
            true => Ok(()),
            false => Err(self.broken(place, format!("{read} values instead of {}", to.len()))),
        }
    }

    /// An array of numbers as a blob.
    pub(crate) fn blob(&self, group: &Group, name: &str, place: &str) -> Result<BlobProto> {
        let (array, dim) = self.array(group, name, place)?;
        let data = array.read_f32().map_err(|e| self.broken(place, e))?;
        Ok(BlobProto { shape: Some(BlobShape { dim }), data, ..Default::default() })
    }

    /// The whole numbers of an array.
    pub(crate) fn integers(&self, group: &Group, name: &str) -> Result<Vec<u64>> {
        self.array(group, name, name)?.0.read_u64().map_err(|e| self.broken(name, e))
    }

    /// The texts of an array.
    pub(crate) fn texts(&self, group: &Group, name: &str) -> Result<Vec<String>> {
        self.array(group, name, name)?.0.read_string().map_err(|e| self.broken(name, e))
    }
}

fn broken(file: &str, kind: Kind, place: &str, why: &str) -> Error {
    let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
    let whose = if kind == Kind::Weights { " of Caffe's" } else { "" };
    Error::new(kind, format!("{file} is not a whole HDF5 file{whose}: {place}{why}"))
        .hint("the file is truncated, damaged, or of another program")
}

/// A group to be written, with its groups; `finish` gives it to the crate's writer.
pub(crate) struct Tree {
    group: GroupBuilder,
    children: Vec<(String, Tree)>,
}

impl Tree {
    pub(crate) fn new(name: &str) -> Tree {
        Tree { group: FileBuilder::new().create_group(name), children: Vec::new() }
    }

    /// The group at a path below this one, made if need be: a layer `a/b` is the group `b` in the group `a`.
    pub(crate) fn at(&mut self, path: &str) -> &mut Tree {
        path.split('/').fold(self, |tree, name| {
            let i = tree.children.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                tree.children.push((name.into(), Tree::new(name)));
                tree.children.len() - 1
            });
            &mut tree.children[i].1
        })
    }

    pub(crate) fn put(&mut self, name: usize, values: &[f32], shape: &[i64]) {
        let shape: Vec<u64> = shape.iter().map(|&d| d as u64).collect();
        self.group.create_dataset(&name.to_string()).with_f32_data(values).with_shape(&shape);
    }

    pub(crate) fn finish(mut self) -> FinishedGroup {
        for (_, child) in self.children {
            self.group.add_group(child.finish());
        }
        self.group.finish()
    }
}

/// The bytes of a whole file.
pub(crate) fn encode(file: FileBuilder) -> Result<Vec<u8>> {
    file.finish().map_err(|e| Error::new(Kind::Weights, format!("cannot be written as HDF5: {e}")))
}

/// The bytes of a file with these arrays: name, shape, values.
pub(crate) fn encode_arrays(arrays: &[(&str, &[usize], &[f32])]) -> Result<Vec<u8>> {
    let mut file = FileBuilder::new();
    for (name, shape, values) in arrays {
        let shape: Vec<u64> = shape.iter().map(|&d| d as u64).collect();
        file.create_dataset(name).with_f32_data(values).with_shape(&shape);
    }
    encode(file)
}
