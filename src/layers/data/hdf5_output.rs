//! # HDF5Output: two blobs, written to a file
//!
//! | blob        | shape   | meaning                        |
//! |-------------|---------|--------------------------------|
//! | `bottom[0]` | N x ... | written as the array `data`    |
//! | `bottom[1]` | N x ... | written as the array `label`   |
//!
//! `hdf5_output_param { file_name }` names the HDF5 file. Each forward writes it anew, so that it holds the last batch, and
//! renames it into place, so that it is never half a file. (Caffe writes the first batch and ends at the second.) As in Caffe an
//! array has four axes, with ones behind those of its blob; a blob of more axes keeps them. No gradient flows to the bottoms.

use crate::layer::*;
use crate::{files, weights::hdf5};
use std::path::PathBuf;

/// Writes its bottoms.
pub struct Hdf5Output {
    path: PathBuf,
}

impl Layer for Hdf5Output {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.hdf5_output_param.clone().unwrap_or_default();
        if p.file_name().is_empty() {
            let e = Error::value("no `file_name` is given").field("hdf5_output_param.file_name");
            return Err(e.hint("name the file to write"));
        }
        Ok(Hdf5Output { path: p.file_name().into() })
    }

    fn arity(&self) -> Arity {
        Arity::exact(2, 0)
    }

    fn reshape(&mut self, bottom: &[Blob], _: &mut [Blob]) -> Result {
        let (data, label) = (bottom[0].shape(), bottom[1].shape());
        match (data.first(), label.first()) {
            (Some(n), Some(m)) if n == m => Ok(()),
            _ => Err(Error::shape(format!("data of shape {data:?} and labels of shape {label:?}"))
                .hint("both bottoms have one row for each sample, on their first axis")),
        }
    }

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], _: &mut [Blob]) -> Result {
        let shapes = [0, 1].map(|i| {
            let shape = bottom[i].shape();
            [shape, &[1; 4][shape.len().min(4)..]].concat()
        });
        let arrays = ["data", "label"].into_iter().zip(&shapes).zip(bottom);
        let arrays: Vec<_> = arrays.map(|((name, shape), x)| (name, &shape[..], x.data.slice())).collect();
        files::write_aside(&self.path, &hdf5::encode_arrays(&arrays)?)
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn propagates(&self, _: usize) -> bool {
        false
    }
}
