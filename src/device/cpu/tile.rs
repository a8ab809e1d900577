//! A matrix product whose factors' rows may stand anywhere.
//!
//! gemm wants rows at equal distances, and packs its factors first. Here a row is given by its start, so that rows may
//! overlap (those of im2col's matrix are shifted views of few values), and nothing is packed. A tile of the result, 10
//! to 24 vectors, stays in registers while it is summed: plain arrays, which the compiler turns into vectors. In
//! [`add_product`] a vector holds neighbouring columns of the result; in [`add_dots`] partial sums of one value, for results
//! that are too narrow for that.

use super::matrix::MatMut;
use std::array::from_fn;

/// A matrix whose row i begins at `data[starts[i]]`.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The values of all rows.
    pub data: &'a [f32],
    /// Where each row begins.
    pub starts: &'a [usize],
}

impl<'a> Rows<'a> {
    /// The first `len` values of row i.
    fn row(&self, i: usize, len: usize) -> &'a [f32] {
        &self.data[self.starts[i]..][..len]
    }
}

/// How many products are summed up in the registers at a time.
const DEPTH: usize = 256;

/// c += a b, on the caller's thread. A row of a has as many values as b has rows.
///
/// ```
/// use cortado::device::cpu::{MatMut, Rows, add_product};
/// let x = [1.0, 2.0, 3.0, 4.0];
/// let (w, windows) = (Rows { data: &[10.0, 1.0], starts: &[0] }, Rows { data: &x, starts: &[0, 1] });
/// let mut y = [0.0; 3];
/// add_product(w, windows, MatMut::new(&mut y, 1, 3)); // a convolution
/// assert_eq!(y, [12.0, 23.0, 34.0]);
/// ```
///
/// # Panics
/// If a and c differ in their number of rows, or a row reaches outside its slice.
pub fn add_product(a: Rows, b: Rows, mut c: MatMut) {
    assert_eq!(a.starts.len(), c.rows, "a and c differ in rows");
    // Long sums are made a part at a time, so that the factors stay in the cache.
    for (i, starts) in b.starts.chunks(DEPTH).enumerate() {
        let a = Rows { data: &a.data[i * DEPTH..], ..a };
        if let Some(add) = versions().next() {
            // SAFETY: the processor can run it. All slices are indexed with checks.
            unsafe { add(a, Rows { starts, ..b }, &mut c) }
        }
    }
}

/// 32 registers of 16 values: up to 24 for the tile.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(a: Rows, b: Rows, c: &mut MatMut) {
    let from = strips::<64, 6, true>(a, b, c, 0);
    let from = strips::<32, 5, true>(a, b, c, from);
    let from = strips::<16, 10, true>(a, b, c, from);
    let from = strips::<4, 10, true>(a, b, c, from);
    strips::<1, 10, true>(a, b, c, from);
}

/// 16 registers of 8 values: up to 10 for the tile.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(a: Rows, b: Rows, c: &mut MatMut) {
    let from = strips::<16, 5, true>(a, b, c, 0);
    let from = strips::<4, 10, true>(a, b, c, from);
    strips::<1, 10, true>(a, b, c, from);
}

/// For any other processor.
fn plain(a: Rows, b: Rows, c: &mut MatMut) {
    let from = strips::<16, 5, false>(a, b, c, 0);
    let from = strips::<4, 10, false>(a, b, c, from);
    strips::<1, 10, false>(a, b, c, from);
}

/// One version of [`add_product`].
type Product = unsafe fn(Rows, Rows, &mut MatMut);

/// The versions that this processor can run, the best first.
fn versions() -> impl Iterator<Item = Product> {
    #[cfg(target_arch = "x86_64")]
    return usable(avx512 as Product, avx2, plain);
    #[cfg(not(target_arch = "x86_64"))]
    return [plain as Product].into_iter();
}

