//! Intervals for what changes while one looks.

use serde::{Deserialize, Serialize};

use crate::interval::Interval;

/// Stakes that are tried side by side, each half of the one before: the greatest for differences that a hundred values show,
/// the least for those that take a billion.
const N_STAKES: i32 = 24;

/// The greatest stake over the one that could go broke.
const MOST_STAKED: f64 = 0.9;

/// Halvings by which the end of an interval is found: past the precision of what is printed.
const N_HALVINGS: u32 = 48;

/// A confidence sequence for the mean, over the values so far, of what each was expected to be given those before. Expectations may
/// change from value to value, as those of a policy that learns do. With the confidence asked for the intervals after all
/// numbers of values hold, all at once, so one may look at any time. The mean itself lies in `[-1, 1]`; single values may
/// lie far outside, as those of importance weights do.
///
/// For each of several fixed stakes `λ` the product of `exp(λ (x − μ) − (x − x̂)² ψ(λ B) / B²)` over the values `x` of expectation
/// `μ`, foretold as `x̂`, where `x − x̂ ≥ −B` and `ψ(y) = −ln(1 − y) − y`, is a supermartingale, whatever the expectations; so is
/// the mean of these products over the stakes, and it exceeds `1/error` with a probability of at most `error` ever (Ville 1939).
/// Of the values only their number, sum and squared deviations from what was foretold matter.
///
/// # Source
/// Fan, Grama and Liu 2015, "Exponential inequalities for martingales with applications", proposition 4.1; Howard, Ramdas,
/// McAuliffe and Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences", theorem 4.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftingMean {
    error: f64,
    /// How far a value can lie from what was foretold, at most.
    reach: f64,
    n: u64,
    sum: f64,
    squares: f64,
}

/// Which end of the interval.
#[derive(Clone, Copy, Debug)]
enum Side {
    Low,
    High,
}

impl DriftingMean {
    /// A sequence that has seen nothing. `error` is what is allowed to be missed, such as 0.05; no value is greater than `most`
    /// (from 1) or less than its negative.
    pub fn new(error: f64, most: f64) -> Self {
        Self {
            error,
            // What is foretold is kept in [-1, 1].
            reach: most.max(1.0) + 1.0,
            n: 0,
            sum: 0.0,
            squares: 0.0,
        }
    }

    /// Takes a value; one that is greater or less than can be counts as the nearest that can.
    pub fn observe(&mut self, value: f64) {
        let most = self.reach - 1.0;
        let value = value.clamp(-most, most);
        let foretold = (self.sum / (self.n as f64 + 1.0)).clamp(-1.0, 1.0);
        self.squares += (value - foretold).powi(2);
        self.sum += value;
        self.n += 1;
    }

    /// What is allowed to be missed.
    pub(crate) const fn error(&self) -> f64 {
        self.error
    }

    /// How many values were seen.
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// Mean of the values seen; nothing before the first.
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }

    /// Logarithm of the wealth of those who bet that the mean lies above `mean` (below it, for the upper end).
    fn log_wealth(&self, side: Side, mean: f64) -> f64 {
        let n = self.n as f64;
        let gained = match side {
            Side::Low => self.sum - n * mean,
            Side::High => n * mean - self.sum,
        };
        let log_of = |k: i32| {
            let share = MOST_STAKED * 0.5_f64.powi(k);
            let stake = share / self.reach;
            let psi = -(-share).ln_1p() - share;
            let paid = self.squares * psi / self.reach.powi(2);
            // Weights 1 / ((k + 1)(k + 2)) sum to less than 1.
            let weight = f64::from((k + 1) * (k + 2));
            stake.mul_add(gained, -paid) - weight.ln()
        };
        let logs: Vec<f64> = (0..N_STAKES).map(log_of).collect();
        let greatest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        greatest + logs.iter().map(|l| (l - greatest).exp()).sum::<f64>().ln()
    }

    /// Whether a mean is out on that side: half of the error for each.
    fn is_out(&self, side: Side, mean: f64) -> bool {
        self.log_wealth(side, mean) >= (2.0 / self.error).ln()
    }

    /// Whether it is sure that the mean lies above this.
    pub fn is_above(&self, bound: f64) -> bool {
        self.is_out(Side::Low, bound)
    }

    /// Whether it is sure that the mean lies below this.
    pub fn is_below(&self, bound: f64) -> bool {
        self.is_out(Side::High, bound)
    }

    /// Where the mean lies, within `[-1, 1]`.
    pub fn interval(&self) -> Interval {
        let low = self.end(Side::Low, (-1.0, 1.0));
        let high = self.end(Side::High, (1.0, -1.0));
        Interval { low, high }
    }

    /// The last mean that is out on that side, seen from the end of what is possible.
    fn end(&self, side: Side, (mut out, mut within): (f64, f64)) -> f64 {
        if !self.is_out(side, out) {
            return out;
        }
        for _ in 0..N_HALVINGS {
            let middle = 0.5 * (out + within);
            if self.is_out(side, middle) {
                out = middle;
            } else {
                within = middle;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn nothing_is_said_before_the_first_value_and_little_after_it() {
        let mut sequence = DriftingMean::new(0.05, 20.0);
        let everything = Interval {
            low: -1.0,
            high: 1.0,
        };
        assert_eq!(sequence.mean(), None);
        assert_eq!(sequence.interval(), everything);
        sequence.observe(20.0);
        assert_eq!(sequence.interval(), everything);
        assert_eq!((sequence.n(), sequence.mean()), (1, Some(20.0)));
    }

    /// Against the product over single values, of which the sums are a shorter form.
    #[test]
    fn wealth_is_the_mean_of_products_over_values() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut sequence = DriftingMean::new(0.05, 3.0);
        let mean = 0.1;
        let mut products = [1.0_f64; N_STAKES as usize];
        let (mut n, mut sum) = (0.0, 0.0);
        for _ in 0..60 {
            let value = 6.0 * rng.random::<f64>() - 3.0;
            let foretold: f64 = sum / (n + 1.0);
            let foretold = foretold.clamp(-1.0, 1.0);
            for (k, product) in products.iter_mut().enumerate() {
                let share = 0.9 / f64::from(1_u32 << k);
                let stake = share / 4.0;
                let psi = -(1.0 - share).ln() - share;
                let paid = (value - foretold) * (value - foretold) * psi / 16.0;
                *product *= (stake * (value - mean) - paid).exp();
            }
            n += 1.0;
            sum += value;
            sequence.observe(value);
        }
        let weighed = products.iter().enumerate();
        let weighed = weighed.map(|(k, product)| product / ((k + 1) * (k + 2)) as f64);
        let expected: f64 = weighed.sum::<f64>().ln();
        let found = sequence.log_wealth(Side::Low, mean);
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    #[test]
    fn it_closes_in_on_the_mean_and_the_ends_are_where_it_is_sure() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let mut sequence = DriftingMean::new(0.05, 10.0);
        // One in ten counts tenfold: means of 0.3 by values of 0 and 10.
        for _ in 0..30_000 {
            let is_chosen = rng.random::<f64>() < 0.03;
            sequence.observe(if is_chosen { 10.0 } else { 0.0 });
        }
        let Interval { low, high } = sequence.interval();
        assert!(low < 0.3 && 0.3 < high && high - low < 0.12, "{low} {high}");
        assert!(sequence.is_above(low - 1e-6) && !sequence.is_above(low + 1e-6));
        assert!(sequence.is_below(high + 1e-6) && !sequence.is_below(high - 1e-6));
    }
}
