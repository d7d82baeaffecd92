//! A small window found again in another picture, to a fraction of a pixel.

/// A grey picture of the face, upright and of fixed size.
pub(super) struct Gray {
    side: usize,
    values: Vec<f32>,
}

impl Gray {
    pub(super) const fn new(side: usize) -> Self {
        Self {
            side,
            values: Vec::new(),
        }
    }

    /// The values row by row, to be filled.
    pub(super) fn values_mut(&mut self) -> &mut Vec<f32> {
        &mut self.values
    }

    /// Takes out what is finer than a window can follow: a binomial filter of five, along rows and along columns.
    pub(super) fn blur(&mut self) {
        let side = self.side;
        let at = |i: usize, by: isize| i.saturating_add_signed(by).min(side - 1);
        let mut rows = vec![0.0; side * side];
        for (row, into) in self
            .values
            .chunks_exact(side)
            .zip(rows.chunks_exact_mut(side))
        {
            for (x, into) in into.iter_mut().enumerate() {
                *into = (row[at(x, -2)] + row[at(x, 2)]) * 0.0625
                    + (row[at(x, -1)] + row[at(x, 1)]) * 0.25
                    + row[x] * 0.375;
            }
        }
        for y in 0..side {
            let line = |by: isize| &rows[at(y, by) * side..(at(y, by) + 1) * side];
            let (a, b, c, d, e) = (line(-2), line(-1), line(0), line(1), line(2));
            for (x, into) in self.values[y * side..(y + 1) * side].iter_mut().enumerate() {
                *into = (a[x] + e[x]) * 0.0625 + (b[x] + d[x]) * 0.25 + c[x] * 0.375;
            }
        }
    }

    /// Bilinear value; `x`, `y` in pixels from the middle of the first one. Outside, the nearest.
    fn sample(&self, x: f32, y: f32) -> f32 {
        let last = (self.side - 2) as f32 + 0.999;
        let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
        let (left, top) = (x as usize, y as usize);
        let (fx, fy) = (x - left as f32, y - top as f32);
        let at = top * self.side + left;
        let upper = self.values[at] * (1.0 - fx) + self.values[at + 1] * fx;
        let lower = self.values[at + self.side] * (1.0 - fx) + self.values[at + self.side + 1] * fx;
        upper * (1.0 - fy) + lower * fy
    }

    /// The values of a box, row by row.
    pub(super) fn box_values(
        &self,
        (left, top): (f32, f32),
        (width, height): (usize, usize),
    ) -> Vec<f32> {
        (0..width * height)
            .map(|i| self.sample(left + (i % width) as f32, top + (i / width) as f32))
            .collect()
    }
}

/// Half the side of a window in pixels: 21 × 21, three tenths of the distance between the outer eye corners.
const HALF: isize = 10;
const SIDE: usize = 2 * HALF as usize + 1;

/// Most steps of a search.
const MAX_STEPS: usize = 8;

/// A search ends when a step is shorter than this, in pixels.
const STEP_PX: f32 = 0.003;

/// How far a window may be from where it was expected, in pixels: farther, another thing was found.
const MAX_SHIFT_PX: f32 = 6.0;

/// Prior on a shift: as if each window had seen this variance of grey for a shift of nothing. Origin: holds windows of skin
/// without texture where they are, and moves those with texture by less than a hundredth of their shift.
const PRIOR: f32 = 1.5;

/// A window as it was in the picture that others are compared with.
#[derive(Clone)]
pub(super) struct Window {
    pub(super) center: (f32, f32),
    template: Vec<f32>,
    gradients: Vec<[f32; 2]>,
    weights: Vec<f32>,
    hessian: [f32; 3],
    deviation: f32,
}

/// Where a window was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) shift: [f32; 2],
    /// Correlation of what was found with what was looked for, in `[-1, 1]`.
    pub(super) correlation: f32,
    /// How well the window ties down shifts: symmetric, `[xx, xy, yy]`, greater is better.
    pub(super) information: [f32; 3],
}

impl Window {
    pub(super) fn cut(picture: &Gray, center: (f32, f32)) -> Self {
        let mut template = Vec::with_capacity(SIDE * SIDE);
        let mut gradients = Vec::with_capacity(SIDE * SIDE);
        let mut weights = Vec::with_capacity(SIDE * SIDE);
        for dy in -HALF..=HALF {
            for dx in -HALF..=HALF {
                let (x, y) = (center.0 + dx as f32, center.1 + dy as f32);
                template.push(picture.sample(x, y));
                gradients.push([
                    (picture.sample(x + 1.0, y) - picture.sample(x - 1.0, y)) * 0.5,
                    (picture.sample(x, y + 1.0) - picture.sample(x, y - 1.0)) * 0.5,
                ]);
                let far = (dx * dx + dy * dy) as f32 / (HALF * HALF) as f32;
                weights.push((-1.2 * far).exp());
            }
        }
        let total: f32 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
        let mean: f32 = template.iter().zip(&weights).map(|(v, w)| v * w).sum();
        template.iter_mut().for_each(|v| *v -= mean);
        let variance: f32 = template.iter().zip(&weights).map(|(v, w)| v * v * w).sum();
        let mut hessian = [0.0; 3];
        for ([gx, gy], w) in gradients.iter().zip(&weights) {
            hessian[0] += w * gx * gx;
            hessian[1] += w * gx * gy;
            hessian[2] += w * gy * gy;
        }
        Self {
            center,
            template,
            gradients,
            weights,
            hessian,
            deviation: variance.sqrt().max(0.5),
        }
    }

