//! Intervals and tests that may be looked at after every play.

use serde::{Deserialize, Serialize};

use crate::interval::Interval;

/// Candidates for the mean: its interval is told to one in so many.
const N_CANDIDATES: usize = 256;

/// Part of the greatest bet that cannot go broke which is staked at most.
///
/// # Source
/// Waudby-Smith and Ramdas 2024, who take 1/2 or 3/4.
const MOST_STAKED: f64 = 0.5;

/// Wealth past which it is not counted on: what is this sure stays so.
const MOST_WEALTH: f64 = 1e100;

/// Mean and spread so far, as bettors may know them before the next value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Seen {
    const NOTHING: Self = Self {
        n: 0.0,
        sum: 0.0,
        squares: 0.0,
    };

    fn mean(&self) -> f64 {
        (0.5 + self.sum) / (1.0 + self.n)
    }

    /// The stake before the next value: the predictable plug-in of Waudby-Smith and Ramdas 2024,
    /// equation 26.
    fn stake(&self, error: f64) -> f64 {
        let variance = (0.25 + self.squares) / (1.0 + self.n);
        let t = self.n + 1.0;
        (2.0 * (2.0 / error).ln() / (variance * t * (1.0 + t).ln())).sqrt()
    }

    fn take(&mut self, value: f64) {
        self.n += 1.0;
        self.sum += value;
        self.squares += (value - self.mean()).powi(2);
    }
}

/// A confidence sequence for the mean of values in `[0, 1]`: with the confidence asked for the
/// intervals after all numbers of values hold the mean, all at once, so one may look at any time and stop when one
/// likes. The values need not be alike, only have that mean given those before.
///
/// For each candidate mean somebody bets against it, upwards and downwards; a candidate whose
/// bettor got rich is out for good. 4 kB each.
///
/// # Source
/// Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting", theorem 3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BettingSequence {
    error: f64,
    seen: Seen,
    /// Wealth of those who bet that the mean lies above each candidate, and below.
    up: Vec<f64>,
    down: Vec<f64>,
    /// Places of the first and the last candidate that was never out.
    low: usize,
    high: usize,
}

fn candidate(place: usize) -> f64 {
    place as f64 / N_CANDIDATES as f64
}

impl BettingSequence {
    /// A sequence that has seen nothing; `error` is what is allowed to be missed, such as 0.05.
    pub fn new(error: f64) -> Self {
        Self {
            error,
            seen: Seen::NOTHING,
            up: vec![1.0; N_CANDIDATES + 1],
            down: vec![1.0; N_CANDIDATES + 1],
            low: 0,
            high: N_CANDIDATES,
        }
    }

    /// Takes a value; one outside of `[0, 1]` counts as the nearest within.
    pub fn observe(&mut self, value: f64) {
        let value = value.clamp(0.0, 1.0);
        let stake = self.seen.stake(self.error);
        // Half of the error for each side.
        let rich = 2.0 / self.error;
        for place in self.low..=self.high {
            let mean = candidate(place);
            let most = |limit: f64| stake.min(MOST_STAKED / limit.max(f64::MIN_POSITIVE));
            let up = most(mean).mul_add(value - mean, 1.0);
            let down = most(1.0 - mean).mul_add(mean - value, 1.0);
            self.up[place] = (self.up[place] * up).min(MOST_WEALTH);
            self.down[place] = (self.down[place] * down).min(MOST_WEALTH);
        }
        self.seen.take(value);
        while self.low < self.high && self.up[self.low] >= rich {
            self.low += 1;
        }
        while self.high > self.low && self.down[self.high] >= rich {
            self.high -= 1;
        }
    }

    /// What is allowed to be missed.
    pub(crate) const fn error(&self) -> f64 {
        self.error
    }

    /// How many values were seen.
    pub fn n(&self) -> u64 {
        self.seen.n as u64
    }

    /// Mean of the values seen; nothing before the first.
    pub fn mean(&self) -> Option<f64> {
        (self.seen.n > 0.0).then(|| self.seen.sum / self.seen.n)
    }

    /// The interval, a candidate wider on each side, for what lies between two.
    pub fn interval(&self) -> Interval {
        Interval {
            low: candidate(self.low.saturating_sub(1)),
            high: candidate((self.high + 1).min(N_CANDIDATES)),
        }
    }
}

/// Powers of the wealth that are tried for a promise, up to the greatest.
const N_EXPONENTS: u32 = 48;
const MOST_EXPONENT: f64 = 3.0;

/// Values past which nothing is promised.
const MOST_PROMISED: u64 = 1_000_000;

/// A test, after every value, that the mean of values in `[0, 1]` is at most a bound. While it is, the
/// test stops by mistake with no more than the probability asked for, however long it goes on.
///
/// # Source
/// As [`BettingSequence`], one side of one candidate; Ville 1939.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundTest {
    bound: f64,
    error: f64,
    seen: Seen,
    wealth: f64,
    /// Values seen when the bound was found broken.
    broken_after: Option<u64>,
}

impl BoundTest {
    /// A test that has seen nothing.
    pub const fn new(bound: f64, error: f64) -> Self {
        Self {
            bound,
            error,
            seen: Seen::NOTHING,
            wealth: 1.0,
            broken_after: None,
        }
    }

