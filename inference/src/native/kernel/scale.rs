//! Rows of a picture, reduced or enlarged and laid out as a network reads them.
//!
//! Rows are mixed first: that is one multiplication a byte over all of a row, and leaves a row of floats in the nearest cache. Its
//! pixels are mixed afterwards, and their colours part there.

use super::Kernels;
use super::simd::{LANES, Simd};

/// Colours of a pixel.
pub(super) const COLORS: usize = 3;

/// Vectors of bytes that are mixed together: their sums stay in registers while the rows go by.
const TOGETHER: usize = 4;

/// For each place of an axis, which inputs make it up: the same number for all, side by side.
#[derive(Default)]
pub(crate) struct Taps {
    /// The first input of each place.
    first: Vec<usize>,
    /// `[place][input]`.
    weights: Vec<f32>,
    /// Inputs of each place.
    n: usize,
    /// Inputs there are.
    n_inputs: usize,
}

impl Taps {
    /// Forgets what there is: places of `n` of `n_inputs` inputs follow.
    ///
    /// # Panics
    /// Where there are fewer inputs.
    pub(crate) fn begin(&mut self, n: usize, n_inputs: usize) {
        assert!(n <= n_inputs, "fewer inputs than a place is made of");
        (self.n, self.n_inputs) = (n, n_inputs);
        self.first.clear();
        self.weights.clear();
    }

    /// The next place, of the inputs from `first` on with these weights.
    ///
    /// # Panics
    /// Where it is not made of as many inputs as the others, or of one beyond the last.
    pub(crate) fn push(&mut self, first: usize, weights: impl Iterator<Item = f32>) {
        self.first.push(first);
        self.weights.extend(weights);
        assert!(first + self.n <= self.n_inputs, "an input too far");
        assert_eq!(self.weights.len(), self.first.len() * self.n, "weights");
    }

    /// Places there are.
    pub(crate) fn len(&self) -> usize {
        self.first.len()
    }

    /// The inputs from the first to the last that is needed.
    pub(crate) fn span(&self) -> std::ops::Range<usize> {
        let first = self.first.iter().copied().min().unwrap_or_default();
        let last = self.first.iter().copied().max().unwrap_or_default();
        first..last + self.n
    }

    fn at(&self, place: usize) -> (usize, &[f32]) {
        let weights = &self.weights[place * self.n..][..self.n];
        (self.first[place], weights)
    }
}

/// The work of one row.
pub(super) struct ScaledRow<'a> {
    /// The rows that make it up, each from the first byte that is needed on.
    rows: &'a [*const u8],
    /// Their weights.
    weights: &'a [f32],
    /// Bytes of each that are needed.
    n_bytes: usize,
    /// Room for as many floats, and one.
    mixed: *mut f32,
    /// Room for red, green and blue of each place, and the red of the next: four floats are one register.
    pixels: *mut [f32; COLORS + 1],
    columns: &'a Taps,
    /// Pixels to the left of what is needed.
    left: usize,
    /// Where red, green and blue go.
    planes: [*mut f32; COLORS],
}

/// Mixes the rows, then their pixels.
///
/// # Safety
/// All that the description reaches lies in live memory, what is written apart from what is read; the columns lie within
/// `left` and what is needed.
#[inline(always)]
pub(super) unsafe fn row<S: Simd>(work: &ScaledRow<'_>) {
    // SAFETY: the caller's promise; offsets stay below `n_bytes`, and by the promise about columns pixels do too.
    unsafe {
        let wide = LANES * TOGETHER;
        let n_wide = work.n_bytes / wide * wide;
        for at in (0..n_wide).step_by(wide) {
            mix::<S, TOGETHER>(work, at);
        }
        let n_whole = work.n_bytes / LANES * LANES;
        for at in (n_wide..n_whole).step_by(LANES) {
            mix::<S, 1>(work, at);
        }
        for at in n_whole..work.n_bytes {
            let mut sum = 0.0;
            for (row, weight) in work.rows.iter().zip(work.weights) {
                sum += f32::from(*row.add(at)) * weight;
            }
            *work.mixed.add(at) = sum;
        }
        // The usual reductions, for which loops unroll: none or an enlargement, up to one and a half, two, and three.
        match work.columns.n {
            2 => pixels::<2>(work),
            3 => pixels::<3>(work),
            4 => pixels::<4>(work),
            6 => pixels::<6>(work),
            _ => pixels::<0>(work),
        }
        let [red, green, blue] = work.planes;
        for place in 0..work.columns.first.len() {
            let pixel = *work.pixels.add(place);
            *red.add(place) = pixel[0];
            *green.add(place) = pixel[1];
            *blue.add(place) = pixel[2];
        }
    }
}

