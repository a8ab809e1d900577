//! A small database of real digits.

use cortado::data::idx::Labelled;
use cortado::data::{datum, lmdb};
use std::path::Path;

/// Writes the first `n` of MNIST's test images.
pub fn digits(path: &Path, n: usize) {
    let file = |name: &str| format!("data/mnist/t10k-{name}-ubyte.gz");
    let digits = Labelled::read(file("images-idx3"), file("labels-idx1")).unwrap();
    lmdb::create(path, true, |db| {
        let mut value = Vec::new();
        (0..n).try_for_each(|i| {
            datum::encode([1, 28, 28], digits.image(i), digits.labels[i] as i32, &mut value)?;
            db.put(format!("{i:08}").as_bytes(), &value)
        })
    })
    .unwrap();
}
