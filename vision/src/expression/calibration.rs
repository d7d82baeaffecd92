//! From raw network outputs to probabilities that mean what they say.

use regard_domain::{Expression, ExpressionDistribution};

/// Probabilities below this count as this, so that their logarithm is finite.
const SMALLEST: f32 = 1e-7;

/// Limits of the search for a temperature. Origin: networks of this size need 1 to 4.
const TEMPERATURES: (f32, f32) = (0.25, 16.0);

/// Halvings of the interval: more than a 32-bit float resolves.
const N_HALVINGS: usize = 60;

/// By what the logarithms of probabilities are divided: above 1 makes a network less sure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperature(f32);

impl Temperature {
    /// Leaves probabilities as they are.
    pub const ONE: Self = Self(1.0);

    /// For the mean of both networks and of the mirror image.
    ///
    /// Origin: [`Temperature::to_confidence`] on the 4,102 faces of FER2013 Training in the evaluation set
    /// (1.348), where the mean confidence is to be 61.6 %: the accuracy of the same mean on PrivateTest,
    /// as one of the networks has learned the Training part by heart (65 % there against 58 % on
    /// PrivateTest) and the accuracy there would promise too much. Checked on PublicTest.
    pub const FITTED: Self = Self(1.35);

    /// A temperature; nothing unless finite and above 0.
    pub fn new(value: f32) -> Option<Self> {
        (value.is_finite() && value > 0.0).then_some(Self(value))
    }

    /// The number, above 0.
    pub const fn get(self) -> f32 {
        self.0
    }

    /// The distribution at this temperature.
    pub fn apply(self, raw: &ExpressionDistribution) -> ExpressionDistribution {
        if self == Self::ONE {
            return *raw;
        }
        let logs = raw.as_array().map(|p| p.max(SMALLEST).ln() / self.0);
        let greatest = logs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        ExpressionDistribution::from_weights(logs.map(|l| (l - greatest).exp()))
            .unwrap_or_else(ExpressionDistribution::uniform)
    }

    /// The temperature at which the labels are likeliest; [`Temperature::ONE`] without any.
    ///
    /// # Source
    /// Guo et al. 2017, section 4.2: least negative log-likelihood.
    pub fn to_labels(raw: &[ExpressionDistribution], labels: &[Expression]) -> Self {
        if raw.is_empty() || raw.len() != labels.len() {
            return Self::ONE;
        }
        // The loss is convex in 1/T, and so has one minimum: golden section on its logarithm.
        let loss = |t: f32| -> f64 {
            let temperature = Self(t.exp());
            raw.iter()
                .zip(labels)
                .map(|(d, label)| {
                    let p = temperature.apply(d).probability(*label);
                    -f64::from(p.max(SMALLEST)).ln()
                })
                .sum()
        };
        let ratio = (5.0_f32.sqrt() - 1.0) / 2.0;
        let (mut low, mut high) = (TEMPERATURES.0.ln(), TEMPERATURES.1.ln());
        for _ in 0..N_HALVINGS {
            let step = ratio * (high - low);
            let (a, b) = (high - step, low + step);
            if loss(a) < loss(b) {
                high = b;
            } else {
                low = a;
            }
        }
        Self(f32::midpoint(low, high).exp())
    }

    /// The temperature at which the mean probability of the likeliest expression is `confidence`
    /// (in `[0, 1]`, the accuracy expected on faces never seen); the nearest within the limits when
    /// none is; [`Temperature::ONE`] without any distribution.
    pub fn to_confidence(raw: &[ExpressionDistribution], confidence: f32) -> Self {
        if raw.is_empty() {
            return Self::ONE;
        }
        let mean = |t: f32| {
            let sum: f64 = raw
                .iter()
                .map(|d| f64::from(Self(t).apply(d).likeliest().1))
                .sum();
            sum / raw.len() as f64
        };
        let (mut low, mut high) = TEMPERATURES;
        for _ in 0..N_HALVINGS {
            let middle = f32::midpoint(low, high);
            if mean(middle) > f64::from(confidence) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Self(f32::midpoint(low, high))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn distribution() -> impl Strategy<Value = ExpressionDistribution> {
        proptest::array::uniform7(0.001_f32..1.0)
            .prop_map(|w| ExpressionDistribution::from_weights(w).unwrap())
    }

    proptest! {
        #[test]
        fn temperature_keeps_the_order_and_the_sum(d in distribution(), t in 0.3_f32..5.0) {
            let warm = Temperature::new(t).unwrap().apply(&d);
            prop_assert!((warm.as_array().iter().sum::<f32>() - 1.0).abs() < 1e-5);
            prop_assert_eq!(warm.likeliest().0, d.likeliest().0);
            if t > 1.0 {
                prop_assert!(warm.likeliest().1 <= d.likeliest().1 + 1e-5);
            }
        }

        #[test]
        fn a_distortion_is_found_again(t in 0.5_f32..4.0) {
            // Labels in exactly the proportions that the honest distribution states.
            let honest = ExpressionDistribution::from_weights([50.0, 20.0, 10.0, 8.0, 6.0, 4.0, 2.0]).unwrap();
            let distorted = Temperature::new(1.0 / t).unwrap().apply(&honest);
            let mut labels = Vec::new();
            for (expression, n) in Expression::ALL.into_iter().zip([50, 20, 10, 8, 6, 4, 2]) {
                labels.extend(std::iter::repeat_n(expression, n));
            }
            let raw = vec![distorted; labels.len()];
            let found = Temperature::to_labels(&raw, &labels).get();
            prop_assert!((found / t - 1.0).abs() < 0.02, "{found} for {t}");
            let by_confidence = Temperature::to_confidence(&raw, 0.5).get();
            prop_assert!((by_confidence / t - 1.0).abs() < 0.02, "{by_confidence} for {t}");
        }
    }

    #[test]
    fn nothing_to_fit_changes_nothing() {
        assert_eq!(Temperature::to_labels(&[], &[]), Temperature::ONE);
        assert_eq!(Temperature::to_confidence(&[], 0.5), Temperature::ONE);
        assert!(Temperature::new(0.0).is_none() && Temperature::new(f32::NAN).is_none());
    }
}
