//! A matrix product on a card: ours row after row, cuBLAS's column after column.
//!
//! What is a row here is a column there, so a matrix that we hand over unchanged is read as its transpose. For
//! c = op(a) op(b), cuBLAS is asked for cᵀ = op(b)ᵀ op(a)ᵀ: the factors change places, m and n change places, and
//! nothing is moved. Both faces of the GPU get the result of that mapping, so a mistake in it is found without a card.

use super::Trans;
use crate::{Error, Kind, Result};

/// Where a matrix stands in a buffer, row after row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Whether the product takes it transposed.
    pub trans: Trans,
    /// The index of its first value.
    pub at: usize,
    /// How far apart its rows stand.
    pub row: usize,
    /// How far apart the matrices of a batch stand; 0 if all are the same one.
    pub step: usize,
}

/// c = alpha op(a) op(b) + beta c: op(a) is m x k, op(b) is k x n, and op transposes or not.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Gemm {
    /// Rows of c.
    pub m: usize,
    /// Columns of c.
    pub n: usize,
    /// What is summed over.
    pub k: usize,
    /// The product's factor.
    pub alpha: f32,
    /// The old c's factor; with 0 the old c is not read.
    pub beta: f32,
    /// The left factor.
    pub a: Place,
    /// The right factor.
    pub b: Place,
    /// The result.
    pub c: Place,
    /// How many products.
    pub batch: usize,
}

impl Gemm {
    /// c = op(a) op(b), each matrix dense, at the front of its buffer.
    pub fn new(trans_a: Trans, trans_b: Trans, m: usize, n: usize, k: usize) -> Gemm {
        let dense = |trans, rows, cols| {
            let row = if trans == Trans::Yes { rows } else { cols };
            Place { trans, at: 0, row, step: 0 }
        };
        let (a, b, c) = (dense(trans_a, m, k), dense(trans_b, k, n), dense(Trans::No, m, n));
        Gemm { m, n, k, alpha: 1.0, beta: 0.0, a, b, c, batch: 1 }
    }

    /// With factors for the product and for the old c.
    pub fn scaled(self, alpha: f32, beta: f32) -> Gemm {
        Gemm { alpha, beta, ..self }
    }

    /// With the first values of a, b and c at these indices.
    pub fn at(mut self, at: [usize; 3]) -> Gemm {
        [self.a.at, self.b.at, self.c.at] = at;
        self
    }

    /// With the rows of a, b and c this far apart.
    pub fn rows(mut self, row: [usize; 3]) -> Gemm {
        [self.a.row, self.b.row, self.c.row] = row;
        self
    }

    /// This many products, with their matrices this far apart.
    pub fn batch(mut self, batch: usize, step: [usize; 3]) -> Gemm {
        [self.a.step, self.b.step, self.c.step] = step;
        Gemm { batch, ..self }
    }

    /// Whether there is no value to compute.
    pub(super) fn is_empty(&self) -> bool {
        [self.m, self.n, self.batch].contains(&0)
    }

    /// Whether buffers of these lengths hold the matrices.
    pub(super) fn check(&self, lens: [usize; 3]) -> Result {
        if self.batch > 1 && self.c.step == 0 && !self.is_empty() {
            return Err(Error::new(Kind::Device, "gemm: the results of a batch would stand in one place"));
        }
        let stored = |trans, rows, cols| if trans == Trans::Yes { (cols, rows) } else { (rows, cols) };
        let places = [("a", self.a, self.m, self.k), ("b", self.b, self.k, self.n), ("c", self.c, self.m, self.n)];
        for ((name, place, rows, cols), len) in places.into_iter().zip(lens) {
            let (rows, cols) = stored(place.trans, rows, cols);
            if [rows, cols, self.batch].contains(&0) {
                continue;
            }
            let last = place.at + (self.batch - 1) * place.step + (rows - 1) * place.row + cols - 1;
            if last >= len || place.row < cols {
                return Err(Error::new(
                    Kind::Device,
                    format!("gemm: {name}, {rows} x {cols} with rows {} apart, ends at {last} of {len}", place.row),
                ));
            }
        }
        Ok(())
    }

    /// The same in cuBLAS's terms.
    pub fn column_major(&self) -> ColumnMajor {
        let factor = |p: Place| Factor { trans: p.trans, at: p.at, ld: p.row.max(1), step: p.step };
        ColumnMajor {
            m: self.n,
            n: self.m,
            k: self.k,
            alpha: self.alpha,
            beta: self.beta,
            a: factor(self.b),
            b: factor(self.a),
            c: factor(self.c),
            batch: self.batch,
        }
    }
}

/// The arguments of `cublasSgemmStridedBatched`: c = alpha op(a) op(b) + beta c, column after column. Its a is our b.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ColumnMajor {
    /// Rows of c.
    pub m: usize,
    /// Columns of c.
    pub n: usize,
    /// What is summed over.
    pub k: usize,
    /// The product's factor.
    pub alpha: f32,
    /// The old c's factor.
    pub beta: f32,
    /// The left factor: our right one.
    pub a: Factor,
    /// The right factor: our left one.
    pub b: Factor,
    /// The result.
    pub c: Factor,
    /// How many products.
    pub batch: usize,
}

impl ColumnMajor {
    /// The bytes of the three matrices, once for each product.
    pub(super) fn bytes(&self) -> u64 {
        4 * (self.batch * (self.m * self.k + self.k * self.n + self.m * self.n)) as u64
    }
}

/// A matrix in cuBLAS's terms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Factor {
    /// `CUBLAS_OP_T` or `CUBLAS_OP_N`.
    pub trans: Trans,
    /// The index of the first value.
    pub at: usize,
    /// The leading dimension: how far apart columns stand.
    pub ld: usize,
    /// How far apart the matrices of a batch stand.
    pub step: usize,
}
