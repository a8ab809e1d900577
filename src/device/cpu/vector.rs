//! Vectors of f32, as wide as a processor's registers.
//!
//! The inner loops of [`tile`](super::tile) and [`dots`](super::dots) are written once, over the trait [`Vector`], and compiled
//! for each kind of vector.

#[cfg(target_arch = "x86_64")]
pub(super) use std::arch::x86_64::__m128 as Baseline;

/// The vectors that every processor of this family has.
#[cfg(not(target_arch = "x86_64"))]
pub(super) type Baseline = [f32; 4];

/// The kinds of vectors that the inner loops are compiled for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What every processor of this family has.
    Baseline,
}

impl Kind {
    /// Those that this processor can run, the best first.
    pub(super) fn all() -> impl Iterator<Item = Kind> {
        #[cfg(target_arch = "x86_64")]
        let better = [
            is_x86_feature_detected!("avx512f").then_some(Kind::Avx512),
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Kind::Avx2),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let better: [Option<Kind>; 0] = [];
        better.into_iter().flatten().chain([Kind::Baseline])
    }

    pub(super) fn best() -> Kind {
        Kind::all().next().unwrap_or(Kind::Baseline)
    }

    /// Runs loops that are compiled for these vectors.
    pub(super) fn run(self, loops: &mut impl Loops) {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f")]
        fn avx512(loops: &mut impl Loops) {
            // SAFETY: the processor has these vectors.
            unsafe { loops.run::<std::arch::x86_64::__m512>() }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn avx2(loops: &mut impl Loops) {
            // SAFETY: the processor has these vectors.
            unsafe { loops.run::<std::arch::x86_64::__m256>() }
        }
        // SAFETY: `all` gives only what the processor has.
        match self {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512(loops) },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2(loops) },
            Kind::Baseline => unsafe { loops.run::<Baseline>() },
        }
    }
}

/// Inner loops, written once for all kinds of vectors.
pub(super) trait Loops {
    /// Does all the work; mark it `#[inline(always)]`.
    ///
    /// # Safety
    /// The processor must have the instructions of V.
    unsafe fn run<V: Vector>(&mut self);
}

/// A register of f32. Its methods become single instructions where they are inlined into a function that is compiled for the
/// vector's instruction set.
///
/// # Safety
/// For all methods: the processor must have the instructions, and a pointer must be valid for the values that are read or
/// written.
pub(super) trait Vector: Copy {
    /// How many values it holds.
    const LEN: usize;
    /// How many such registers there are.
    const REGISTERS: usize = 16;

    /// `x` in every lane.
    unsafe fn splat(x: f32) -> Self;

    /// The `LEN` values from `x` on.
    unsafe fn load(x: *const f32) -> Self;

    /// The first `n` values from `x` on, and zeros.
    unsafe fn load_first(x: *const f32, n: usize) -> Self;

    /// Writes all values.
    unsafe fn store(self, y: *mut f32);

    /// Writes the first `n` values.
    unsafe fn store_first(self, y: *mut f32, n: usize);

    /// The sum, lane by lane.
    unsafe fn add(self, b: Self) -> Self;

    /// `self * b + sum`, lane by lane; rounded once where the processor can.
    unsafe fn mul_add(self, b: Self, sum: Self) -> Self;
}

/// For all other processors: four values, which the compiler puts into a register where there is one (NEON, for example).
#[cfg(not(target_arch = "x86_64"))]
impl Vector for [f32; 4] {
    const LEN: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        [x; 4]
    }

    #[inline(always)]
    unsafe fn load(x: *const f32) -> Self {
        // SAFETY: the caller's promise.
        unsafe { x.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_first(x: *const f32, n: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe { std::array::from_fn(|l| if l < n { *x.add(l) } else { 0.0 }) }
    }

    #[inline(always)]
    unsafe fn store(self, y: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { y.cast::<[f32; 4]>().write_unaligned(self) }
    }

    #[inline(always)]
    unsafe fn store_first(self, y: *mut f32, n: usize) {
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(self.as_ptr(), y, n) }
    }

    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        std::array::from_fn(|l| self[l] + b[l])
    }

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, sum: Self) -> Self {
        std::array::from_fn(|l| self[l].mul_add(b[l], sum[l]))
    }
}
