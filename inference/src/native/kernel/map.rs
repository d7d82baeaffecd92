//! Value by value: sums of tensors, scale and shift of channels, activations; and means over all pixels.

use super::finish::{MAX_RESIDUALS, RawFinish};
use super::simd::{LANES, Simd};

/// The work of one map over pixels of `blocks` vectors, densely one after the other.
#[derive(Clone, Copy)]
pub(super) struct Map {
    pub(super) input: *const f32,
    pub(super) n_pixels: usize,
    pub(super) blocks: usize,
    /// One float a channel each; null for neither.
    pub(super) scale: *const f32,
    pub(super) shift: *const f32,
    pub(super) finish: RawFinish,
}

/// Scales, shifts, adds the residuals, activates.
///
/// # Safety
/// All that the description reaches lies in live memory, outputs apart from inputs.
#[inline(always)]
pub(super) unsafe fn map<S: Simd>(work: &Map) {
    debug_assert!(work.finish.n_residuals <= MAX_RESIDUALS);
    for pixel in 0..work.n_pixels {
        for block in 0..work.blocks {
            let offset = (pixel * work.blocks + block) * LANES;
            // SAFETY: the offset lies in every tensor.
            unsafe {
                let mut x = S::load(work.input.add(offset));
                if !work.scale.is_null() {
                    let scale = S::load(work.scale.add(block * LANES));
                    x = S::fma(x, scale, S::load(work.shift.add(block * LANES)));
                }
                let finish = work.finish.at(0, block * LANES);
                finish.store::<S, 1, 1>([[x]], offset);
            }
        }
    }
}

/// The work of one mean over all pixels of a picture.
#[derive(Clone, Copy)]
pub(super) struct Mean {
    pub(super) input: *const f32,
    pub(super) n_pixels: usize,
    pub(super) blocks: usize,
    pub(super) output: *mut f32,
}

/// Sums side by side: an addition waits for the one before it in its sum.
const MEAN_SUMS: usize = 8;

/// The mean of each channel.
///
/// # Safety
/// As of [`map`]; there is at least one pixel.
#[inline(always)]
pub(super) unsafe fn mean<S: Simd>(work: &Mean) {
    let step = work.blocks * LANES;
    for block in 0..work.blocks {
        // SAFETY: every pixel has that block.
        unsafe {
            let mut sums = [S::splat(0.0); MEAN_SUMS];
            let mut from = work.input.add(block * LANES);
            for _ in 0..work.n_pixels / MEAN_SUMS {
                for (index, sum) in sums.iter_mut().enumerate() {
                    *sum = S::add(*sum, S::load(from.add(index * step)));
                }
                from = from.wrapping_add(MEAN_SUMS * step);
            }
            for (index, sum) in sums.iter_mut().enumerate() {
                if index < work.n_pixels % MEAN_SUMS {
                    *sum = S::add(*sum, S::load(from.add(index * step)));
                }
            }
            let sum = sums
                .iter()
                .fold(S::splat(0.0), |all, sum| S::add(all, *sum));
            let mean = S::mul(sum, S::splat(1.0 / work.n_pixels as f32));
            S::store(work.output.add(block * LANES), mean);
        }
    }
}
