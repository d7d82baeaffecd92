//! Pieces of pictures, scaled into what a network reads.

use super::kernel::{ColorPlanes, Kernels, Taps};

/// A piece of one axis of a picture and what becomes of it. Lengths are in pixels; the first pixel reaches from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AxisScale {
    /// Pixels of the picture along this axis, at least one.
    pub n_inputs: usize,
    /// Where the piece begins.
    pub start: f32,
    /// How long it is.
    pub len: f32,
    /// Pixels that it becomes.
    pub n_outputs: usize,
}

impl AxisScale {
    /// Each output is the mean of the inputs about its place, weighted by a triangle as wide as two outputs, or as two inputs
    /// where the piece is enlarged. Inputs beyond the piece count, beyond the picture there are none.
    fn fill(&self, taps: &mut Taps) {
        let scale = f64::from(self.len) / self.n_outputs.max(1) as f64;
        let radius = scale.max(1.0);
        // No more than so many lie under a triangle, without its very edges.
        let n = ((2.0 * radius).ceil() as usize).min(self.n_inputs);
        taps.begin(n, self.n_inputs);
        for output in 0..self.n_outputs {
            let center = f64::from(self.start) + (output as f64 + 0.5) * scale;
            // A piece that rounding lets begin beyond the last pixel has that pixel.
            let center = center.clamp(0.5, self.n_inputs as f64 - 0.5);
            // Below nought, the cast saturates.
            let first = ((center - radius + 0.5).floor() as usize).min(self.n_inputs - n);
            let weight =
                |input: usize| (1.0 - (input as f64 + 0.5 - center).abs() / radius).max(0.0);
            let inputs = first..first + n;
            let sum: f64 = inputs.clone().map(weight).sum();
            taps.push(first, inputs.map(|input| (weight(input) / sum) as f32));
        }
    }
}

/// One axis as it was asked for, and what that means.
#[derive(Default)]
struct Axis {
    asked: Option<AxisScale>,
    taps: Taps,
}

impl Axis {
    fn prepare(&mut self, asked: AxisScale) {
        if self.asked != Some(asked) {
            asked.fill(&mut self.taps);
            self.asked = Some(asked);
        }
    }
}

/// Scales pieces of pictures into the planes of colours that networks read, with the widest vectors of the processor; no
/// picture of bytes lies in between, so that nothing is rounded.
///
/// # Privacy
/// Holds a row of the last picture, mixed of some, until the next.
pub struct Scaler {
    kernels: Kernels,
    columns: Axis,
    rows: Axis,
    mixed: Vec<f32>,
    pixels: Vec<[f32; 4]>,
}

impl Default for Scaler {
    fn default() -> Self {
        Self::with(Kernels::best())
    }
}

impl Scaler {
    pub(super) fn with(kernels: Kernels) -> Self {
        Self {
            kernels,
            columns: Axis::default(),
            rows: Axis::default(),
            mixed: Vec::new(),
            pixels: Vec::new(),
        }
    }

    /// Scales a piece of `picture` (red, green, blue bytes of each pixel, row by row) along x and y: antialiased where it is
    /// reduced, bilinear where it is enlarged.
    ///
    /// # Panics
    /// Where the picture has no pixels or fewer than both axes say, or a plane is too short for what is made.
    pub fn scale(
        &mut self,
        picture: &[u8],
        x: AxisScale,
        y: AxisScale,
        into: &mut ColorPlanes<'_>,
    ) {
        self.columns.prepare(x);
        self.rows.prepare(y);
        let (columns, rows) = (&self.columns.taps, &self.rows.taps);
        self.kernels.scale(
            picture,
            columns,
            rows,
            (&mut self.mixed, &mut self.pixels),
            into,
        );
    }
}

/// Samples pictures along lines, with the widest vectors of the processor.
#[derive(Clone, Copy)]
pub struct Sampler {
    kernels: Kernels,
}

impl Default for Sampler {
    fn default() -> Self {
        Self::with(Kernels::best())
    }
}

impl Sampler {
    pub(super) const fn with(kernels: Kernels) -> Self {
        Self { kernels }
    }

    /// Adds red, green and blue, in 0..255, of as many places as `sums` has room for, along a line through a picture of
    /// `width` by `height` pixels (red, green, blue bytes of each, row by row). The first place and the way from one to the
    /// next are in pixels along x and y; (0, 0) is the middle of the first pixel. Bilinear.
    ///
    /// # Panics
    /// Where the picture is shorter than that, larger than 2 GiB or 2^24 pixels along a side, or a place is not in
    /// `0..width - 2` and `0..height - 1`.
    pub fn add_line(
        &self,
        (picture, width, height): (&[u8], usize, usize),
        (start, step): ([f32; 2], [f32; 2]),
        sums: &mut [f32],
    ) {
        self.kernels
            .sample_line((picture, [width, height]), (start, step), sums);
    }
}
