//! What a similarity is worth: error rates, thresholds, probabilities.

mod decision;
mod file;

use regard_domain::Probability;

pub use self::decision::{Identification, Verification};
pub use self::file::ScaleFault;
use crate::{ModelTag, Similarity};

/// Name of what is enclosed: the scale of the built-in embedding network.
const SFACE: &str = include_str!("../../models/scales/sface-2021dec-int8.toml");

/// A rate of errors with what is known of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Best estimate, in `[0, 1]`.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
    /// Whether it lies beyond what was counted, so that a model of the tail speaks and not data.
    pub is_extrapolated: bool,
}

/// A rate of errors that is aimed at, above 0 and at most .1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct TargetRate(f64);

impl TargetRate {
    /// One in a thousand.
    pub const ONE_IN_1_000: Self = Self(1e-3);
    /// One in ten thousand: the operating point of 1:1 where nothing else is said.
    pub const ONE_IN_10_000: Self = Self(1e-4);
    /// One in a hundred thousand.
    pub const ONE_IN_100_000: Self = Self(1e-5);
    /// One in a million.
    pub const ONE_IN_1_000_000: Self = Self(1e-6);

    /// The rate; nothing unless it is above 0 and at most .1.
    pub fn new(rate: f64) -> Option<Self> {
        (rate > 0.0 && rate <= 0.1).then_some(Self(rate))
    }

    /// The rate.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// The similarity from which two faces count as one person, and what that costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Matches are at or above it.
    pub similarity: Similarity,
    /// 95 % interval of the similarity at which the false match rate is the one aimed at.
    pub interval: (Similarity, Similarity),
    /// Share of comparisons of two people that match all the same.
    pub fmr: Rate,
    /// Share of comparisons of one person that do not.
    pub fnmr: Rate,
}

/// One row of the scale.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    ln_fmr: f64,
    /// Where that rate is met, and the ends of its interval.
    threshold: f64,
    low: f64,
    high: f64,
    is_extrapolated: bool,
    fnmr: f64,
    fnmr_low: f64,
    fnmr_high: f64,
}

/// What similarities of one model are worth, as measured on a named set of faces. Between rows, the logarithm of the false
/// match rate is a straight line; beyond the last row nothing is said, and the last row's similarity is the least that
/// is asked for.
///
/// # Source
/// The files in `models/scales/`, written by `cargo xtask accuracy --write`; method in `docs/recognition.md`.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchScale {
    model: ModelTag,
    data: String,
    points: Vec<Point>,
    /// Log of the likelihood ratio of one person against two, as a line over the similarity.
    slope: f64,
    offset: f64,
}

impl MatchScale {
    /// The scale of the built-in embedding network.
    pub fn built_in() -> Self {
        Self::parse(SFACE).expect("a test reads the enclosed file")
    }

    /// For which model it is.
    pub const fn model(&self) -> ModelTag {
        self.model
    }

    /// On which faces it was measured, for people.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The least false match rate that the scale speaks of, extrapolated or not.
    pub fn least_rate(&self) -> f64 {
        self.points.last().map_or(1.0, |p| p.ln_fmr.exp())
    }

    /// The rows of the scale, from frequent false matches to rare ones: each threshold with its rates and their intervals. What
    /// error trade-off (DET) curves are drawn of.
    pub fn rows(&self) -> Vec<Threshold> {
        let rows = self.points.iter().map(|point| {
            let similarity = as_similarity(point.threshold);
            Threshold {
                similarity,
                interval: (as_similarity(point.low), as_similarity(point.high)),
                fmr: Rate {
                    value: point.ln_fmr.exp(),
                    ..self.fmr_at(similarity)
                },
                fnmr: Rate {
                    value: point.fnmr,
                    low: point.fnmr_low,
                    high: point.fnmr_high,
                    is_extrapolated: false,
                },
            }
        });
        rows.collect()
    }

    /// The threshold for 1:1 at a false match rate. A rate below [`MatchScale::least_rate`] gets that row's threshold, with
    /// the rate that it has.
    pub fn threshold(&self, target: TargetRate) -> Threshold {
        let ln_fmr = target.get().ln();
        let last = self.points.len() - 1;
        let ln_fmr = ln_fmr.clamp(self.points[last].ln_fmr, self.points[0].ln_fmr);
        let at = self
            .points
            .partition_point(|p| p.ln_fmr > ln_fmr)
            .clamp(1, last);
        let (a, b) = (&self.points[at - 1], &self.points[at]);
        let part = (ln_fmr - a.ln_fmr) / (b.ln_fmr - a.ln_fmr);
        let between = |from: f64, to: f64| from + part * (to - from);
        let similarity = as_similarity(between(a.threshold, b.threshold));
        Threshold {
            similarity,
            interval: (
                as_similarity(between(a.low, b.low)),
                as_similarity(between(a.high, b.high)),
            ),
            fmr: self.fmr_at(similarity),
            fnmr: self.fnmr_at(similarity),
        }
    }

