//! What a face shows. Never what anyone feels: facial movement is not an emotion.

use serde::{Deserialize, Serialize};

/// One of the seven expressions the networks tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expression {
    /// At rest.
    Neutral,
    /// A smile.
    Happy,
    /// Corners of the mouth down.
    Sad,
    /// Brows together.
    Angry,
    /// Brows up and together, mouth stretched.
    Fearful,
    /// Nose wrinkled.
    Disgusted,
    /// Brows up, mouth open.
    Surprised,
}

impl Expression {
    /// All seven, in the order of every array of seven in this program.
    pub const ALL: [Self; 7] = [
        Self::Neutral,
        Self::Happy,
        Self::Sad,
        Self::Angry,
        Self::Fearful,
        Self::Disgusted,
        Self::Surprised,
    ];

    /// Lower-case English name, as in every output of this program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Happy => "happy",
            Self::Sad => "sad",
            Self::Angry => "angry",
            Self::Fearful => "fearful",
            Self::Disgusted => "disgusted",
            Self::Surprised => "surprised",
        }
    }

    /// The expression of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name() == name)
    }
}

/// What to call a distribution: an expression, or that none is sure enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpressionLabel {
    /// The likeliest expression, sure enough to say so.
    Known(Expression),
    /// No expression is sure enough.
    Uncertain,
}

impl ExpressionLabel {
    /// The name of the expression, or `uncertain`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Known(expression) => expression.name(),
            Self::Uncertain => "uncertain",
        }
    }
}

/// Calibrated probabilities of the seven expressions; each in `[0, 1]`, sum 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpressionDistribution([f32; 7]);

impl ExpressionDistribution {
    /// Scales non-negative weights, in the order of [`Expression::ALL`], to sum 1.
    /// Nothing when a weight is negative or not finite, or when all are zero.
    pub fn from_weights(weights: [f32; 7]) -> Option<Self> {
        let sum: f32 = weights.iter().sum();
        let valid = sum.is_finite() && sum > 0.0 && weights.iter().all(|w| *w >= 0.0);
        valid.then(|| Self(weights.map(|w| w / sum)))
    }

    /// Takes probabilities as they are, for values read back: each in `[0, 1]`, sum within 1e-3 of 1.
    pub fn from_probabilities(probabilities: [f32; 7]) -> Option<Self> {
        let valid = probabilities.iter().all(|p| (0.0..=1.0).contains(p))
            && (probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-3;
        valid.then_some(Self(probabilities))
    }

    /// All seven equally likely: nothing is known.
    pub const fn uniform() -> Self {
        Self([1.0 / 7.0; 7])
    }

    /// Probability of one expression.
    pub const fn probability(&self, expression: Expression) -> f32 {
        self.0[expression as usize]
    }

    /// The seven probabilities, in the order of [`Expression::ALL`].
    pub const fn as_array(&self) -> &[f32; 7] {
        &self.0
    }

    /// The likeliest expression and its probability; ties go to the earlier in [`Expression::ALL`].
    pub fn likeliest(&self) -> (Expression, f32) {
        let mut best = (Expression::Neutral, self.0[0]);
        for expression in Expression::ALL {
            if self.probability(expression) > best.1 {
                best = (expression, self.probability(expression));
            }
        }
        best
    }

    /// The likeliest expression if its probability reaches `floor`, otherwise uncertain.
    pub fn label(&self, floor: f32) -> ExpressionLabel {
        match self.likeliest() {
            (expression, probability) if probability >= floor => ExpressionLabel::Known(expression),
            _ => ExpressionLabel::Uncertain,
        }
    }

    /// Weighted mean of two distributions; `weight` in `[0, 1]` is that of `other`.
    #[must_use]
    pub fn mixed(&self, other: &Self, weight: f32) -> Self {
        let weight = weight.clamp(0.0, 1.0);
        Self(std::array::from_fn(|i| {
            self.0[i].mul_add(1.0 - weight, other.0[i] * weight)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_scaled_or_refused() {
        let d = ExpressionDistribution::from_weights([1.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
        assert_eq!(d.likeliest(), (Expression::Happy, 0.75));
        assert_eq!(d.label(0.8), ExpressionLabel::Uncertain);
        assert!(ExpressionDistribution::from_weights([0.0; 7]).is_none());
        assert!(
            ExpressionDistribution::from_weights([-1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]).is_none()
        );
        assert!(ExpressionDistribution::from_weights([f32::NAN; 7]).is_none());
    }

    #[test]
    fn names_come_back() {
        for expression in Expression::ALL {
            assert_eq!(Expression::from_name(expression.name()), Some(expression));
        }
    }

    #[test]
    fn a_mixture_still_sums_to_one() {
        let a = ExpressionDistribution::from_weights([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
        let m = a.mixed(&ExpressionDistribution::uniform(), 0.3);
        assert!((m.as_array().iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
