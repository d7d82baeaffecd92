//! Samples along a line through a picture, each out of its four neighbours.

use super::Kernels;
use super::scale::COLORS;

/// Samples that are taken together, so that vectors compute what is between their places and their colours.
const BLOCK: usize = 16;

/// Longest side of a picture: up to it, `f32` has every whole number.
const MAX_SIDE: usize = 1 << 24;

/// The work of one line.
pub(super) struct SampledLine {
    /// Red, green, blue bytes of each pixel, row by row, and the bytes of a row.
    picture: *const u8,
    row_bytes: usize,
    /// The first place and the way from one to the next, along x and y; at nought is the middle of the first pixel.
    start: [f32; 2],
    step: [f32; 2],
    /// Samples.
    n: usize,
    /// Red, green, blue of each sample.
    sums: *mut f32,
}

/// Adds the colours at each place.
///
/// # Safety
/// Each place has four neighbours in the picture, and there is a byte behind the last that is read; there is room for
/// the sums.
#[inline(always)]
pub(super) unsafe fn line(work: &SampledLine) {
    for first in (0..work.n).step_by(BLOCK) {
        // SAFETY: the caller's promise.
        unsafe { block(work, first) };
    }
}

/// The samples from `first` on; where there are fewer, the last again.
///
/// # Safety
/// As of [`line`](fn@line).
#[inline(always)]
unsafe fn block(work: &SampledLine, first: usize) {
    let (mut fx, mut fy, mut at) = ([0.0_f32; BLOCK], [0.0_f32; BLOCK], [0_i32; BLOCK]);
    let row_bytes = work.row_bytes as i32;
    for k in 0..BLOCK {
        let nth = (first + k).min(work.n - 1) as i32 as f32;
        let x = work.start[0] + nth * work.step[0];
        let y = work.start[1] + nth * work.step[1];
        // SAFETY: places lie in the picture, whose bytes were counted in 31 bits; not below nought, so that cutting off
        // is rounding down.
        let (left, top): (i32, i32) = unsafe { (x.to_int_unchecked(), y.to_int_unchecked()) };
        (fx[k], fy[k]) = (x - left as f32, y - top as f32);
        at[k] = top * row_bytes + left * COLORS as i32;
    }
    // Three colours of a pixel and one of the next: above left, above right, below left, below right.
    let mut colors = [[0_u32; BLOCK]; 4];
    for k in 0..BLOCK {
        // SAFETY: four neighbours, and a byte behind them.
        unsafe {
            let above = work.picture.add(at[k] as usize);
            let below = above.add(work.row_bytes);
            colors[0][k] = above.cast::<u32>().read_unaligned();
            colors[1][k] = above.add(COLORS).cast::<u32>().read_unaligned();
            colors[2][k] = below.cast::<u32>().read_unaligned();
            colors[3][k] = below.add(COLORS).cast::<u32>().read_unaligned();
        }
    }
    let mut mixed = [[0.0_f32; BLOCK]; COLORS];
    for (c, mixed) in mixed.iter_mut().enumerate() {
        let color = |corner: usize, k: usize| {
            (u32::from_le(colors[corner][k]) >> (8 * c) & 0xff) as i32 as f32
        };
        for (k, mixed) in mixed.iter_mut().enumerate() {
            let up = color(0, k) * (1.0 - fx[k]) + color(1, k) * fx[k];
            let low = color(2, k) * (1.0 - fx[k]) + color(3, k) * fx[k];
            *mixed = up * (1.0 - fy[k]) + low * fy[k];
        }
    }
    for k in 0..BLOCK.min(work.n - first) {
        // SAFETY: room for as many.
        let sum = unsafe { &mut *work.sums.add((first + k) * COLORS).cast::<[f32; COLORS]>() };
        for (sum, mixed) in sum.iter_mut().zip(&mixed) {
            *sum += mixed[k];
        }
    }
}

impl Kernels {
    /// Adds the colours of as many places as `sums` has room for, three each, along a line through a picture of `size`
    /// columns and rows, red, green, blue of each pixel side by side. Places are in pixels; at nought is the middle of the
    /// first. Bilinear.
    ///
    /// # Panics
    /// Where the picture is shorter than that, or larger than 2 GiB, or a place has no four neighbours in it, or none
    /// further to the right.
    pub(crate) fn sample_line(
        self,
        (picture, size): (&[u8], [usize; 2]),
        (start, step): ([f32; 2], [f32; 2]),
        sums: &mut [f32],
    ) {
        let n = sums.len() / COLORS;
        if n == 0 {
            return;
        }
        let row_bytes = size[0].saturating_mul(COLORS);
        let n_bytes = row_bytes.saturating_mul(size[1]);
        assert!(n_bytes <= picture.len(), "a picture too short");
        assert!(
            i32::try_from(n_bytes).is_ok() && size[0].max(size[1]) <= MAX_SIDE,
            "a picture too large"
        );
        // Two pixels before the end of a row: there is a byte behind the last neighbour.
        for (axis, before_end) in [2, 1].into_iter().enumerate() {
            // As the kernel computes it. Rounding keeps an order, so that places between lie between.
            let end = start[axis] + (n - 1) as i32 as f32 * step[axis];
            let most = size[axis].saturating_sub(before_end) as f32;
            for place in [start[axis], end] {
                assert!((0.0..most).contains(&place), "a place without neighbours");
            }
        }
        let work = SampledLine {
            picture: picture.as_ptr(),
            row_bytes,
            start,
            step,
            n,
            sums: sums.as_mut_ptr(),
        };
        // SAFETY: the ends of the line have neighbours, and so has what lies between; the table was chosen for this
        // processor.
        unsafe { (self.0.sample)(&work) }
    }
}
