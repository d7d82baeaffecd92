//! Any processor, in plain Rust.

use super::simd::{LANES, Simd};

#[derive(Clone, Copy)]
pub(super) struct Scalar;

#[inline(always)]
fn zip(a: [f32; LANES], b: [f32; LANES], combine: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    let mut result = a;
    for (a, b) in result.iter_mut().zip(b) {
        *a = combine(*a, b);
    }
    result
}

impl Simd for Scalar {
    type V = [f32; LANES];
    const REGISTERS: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self::V {
        // SAFETY: the caller's promise of one float.
        [unsafe { *from }; LANES]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller's promise of sixteen floats; an array of them needs no more alignment.
        unsafe { *from.cast::<[f32; LANES]>() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::V) {
        // SAFETY: as in `load`.
        unsafe { *to.cast::<[f32; LANES]>() = value }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self::V {
        // SAFETY: the caller's promise of sixteen bytes.
        unsafe { *from.cast::<[i8; LANES]>() }.map(f32::from)
    }

    #[inline(always)]
    unsafe fn load_levels(from: *const u8) -> Self::V {
        // SAFETY: the caller's promise of sixteen bytes.
        unsafe { *from.cast::<[u8; LANES]>() }.map(f32::from)
    }

    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        zip(zip(a, b, |a, b| a * b), c, |ab, c| ab + c)
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
}

super::dispatch::kernels!(Scalar, "portable",
    2, [1: 1 2], Scalar: []);
