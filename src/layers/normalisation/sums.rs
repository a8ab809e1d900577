//! Sums of many values: in f32 over a block, 8 values in each of 32 lanes, and in f64 over the blocks. That is exact enough,
//! as fast as memory, and one fixed order.
//!
//! A kernel adds up in f64 throughout, with `block_sum_double` of kernels/prelude.h.

use crate::device::cpu::{add_lanes, wide};
use std::array::from_fn;
use std::ops::Range;

const LANES: usize = 32;
const BLOCK: usize = 8 * LANES;

/// Σ xᵢ
pub(super) fn sum(x: &[f32]) -> f64 {
    wide(
        #[inline(always)]
        || add_up([x], |[x]| x),
    )
}

/// Σ xᵢ yᵢ
pub(super) fn dot(x: &[f32], y: &[f32]) -> f64 {
    wide(
        #[inline(always)]
        || add_up([x, y], |[x, y]| x * y),
    )
}

/// Σ xᵢ and Σ xᵢ yᵢ over some places, each slice read once.
pub(super) fn sum_and_dot(x: &[f32], y: &[f32], places: impl Iterator<Item = Range<usize>>) -> (f64, f64) {
    places.fold((0.0, 0.0), |(of_x, of_xy), i| (of_x + sum(&x[i.clone()]), of_xy + dot(&x[i.clone()], &y[i])))
}

/// Σ (xᵢ - mean)²
pub(super) fn squares(x: &[f32], mean: f64) -> f64 {
    let mean = mean as f32;
    wide(
        #[inline(always)]
        || add_up([x], |[x]| (x - mean) * (x - mean)),
    )
}

/// The sum of a term of each place in `x`, slices of one length.
#[inline(always)]
fn add_up<const N: usize>(x: [&[f32]; N], term: impl Fn([f32; N]) -> f32) -> f64 {
    let mut total = 0.0;
    for from in (0..x[0].len()).step_by(BLOCK) {
        let x: [&[f32]; N] = from_fn(|n| &x[n][from..x[0].len().min(from + BLOCK)]);
        let chunks: [(&[[f32; LANES]], &[f32]); N] = from_fn(|n| x[n].as_chunks());
        let mut lanes = [0.0; LANES];
        for i in 0..chunks[0].0.len() {
            let x: [&[f32; LANES]; N] = from_fn(|n| &chunks[n].0[i]);
            for (l, lane) in lanes.iter_mut().enumerate() {
                *lane += term(from_fn(|n| x[n][l]));
            }
        }
        for (l, lane) in lanes.iter_mut().enumerate().take(chunks[0].1.len()) {
            *lane += term(from_fn(|n| chunks[n].1[l]));
        }
        total += add_lanes(lanes) as f64;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole blocks, whole lanes and rests, against f64.
    #[test]
    fn as_good_as_f64() {
        let x: Vec<f32> = (0..2000).map(|i| (i * 7919 % 101) as f32 / 50.0 - 0.9).collect();
        let y: Vec<f32> = (0..2000).map(|i| (i * 31 % 57) as f32 / 20.0 - 1.0).collect();
        for len in [0, 1, 31, 32, 33, 255, 256, 257, 300, 2000] {
            let (x, y) = (&x[..len], &y[..len]);
            let wide = |x: &[f32]| x.iter().map(|&x| x as f64).collect::<Vec<_>>();
            let (x64, y64) = (wide(x), wide(y));
            let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-6 * len as f64, "{len} values: {a}, {b}");
            near(sum(x), x64.iter().sum());
            near(dot(x, y), x64.iter().zip(&y64).map(|(x, y)| x * y).sum());
            near(squares(x, 0.25), x64.iter().map(|x| (x - 0.25).powi(2)).sum());
        }
    }
}
