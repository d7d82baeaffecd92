//! x86-64 with AVX-512 and its neural network instructions.

use std::arch::x86_64::{
    __m512i, _mm512_dpbusd_epi32, _mm512_load_si512, _mm512_set1_epi32, _mm512_storeu_si512,
};

use super::lanes::{Lanes, Work, run as run_on};
use super::{BLOCK_ROWS, GROUP_LEN, Line};

struct Avx512;

// SAFETY of every block below: the trait's promise; a line lies on a border of 64 bytes.
impl Lanes for Avx512 {
    type Sums = __m512i;
    type Rows = __m512i;
    type Group = __m512i;

    #[inline(always)]
    unsafe fn splat(value: i32) -> __m512i {
        unsafe { _mm512_set1_epi32(value) }
    }

    #[inline(always)]
    unsafe fn rows(line: &Line) -> __m512i {
        unsafe { _mm512_load_si512(line.0.as_ptr().cast()) }
    }

    #[inline(always)]
    unsafe fn group(numbers: &[i8; GROUP_LEN]) -> __m512i {
        unsafe { _mm512_set1_epi32(i32::from_le_bytes(numbers.map(i8::cast_unsigned))) }
    }

    #[inline(always)]
    unsafe fn add(sums: __m512i, rows: __m512i, group: __m512i) -> __m512i {
        unsafe { _mm512_dpbusd_epi32(sums, rows, group) }
    }

    #[inline(always)]
    unsafe fn store(sums: __m512i, to: &mut [i32; BLOCK_ROWS]) {
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), sums) }
    }
}

/// Eight probes on two blocks: sixteen sums, four of them in flight on each of two ports. One probe goes block by block, so that
/// memory is read in one stream, which the processor fetches ahead by itself: four blocks side by side, and lines fetched
/// ahead by instruction, were measured at two thirds of the speed.
///
/// # Safety
/// The processor has AVX-512F and VNNI, and the work is as `products_by` checks it.
#[target_feature(enable = "avx512f,avx512vnni")]
pub(super) unsafe fn run(work: &mut Work<'_>) {
    // SAFETY: the caller's promises.
    unsafe { run_on::<Avx512, 2, 8, 1>(work) }
}
