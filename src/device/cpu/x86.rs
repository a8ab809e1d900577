//! x86-64's vectors: 4, 8 and 16 values.

use super::vector::Vector;
use std::arch::x86_64::*;

/// AVX-512: 32 registers.
// SAFETY, in all methods: the caller's promise.
impl Vector for __m512 {
    const LEN: usize = 16;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(x: *const f32) -> Self {
        unsafe { _mm512_loadu_ps(x) }
    }

    #[inline(always)]
    unsafe fn load_first(x: *const f32, n: usize) -> Self {
        unsafe { _mm512_maskz_loadu_ps(mask16(n), x) }
    }

    #[inline(always)]
    unsafe fn store(self, y: *mut f32) {
        unsafe { _mm512_storeu_ps(y, self) }
    }

    #[inline(always)]
    unsafe fn store_first(self, y: *mut f32, n: usize) {
        unsafe { _mm512_mask_storeu_ps(y, mask16(n), self) }
    }

    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        unsafe { _mm512_add_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, sum: Self) -> Self {
        unsafe { _mm512_fmadd_ps(self, b, sum) }
    }
}

/// AVX2 and FMA: 16 registers.
// SAFETY, in all methods: the caller's promise.
impl Vector for __m256 {
    const LEN: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(x: *const f32) -> Self {
        unsafe { _mm256_loadu_ps(x) }
    }

    #[inline(always)]
    unsafe fn load_first(x: *const f32, n: usize) -> Self {
        unsafe { _mm256_maskload_ps(x, mask8(n)) }
    }

    #[inline(always)]
    unsafe fn store(self, y: *mut f32) {
        unsafe { _mm256_storeu_ps(y, self) }
    }

    #[inline(always)]
    unsafe fn store_first(self, y: *mut f32, n: usize) {
        unsafe { _mm256_maskstore_ps(y, mask8(n), self) }
    }

    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        unsafe { _mm256_add_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, sum: Self) -> Self {
        unsafe { _mm256_fmadd_ps(self, b, sum) }
    }
}

/// What every x86-64 processor has: 16 registers, and no product with its sum in one.
// SAFETY, in all methods: the caller's promise.
impl Vector for __m128 {
    const LEN: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { _mm_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(x: *const f32) -> Self {
        unsafe { _mm_loadu_ps(x) }
    }

    #[inline(always)]
    unsafe fn load_first(x: *const f32, n: usize) -> Self {
        unsafe {
            let mut first = [0.0; 4];
            std::ptr::copy_nonoverlapping(x, first.as_mut_ptr(), n);
            _mm_loadu_ps(first.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store(self, y: *mut f32) {
        unsafe { _mm_storeu_ps(y, self) }
    }

    #[inline(always)]
    unsafe fn store_first(self, y: *mut f32, n: usize) {
        unsafe {
            let mut all = [0.0; 4];
            _mm_storeu_ps(all.as_mut_ptr(), self);
            std::ptr::copy_nonoverlapping(all.as_ptr(), y, n);
        }
    }

    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        unsafe { _mm_add_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, sum: Self) -> Self {
        unsafe { _mm_add_ps(_mm_mul_ps(self, b), sum) }
    }
}

/// The first `n` lanes.
#[inline(always)]
fn mask16(n: usize) -> __mmask16 {
    ((1u32 << n) - 1) as __mmask16
}

/// The first `n` lanes: 8 of the 16 numbers, of which the first 8 have a sign.
#[inline(always)]
unsafe fn mask8(n: usize) -> __m256i {
    const LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: n is 0 to 8.
    unsafe { _mm256_loadu_si256(LANES.as_ptr().add(8 - n).cast()) }
}
