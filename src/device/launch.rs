//! How a layer launches a kernel, and how it asks for a matrix product.

use super::args::Arg;
use super::card::CardArg;
use super::gemm::Gemm;
use super::gpu::Gpu;
use super::kernels::Kernels;
use crate::{Error, Kind, Result};

impl Kernels {
    /// How many threads a block of [`launch`](Kernels::launch) has.
    pub const BLOCK: usize = 256;

    /// Runs the kernel `name` on at least `n` threads in one row, in blocks of 256. With n = 0 nothing is done.
    ///
    /// # Errors
    /// No compiler, or a source that it refuses; no memory for the values; what
    /// [`Module::launch`](super::Module::launch) says.
    pub fn launch(&self, gpu: &Gpu, name: &str, n: usize, args: &mut [Arg]) -> Result {
        self.launch_blocks(gpu, name, n.div_ceil(Self::BLOCK), Self::BLOCK, args)
    }

    /// Runs the kernel `name` on a row of blocks, each of a row of threads. Without blocks nothing is done.
    ///
    /// # Errors
    /// As [`launch`](Kernels::launch).
    pub fn launch_blocks(&self, gpu: &Gpu, name: &str, blocks: usize, threads: usize, args: &mut [Arg]) -> Result {
        self.launch_grid(gpu, name, [blocks, 1, 1], [threads, 1, 1], args)
    }

    /// Runs the kernel `name` with a block for each of `rows` rows; its threads, whole warps and at most 512, share the
    /// row's `len` values. Without rows nothing is done.
    ///
    /// # Errors
    /// As [`launch`](Kernels::launch).
    pub fn launch_rows(&self, gpu: &Gpu, name: &str, rows: usize, len: usize, args: &mut [Arg]) -> Result {
        self.launch_blocks(gpu, name, rows, len.clamp(1, 512).next_multiple_of(32), args)
    }

    /// Runs the kernel `name` on a grid of blocks, x first. An empty grid is no error, and nothing is done.
    ///
    /// # Errors
    /// As [`launch`](Kernels::launch).
    pub fn launch_grid(&self, gpu: &Gpu, name: &str, grid: [usize; 3], block: [usize; 3], args: &mut [Arg]) -> Result {
        let mut brought = args.iter_mut().map(|arg| arg.bring(gpu)).collect::<Result<Vec<_>>>()?;
        if grid.contains(&0) {
            return Ok(());
        }
        let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        gpu.module(self)?.launch(name, grid.map(size), block.map(size), &mut brought)?;
        args.iter().try_for_each(|arg| match arg {
            Arg::Read(values) => values.refused(),
            _ => Ok(()),
        })
    }
}

impl Gpu {
    /// c = alpha op(a) op(b) + beta c, row after row, once or `batch` times: `gpu.gemm(&gemm, args![a, b, c.over()])`.
    ///
    /// # Errors
    /// Arguments that are not two buffers to read and one to write; buffers that are too short for the sizes.
    pub fn gemm(&self, gemm: &Gemm, args: &mut [Arg; 3]) -> Result {
        let mut brought = args.iter_mut().map(|arg| arg.bring(self)).collect::<Result<Vec<_>>>()?;
        let [CardArg::In(a, a_len), CardArg::In(b, b_len), CardArg::Out(c, c_len)] = &mut brought[..] else {
            return Err(Error::new(Kind::Device, "gemm takes two buffers to read and one to write"));
        };
        gemm.check([(*a_len).min(a.len()), (*b_len).min(b.len()), (*c_len).min(c.len())])?;
        match gemm.is_empty() {
            true => Ok(()),
            false => self.product(&gemm.column_major(), *b, *a, *c), // its left factor is our right one
        }
    }
}
