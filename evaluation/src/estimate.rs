//! What another policy would have earned, from the log of this one.

use serde::Serialize;

/// One play, as estimators see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Which of the options was chosen.
    pub action: usize,
    /// What it earned.
    pub reward: f64,
    /// The probability with which it was chosen.
    pub propensity: f64,
    /// The probability of each option under the policy to be evaluated.
    pub target: Vec<f64>,
}

impl Sample {
    /// How much more probable the chosen option is under the other policy.
    pub fn weight(&self) -> f64 {
        self.target[self.action] / self.propensity
    }
}

/// A way of estimating.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Estimator {
    /// Inverse propensity scores (Horvitz and Thompson 1952; Precup et al. 2000).
    Ips,
    /// The same, normalized by the sum of the weights (Swaminathan and Joachims 2015).
    Snips,
    /// The model of rewards alone (Beygelzimer and Langford 2009).
    Dm,
    /// The model, corrected by what it missed (Dudík et al. 2014).
    Dr,
    /// The same, with normalized weights.
    Sndr,
    /// The model alone where a weight exceeds this (Wang et al. 2017).
    SwitchDr {
        /// Greatest weight that corrects.
        tau: f64,
    },
    /// Weights shrunk as `λ w / (w² + λ)` (Su et al. 2020).
    Dros {
        /// How far weights are trusted; 0 is the model alone, infinity is `Dr`.
        lambda: f64,
    },
}

impl Estimator {
    /// One of each, with the middle of the parameters that Su et al. 2020 try.
    pub const ALL: [Self; 7] = [
        Self::Ips,
        Self::Snips,
        Self::Dm,
        Self::Dr,
        Self::Sndr,
        Self::SwitchDr { tau: 10.0 },
        Self::Dros { lambda: 100.0 },
    ];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ips => "IPS",
            Self::Snips => "SNIPS",
            Self::Dm => "DM",
            Self::Dr => "DR",
            Self::Sndr => "SNDR",
            Self::SwitchDr { .. } => "Switch-DR",
            Self::Dros { .. } => "DRos",
        }
    }

    /// Whether its expectation is the truth, at least with many plays, whatever the model of rewards
    /// says. Intervals are given for these alone.
    pub const fn is_unbiased(self) -> bool {
        match self {
            Self::Ips | Self::Snips | Self::Dr | Self::Sndr => true,
            Self::Dm | Self::SwitchDr { .. } | Self::Dros { .. } => false,
        }
    }

    /// Whether its terms do not depend on each other, so that intervals for means of bounded terms
    /// hold.
    pub const fn is_mean(self) -> bool {
        match self {
            Self::Ips | Self::Dr => true,
            Self::Snips | Self::Dm | Self::Sndr | Self::SwitchDr { .. } | Self::Dros { .. } => {
                false
            }
        }
    }

    /// One number a play; their mean is the estimate. `expected`: what the model of rewards says of
    /// each option of each play.
    ///
    /// # Panics
    /// When `expected` has other lengths than the samples.
    pub fn terms(self, samples: &[Sample], expected: &[Vec<f64>]) -> Vec<f64> {
        let mean_weight = {
            let sum: f64 = samples.iter().map(Sample::weight).sum();
            // Without any overlap there is nothing to normalize.
            (sum / samples.len().max(1) as f64).max(f64::MIN_POSITIVE)
        };
        let term = |(sample, expected): (&Sample, &Vec<f64>)| {
            let weight = sample.weight();
            let correction = |weight: f64| weight * (sample.reward - expected[sample.action]);
            let model = || {
                let pairs = expected.iter().zip(&sample.target);
                let mass: f64 = sample.target.iter().sum();
                pairs.map(|(q, p)| q * p).sum::<f64>() / mass
            };
            match self {
                Self::Ips => weight * sample.reward,
                Self::Snips => weight * sample.reward / mean_weight,
                Self::Dm => model(),
                Self::Dr => model() + correction(weight),
                Self::Sndr => model() + correction(weight) / mean_weight,
                Self::SwitchDr { tau } => {
                    model() + correction(if weight <= tau { weight } else { 0.0 })
                }
                Self::Dros { lambda } => {
                    model() + correction(lambda * weight / (weight * weight + lambda))
                }
            }
        };
        samples.iter().zip(expected).map(term).collect()
    }

    /// The estimate.
    pub fn value(self, samples: &[Sample], expected: &[Vec<f64>]) -> f64 {
        let terms = self.terms(samples, expected);
        terms.iter().sum::<f64>() / terms.len().max(1) as f64
    }
}
