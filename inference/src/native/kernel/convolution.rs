//! Convolutions over all channels: cut into tiles, in an order that keeps weights and pixels in cache.

use std::ops::Range;

use super::memory::Aligned;
use super::simd::LANES;
use super::tile::Tile;
use super::{Finish, Kernels};

/// Kernel, strides and padding, each of rows and of columns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Window {
    /// Rows and columns of the kernel.
    pub(crate) kernel: [usize; 2],
    /// Pixels from one window to the next.
    pub(crate) strides: [usize; 2],
    /// Padding above and to the left.
    pub(crate) before: [usize; 2],
    /// Padding below and to the right.
    pub(crate) after: [usize; 2],
}

impl Window {
    /// One tap that moves by one pixel.
    pub(crate) const POINT: Self = Self {
        kernel: [1, 1],
        strides: [1, 1],
        before: [0, 0],
        after: [0, 0],
    };

    /// Output pixels along an axis; `None` where no window fits.
    pub(crate) fn n_outputs(&self, axis: usize, size: usize) -> Option<usize> {
        let room = (size + self.before[axis] + self.after[axis]).checked_sub(self.kernel[axis])?;
        Some(room / self.strides[axis] + 1)
    }

    /// Output pixels along an axis whose taps all lie in `size` pixels, out of `n_outputs`.
    pub(crate) fn inner(&self, axis: usize, size: usize, n_outputs: usize) -> Range<usize> {
        let (kernel, stride, pad) = (self.kernel[axis], self.strides[axis], self.before[axis]);
        let to = match (size + pad).checked_sub(kernel) {
            Some(room) => (room / stride + 1).min(n_outputs),
            None => 0,
        };
        pad.div_ceil(stride).min(to)..to
    }

    /// The taps of an output pixel that lie in `size` pixels.
    pub(crate) fn taps(&self, axis: usize, size: usize, output: usize) -> Range<usize> {
        let first = output * self.strides[axis];
        let (pad, kernel) = (self.before[axis], self.kernel[axis]);
        let from = pad.saturating_sub(first).min(kernel);
        from..(size + pad).saturating_sub(first).clamp(from, kernel)
    }
}

/// A picture as it lies in memory; steps are in floats.
#[derive(Clone, Copy)]
pub(crate) struct Picture<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) row_step: usize,
    pub(crate) column_step: usize,
    pub(crate) channel_step: usize,
}

/// Weights in the order in which tiles read them, and biases.
#[derive(Clone)]
pub(crate) struct Filter {
    /// Rows and columns of the kernel.
    pub(crate) kernel: [usize; 2],
    /// Input channels of each output channel.
    pub(crate) channels: usize,
    /// Blocks of sixteen output channels.
    pub(crate) blocks: usize,
    /// `[block][row][column][channel][16]`.
    pub(super) weights: Aligned,
    pub(super) bias: Aligned,
}

impl Filter {
    /// Packs weights of shape `[outputs, channels, rows, columns]`. A missing bias is nought.
    ///
    /// # Panics
    /// Where `weights` do not fill that shape.
    pub(crate) fn new(
        weights: &[f32],
        [outputs, channels, rows, columns]: [usize; 4],
        bias: &[f32],
    ) -> Self {
        assert_eq!(weights.len(), outputs * channels * rows * columns, "shape");
        let blocks = outputs.div_ceil(LANES);
        let taps = rows * columns;
        let mut packed = Aligned::zeros(blocks * taps * channels * LANES);
        let into = packed.as_mut_slice();
        // Written from end to end, read from sixteen places at once: large weights do not fit the cache.
        let depth = taps * channels;
        for (block, into) in into.chunks_exact_mut((depth * LANES).max(1)).enumerate() {
            let n = LANES.min(outputs - block * LANES);
            let own = &weights[block * LANES * depth..];
            for (index, into) in into.chunks_exact_mut(LANES).enumerate() {
                let from = index % channels * taps + index / channels;
                for (lane, into) in into[..n].iter_mut().enumerate() {
                    *into = own[lane * depth + from];
                }
            }
        }
        let mut padded = Aligned::zeros(blocks * LANES);
        padded.as_mut_slice()[..bias.len()].copy_from_slice(bias);
        Self {
            kernel: [rows, columns],
            channels,
            blocks,
            weights: packed,
            bias: padded,
        }
    }
}

/// Some blocks of output channels of a filter.
#[derive(Clone, Copy)]
pub(crate) struct FilterPart<'a> {
    kernel: [usize; 2],
    channels: usize,
    /// How many.
    pub(crate) blocks: usize,
    weights: &'a [f32],
    bias: &'a [f32],
}

impl Filter {
    /// Weights, with those that only fill the last block.
    pub(crate) fn len(&self) -> usize {
        self.weights.as_slice().len()
    }

    /// All blocks.
    pub(crate) fn all(&self) -> FilterPart<'_> {
        self.some(0..self.blocks)
    }

    /// Those blocks.
    ///
    /// # Panics
    /// Where there are fewer.
    pub(crate) fn some(&self, blocks: Range<usize>) -> FilterPart<'_> {
        let each = self.kernel[0] * self.kernel[1] * self.channels * LANES;
        FilterPart {
            kernel: self.kernel,
            channels: self.channels,
            blocks: blocks.len(),
            weights: &self.weights.as_slice()[blocks.start * each..blocks.end * each],
            bias: &self.bias.as_slice()[blocks.start * LANES..blocks.end * LANES],
        }
    }
}