/// Mixes pixels of the mixed row: `N` for each place, or as many as there are where that is nought.
///
/// # Safety
/// As of [`row`].
#[inline(always)]
unsafe fn pixels<const N: usize>(work: &ScaledRow<'_>) {
    let n = if N == 0 { work.columns.n } else { N };
    // SAFETY: the caller's promise.
    unsafe {
        let mut weights = work.columns.weights.as_ptr();
        for (place, first) in work.columns.first.iter().enumerate() {
            let mut from = work.mixed.add((first - work.left) * COLORS);
            let mut sums = [0.0; COLORS + 1];
            for _ in 0..n {
                let pixel = *from.cast::<[f32; COLORS + 1]>();
                let weight = *weights;
                for (sum, color) in sums.iter_mut().zip(pixel) {
                    *sum += color * weight;
                }
                from = from.add(COLORS);
                weights = weights.add(1);
            }
            *work.pixels.add(place) = sums;
        }
    }
}

/// Mixes `N` vectors of bytes.
///
/// # Safety
/// As of [`row`]; so many bytes are there from `at` on.
#[inline(always)]
unsafe fn mix<S: Simd, const N: usize>(work: &ScaledRow<'_>, at: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [S::splat(0.0); N];
        for (row, weight) in work.rows.iter().zip(work.weights) {
            let weight = S::splat(*weight);
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = S::fma(S::load_levels(row.add(at + n * LANES)), weight, *sum);
            }
        }
        for (n, sum) in sums.into_iter().enumerate() {
            S::store(work.mixed.add(at + n * LANES), sum);
        }
    }
}

/// Where a scaled picture goes.
pub struct ColorPlanes<'a> {
    /// Red, green and blue in 0..255, row by row.
    pub colors: [&'a mut [f32]; COLORS],
    /// Floats from one row to the next, at least the width that is made.
    pub step: usize,
}

impl Kernels {
    /// A picture of `columns` by `rows` inputs, red, green and blue of each pixel side by side, scaled as those say. `mixed`
    /// and `pixels` are room to work in.
    ///
    /// # Panics
    /// Where a length does not fit.
    pub(crate) fn scale(
        self,
        picture: &[u8],
        columns: &Taps,
        rows: &Taps,
        (mixed, pixels): (&mut Vec<f32>, &mut Vec<[f32; COLORS + 1]>),
        planes: &mut ColorPlanes<'_>,
    ) {
        let (width, height) = (columns.len(), rows.len());
        if width == 0 || height == 0 {
            return;
        }
        let row_bytes = columns.n_inputs * COLORS;
        assert!(picture.len() >= row_bytes * rows.n_inputs, "too short");
        assert!(planes.step >= width, "rows run into each other");
        for plane in &planes.colors {
            assert!(
                plane.len() >= (height - 1) * planes.step + width,
                "plane too short"
            );
        }
        let span = columns.span();
        let n_bytes = span.len() * COLORS;
        mixed.resize(n_bytes + 1, 0.0);
        pixels.resize(width, [0.0; COLORS + 1]);
        let mut pointers = Vec::with_capacity(rows.n);
        for y in 0..height {
            let (first, weights) = rows.at(y);
            pointers.clear();
            let needed = (first..first + rows.n).map(|row| {
                let from = row * row_bytes + span.start * COLORS;
                picture[from..][..n_bytes].as_ptr()
            });
            pointers.extend(needed);
            let at = y * planes.step;
            let work = ScaledRow {
                rows: &pointers,
                weights,
                n_bytes,
                mixed: mixed.as_mut_ptr(),
                pixels: pixels.as_mut_ptr(),
                columns,
                left: span.start,
                planes: planes
                    .colors
                    .each_mut()
                    .map(|plane| plane[at..][..width].as_mut_ptr()),
            };
            // SAFETY: every row has the bytes of the span, within which all columns lie; there is room for them and one
            // more, the planes have been cut to the width, and the table was chosen for this processor.
            unsafe { (self.0.scale)(&work) }
        }
    }
}