/// Those of three versions that this processor can run, the best first.
#[cfg(target_arch = "x86_64")]
fn usable<F>(avx512: F, avx2: F, plain: F) -> impl Iterator<Item = F> {
    let better = [
        is_x86_feature_detected!("avx512f").then_some(avx512),
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(avx2),
    ];
    better.into_iter().flatten().chain([plain])
}

/// All whole strips of `W` columns from column `from` on, in tiles of about equally many rows, at most `MOST`; gives the column
/// after them.
#[inline(always)]
fn strips<const W: usize, const MOST: usize, const FMA: bool>(
    a: Rows,
    b: Rows,
    c: &mut MatMut,
    mut from: usize,
) -> usize {
    let tiles = a.starts.len().div_ceil(MOST);
    while from + W <= c.cols {
        let mut i = 0;
        for t in 0..tiles {
            let starts = &a.starts[i..][..(a.starts.len() - i).div_ceil(tiles - t)];
            // A match on the number of rows would take half as long again: the compiler then keeps less in registers.
            let done = rows::<10, W, FMA>(a, starts, b, c, [i, from])
                || rows::<9, W, FMA>(a, starts, b, c, [i, from])
                || rows::<8, W, FMA>(a, starts, b, c, [i, from])
                || rows::<7, W, FMA>(a, starts, b, c, [i, from])
                || rows::<6, W, FMA>(a, starts, b, c, [i, from])
                || rows::<5, W, FMA>(a, starts, b, c, [i, from])
                || rows::<4, W, FMA>(a, starts, b, c, [i, from])
                || rows::<3, W, FMA>(a, starts, b, c, [i, from])
                || rows::<2, W, FMA>(a, starts, b, c, [i, from])
                || rows::<1, W, FMA>(a, starts, b, c, [i, from]);
            assert!(done, "a tile of {} rows", starts.len());
            i += starts.len();
        }
        from += W;
    }
    from
}

/// The tile at row i and column j, if it has `J` rows.
#[inline(always)]
fn rows<const J: usize, const W: usize, const FMA: bool>(
    a: Rows,
    starts: &[usize],
    b: Rows,
    c: &mut MatMut,
    [i, j]: [usize; 2],
) -> bool {
    let starts = <&[usize; J]>::try_from(starts);
    if let Ok(starts) = starts {
        tile::<J, W, FMA>(a.data, starts, b, c, i, j);
    }
    starts.is_ok()
}

/// `J` rows of c from row i on, `W` columns from column j on.
#[inline(always)]
fn tile<const J: usize, const W: usize, const FMA: bool>(
    a: &[f32],
    starts: &[usize; J],
    b: Rows,
    c: &mut MatMut,
    i: usize,
    j: usize,
) {
    let a: [&[f32]; J] = from_fn(|j| &a[starts[j]..][..b.starts.len()]);
    let mut sums = [[0.0; W]; J]; // in registers
    for (t, start) in b.starts.iter().enumerate() {
        let Some(b) = b.data[start + j..].first_chunk::<W>() else { panic!("a row of b reaches outside its slice") };
        for (sums, a) in sums.iter_mut().zip(&a) {
            *sums = from_fn(|l| if FMA { a[t].mul_add(b[l], sums[l]) } else { sums[l] + a[t] * b[l] });
        }
    }
    for (sums, i) in sums.iter().zip(i..) {
        c.data[i * c.row_stride + j..][..W].iter_mut().zip(sums).for_each(|(c, sum)| *c += sum);
    }
}

/// How many partial sums a dot product has: the same for every kind of vector, so that all processors that round a product and
/// its sum together give the same bits.
const LANES: usize = 16;

/// c += a b^T, on the caller's thread: c\[i\]\[j\] += the dot product of the first `len` values of row i of a and row j of b.
///
/// # Panics
/// If the rows are not those of c, or reach outside their slices.
pub fn add_dots(a: Rows, b: Rows, len: usize, mut c: MatMut) {
    assert_eq!([a.starts.len(), b.starts.len()], [c.rows, c.cols], "the rows of a and b are not those of c");
    if let Some(add) = dot_versions().next() {
        // SAFETY: the processor can run it. All slices are indexed with checks.
        unsafe { add(a, b, len, &mut c) }
    }
}

