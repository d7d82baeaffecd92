//! x86-64 with the neural network instructions for half as long vectors: client processors.

use std::arch::x86_64::{
    __m256i, _mm256_dpbusd_avx_epi32, _mm256_load_si256, _mm256_set1_epi32, _mm256_storeu_si256,
};

use super::lanes::{Lanes, Work, run as run_on};
use super::{BLOCK_ROWS, GROUP_LEN, Line};

struct AvxVnni;

// SAFETY of every block below: the trait's promise; a line lies on a border of 64 bytes and its half on one of 32.
impl Lanes for AvxVnni {
    type Sums = [__m256i; 2];
    type Rows = [__m256i; 2];
    type Group = __m256i;

    #[inline(always)]
    unsafe fn splat(value: i32) -> Self::Sums {
        unsafe { [_mm256_set1_epi32(value); 2] }
    }

    #[inline(always)]
    unsafe fn rows(line: &Line) -> Self::Rows {
        let (halves, _) = line.0.as_chunks::<32>();
        std::array::from_fn(|i| unsafe { _mm256_load_si256(halves[i].as_ptr().cast()) })
    }

    #[inline(always)]
    unsafe fn group(numbers: &[i8; GROUP_LEN]) -> __m256i {
        unsafe { _mm256_set1_epi32(i32::from_le_bytes(numbers.map(i8::cast_unsigned))) }
    }

    #[inline(always)]
    unsafe fn add(sums: Self::Sums, rows: Self::Rows, group: __m256i) -> Self::Sums {
        std::array::from_fn(|i| unsafe { _mm256_dpbusd_avx_epi32(sums[i], rows[i], group) })
    }

    #[inline(always)]
    unsafe fn store(sums: Self::Sums, to: &mut [i32; BLOCK_ROWS]) {
        let (halves, _) = to.as_chunks_mut::<8>();
        for (half, sum) in halves.iter_mut().zip(sums) {
            unsafe { _mm256_storeu_si256(half.as_mut_ptr().cast(), sum) }
        }
    }
}

/// # Safety
/// The processor has AVX2 and AVX-VNNI, and the work is as `products_by` checks it.
#[target_feature(enable = "avx2,avxvnni")]
pub(super) unsafe fn run(work: &mut Work<'_>) {
    // SAFETY: the caller's promises.
    unsafe { run_on::<AvxVnni, 1, 4, 2>(work) }
}
