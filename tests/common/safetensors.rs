//! A small reader of .safetensors files: a JSON header, then raw little-endian values.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The arrays of a file, all as f32.
pub struct Tensors {
    arrays: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

#[allow(dead_code)] // not every test uses all of it
impl Tensors {
    /// Reads a file of F32 and U8 arrays. Panics if it is broken: the golden files are part of the tests.
    pub fn read(path: impl AsRef<Path>) -> Tensors {
        let path = path.as_ref();
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let (len, rest) = bytes.split_at(8);
        let len = u64::from_le_bytes(len.try_into().unwrap()) as usize;
        let (header, values) = rest.split_at(len);
        let header: BTreeMap<String, Value> = serde_json::from_slice(header).unwrap();
        let mut arrays = BTreeMap::new();
        for (key, array) in header.into_iter().filter(|(key, _)| key != "__metadata__") {
            let numbers =
                |v: &Value| v.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect::<Vec<_>>();
            let (shape, at) = (numbers(&array["shape"]), numbers(&array["data_offsets"]));
            let raw = &values[at[0]..at[1]];
            let x: Vec<f32> = match array["dtype"].as_str().unwrap() {
                "F32" => raw.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect(),
                "U8" => raw.iter().map(|&b| b as f32).collect(),
                dtype => panic!("{}: {key} has dtype {dtype}", path.display()),
            };
            assert_eq!(x.len(), shape.iter().product::<usize>(), "{}: {key}", path.display());
            arrays.insert(key, (shape, x));
        }
        Tensors { arrays }
    }

    /// Shape and values of an array.
    pub fn get(&self, key: &str) -> Option<(&[usize], Vec<f32>)> {
        self.arrays.get(key).map(|(shape, x)| (&shape[..], x.clone()))
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }
}
