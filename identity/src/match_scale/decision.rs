//! Verification and identification: a similarity, a target, a decision with its error rates.

use regard_domain::Probability;

use super::{MatchScale, Rate, TargetRate, Threshold};
use crate::{Hit, SearchAnswer, Similarity};

/// Whether two faces are one person (1:1).
///
/// # Privacy
/// Says something about a person; for those who asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verification {
    /// Whether the similarity reaches the threshold.
    pub is_match: bool,
    /// The similarity.
    pub similarity: Similarity,
    /// Calibrated, for an even prior.
    pub probability: Probability,
    /// The threshold, with its error rates: false matches among strangers, false non-matches among the honest.
    pub threshold: Threshold,
}

/// Who of a gallery a probe is, or nobody (1:N, open set).
///
/// # Privacy
/// Names a person by a random id; for those who asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Identification {
    /// The nearest person where they reach the threshold; else nobody.
    pub known: Option<Hit>,
    /// The threshold of a single comparison, and its error rates, such that the whole search keeps to `fpir`.
    pub threshold: Threshold,
    /// Share of searches by somebody who is not enrolled that find somebody all the same.
    pub fpir: Rate,
    /// Share of searches by somebody who is enrolled that do not find them: at least that of the threshold, as the right
    /// person is nearest of all that reach it but for one in `fpir` searches.
    pub fnir: Rate,
    /// How many were compared with.
    pub n_persons: u64,
}

impl MatchScale {
    /// Decides on a similarity at a false match rate.
    pub fn verify(&self, similarity: Similarity, target: TargetRate) -> Verification {
        let threshold = self.threshold(target);
        let even = Probability::clamped(0.5);
        Verification {
            is_match: similarity >= threshold.similarity,
            similarity,
            probability: self.probability(similarity, even),
            threshold,
        }
    }

    /// Decides on the answer of a search at a false positive identification rate: the more are enrolled, the nearer somebody
    /// has to be.
    ///
    /// # Source
    /// ISO/IEC 19795-1 on the relation of FPIR and FMR for independent comparisons: `FPIR = 1 - (1 - FMR)^N`.
    pub fn identify(&self, answer: &SearchAnswer, target: TargetRate) -> Identification {
        let n = answer.n_persons.max(1);
        let per_comparison = fmr_of_fpir(target.get(), n);
        let threshold = self.threshold(TargetRate(per_comparison));
        let known = answer
            .hits
            .first()
            .filter(|hit| hit.similarity >= threshold.similarity);
        let over = |rate: f64| fpir_of_fmr(rate, n);
        Identification {
            known: known.copied(),
            fpir: Rate {
                value: over(threshold.fmr.value),
                low: over(threshold.fmr.low),
                high: over(threshold.fmr.high),
                is_extrapolated: threshold.fmr.is_extrapolated,
            },
            fnir: threshold.fnmr,
            threshold,
            n_persons: answer.n_persons,
        }
    }
}

/// The rate of one comparison at which `n` of them together have this rate.
pub(super) fn fmr_of_fpir(fpir: f64, n: u64) -> f64 {
    // 1 - (1 - fpir)^(1/n) without losing small numbers.
    -((-fpir).ln_1p() / n as f64).exp_m1()
}

/// The rate of `n` comparisons together.
pub(super) fn fpir_of_fmr(fmr: f64, n: u64) -> f64 {
    -((-fmr).ln_1p() * n as f64).exp_m1()
}