/// One version of [`add_dots`].
type Dots = unsafe fn(Rows, Rows, usize, &mut MatMut);

/// 32 registers of 16 values: 20 for the sums.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn dots_avx512(a: Rows, b: Rows, len: usize, c: &mut MatMut) {
    dots::<4, 5, true>(a, b, len, c);
}

/// 16 registers of 8 values: 12 for the sums.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn dots_avx2(a: Rows, b: Rows, len: usize, c: &mut MatMut) {
    dots::<2, 3, true>(a, b, len, c);
}

fn dots_plain(a: Rows, b: Rows, len: usize, c: &mut MatMut) {
    dots::<1, 3, false>(a, b, len, c);
}

/// The versions of dot products that this processor can run, the best first.
fn dot_versions() -> impl Iterator<Item = Dots> {
    #[cfg(target_arch = "x86_64")]
    return usable(dots_avx512 as Dots, dots_avx2, dots_plain);
    #[cfg(not(target_arch = "x86_64"))]
    return [dots_plain as Dots].into_iter();
}

/// All dot products, in tiles of `I` x `J`.
#[inline(always)]
fn dots<const I: usize, const J: usize, const FMA: bool>(a: Rows, b: Rows, len: usize, c: &mut MatMut) {
    let mut i = 0;
    while i < c.rows {
        let mut j = 0;
        let rows = if i + I <= c.rows { I } else { 1 };
        while j < c.cols {
            let cols = if j + J <= c.cols { J } else { 1 };
            match (rows == I, cols == J) {
                (true, true) => dot_tile::<I, J, FMA>(a, b, len, c, i, j),
                (true, false) => dot_tile::<I, 1, FMA>(a, b, len, c, i, j),
                (false, true) => dot_tile::<1, J, FMA>(a, b, len, c, i, j),
                (false, false) => dot_tile::<1, 1, FMA>(a, b, len, c, i, j),
            }
            j += cols;
        }
        i += rows;
    }
}

/// `I` x `J` dot products, whose partial sums stay in registers.
#[inline(always)]
fn dot_tile<const I: usize, const J: usize, const FMA: bool>(
    a: Rows,
    b: Rows,
    len: usize,
    c: &mut MatMut,
    i: usize,
    j: usize,
) {
    let (chunks, rest) = (len / LANES, len / LANES * LANES);
    let a_chunks: [&[[f32; LANES]]; I] = from_fn(|n| &a.row(i + n, len).as_chunks().0[..chunks]);
    let b_chunks: [&[[f32; LANES]]; J] = from_fn(|n| &b.row(j + n, len).as_chunks().0[..chunks]);
    let mut sums = [[[0.0; LANES]; J]; I];
    for t in 0..chunks {
        let b: [[f32; LANES]; J] = from_fn(|n| b_chunks[n][t]);
        for (sums, a) in sums.iter_mut().zip(&a_chunks) {
            let a = a[t];
            for (sums, b) in sums.iter_mut().zip(&b) {
                *sums = from_fn(|l| if FMA { a[l].mul_add(b[l], sums[l]) } else { sums[l] + a[l] * b[l] });
            }
        }
    }
    for (n, sums) in sums.into_iter().enumerate() {
        let (a, c) = (&a.row(i + n, len)[rest..], &mut c.data[(i + n) * c.row_stride + j..][..J]);
        for (m, (c, sum)) in c.iter_mut().zip(sums).enumerate() {
            *c += a.iter().zip(&b.row(j + m, len)[rest..]).fold(total(sum), |sum, (a, b)| sum + a * b);
        }
    }
}

