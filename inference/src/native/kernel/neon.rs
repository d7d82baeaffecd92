//! AArch64 with NEON, which all of them have: four registers a vector.

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vbslq_f32, vcgtq_f32, vcltq_f32, vcvtq_f32_s32, vcvtq_f32_u32,
    vdupq_n_f32, vfmaq_f32, vget_high_s8, vget_high_s16, vget_high_u8, vget_high_u16, vget_low_s8,
    vget_low_s16, vget_low_u8, vget_low_u16, vld1q_f32, vld1q_s8, vld1q_u8, vmovl_s8, vmovl_s16,
    vmovl_u8, vmovl_u16, vmulq_f32, vst1q_f32,
};

use super::simd::{Simd, opaque};

#[derive(Clone, Copy)]
pub(super) struct Neon;

type Four = [float32x4_t; 4];

macro_rules! each {
    ($i:ident => $value:expr) => {{
        let at = |$i: usize| unsafe { $value };
        [at(0), at(1), at(2), at(3)]
    }};
}

// SAFETY of every block below: the trait's promises; every AArch64 processor that Rust builds for has NEON.
impl Simd for Neon {
    type V = Four;
    const REGISTERS: usize = 8;

    opaque!();

    #[inline(always)]
    unsafe fn splat(value: f32) -> Four {
        [unsafe { vdupq_n_f32(value) }; 4]
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Four {
        [unsafe { vdupq_n_f32(*from) }; 4]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Four {
        each!(i => vld1q_f32(from.add(4 * i)))
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Four) {
        for (i, four) in value.into_iter().enumerate() {
            unsafe { vst1q_f32(to.add(4 * i), four) }
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Four {
        unsafe {
            let bytes = vld1q_s8(from.cast());
            let (low, high) = (vmovl_s8(vget_low_s8(bytes)), vmovl_s8(vget_high_s8(bytes)));
            [
                vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))),
                vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))),
                vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))),
                vcvtq_f32_s32(vmovl_s16(vget_high_s16(high))),
            ]
        }
    }

    #[inline(always)]
    unsafe fn load_levels(from: *const u8) -> Four {
        unsafe {
            let bytes = vld1q_u8(from);
            let (low, high) = (vmovl_u8(vget_low_u8(bytes)), vmovl_u8(vget_high_u8(bytes)));
            [
                vcvtq_f32_u32(vmovl_u16(vget_low_u16(low))),
                vcvtq_f32_u32(vmovl_u16(vget_high_u16(low))),
                vcvtq_f32_u32(vmovl_u16(vget_low_u16(high))),
                vcvtq_f32_u32(vmovl_u16(vget_high_u16(high))),
            ]
        }
    }

    #[inline(always)]
    unsafe fn fma(a: Four, b: Four, c: Four) -> Four {
        each!(i => vfmaq_f32(c[i], a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn add(a: Four, b: Four) -> Four {
        each!(i => vaddq_f32(a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn mul(a: Four, b: Four) -> Four {
        each!(i => vmulq_f32(a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn max(a: Four, b: Four) -> Four {
        each!(i => vbslq_f32(vcgtq_f32(a[i], b[i]), a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn min(a: Four, b: Four) -> Four {
        each!(i => vbslq_f32(vcltq_f32(a[i], b[i]), a[i], b[i]))
    }
}

// 32 registers: 24 sums, four weights, one pixel.
super::dispatch::kernels!(
    Neon,
    "neon",
    6,
    [1: 1 2 3 4 5 6],
    Neon: [],
    target_feature(enable = "neon")
);
