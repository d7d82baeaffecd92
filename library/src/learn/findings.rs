//! What learning found out: how good the model is, on photographs that taught it nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::choose::{HeadKind, Tried};
use super::conformal::{Abstention, Promise, Verdict};
use super::curve::Curve;
use super::linear::greatest;
use super::model::Seen;

/// Bins of the reliability diagram.
const N_BINS: usize = 15;

/// How a class did on the photographs that tested it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClassTest {
    /// Photographs of it.
    pub n: usize,
    /// Of which the likeliest class is another.
    pub n_wrong: usize,
    /// Of which one class was decided for.
    pub n_decided: usize,
    /// And that was another.
    pub n_decided_wrong: usize,
}

/// Photographs of about the same probability of the likeliest class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// How many.
    pub n: usize,
    /// Mean of that probability.
    pub said: f64,
    /// Share of which it was right.
    pub right: f64,
}

/// What came of the photographs that tested.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tested {
    /// How many.
    pub n: usize,
    /// Of which the likeliest class is another.
    pub n_wrong: usize,
    /// Whose set misses the true class: at most the promised share, in the mean.
    pub n_missed: usize,
    /// Of which one class was decided for.
    pub n_decided: usize,
    /// And that was another.
    pub n_decided_wrong: usize,
    /// On which it abstained: several, like none, contradictory, too few examples.
    pub abstained: [usize; 4],
    /// Expected calibration error of the likeliest class, over 15 bins of equal width.
    pub calibration_error: f64,
    /// The reliability diagram, from never to surely.
    pub bins: Vec<ReliabilityBin>,
    /// Class, what it is taken for, how often; only where they differ.
    pub confusions: Vec<(u32, u32, usize)>,
    /// Class by class.
    pub of_class: Vec<ClassTest>,
}

/// A photograph that is likelier of another class than of the one whose folder it lies in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Doubt {
    /// What people know it by.
    pub name: String,
    /// The class it is said to be of.
    pub class: String,
    /// The likeliest.
    pub taken_for: String,
    /// Probability of the class it is said to be of.
    pub probability: f64,
}

/// What learning found out.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Photographs of each.
    pub n_of_class: Vec<usize>,
    /// Photographs that could not be read, with the reason; the first 200.
    pub unread: Vec<(String, String)>,
    /// How many could not be read.
    pub n_unread: usize,
    /// Files that are no pictures.
    pub n_passed_over: usize,
    /// Photographs that are the same as an earlier one of their class.
    pub n_duplicates: usize,
    /// Photographs that stand in two classes, and the other class; they were left out of the second.
    pub contradictions: Vec<(String, String)>,
    /// Name of the network and values of an embedding.
    pub network: (String, usize),
    /// Heads that were tried, the best first.
    #[serde(skip)]
    pub tried: Vec<Tried>,
    /// Scores are divided by it.
    pub temperature: f64,
    /// Photographs that taught.
    pub n_taught: usize,
    /// Photographs that calibrated.
    pub n_calibrating: usize,
    /// Photographs that had to teach, though drawn to calibrate.
    pub n_moved: usize,
    /// The error asked for.
    pub error: f64,
    /// To whom it is promised.
    pub promise: Promise,
    /// The least error that can be promised.
    pub least_error: f64,
    /// Photographs needed in all where that is more than the error asked for; an estimate where each class is promised.
    pub n_needed: Option<usize>,
    /// Classes with too few examples that calibrate, where each is promised: name, how many there are.
    pub short_classes: Vec<(String, usize)>,
    /// What came of those that tested.
    pub tested: Tested,
    /// How the error falls with the number of photographs.
    #[serde(skip)]
    pub curve: Curve,
    /// Photographs that are likelier of another class, the most doubtful first.
    pub doubts: Vec<Doubt>,
    /// How many there are in all.
    pub n_doubts: usize,
}

impl Findings {
    /// Which head was taken.
    pub fn kind(&self) -> HeadKind {
        self.tried
            .first()
            .map_or(HeadKind::Prototypes, |tried| tried.kind)
    }
}

/// Counts what comes of each photograph that tests.
pub(super) struct TestCount {
    tested: Tested,
    confusions: BTreeMap<(u32, u32), usize>,
    said: [f64; N_BINS],
    right: [usize; N_BINS],
    counts: [usize; N_BINS],
}

