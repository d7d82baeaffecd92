//! What the head does, so that it can be subtracted.

use super::place::{N_PLACES, N_WINDOWS};

/// A window of a frame: where it was, how deep, how far it has moved, how well that is tied down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    /// From the middle of the face, in crop pixels; the third away from the camera.
    pub(super) at: [f32; 3],
    pub(super) shift: [f32; 2],
    pub(super) information: [f32; 3],
    pub(super) is_found: bool,
}

/// A small motion of a rigid head: shift, growth, roll, yaw, pitch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rigid {
    pub(super) shift: [f32; 2],
    pub(super) growth: f32,
    pub(super) roll: f32,
    yaw: f32,
    pitch: f32,
}

const N_PARAMETERS: usize = 6;

/// Rounds of weighing windows anew by what is left of them.
const ROUNDS: usize = 6;

/// Tukey's constant: efficiency 95 % under normal noise.
const TUKEY: f32 = 4.685;

/// Deviation below which nothing is called an outlier, in crop pixels: what a window wanders in a still face.
const LEAST_DEVIATION_PX: f32 = 0.04;

/// Weight of a place against one of what holds still: a movement there must not be taken for one of the head.
const PLACE_WEIGHT: f32 = 0.4;

/// Gradient variance from which a window counts in full.
const FULL_INFORMATION: f32 = 40.0;

/// Prior on the parameters, so that few windows do not turn the head.
const RIDGE: [f32; N_PARAMETERS] = [1e-4, 1e-4, 2.0, 2.0, 6.0, 6.0];

impl Rigid {
    /// How far a point moves with the head.
    pub(super) fn shift_at(&self, [x, y, z]: [f32; 3]) -> [f32; 2] {
        [
            self.shift[0] + self.growth * x - self.roll * y + self.yaw * z,
            self.shift[1] + self.growth * y + self.roll * x + self.pitch * z,
        ]
    }

    /// How far a point of this depth moves by yaw and pitch alone.
    pub(super) fn in_depth_at(&self, [_, _, z]: [f32; 3]) -> [f32; 2] {
        [self.yaw * z, self.pitch * z]
    }

    /// How far the head has turned since, in pixels of something as deep as a nose.
    pub(super) fn turn_since(&self, last: &Self) -> f32 {
        const NOSE_PX: f32 = 25.0;
        (self.yaw - last.yaw).hypot(self.pitch - last.pitch) * NOSE_PX
    }

    /// The motion that most windows agree on; nothing when too few were found.
    ///
    /// # Source
    /// Iteratively reweighted least squares with Tukey's biweight: Huber & Ronchetti, *Robust Statistics*, 2009, 7.8.
    pub(super) fn fit(windows: &[Moved; N_WINDOWS]) -> Option<Self> {
        if windows.iter().filter(|w| w.is_found).count() < N_WINDOWS / 2 {
            return None;
        }
        let mut weights = [1.0_f32; N_WINDOWS];
        let mut fitted = Self::default();
        for _ in 0..ROUNDS {
            fitted = Self::weighted(windows, &weights)?;
            let mut left: Vec<f32> = Vec::with_capacity(N_WINDOWS);
            let mut far = [0.0_f32; N_WINDOWS];
            for (window, far) in windows.iter().zip(&mut far) {
                let [dx, dy] = fitted.shift_at(window.at);
                let [wxx, wxy, wyy] = weight_of(window.information);
                let (rx, ry) = (window.shift[0] - dx, window.shift[1] - dy);
                *far = (wxx * rx * rx + 2.0 * wxy * rx * ry + wyy * ry * ry)
                    .max(0.0)
                    .sqrt();
                if window.is_found {
                    left.push(*far);
                }
            }
            let middle = left.len() / 2;
            let (_, median, _) = left.select_nth_unstable_by(middle, f32::total_cmp);
            // Of lengths in the plane the median is 1.18 deviations.
            let deviation = (*median / 1.177).max(LEAST_DEVIATION_PX);
            for (weight, far) in weights.iter_mut().zip(far) {
                let share = far / (TUKEY * deviation);
                *weight = if share < 1.0 {
                    (1.0 - share * share).powi(2)
                } else {
                    0.0
                };
            }
        }
        Some(fitted)
    }

