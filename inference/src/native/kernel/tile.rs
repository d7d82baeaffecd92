//! Tiles of a convolution: some pixels of one row by some vectors of output channels, kept in registers
//! while all inputs pass by.

use super::finish::RawFinish;
use super::simd::{LANES, Simd};

/// The work of tiles side by side. Steps are in floats.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    /// First pixel of the first tile, first tap that lies in the picture, first channel.
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
    /// For [`flat`]: the way from the first input to each, in the order of the weights; and how many.
    pub(super) offsets: *const usize,
    pub(super) depth: usize,
    /// `[block][tap row][tap column][channel][16]`, at the first of these taps.
    pub(super) weights: *const f32,
    pub(super) weight_row_step: usize,
    pub(super) weight_block_step: usize,
    /// Sixteen floats a block.
    pub(super) bias: *const f32,
    /// Whether the last block has no more than eight outputs.
    pub(super) ends_in_half: bool,
    pub(super) finish: RawFinish,
}

/// Channels computed without a look at the counter.
const UNROLLED: usize = 4;

/// Most pixels of a tile, by two.
const MAX_PAIRS: usize = 7;

/// Where each pair of pixels begins: addresses that the compiler takes for unrelated. It would else reach each pixel
/// from the one before, and wait for that addition longer than for the multiplications.
#[inline(always)]
unsafe fn pairs<S: Simd, const MR: usize>(
    first: *const f32,
    step: usize,
) -> [*const f32; MAX_PAIRS] {
    const { assert!(MR <= 2 * MAX_PAIRS, "a tile too long") };
    let mut pairs = [first; MAX_PAIRS];
    for (index, pair) in pairs.iter_mut().enumerate().take(MR.div_ceil(2)) {
        // SAFETY: the caller's promise that the tile has those pixels.
        *pair = S::opaque(unsafe { first.add(2 * index * step) });
    }
    pairs
}

#[inline(always)]
unsafe fn biases<S: Simd, const MR: usize, const NV: usize>(bias: *const f32) -> [[S::V; NV]; MR] {
    // SAFETY: the caller's promise of sixteen floats a block.
    unsafe {
        let mut sums = [[S::splat(0.0); NV]; MR];
        for v in 0..NV {
            let bias = S::load(bias.add(v * LANES));
            for sum in &mut sums {
                sum[v] = bias;
            }
        }
        sums
    }
}

/// Which of several sums an unrolled step adds to. A small tile has too few sums for the units to be busy while one
/// addition waits for the other: it keeps one for each step. All of them are one in a larger tile. Only where the size
/// of a tile follows from the picture alone, and not from the number of threads: another order, other bits.
#[inline(always)]
const fn part(size: usize, step: usize) -> usize {
    if size <= 4 { step } else { 0 }
}

/// The sums of a tile from those of its steps.
#[inline(always)]
unsafe fn whole<S: Simd, const MR: usize, const NV: usize>(
    parts: [[[S::V; NV]; MR]; UNROLLED],
) -> [[S::V; NV]; MR] {
    let mut sums = parts[0];
    if part(MR * NV, 1) > 0 {
        for i in 0..MR {
            for v in 0..NV {
                for part in &parts[1..] {
                    // SAFETY: the caller's promise about the processor.
                    sums[i][v] = unsafe { S::add(sums[i][v], part[i][v]) };
                }
            }
        }
    }
    sums
}

/// Adds one input of each pixel, times its weights.
#[inline(always)]
unsafe fn add<S: Simd, const MR: usize, const NV: usize>(
    sums: &mut [[S::V; NV]; MR],
    (pairs, offsets): (&[*const f32; MAX_PAIRS], [usize; 2]),
    (weights, block_step): (*const f32, usize),
) {
    // SAFETY: the caller's promise about every pointer.
    unsafe {
        let mut factors = [S::splat(0.0); NV];
        for v in 0..NV {
            factors[v] = S::load(weights.add(v * block_step));
        }
        for i in 0..MR {
            let x = S::broadcast(pairs[i / 2].add(offsets[i % 2]));
            for v in 0..NV {
                sums[i][v] = S::fma(x, factors[v], sums[i][v]);
            }
        }
    }
}

