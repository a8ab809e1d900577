//! A matrix product whose factors' rows may stand anywhere.
//!
//! gemm wants rows at equal distances, and packs its factors first. Here a row is given by its start, so that rows may
//! overlap (those of im2col's matrix are shifted views of few values), and nothing is packed. A tile of the result, 12
//! to 24 vectors, stays in registers while it is summed; a vector holds neighbouring columns of it.
//!
//! The inner loops work on pointers, since a test of each index would take as long as the arithmetic. What they reach is proved
//! at the door: by `Product::new`.

#![expect(clippy::needless_range_loop, reason = "an index is a place in several arrays")]

use super::matrix::MatMut;
use super::vector::{Kind, Loops, Vector};
use std::ops::Range;

/// A matrix whose row i begins at `data[starts[i]]`.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The values of all rows.
    pub data: &'a [f32],
    /// Where each row begins.
    pub starts: &'a [usize],
}

impl Rows<'_> {
    /// Whether every row has `len` values in the slice.
    pub(super) fn fit(&self, len: usize) -> bool {
        self.starts.iter().max().is_none_or(|last| last.checked_add(len).is_some_and(|end| end <= self.data.len()))
    }
}

/// What a product is added to.
#[derive(Clone, Copy)]
pub enum Onto<'a> {
    /// What the result holds.
    Old,
    /// Nothing: the result is not read.
    Zero,
    /// A value for each row; the result is not read.
    Bias(&'a [f32]),
}

/// How many products are summed up in the registers at a time.
const DEPTH: usize = 256;

/// c = c, 0 or a bias, plus a b; on the caller's thread. A row of a has as many values as b has rows.
///
/// ```
/// use cortado::device::cpu::{MatMut, Onto, Rows, add_product};
/// let x = [1.0, 2.0, 3.0, 4.0];
/// let (w, windows) = (Rows { data: &[10.0, 1.0], starts: &[0] }, Rows { data: &x, starts: &[0, 1] });
/// let mut y = [0.0; 3];
/// add_product(w, windows, Onto::Bias(&[0.5]), MatMut::new(&mut y, 1, 3)); // a convolution
/// assert_eq!(y, [12.5, 23.5, 34.5]);
/// ```
///
/// # Panics
/// If a, the bias and c differ in their number of rows, or a row reaches outside its slice.
pub fn add_product(a: Rows, b: Rows, onto: Onto, c: MatMut) {
    Kind::best().run(&mut Product::new(a, b, onto, c));
}

/// The factors and the result of [`add_product`], every row of which lies in its slice.
struct Product<'a> {
    a: Rows<'a>,
    b: Rows<'a>,
    onto: Onto<'a>,
    c: MatMut<'a>,
}

