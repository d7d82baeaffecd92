//! Convolutions over all channels: cut into tiles, in an order that keeps weights and pixels in cache.

use std::ops::Range;

use super::finish::RawFinish;
use super::memory::{Aligned, Line};
use super::simd::LANES;
use super::tile::Tile;
use super::{Finish, Kernels};
use crate::native::constant::Weights;

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

impl Picture<'_> {
    /// Where the last float of so many channels lies.
    pub(super) fn reach(&self, channels: usize) -> usize {
        self.height.saturating_sub(1) * self.row_step
            + self.width.saturating_sub(1) * self.column_step
            + channels.saturating_sub(1) * self.channel_step
    }
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
    /// Whether the last of them has no more than eight.
    ends_in_half: bool,
    /// `[block][row][column][channel][16]`.
    pub(super) weights: Aligned,
    pub(super) bias: Aligned,
}

impl Filter {
    /// Packs weights of shape `[outputs, channels, rows, columns]`, those of each output times its factor where there
    /// are factors. A missing bias is nought.
    ///
    /// # Panics
    /// Where `weights` do not fill that shape.
    pub(crate) fn new(
        weights: &Weights,
        [outputs, channels, rows, columns]: [usize; 4],
        (bias, factors): (&[f32], &[f32]),
    ) -> Self {
        assert_eq!(weights.len(), outputs * channels * rows * columns, "shape");
        let blocks = outputs.div_ceil(LANES);
        let (taps, depth) = (rows * columns, channels * rows * columns);
        let mut lines = Vec::with_capacity(blocks * depth);
        // Some channels of sixteen outputs at a time: read where they lie, written from end to end.
        let n_channels = (PACKED_FLOATS / taps.max(1)).clamp(1, channels.max(1));
        assert!(taps <= PACKED_FLOATS, "kernel too large");
        let mut near = vec![[0.0; PACKED_FLOATS]; LANES];
        for block in 0..blocks {
            let n = LANES.min(outputs - block * LANES);
            let first_line = lines.len();
            lines.resize(first_line + depth, Line([0.0; LANES]));
            for first in (0..channels).step_by(n_channels) {
                let n_own = n_channels.min(channels - first);
                for (lane, near) in near[..n].iter_mut().enumerate() {
                    let output = block * LANES + lane;
                    let near = &mut near[..n_own * taps];
                    weights.expand(output * depth + first * taps, near);
                    if let Some(factor) = factors.get(output % factors.len().max(1)) {
                        near.iter_mut().for_each(|x| *x *= factor);
                    }
                }
                for tap in 0..taps {
                    let start = first_line + tap * channels + first;
                    for (channel, line) in lines[start..start + n_own].iter_mut().enumerate() {
                        for (into, near) in line.0[..n].iter_mut().zip(&near) {
                            *into = near[channel * taps + tap];
                        }
                    }
                }
            }
        }
        let packed = Aligned::from_lines(lines);
        let mut padded = Aligned::zeros(blocks * LANES);
        padded.as_mut_slice()[..bias.len()].copy_from_slice(bias);
        Self {
            kernel: [rows, columns],
            channels,
            blocks,
            ends_in_half: (1..=LANES / 2).contains(&(outputs % LANES)),
            weights: packed,
            bias: padded,
        }
    }
}

/// Weights of one output that are put in order together, in floats: sixteen times as many fit the first cache.
const PACKED_FLOATS: usize = 512;

/// Some blocks of output channels of a filter.
#[derive(Clone, Copy)]
pub(crate) struct FilterPart<'a> {
    kernel: [usize; 2],
    channels: usize,
    /// How many.
    pub(crate) blocks: usize,
    ends_in_half: bool,
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
            ends_in_half: self.ends_in_half && blocks.end == self.blocks,
            weights: &self.weights.as_slice()[blocks.start * each..blocks.end * each],
            bias: &self.bias.as_slice()[blocks.start * LANES..blocks.end * LANES],
        }
    }
}

/// Most inputs of a pixel that are found by a table.
pub(super) const MAX_FLAT: usize = 256;

/// Weights that stay in the first cache while pixels pass by, in floats: half of 48 KiB.
const NEAR_FLOATS: usize = 6 << 10;

