//! Dot products of many rows with many others: a matrix product whose result is too narrow for [`tile`](super::tile).
//!
//! There a vector holds neighbouring columns of the result, here partial sums of one value. A tile of such sums stays in
//! registers. As in tile, the inner loops work on pointers, and what they reach is proved at the door, by `Dots::new`.

#![expect(clippy::needless_range_loop, reason = "an index is a place in several arrays")]

use super::tile::Rows;
use super::vector::{Kind, Loops, Vector};

/// How many partial sums a dot product has: the same for every kind of vector, so that all processors that round a product and
/// its sum together give the same bits.
pub(super) const LANES: usize = 16;

/// c += a b^T, on the caller's thread, in partial sums: those of c\[i\]\[j\] become the dot product of the first `len` values of
/// row i of a and row j of b once they are added up. They are left apart because that takes longer than a short product.
///
/// # Panics
/// If c has another length than the rows of a and b, or these reach outside their slices.
pub(super) fn add_dots(a: Rows, b: Rows, len: usize, c: &mut [[f32; LANES]]) {
    Kind::best().run(&mut Dots::new(a, b, len, c));
}

/// The factors and the result of [`add_dots`], every row of which lies in its slice.
struct Dots<'a> {
    a: Rows<'a>,
    b: Rows<'a>,
    len: usize,
    c: &'a mut [[f32; LANES]],
}

impl<'a> Dots<'a> {
    fn new(a: Rows<'a>, b: Rows<'a>, len: usize, c: &'a mut [[f32; LANES]]) -> Dots<'a> {
        assert_eq!(a.starts.len() * b.starts.len(), c.len(), "the rows of a and b are not those of c");
        assert!(a.fit(len) && b.fit(len), "a row reaches outside its slice");
        Dots { a, b, len, c }
    }

    /// All dot products, in tiles of `I` x `J`, with `C` vectors of partial sums for each.
    #[inline(always)]
    unsafe fn tiles<V: Vector, const C: usize, const I: usize, const J: usize>(&mut self) {
        assert_eq!(C * V::LEN, LANES, "vectors of partial sums fill the lanes");
        let (m, n) = (self.a.starts.len(), self.b.starts.len());
        let mut i = 0;
        while i < m {
            let mut j = 0;
            let rows = if i + I <= m { I } else { 1 };
            while j < n {
                let cols = if j + J <= n { J } else { 1 };
                // SAFETY: rows i to i + rows of a and j to j + cols of b are there.
                unsafe {
                    match (rows == I, cols == J) {
                        (true, true) => self.tile::<V, C, I, J>([i, j]),
                        (true, false) => self.tile::<V, C, I, 1>([i, j]),
                        (false, true) => self.tile::<V, C, 1, J>([i, j]),
                        (false, false) => self.tile::<V, C, 1, 1>([i, j]),
                    }
                }
                j += cols;
            }
            i += rows;
        }
    }

    /// `I` x `J` dot products, whose partial sums stay in registers.
    ///
    /// # Safety
    /// The processor must know V. a must have the rows i to i + I, b the rows j to j + J: then all that is read and written lies
    /// in its slice, as `new` has seen.
    #[inline(always)]
    unsafe fn tile<V: Vector, const C: usize, const I: usize, const J: usize>(&mut self, [i, j]: [usize; 2]) {
        let (len, cols) = (self.len, self.b.starts.len());
        unsafe {
            let (mut a, mut b) = ([self.a.data.as_ptr(); I], [self.b.data.as_ptr(); J]);
            for (r, a) in a.iter_mut().enumerate() {
                *a = a.add(*self.a.starts.get_unchecked(i + r));
            }
            for (r, b) in b.iter_mut().enumerate() {
                *b = b.add(*self.b.starts.get_unchecked(j + r));
            }
            let mut sums = [[[V::splat(0.0); C]; J]; I];
            for r in 0..I {
                for s in 0..J {
                    let c = self.c.as_ptr().add((i + r) * cols + j + s).cast::<f32>();
                    for v in 0..C {
                        sums[r][s][v] = V::load(c.add(v * V::LEN));
                    }
                }
            }
            let mut t = 0;
            while t + LANES <= len {
                add_products(&a, &b, t, &mut sums, |x, v: usize| V::load(x.add(v * V::LEN)));
                t += LANES;
            }
            if t < len {
                add_products(&a, &b, t, &mut sums, |x, v: usize| {
                    V::load_first(x.add(v * V::LEN), (len - t).saturating_sub(v * V::LEN).min(V::LEN))
                });
            }
            for r in 0..I {
                for s in 0..J {
                    let c = self.c.as_mut_ptr().add((i + r) * cols + j + s).cast::<f32>();
                    for v in 0..C {
                        sums[r][s][v].store(c.add(v * V::LEN));
                    }
                }
            }
        }
    }
}

/// Adds the products of all pairs of rows at `LANES` positions from t on.
#[inline(always)]
unsafe fn add_products<V: Vector, const C: usize, const I: usize, const J: usize>(
    a: &[*const f32; I],
    b: &[*const f32; J],
    t: usize,
    sums: &mut [[[V; C]; J]; I],
    load: impl Fn(*const f32, usize) -> V,
) {
    // SAFETY: the caller's promise.
    unsafe {
        for v in 0..C {
            let mut bs = [V::splat(0.0); J];
            for s in 0..J {
                bs[s] = load(b[s].add(t), v);
            }
            for r in 0..I {
                let a = load(a[r].add(t), v);
                for s in 0..J {
                    sums[r][s][v] = a.mul_add(bs[s], sums[r][s][v]);
                }
            }
        }
    }
}

/// The sum of all lanes, a power of two of them: half to half.
#[inline(always)]
pub fn add_lanes<const N: usize>(mut lanes: [f32; N]) -> f32 {
    let mut half = N / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
        half /= 2;
    }
    lanes[0]
}

