//! Finding one person who asked for it, in photographs and videos of many.
//!
//! Whoever holds the key of the Recognition gate computes similarities; here they become answers: found, maybe, or somebody
//! else. Nothing of anybody but numbers passes through.

mod video;

use std::fmt;

use regard_domain::Probability;
use regard_identity::{MatchScale, Similarity, TargetRate};

pub use self::video::{Seeker, SeenVideo, Span};

/// The false match rate of a single comparison from which a face counts as perhaps theirs. Origin: there 99.4 % of the pairs
/// of one person in LFW are still found, so that hardly a photograph is missed among the found and the perhaps.
const MAYBE_FMR: f64 = 1e-3;

/// Steps of the estimate of how many of the faces are theirs; it moves less than a thousandth long before.
const N_STEPS: usize = 200;

/// How near a face is to somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Somebody else's.
    Other,
    /// Too near for a stranger and too far for them: nothing is claimed.
    Maybe,
    /// Theirs.
    Found,
}

impl Likeness {
    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Maybe => "maybe",
            Self::Found => "found",
        }
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// From which similarities a face counts as somebody's, and as perhaps theirs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    found_from: Similarity,
    maybe_from: Similarity,
}

impl Bounds {
    /// Bounds such that among `n_faces` of other people anyone at all is found with probability `target` at most: the more faces
    /// are looked at, the nearer one has to be.
    ///
    /// # Source
    /// ISO/IEC 19795-1 on the relation of FPIR and FMR for independent comparisons: `FPIR = 1 - (1 - FMR)^N`.
    pub fn for_faces(scale: &MatchScale, target: TargetRate, n_faces: u64) -> Self {
        let n_faces = n_faces.max(1) as f64;
        let per_face = -((-target.get()).ln_1p() / n_faces).exp_m1();
        // A rate above 0 divided by a finite number is above 0 unless it underflows; the scale ends long before.
        let per_face = TargetRate::new(per_face).unwrap_or(TargetRate::ONE_IN_1_000_000);
        let found_from = scale.threshold(per_face).similarity;
        let loose = TargetRate::new(MAYBE_FMR).expect("one in a thousand is a rate");
        let maybe_from = scale.threshold(loose).similarity;
        Self {
            found_from,
            maybe_from: if maybe_from < found_from {
                maybe_from
            } else {
                found_from
            },
        }
    }

    /// Least similarity of a face that is found.
    pub const fn found_from(&self) -> Similarity {
        self.found_from
    }

    /// Least similarity of a face that may be theirs.
    pub const fn maybe_from(&self) -> Similarity {
        self.maybe_from
    }

    /// What a similarity comes to.
    pub fn of(&self, similarity: Similarity) -> Likeness {
        if similarity >= self.found_from {
            Likeness::Found
        } else if similarity >= self.maybe_from {
            Likeness::Maybe
        } else {
            Likeness::Other
        }
    }
}

/// The share of faces that are theirs, as these similarities themselves make likely: at least one of a million, at most one in
/// two. It is what makes probabilities of a library of strangers lower than those of a family album.
///
/// # Source
/// Maximum likelihood of the mixing share of two known densities by expectation and maximisation (Dempster, Laird, Rubin
/// 1977), started from one half.
pub fn share_of_theirs(scale: &MatchScale, similarities: &[Similarity]) -> Probability {
    const LEAST: f32 = 1e-6;
    let mut share = 0.5_f32;
    for _ in 0..N_STEPS {
        let prior = Probability::clamped(share);
        let sum: f64 = similarities
            .iter()
            .map(|similarity| f64::from(scale.probability(*similarity, prior).get()))
            .sum();
        let next = (sum / similarities.len().max(1) as f64) as f32;
        let next = next.clamp(LEAST, 0.5);
        let has_settled = (next - share).abs() <= share * 1e-4;
        share = next;
        if has_settled {
            break;
        }
    }
    Probability::clamped(share)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn similarity(value: f32) -> Similarity {
        Similarity::clamped(value)
    }

    #[test]
    fn more_faces_ask_for_more_likeness() {
        let scale = MatchScale::built_in();
        let target = TargetRate::new(1e-2).unwrap();
        let mut last = similarity(-1.0);
        for n_faces in [1, 10, 1_000, 100_000] {
            let bounds = Bounds::for_faces(&scale, target, n_faces);
            assert!(bounds.found_from() >= last, "{n_faces}");
            assert!(bounds.maybe_from() <= bounds.found_from());
            last = bounds.found_from();
        }
        let bounds = Bounds::for_faces(&scale, target, 1_000);
        // One in a hundred for a thousand faces is one in a hundred thousand for each.
        let per_face = scale.threshold(TargetRate::ONE_IN_100_000).similarity;
        assert!((bounds.found_from().get() - per_face.get()).abs() < 2e-3);
        assert_eq!(bounds.of(similarity(0.9)), Likeness::Found);
        assert_eq!(bounds.of(bounds.maybe_from()), Likeness::Maybe);
        assert_eq!(bounds.of(similarity(0.0)), Likeness::Other);
    }

    #[test]
    fn nobody_among_strangers_and_everybody_in_an_album() {
        let scale = MatchScale::built_in();
        let strangers: Vec<Similarity> = (0..2_000)
            .map(|at| similarity((at % 40) as f32 * 0.005 - 0.1))
            .collect();
        let share = share_of_theirs(&scale, &strangers);
        assert!(share.get() < 0.01, "{}", share.get());
        let mut album = strangers.clone();
        album.extend((0..500).map(|at| similarity(0.55 + (at % 30) as f32 * 0.01)));
        let share = share_of_theirs(&scale, &album);
        assert!((share.get() - 0.2).abs() < 0.02, "{}", share.get());
        assert!(share_of_theirs(&scale, &[]).get() > 0.0);
    }

    proptest! {
        #[test]
        fn a_nearer_face_is_never_less_theirs(a in -1.0_f32..1.0, b in -1.0_f32..1.0, n in 1_u64..10_000_000) {
            let bounds = Bounds::for_faces(&MatchScale::built_in(), TargetRate::new(0.01).unwrap(), n);
            let (less, more) = (a.min(b), a.max(b));
            prop_assert!(bounds.of(similarity(less)) <= bounds.of(similarity(more)));
        }
    }
}
