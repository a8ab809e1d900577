//! A matrix product whose factors' rows may stand anywhere.
//!
//! gemm wants rows at equal distances, and packs its factors first. Here a row is given by its start, so that rows may
//! overlap (those of im2col's matrix are shifted views of few values), and nothing is packed. A tile of the result, 5
//! rows of up to 64 values, stays in registers while it is summed: plain arrays, which the compiler turns into vectors.

use super::matrix::MatMut;

/// A matrix whose row i begins at `data[starts[i]]`.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The values of all rows.
    pub data: &'a [f32],
    /// Where each row begins.
    pub starts: &'a [usize],
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

/// 32 registers of 16 values: 20 for the tile.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(a: Rows, b: Rows, c: &mut MatMut) {
    let from = strips::<64, true>(a, b, c, 0);
    let from = strips::<32, true>(a, b, c, from);
    let from = strips::<16, true>(a, b, c, from);
    let from = strips::<4, true>(a, b, c, from);
    strips::<1, true>(a, b, c, from);
}

/// 16 registers of 8 values: 10 for the tile.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(a: Rows, b: Rows, c: &mut MatMut) {
    let from = strips::<16, true>(a, b, c, 0);
    let from = strips::<4, true>(a, b, c, from);
    strips::<1, true>(a, b, c, from);
}

/// For any other processor.
fn plain(a: Rows, b: Rows, c: &mut MatMut) {
    let from = strips::<16, false>(a, b, c, 0);
    let from = strips::<4, false>(a, b, c, from);
    strips::<1, false>(a, b, c, from);
}

/// The versions that this processor can run, the best first.
fn versions() -> impl Iterator<Item = unsafe fn(Rows, Rows, &mut MatMut)> {
    let plain: unsafe fn(Rows, Rows, &mut MatMut) = plain;
    #[cfg(target_arch = "x86_64")]
    let better = [
        is_x86_feature_detected!("avx512f").then_some(avx512 as unsafe fn(Rows, Rows, &mut MatMut)),
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(avx2),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let better = [None; 2];
    better.into_iter().flatten().chain([plain])
}

/// All whole strips of `W` columns from column `from` on; gives the column after them.
#[inline(always)]
fn strips<const W: usize, const FMA: bool>(a: Rows, b: Rows, c: &mut MatMut, mut from: usize) -> usize {
    while from + W <= c.cols {
        let (fives, rest) = a.starts.as_chunks::<5>();
        for (i, starts) in fives.iter().enumerate() {
            tile::<5, W, FMA>(a.data, starts, b, c, 5 * i, from);
        }
        for (i, start) in rest.iter().enumerate() {
            tile::<1, W, FMA>(a.data, &[*start], b, c, 5 * fives.len() + i, from);
        }
        from += W;
    }
    from
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
    let a: [&[f32]; J] = std::array::from_fn(|j| &a[starts[j]..][..b.starts.len()]);
    let mut sums = [[0.0; W]; J]; // in registers
    for (t, start) in b.starts.iter().enumerate() {
        let Some(b) = b.data[start + j..].first_chunk::<W>() else { panic!("a row of b reaches outside its slice") };
        for (sums, a) in sums.iter_mut().zip(&a) {
            *sums = std::array::from_fn(|l| if FMA { a[t].mul_add(b[l], sums[l]) } else { sums[l] + a[t] * b[l] });
        }
    }
    for (sums, i) in sums.iter().zip(i..) {
        c.data[i * c.row_stride + j..][..W].iter_mut().zip(sums).for_each(|(c, sum)| *c += sum);
    }
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

    #[test]
    #[should_panic(expected = "outside")]
    fn rows_must_lie_inside() {
        let row = Rows { data: &[1.0; 4], starts: &[0] };
        add_product(row, Rows { data: &[1.0; 4], starts: &[0, 1] }, MatMut::new(&mut [0.0; 4], 1, 4));
    }
}