    fn weighted(windows: &[Moved; N_WINDOWS], weights: &[f32; N_WINDOWS]) -> Option<Self> {
        let mut a = [[0.0_f32; N_PARAMETERS]; N_PARAMETERS];
        let mut b = [0.0_f32; N_PARAMETERS];
        for (i, ridge) in RIDGE.iter().enumerate() {
            a[i][i] = *ridge;
        }
        for (index, (window, weight)) in windows.iter().zip(weights).enumerate() {
            if !window.is_found || *weight <= 0.0 {
                continue;
            }
            let own = weight * if index < N_PLACES { PLACE_WEIGHT } else { 1.0 };
            let [wxx, wxy, wyy] = weight_of(window.information).map(|w| w * own);
            let [x, y, z] = window.at;
            let rows = [[1.0, 0.0, x, -y, z, 0.0], [0.0, 1.0, y, x, 0.0, z]];
            for i in 0..N_PARAMETERS {
                // Rows weighted by the two-by-two weight of the window.
                let (u, v) = (rows[0][i], rows[1][i]);
                let (wu, wv) = (wxx * u + wxy * v, wxy * u + wyy * v);
                for (j, cell) in a[i].iter_mut().enumerate() {
                    *cell += wu * rows[0][j] + wv * rows[1][j];
                }
                b[i] += wu * window.shift[0] + wv * window.shift[1];
            }
        }
        let [tx, ty, growth, roll, yaw, pitch] = solve(a, b)?;
        Some(Self {
            shift: [tx, ty],
            growth,
            roll,
            yaw,
            pitch,
        })
    }
}

/// The weight of a window in both directions: what ties it down, at most in full.
fn weight_of([xx, xy, yy]: [f32; 3]) -> [f32; 3] {
    let most = (xx + yy) * 0.5 + ((xx - yy) * 0.5).hypot(xy);
    let scale = 1.0 / most.max(FULL_INFORMATION);
    [xx * scale, xy * scale, yy * scale]
}

/// The solution of a symmetric positive system, by elimination; nothing where it is singular.
fn solve(
    mut a: [[f32; N_PARAMETERS]; N_PARAMETERS],
    mut b: [f32; N_PARAMETERS],
) -> Option<[f32; N_PARAMETERS]> {
    for i in 0..N_PARAMETERS {
        if !(a[i][i] > 1e-9) {
            return None;
        }
        for j in i + 1..N_PARAMETERS {
            let factor = a[j][i] / a[i][i];
            let row = a[i];
            for (cell, above) in a[j].iter_mut().zip(row) {
                *cell -= factor * above;
            }
            b[j] -= factor * b[i];
        }
    }
    for i in (0..N_PARAMETERS).rev() {
        let known: f32 = (i + 1..N_PARAMETERS).map(|j| a[i][j] * b[j]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    b.iter().all(|v| v.is_finite()).then_some(b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn windows(motion: &Rigid, moved: &[usize]) -> [Moved; N_WINDOWS] {
        std::array::from_fn(|i| {
            let at = [
                (i % 5) as f32 * 14.0 - 28.0,
                (i / 5) as f32 * 18.0 - 30.0,
                ((i * 7) % 11) as f32 * 3.0 - 15.0,
            ];
            let mut shift = motion.shift_at(at);
            if moved.contains(&i) {
                shift = [shift[0] + 0.3, shift[1] - 1.2];
            }
            Moved {
                at,
                shift,
                information: [50.0, 5.0, 60.0],
                is_found: true,
            }
        })
    }

    proptest! {
        #[test]
        fn the_head_is_found_although_parts_of_the_face_move(
            x in -3.0_f32..3.0, y in -3.0_f32..3.0, growth in -0.03_f32..0.03, roll in -0.03_f32..0.03,
            yaw in -0.05_f32..0.05, pitch in -0.05_f32..0.05,
        ) {
            let truth = Rigid { shift: [x, y], growth, roll, yaw, pitch };
            let seen = windows(&truth, &[0, 1, 8, 9]);
            let found = Rigid::fit(&seen).unwrap();
            for (i, window) in seen.iter().enumerate() {
                let (a, b) = (truth.shift_at(window.at), found.shift_at(window.at));
                prop_assert!((a[0] - b[0]).abs() < 0.1 && (a[1] - b[1]).abs() < 0.1, "{i} {a:?} {b:?}");
            }
        }
    }

    #[test]
    fn too_few_windows_say_nothing() {
        let mut seen = windows(&Rigid::default(), &[]);
        for window in &mut seen[..N_WINDOWS / 2 + 1] {
            window.is_found = false;
        }
        assert!(Rigid::fit(&seen).is_none());
    }
}
