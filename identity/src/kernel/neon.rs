//! AArch64.

use std::arch::aarch64::{
    int8x16_t, int32x4_t, uint8x16_t, vcombine_s32, vdup_n_s32, vdupq_n_s32, vdupq_n_u8, veorq_u8,
    vget_low_s8, vld1q_u8, vmull_high_s8, vmull_s8, vpadalq_s16, vpaddq_s32, vreinterpretq_s8_s32,
    vreinterpretq_s8_u8, vst1q_s32,
};

use super::lanes::{Lanes, Work, run as run_on};
use super::{BLOCK_ROWS, GROUP_LEN, Line};

struct Neon;

// SAFETY of every block below: every AArch64 processor that Rust knows has NEON.
impl Lanes for Neon {
    /// Two rows each, two half sums a row.
    type Sums = [int32x4_t; 8];
    /// Four rows each, without the 128 that was added, so with their sign.
    type Rows = [int8x16_t; 4];
    type Group = int8x16_t;

    /// The excess of 128 does not arise here: see [`Neon::rows`].
    #[inline(always)]
    unsafe fn splat(_value: i32) -> Self::Sums {
        unsafe { [vdupq_n_s32(0); 8] }
    }

    #[inline(always)]
    unsafe fn rows(line: &Line) -> Self::Rows {
        let (quarters, _) = line.0.as_chunks::<16>();
        std::array::from_fn(|i| unsafe {
            let stored: uint8x16_t = vld1q_u8(quarters[i].as_ptr());
            vreinterpretq_s8_u8(veorq_u8(stored, vdupq_n_u8(0x80)))
        })
    }

    #[inline(always)]
    unsafe fn group(numbers: &[i8; GROUP_LEN]) -> int8x16_t {
        let four = i32::from_le_bytes(numbers.map(i8::cast_unsigned));
        unsafe {
            let half = vdup_n_s32(four);
            vreinterpretq_s8_s32(vcombine_s32(half, half))
        }
    }

    #[inline(always)]
    unsafe fn add(sums: Self::Sums, rows: Self::Rows, group: int8x16_t) -> Self::Sums {
        std::array::from_fn(|i| unsafe {
            let products = if i % 2 == 0 {
                vmull_s8(vget_low_s8(rows[i / 2]), vget_low_s8(group))
            } else {
                vmull_high_s8(rows[i / 2], group)
            };
            vpadalq_s16(sums[i], products)
        })
    }

    #[inline(always)]
    unsafe fn store(sums: Self::Sums, to: &mut [i32; BLOCK_ROWS]) {
        let (quarters, _) = to.as_chunks_mut::<4>();
        let (pairs, _) = sums.as_chunks::<2>();
        for (quarter, [low, high]) in quarters.iter_mut().zip(pairs) {
            unsafe { vst1q_s32(quarter.as_mut_ptr(), vpaddq_s32(*low, *high)) }
        }
    }
}

/// # Safety
/// The work is as `products_by` checks it.
#[target_feature(enable = "neon")]
pub(super) unsafe fn run(work: &mut Work<'_>) {
    // SAFETY: the caller's promise.
    unsafe { run_on::<Neon, 1, 2, 1>(work) }
}
