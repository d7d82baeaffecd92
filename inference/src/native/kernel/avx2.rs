//! x86-64 with AVX2 and FMA: two registers a vector.

use std::arch::x86_64::{
    __m256, _mm_loadl_epi64, _mm256_add_ps, _mm256_broadcast_ss, _mm256_cvtepi8_epi32,
    _mm256_cvtepi32_ps, _mm256_cvtepu8_epi32, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps,
    _mm256_min_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_storeu_ps,
};

use super::simd::{Simd, opaque};

/// The first eight floats of a vector: one register. The others are neither read nor written.
#[derive(Clone, Copy)]
pub(super) struct Half;

// SAFETY of every block below: the trait's promises, for eight floats; the instructions belong to AVX and FMA.
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

/// A vector: two halves, one after the other.
#[derive(Clone, Copy)]
pub(super) struct Avx2;

#[derive(Clone, Copy)]
pub(super) struct Pair(__m256, __m256);

// SAFETY of every block below: the trait's promises are those of both halves.
impl Simd for Avx2 {
    type V = Pair;
    const REGISTERS: usize = Half::REGISTERS / 2;

    opaque!();

    #[inline(always)]
    unsafe fn splat(value: f32) -> Pair {
        let half = unsafe { Half::splat(value) };
        Pair(half, half)
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Pair {
        let half = unsafe { Half::broadcast(from) };
        Pair(half, half)
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Pair {
        unsafe { Pair(Half::load(from), Half::load(from.add(8))) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Pair) {
        unsafe {
            Half::store(to, value.0);
            Half::store(to.add(8), value.1);
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Pair {
        unsafe { Pair(Half::load_bytes(from), Half::load_bytes(from.add(8))) }
    }

    #[inline(always)]
    unsafe fn load_levels(from: *const u8) -> Pair {
        unsafe { Pair(Half::load_levels(from), Half::load_levels(from.add(8))) }
    }

    #[inline(always)]
    unsafe fn fma(a: Pair, b: Pair, c: Pair) -> Pair {
        unsafe { Pair(Half::fma(a.0, b.0, c.0), Half::fma(a.1, b.1, c.1)) }
    }

    #[inline(always)]
    unsafe fn add(a: Pair, b: Pair) -> Pair {
        unsafe { Pair(Half::add(a.0, b.0), Half::add(a.1, b.1)) }
    }

    #[inline(always)]
    unsafe fn mul(a: Pair, b: Pair) -> Pair {
        unsafe { Pair(Half::mul(a.0, b.0), Half::mul(a.1, b.1)) }
    }

    #[inline(always)]
    unsafe fn max(a: Pair, b: Pair) -> Pair {
        unsafe { Pair(Half::max(a.0, b.0), Half::max(a.1, b.1)) }
    }

    #[inline(always)]
    unsafe fn min(a: Pair, b: Pair) -> Pair {
        unsafe { Pair(Half::min(a.0, b.0), Half::min(a.1, b.1)) }
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
