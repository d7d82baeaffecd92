//! x86-64 with AVX2 and FMA: two registers a vector.

use std::arch::x86_64::{
    __m256, _mm_loadl_epi64, _mm_loadu_si128, _mm_srli_si128, _mm256_add_ps, _mm256_broadcast_ss,
    _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps, _mm256_cvtepu8_epi32, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_storeu_ps,
};

use super::simd::{Simd, opaque};

#[derive(Clone, Copy)]
pub(super) struct Avx2;

#[derive(Clone, Copy)]
pub(super) struct Pair(__m256, __m256);

// SAFETY of every block below: the trait's promises; the instructions belong to AVX and FMA.
impl Simd for Avx2 {
    type V = Pair;
    const REGISTERS: usize = 8;

    opaque!();

    #[inline(always)]
    unsafe fn splat(value: f32) -> Pair {
        let half = unsafe { _mm256_set1_ps(value) };
        Pair(half, half)
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Pair {
        let half = unsafe { _mm256_broadcast_ss(&*from) };
        Pair(half, half)
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Pair {
        unsafe { Pair(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Pair) {
        unsafe {
            _mm256_storeu_ps(to, value.0);
            _mm256_storeu_ps(to.add(8), value.1);
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Pair {
        unsafe {
            let bytes = _mm_loadu_si128(from.cast());
            let low = _mm256_cvtepi8_epi32(bytes);
            let high = _mm256_cvtepi8_epi32(_mm_srli_si128::<8>(bytes));
            Pair(_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high))
        }
    }

    #[inline(always)]
    unsafe fn load_levels(from: *const u8) -> Pair {
        unsafe {
            let bytes = _mm_loadu_si128(from.cast());
            let low = _mm256_cvtepu8_epi32(bytes);
            let high = _mm256_cvtepu8_epi32(_mm_srli_si128::<8>(bytes));
            Pair(_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high))
        }
    }

    #[inline(always)]
    unsafe fn fma(a: Pair, b: Pair, c: Pair) -> Pair {
        unsafe {
            Pair(
                _mm256_fmadd_ps(a.0, b.0, c.0),
                _mm256_fmadd_ps(a.1, b.1, c.1),
            )
        }
    }

    #[inline(always)]
    unsafe fn add(a: Pair, b: Pair) -> Pair {
        unsafe { Pair(_mm256_add_ps(a.0, b.0), _mm256_add_ps(a.1, b.1)) }
    }

    #[inline(always)]
    unsafe fn mul(a: Pair, b: Pair) -> Pair {
        unsafe { Pair(_mm256_mul_ps(a.0, b.0), _mm256_mul_ps(a.1, b.1)) }
    }

    #[inline(always)]
    unsafe fn max(a: Pair, b: Pair) -> Pair {
        unsafe { Pair(_mm256_max_ps(a.0, b.0), _mm256_max_ps(a.1, b.1)) }
    }

    #[inline(always)]
    unsafe fn min(a: Pair, b: Pair) -> Pair {
        unsafe { Pair(_mm256_min_ps(a.0, b.0), _mm256_min_ps(a.1, b.1)) }
    }
}

/// The first eight floats of a vector: one register. The others are neither read nor written.
#[derive(Clone, Copy)]
pub(super) struct Half;

// SAFETY of every block below: as above.
impl Simd for Half {
    type V = __m256;
    const REGISTERS: usize = 16;

    opaque!();

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> __m256 {
        unsafe { _mm256_broadcast_ss(&*from) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: __m256) {
        unsafe { _mm256_storeu_ps(to, value) }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> __m256 {
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn load_levels(from: *const u8) -> __m256 {
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_min_ps(a, b) }
    }
}

// 16 registers: 12 sums, two weights, one pixel.
super::dispatch::kernels!(
    Avx2,
    "avx2",
    6,
    [1: 1 2 3 4 5 6],
    Half: [1 2 3 4 5 6 7 8 9 10 11 12],
    target_feature(enable = "avx2,fma")
);