/// Weights that stay in the first cache while pixels pass by, in floats: half of 48 KiB.
const NEAR_FLOATS: usize = 6 << 10;

impl Kernels {
    /// Output rows `rows` of a convolution, `out_width` pixels each; `finish` holds these rows.
    ///
    /// # Panics
    /// Where a tensor is too short for the work: a defect of the planner.
    pub(crate) fn convolve(
        self,
        filter: &FilterPart<'_>,
        picture: &Picture<'_>,
        window: &Window,
        (rows, out_width): (Range<usize>, usize),
        mut finish: Finish<'_>,
    ) {
        assert_eq!(window.kernel, filter.kernel, "window of another filter");
        let reach = picture.height.saturating_sub(1) * picture.row_step
            + picture.width.saturating_sub(1) * picture.column_step
            + filter.channels.saturating_sub(1) * picture.channel_step;
        assert!(reach < picture.data.len(), "picture too short");
        let raw = finish.raw(rows.len() * out_width, filter.blocks);
        let row_floats = filter.kernel[1] * filter.channels * LANES;
        let mut tile = Tile {
            input: picture.data.as_ptr(),
            pixel_step: window.strides[1] * picture.column_step,
            tap_rows: 0,
            tap_columns: 0,
            row_step: picture.row_step,
            column_step: picture.column_step,
            channels: filter.channels,
            channel_step: picture.channel_step,
            weights: filter.weights.as_ptr(),
            weight_row_step: row_floats,
            weight_block_step: filter.kernel[0] * row_floats,
            bias: filter.bias.as_ptr(),
            finish: raw,
        };
        let inner = window.inner(1, picture.width, out_width);
        for (index, row) in rows.enumerate() {
            let tap_rows = window.taps(0, picture.height, row);
            tile.tap_rows = tap_rows.len();
            let row_start = if tap_rows.is_empty() {
                0
            } else {
                (row * window.strides[0] + tap_rows.start - window.before[0]) * picture.row_step
            };
            let span = |pixels: Range<usize>| {
                let taps = window.taps(1, picture.width, pixels.start);
                let mut tile = tile;
                tile.tap_columns = taps.len();
                let column = if taps.is_empty() {
                    0
                } else {
                    pixels.start * window.strides[1] + taps.start - window.before[1]
                };
                let offset = (index * out_width + pixels.start) * raw.step;
                // SAFETY: the first tap lies in the picture, and so do those of all pixels of the span:
                // it is an inner one, or a single pixel. Outputs were measured for all rows.
                unsafe {
                    tile.input = tile.input.add(row_start + column * picture.column_step);
                    tile.weights = tile
                        .weights
                        .add(tap_rows.start * row_floats + taps.start * filter.channels * LANES);
                    tile.finish = raw.at(offset, 0);
                    self.span(&tile, filter.blocks, pixels.len());
                }
            };
            (0..inner.start).for_each(|x| span(x..x + 1));
            if !inner.is_empty() {
                span(inner.clone());
            }
            (inner.end..out_width).for_each(|x| span(x..x + 1));
        }
    }

    /// Neighbouring pixels that see the same taps.
    ///
    /// # Safety
    /// The description holds for that many pixels and blocks.
    unsafe fn span(self, first: &Tile, blocks: usize, n_pixels: usize) {
        let (max_blocks, max_pixels) = (self.0.tiles.len(), self.0.tiles[0].len());
        let depth = first.tap_rows * first.tap_columns * first.channels;
        let chunk = if blocks * depth * LANES <= NEAR_FLOATS {
            max_pixels
        } else {
            // All weights of some channels pass by these pixels, which stay near meanwhile.
            max_pixels * (NEAR_FLOATS / depth.max(1) / max_pixels).max(2)
        };
        let mut start = 0;
        while start < n_pixels {
            let end = (start + chunk).min(n_pixels);
            let mut block = 0;
            while block < blocks {
                let n_blocks = max_blocks.min(blocks - block);
                let kernels = self.0.tiles[n_blocks - 1];
                let mut tile = *first;
                // As even as can be: a last tile of one pixel would cost as much as one of four.
                let n_tiles = (end - start).div_ceil(max_pixels);
                let mut pixel = start;
                // SAFETY: within the span and the blocks, as the caller promised; the table was chosen
                // for this processor.
                unsafe {
                    tile.weights = first.weights.add(block * first.weight_block_step);
                    tile.bias = first.bias.add(block * LANES);
                    for index in 0..n_tiles {
                        let n = (end - pixel).div_ceil(n_tiles - index);
                        tile.input = first.input.add(pixel * first.pixel_step);
                        let offset = pixel * first.finish.step + block * LANES;
                        tile.finish.move_to(&first.finish, offset, block * LANES);
                        kernels[n - 1](&tile);
                        pixel += n;
                    }
                }
                block += n_blocks;
            }
            start = end;
        }
    }
}
