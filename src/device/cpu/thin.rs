//! Matrix products that are thin: one of their three sizes is no more than a batch.
//!
//! Such a product does few operations for each value it reads, so that memory sets its pace. gemm would pack the large factor
//! first, which moves it once more; here every value of it is read in place, once.

use super::Cpu;
use super::matrix::{Mat, MatMut, transpose};
use super::tile::{Onto, Rows, add_product};
use std::array::from_fn;

/// The side up to which a product counts as thin.
const THIN: usize = 64;
/// Rows of the result in a piece, a multiple of what a tile has.
const ROWS: usize = 48;
/// Columns that are done together, so that what belongs to them stays in the cache.
const COLUMNS: usize = 256;
/// Rows of the large factor that are read in a block of columns before the next block.
const PART: usize = 256;

impl Cpu {
    /// c = a b, or c += a b, if that is a thin product and its large factors lie row after row; else nothing is done.
    pub(super) fn thin(&self, a: Mat, b: Mat, add: bool, c: &mut MatMut) -> bool {
        let (m, n, k) = (c.rows, c.cols, a.cols);
        let whole = c.row_stride == n && n > 0 && k > 0;
        if whole && b.col_stride == 1 && k <= THIN && n >= THIN {
            self.short_sums(a, b, add, c);
        } else if whole && b.col_stride == 1 && a.col_stride == 1 && m <= THIN / 2 && n >= COLUMNS {
            self.few_rows(a, b, add, c);
        } else if whole && b.row_stride == 1 && m <= 2 * THIN && n > m && !add {
            self.few_samples(a, b.t(), c);
        } else {
            return false;
        }
        true
    }

    /// k is small, as in dw = dy^T x: pieces of rows of c, a block of columns at a time.
    fn short_sums(&self, a: Mat, b: Mat, add: bool, c: &mut MatMut) {
        let (m, n, k) = (c.rows, c.cols, a.cols);
        let onto = if add { Onto::Old } else { Onto::Zero };
        self.pieces(&mut c.data[..m * n], ROWS * n, |start, c| {
            let rows = c.len() / n;
            self.scratch((rows + COLUMNS) * k, |buffer| {
                let (at, block) = buffer.split_at_mut(rows * k);
                transpose(a.rows(start / n, rows).t(), at, k);
                for from in (0..n).step_by(COLUMNS) {
                    let columns = COLUMNS.min(n - from);
                    for (block, row) in block.chunks_exact_mut(COLUMNS).zip(b.data.chunks(b.row_stride)) {
                        block[..columns].copy_from_slice(&row[from..][..columns]);
                    }
                    let a = Rows { data: at, starts: &starts::<ROWS>(k)[..rows] };
                    let b = Rows { data: block, starts: &starts::<THIN>(COLUMNS)[..k] };
                    add_product(a, b, onto, MatMut::strided(&mut c[from..], rows, columns, n));
                }
            });
        });
    }

    /// m is small, as in dx = dy w: pieces of columns, and in each the rows of b a part at a time.
    fn few_rows(&self, a: Mat, b: Mat, add: bool, c: &mut MatMut) {
        let (m, n, k) = (c.rows, c.cols, a.cols);
        self.scratch(m * n, |blocks| {
            self.pieces(blocks, m * COLUMNS, |start, block| {
                let (from, columns) = (start / m, block.len() / m);
                for_parts(k, |part, rows, onto| {
                    let a = Rows { data: &a.data[part..], starts: &starts::<THIN>(a.row_stride)[..m] };
                    let b_starts = starts::<PART>(b.row_stride);
                    let b = Rows { data: &b.data[part * b.row_stride + from..], starts: &b_starts[..rows] };
                    add_product(a, b, onto, MatMut::new(block, m, columns));
                });
            });
            for (i, block) in blocks.chunks(m * COLUMNS).enumerate() {
                let columns = block.len() / m;
                for (c, block) in c.data.chunks_exact_mut(n).zip(block.chunks_exact(columns)) {
                    let c = &mut c[i * COLUMNS..][..columns];
                    match add {
                        true => c.iter_mut().zip(block).for_each(|(c, block)| *c += block),
                        false => c.copy_from_slice(block),
                    }
                }
            }
        });
    }