/// The sum of all lanes, half to half.
#[inline(always)]
fn total(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every version, with every width of strip, single rows and overlapping ones, against the definition.
    #[test]
    fn by_definition() {
        let data: Vec<f32> = (0..3000).map(|i| (i * 7919 % 101) as f32 / 50.0 - 1.0).collect();
        for (m, n, depth) in [(1, 1, 1), (5, 64, 3), (7, 117, 20), (13, 23, 50), (3, 0, 4), (10, 48, 0)] {
            let a_starts: Vec<usize> = (0..m).map(|i| i * 13 % 40).collect();
            let b_starts: Vec<usize> = (0..depth).map(|t| t * t % 97).collect();
            let (a, b) = (Rows { data: &data, starts: &a_starts }, Rows { data: &data[40..], starts: &b_starts });
            for add in versions() {
                let mut c = data[..m * (n + 2)].to_vec();
                // SAFETY: the processor can run it.
                unsafe { add(a, b, &mut MatMut::strided(&mut c, m, n, n + 2)) }
                for (at, (&c, &old)) in c.iter().zip(&data).enumerate() {
                    let (i, j) = (at / (n + 2), at % (n + 2));
                    let product = |t: usize| (a.data[a_starts[i] + t] * b.data[b_starts[t] + j]) as f64;
                    let sum: f64 = if j < n { (0..depth).map(product).sum() } else { 0.0 };
                    assert!((c as f64 - old as f64 - sum).abs() < 1e-4, "{m} {n} {depth}, at {i}, {j}: {c}, {sum}");
                }
            }
        }
        // Longer than one part.
        let (ones, starts) = (vec![1.0; 2 * DEPTH + 1], vec![0; 2 * DEPTH + 1]);
        let mut c = [0.0];
        let row = Rows { data: &ones, starts: &[0] };
        add_product(row, Rows { data: &ones, starts: &starts }, MatMut::new(&mut c, 1, 1));
        assert_eq!(c, [2.0 * DEPTH as f32 + 1.0]);
    }

    /// Every version, with whole and single rows, whole chunks and rests, against the definition.
    #[test]
    fn dots_by_definition() {
        let data: Vec<f32> = (0..3000).map(|i| (i * 7919 % 101) as f32 / 50.0 - 1.0).collect();
        for (m, n, len) in [(1, 1, 1), (4, 5, 16), (9, 11, 100), (3, 7, 0), (5, 1, 63), (2, 6, 257)] {
            let a_starts: Vec<usize> = (0..m).map(|i| i * 13 % 40).collect();
            let b_starts: Vec<usize> = (0..n).map(|t| t * t % 97).collect();
            let (a, b) = (Rows { data: &data, starts: &a_starts }, Rows { data: &data[40..], starts: &b_starts });
            let mut bits = Vec::new();
            for add in dot_versions() {
                let mut c = data[..m * (n + 2)].to_vec();
                // SAFETY: the processor can run it.
                unsafe { add(a, b, len, &mut MatMut::strided(&mut c, m, n, n + 2)) }
                for (at, (&c, &old)) in c.iter().zip(&data).enumerate() {
                    let (i, j) = (at / (n + 2), at % (n + 2));
                    let product = |t: usize| (a.data[a_starts[i] + t] * b.data[b_starts[j] + t]) as f64;
                    let sum: f64 = if j < n { (0..len).map(product).sum() } else { 0.0 };
                    assert!((c as f64 - old as f64 - sum).abs() < 1e-4, "{m} {n} {len}, at {i}, {j}: {c}, {sum}");
                }
                bits.push(c);
            }
            let fused = bits.len() - 1; // all but the plain version round a product and its sum together
            assert!(bits[..fused].windows(2).all(|pair| pair[0] == pair[1]), "{m} {n} {len}");
        }
    }

    #[test]
    #[should_panic(expected = "outside")]
    fn rows_must_lie_inside() {
        let row = Rows { data: &[1.0; 4], starts: &[0] };
        add_product(row, Rows { data: &[1.0; 4], starts: &[0, 1] }, MatMut::new(&mut [0.0; 4], 1, 4));
    }
}
