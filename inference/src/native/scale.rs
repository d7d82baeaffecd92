//! Pieces of pictures, scaled into what a network reads.

use super::kernel::{Kernels, Planes, Taps};

/// A piece of one axis of a picture and what becomes of it. Lengths are in pixels; the first pixel reaches from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AxisScale {
    /// Pixels of the picture along this axis.
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
    fn taps(&self) -> Taps {
        let scale = f64::from(self.len) / self.n_outputs.max(1) as f64;
        let radius = scale.max(1.0);
        let place = |output: usize| {
            let center = f64::from(self.start) + (output as f64 + 0.5) * scale;
            // A piece that rounding lets begin beyond the last pixel has that pixel.
            let center = center.clamp(0.5, self.n_inputs as f64 - 0.5);
            let first = (center - radius).max(0.0) as usize;
            let last = ((center + radius).ceil() as usize).min(self.n_inputs);
            let weight =
                |input: usize| (1.0 - (input as f64 + 0.5 - center).abs() / radius).max(0.0);
            let sum: f64 = (first..last).map(weight).sum();
            let weights = (first..last).map(|input| (weight(input) / sum) as f32);
            let weights: Vec<f32> = weights.collect();
            // Inputs at the very edge of the triangle count for nothing.
            let n_before = weights.iter().take_while(|weight| **weight == 0.0).count();
            let n_after = weights
                .iter()
                .rev()
                .take_while(|weight| **weight == 0.0)
                .count();
            let weights = weights[n_before..weights.len() - n_after].to_vec();
            (first + n_before, weights)
        };
        let places: Vec<_> = (0..self.n_outputs).map(place).collect();
        Taps::new(self.n_inputs, &places)
    }
}

/// Where a scaled picture goes: one plane a colour, rows of as many floats.
pub struct ColorPlanes<'a> {
    /// Red in 0..255, as the next two.
    pub red: &'a mut [f32],
    /// Green.
    pub green: &'a mut [f32],
    /// Blue.
    pub blue: &'a mut [f32],
    /// Floats from one row to the next, at least the width that is made.
    pub step: usize,
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
            self.taps = asked.taps();
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
        }
    }

    /// Scales a piece of `picture` (red, green, blue bytes of each pixel, row by row) along x and y: antialiased where it is
    /// reduced, bilinear where it is enlarged.
    ///
    /// # Panics
    /// Where the picture is shorter than both axes say, or a plane too short for what is made.
    pub fn scale(
        &mut self,
        picture: &[u8],
        x: AxisScale,
        y: AxisScale,
        into: &mut ColorPlanes<'_>,
    ) {
        self.columns.prepare(x);
        self.rows.prepare(y);
        let mut planes = Planes {
            colors: [&mut *into.red, &mut *into.green, &mut *into.blue],
            step: into.step,
        };
        let (columns, rows) = (&self.columns.taps, &self.rows.taps);
        self.kernels
            .scale(picture, columns, rows, &mut self.mixed, &mut planes);
    }
}
