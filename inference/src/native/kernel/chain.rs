//! Several operators of a picture one after the other, strip by strip and row by row: of what lies between them only
//! the rows are kept that the next operator still sees, so that it stays in the first cache.

use std::ops::Range;

use super::convolution::{MAX_FLAT, Span};
use super::depthwise::{DepthwiseRow, MAX_KERNEL};
use super::finish::RawFinish;
use super::pool::PoolRow;
use super::simd::LANES;
use super::{Activation, Filter, Finish, Kernels, Picture, Window};

/// Most operators of a chain.
pub(crate) const MAX_LINKS: usize = 6;

/// One operator of a chain.
#[derive(Clone, Copy)]
pub(crate) enum Link<'a> {
    /// A convolution over all channels: pointwise, or the first.
    Convolution(&'a Filter, &'a Window, &'a Activation),
    Depthwise(&'a Filter, &'a Window, &'a Activation),
    Pool {
        window: &'a Window,
        /// The mean of what lies in the picture; else the greatest.
        is_mean: bool,
        blocks: usize,
    },
}

impl<'a> Link<'a> {
    fn window(&self) -> &'a Window {
        match self {
            Self::Convolution(_, window, _) | Self::Depthwise(_, window, _) => window,
            Self::Pool { window, .. } => window,
        }
    }

    /// Vectors of a pixel after it.
    fn blocks(&self) -> usize {
        match self {
            Self::Convolution(filter, ..) | Self::Depthwise(filter, ..) => filter.blocks,
            Self::Pool { blocks, .. } => *blocks,
        }
    }

    /// Whether it takes pixels of that many vectors, one row at a time or row for row.
    fn follows(&self, before: usize) -> bool {
        match self {
            Self::Convolution(filter, window, _) => {
                **window == Window::POINT && filter.channels.div_ceil(LANES) == before
            }
            Self::Depthwise(filter, window, _) => {
                filter.blocks == before && filter.channels == 1 && window.kernel == filter.kernel
            }
            Self::Pool { blocks, .. } => *blocks == before,
        }
    }
}

/// A chain of operators.
pub(crate) struct ChainWork<'a> {
    pub(crate) links: &'a [Link<'a>],
    /// Rows and columns after each of them.
    pub(crate) sizes: &'a [[usize; 2]],
    /// What the first of them sees.
    pub(crate) picture: Picture<'a>,
    /// Columns of the result that are computed together.
    pub(crate) strip: usize,
    /// As long as the longest row that a depthwise convolution sees.
    pub(crate) zeros: &'a [f32],
}

/// What lies between two operators: so many rows of so many floats.
#[derive(Clone, Copy, Default)]
struct Ring {
    rows: usize,
    row_floats: usize,
}

/// The columns of `width` that `columns` after a window see.
fn seen(window: &Window, columns: &Range<usize>, width: usize) -> Range<usize> {
    let (stride, pad) = (window.strides[1], window.before[1]);
    let from = (columns.start * stride).saturating_sub(pad).min(width);
    let last = columns.end.saturating_sub(1) * stride + window.kernel[1];
    from..last.saturating_sub(pad).clamp(from, width)
}