/// Inputs that stay there beside them.
const NEAR_INPUTS: usize = 2 << 10;

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
        let reach = picture.reach(filter.channels);
        assert!(reach < picture.data.len(), "picture too short");
        let raw = finish.raw(rows.len() * out_width, filter.blocks);
        let mut offsets = [0; MAX_FLAT];
        let depth = filter.offsets(picture, &mut offsets);
        let span = Span {
            picture,
            window,
            columns: 0..out_width,
            table: &offsets[..depth],
        };
        for (index, row) in rows.enumerate() {
            let taps = window.taps(0, picture.height, row);
            // SAFETY: the picture reaches as far as its taps, and outputs were measured for all rows.
            unsafe {
                let finish = raw.at(index * out_width * raw.step, 0);
                self.row(filter, &span, (row, &taps), &finish);
            }
        }
    }

    /// One output row of a convolution, of which `tap_rows` lie in the picture.
    ///
    /// # Safety
    /// The picture has all channels of the filter, and `finish` room for the columns.
    pub(super) unsafe fn row(
        self,
        filter: &FilterPart<'_>,
        row: &Span<'_>,
        (index, tap_rows): (usize, &Range<usize>),
        finish: &RawFinish,
    ) {
        let Span {
            picture,
            window,
            columns,
            table,
        } = row;
        let (kernel, channels) = (filter.kernel, filter.channels);
        let mut first = filter.tile(*finish);
        let row_floats = kernel[1] * channels * LANES;
        first.pixel_step = window.strides[1] * picture.column_step;
        first.row_step = picture.row_step;
        first.column_step = picture.column_step;
        first.channel_step = picture.channel_step;
        first.tap_rows = tap_rows.len();
        let start = if tap_rows.is_empty() {
            0
        } else {
            (index * window.strides[0] + tap_rows.start - window.before[0]) * picture.row_step
        };
        let is_flat = tap_rows.len() == kernel[0] && !table.is_empty();
        let span = |pixels: Range<usize>| {
            let taps = window.taps(1, picture.width, pixels.start);
            let mut tile = first;
            tile.tap_columns = taps.len();
            let column = if taps.is_empty() {
                0
            } else {
                pixels.start * window.strides[1] + taps.start - window.before[1]
            };
            // SAFETY: the first tap lies in the picture, and so do those of all pixels of the span:
            // it is an inner one, or a single pixel. The caller promised the rest.
            unsafe {
                tile.input = picture
                    .data
                    .as_ptr()
                    .add(start + column * picture.column_step);
                tile.weights = tile
                    .weights
                    .add(tap_rows.start * row_floats + taps.start * channels * LANES);
                tile.finish = finish.at((pixels.start - columns.start) * finish.step, 0);
                if is_flat && taps.len() == kernel[1] {
                    (tile.offsets, tile.depth) = (table.as_ptr(), table.len());
                }
                self.span(&tile, filter.blocks, pixels.len());
            }
        };
        let n_outputs = columns.end;
        let inner = window.inner(1, picture.width, n_outputs);
        let inner = inner.start.max(columns.start)..inner.end;
        (columns.start..inner.start.min(n_outputs)).for_each(|x| span(x..x + 1));
        if !inner.is_empty() {
            span(inner.clone());
        }
        (inner.end.max(inner.start)..n_outputs).for_each(|x| span(x..x + 1));
    }

    /// Neighbouring pixels that see the same taps.
    ///
    /// # Safety
    /// The description holds for that many pixels and blocks.
    pub(super) unsafe fn span(self, first: &Tile, blocks: usize, n_pixels: usize) {
        let (max_blocks, max_pixels) = (self.0.tiles.len(), self.0.tiles[0].len());
        let halves = self.0.half_tiles;
        let depth = first.tap_rows * first.tap_columns * first.channels;
        let chunk = if blocks * depth * LANES <= NEAR_FLOATS {
            max_pixels * (NEAR_INPUTS / first.pixel_step.max(1) / max_pixels).max(1)
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
                let is_half = first.ends_in_half && block + 1 == blocks && !halves.is_empty();
                let kernels = match (first.depth > 0, is_half) {
                    (true, true) => self.0.flat_half_tiles,
                    (false, true) => halves,
                    (true, false) => self.0.flat_tiles[n_blocks - 1],
                    (false, false) => self.0.tiles[n_blocks - 1],
                };
                let mut tile = *first;
                // As even as can be: a last tile of one pixel would cost as much as one of four.
                let n = (end - start).div_ceil(kernels.len());
                let long = (end - start).div_ceil(n);
                let n_long = end - start - (long - 1) * n;
                let runs = [
                    (start, long, n_long),
                    (start + long * n_long, long - 1, n - n_long),
                ];
                // SAFETY: within the span and the blocks, as the caller promised; the table was chosen
                // for this processor.
                unsafe {
                    tile.weights = first.weights.add(block * first.weight_block_step);
                    tile.bias = first.bias.add(block * LANES);
                    for (pixel, size, n) in runs.into_iter().filter(|(_, _, n)| *n > 0) {
                        tile.input = first.input.add(pixel * first.pixel_step);
                        let offset = pixel * first.finish.step + block * LANES;
                        tile.finish.move_to(&first.finish, offset, block * LANES);
                        kernels[size - 1](&tile, n);
                    }
                }
                block += n_blocks;
            }
            start = end;
        }
    }
}

/// Some columns of a row.
pub(super) struct Span<'a> {
    pub(super) picture: &'a Picture<'a>,
    pub(super) window: &'a Window,
    pub(super) columns: Range<usize>,
    /// Where the inputs of a pixel lie that sees all taps; empty where there are too many.
    pub(super) table: &'a [usize],
}

impl FilterPart<'_> {
    /// Tells where the inputs of a pixel lie that sees all taps, in the order of the weights; how many there are, and
    /// none where that is no use.
    pub(super) fn offsets(&self, picture: &Picture<'_>, offsets: &mut [usize; MAX_FLAT]) -> usize {
        let [rows, columns] = self.kernel;
        let depth = rows * columns * self.channels;
        if rows * columns == 1 || depth > MAX_FLAT {
            return 0;
        }
        let taps = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let all = taps.flat_map(|tap| (0..self.channels).map(move |channel| (tap, channel)));
        for (offset, ((row, column), channel)) in offsets.iter_mut().zip(all) {
            *offset = row * picture.row_step
                + column * picture.column_step
                + channel * picture.channel_step;
        }
        depth
    }

    /// A tile of pixels side by side that see one tap each, without a place yet.
    pub(super) fn tile(&self, finish: RawFinish) -> Tile {
        let row_floats = self.kernel[1] * self.channels * LANES;
        Tile {
            input: std::ptr::null(),
            pixel_step: self.channels.next_multiple_of(LANES),
            tap_rows: 1,
            tap_columns: 1,
            row_step: 0,
            column_step: 0,
            channels: self.channels,
            channel_step: 1,
            offsets: std::ptr::null(),
            depth: 0,
            weights: self.weights.as_ptr(),
            weight_row_step: row_floats,
            weight_block_step: self.kernel[0] * row_floats,
            bias: self.bias.as_ptr(),
            ends_in_half: self.ends_in_half,
            finish,
        }
    }
}
