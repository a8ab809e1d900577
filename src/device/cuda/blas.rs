//! Matrix products, by cuBLAS.

use super::memory::{Compute, Memory};
use crate::device::Trans;
use crate::device::gemm::ColumnMajor;
use crate::{Error, Kind, Result};
use cudarc::cublas::sys::{self, cublasOperation_t, cublasStatus_t};
use std::ffi::{c_int, c_longlong};
use std::sync::Arc;

/// Work memory for the products: what NVIDIA advises for its largest cards. cuBLAS may allocate none while a step is
/// recorded; and with memory of its own a product gives the same bits each time.
const WORKSPACE: usize = 32 << 20;

/// cuBLAS, set to compute on a stream.
pub struct Blas {
    handle: sys::cublasHandle_t,
    /// The stream and the work memory that the handle uses.
    compute: Arc<Compute>,
    _workspace: Memory,
}

// SAFETY: a handle may change threads; only whoever holds the card's lock uses it.
unsafe impl Send for Blas {}

impl Blas {
    pub fn new(compute: &Arc<Compute>) -> Result<Blas> {
        let workspace = Memory::new(compute, WORKSPACE)?;
        let mut handle = std::ptr::null_mut();
        // SAFETY: cuBLAS writes its own pointer, for the context that `Memory::new` has entered.
        check("start cuBLAS", unsafe { sys::cublasCreate_v2(&mut handle) }).map_err(|e| {
            e.hint("the driver must be as new as cuBLAS: nvidia-smi shows the CUDA version that it is made for")
        })?;
        let blas = Blas { handle, compute: compute.clone(), _workspace: workspace };
        let (at, bytes) = (blas._workspace.address as *mut _, blas._workspace.bytes);
        let stream = compute.stream.raw().cast();
        // TF32 rounds the factors to 10 bits: faster, but only for those who ask for it.
        let math = match std::env::var("CORTADO_TF32").as_deref() {
            Ok("1") => sys::cublasMath_t::CUBLAS_TF32_TENSOR_OP_MATH,
            _ => sys::cublasMath_t::CUBLAS_DEFAULT_MATH,
        };
        // SAFETY: handle, stream and memory live as long as `blas`. The stream is set first: that resets the memory.
        unsafe {
            check("set cuBLAS's stream", sys::cublasSetStream_v2(handle, stream))?;
            check("set cuBLAS's memory", sys::cublasSetWorkspace_v2(handle, at, bytes))?;
            check("set cuBLAS's precision", sys::cublasSetMathMode(handle, math))?;
            // Sums by atomic additions differ from run to run.
            let atomics = sys::cublasAtomicsMode_t::CUBLAS_ATOMICS_NOT_ALLOWED;
            check("set cuBLAS's atomics", sys::cublasSetAtomicsMode(handle, atomics))?;
        }
        Ok(blas)
    }

    /// c = alpha op(a) op(b) + beta c, of matrices in buffers at these addresses, whose lengths were checked.
    pub fn product(&self, call: &ColumnMajor, a: u64, b: u64, c: u64) -> Result {
        let int = |n: usize| {
            c_int::try_from(n)
                .map_err(|_| Error::new(Kind::Device, format!("a matrix product of size {n} is too large")))
        };
        let op = |trans| match trans {
            Trans::No => cublasOperation_t::CUBLAS_OP_N,
            Trans::Yes => cublasOperation_t::CUBLAS_OP_T,
        };
        let (op_a, op_b) = (op(call.a.trans), op(call.b.trans));
        let (m, n, k, batch) = (int(call.m)?, int(call.n)?, int(call.k)?, int(call.batch)?);
        let (lda, ldb, ldc) = (int(call.a.ld)?, int(call.b.ld)?, int(call.c.ld)?);
        let [step_a, step_b, step_c] = [call.a.step, call.b.step, call.c.step].map(|step| step as c_longlong);
        let at = |address: u64, first: usize| (address + 4 * first as u64) as *mut f32;
        let (a, b, c) = (at(a, call.a.at), at(b, call.b.at), at(c, call.c.at));
        let (alpha, beta) = (&call.alpha, &call.beta);
        self.compute.context.enter()?;
        // SAFETY: `Gemm::check` has found the matrices inside their buffers, which stay until the stream has done it;
        // alpha and beta are read before the call returns.
        let answer = unsafe {
            match batch {
                1 => sys::cublasSgemm_v2(self.handle, op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc),
                _ => sys::cublasSgemmStridedBatched(
                    self.handle,
                    op_a,
                    op_b,
                    m,
                    n,
                    k,
                    alpha,
                    a,
                    lda,
                    step_a,
                    b,
                    ldb,
                    step_b,
                    beta,
                    c,
                    ldc,
                    step_c,
                    batch,
                ),
            }
        };
        check("multiply matrices", answer)
    }
}

impl Drop for Blas {
    fn drop(&mut self) {
        // SAFETY: the handle is not used again, and the stream has done all that it was asked for.
        let _ = self.compute.stream.wait().map(|()| unsafe { sys::cublasDestroy_v2(self.handle) });
    }
}

fn check(what: &str, answer: cublasStatus_t) -> Result {
    match answer as u32 {
        0 => Ok(()),
        3 => Err(Error::new(Kind::Device, format!("cannot {what}: the card's memory is full"))),
        13 => Err(Error::new(
            Kind::Device,
            "an earlier kernel failed, or cuBLAS's own did (CUBLAS_STATUS_EXECUTION_FAILED)",
        )),
        number => Err(Error::new(Kind::Device, format!("cannot {what}: cuBLAS's error {number}"))),
    }
}
