//! The CPU: its threads and its matrix product.

use crate::Result;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::sync::{Arc, OnceLock};

/// How many values a piece of an element-wise loop has: enough to pay for handing it to another thread.
pub const PIECE: usize = 16 * 1024;

/// Whether a matrix is taken as it stands or transposed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trans {
    No,
    Yes,
}

/// The CPU with a number of threads; clones share them.
#[derive(Clone)]
pub struct Cpu {
    threads: usize,
    pool: Arc<OnceLock<Option<ThreadPool>>>,
}

impl Cpu {
    /// With `threads` threads, or as many as there are cores if 0.
    pub fn new(threads: usize) -> Cpu {
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        Cpu { threads: if threads == 0 { cores() } else { threads }, pool: Arc::default() }
    }

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

    /// pieces
    pub fn pieces<T: Send>(&self, y: &mut [T], len: usize, work: impl Fn(usize, &mut [T]) + Sync + Send) {
        let len = len.max(1);
        if y.len() <= len || self.threads == 1 {
            y.chunks_mut(len).enumerate().for_each(|(i, y)| work(i * len, y));
        } else {
            self.install(|| y.par_chunks_mut(len).enumerate().for_each(|(i, y)| work(i * len, y)));
        }
    }
}

/// A matrix in a slice: rows x columns with a stride for each.
#[derive(Clone, Copy)]
pub struct Mat<'a> {
    pub data: &'a [f32],
}

/// A matrix to be written.
pub struct MatMut<'a> {
    pub data: &'a mut [f32],
}

#[allow(dead_code)]
fn placeholder() -> Result {
    Ok(())
}
