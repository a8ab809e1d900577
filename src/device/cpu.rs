//! The CPU: its threads, its work memory, and the arithmetic that layers share.
//!
//! Work is split into *pieces* whose size depends on the shapes alone, never on the number of threads; a piece writes
//! its own part of the result, or its own partial sum, and partial sums are added up in order. So one thread and many
//! give the same bits.

mod conv;
mod conv_weights;
mod dots;
mod im2col;
mod matrix;
mod thin;
mod tile;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use conv::{Conv, check_axes};
pub use dots::add_lanes;
pub use im2col::{Axis, Im2col};
pub use matrix::{Mat, MatMut, Trans, gemm, transpose};
pub use tile::{Onto, Rows, add_product};

use super::lock::lock;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// How many values a piece of an element-wise loop has: enough to pay for handing it to another thread.
pub const PIECE: usize = 16 * 1024;

/// Runs `work` with vectors of eight where the processor has them: the loops that are inlined into it are compiled twice (mark a
/// larger closure `#[inline(always)]`). The values are the same, as no sum changes its order.
#[inline(always)]
pub fn wide<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor can run it.
            return unsafe { avx2(work) };
        }
    }
    work()
}

/// The CPU with a number of threads; clones share them.
#[derive(Clone)]
pub struct Cpu {
    threads: usize,
    pool: Arc<OnceLock<Option<ThreadPool>>>,
    /// Work memory that nobody is using just now.
    scratch: Arc<Mutex<Vec<Vec<f32>>>>,
}

impl Cpu {
    /// With `threads` threads, or as many as there are cores if 0.
    pub fn new(threads: usize) -> Cpu {
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        let threads = if threads == 0 { cores() } else { threads };
        Cpu { threads, pool: Arc::default(), scratch: Arc::default() }
    }

    /// How many threads share the work, at least 1; results do not depend on it.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `work` on this CPU's threads; where they cannot be started, on the caller's.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let start = || rayon::ThreadPoolBuilder::new().num_threads(self.threads).build().ok();
        match self.pool.get_or_init(start) {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Cuts `y` into pieces of `len` values (the last may be shorter) and calls `work(start, piece)` for each, in
    /// parallel; `start` is the piece's place in `y`. With one piece or one thread nothing is handed over.
    ///
    /// ```
    /// let x: Vec<f32> = (0..100_000).map(|i| i as f32).collect();
    /// let mut y = vec![0.0; x.len()];
    /// let cpu = cortado::device::Cpu::new(2);
    /// cpu.pieces(&mut y, cortado::device::cpu::PIECE, |start, y| {
    ///     for (y, x) in y.iter_mut().zip(&x[start..]) {
    ///         *y = 2.0 * x;
    ///     }
    /// });
    /// assert_eq!(y[99_999], 199_998.0);
    /// ```
    pub fn pieces<T: Send>(&self, y: &mut [T], len: usize, work: impl Fn(usize, &mut [T]) + Sync + Send) {
        let len = len.max(1);
        if y.len() <= len || self.threads == 1 {
            y.chunks_mut(len).enumerate().for_each(|(i, y)| work(i * len, y));
        } else {
            self.install(|| y.par_chunks_mut(len).enumerate().for_each(|(i, y)| work(i * len, y)));
        }
    }

    /// Like [`pieces`](Cpu::pieces) for two results, each with its own piece length; `start` is the place in the first.
    pub fn pieces2<T: Send, U: Send>(
        &self,
        (y, y_len): (&mut [T], usize),
        (z, z_len): (&mut [U], usize),
        work: impl Fn(usize, &mut [T], &mut [U]) + Sync + Send,
    ) {
        let (y_len, z_len) = (y_len.max(1), z_len.max(1));
        if y.len() <= y_len || self.threads == 1 {
            let pieces = y.chunks_mut(y_len).zip(z.chunks_mut(z_len)).enumerate();
            pieces.for_each(|(i, (y, z))| work(i * y_len, y, z));
        } else {
            let pieces = y.par_chunks_mut(y_len).zip(z.par_chunks_mut(z_len)).enumerate();
            self.install(|| pieces.for_each(|(i, (y, z))| work(i * y_len, y, z)));
        }
    }

    /// Whether `test` holds for all pieces of `x` of `len` values, in parallel.
    pub fn all<T: Sync>(&self, x: &[T], len: usize, test: impl Fn(&[T]) -> bool + Sync + Send) -> bool {
        let len = len.max(1);
        if x.len() <= len || self.threads == 1 {
            return x.chunks(len).all(test);
        }
        self.install(|| x.par_chunks(len).all(test))
    }

    /// Cuts arrays of one length at the same places into pieces of at most `len` values and calls `work` for each piece of
    /// all of them, in parallel. Where an array is empty, its pieces are.
    pub fn together<const N: usize>(
        &self,
        arrays: [&mut [f32]; N],
        len: usize,
        work: &(impl Fn([&mut [f32]; N]) + Sync),
    ) {
        let longest = arrays.iter().map(|a| a.len()).max().unwrap_or(0);
        if longest <= len {
            return work(arrays);
        }
        let middle = longest.div_ceil(len) / 2 * len;
        let mut halves = arrays.map(|a| a.split_at_mut_checked(middle).unwrap_or_default());
        let back = halves.each_mut().map(|(_, back)| std::mem::take(back));
        let front = halves.map(|(front, _)| front);
        let (front, back) = (|| self.together(front, len, work), || self.together(back, len, work));
        if self.threads == 1 {
            front();
            back();
        } else {
            self.install(|| rayon::join(front, back));
        }
    }

    /// Lends `work` a buffer of `len` values, left over from earlier use.
    pub fn scratch<R>(&self, len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
        let mut buffer = self.take(len);
        if buffer.len() < len {
            buffer.resize(len, 0.0);
        }
        let result = work(&mut buffer[..len]);
        self.free().push(buffer);
        result
    }

    /// The smallest free buffer that is long enough, or else the longest.
    fn take(&self, len: usize) -> Vec<f32> {
        let mut free = self.free();
        let fits = (0..free.len()).filter(|&i| free[i].len() >= len).min_by_key(|&i| free[i].len());
        let best = fits.or_else(|| (0..free.len()).max_by_key(|&i| free[i].len()));
        best.map(|i| free.swap_remove(i)).unwrap_or_default()
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<f32>>> {
        lock(&self.scratch)
    }
}
