//! What operators are by definition, in double precision and without any cleverness.

use proptest::prelude::*;

use crate::native::graph::Convolution;
use crate::native::kernel::{Activation, Window};

/// What the definition says: rows of planes in double precision.
#[derive(Clone)]
pub(super) struct Planes {
    pub(super) shape: [usize; 4],
    pub(super) data: Vec<f64>,
}

impl Planes {
    pub(super) fn new(shape: [usize; 4], data: &[f32]) -> Self {
        let data = data.iter().map(|&x| f64::from(x)).collect();
        Self { shape, data }
    }

    pub(super) fn at(&self, n: usize, c: usize, y: i64, x: i64) -> Option<f64> {
        let [_, channels, height, width] = self.shape;
        let (y, x) = (usize::try_from(y).ok()?, usize::try_from(x).ok()?);
        (y < height && x < width).then(|| self.data[((n * channels + c) * height + y) * width + x])
    }

    /// A window at every place: `each` gets image, output channel, and the coordinates of its first tap.
    pub(super) fn slide(
        &self,
        outputs: usize,
        window: &Window,
        each: impl Fn(usize, usize, i64, i64) -> f64,
    ) -> Self {
        let size = |axis: usize| {
            let padded = self.shape[2 + axis] + window.before[axis] + window.after[axis];
            (padded - window.kernel[axis]) / window.strides[axis] + 1
        };
        let shape = [self.shape[0], outputs, size(0), size(1)];
        let first = |axis: usize, at: usize| {
            (at * window.strides[axis]) as i64 - window.before[axis] as i64
        };
        let mut data = Vec::new();
        for n in 0..shape[0] {
            for c in 0..shape[1] {
                for y in 0..shape[2] {
                    for x in 0..shape[3] {
                        data.push(each(n, c, first(0, y), first(1, x)));
                    }
                }
            }
        }
        Self { shape, data }
    }

    pub(super) fn convolved(&self, convolution: &Convolution) -> Self {
        let [outputs, channels, rows, columns] = convolution.shape;
        let mut weights = vec![0.0; convolution.weights.len()];
        convolution.weights.expand(0, &mut weights);
        self.slide(outputs, &convolution.window, |n, output, y, x| {
            let mut sum = f64::from(convolution.bias.get(output).copied().unwrap_or(0.0));
            for c in 0..channels {
                for i in 0..rows {
                    for j in 0..columns {
                        let from = if convolution.is_depthwise { output } else { c };
                        let weight = weights[((output * channels + c) * rows + i) * columns + j];
                        let value = self.at(n, from, y + i as i64, x + j as i64).unwrap_or(0.0);
                        sum += f64::from(weight) * value;
                    }
                }
            }
            sum
        })
    }

    pub(super) fn pooled(&self, window: &Window, is_mean: bool) -> Self {
        self.slide(self.shape[1], window, |n, c, y, x| {
            let taps =
                (0..window.kernel[0]).flat_map(|i| (0..window.kernel[1]).map(move |j| (i, j)));
            let seen: Vec<f64> = taps
                .filter_map(|(i, j)| self.at(n, c, y + i as i64, x + j as i64))
                .collect();
            if is_mean {
                seen.iter().sum::<f64>() / seen.len() as f64
            } else {
                seen.iter().copied().fold(f64::NEG_INFINITY, f64::max)
            }
        })
    }

    pub(super) fn activated(mut self, activation: &Activation) -> Self {
        let [_, channels, height, width] = self.shape;
        for (index, x) in self.data.iter_mut().enumerate() {
            *x = match activation {
                Activation::Clamp { low, high } => x.max(f64::from(*low)).min(f64::from(*high)),
                Activation::Slopes(slopes) => {
                    let channel = index / (height * width) % channels;
                    x.max(0.0) + f64::from(slopes.as_slice()[channel]) * x.min(0.0)
                }
            };
        }
        self
    }

    pub(super) fn check(
        &self,
        what: &str,
        found: &(Vec<usize>, Vec<f32>),
    ) -> Result<(), TestCaseError> {
        prop_assert_eq!(&self.shape[..], &found.0[..], "{}", what);
        for (index, (&expected, &found)) in self.data.iter().zip(&found.1).enumerate() {
            let error = (expected - f64::from(found)).abs();
            prop_assert!(
                error <= 1e-4 * expected.abs().max(1.0),
                "{what} at {index} of {:?}: {found} for {expected}",
                self.shape
            );
        }
        Ok(())
    }
}