/// Floats of the rows between `links` where `strip` columns of the result are computed together.
pub(crate) fn chain_floats(links: &[Link<'_>], sizes: &[[usize; 2]], strip: usize) -> usize {
    rings(links, sizes, strip)
        .iter()
        .map(|ring| ring.rows * ring.row_floats)
        .sum()
}

/// The ring after each operator but the last, for any strip of that width.
fn rings(links: &[Link<'_>], sizes: &[[usize; 2]], strip: usize) -> [Ring; MAX_LINKS] {
    let mut rings = [Ring::default(); MAX_LINKS];
    let mut columns = strip;
    for index in (1..links.len()).rev() {
        let window = links[index].window();
        columns = ((columns - 1) * window.strides[1] + window.kernel[1]).min(sizes[index - 1][1]);
        rings[index - 1] = Ring {
            rows: window.kernel[0],
            row_floats: columns * links[index - 1].blocks() * LANES,
        };
    }
    rings
}

/// One operator of a chain on one strip.
struct Stage<'w> {
    link: Link<'w>,
    /// Columns it computes, and rows and columns of the picture before it.
    columns: Range<usize>,
    before: [usize; 2],
    /// First column that is there of what it sees.
    first_seen: usize,
    n_seen: usize,
    /// Where its rows go, and the way from one to the next.
    output: *mut f32,
    ring: Ring,
    /// The next row to compute.
    next: usize,
    finish: RawFinish,
}

/// All of one strip.
struct Strip<'w> {
    kernels: Kernels,
    work: &'w ChainWork<'w>,
    stages: [Option<Stage<'w>>; MAX_LINKS],
    /// First row of the result that is asked for, and pixels of its rows.
    first_row: usize,
    width: usize,
    offsets: &'w [usize; MAX_FLAT],
    depth: usize,
}

impl Kernels {
    /// Rows `rows` of what a chain makes; `finish` holds these rows.
    ///
    /// # Panics
    /// Where a tensor is too short for the work, or operators do not follow each other: a defect of the planner.
    pub(crate) fn chain(
        self,
        work: &ChainWork<'_>,
        rows: Range<usize>,
        mut finish: Finish<'_>,
        scratch: &mut [f32],
    ) {
        let n = work.links.len();
        let last = n.checked_sub(1).expect("a chain of none");
        check(work, &rows);
        let width = work.sizes[last][1];
        let raw = finish.raw(rows.len() * width, work.links[last].blocks());
        assert!(
            scratch.len() >= chain_floats(work.links, work.sizes, work.strip),
            "no room between operators"
        );
        let mut offsets = [0; MAX_FLAT];
        let depth = match work.links[0] {
            Link::Convolution(filter, ..) => filter.all().offsets(&work.picture, &mut offsets),
            Link::Depthwise(..) | Link::Pool { .. } => 0,
        };
        let n_strips = width.div_ceil(work.strip);
        for index in 0..n_strips {
            let columns = index * width / n_strips..(index + 1) * width / n_strips;
            let mut strip = Strip {
                kernels: self,
                work,
                stages: [const { None }; MAX_LINKS],
                first_row: rows.start,
                width,
                offsets: &offsets,
                depth,
            };
            strip.lay(columns, &raw, scratch.as_mut_ptr());
            // SAFETY: `check` and the assertions above found all tensors long enough, and rings were laid one after
            // the other in as many floats as were counted.
            unsafe {
                for row in rows.clone() {
                    strip.compute(last, row);
                }
            }
        }
    }
}

/// Checks that operators follow each other and that the picture and the noughts are long enough.
fn check(work: &ChainWork<'_>, rows: &Range<usize>) {
    let (links, sizes, picture) = (work.links, work.sizes, &work.picture);
    assert!(
        links.len() <= MAX_LINKS && sizes.len() == links.len() && work.strip > 0,
        "a chain of that length"
    );
    let mut before = [picture.height, picture.width];
    let mut blocks = picture.column_step / LANES;
    for (index, link) in links.iter().enumerate() {
        let window = link.window();
        assert!(
            window.kernel[0].max(window.kernel[1]) <= MAX_KERNEL,
            "kernel too large"
        );
        for axis in 0..2 {
            assert_eq!(
                window.n_outputs(axis, before[axis]),
                Some(sizes[index][axis]),
                "another size"
            );
        }
        match link {
            Link::Convolution(filter, ..) if index == 0 => {
                assert_eq!(window.kernel, filter.kernel, "window of another filter");
                assert!(
                    picture.reach(filter.channels) < picture.data.len(),
                    "picture too short"
                );
            }
            _ => {
                assert!(
                    link.follows(blocks),
                    "operators that do not follow each other"
                );
                assert!(
                    index > 0 || picture.reach(blocks * LANES) < picture.data.len(),
                    "picture too short"
                );
                assert!(
                    index > 0 || picture.column_step == blocks * LANES && picture.channel_step == 1,
                    "a picture of another layout"
                );
            }
        }
        if let Link::Depthwise(..) = link {
            assert!(
                work.zeros.len() >= before[1] * blocks * LANES,
                "too few noughts"
            );
        }
        blocks = link.blocks();
        before = sizes[index];
    }
    assert!(rows.end <= before[0], "rows outside");
}

impl<'w> Strip<'w> {
    /// Lays out the stages for `columns` of the result, from the last to the first.
    fn lay(&mut self, columns: Range<usize>, raw: &RawFinish, scratch: *mut f32) {
        let links = self.work.links;
        let rings = rings(links, self.work.sizes, self.work.strip);
        let last = links.len() - 1;
        let mut columns = columns;
        let mut used = 0;
        for index in (0..links.len()).rev() {
            let link = links[index];
            let before = match index {
                0 => [self.work.picture.height, self.work.picture.width],
                _ => self.work.sizes[index - 1],
            };
            let seen = seen(link.window(), &columns, before[1]);
            let step = link.blocks() * LANES;
            let (output, finish) = if index == last {
                (raw.output, *raw)
            } else {
                let output = scratch.wrapping_add(used);
                used += rings[index].rows * rings[index].row_floats;
                let activation = match link {
                    Link::Convolution(_, _, activation) | Link::Depthwise(_, _, activation) => {
                        activation
                    }
                    Link::Pool { .. } => &Activation::NONE,
                };
                (output, RawFinish::between(activation, step))
            };
            self.stages[index] = Some(Stage {
                link,
                columns: columns.clone(),
                before,
                first_seen: seen.start,
                n_seen: seen.len(),
                output,
                ring: rings[index],
                next: 0,
                finish,
            });
            columns = seen;
        }
    }

    /// Computes `row` of that operator, and before it the rows that it sees.
    ///
    /// # Safety
    /// The strip was laid in memory that is long enough.
    unsafe fn compute(&mut self, index: usize, row: usize) {
        let Some(stage) = &self.stages[index] else {
            return;
        };
        let window = stage.link.window();
        let taps = window.taps(0, stage.before[0], row);
        let first = (row * window.strides[0] + taps.start).saturating_sub(window.before[0]);
        if index > 0 {
            // Rows that no window sees are never computed.
            let before = self.stages[index - 1].as_ref().map_or(0, |s| s.next);
            for needed in before.max(first)..first + taps.len() {
                // SAFETY: as of this.
                unsafe { self.compute(index - 1, needed) };
            }
        }
        // SAFETY: the rows it sees were computed, into rings that hold as many.
        unsafe { self.row(index, row, (taps, first)) };
        if let Some(stage) = &mut self.stages[index] {
            stage.next = row + 1;
        }
    }

    /// Where that row of the operator before lies, from the first column that is there.
    ///
    /// # Safety
    /// As of [`compute`](Self::compute); the row is there.
    unsafe fn line(&self, index: usize, row: usize) -> *const f32 {
        // SAFETY: rings hold the rows that are still seen; the picture was measured.
        unsafe {
            match index
                .checked_sub(1)
                .and_then(|before| self.stages[before].as_ref())
            {
                Some(before) => {
                    let at = row % before.ring.rows * before.ring.row_floats;
                    before.output.add(at).cast_const()
                }
                None => {
                    let picture = &self.work.picture;
                    let first = self.stages[0].as_ref().map_or(0, |stage| stage.first_seen);
                    let at = row * picture.row_step + first * picture.column_step;
                    picture.data.as_ptr().add(at)
                }
            }
        }
    }

    /// One row of one operator.
    ///
    /// # Safety
    /// As of [`compute`](Self::compute); the rows it sees are there.
    unsafe fn row(&self, index: usize, row: usize, (taps, first): (Range<usize>, usize)) {
        let Some(stage) = &self.stages[index] else {
            return;
        };
        let step = stage.finish.step;
        let n_columns = stage.columns.len();
        // SAFETY: the caller's promise: every row is there and as long as was counted.
        unsafe {
            let finish = if index + 1 == self.work.links.len() {
                let at = (row - self.first_row) * self.width + stage.columns.start;
                stage.finish.at(at * step, 0)
            } else {
                let mut finish = stage.finish;
                finish.output = stage
                    .output
                    .add(row % stage.ring.rows * stage.ring.row_floats);
                finish
            };
            let window = stage.link.window();
            // The window begins that far before the first column that is there.
            let pad_left = (window.before[1] + stage.first_seen)
                .saturating_sub(stage.columns.start * window.strides[1]);
            match stage.link {
                Link::Convolution(filter, ..) if index > 0 => {
                    let mut tile = filter.all().tile(finish);
                    tile.input = self.line(index, row);
                    self.kernels.span(&tile, filter.blocks, n_columns);
                }
                Link::Convolution(filter, window, _) => {
                    let span = Span {
                        picture: &self.work.picture,
                        window,
                        columns: stage.columns.clone(),
                        table: &self.offsets[..self.depth],
                    };
                    self.kernels
                        .row(&filter.all(), &span, (row, &taps), &finish);
                }
                Link::Depthwise(filter, window, _) => {
                    let mut rows = [self.work.zeros.as_ptr(); MAX_KERNEL];
                    for (offset, tap) in taps.clone().enumerate() {
                        rows[tap] = self.line(index, first + offset);
                    }
                    let work = DepthwiseRow {
                        rows,
                        kernel_rows: window.kernel[0],
                        kernel_columns: window.kernel[1],
                        stride: window.strides[1],
                        pad_left,
                        in_width: stage.n_seen,
                        step,
                        out_width: n_columns,
                        inner: inner(window, pad_left, (stage.n_seen, n_columns)),
                        blocks: filter.blocks,
                        weights: filter.weights.as_slice().as_ptr(),
                        bias: filter.bias.as_slice().as_ptr(),
                        finish,
                    };
                    self.kernels.depthwise_kernel(window)(&work);
                }
                Link::Pool {
                    is_mean, blocks, ..
                } => {
                    let mut rows = [std::ptr::null(); MAX_KERNEL];
                    for (offset, into) in rows.iter_mut().take(taps.len()).enumerate() {
                        *into = self.line(index, first + offset);
                    }
                    let rows = (rows, taps.len(), pad_left);
                    let work = stage.pooled(rows, (blocks, is_mean), finish.output);
                    (self.kernels.0.pool)(&work);
                }
            }
        }
    }
}

impl Stage<'_> {
    /// The work of one row of a pooling.
    fn pooled(
        &self,
        (rows, n_rows, pad_left): ([*const f32; MAX_KERNEL], usize, usize),
        (blocks, is_mean): (usize, bool),
        output: *mut f32,
    ) -> PoolRow {
        let window = self.link.window();
        PoolRow {
            rows,
            n_rows,
            kernel_columns: window.kernel[1],
            stride: window.strides[1],
            pad_left,
            in_width: self.n_seen,
            step: self.finish.step,
            out_width: self.columns.len(),
            blocks,
            is_mean,
            output,
        }
    }
}

/// Output pixels whose taps all lie in what is there.
fn inner(window: &Window, pad_left: usize, (n_seen, n_columns): (usize, usize)) -> (usize, usize) {
    let (kernel, stride) = (window.kernel[1], window.strides[1]);
    let to = match (n_seen + pad_left).checked_sub(kernel) {
        Some(room) => (room / stride + 1).min(n_columns),
        None => 0,
    };
    (pad_left.div_ceil(stride).min(to), to)
}