impl<'a> Product<'a> {
    fn new(a: Rows<'a>, b: Rows<'a>, onto: Onto<'a>, c: MatMut<'a>) -> Product<'a> {
        assert_eq!(a.starts.len(), c.rows, "a and c differ in rows");
        assert!(a.fit(b.starts.len()), "a row of a reaches outside its slice");
        assert!(b.fit(c.cols), "a row of b reaches outside its slice");
        assert!(c.fits(), "a row of c reaches outside its slice");
        if let Onto::Bias(bias) = onto {
            assert_eq!(bias.len(), c.rows, "a value of the bias for each row");
        }
        Product { a, b, onto, c }
    }

    /// A part of the sums, in strips of columns: as many vectors of sums as the registers hold beside one row of b.
    #[inline(always)]
    unsafe fn part<V: Vector>(&mut self, depth: &Range<usize>) {
        let few = self.c.rows <= 3;
        // SAFETY: the caller's promise.
        unsafe {
            if V::REGISTERS == 32 {
                let from = if few { self.strips::<V, 8, 3>(0, depth) } else { 0 };
                let from = self.strips::<V, 4, 6>(from, depth);
                let from = self.strips::<V, 2, 12>(from, depth);
                let from = self.strips::<V, 1, 12>(from, depth);
                self.last_strip::<V, 12>(from, depth);
            } else {
                let from = if few { self.strips::<V, 4, 3>(0, depth) } else { 0 };
                let from = self.strips::<V, 2, 6>(from, depth);
                let from = self.strips::<V, 1, 12>(from, depth);
                self.last_strip::<V, 12>(from, depth);
            }
        }
    }

    /// All whole strips of `C` vectors from column `from` on, in tiles of about equally many rows, at most `MOST`; gives the column
    /// after them.
    #[inline(always)]
    unsafe fn strips<V: Vector, const C: usize, const MOST: usize>(
        &mut self,
        mut from: usize,
        depth: &Range<usize>,
    ) -> usize {
        while from + C * V::LEN <= self.c.cols {
            // SAFETY: the strip lies within c.
            unsafe { self.strip::<V, C, MOST, false>(from, depth) };
            from += C * V::LEN;
        }
        from
    }

    /// The columns from `from` on, less than a vector.
    #[inline(always)]
    unsafe fn last_strip<V: Vector, const MOST: usize>(&mut self, from: usize, depth: &Range<usize>) {
        if from < self.c.cols {
            // SAFETY: only the columns that are there are touched.
            unsafe { self.strip::<V, 1, MOST, true>(from, depth) };
        }
    }

    #[inline(always)]
    unsafe fn strip<V: Vector, const C: usize, const MOST: usize, const LAST: bool>(
        &mut self,
        j: usize,
        depth: &Range<usize>,
    ) {
        let (mut i, tiles) = (0, self.c.rows.div_ceil(MOST));
        for t in 0..tiles {
            let rows = (self.c.rows - i).div_ceil(tiles - t);
            // SAFETY: rows i to i + rows are in c; a branch beyond MOST is not compiled.
            unsafe {
                match rows {
                    12 if MOST >= 12 => self.tile::<V, 12, C, LAST>([i, j], depth),
                    11 if MOST >= 11 => self.tile::<V, 11, C, LAST>([i, j], depth),
                    10 if MOST >= 10 => self.tile::<V, 10, C, LAST>([i, j], depth),
                    9 if MOST >= 9 => self.tile::<V, 9, C, LAST>([i, j], depth),
                    8 if MOST >= 8 => self.tile::<V, 8, C, LAST>([i, j], depth),
                    7 if MOST >= 7 => self.tile::<V, 7, C, LAST>([i, j], depth),
                    6 if MOST >= 6 => self.tile::<V, 6, C, LAST>([i, j], depth),
                    5 if MOST >= 5 => self.tile::<V, 5, C, LAST>([i, j], depth),
                    4 if MOST >= 4 => self.tile::<V, 4, C, LAST>([i, j], depth),
                    3 => self.tile::<V, 3, C, LAST>([i, j], depth),
                    2 => self.tile::<V, 2, C, LAST>([i, j], depth),
                    _ => self.tile::<V, 1, C, LAST>([i, j], depth),
                }
            }
            i += rows;
        }
    }

    /// `J` rows of c from row i on, `C` vectors from column j on; the last strip has less than one.
    ///
    /// # Safety
    /// The processor must know V. Rows and columns must be those of c: then all that is read and written lies in its slice, as
    /// `new` has seen.
    #[inline(always)]
    unsafe fn tile<V: Vector, const J: usize, const C: usize, const LAST: bool>(
        &mut self,
        [i, j]: [usize; 2],
        depth: &Range<usize>,
    ) {
        let last = self.c.cols - j;
        unsafe {
            let mut a = [self.a.data.as_ptr(); J];
            for r in 0..J {
                a[r] = a[r].add(*self.a.starts.get_unchecked(i + r) + depth.start);
            }
            let b = self.b.data.as_ptr().add(j);
            let mut sums = [[V::splat(0.0); C]; J]; // in registers
            for (t, start) in self.b.starts.get_unchecked(depth.clone()).iter().enumerate() {
                let mut bs = [V::splat(0.0); C];
                for v in 0..C {
                    let b = b.add(*start).add(v * V::LEN);
                    bs[v] = if LAST { V::load_first(b, last) } else { V::load(b) };
                }
                for r in 0..J {
                    let a = V::splat(*a[r].add(t));
                    for v in 0..C {
                        sums[r][v] = a.mul_add(bs[v], sums[r][v]);
                    }
                }
            }
            for r in 0..J {
                let c = self.c.data.as_mut_ptr().add((i + r) * self.c.row_stride + j);
                for v in 0..C {
                    let c = c.add(v * V::LEN);
                    let old = match self.onto {
                        Onto::Old if LAST => V::load_first(c, last),
                        Onto::Old => V::load(c),
                        Onto::Zero => V::splat(0.0),
                        Onto::Bias(bias) => V::splat(*bias.get_unchecked(i + r)),
                    };
                    let sum = old.add(sums[r][v]);
                    if LAST { sum.store_first(c, last) } else { sum.store(c) }
                }
            }
        }
    }
}