impl TestCount {
    pub(super) fn new(n_classes: usize) -> Self {
        let tested = Tested {
            of_class: vec![ClassTest::default(); n_classes],
            ..Tested::default()
        };
        Self {
            tested,
            confusions: BTreeMap::new(),
            said: [0.0; N_BINS],
            right: [0; N_BINS],
            counts: [0; N_BINS],
        }
    }

    pub(super) fn add(&mut self, class: u32, seen: &Seen, verdict: &Verdict) {
        let best = greatest(&seen.log_probabilities);
        let is_right = best == class as usize;
        let probability = seen.log_probabilities[best].exp();
        let bin = ((probability * N_BINS as f64) as usize).min(N_BINS - 1);
        self.said[bin] += probability;
        self.counts[bin] += 1;
        self.right[bin] += usize::from(is_right);
        let tested = &mut self.tested;
        let own = &mut tested.of_class[class as usize];
        tested.n += 1;
        own.n += 1;
        tested.n_wrong += usize::from(!is_right);
        own.n_wrong += usize::from(!is_right);
        tested.n_missed += usize::from(!verdict.set.contains(&class));
        if !is_right {
            *self.confusions.entry((class, best as u32)).or_default() += 1;
        }
        match verdict.decision {
            Ok(decided) => {
                tested.n_decided += 1;
                own.n_decided += 1;
                tested.n_decided_wrong += usize::from(decided != class);
                own.n_decided_wrong += usize::from(decided != class);
            }
            Err(Abstention::Several) => tested.abstained[0] += 1,
            Err(Abstention::LikeNone) => tested.abstained[1] += 1,
            Err(Abstention::Contradictory) => tested.abstained[2] += 1,
            Err(Abstention::TooFewExamples) => tested.abstained[3] += 1,
        }
    }

    pub(super) fn finish(self) -> Tested {
        let mut tested = self.tested;
        let mut confusions: Vec<(u32, u32, usize)> = self
            .confusions
            .into_iter()
            .map(|((class, taken_for), n)| (class, taken_for, n))
            .collect();
        confusions.sort_by_key(|(class, taken_for, n)| (std::cmp::Reverse(*n), *class, *taken_for));
        tested.confusions = confusions;
        tested.bins = (0..N_BINS)
            .map(|bin| {
                let n = self.counts[bin];
                ReliabilityBin {
                    n,
                    said: self.said[bin] / n.max(1) as f64,
                    right: self.right[bin] as f64 / n.max(1) as f64,
                }
            })
            .collect();
        let gaps = tested
            .bins
            .iter()
            .map(|bin| bin.n as f64 * (bin.said - bin.right).abs());
        tested.calibration_error = gaps.sum::<f64>() / tested.n.max(1) as f64;
        tested
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_agree_with_counting_by_hand() {
        let mut count = TestCount::new(2);
        let seen = |first: f64| Seen {
            log_probabilities: vec![first.ln(), (1.0 - first).ln()],
            distances: vec![0.1, 0.2],
        };
        let decided = |class| Verdict {
            set: vec![class],
            decision: Ok(class),
        };
        let both = Verdict {
            set: vec![0, 1],
            decision: Err(Abstention::Several),
        };
        count.add(0, &seen(0.9), &decided(0));
        count.add(0, &seen(0.2), &decided(1));
        count.add(1, &seen(0.4), &both);
        count.add(1, &seen(0.45), &decided(1));
        let tested = count.finish();
        assert_eq!((tested.n, tested.n_wrong, tested.n_missed), (4, 1, 1));
        assert_eq!((tested.n_decided, tested.n_decided_wrong), (3, 1));
        assert_eq!(tested.abstained, [1, 0, 0, 0]);
        assert_eq!(tested.confusions, [(0, 1, 1)]);
        assert_eq!(tested.of_class[1].n_wrong, 0);
        // By hand: gaps of .1, .8, .4 and .45 in bins of their own.
        assert!((tested.calibration_error - (0.1 + 0.8 + 0.4 + 0.45) / 4.0).abs() < 1e-9);
    }
}
