//! When a movement sets in, is at its height, and is over: straight pieces laid through its curve.

/// Instants of a movement in seconds, in order: it sets in, has risen, begins to fall, is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phases {
    /// It sets in.
    pub onset_secs: f64,
    /// It has reached its height.
    pub risen_secs: f64,
    /// It leaves its height.
    pub falls_secs: f64,
    /// It is over.
    pub offset_secs: f64,
}

impl Phases {
    /// Seconds from setting in to the height.
    pub fn rise_secs(&self) -> f64 {
        self.risen_secs - self.onset_secs
    }

    /// Seconds from the height to the end.
    pub fn fall_secs(&self) -> f64 {
        self.offset_secs - self.falls_secs
    }

    /// Seconds from setting in to the end.
    pub fn whole_secs(&self) -> f64 {
        self.offset_secs - self.onset_secs
    }

    const fn of([onset_secs, risen_secs, falls_secs, offset_secs]: [f64; 4]) -> Self {
        Self {
            onset_secs,
            risen_secs,
            falls_secs,
            offset_secs,
        }
    }

    /// The share of the height at a time.
    pub(super) fn share_at(&self, at: f64) -> f64 {
        if at <= self.onset_secs || at >= self.offset_secs {
            0.0
        } else if at < self.risen_secs {
            (at - self.onset_secs) / self.rise_secs()
        } else if at > self.falls_secs {
            (self.offset_secs - at) / self.fall_secs()
        } else {
            1.0
        }
    }
}

/// A rise, a height and a fall laid through a curve that is 0 before and after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fitted {
    pub(super) phases: Phases,
    /// The height of the plateau.
    pub(super) amplitude: f32,
    /// Share of the squares of the curve that the pieces leave over, in `[0, 1]`.
    pub(super) left_over: f32,
}

/// Most points that a fit looks at: more do not place a knot better than the noise lets them.
const MAX_POINTS: usize = 240;

/// Rounds of moving the knots; the step is halved when no move helps.
const MAX_ROUNDS: usize = 60;

/// Lays three straight pieces through a curve by least squares. Times in seconds, rising. The first guess: from where to where
/// it stands out. Nothing when the curve does not rise there.
///
/// # Source
/// Piecewise linear onset, apex and offset, as in Cohn & Schmidt 2004 and Valstar, Gunes & Pantic 2007; the fit is coordinate
/// descent on the four knots, the height by its closed form.
pub(super) fn fit(times: &[f64], values: &[f32], from: f64, to: f64) -> Option<Fitted> {
    let step = times.len().div_ceil(MAX_POINTS).max(1);
    let points: Vec<(f64, f64)> = times
        .iter()
        .zip(values)
        .step_by(step)
        .map(|(t, v)| (*t, f64::from(*v)))
        .collect();
    let (first, last) = (points.first()?.0, points.last()?.0);
    let inside = || points.iter().filter(|(t, _)| (from..=to).contains(t));
    let highest = inside().map(|(_, v)| *v).fold(0.0, f64::max);
    if !(highest > 0.0 && to > from) {
        return None;
    }
    let near = |(_, v): &&(f64, f64)| *v >= 0.8 * highest;
    let rise_end = inside().find(near)?.0;
    let fall_begin = inside().rfind(near)?.0;
    let gap = (last - first) / (points.len().max(2) - 1) as f64;
    // Pieces shorter than a frame cannot be told.
    let least = gap * 0.5;
    let mut knots = ordered([from, rise_end, fall_begin, to], least);
    let (mut best, mut amplitude) = cost(&points, &Phases::of(knots));
    let mut step = ((to - from) * 0.25).max(gap);
    for _ in 0..MAX_ROUNDS {
        let mut has_moved = false;
        for knot in 0..4 {
            for by in [-step, step] {
                let mut tried = knots;
                tried[knot] += by;
                let in_order = tried[1] - tried[0] >= least
                    && tried[2] >= tried[1]
                    && tried[3] - tried[2] >= least;
                if !in_order || tried[0] < first - gap || tried[3] > last + gap {
                    continue;
                }
                let (left, height) = cost(&points, &Phases::of(tried));
                if left < best - 1e-12 && height > 0.0 {
                    (knots, best, amplitude, has_moved) = (tried, left, height, true);
                }
            }
        }
        if !has_moved {
            step *= 0.5;
            if step < gap * 0.05 {
                break;
            }
        }
    }
    let all: f64 = points.iter().map(|(_, v)| v * v).sum();
    (amplitude > 0.0).then_some(Fitted {
        phases: Phases::of(knots),
        amplitude: amplitude as f32,
        left_over: (best / all).clamp(0.0, 1.0) as f32,
    })
}

/// Knots far enough from each other to be told apart.
fn ordered([a, b, c, d]: [f64; 4], least: f64) -> [f64; 4] {
    let b = b.max(a + least);
    let c = c.max(b);
    [a, b, c, d.max(c + least)]
}

/// Squares left over, and the height that leaves the fewest.
fn cost(points: &[(f64, f64)], phases: &Phases) -> (f64, f64) {
    let (mut sv, mut ss) = (0.0, 0.0);
    for (t, v) in points {
        let share = phases.share_at(*t);
        sv += share * v;
        ss += share * share;
    }
    let height = if ss > 0.0 { sv / ss } else { 0.0 };
    let left = points
        .iter()
        .map(|(t, v)| (v - height * phases.share_at(*t)).powi(2));
    (left.sum(), height)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_knots_of_a_made_up_movement_are_found(
            onset in 0.3_f64..0.8, rise in 0.1_f64..0.8, hold in 0.0_f64..1.0, fall in 0.1_f64..0.8,
            height in 0.2_f32..1.0,
        ) {
            let knots = [onset, onset + rise, onset + rise + hold, onset + rise + hold + fall];
            let truth = Phases::of(knots);
            let times: Vec<f64> = (0..200).map(|i| f64::from(i) * 0.02).collect();
            let values: Vec<f32> =
                times.iter().map(|t| height * truth.share_at(*t) as f32).collect();
            let found = fit(&times, &values, onset + 0.2 * rise, knots[3] - 0.2 * fall).unwrap();
            prop_assert!(found.left_over < 0.01, "{found:?}");
            prop_assert!((found.amplitude / height - 1.0).abs() < 0.08, "{found:?}");
            prop_assert!((found.phases.onset_secs - onset).abs() < 0.04, "{found:?} {truth:?}");
            prop_assert!((found.phases.offset_secs - knots[3]).abs() < 0.04, "{found:?} {truth:?}");
        }
    }

    #[test]
    fn a_curve_that_does_not_rise_has_no_phases() {
        let times = [0.0, 0.1, 0.2, 0.3];
        assert!(fit(&times, &[0.0, -1.0, -0.2, 0.0], 0.0, 0.3).is_none());
        assert!(fit(&[], &[], 0.0, 1.0).is_none());
    }
}
