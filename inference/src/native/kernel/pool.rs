//! One row of a pooling.

use super::depthwise::MAX_KERNEL;
use super::simd::{LANES, Simd};

/// The work of one row. Steps are in floats.
#[derive(Clone, Copy)]
pub(super) struct PoolRow {
    /// The input rows that lie in the picture.
    pub(super) rows: [*const f32; MAX_KERNEL],
    pub(super) n_rows: usize,
    pub(super) kernel_columns: usize,
    pub(super) stride: usize,
    pub(super) pad_left: usize,
    pub(super) in_width: usize,
    /// From one pixel to the next, of input and output.
    pub(super) step: usize,
    pub(super) out_width: usize,
    pub(super) blocks: usize,
    /// The mean of what lies in the picture; else the greatest.
    pub(super) is_mean: bool,
    pub(super) output: *mut f32,
}

/// Pools one row.
///
/// # Safety
/// All that the description reaches lies in live memory, outputs apart from inputs; every window holds a
/// pixel.
#[inline(always)]
pub(super) unsafe fn row<S: Simd>(work: &PoolRow) {
    for x in 0..work.out_width {
        let from = (x * work.stride).saturating_sub(work.pad_left);
        let to = (x * work.stride + work.kernel_columns)
            .saturating_sub(work.pad_left)
            .min(work.in_width);
        for block in 0..work.blocks {
            // SAFETY: `from..to` lies in the row.
            unsafe {
                let result = if work.is_mean {
                    let mut sum = S::splat(0.0);
                    for row in &work.rows[..work.n_rows] {
                        for column in from..to {
                            sum = S::add(sum, S::load(row.add(column * work.step + block * LANES)));
                        }
                    }
                    let count = work.n_rows * (to - from);
                    S::mul(sum, S::splat(1.0 / count as f32))
                } else {
                    let mut greatest = S::splat(f32::NEG_INFINITY);
                    for row in &work.rows[..work.n_rows] {
                        for column in from..to {
                            let value = S::load(row.add(column * work.step + block * LANES));
                            greatest = S::max(greatest, value);
                        }
                    }
                    greatest
                };
                S::store(work.output.add(x * work.step + block * LANES), result);
            }
        }
    }
}