impl Loops for Product<'_> {
    /// Long sums are made a part at a time, so that the factors stay in the cache.
    #[inline(always)]
    unsafe fn run<V: Vector>(&mut self) {
        let sums = self.b.starts.len();
        for part in 0..sums.div_ceil(DEPTH).max(1) {
            // SAFETY: the caller's promise.
            unsafe { self.part::<V>(&(part * DEPTH..sums.min((part + 1) * DEPTH))) };
            self.onto = Onto::Old;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every version, with every width of strip, single rows and overlapping ones, sums in several parts, added to c and to a
    /// bias, against the definition.
    #[test]
    fn by_definition() {
        let data: Vec<f32> = (0..3000).map(|i| (i * 7919 % 101) as f32 / 50.0 - 1.0).collect();
        for (m, n, depth) in [(1, 1, 1), (5, 64, 3), (7, 117, 20), (13, 23, 50), (3, 0, 4), (10, 48, 0), (2, 5, 600)] {
            let a_starts: Vec<usize> = (0..m).map(|i| i * 13 % 40).collect();
            let b_starts: Vec<usize> = (0..depth).map(|t| t * t % 97).collect();
            let (a, b) = (Rows { data: &data, starts: &a_starts }, Rows { data: &data[40..], starts: &b_starts });
            let ontos = [Onto::Old, Onto::Zero, Onto::Bias(&data[100..][..m])];
            for (kind, onto) in Kind::all().flat_map(|kind| ontos.map(|onto| (kind, onto))) {
                let mut c = data[..m * (n + 2)].to_vec();
                kind.run(&mut Product::new(a, b, onto, MatMut::strided(&mut c, m, n, n + 2)));
                for (at, (&c, &old)) in c.iter().zip(&data).enumerate() {
                    let (i, j) = (at / (n + 2), at % (n + 2));
                    let product = |t: usize| (a.data[a_starts[i] + t] * b.data[b_starts[t] + j]) as f64;
                    let sum: f64 = match onto {
                        _ if j >= n => old as f64, // between the rows
                        Onto::Old => old as f64 + (0..depth).map(product).sum::<f64>(),
                        Onto::Zero => (0..depth).map(product).sum(),
                        Onto::Bias(b) => b[i] as f64 + (0..depth).map(product).sum::<f64>(),
                    };
                    assert!((c as f64 - sum).abs() < 1e-4, "{m} {n} {depth}, at {i}, {j}: {c}, {sum}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "outside")]
    fn rows_must_lie_inside() {
        let row = Rows { data: &[1.0; 4], starts: &[0] };
        add_product(row, Rows { data: &[1.0; 4], starts: &[0, 1] }, Onto::Old, MatMut::new(&mut [0.0; 4], 1, 4));
    }
}
