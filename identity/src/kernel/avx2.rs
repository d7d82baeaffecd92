//! x86-64 with AVX2: numbers widened to sixteen bits, so that no sum is cut short.

use std::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_load_si128, _mm_prefetch, _mm_set1_epi32, _mm256_add_epi32,
    _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16, _mm256_hadd_epi32, _mm256_madd_epi16,
    _mm256_permute4x64_epi64, _mm256_set1_epi64x, _mm256_storeu_si256,
};

use super::lanes::{Lanes, Work, run as run_on};
use super::{BLOCK_ROWS, GROUP_LEN, Line};

struct Avx2;

// SAFETY of every block below: the trait's promise; a line lies on a border of 64 bytes and its quarter on one of 16.
impl Lanes for Avx2 {
    /// Four rows each, two half sums a row.
    type Sums = [__m256i; 4];
    /// Four rows each, sixteen bits a number.
    type Rows = [__m256i; 4];
    type Group = __m256i;

    #[inline(always)]
    unsafe fn splat(value: i32) -> Self::Sums {
        // In the lower of the two half sums of each row.
        unsafe { [_mm256_set1_epi64x(i64::from(value.cast_unsigned())); 4] }
    }

    #[inline(always)]
    unsafe fn rows(line: &Line) -> Self::Rows {
        let (quarters, _) = line.0.as_chunks::<16>();
        std::array::from_fn(|i| unsafe {
            _mm256_cvtepu8_epi16(_mm_load_si128(quarters[i].as_ptr().cast()))
        })
    }

    #[inline(always)]
    unsafe fn group(numbers: &[i8; GROUP_LEN]) -> __m256i {
        let four = i32::from_le_bytes(numbers.map(i8::cast_unsigned));
        unsafe { _mm256_cvtepi8_epi16(_mm_set1_epi32(four)) }
    }

    #[inline(always)]
    unsafe fn add(sums: Self::Sums, rows: Self::Rows, group: __m256i) -> Self::Sums {
        std::array::from_fn(|i| unsafe {
            _mm256_add_epi32(sums[i], _mm256_madd_epi16(rows[i], group))
        })
    }

    #[inline(always)]
    unsafe fn store(sums: Self::Sums, to: &mut [i32; BLOCK_ROWS]) {
        let (halves, _) = to.as_chunks_mut::<8>();
        let (pairs, _) = sums.as_chunks::<2>();
        for (half, [low, high]) in halves.iter_mut().zip(pairs) {
            // Sums of neighbours come out as rows 0 1 4 5 2 3 6 7.
            unsafe {
                let mixed = _mm256_hadd_epi32(*low, *high);
                let rows = _mm256_permute4x64_epi64::<0b11_01_10_00>(mixed);
                _mm256_storeu_si256(half.as_mut_ptr().cast(), rows);
            }
        }
    }

    #[inline(always)]
    unsafe fn fetch(line: *const Line) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) }
    }
}

/// # Safety
/// The processor has AVX2, and the work is as `products_by` checks it.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn run(work: &mut Work<'_>) {
    // SAFETY: the caller's promises.
    unsafe { run_on::<Avx2, 1, 2, 1>(work) }
}
