//! Matrices as views of a slice, and their product.
//!
//! A view knows its rows and columns and how far apart they stand in the slice, so a transposed matrix or a block of a
//! larger one costs nothing:
//!
//! ```
//! use cortado::device::cpu::{Mat, MatMut, gemm};
//! let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // 2 x 3
//! let mut c = [0.0; 4];
//! gemm(1.0, Mat::new(&a, 2, 3), Mat::new(&a, 2, 3).t(), 0.0, MatMut::new(&mut c, 2, 2)); // c = a a^T
//! assert_eq!(c, [14.0, 32.0, 32.0, 77.0]);
//! ```

use super::Cpu;

/// Products of fewer multiplications run on the caller's thread.
const SMALL: usize = 1 << 18;

/// Whether a matrix is taken as it stands or transposed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trans {
    /// As it stands.
    No,
    /// Transposed.
    Yes,
}

/// A matrix: element (i, j) is `data[i * row_stride + j * col_stride]`.
#[derive(Clone, Copy)]
pub struct Mat<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
}

/// A matrix to be written.
pub struct MatMut<'a> {
    pub(super) data: &'a mut [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
}

impl<'a> Mat<'a> {
    /// `rows` x `cols` values, row after row.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Mat<'a> {
        Mat::strided(data, rows, cols, cols)
    }

    /// Rows that stand `row_stride` values apart.
    pub fn strided(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Mat<'a> {
        Mat { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transposed matrix.
    pub fn t(self) -> Mat<'a> {
        let Mat { data, rows, cols, row_stride, col_stride } = self;
        Mat { data, rows: cols, cols: rows, row_stride: col_stride, col_stride: row_stride }
    }

    /// Rows `from .. from + rows`.
    pub fn rows(self, from: usize, rows: usize) -> Mat<'a> {
        assert!(from + rows <= self.rows, "rows {from}..{} of {}", from + rows, self.rows);
        let data = self.data.get(from * self.row_stride..).unwrap_or(&[]);
        Mat { data, rows, ..self }
    }

    /// Columns `from .. from + cols`.
    pub fn cols(self, from: usize, cols: usize) -> Mat<'a> {
        self.t().rows(from, cols).t()
    }

    /// Whether the slice holds every element.
    fn fits(&self) -> bool {
        fits(self.data.len(), [self.rows, self.cols], [self.row_stride, self.col_stride])
    }
}

impl<'a> MatMut<'a> {
    /// `rows` x `cols` values, row after row.
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> MatMut<'a> {
        MatMut::strided(data, rows, cols, cols)
    }

    /// Rows that stand `row_stride` values apart.
    pub fn strided(data: &'a mut [f32], rows: usize, cols: usize, row_stride: usize) -> MatMut<'a> {
        MatMut { data, rows, cols, row_stride }
    }

    /// Whether the slice holds every element.
    pub(super) fn fits(&self) -> bool {
        fits(self.data.len(), [self.rows, self.cols], [self.row_stride, 1])
    }
}

/// Whether `len` values hold the element furthest from the first.
fn fits(len: usize, sizes: [usize; 2], strides: [usize; 2]) -> bool {
    if sizes.contains(&0) {
        return true;
    }
    let last = |i: usize| (sizes[i] - 1).checked_mul(strides[i]);
    last(0).zip(last(1)).and_then(|(r, c)| r.checked_add(c)).is_some_and(|last| last < len)
}

/// c = alpha a b + beta c, on the caller's thread. With beta = 0 the old c is not read.
///
/// # Panics
/// If the sizes do not fit together, or a slice is shorter than its matrix.
pub fn gemm(alpha: f32, a: Mat, b: Mat, beta: f32, c: MatMut) {
    let (m, n, k) = (c.rows, c.cols, a.cols);
    assert!(
        a.rows == m && b.rows == k && b.cols == n,
        "gemm: {}x{} times {}x{} is not {m}x{n}",
        a.rows,
        a.cols,
        b.rows,
        b.cols
    );
    assert!(a.fits() && b.fits() && c.fits(), "gemm: a slice is shorter than its matrix");
    let stride = |s: usize| s as isize; // no slice is longer than isize::MAX
    // The kernel wants its result's columns contiguous, so it is handed the transposed problem: c^T = b^T a^T.
    // SAFETY: every element of a, b and c lies in its slice, as just checked; c is borrowed for us alone.
    unsafe {
        gemm_f32::gemm::f32::get_gemm_fn()(
            n,
            m,
            k,
            c.data.as_mut_ptr(),
            stride(c.row_stride),
            1,
            beta != 0.0,
            b.data.as_ptr(),
            stride(b.row_stride),
            stride(b.col_stride),
            a.data.as_ptr(),
            stride(a.row_stride),
            stride(a.col_stride),
            beta,
            alpha,
            false,
            false,
            false,
            gemm_common::Parallelism::None,
        )
    }
}

