//! How sure an estimate is.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::sequence::BettingSequence;

/// An interval that holds the truth with at least the confidence asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether it holds a value.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// Resamplings of a bootstrap interval: its ends then vary by some hundredths of its width.
const N_RESAMPLES: usize = 1_000;

/// Bootstrap intervals hold in the limit only; with few plays and skewed weights they are too
/// narrow. They are taken at this part of the error asked for.
const BOOTSTRAP_ERROR: f64 = 0.5;

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, squares / (n - 1.0).max(1.0))
}

/// Studentized bootstrap interval of a ratio `Σ numerators / Σ denominators`; of a mean, where all
/// denominators are 1. `error` is what is allowed to be missed, such as 0.05.
///
/// # Source
/// Efron and Tibshirani 1993, section 12.5, with the linearization of a ratio for its error.
pub fn bootstrap(numerators: &[f64], denominators: &[f64], error: f64, seed: u64) -> Interval {
    let n = numerators.len();
    let whole: Vec<usize> = (0..n).collect();
    let (value, deviation) = ratio(numerators, denominators, &whole);
    if n < 2 || deviation <= 0.0 {
        // Nothing varies in what was seen, which says nothing about what was not.
        return Interval {
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
        };
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut places = vec![0; n];
    let mut ratios: Vec<f64> = (0..N_RESAMPLES)
        .map(|_| {
            places.fill_with(|| rng.random_range(0..n));
            let (resampled, deviation_of_it) = ratio(numerators, denominators, &places);
            // A resampling in which nothing varies knows nothing of its error: that of the whole counts.
            let by = if deviation_of_it > 0.0 {
                deviation_of_it
            } else {
                deviation
            };
            (resampled - value) / by
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let tail = error * BOOTSTRAP_ERROR / 2.0;
    let at = |share: f64| ratios[((share * N_RESAMPLES as f64) as usize).min(N_RESAMPLES - 1)];
    Interval {
        low: at(1.0 - tail).mul_add(-deviation, value),
        high: at(tail).mul_add(-deviation, value),
    }
}

/// A ratio of sums over these places and its standard error.
fn ratio(numerators: &[f64], denominators: &[f64], places: &[usize]) -> (f64, f64) {
    let n = places.len().max(1) as f64;
    let (mut above, mut below) = (0.0, 0.0);
    for i in places {
        above += numerators[*i];
        below += denominators[*i];
    }
    let value = if below > 0.0 { above / below } else { 0.0 };
    let mut squares = 0.0;
    for i in places {
        squares += (numerators[*i] - value * denominators[*i]).powi(2);
    }
    let mean = (below / n).max(f64::MIN_POSITIVE);
    (value, (squares / (n - 1.0).max(1.0) / n).sqrt() / mean)
}

/// Empirical Bernstein interval of the mean of independent terms between `low` and `high`.
///
/// # Source
/// Maurer and Pontil 2009, theorem 4, on both sides.
pub fn empirical_bernstein(terms: &[f64], (low, high): (f64, f64), error: f64) -> Interval {
    let n = terms.len() as f64;
    if terms.len() < 2 {
        return Interval { low, high };
    }
    let (mean, variance) = mean_and_variance(terms);
    let log = (4.0 / error).ln();
    let half = (2.0 * variance * log / n).sqrt() + 7.0 * (high - low) * log / (3.0 * (n - 1.0));
    Interval {
        low: (mean - half).max(low),
        high: (mean + half).min(high),
    }
}

/// Interval of the mean of terms between `low` and `high`, valid whenever one looks: the betting
/// sequence of [`BettingSequence`] at its end.
pub fn anytime(terms: &[f64], (low, high): (f64, f64), error: f64) -> Interval {
    let mut sequence = BettingSequence::new(error);
    let span = high - low;
    for term in terms {
        sequence.observe((term - low) / span);
    }
    let interval = sequence.interval();
    Interval {
        low: interval.low.mul_add(span, low),
        high: interval.high.mul_add(span, low),
    }
}
