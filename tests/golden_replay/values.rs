//! The recorded values of a case, and how ours are compared with them.

use super::super::safetensors::Tensors;
use super::Stop;
use cortado::Net;
use cortado::blob::Values;
use ndarray::{ArrayD, Dimension, IxDyn};
use std::collections::BTreeSet;
use std::path::Path;

/// Recorded arrays. Each must be used, as an input or to compare with; every difference is kept.
pub struct Golden {
    tensors: Tensors,
    rtol: f64,
    atol: f64,
    used: BTreeSet<String>,
    compared: usize,
    differences: Vec<String>,
}

impl Golden {
    pub fn read(path: impl AsRef<Path>, rtol: f64, atol: f64) -> Golden {
        let tensors = Tensors::read(path);
        Golden { tensors, rtol, atol, used: BTreeSet::new(), compared: 0, differences: Vec::new() }
    }

    /// The keys that begin with `prefix`, without it.
    pub fn under(&self, prefix: &str) -> Vec<String> {
        self.tensors.keys().filter_map(|key| key.strip_prefix(prefix)).map(String::from).collect()
    }

    pub fn has(&self, key: &str) -> bool {
        self.tensors.get(key).is_some()
    }

    /// An array, to be put in. Panics if there is none: that fails the case.
    pub fn array(&mut self, key: &str) -> ArrayD<f32> {
        self.used.insert(key.into());
        let (shape, x) = self.tensors.get(key).unwrap_or_else(|| panic!("no array {key} is recorded"));
        ArrayD::from_shape_vec(IxDyn(shape), x).unwrap()
    }

    /// Index `i` of the first axis of an array.
    pub fn row(&mut self, key: &str, i: usize) -> ArrayD<f32> {
        self.array(key).index_axis_move(ndarray::Axis(0), i)
    }

    /// Compares an array as a whole.
    pub fn expect(&mut self, key: &str, got: &Values) {
        let want = self.array(key);
        self.compare(key, got, &want);
    }

    /// Compares index `i` of the first axis of an array.
    pub fn expect_row(&mut self, key: &str, i: usize, got: &Values) {
        let want = self.row(key, i);
        self.compare(&format!("{key}[{i}]"), got, &want);
    }

    /// Compares entry `i` of a list of numbers.
    pub fn expect_scalar(&mut self, key: &str, i: usize, got: f32) {
        let want = self.array(key)[[i]];
        self.compare_scalar(&format!("{key}[{i}]"), got, want);
    }

    /// Compares two numbers.
    pub fn compare_scalar(&mut self, key: &str, got: f32, want: f32) {
        let mut scalar = Values::default();
        scalar.fill(got);
        self.compare(key, &scalar, &ndarray::arr0(want).into_dyn());
    }

    /// Compares every array under `PREFIX`, `PREFIX/LAYER/i`, with the net's parameters.
    pub fn expect_params(&mut self, prefix: &str, net: &Net) -> Result<(), Stop> {
        for (key, layer, i) in self.params(prefix) {
            self.expect(&key, &net.param(&layer, i)?.data);
        }
        Ok(())
    }

    /// The same for the parameters' diffs.
    pub fn expect_param_diffs(&mut self, prefix: &str, net: &Net) -> Result<(), Stop> {
        for (key, layer, i) in self.params(prefix) {
            self.expect(&key, &net.param(&layer, i)?.diff);
        }
        Ok(())
    }

    /// Puts every array under `PREFIX` into the net's parameters.
    pub fn set_params(&mut self, prefix: &str, net: &mut Net) -> Result<(), Stop> {
        for (key, layer, i) in self.params(prefix) {
            let x = self.array(&key);
            net.param_mut(&layer, i)?.data.assign(&x)?;
        }
        Ok(())
    }

    /// The keys under a prefix that name parameters, with layer and index.
    pub fn params(&self, prefix: &str) -> Vec<(String, String, usize)> {
        let split = |key: String| {
            let (layer, i) = key.rsplit_once('/').unwrap();
            (format!("{prefix}/{key}"), layer.to_string(), i.parse().unwrap())
        };
        self.under(&format!("{prefix}/")).into_iter().map(split).collect()
    }

    /// Compares two arrays: |got - want| <= atol + rtol |want|, which NaN never is.
    pub fn compare(&mut self, key: &str, got: &Values, want: &ArrayD<f32>) {
        self.compared += 1;
        if got.shape() != want.shape() {
            self.differences.push(format!("{key}: shape {:?}, want {:?}", got.shape(), want.shape()));
            return;
        }
        let (mut wrong, mut first, mut worst) = (0, String::new(), 0.0f64);
        for ((index, &want), &got) in want.indexed_iter().zip(got.slice()) {
            let (g, w) = (got as f64, want as f64);
            let error = (g - w).abs();
            let close = error <= self.atol + self.rtol * w.abs();
            if !close {
                if wrong == 0 {
                    first = format!("at {:?} got {got}, want {want}", index.slice());
                }
                wrong += 1;
                worst = if error.is_nan() || worst.is_nan() { f64::NAN } else { worst.max(error) };
            }
        }
        if wrong > 0 {
            let count = want.len();
            self.differences.push(format!("{key}: {wrong} of {count} values differ: {first}; worst error {worst:e}"));
        }
    }

    /// Notes a difference that is not one of numbers.
    pub fn differs(&mut self, what: String) {
        self.differences.push(what);
    }

    /// The verdict: nothing differs, and each array was used.
    pub fn finish(self) -> Result<(), Stop> {
        self.finish_under("")
    }

    /// As [`Golden::finish`], where only the keys that begin with `prefix` are this case's.
    pub fn finish_under(mut self, prefix: &str) -> Result<(), Stop> {
        let unused: Vec<&str> =
            self.tensors.keys().filter(|k| k.starts_with(prefix) && !self.used.contains(*k)).collect();
        if !unused.is_empty() {
            self.differences.push(format!("recorded, but not used by the replay: {}", unused.join(", ")));
        }
        if self.compared == 0 {
            self.differences.push("nothing was compared".into());
        }
        match self.differences.is_empty() {
            true => Ok(()),
            false => Err(Stop::Failed(self.differences.join("\n    "))),
        }
    }
}