    /// m is small and the large factor is w of c = a w^T, as in y = x w^T: c^T = w a^T.
    fn few_samples(&self, a: Mat, w: Mat, c: &mut MatMut) {
        let (m, n, k) = (c.rows, c.cols, a.cols);
        self.scratch(m * (n + k), |buffer| {
            let (ct, at) = buffer.split_at_mut(m * n);
            transpose(a, at, m);
            self.pieces(ct, ROWS * m, |start, ct| {
                let rows = ct.len() / m;
                for_parts(k, |part, depth, onto| {
                    let w_starts = starts::<ROWS>(w.row_stride);
                    let w = Rows { data: &w.data[start / m * w.row_stride + part..], starts: &w_starts[..rows] };
                    let at = Rows { data: &at[part * m..], starts: &starts::<PART>(m)[..depth] };
                    add_product(w, at, onto, MatMut::new(ct, rows, m));
                });
            });
            transpose(Mat::new(ct, n, m), c.data, n);
        });
    }
}

/// Calls `work` with the start and the length of each part of `0..k`, and with what its product is added to.
fn for_parts(k: usize, mut work: impl FnMut(usize, usize, Onto)) {
    for part in (0..k).step_by(PART) {
        work(part, PART.min(k - part), if part == 0 { Onto::Zero } else { Onto::Old });
    }
}

/// The starts of rows that stand `stride` values apart.
fn starts<const N: usize>(stride: usize) -> [usize; N] {
    from_fn(|i| i * stride)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of the three ways, with whole pieces and rests, set and added, against the definition.
    #[test]
    fn by_definition() {
        let numbers: Vec<f32> = (0..400_000_usize).map(|i| (i * 7919 % 101) as f32 / 50.0 - 1.0).collect();
        let cpu = Cpu::new(2);
        // In each: whether b lies row after row, whether a does, and whether the product may be added.
        for (m, n, k, b_by_rows, a_by_rows, may_add) in [
            (100, 70, 5, true, false, true), // short sums
            (49, 600, THIN, true, true, true),
            (1, THIN, 1, true, false, true),
            (3, COLUMNS, 300, true, true, true), // few rows
            (THIN / 2, 2 * COLUMNS + 5, THIN + 1, true, true, true),
            (5, 90, 200, false, true, false), // few samples
            (2 * THIN, 2 * THIN + 1, 70, false, true, false),
        ] {
            let a = if a_by_rows { Mat::new(&numbers, m, k) } else { Mat::new(&numbers, k, m).t() };
            let b = if b_by_rows { Mat::new(&numbers[7..], k, n) } else { Mat::new(&numbers[7..], n, k).t() };
            for add in [false, true] {
                let old = numbers[3..][..m * n].to_vec();
                let mut c = old.clone();
                assert_eq!(cpu.thin(a, b, add, &mut MatMut::new(&mut c, m, n)), may_add || !add, "{m} {n} {k} {add}");
                if add && !may_add {
                    assert_eq!(c, old);
                    continue;
                }
                for (i, (&c, &old)) in c.iter().zip(&old).enumerate() {
                    let (i, j) = (i / n, i % n);
                    let at = |m: &Mat, i, j| m.data[i * m.row_stride + j * m.col_stride] as f64;
                    let ab: f64 = (0..k).map(|l| at(&a, i, l) * at(&b, l, j)).sum();
                    let expected = if add { old as f64 + ab } else { ab };
                    assert!((c as f64 - expected).abs() < 1e-4, "{m} {n} {k} {add}, at {i}, {j}: {c} {expected}");
                }
            }
        }
    }
}
