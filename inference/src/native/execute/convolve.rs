//! Convolutions, row by row, shared among threads.

use std::ops::Range;

use super::share::by_image;
use crate::native::graph::Convolution;
use crate::native::kernel::{
    Activation, Crew, Finish, Kernels, LANES, MAX_KERNEL, MAX_RESIDUALS, Picture, RowWork, Window,
};
use crate::native::plan::{Sizes, Strided};

/// What belongs to every step.
#[derive(Clone, Copy)]
pub(super) struct Runner<'a> {
    pub(super) kernels: Kernels,
    /// A row of noughts.
    pub(super) zeros: &'a [f32],
    pub(super) crew: &'a Crew,
    /// Threads that may work on a step.
    pub(super) n_threads: usize,
    /// Multiplications for which it pays to share a step.
    pub(super) min_work: usize,
}

/// Results between two convolutions: nothing is added to them.
fn between<'a>(convolution: &'a Convolution, output: &'a mut [f32]) -> Finish<'a> {
    Finish {
        activation: &convolution.activation,
        residuals: &[],
        plain: &mut [],
        output,
    }
}

/// The rows of an image before, `pixel` floats a pixel.
fn rows_of<'a>(
    input: &'a [f32],
    (sizes, image): (&Sizes, usize),
    pixel: usize,
) -> impl Fn(usize) -> &'a [f32] {
    let row_floats = sizes.input[1] * pixel;
    let picture = &input[image * sizes.input[0] * row_floats..];
    move |row| &picture[row * row_floats..(row + 1) * row_floats]
}

