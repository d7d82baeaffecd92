//! Any processor.

use super::lanes::{Lanes, Work, run as run_on};
use super::{BLOCK_ROWS, GROUP_LEN, Line};

struct Scalar;

impl Lanes for Scalar {
    type Sums = [i32; BLOCK_ROWS];
    type Rows = [u8; BLOCK_ROWS * GROUP_LEN];
    type Group = [i8; GROUP_LEN];

    #[inline(always)]
    unsafe fn splat(value: i32) -> Self::Sums {
        [value; BLOCK_ROWS]
    }

    #[inline(always)]
    unsafe fn rows(line: &Line) -> Self::Rows {
        line.0
    }

    #[inline(always)]
    unsafe fn group(numbers: &[i8; GROUP_LEN]) -> Self::Group {
        *numbers
    }

    #[inline(always)]
    unsafe fn add(mut sums: Self::Sums, rows: Self::Rows, group: Self::Group) -> Self::Sums {
        let (rows, _) = rows.as_chunks::<GROUP_LEN>();
        for (sum, row) in sums.iter_mut().zip(rows) {
            let products = row.iter().zip(group);
            *sum += products
                .map(|(q, p)| i32::from(*q) * i32::from(p))
                .sum::<i32>();
        }
        sums
    }

    #[inline(always)]
    unsafe fn store(sums: Self::Sums, to: &mut [i32; BLOCK_ROWS]) {
        *to = sums;
    }
}

/// # Safety
/// The work is as `products_by` checks it.
pub(super) unsafe fn run(work: &mut Work<'_>) {
    // SAFETY: plain instructions; the rest is the caller's promise.
    unsafe { run_on::<Scalar, 1, 1, 1>(work) }
}
