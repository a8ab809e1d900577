//! A matrix product whose factors' rows may stand anywhere.
//!
//! gemm wants rows at equal distances, and packs its factors first. Here a row is given by its start, so that rows may
//! overlap (those of im2col's matrix are shifted views of few values), and nothing is packed. A tile of the result, 5 rows
//! of up to 64 values, stays in registers while its sum is made: plain arrays, of which the compiler makes vectors.

use super::matrix::MatMut;

/// A matrix whose row i begins at `data[starts[i]]`.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub data: &'a [f32],
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
/// If c has not as many rows as a, or a row reaches outside its slice.
pub fn add_product(a: Rows, b: Rows, mut c: MatMut) {
    assert_eq!(a.starts.len(), c.rows, "a has other rows than c");
    // Of long sums a part at a time, whose factors stay in the cache.
    for (i, starts) in b.starts.chunks(DEPTH).enumerate() {
        let a = Rows { data: &a.data[i * DEPTH..], ..a };
        add_part(a, Rows { starts, ..b }, &mut c);
    }
}

fn add_part(a: Rows, b: Rows, c: &mut MatMut) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has what the function was compiled for.
            return unsafe { avx512(a, b, c) };
        }
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            // SAFETY: as above.
            return unsafe { avx2(a, b, c) };
        }
    }
    let from = strips::<16, false>(a, b, c, 0);
    let from = strips::<4, false>(a, b, c, from);
    strips::<1, false>(a, b, c, from);
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

/// As many strips of `W` columns as there are from column `from` on; gives the column after.
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
    let mut sums = [[0.0; W]; J];
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