    /// Share of comparisons of two people that come out at this similarity or above.
    pub fn fmr_at(&self, similarity: Similarity) -> Rate {
        let s = f64::from(similarity.get());
        let on = |column: fn(&Point) -> f64| self.rate_on(column, s);
        let value = on(|p| p.threshold);
        let counted = self.points.iter().rev().find(|p| !p.is_extrapolated);
        Rate {
            value,
            // A threshold that may be as low as that means a rate that may be as low.
            low: on(|p| p.low).min(value),
            high: on(|p| p.high).max(value),
            is_extrapolated: counted.is_none_or(|p| s > p.threshold + 1e-6),
        }
    }

    /// The rate whose threshold, in one of the three columns, is `s`.
    fn rate_on(&self, column: fn(&Point) -> f64, s: f64) -> f64 {
        let last = self.points.len() - 1;
        let at = self
            .points
            .partition_point(|p| column(p) < s)
            .clamp(1, last);
        let (a, b) = (&self.points[at - 1], &self.points[at]);
        let (from, to) = (column(a), column(b));
        // The ends of an interval may stand still at the greatest similarity there is.
        let part = if from < to {
            ((s - from) / (to - from)).clamp(0.0, 1.0)
        } else {
            1.0
        };
        (a.ln_fmr + part * (b.ln_fmr - a.ln_fmr)).exp()
    }

    /// Share of comparisons of one person that come out below this similarity.
    pub fn fnmr_at(&self, similarity: Similarity) -> Rate {
        let s = f64::from(similarity.get());
        let last = self.points.len() - 1;
        let at = self
            .points
            .partition_point(|p| p.threshold < s)
            .clamp(1, last);
        let (a, b) = (&self.points[at - 1], &self.points[at]);
        let part = ((s - a.threshold) / (b.threshold - a.threshold)).clamp(0.0, 1.0);
        let between = |from: f64, to: f64| from + part * (to - from);
        Rate {
            value: between(a.fnmr, b.fnmr),
            low: between(a.fnmr_low, b.fnmr_low),
            high: between(a.fnmr_high, b.fnmr_high),
            is_extrapolated: s > self.points[last].threshold,
        }
    }

    /// Probability that the two are one person, for those who held with probability `prior` before that they are; in 1:1
    /// with an honest claim rate of one half, .5.
    pub fn probability(&self, similarity: Similarity, prior: Probability) -> Probability {
        let prior = f64::from(prior.get());
        let log_odds =
            (prior / (1.0 - prior)).ln() + self.slope * f64::from(similarity.get()) + self.offset;
        Probability::clamped((1.0 / (1.0 + (-log_odds).exp())) as f32)
    }

    /// A figure in `[0, 1]` for interfaces whose users compare with .5: .5 at the threshold of `target`, .9 where the false
    /// match rate is a hundred times less, rising throughout. No probability.
    pub fn unit_score(&self, similarity: Similarity, target: TargetRate) -> f32 {
        self.score(similarity, target, 0.5)
    }

    /// The same in percent for interfaces whose users compare with 80: 80 at the threshold of `target`.
    pub fn percent_score(&self, similarity: Similarity, target: TargetRate) -> f32 {
        100.0 * self.score(similarity, target, 0.8)
    }

    /// The threshold at which [`MatchScale::unit_score`] is `score`: what a client's own limit asks for.
    pub fn similarity_of_unit_score(&self, score: f32, target: TargetRate) -> Similarity {
        self.similarity_of(f64::from(score), target, 0.5)
    }

    /// The threshold at which [`MatchScale::percent_score`] is `score`.
    pub fn similarity_of_percent_score(&self, score: f32, target: TargetRate) -> Similarity {
        self.similarity_of(f64::from(score) / 100.0, target, 0.8)
    }

    /// Slope of the logistic curve: from .5 to .9 its argument grows by ln 9.
    fn score_slope(&self, target: TargetRate) -> (f64, f64) {
        /// How many times less the false match rate is where the score is .9.
        const TIMES_LESS: f64 = 100.0;
        let middle = f64::from(self.threshold(target).similarity.get());
        let rarer = TargetRate((target.get() / TIMES_LESS).max(self.least_rate()));
        let far = f64::from(self.threshold(rarer).similarity.get());
        // Where the scale ends before, its last stretch goes on.
        let width =
            (far - middle).max(0.02) * TIMES_LESS.ln() / (target.get() / rarer.get()).ln().max(0.5);
        (middle, 9.0_f64.ln() / width)
    }

    fn score(&self, similarity: Similarity, target: TargetRate, at_threshold: f64) -> f32 {
        let (middle, slope) = self.score_slope(target);
        let lift = (at_threshold / (1.0 - at_threshold)).ln();
        let argument = slope * (f64::from(similarity.get()) - middle) + lift;
        (1.0 / (1.0 + (-argument).exp())) as f32
    }

    fn similarity_of(&self, score: f64, target: TargetRate, at_threshold: f64) -> Similarity {
        let (middle, slope) = self.score_slope(target);
        let lift = (at_threshold / (1.0 - at_threshold)).ln();
        let score = score.clamp(0.0, 1.0);
        let argument = (score / (1.0 - score)).ln();
        Similarity::clamped(((argument - lift) / slope + middle).clamp(-1.0, 1.0) as f32)
    }
}

fn as_similarity(value: f64) -> Similarity {
    Similarity::clamped(value as f32)
}

#[cfg(test)]
mod tests;