    /// Takes a value; says whether the bound is found broken, now or before.
    pub fn observe(&mut self, value: f64) -> bool {
        let value = value.clamp(0.0, 1.0);
        // One side: the whole error is this one's.
        let stake = self.seen.stake(2.0 * self.error);
        let stake = stake.min(MOST_STAKED / self.bound.max(f64::MIN_POSITIVE));
        self.wealth = (self.wealth * stake.mul_add(value - self.bound, 1.0)).min(MOST_WEALTH);
        self.seen.take(value);
        if self.broken_after.is_none() && self.wealth * self.error >= 1.0 {
            self.broken_after = Some(self.seen.n as u64);
        }
        self.is_broken()
    }

    /// Whether the bound was found broken.
    pub const fn is_broken(&self) -> bool {
        self.broken_after.is_some()
    }

    /// Values seen when it was.
    pub const fn broken_after(&self) -> Option<u64> {
        self.broken_after
    }

    /// How many values were seen.
    pub fn n(&self) -> u64 {
        self.seen.n as u64
    }

    /// Mean of the values seen; nothing before the first.
    pub fn mean(&self) -> Option<f64> {
        (self.seen.n > 0.0).then(|| self.seen.sum / self.seen.n)
    }

    /// Values after which the bound is found broken with a probability of at least `1 - miss`, where each value has at least
    /// that mean whatever came before; nothing where that cannot be promised: for a mean too near the bound, and past a million.
    ///
    /// Let `m` be the bound, `μ` the mean, `L = ln(1/error)`. Before value `t` the stake `λ` lies between
    /// `l = min(c, sqrt(8 L / ((t + 1) ln(1 + t))))` and `c = 1/(2 m)`, for values in `[0, 1]` have a variance of a quarter at most. The
    /// wealth is not yet `1/error` after `n` values only if `wealth^-s > error^s`. For every `s > 0` the mean of
    /// `(1 + λ (x - m))^-s` is at most `h(λ) = μ (1 + λ (1 - m))^-s + (1 - μ) (1 - λ m)^-s`, because that power is convex in `x`,
    /// so worst for values of 0 and 1 alone; and `h` is convex in `λ`, so worst at an end. With Markov's inequality the
    /// probability is at most `error^-s` times the product of `max(h(l), h(c))` over `t`; the least `n` for which some `s` brings
    /// that to `miss` is returned.
    pub fn surely_broken_within(bound: f64, error: f64, mean: f64, miss: f64) -> Option<u64> {
        let most = MOST_STAKED / bound.max(f64::MIN_POSITIVE);
        let needed = (1.0 / error).ln();
        let mut least: Option<u64> = None;
        for step in 1..=N_EXPONENTS {
            let exponent = f64::from(step) * MOST_EXPONENT / f64::from(N_EXPONENTS);
            let factor = |stake: f64| {
                let won = stake.mul_add(1.0 - bound, 1.0).powf(-exponent);
                let lost = (1.0 - stake * bound).powf(-exponent);
                mean * won + (1.0 - mean) * lost
            };
            let at_most = factor(most);
            if at_most >= 1.0 {
                continue;
            }
            let mut log = exponent * needed;
            for n in 1..least.unwrap_or(MOST_PROMISED) {
                let t = n as f64;
                let stake = (8.0 * needed / ((t + 1.0) * (1.0 + t).ln()))
                    .sqrt()
                    .min(most);
                log += factor(stake).max(at_most).ln();
                if log <= miss.ln() {
                    least = Some(n);
                    break;
                }
            }
        }
        least
    }

    /// The evidence against the bound as a p-value that may be looked at any time.
    pub fn p_value(&self) -> f64 {
        (1.0 / self.wealth).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    use super::*;

    /// Values with that mean whatever came before: 0 or 1, or now one and then the other of two that are nearer, in runs.
    fn values(mean: f64, rng: &mut ChaCha20Rng, is_even: bool) -> impl FnMut() -> f64 {
        let mut rng = ChaCha20Rng::from_rng(rng);
        let mut n = 0_u32;
        move || {
            n += 1;
            let even = f64::from(rng.next_u32()) / f64::from(u32::MAX);
            if is_even || (n / 50).is_multiple_of(2) {
                return f64::from(u8::from(even < mean));
            }
            let half = mean.min(1.0 - mean) * 0.9;
            mean + if even < 0.5 { half } else { -half }
        }
    }

    #[test]
    fn a_broken_bound_is_found_within_what_is_promised() {
        let mut rng = ChaCha20Rng::from_seed([8; 32]);
        let (error, miss) = (0.01, 0.05);
        for (bound, mean) in [
            (0.75, 0.95),
            (0.75, 0.9),
            (0.525, 0.75),
            (0.05, 0.3),
            (0.1, 0.4),
        ] {
            let promised = BoundTest::surely_broken_within(bound, error, mean, miss).unwrap();
            assert!(
                (20..2_000).contains(&promised),
                "{bound} {mean}: {promised}"
            );
            let n_runs = 400;
            let mut n_missed = 0;
            for run in 0..n_runs {
                let mut value = values(mean, &mut rng, run % 2 == 0);
                let mut test = BoundTest::new(bound, error);
                let found = (0..promised).any(|_| test.observe(value()));
                n_missed += u32::from(!found);
            }
            let missed = f64::from(n_missed) / f64::from(n_runs);
            assert!(
                missed <= miss,
                "{bound} {mean}: {missed} not within {promised}"
            );
        }
    }

    #[test]
    fn the_worse_a_message_the_sooner_and_a_good_one_is_promised_nothing() {
        let within = |mean| BoundTest::surely_broken_within(0.75, 0.01, mean, 0.01);
        assert!(within(0.99) < within(0.95) && within(0.95) < within(0.9));
        assert!(within(0.9) < within(0.85));
        for mean in [0.5, 0.75, 0.76] {
            assert_eq!(within(mean), None, "{mean}");
        }
    }
}
