//! Matrix products that are thin: one of their three sizes is no more than a batch.
//!
//! Such a product does few operations for each value it reads, so that memory sets its pace. gemm would pack the large factor
//! first, which moves it once more; here every value of it is read in place, once.

use super::matrix::{Mat, MatMut, transpose};
use super::tile::{Onto, Rows, add_product};
use super::{Cpu, starts};

/// The side up to which a product counts as thin.
const THIN: usize = 64;
/// Rows of the result in a piece, a multiple of what a tile has.
const ROWS: usize = 48;
/// Columns that are done together, so that what belongs to them stays in the cache.
const COLUMNS: usize = 256;
/// Rows of the large factor that are read side by side, as many as the processor can foresee.
const STREAMS: usize = 256;

impl Cpu {
    /// c = a b, or c += a b, if that is a thin product and its large factors lie row after row; else nothing is done.
    pub(super) fn thin(&self, a: Mat, b: Mat, add: bool, c: &mut MatMut) -> bool {
        let (m, n, k) = (c.rows, c.cols, a.cols);
        let whole = c.row_stride == n && n > 0;
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
        let (a_rows, b_rows) = (starts(ROWS, k), starts(k, COLUMNS));
        self.pieces(&mut c.data[..m * n], ROWS * n, |start, c| {
            let rows = c.len() / n;
            self.scratch((rows + COLUMNS) * k, |buffer| {
                let (at, block) = buffer.split_at_mut(rows * k);
                transpose(a.rows(start / n, rows).t(), at, k);
                let a = Rows { data: at, starts: &a_rows[..rows] };
                for from in (0..n).step_by(COLUMNS) {
                    let columns = COLUMNS.min(n - from);
                    for (block, row) in block.chunks_exact_mut(COLUMNS).zip(b.data.chunks(b.row_stride)) {
                        block[..columns].copy_from_slice(&row[from..][..columns]);
                    }
                    let b = Rows { data: block, starts: &b_rows };
                    add_product(a, b, onto, MatMut::strided(&mut c[from..], rows, columns, n));
                }
            });
        });
    }

    /// m is small, as in dx = dy w: pieces of columns, and in each the rows of b a few at a time.
    fn few_rows(&self, a: Mat, b: Mat, add: bool, c: &mut MatMut) {
        let (m, n, k) = (c.rows, c.cols, a.cols);
        let (a_rows, b_rows) = (starts(m, a.row_stride), starts(k, b.row_stride));
        self.scratch(m * n, |blocks| {
            self.pieces(blocks, m * COLUMNS, |start, block| {
                let (from, columns) = (start / m, block.len() / m);
                let mut onto = Onto::Zero;
                for (i, b_rows) in b_rows.chunks(STREAMS).enumerate() {
                    let a = Rows { data: &a.data[i * STREAMS..], starts: &a_rows };
                    let b = Rows { data: &b.data[from..], starts: b_rows };
                    add_product(a, b, onto, MatMut::new(block, m, columns));
                    onto = Onto::Old;
                }
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
        let (w_rows, at_rows) = (starts(n, w.row_stride), starts(k, m));
        self.scratch(m * (n + k), |buffer| {
            let (ct, at) = buffer.split_at_mut(m * n);
            transpose(a, at, m);
            self.pieces(ct, ROWS * m, |start, ct| {
                let rows = ct.len() / m;
                let w = Rows { data: w.data, starts: &w_rows[start / m..][..rows] };
                add_product(w, Rows { data: at, starts: &at_rows }, Onto::Zero, MatMut::new(ct, rows, m));
            });
            transpose(Mat::new(ct, n, m), c.data, n);
        });
    }
}
