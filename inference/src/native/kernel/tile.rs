//! A tile of a convolution: some pixels of one row by some vectors of output channels, kept in registers
//! while all inputs pass by.

use super::finish::RawFinish;
use super::simd::{LANES, Simd};

/// The work of one tile. Steps are in floats.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    /// First pixel, first tap that lies in the picture, first channel.
    pub(super) input: *const f32,
    /// From what one output pixel sees to what the next one sees.
    pub(super) pixel_step: usize,
    /// Taps that lie in the picture, and the way from one to the next.
    pub(super) tap_rows: usize,
    pub(super) tap_columns: usize,
    pub(super) row_step: usize,
    pub(super) column_step: usize,
    /// Input channels, and the way from one to the next.
    pub(super) channels: usize,
    pub(super) channel_step: usize,
    /// `[block][tap row][tap column][channel][16]`, at the first of these taps.
    pub(super) weights: *const f32,
    pub(super) weight_row_step: usize,
    pub(super) weight_block_step: usize,
    /// Sixteen floats a block.
    pub(super) bias: *const f32,
    pub(super) finish: RawFinish,
}

/// Computes `MR` pixels by `NV` blocks of sixteen output channels.
///
/// # Safety
/// All that the description reaches lies in live memory, outputs apart from inputs.
#[inline(always)]
pub(super) unsafe fn tile<S: Simd, const MR: usize, const NV: usize>(work: &Tile) {
    // SAFETY: the caller's promise about every pointer; offsets stay within what it describes.
    unsafe {
        let mut sums = [[S::splat(0.0); NV]; MR];
        for v in 0..NV {
            let bias = S::load(work.bias.add(v * LANES));
            for sum in &mut sums {
                sum[v] = bias;
            }
        }
        let step = work.pixel_step;
        for tap_row in 0..work.tap_rows {
            let mut tap = work.input.add(tap_row * work.row_step);
            let mut weights = work.weights.add(tap_row * work.weight_row_step);
            for _ in 0..work.tap_columns {
                let mut pixel = tap;
                for _ in 0..work.channels {
                    let mut factors = [S::splat(0.0); NV];
                    for v in 0..NV {
                        factors[v] = S::load(weights.add(v * work.weight_block_step));
                    }
                    for i in 0..MR {
                        let x = S::broadcast(pixel.add(i * step));
                        for v in 0..NV {
                            sums[i][v] = S::fma(x, factors[v], sums[i][v]);
                        }
                    }
                    pixel = pixel.add(work.channel_step);
                    weights = weights.add(LANES);
                }
                tap = tap.add(work.column_step);
            }
        }
        work.finish.store::<S, MR, NV>(sums, 0);
    }
}