impl Cpu {
    /// c = alpha a b + beta c, in blocks of rows of c that run in parallel.
    ///
    /// # Panics
    /// Like [`gemm`].
    pub fn gemm(&self, alpha: f32, a: Mat, b: Mat, beta: f32, mut c: MatMut) {
        let (m, n, k) = (c.rows, c.cols, a.cols);
        if m.saturating_mul(n).saturating_mul(k) < SMALL || c.row_stride < n {
            return gemm(alpha, a, b, beta, c);
        }
        let add = beta == 1.0;
        if alpha == 1.0 && (add || beta == 0.0) && self.thin(a, b, add, &mut c) {
            return;
        }
        if b.col_stride != 1 && n > m && beta == 0.0 && c.row_stride == n {
            // b is the larger factor and stored by columns: the product would gather it value by value. c^T = b^T a^T
            // transposes only the smaller a and c.
            return self.scratch(m * (n + k), |buffer| {
                let (ct, at) = buffer.split_at_mut(m * n);
                transpose(a, at, m);
                self.gemm(alpha, b.t(), Mat::new(at, k, m), 0.0, MatMut::new(ct, n, m));
                transpose(Mat::new(ct, n, m), c.data, n);
            });
        }
        let rows = m.div_ceil(16).next_multiple_of(8).clamp(16, 48);
        self.pieces(&mut c.data[..m * c.row_stride], rows * c.row_stride, |start, data| {
            let start = start / c.row_stride;
            let rows = rows.min(m - start);
            gemm(alpha, a.rows(start, rows), b, beta, MatMut::strided(data, rows, n, c.row_stride));
        });
    }
}

/// y = x^T, with the rows of y `stride` values apart. What lies between them may be overwritten.
pub fn transpose(x: Mat, y: &mut [f32], stride: usize) {
    let Mat { data, rows, cols, row_stride, col_stride } = x;
    // By blocks of 4 x 4, which stay in the cache; the last ones overlap those before.
    let blocks = |n: usize| (0..n).step_by(4).map(move |i| i.min(n - 4));
    if rows < 4 || cols < 4 || col_stride != 1 {
        for (j, y) in y.chunks_mut(stride).take(cols).enumerate() {
            y.iter_mut().take(rows).enumerate().for_each(|(i, y)| *y = data[i * row_stride + j * col_stride]);
        }
        return;
    }
    for i in blocks(rows) {
        let from = |l: usize| &data[(i + l) * row_stride..][..cols];
        let x = [from(0), from(1), from(2), from(3)];
        for j in blocks(cols) {
            let row = |l: usize| -> &[f32; 4] { x[l][j..].first_chunk().unwrap_or(&[0.0; 4]) };
            let [a, b, c, d] = [row(0), row(1), row(2), row(3)];
            let y = &mut y[j * stride + i..][..3 * stride + 4];
            for l in 0..4 {
                y[l * stride..][..4].copy_from_slice(&[a[l], b[l], c[l], d[l]]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(i: usize) -> f32 {
        (i * 7919 % 101) as f32 / 50.0 - 1.0
    }

    /// All four transpositions, blocks of larger matrices, alpha and beta, against the definition.
    #[test]
    fn products() {
        let numbers: Vec<f32> = (0..100_000).map(number).collect();
        for (m, n, k) in [(1, 1, 1), (3, 5, 2), (7, 1, 9), (1, 20, 30), (50, 64, 100), (65, 33, 17), (4, 4, 0)] {
            for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
                let a = if ta { Mat::strided(&numbers, k, m, m + 3).t() } else { Mat::strided(&numbers, m, k, k + 1) };
                let b = &numbers[11..];
                let b = if tb { Mat::strided(b, n, k, k + 2).t() } else { Mat::strided(b, k, n, n + 5) };
                let (alpha, beta) = (0.5, if m % 2 == 0 { 0.0 } else { 2.0 });
                let mut c: Vec<f32> = (0..m * (n + 4)).map(number).collect();
                let old = c.clone();
                gemm(alpha, a, b, beta, MatMut::strided(&mut c, m, n, n + 4));
                for (i, (&c, &old)) in c.iter().zip(&old).enumerate() {
                    let (i, j) = (i / (n + 4), i % (n + 4));
                    let at = |m: &Mat, i, j| m.data[i * m.row_stride + j * m.col_stride] as f64;
                    let ab: f64 = (0..k).map(|l| if j < n { at(&a, i, l) * at(&b, l, j) } else { 0.0 }).sum();
                    let expected = if j < n { 0.5 * ab + (beta * old) as f64 } else { old as f64 };
                    assert!((c as f64 - expected).abs() < 1e-4, "{m} {n} {k} {ta} {tb}: {c} {expected}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "2x3 times 2x3 is not 2x3")]
    fn sizes_must_fit() {
        let a = [0.0; 6];
        gemm(1.0, Mat::new(&a, 2, 3), Mat::new(&a, 2, 3), 0.0, MatMut::new(&mut [0.0; 6], 2, 3));
    }

    #[test]
    #[should_panic(expected = "shorter")]
    fn slices_must_be_long_enough() {
        let a = [0.0; 6];
        gemm(1.0, Mat::new(&a, 2, 3), Mat::strided(&a, 3, 3, 4), 0.0, MatMut::new(&mut [0.0; 6], 2, 3));
    }

    #[test]
    fn blocks() {
        let a: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let block = Mat::new(&a, 3, 4).rows(1, 2).cols(2, 2);
        let mut c = [0.0; 4];
        gemm(1.0, block, Mat::new(&[1.0, 0.0, 0.0, 1.0], 2, 2), 0.0, MatMut::new(&mut c, 2, 2));
        assert_eq!(c, [6.0, 7.0, 10.0, 11.0]);
    }
}