/// Computes `n` tiles side by side, each of `MR` pixels by `NV` blocks of sixteen output channels, channel by channel of
/// each tap.
///
/// # Safety
/// All that the description reaches lies in live memory, outputs apart from inputs.
#[inline(always)]
pub(super) unsafe fn tiles<S: Simd, const MR: usize, const NV: usize>(work: &Tile, n: usize) {
    for index in 0..n {
        // Read anew for each: what were kept of the description from one tile to the next would take registers from sums.
        // SAFETY: the caller's promise.
        unsafe { tile::<S, MR, NV>(&*S::opaque(work), index * MR) };
    }
}

/// The tile from `pixel` on.
#[inline(always)]
unsafe fn tile<S: Simd, const MR: usize, const NV: usize>(work: &Tile, pixel: usize) {
    // SAFETY: the caller's promise about every pointer; offsets stay within what it describes.
    unsafe {
        let input = work.input.add(pixel * work.pixel_step);
        let mut sums = biases::<S, MR, NV>(work.bias);
        let (step, channel_step) = (work.pixel_step, work.channel_step);
        let block_step = work.weight_block_step;
        for tap_row in 0..work.tap_rows {
            let mut tap = input.add(tap_row * work.row_step);
            let mut weights = work.weights.add(tap_row * work.weight_row_step);
            for _ in 0..work.tap_columns {
                let mut pairs = pairs::<S, MR>(tap, step);
                let mut left = work.channels;
                while channel_step == 1 && left >= UNROLLED {
                    for u in 0..UNROLLED {
                        let weights = (weights.add(u * LANES), block_step);
                        add::<S, MR, NV>(&mut sums, (&pairs, [u, step + u]), weights);
                    }
                    for pair in pairs.iter_mut().take(MR.div_ceil(2)) {
                        *pair = pair.add(UNROLLED);
                    }
                    weights = weights.add(UNROLLED * LANES);
                    left -= UNROLLED;
                }
                for _ in 0..left {
                    add::<S, MR, NV>(&mut sums, (&pairs, [0, step]), (weights, block_step));
                    for pair in pairs.iter_mut().take(MR.div_ceil(2)) {
                        *pair = pair.wrapping_add(channel_step);
                    }
                    weights = weights.add(LANES);
                }
                tap = tap.add(work.column_step);
            }
        }
        work.finish
            .store::<S, MR, NV>(sums, pixel * work.finish.step);
    }
}

/// The same out of a table of where the inputs lie, for few channels and many taps.
///
/// # Safety
/// As of [`tiles`]; the table has its inputs.
#[inline(always)]
pub(super) unsafe fn flat_tiles<S: Simd, const MR: usize, const NV: usize>(work: &Tile, n: usize) {
    for index in 0..n {
        // Read anew for each: what were kept of the description from one tile to the next would take registers from sums.
        // SAFETY: the caller's promise.
        unsafe { flat::<S, MR, NV>(&*S::opaque(work), index * MR) };
    }
}

/// The tile from `pixel` on.
#[inline(always)]
unsafe fn flat<S: Simd, const MR: usize, const NV: usize>(work: &Tile, pixel: usize) {
    // SAFETY: the caller's promise about every pointer.
    unsafe {
        let mut parts = [[[S::splat(0.0); NV]; MR]; UNROLLED];
        parts[0] = biases::<S, MR, NV>(work.bias);
        let input = work.input.add(pixel * work.pixel_step);
        let pairs = pairs::<S, MR>(input, work.pixel_step);
        let mut index = 0;
        while index + UNROLLED <= work.depth {
            for u in 0..UNROLLED {
                let sums = &mut parts[part(MR * NV, u)];
                flat_step::<S, MR, NV>(work, sums, &pairs, index + u);
            }
            index += UNROLLED;
        }
        while index < work.depth {
            flat_step::<S, MR, NV>(work, &mut parts[0], &pairs, index);
            index += 1;
        }
        let offset = pixel * work.finish.step;
        work.finish
            .store::<S, MR, NV>(whole::<S, MR, NV>(parts), offset);
    }
}

/// One input of each pixel by its number.
#[inline(always)]
unsafe fn flat_step<S: Simd, const MR: usize, const NV: usize>(
    work: &Tile,
    sums: &mut [[S::V; NV]; MR],
    pairs: &[*const f32; MAX_PAIRS],
    index: usize,
) {
    // SAFETY: the caller's promise about every pointer.
    unsafe {
        let offset = *work.offsets.add(index);
        let weights = (work.weights.add(index * LANES), work.weight_block_step);
        let offsets = [offset, offset + work.pixel_step];
        add::<S, MR, NV>(sums, (pairs, offsets), weights);
    }
}
