//! Smiles by how they come and go.

use regard_domain::Timestamp;

use super::meter::CurvePoint;
use super::segment::Movement;
use super::unit::ActionUnit;

/// Least height of a smile, in full scales.
const LEAST_AMPLITUDE: f32 = 0.3;

/// From how much of the cheek's scale on the eyes are said to take part.
const CHEEKS_FROM: f32 = 0.3;

/// Seconds of rise below which a smile is sudden. Origin: our cut, between the means reported for posed and spontaneous ones.
const SUDDEN_BELOW_SECS: f64 = 0.3;

/// Difference of the sides over their sum from which a smile is one-sided.
const ONE_SIDED_FROM: f32 = 0.35;

/// What kind of smile, by what is seen of it. None says whether anyone is glad, or means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SmileKind {
    /// Comes gradually, and the cheeks rise with it.
    WithCheeks,
    /// Comes gradually, with the mouth alone.
    MouthOnly,
    /// Is there within three tenths of a second.
    Sudden,
    /// One corner of the mouth rises much farther than the other.
    OneSided,
    /// It was under way when the curves began or ended: how it came or went is not known.
    Cut,
}

impl SmileKind {
    /// Its name in every output, in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WithCheeks => "with_cheeks",
            Self::MouthOnly => "mouth_only",
            Self::Sudden => "sudden",
            Self::OneSided => "one_sided",
            Self::Cut => "cut",
        }
    }
}

/// A smile: the corners of the mouth are pulled up and fall again.
///
/// # Source
/// That the cheeks rise with it (AU6 with AU12): Duchenne 1862, Ekman, Davidson & Friesen 1990. That posed smiles rise faster
/// and higher than spontaneous ones: Cohn & Schmidt 2004. The cuts between the kinds are ours. **Not validated**: later work finds
/// AU6 in posed smiles too (Krumhuber & Manstead 2009), and we measured no agreement with observers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smile {
    /// What kind.
    pub kind: SmileKind,
    /// When it sets in.
    pub onset: Timestamp,
    /// When it is highest.
    pub apex: Timestamp,
    /// When it is over.
    pub offset: Timestamp,
    /// How far the corners of the mouth are pulled, in full scales.
    pub amplitude: f32,
    /// Seconds from setting in to the height.
    pub rise_secs: f64,
    /// Seconds from the height to the end.
    pub fall_secs: f64,
    /// How far the cheeks rise at most meanwhile, in full scales.
    pub cheeks: f32,
    /// Difference of what the corners do, left in the image less right, over its sum; in `[-1, 1]`, 0 is even.
    pub lopsidedness: f32,
}

/// The smiles among the movements.
pub(super) fn smiles(points: &[CurvePoint], movements: &[Movement]) -> Vec<Smile> {
    movements
        .iter()
        .filter(|m| m.unit == ActionUnit::LipCornerPull && m.amplitude >= LEAST_AMPLITUDE)
        .map(|movement| smile(points, movement))
        .collect()
}

fn smile(points: &[CurvePoint], movement: &Movement) -> Smile {
    let from = points.partition_point(|p| p.at < movement.onset);
    let to = points.partition_point(|p| p.at <= movement.offset);
    let during = &points[from..to.max(from)];
    let cheeks = during
        .iter()
        .map(|p| p.units[ActionUnit::CheekRaise as usize])
        .fold(0.0, f32::max);
    let high = during
        .iter()
        .filter(|p| p.units[ActionUnit::LipCornerPull as usize] >= 0.5 * movement.amplitude);
    let [left, right] = high.fold([0.0_f32; 2], |sum, p| {
        [
            sum[0] + p.corners[0].max(0.0),
            sum[1] + p.corners[1].max(0.0),
        ]
    });
    let lopsidedness = if left + right > 0.0 {
        (left - right) / (left + right)
    } else {
        0.0
    };
    let rise_secs = movement.phases.rise_secs();
    let kind = if movement.is_cut {
        SmileKind::Cut
    } else if lopsidedness.abs() >= ONE_SIDED_FROM {
        SmileKind::OneSided
    } else if rise_secs < SUDDEN_BELOW_SECS {
        SmileKind::Sudden
    } else if cheeks >= CHEEKS_FROM {
        SmileKind::WithCheeks
    } else {
        SmileKind::MouthOnly
    };
    Smile {
        kind,
        onset: movement.onset,
        apex: movement.apex,
        offset: movement.offset,
        amplitude: movement.amplitude,
        rise_secs,
        fall_secs: movement.phases.fall_secs(),
        cheeks,
        lopsidedness,
    }
}

#[cfg(test)]
mod tests {
    use super::super::segment::movements;
    use super::super::unit::N_UNITS;
    use super::*;

    /// A smile that rises for so long, with the cheeks and the corners so far.
    fn shown(rise_secs: f64, cheeks: f32, corners: [f32; 2]) -> SmileKind {
        let points: Vec<CurvePoint> = (0..200_i64)
            .map(|i| {
                let t = i as f64 * 0.04;
                let share = ((t - 2.0) / rise_secs).min((6.0 - t) / 1.0).clamp(0.0, 1.0) as f32;
                let mut units = [0.0; N_UNITS];
                units[ActionUnit::LipCornerPull as usize] = 0.8 * share;
                units[ActionUnit::CheekRaise as usize] = cheeks * share;
                CurvePoint {
                    at: Timestamp::from_millis(i * 40),
                    units,
                    corners: corners.map(|c| c * share),
                    valence: 0.0,
                    arousal: 0.0,
                    pose: None,
                    expression: None,
                    blendshapes: None,
                    is_turned: false,
                }
            })
            .collect();
        let times: Vec<f64> = (0..200).map(|i| f64::from(i) * 0.04).collect();
        let at: Vec<Timestamp> = points.iter().map(|p| p.at).collect();
        let unit = ActionUnit::LipCornerPull;
        let values: Vec<f32> = points.iter().map(|p| p.units[unit as usize]).collect();
        let is_quiet: Vec<bool> = values.iter().map(|v| *v < 0.01).collect();
        let found = movements(unit, (&times, &at), &values, &is_quiet);
        smiles(&points, &found)[0].kind
    }

    #[test]
    fn kinds_are_told_by_rise_cheeks_and_sides() {
        for (rise, cheeks, corners, expected) in [
            (0.8, 0.6, [0.1, 0.1], SmileKind::WithCheeks),
            (0.8, 0.1, [0.1, 0.1], SmileKind::MouthOnly),
            (0.1, 0.6, [0.1, 0.1], SmileKind::Sudden),
            (0.8, 0.6, [0.1, 0.02], SmileKind::OneSided),
        ] {
            assert_eq!(
                shown(rise, cheeks, corners),
                expected,
                "{rise} {cheeks} {corners:?}"
            );
        }
    }
}
