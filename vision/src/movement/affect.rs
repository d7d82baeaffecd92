//! Valence and arousal of what a face shows.

use regard_domain::{Expression, ExpressionDistribution};

use super::unit::{ActionUnit, UnitValues};

/// Units that count as strength: the blink comes by itself.
const STRONGEST: usize = 5;

/// How pleasant what a face shows looks, in `[-1, 1]`: the mean of what the expression networks say and of what the geometry
/// says; the geometry alone where no network spoke.
///
/// Networks: probability of happy less the greatest of sad, angry, fearful and disgusted. Geometry: corners of the mouth pulled
/// up less the greatest of brows lowered, nose wrinkled and corners pulled down.
///
/// # Source
/// The difference of the happy and the strongest negative expression: Loijens & Krips, *FaceReader methodology note*, 2019. The
/// geometric half is ours. Neither is validated against what people say they feel.
pub(super) fn valence(units: &UnitValues, expression: Option<&ExpressionDistribution>) -> f32 {
    let of = |unit: ActionUnit| units[unit as usize].clamp(0.0, 1.0);
    let against = [
        ActionUnit::BrowLower,
        ActionUnit::NoseWrinkle,
        ActionUnit::LipCornerDepress,
    ];
    let shaped = of(ActionUnit::LipCornerPull) - against.map(of).into_iter().fold(0.0, f32::max);
    let Some(expression) = expression else {
        return shaped;
    };
    let negative = [
        Expression::Sad,
        Expression::Angry,
        Expression::Fearful,
        Expression::Disgusted,
    ];
    let worst = negative
        .map(|e| expression.probability(e))
        .into_iter()
        .fold(0.0, f32::max);
    let said = expression.probability(Expression::Happy) - worst;
    f32::midpoint(shaped, said)
}

/// How much of a face is moved how far, in `[0, 1]`: the mean of the five units that are farthest from rest, without the blink.
/// Of noise alone it is above 0; what a face at rest shows is subtracted by whoever knows it.
///
/// # Source
/// The mean of the five most active units less their mean at rest: Loijens & Krips, *FaceReader methodology note*, 2019.
pub(super) fn activity(units: &UnitValues) -> f32 {
    let mut far: Vec<f32> = ActionUnit::ALL
        .into_iter()
        .filter(|unit| *unit != ActionUnit::Blink)
        .map(|unit| units[unit as usize].abs().min(1.0))
        .collect();
    far.sort_by(|a, b| b.total_cmp(a));
    far.iter().take(STRONGEST).sum::<f32>() / STRONGEST as f32
}

#[cfg(test)]
mod tests {
    use super::super::unit::N_UNITS;
    use super::*;

    fn sure(of: Expression) -> ExpressionDistribution {
        let mut weights = [0.0; 7];
        weights[of as usize] = 1.0;
        ExpressionDistribution::from_weights(weights).unwrap()
    }

    #[test]
    fn valence_has_its_ends_at_a_smile_and_a_frown() {
        let mut smile = [0.0; N_UNITS];
        smile[ActionUnit::LipCornerPull as usize] = 1.4;
        assert_eq!(valence(&smile, Some(&sure(Expression::Happy))), 1.0);
        let mut frown = [0.0; N_UNITS];
        frown[ActionUnit::BrowLower as usize] = 1.0;
        assert_eq!(valence(&frown, Some(&sure(Expression::Angry))), -1.0);
        assert_eq!(
            valence(&[0.0; N_UNITS], Some(&sure(Expression::Neutral))),
            0.0
        );
        assert_eq!(valence(&frown, None), -1.0);
        assert_eq!(
            valence(&[0.0; N_UNITS], Some(&sure(Expression::Surprised))),
            0.0
        );
    }

    #[test]
    fn a_blink_is_no_activity_and_five_full_units_are_all_of_it() {
        let mut units = [0.0; N_UNITS];
        units[ActionUnit::Blink as usize] = 1.0;
        assert_eq!(activity(&units), 0.0);
        for unit in [0, 1, 2, 3, 4] {
            units[unit] = if unit % 2 == 0 { -1.3 } else { 1.0 };
        }
        assert_eq!(activity(&units), 1.0);
    }
}
