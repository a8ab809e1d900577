//! Sums of many values, added up in f64 in eight lanes: exact enough, fast, and in one fixed order.
//!
//! A kernel does the same with `block_sum_double` of kernels/prelude.h.

use crate::device::cpu::wide;

const LANES: usize = 8;

/// Σ xᵢ
pub(super) fn sum(x: &[f32]) -> f64 {
    wide(|| {
        let mut lanes = [0.0f64; LANES];
        let chunks = x.chunks_exact(LANES);
        let rest: f64 = chunks.remainder().iter().map(|&x| x as f64).sum();
        for x in chunks {
            lanes.iter_mut().zip(x).for_each(|(lane, &x)| *lane += x as f64);
        }
        lanes.iter().sum::<f64>() + rest
    })
}

/// Σ xᵢ yᵢ
pub(super) fn dot(x: &[f32], y: &[f32]) -> f64 {
    wide(|| {
        let mut lanes = [0.0f64; LANES];
        let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
        let rest: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(&x, &y)| x as f64 * y as f64).sum();
        for (x, y) in xs.zip(ys) {
            lanes.iter_mut().zip(x).zip(y).for_each(|((lane, &x), &y)| *lane += x as f64 * y as f64);
        }
        lanes.iter().sum::<f64>() + rest
    })
}

/// Σ (xᵢ - mean)²
pub(super) fn squares(x: &[f32], mean: f64) -> f64 {
    wide(|| {
        let mut lanes = [0.0f64; LANES];
        let chunks = x.chunks_exact(LANES);
        let rest: f64 = chunks.remainder().iter().map(|&x| (x as f64 - mean).powi(2)).sum();
        for x in chunks {
            lanes.iter_mut().zip(x).for_each(|(lane, &x)| *lane += (x as f64 - mean) * (x as f64 - mean));
        }
        lanes.iter().sum::<f64>() + rest
    })
}
