//! Movements: where a signal stands out from rest, and for how long.

use regard_domain::Timestamp;

use super::fit::{Phases, fit};
use super::series::robust_deviation;
use super::unit::{ActionUnit, FaceRegion};

/// Deviations of the noise that a movement has to rise above, and the least it has to reach in full scales. Origin: four of
/// normal noise come once in 30,000 frames; a quarter of the scale is more than the mesh wanders in a still face.
const RISES_ABOVE: (f32, f32) = (4.0, 0.25);

/// The same for where it ends.
const ENDS_BELOW: (f32, f32) = (1.5, 0.08);

/// Seconds to either side that a fit sees of what was before and after.
const MARGIN_SECS: f64 = 0.3;

/// One movement of one unit: it sets in, reaches its height, is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Movement {
    /// Which unit moves.
    pub unit: ActionUnit,
    /// When it sets in.
    pub onset: Timestamp,
    /// When it is highest.
    pub apex: Timestamp,
    /// When it is over.
    pub offset: Timestamp,
    /// The same as a rise, a height and a fall, in seconds from the first frame of the curves.
    pub phases: Phases,
    /// How far it goes, in full scales of the unit.
    pub amplitude: f32,
    /// The curves begin or end within it, so that its onset or offset is not known.
    pub is_cut: bool,
}

impl Movement {
    /// Where in the face.
    pub const fn region(&self) -> FaceRegion {
        self.unit.region()
    }
}

/// The movements of one unit, in order. `values`: its curve; `is_quiet`: frames at rest.
pub(super) fn movements(
    unit: ActionUnit,
    (times, at): (&[f64], &[Timestamp]),
    values: &[f32],
    is_quiet: &[bool],
) -> Vec<Movement> {
    let rest: Vec<f32> = values
        .iter()
        .zip(is_quiet)
        .filter(|(_, quiet)| **quiet)
        .map(|(value, _)| *value)
        .collect();
    let noise = robust_deviation(if rest.is_empty() { values } else { &rest }).unwrap_or(0.0);
    let high = (RISES_ABOVE.0 * noise).max(RISES_ABOVE.1);
    let low = (ENDS_BELOW.0 * noise).max(ENDS_BELOW.1).min(high * 0.8);
    let mut found = Vec::new();
    let mut next = 0;
    while let Some(peak) = (next..values.len()).find(|i| values[*i] > high) {
        let before = (next..peak).rev().find(|i| values[*i] < low);
        let after = (peak..values.len()).find(|i| values[*i] < low);
        let from = before.map_or(next, |i| i + 1);
        let to = after.unwrap_or(values.len());
        next = to;
        if to - from < 2 {
            continue;
        }
        let is_cut = before.is_none() || after.is_none();
        let begin = times.partition_point(|t| *t < times[from] - MARGIN_SECS);
        let end = times.partition_point(|t| *t <= times[to - 1] + MARGIN_SECS);
        // What is before and after belongs to other movements as soon as it stands out itself.
        let begin = (begin..from)
            .rev()
            .take_while(|i| values[*i] < high)
            .last()
            .unwrap_or(from);
        let end = (to..end)
            .take_while(|i| values[*i] < high)
            .last()
            .map_or(to, |i| i + 1);
        let Some(fitted) = fit(
            &times[begin..end],
            &values[begin..end],
            times[from],
            times[to - 1],
        ) else {
            continue;
        };
        let apex = (from..to)
            .max_by(|a, b| values[*a].total_cmp(&values[*b]))
            .unwrap_or(peak);
        let first = at[0];
        let stamp = |secs: f64| {
            Timestamp::from_micros(first.as_micros() + (secs.max(0.0) * 1e6).round() as i64)
        };
        let last = at[at.len() - 1];
        found.push(Movement {
            unit,
            onset: stamp(fitted.phases.onset_secs).min(at[apex]),
            apex: at[apex],
            offset: stamp(fitted.phases.offset_secs).clamp(at[apex], last.max(at[apex])),
            phases: fitted.phases,
            amplitude: fitted.amplitude,
            is_cut,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_movements_are_found_where_they_are_and_noise_is_none() {
        let times: Vec<f64> = (0..250).map(|i| f64::from(i) * 0.04).collect();
        let at: Vec<Timestamp> = (0..250).map(|i| Timestamp::from_millis(i * 40)).collect();
        let truth = [(2.0, 0.8), (6.0, 0.5)];
        let bump = |t: f64, (middle, height): (f64, f64)| {
            let far = ((t - middle).abs() - 0.2).max(0.0) / 0.5;
            height * (1.0 - far).max(0.0)
        };
        let values: Vec<f32> = times
            .iter()
            .enumerate()
            .map(|(i, t)| {
                let noise = ((i * 7919 % 101) as f64 / 101.0 - 0.5) * 0.06;
                (truth.iter().map(|one| bump(*t, *one)).sum::<f64>() + noise) as f32
            })
            .collect();
        let is_quiet: Vec<bool> = times.iter().map(|t| *t > 8.0 || *t < 1.0).collect();
        let found = movements(ActionUnit::LipCornerPull, (&times, &at), &values, &is_quiet);
        assert_eq!(found.len(), 2, "{found:?}");
        for (movement, (middle, height)) in found.iter().zip(truth) {
            assert!(!movement.is_cut && movement.region() == FaceRegion::Mouth);
            assert!(
                (f64::from(movement.amplitude) - height).abs() < 0.08,
                "{movement:?}"
            );
            assert!(
                (movement.phases.onset_secs - (middle - 0.7)).abs() < 0.15,
                "{movement:?}"
            );
            assert!(
                (movement.phases.offset_secs - (middle + 0.7)).abs() < 0.15,
                "{movement:?}"
            );
            assert!(movement.onset < movement.apex && movement.apex < movement.offset);
        }
        let still = movements(
            ActionUnit::Blink,
            (&times[200..], &at[200..]),
            &values[200..],
            &is_quiet[200..],
        );
        assert!(still.is_empty());
        // One that is under way when the curves begin says so.
        let cut = movements(
            ActionUnit::LipCornerPull,
            (&times[45..90], &at[45..90]),
            &values[45..90],
            &is_quiet[45..90],
        );
        assert!(cut.len() == 1 && cut[0].is_cut, "{cut:?}");
    }
}