impl Loops for Dots<'_> {
    /// Tiles of as many vectors of partial sums as the registers hold.
    #[inline(always)]
    unsafe fn run<V: Vector>(&mut self) {
        // SAFETY: the caller's promise.
        unsafe {
            match V::LEN {
                16 => self.tiles::<V, 1, 4, 5>(),
                8 => self.tiles::<V, 2, 2, 3>(),
                _ => self.tiles::<V, 4, 1, 2>(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::array::from_fn;

    /// Every version, with whole and single rows, whole vectors and rests, against the definition.
    #[test]
    fn dots_by_definition() {
        let data: Vec<f32> = (0..3000).map(|i| (i * 7919 % 101) as f32 / 50.0 - 1.0).collect();
        for (m, n, len) in [(1, 1, 1), (4, 5, 16), (9, 11, 100), (3, 7, 0), (5, 1, 63), (2, 6, 257)] {
            let a_starts: Vec<usize> = (0..m).map(|i| i * 13 % 40).collect();
            let b_starts: Vec<usize> = (0..n).map(|t| t * t % 97).collect();
            let (a, b) = (Rows { data: &data, starts: &a_starts }, Rows { data: &data[40..], starts: &b_starts });
            let mut bits = Vec::new();
            for kind in Kind::all() {
                let mut c: Vec<[f32; LANES]> = (0..m * n).map(|i| from_fn(|l| (i * l % 7) as f32)).collect();
                let old = c.clone();
                kind.run(&mut Dots::new(a, b, len, &mut c));
                for (at, (&c, &old)) in c.iter().zip(&old).enumerate() {
                    let (i, j) = (at / n, at % n);
                    let product = |t: usize| (a.data[a_starts[i] + t] * b.data[b_starts[j] + t]) as f64;
                    let expected = add_lanes(old) as f64 + (0..len).map(product).sum::<f64>();
                    assert!(
                        (add_lanes(c) as f64 - expected).abs() < 1e-4,
                        "{m} {n} {len}, at {i}, {j}: {c:?}, {expected}"
                    );
                }
                bits.push(c);
            }
            let fused = bits.len() - 1; // all but the plain version round a product and its sum together
            assert!(bits[..fused].windows(2).all(|pair| pair[0] == pair[1]), "{m} {n} {len}");
        }
    }
}
