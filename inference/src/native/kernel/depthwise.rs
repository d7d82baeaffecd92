//! One row of a depthwise convolution: each channel by itself.

use super::finish::RawFinish;
use super::simd::{LANES, Simd};

/// Largest kernel, in rows, for which row pointers have room.
pub(crate) const MAX_KERNEL: usize = 16;

/// Pixels computed together.
const GROUP: usize = 8;

/// The work of one row. Steps are in floats.
#[derive(Clone, Copy)]
pub(super) struct DepthwiseRow {
    /// The input row for each row of the kernel; a row of noughts where it lies outside.
    pub(super) rows: [*const f32; MAX_KERNEL],
    pub(super) kernel_rows: usize,
    pub(super) kernel_columns: usize,
    pub(super) stride: usize,
    pub(super) pad_left: usize,
    /// Pixels of an input row, and the way from one to the next.
    pub(super) in_width: usize,
    pub(super) step: usize,
    pub(super) out_width: usize,
    /// Output pixels whose taps all lie in the row: from here to there.
    pub(super) inner: (usize, usize),
    /// Blocks of sixteen channels.
    pub(super) blocks: usize,
    /// `[block][tap row][tap column][16]`.
    pub(super) weights: *const f32,
    pub(super) bias: *const f32,
    pub(super) finish: RawFinish,
}

/// A square kernel of known size and stride.
///
/// # Safety
/// All that the description reaches lies in live memory, outputs apart from inputs; `K` and `STRIDE` are
/// those of the description.
#[inline(always)]
pub(super) unsafe fn fixed<S: Simd, const K: usize, const STRIDE: usize>(work: &DepthwiseRow) {
    // SAFETY: the caller's promise; inner pixels see only what lies in the row.
    unsafe {
        for block in 0..work.blocks {
            let weights = work.weights.add(block * K * K * LANES);
            let finish = work.finish.at(block * LANES, block * LANES);
            let (from, to) = work.inner;
            for x in 0..from {
                edge::<S>(work, block, x, &finish);
            }
            let mut factors = [[S::splat(0.0); K]; K];
            for (i, row) in factors.iter_mut().enumerate() {
                for (j, factor) in row.iter_mut().enumerate() {
                    *factor = S::load(weights.add((i * K + j) * LANES));
                }
            }
            let mut x = from;
            while x + GROUP <= to {
                group::<S, K, STRIDE, GROUP>(work, block, x, &factors, &finish);
                x += GROUP;
            }
            while x + 2 <= to {
                group::<S, K, STRIDE, 2>(work, block, x, &factors, &finish);
                x += 2;
            }
            for x in x..work.out_width {
                edge::<S>(work, block, x, &finish);
            }
        }
    }
}

/// Neighbouring pixels that all see `K` by `K` taps.
#[inline(always)]
unsafe fn group<S: Simd, const K: usize, const STRIDE: usize, const N: usize>(
    work: &DepthwiseRow,
    block: usize,
    x: usize,
    factors: &[[S::V; K]; K],
    finish: &RawFinish,
) {
    // SAFETY: `x` to `x + N` are inner pixels.
    unsafe {
        let bias = S::load(work.bias.add(block * LANES));
        let mut sums = [[bias; 1]; N];
        for i in 0..K {
            let first = (x * STRIDE - work.pad_left) * work.step + block * LANES;
            let row = work.rows[i].add(first);
            for j in 0..K {
                for (pixel, sum) in sums.iter_mut().enumerate() {
                    let value = S::load(row.add((pixel * STRIDE + j) * work.step));
                    sum[0] = S::fma(value, factors[i][j], sum[0]);
                }
            }
        }
        finish.store::<S, N, 1>(sums, x * finish.step);
    }
}

/// One pixel, of whose taps some may lie outside.
#[inline(always)]
unsafe fn edge<S: Simd>(work: &DepthwiseRow, block: usize, x: usize, finish: &RawFinish) {
    let n_columns = work.kernel_columns;
    // SAFETY: taps outside the row are left out.
    unsafe {
        let mut sum = S::load(work.bias.add(block * LANES));
        let weights = work
            .weights
            .add(block * work.kernel_rows * n_columns * LANES);
        for i in 0..work.kernel_rows {
            for j in 0..n_columns {
                let at = x * work.stride + j;
                if at >= work.pad_left && at - work.pad_left < work.in_width {
                    let value = work.rows[i].add((at - work.pad_left) * work.step + block * LANES);
                    let factor = S::load(weights.add((i * n_columns + j) * LANES));
                    sum = S::fma(S::load(value), factor, sum);
                }
            }
        }
        finish.store::<S, 1, 1>([[sum]], x * finish.step);
    }
}

/// Any kernel and stride, pixel by pixel.
///
/// # Safety
/// As of [`fixed`].
#[inline(always)]
pub(super) unsafe fn any<S: Simd>(work: &DepthwiseRow) {
    for block in 0..work.blocks {
        // SAFETY: the caller's promise.
        unsafe {
            let finish = work.finish.at(block * LANES, block * LANES);
            for x in 0..work.out_width {
                edge::<S>(work, block, x, &finish);
            }
        }
    }
}
