//! # HDF5Data: batches of arrays from HDF5 files
//!
//! | blob     | shape            | meaning                                       |
//! |----------|------------------|-----------------------------------------------|
//! | `top[i]` | batch_size x ... | rows of the array that has the name of the top |
//!
//! `hdf5_data_param { source batch_size }` names a list with the path of an HDF5 file on each line. Relative paths start at the
//! current folder, the list's or the prototxt's. An array's first axis counts its rows, and all arrays of a file have as many.
//! Any type of number becomes f32. Rows come file after file, and after the last comes the first again, also within a batch;
//! with `shuffle` the files, and the rows of each, have a new order each epoch. Memory holds the arrays of one file at a time.
//! Nothing is transformed: `transform_param` is refused, as in Caffe.

use super::DataLayer;
use crate::data::list::List;
use crate::data::{Dataset, Sample};
use crate::layer::Cx;
use crate::proto::{DataParameter, LayerParameter};
use crate::weights::hdf5::Reader;
use crate::{Error, Kind, Result};
use std::path::{Path, PathBuf};

/// Batches from HDF5 files.
pub type Hdf5Data = DataLayer<Hdf5Files>;

/// The rows of all files of a list.
pub struct Hdf5Files {
    /// The arrays that are read: the tops' names.
    names: Vec<String>,
    /// The axes of a row of each array.
    axes: Vec<Vec<usize>>,
    files: Vec<PathBuf>,
    /// The number of the first row of each file, and of all rows.
    starts: Vec<usize>,
    /// The file in memory, and its arrays.
    loaded: Option<usize>,
    arrays: Vec<Vec<f32>>,
}

impl Dataset for Hdf5Files {
    const MESSAGE: &'static str = "hdf5_data_param";

    fn open(param: &LayerParameter, cx: &Cx) -> Result<Hdf5Files> {
        if param.transform_param.is_some() {
            let e = Error::value("arrays of HDF5 files are not transformed").field("transform_param");
            return Err(
                e.hint("remove it, and transform the values when the file is written, or by a Power or Scale layer")
            );
        }
        let p = param.hdf5_data_param.clone().unwrap_or_default();
        let (names, starts) = (param.top.clone(), vec![0]);
        let mut all =
            Hdf5Files { names, axes: Vec::new(), files: Vec::new(), starts, loaded: None, arrays: Vec::new() };
        let mut add_all = || {
            let (list, lines) = List::read(p.source(), cx)?;
            lines.iter().try_for_each(|(line, path)| {
                let path = list.find(*line, path)?;
                all.add(path).map_err(|e| e.about(list.place(*line)))
            })
        };
        add_all().map_err(|e: Error| e.field("hdf5_data_param.source"))?;
        Ok(all)
    }

    fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    fn parts(&self) -> Vec<usize> {
        self.starts.windows(2).map(|ends| ends[1] - ends[0]).collect()
    }

    fn read(&mut self, i: usize, sample: &mut Sample) -> Result {
        let file = self.starts.partition_point(|&start| start <= i) - 1;
        let row = i - self.starts[file];
        if self.loaded != Some(file) {
            (self.loaded, self.arrays) = (None, Vec::new()); // before the next file takes memory
            self.arrays = self.load(file)?;
            self.loaded = Some(file);
        }
        self.axes.iter().zip(&self.arrays).try_for_each(|(axes, values)| {
            let size: usize = axes.iter().product();
            sample.values(axes, &values[row * size..][..size])
        })
    }

    fn settings(param: &LayerParameter) -> DataParameter {
        let p = param.hdf5_data_param.clone().unwrap_or_default();
        DataParameter { batch_size: p.batch_size, shuffle: p.shuffle, ..Default::default() }
    }
}

impl Hdf5Files {
    /// Takes a file in, whose arrays must fit those of the files before it.
    fn add(&mut self, path: PathBuf) -> Result {
        let reader = Reader::open(&path, Kind::Data)?;
        let (rows, axes) = self.shapes(&reader, &path)?;
        if self.axes.is_empty() {
            self.axes = axes;
        } else if let Some(i) = (0..axes.len()).find(|&i| axes[i] != self.axes[i]) {
            let (name, first) = (&self.names[i], self.files[0].display());
            let what = format!("the rows of \"{name}\" in {} have shape {:?}", path.display(), axes[i]);
            let e = Error::shape(format!("{what}, those in {first} {:?}", self.axes[i]));
            return Err(e.hint("the files of a list hold rows of one shape"));
        }
        self.starts.push(self.len().saturating_add(rows));
        self.files.push(path);
        Ok(())
    }

    /// The number of rows of a file, and the axes of a row of each array.
    fn shapes(&self, reader: &Reader, path: &Path) -> Result<(usize, Vec<Vec<usize>>)> {
        let (_, there) = reader.members(&reader.root(), "")?;
        let mut found: Vec<(usize, Vec<usize>)> = Vec::new();
        for name in &self.names {
            if !name.contains('/') && !there.contains(name) {
                let what = format!("{} has no array \"{name}\"; it has {}", path.display(), quoted(&there));
                return Err(Error::new(Kind::Data, what).hint("give each top the name of an array"));
            }
            let shape = reader.shape(name)?;
            let Some((&rows, axes)) = shape.split_first() else {
                let what = format!("the array \"{name}\" in {} is a single number", path.display());
                return Err(Error::shape(what).hint("its first axis counts the rows"));
            };
            if found.first().is_some_and(|(first, _)| *first != rows) {
                let (first, axes) = &found[0];
                let first = [&[*first], &axes[..]].concat();
                let what = format!("in {} \"{name}\" has shape {shape:?} and \"{}\"", path.display(), self.names[0]);
                return Err(Error::shape(format!("{what} has {first:?}"))
                    .hint("the arrays of a file have one row for each sample"));
            }
            found.push((rows, axes.to_vec()));
        }
        let rows = found.first().map_or(0, |(rows, _)| *rows);
        Ok((rows, found.into_iter().map(|(_, axes)| axes).collect()))
    }

    /// The arrays of a file.
    fn load(&self, file: usize) -> Result<Vec<Vec<f32>>> {
        let path = &self.files[file];
        let reader = Reader::open(path, Kind::Data)?;
        let (rows, axes) = self.shapes(&reader, path)?;
        if (rows, &axes) != (self.starts[file + 1] - self.starts[file], &self.axes) {
            let what = format!("{} is not the file it was when the net was built", path.display());
            return Err(Error::new(Kind::Data, what).hint("build the net again"));
        }
        let values = |(name, axes): (&String, &Vec<usize>)| {
            let values = reader.blob(&reader.root(), name, name)?.data;
            match values.len() == rows * axes.iter().product::<usize>() {
                true => Ok(values),
                false => Err(reader.broken(name, "the number of values is not that of the shape")),
            }
        };
        self.names.iter().zip(&self.axes).map(values).collect()
    }
}

fn quoted(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        names => names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "),
    }
}