impl<'a> Runner<'a> {
    /// Does `work` for rows of results, `row_floats` each, image by image, shared among threads: it gets the number of the
    /// image, its rows, what holds these, and a share of `scratch`.
    pub(super) fn share_rows(
        &self,
        n_weights: usize,
        ([images, rows, columns], row_floats): ([usize; 3], usize),
        (finish, scratch): (Finish<'_>, &mut [f32]),
        work: &(impl Fn(usize, Range<usize>, Finish<'_>, &mut [f32]) + Sync),
    ) {
        let all = 0..images * rows;
        let parts = self.n_parts(n_weights.saturating_mul(all.len() * columns));
        let own = |own: Range<usize>, mut finish: Finish<'_>, scratch: &mut [f32]| {
            let mut done = 0;
            for (image, rows) in by_image(own, rows) {
                let floats = done..done + rows.len() * row_floats;
                done = floats.end;
                let mut residuals = [&[][..]; MAX_RESIDUALS];
                work(image, rows, finish.part(&mut residuals, floats), scratch);
            }
        };
        self.share(parts, (all, row_floats), finish, scratch, &own);
    }

    pub(super) fn convolve(
        &self,
        convolution: &Convolution,
        input: &[f32],
        (images, strided, output): (usize, &Strided, [usize; 2]),
        finish: Finish<'_>,
    ) {
        if convolution.is_pointwise() && images * output[0] == 1 {
            let pixels = (output[1], strided.column, strided.channel);
            return self.pointwise_shared(convolution, input, pixels, finish);
        }
        let filter = convolution.filter().all();
        let row_floats = output[1] * filter.blocks * LANES;
        let results = ([images, output[0], output[1]], row_floats);
        let memory = (finish, &mut [][..]);
        self.share_rows(
            convolution.filter().len(),
            results,
            memory,
            &|image, rows, finish, _| {
                let picture = Picture {
                    data: &input[image * strided.image..],
                    height: strided.size[0],
                    width: strided.size[1],
                    row_step: strided.row,
                    column_step: strided.column,
                    channel_step: strided.channel,
                };
                let (window, rows) = (&convolution.window, (rows, output[1]));
                self.kernels
                    .convolve(&filter, &picture, window, rows, finish);
            },
        );
    }

    /// A pointwise convolution of pixels one after the other: each thread takes some of them, or, where there
    /// is but one, some of its channels.
    fn pointwise_shared(
        &self,
        convolution: &Convolution,
        input: &[f32],
        (n_pixels, step, channel_step): (usize, usize, usize),
        finish: Finish<'_>,
    ) {
        let filter = convolution.filter();
        let parts = self.n_parts(filter.len().saturating_mul(n_pixels));
        let picture = |first: usize, n: usize| Picture {
            data: &input[first * step..],
            height: 1,
            width: n,
            row_step: n * step,
            column_step: step,
            channel_step,
        };
        let has_slopes = matches!(convolution.activation, Activation::Slopes(_));
        if n_pixels == 1 && !has_slopes {
            let blocks = (0..filter.blocks, LANES);
            return self.share(parts, blocks, finish, &mut [], &|blocks, finish, _| {
                let some = filter.some(blocks);
                self.kernels
                    .convolve(&some, &picture(0, 1), &Window::POINT, (0..1, 1), finish);
            });
        }
        let all = filter.all();
        let pixels = (0..n_pixels, all.blocks * LANES);
        self.share(parts, pixels, finish, &mut [], &|pixels, finish, _| {
            let picture = picture(pixels.start, pixels.len());
            let rows = (0..1, pixels.len());
            self.kernels
                .convolve(&all, &picture, &Window::POINT, rows, finish);
        });
    }

    /// A pointwise convolution of pixels one after the other, on this thread.
    fn pointwise(
        &self,
        convolution: &Convolution,
        input: &[f32],
        (n_pixels, step): (usize, usize),
        finish: Finish<'_>,
    ) {
        let picture = Picture {
            data: input,
            height: 1,
            width: n_pixels,
            row_step: n_pixels * step,
            column_step: step,
            channel_step: 1,
        };
        let (filter, rows) = (convolution.filter().all(), (0..1, n_pixels));
        self.kernels
            .convolve(&filter, &picture, &Window::POINT, rows, finish);
    }

    /// One row of a depthwise convolution out of `input_row`.
    fn depthwise_row<'r>(
        &self,
        convolution: &Convolution,
        (sizes, row): (&Sizes, usize),
        input_row: impl Fn(usize) -> &'r [f32],
        finish: Finish<'_>,
    ) where
        'a: 'r,
    {
        let window = &convolution.window;
        let mut rows: [&'r [f32]; MAX_KERNEL] = [self.zeros; MAX_KERNEL];
        for tap in window.taps(0, sizes.input[0], row) {
            rows[tap] = input_row(row * window.strides[0] + tap - window.before[0]);
        }
        let work = RowWork {
            filter: convolution.filter(),
            window,
            rows: &rows[..window.kernel[0]],
            in_width: sizes.input[1],
            out_width: sizes.output[1],
        };
        self.kernels.depthwise(&work, finish);
    }

    pub(super) fn depthwise(
        &self,
        convolution: &Convolution,
        input: &[f32],
        sizes: &Sizes,
        finish: Finish<'_>,
    ) {
        let pixel = convolution.filter().blocks * LANES;
        let out_row = sizes.output[1] * pixel;
        let results = (sizes.results(), out_row);
        let memory = (finish, &mut [][..]);
        self.share_rows(
            convolution.filter().len(),
            results,
            memory,
            &|image, rows, mut finish, _| {
                let input_row = rows_of(input, (sizes, image), pixel);
                for (index, row) in rows.enumerate() {
                    let mut residuals = [&[][..]; MAX_RESIDUALS];
                    let finish =
                        finish.part(&mut residuals, index * out_row..(index + 1) * out_row);
                    self.depthwise_row(convolution, (sizes, row), &input_row, finish);
                }
            },
        );
    }

    pub(super) fn depthwise_pointwise(
        &self,
        (first, second): (&Convolution, &Convolution),
        (input, scratch): (&[f32], &mut [f32]),
        (sizes, band): (&Sizes, usize),
        finish: Finish<'_>,
    ) {
        let middle = first.filter().blocks * LANES;
        let middle_row = sizes.output[1] * middle;
        let out_row = sizes.output[1] * second.filter().blocks * LANES;
        let results = (sizes.results(), out_row);
        let memory = (finish, scratch);
        self.share_rows(
            first.filter().len() + second.filter().len(),
            results,
            memory,
            &|image, own, mut finish, scratch| {
                let input_row = rows_of(input, (sizes, image), middle);
                for start in own.clone().step_by(band) {
                    let rows = start..(start + band).min(own.end);
                    for (row, into) in rows.clone().zip(scratch.chunks_exact_mut(middle_row)) {
                        self.depthwise_row(first, (sizes, row), &input_row, between(first, into));
                    }
                    let mut residuals = [&[][..]; MAX_RESIDUALS];
                    let floats = (start - own.start) * out_row..(rows.end - own.start) * out_row;
                    let finish = finish.part(&mut residuals, floats);
                    let pixels = (rows.len() * sizes.output[1], middle);
                    let from = &scratch[..rows.len() * middle_row];
                    self.pointwise(second, from, pixels, finish);
                }
            },
        );
    }

    pub(super) fn pointwise_depthwise(
        &self,
        pair: (&Convolution, &Convolution),
        (input, scratch): (&[f32], &mut [f32]),
        (sizes, ring): (&Sizes, usize),
        finish: Finish<'_>,
    ) {
        if ring >= sizes.input[0] {
            self.pointwise_then_depthwise(pair, (input, scratch), sizes, finish);
        } else {
            self.pointwise_depthwise_ring(pair, (input, scratch), (sizes, ring), finish);
        }
    }

    /// All rows of an image, then the other convolution.
    fn pointwise_then_depthwise(
        &self,
        (first, second): (&Convolution, &Convolution),
        (input, scratch): (&[f32], &mut [f32]),
        sizes: &Sizes,
        mut finish: Finish<'_>,
    ) {
        let pixel = first.channels().next_multiple_of(LANES);
        let middle_row = sizes.input[1] * second.filter().blocks * LANES;
        let n_pixels = sizes.input[0] * sizes.input[1];
        let image_floats = sizes.output[0] * sizes.output[1] * second.filter().blocks * LANES;
        let one = Sizes {
            images: 1,
            ..*sizes
        };
        for image in 0..sizes.images {
            let picture = &input[image * n_pixels * pixel..];
            let own = between(first, &mut scratch[..sizes.input[0] * middle_row]);
            self.pointwise_shared(first, picture, (n_pixels, pixel, 1), own);
            let mut residuals = [&[][..]; MAX_RESIDUALS];
            let floats = image * image_floats..(image + 1) * image_floats;
            let finish = finish.part(&mut residuals, floats);
            self.depthwise(second, scratch, &one, finish);
        }
    }

    /// As many rows at a time as the other convolution's kernel has.
    fn pointwise_depthwise_ring(
        &self,
        (first, second): (&Convolution, &Convolution),
        (input, scratch): (&[f32], &mut [f32]),
        (sizes, ring): (&Sizes, usize),
        finish: Finish<'_>,
    ) {
        let window = &second.window;
        let pixel = first.channels().next_multiple_of(LANES);
        let middle = second.filter().blocks * LANES;
        let middle_row = sizes.input[1] * middle;
        let out_row = sizes.output[1] * middle;
        let results = (sizes.results(), out_row);
        let memory = (finish, scratch);
        self.share_rows(
            first.filter().len() + second.filter().len(),
            results,
            memory,
            &|image, rows, mut finish, scratch| {
                let line = rows_of(input, (sizes, image), pixel);
                // Rows that no window sees are never computed.
                let mut next = 0;
                for (index, row) in rows.enumerate() {
                    let taps = window.taps(0, sizes.input[0], row);
                    let first_row =
                        (row * window.strides[0] + taps.start).saturating_sub(window.before[0]);
                    next = next.max(first_row);
                    while next < first_row + taps.len() {
                        let slot = next % ring * middle_row;
                        let own = between(first, &mut scratch[slot..slot + middle_row]);
                        self.pointwise(first, line(next), (sizes.input[1], pixel), own);
                        next += 1;
                    }
                    let mut residuals = [&[][..]; MAX_RESIDUALS];
                    let finish =
                        finish.part(&mut residuals, index * out_row..(index + 1) * out_row);
                    let kept: &[f32] = scratch;
                    let input_row =
                        |row: usize| &kept[row % ring * middle_row..(row % ring + 1) * middle_row];
                    self.depthwise_row(second, (sizes, row), input_row, finish);
                }
            },
        );
    }
}