    /// Looks for the window in another picture, near where it is expected to have moved to. Brightness and contrast may differ.
    ///
    /// # Source
    /// Lucas & Kanade 1981 in the inverse compositional form of Baker & Matthews 2004, with gain and bias taken out, and a
    /// normal prior around the expected shift.
    pub(super) fn find(&self, picture: &Gray, expected: [f32; 2]) -> Found {
        let [xx, xy, yy] = self.hessian;
        let (pxx, pyy) = (xx + PRIOR, yy + PRIOR);
        let determinant = pxx * pyy - xy * xy;
        let mut shift = expected;
        let mut seen = vec![0.0; SIDE * SIDE];
        let mut correlation = 0.0;
        for _ in 0..MAX_STEPS {
            let (gain, mean, r) = self.look(picture, shift, &mut seen);
            correlation = r;
            let (mut ex, mut ey) = (
                -PRIOR * (shift[0] - expected[0]),
                -PRIOR * (shift[1] - expected[1]),
            );
            let terms = seen
                .iter()
                .zip(&self.template)
                .zip(&self.gradients)
                .zip(&self.weights);
            for (((seen, template), [gx, gy]), w) in terms {
                let error = w * (template - gain * (seen - mean));
                ex += gx * error;
                ey += gy * error;
            }
            let by = [
                (pyy * ex - xy * ey) / determinant,
                (pxx * ey - xy * ex) / determinant,
            ];
            shift = [
                (shift[0] + by[0]).clamp(expected[0] - MAX_SHIFT_PX, expected[0] + MAX_SHIFT_PX),
                (shift[1] + by[1]).clamp(expected[1] - MAX_SHIFT_PX, expected[1] + MAX_SHIFT_PX),
            ];
            if by[0].hypot(by[1]) < STEP_PX {
                break;
            }
        }
        Found {
            shift,
            correlation,
            information: [xx, xy, yy],
        }
    }

    /// Samples the window at a shift: the gain that brings it to the template's contrast, its mean, its correlation.
    fn look(&self, picture: &Gray, shift: [f32; 2], seen: &mut [f32]) -> (f32, f32, f32) {
        let (left, top) = (
            self.center.0 + shift[0] - HALF as f32,
            self.center.1 + shift[1] - HALF as f32,
        );
        for (row, line) in seen.chunks_exact_mut(SIDE).enumerate() {
            for (column, into) in line.iter_mut().enumerate() {
                *into = picture.sample(left + column as f32, top + row as f32);
            }
        }
        let mean: f32 = seen.iter().zip(&self.weights).map(|(v, w)| v * w).sum();
        let (mut variance, mut product) = (0.0, 0.0);
        for ((v, t), w) in seen.iter().zip(&self.template).zip(&self.weights) {
            variance += w * (v - mean) * (v - mean);
            product += w * (v - mean) * t;
        }
        let deviation = variance.sqrt().max(0.5);
        let correlation = product / (deviation * self.deviation);
        (self.deviation / deviation, mean, correlation)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A picture of waves, moved.
    fn waves(by: (f32, f32), gain: f32, bias: f32) -> Gray {
        let side = 64;
        let mut picture = Gray::new(side);
        for i in 0..side * side {
            let (x, y) = ((i % side) as f32 - by.0, (i / side) as f32 - by.1);
            let value = (x * 0.31).sin() * 40.0 + (y * 0.27 + x * 0.1).sin() * 35.0 + 120.0;
            picture.values_mut().push(gain * value + bias);
        }
        picture
    }

    proptest! {
        #[test]
        fn a_moved_picture_is_found_again_in_any_light(
            x in -2.5_f32..2.5, y in -2.5_f32..2.5, gain in 0.6_f32..1.4, bias in -20.0_f32..20.0,
        ) {
            let mut first = waves((0.0, 0.0), 1.0, 0.0);
            let mut second = waves((x, y), gain, bias);
            first.blur();
            second.blur();
            let found = Window::cut(&first, (31.3, 30.8)).find(&second, [0.0, 0.0]);
            prop_assert!((found.shift[0] - x).abs() < 0.06, "{found:?} {x} {y}");
            prop_assert!((found.shift[1] - y).abs() < 0.06, "{found:?} {x} {y}");
            prop_assert!(found.correlation > 0.98);
        }
    }

    #[test]
    fn where_there_is_nothing_to_see_nothing_moves() {
        let mut flat = Gray::new(64);
        flat.values_mut().resize(64 * 64, 80.0);
        let found = Window::cut(&flat, (32.0, 32.0)).find(&flat, [0.5, 0.0]);
        assert_eq!(found.shift, [0.5, 0.0]);
        assert!(found.information.iter().all(|v| *v < 1e-3));
        assert_eq!(flat.box_values((10.2, 10.0), (4, 2)).len(), 8);
    }
}
