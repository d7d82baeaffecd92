//! One row of a depthwise convolution: each channel by itself.

use super::finish::RawFinish;
use super::simd::{LANES, Simd};

/// Largest kernel, in rows, for which row pointers have room.
pub(crate) const MAX_KERNEL: usize = 16;

/// Pixels computed together where there are registers for them, else half as many: more than a multiplication takes
/// cycles, times the units that do them, and few enough that sums, a row of weights and what is read stay in registers.
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
    let (from, to) = work.inner;
    // SAFETY: the caller's promise; inner pixels see only what lies in the row.
    unsafe {
        for x in 0..from {
            edges::<S, K>(work, x);
        }
        let mut x = from;
        while S::REGISTERS > 16 && x + GROUP <= to {
            groups::<S, K, STRIDE, GROUP>(work, x);
            x += GROUP;
        }
        while x + GROUP / 2 <= to {
            groups::<S, K, STRIDE, { GROUP / 2 }>(work, x);
            x += GROUP / 2;
        }
        if x + GROUP / 4 <= to {
            groups::<S, K, STRIDE, { GROUP / 4 }>(work, x);
            x += GROUP / 4;
        }
        for x in x..work.out_width {
            edges::<S, K>(work, x);
        }
    }
}

/// All channels of neighbouring pixels, one block after the other: what they see stays near, however long the row.
#[inline(always)]
unsafe fn groups<S: Simd, const K: usize, const STRIDE: usize, const N: usize>(
    work: &DepthwiseRow,
    x: usize,
) {
    for block in 0..work.blocks {
        // SAFETY: the caller's promise.
        unsafe { group::<S, K, STRIDE, N>(work, &BlockRow::of(work, block), x) };
    }
}

/// All channels of one pixel, of whose taps some may lie outside.
#[inline(always)]
unsafe fn edges<S: Simd, const K: usize>(work: &DepthwiseRow, x: usize) {
    for block in 0..work.blocks {
        // SAFETY: the caller's promise.
        unsafe { edge::<S, K>(work, &BlockRow::of(work, block), x) };
    }
}

/// One block of channels of a row.
struct BlockRow<const K: usize> {
    rows: [*const f32; K],
    weights: *const f32,
    bias: *const f32,
    finish: RawFinish,
}

impl<const K: usize> BlockRow<K> {
    /// # Safety
    /// Every tensor has that block.
    #[inline(always)]
    unsafe fn of(work: &DepthwiseRow, block: usize) -> Self {
        let mut rows = [std::ptr::null(); K];
        // SAFETY: the caller's promise.
        unsafe {
            for i in 0..K {
                rows[i] = work.rows[i].add(block * LANES);
            }
            Self {
                rows,
                weights: work.weights.add(block * K * K * LANES),
                bias: work.bias.add(block * LANES),
                finish: work.finish.at(block * LANES, block * LANES),
            }
        }
    }
}

/// Neighbouring pixels that all see `K` by `K` taps. Each input is read once a row, for all the pixels that see it.
#[inline(always)]
unsafe fn group<S: Simd, const K: usize, const STRIDE: usize, const N: usize>(
    work: &DepthwiseRow,
    row: &BlockRow<K>,
    x: usize,
) {
    // SAFETY: `x` to `x + N` are inner pixels.
    unsafe {
        let mut sums = [[S::load(row.bias); 1]; N];
        let first = (x * STRIDE - work.pad_left) * work.step;
        for i in 0..K {
            let mut factors = [S::splat(0.0); K];
            for j in 0..K {
                factors[j] = S::load(row.weights.add((i * K + j) * LANES));
            }
            let from = row.rows[i].add(first);
            for column in 0..(N - 1) * STRIDE + K {
                let value = S::load(from.add(column * work.step));
                for (pixel, sum) in sums.iter_mut().enumerate() {
                    if pixel * STRIDE <= column && column < pixel * STRIDE + K {
                        sum[0] = S::fma(value, factors[column - pixel * STRIDE], sum[0]);
                    }
                }
            }
        }
        row.finish.store::<S, N, 1>(sums, x * row.finish.step);
    }
}

/// The columns of the kernel that lie in the row, for output pixel `x`.
#[inline(always)]
fn columns(work: &DepthwiseRow, x: usize) -> std::ops::Range<usize> {
    let (at, right) = (x * work.stride, work.in_width + work.pad_left);
    let from = work.pad_left.saturating_sub(at).min(work.kernel_columns);
    from..right.saturating_sub(at).clamp(from, work.kernel_columns)
}

/// One pixel, of whose taps some may lie outside.
#[inline(always)]
unsafe fn edge<S: Simd, const K: usize>(work: &DepthwiseRow, row: &BlockRow<K>, x: usize) {
    // SAFETY: taps outside the row are left out.
    unsafe {
        let mut sum = S::load(row.bias);
        for j in columns(work, x) {
            let at = (x * work.stride + j - work.pad_left) * work.step;
            for i in 0..K {
                let factor = S::load(row.weights.add((i * K + j) * LANES));
                sum = S::fma(S::load(row.rows[i].add(at)), factor, sum);
            }
        }
        row.finish.store::<S, 1, 1>([[sum]], x * row.finish.step);
    }
}

/// Any kernel and stride, pixel by pixel.
///
/// # Safety
/// As of [`fixed`].
#[inline(always)]
pub(super) unsafe fn any<S: Simd>(work: &DepthwiseRow) {
    let n_columns = work.kernel_columns;
    for block in 0..work.blocks {
        // SAFETY: the caller's promise; taps outside the row are left out.
        unsafe {
            let finish = work.finish.at(block * LANES, block * LANES);
            let taps = work.kernel_rows * n_columns;
            let weights = work.weights.add(block * taps * LANES);
            for x in 0..work.out_width {
                let mut sum = S::load(work.bias.add(block * LANES));
                for j in columns(work, x) {
                    let at = (x * work.stride + j - work.pad_left) * work.step + block * LANES;
                    for i in 0..work.kernel_rows {
                        let factor = S::load(weights.add((i * n_columns + j) * LANES));
                        sum = S::fma(S::load(work.rows[i].add(at)), factor, sum);
                    }
                }
                finish.store::<S, 1, 1>([[sum]], x * finish.step);
            }
        }
    }
}
