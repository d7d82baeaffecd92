//! Everything but convolutions over all channels, with its lengths checked.

use super::convolution::{Filter, Window};
use super::depthwise::{DepthwiseRow, MAX_KERNEL};
use super::map::{Map, Mean};
use super::memory::Aligned;
use super::pool::PoolRow;
use super::simd::LANES;
use super::{Finish, Kernels};

/// One row of a depthwise convolution.
pub(crate) struct RowWork<'a> {
    pub(crate) filter: &'a Filter,
    pub(crate) window: &'a Window,
    /// The input row for each row of the kernel; noughts where it lies outside the picture.
    pub(crate) rows: &'a [&'a [f32]],
    pub(crate) in_width: usize,
    pub(crate) out_width: usize,
}

/// One row of a pooling over pixels of `blocks` vectors.
pub(crate) struct PoolWork<'a> {
    pub(crate) window: &'a Window,
    /// The input rows that lie in the picture.
    pub(crate) rows: &'a [&'a [f32]],
    pub(crate) in_width: usize,
    pub(crate) out_width: usize,
    pub(crate) blocks: usize,
    /// The mean of what lies in the picture; else the greatest.
    pub(crate) is_mean: bool,
}

/// Scale and shift of each channel, padded to whole vectors.
#[derive(Clone)]
pub(crate) struct ChannelMap {
    pub(crate) scale: Aligned,
    pub(crate) shift: Aligned,
}

/// Pointers to rows that are long enough.
fn pointers(rows: &[&[f32]], in_width: usize, step: usize) -> [*const f32; MAX_KERNEL] {
    assert!(rows.len() <= MAX_KERNEL, "too many rows");
    let mut pointers = [std::ptr::null(); MAX_KERNEL];
    for (pointer, row) in pointers.iter_mut().zip(rows) {
        assert!(row.len() >= in_width * step, "row too short");
        *pointer = row.as_ptr();
    }
    pointers
}

impl Kernels {
    /// One row of a depthwise convolution, into the row that `finish` holds.
    ///
    /// # Panics
    /// Where a tensor is too short for the work: a defect of the planner.
    pub(crate) fn depthwise(self, work: &RowWork<'_>, mut finish: Finish<'_>) {
        let (filter, window) = (work.filter, work.window);
        assert_eq!(window.kernel, filter.kernel, "window of another filter");
        assert_eq!(filter.channels, 1, "not depthwise");
        assert_eq!(work.rows.len(), window.kernel[0], "rows of the kernel");
        let step = filter.blocks * LANES;
        let inner = window.inner(1, work.in_width, work.out_width);
        let row = DepthwiseRow {
            rows: pointers(work.rows, work.in_width, step),
            kernel_rows: window.kernel[0],
            kernel_columns: window.kernel[1],
            stride: window.strides[1],
            pad_left: window.before[1],
            in_width: work.in_width,
            step,
            out_width: work.out_width,
            inner: (inner.start, inner.end),
            blocks: filter.blocks,
            weights: filter.weights.as_slice().as_ptr(),
            bias: filter.bias.as_slice().as_ptr(),
            finish: finish.raw(work.out_width, filter.blocks),
        };
        // SAFETY: rows and outputs are long enough, the filter has its weights for every block, and the
        // table was chosen for this processor.
        unsafe { self.depthwise_kernel(window)(&row) }
    }

    /// The kernel for rows of depthwise convolutions with that window.
    pub(super) fn depthwise_kernel(self, window: &Window) -> unsafe fn(&DepthwiseRow) {
        match (window.kernel, window.strides[1]) {
            ([3, 3], stride @ 1..=2) => self.0.depthwise_3[stride - 1],
            ([5, 5], stride @ 1..=2) => self.0.depthwise_5[stride - 1],
            _ => self.0.depthwise,
        }
    }

    /// One row of a pooling.
    ///
    /// # Panics
    /// Where a tensor is too short for the work: a defect of the planner.
    pub(crate) fn pool(self, work: &PoolWork<'_>, output: &mut [f32]) {
        let step = work.blocks * LANES;
        assert!(output.len() >= work.out_width * step, "output too short");
        let row = PoolRow {
            rows: pointers(work.rows, work.in_width, step),
            n_rows: work.rows.len(),
            kernel_columns: work.window.kernel[1],
            stride: work.window.strides[1],
            pad_left: work.window.before[1],
            in_width: work.in_width,
            step,
            out_width: work.out_width,
            blocks: work.blocks,
            is_mean: work.is_mean,
            output: output.as_mut_ptr(),
        };
        // SAFETY: rows and output are long enough, and the table was chosen for this processor.
        unsafe { (self.0.pool)(&row) }
    }

    /// Scales and shifts `n_pixels` of `input` and finishes them.
    ///
    /// # Panics
    /// Where a tensor is too short for the work: a defect of the planner.
    pub(crate) fn map(
        self,
        input: &[f32],
        (n_pixels, blocks): (usize, usize),
        channels: Option<&ChannelMap>,
        mut finish: Finish<'_>,
    ) {
        let finish = finish.raw(n_pixels, blocks);
        assert!(input.len() >= n_pixels * blocks * LANES, "input too short");
        let (scale, shift) = channels.map_or((std::ptr::null(), std::ptr::null()), |channels| {
            let (scale, shift) = (channels.scale.as_slice(), channels.shift.as_slice());
            assert!(
                scale.len().min(shift.len()) >= blocks * LANES,
                "too few channels"
            );
            (scale.as_ptr(), shift.as_ptr())
        });
        let map = Map {
            input: input.as_ptr(),
            n_pixels,
            blocks,
            scale,
            shift,
            finish,
        };
        // SAFETY: all tensors are long enough, and the table was chosen for this processor.
        unsafe { (self.0.map)(&map) }
    }

    /// The mean of each channel over `n_pixels`, at least one.
    ///
    /// # Panics
    /// Where a tensor is too short for the work: a defect of the planner.
    pub(crate) fn mean(
        self,
        input: &[f32],
        (n_pixels, blocks): (usize, usize),
        output: &mut [f32],
    ) {
        assert!(n_pixels > 0, "no pixels");
        assert!(input.len() >= n_pixels * blocks * LANES, "input too short");
        assert!(output.len() >= blocks * LANES, "output too short");
        let mean = Mean {
            input: input.as_ptr(),
            n_pixels,
            blocks,
            output: output.as_mut_ptr(),
        };
        // SAFETY: both tensors are long enough, and the table was chosen for this processor.
        unsafe { (self.0.mean)(&mean) }
    }
}
