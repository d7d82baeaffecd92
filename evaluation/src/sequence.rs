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

    /// The evidence against the bound as a p-value that may be looked at any time.
    pub fn p_value(&self) -> f64 {
        (1.0 / self.wealth).min(1.0)
    }
}
