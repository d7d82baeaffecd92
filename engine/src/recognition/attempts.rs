//! What came of each attempt at recognition lately: when, of which kind, and why it came to that. Of nobody.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regard_commitments::{RecognitionKind, RefusalCode};
use regard_domain::Timestamp;
use regard_vision::LivenessFault;

use super::going::CaptureOutcome;
use super::{RecognitionError, Recognizer};

/// Attempts of one kind that are remembered. When full the oldest goes. Origin: one every three minutes, all day.
const MAX_OF_KIND: usize = 500;

/// How long an attempt is remembered: whoever runs the site sees what went wrong today. What the law wants kept of it stands in
/// the ledger.
const REMEMBERED: Duration = Duration::from_secs(24 * 3_600);

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttemptOutcome {
    /// It was what it was to be: enrolled, the same person, somebody found, leave given.
    Accepted,
    /// The face is not that of the claim, or of nobody who enrolled.
    NotMatched,
    /// A rule said no.
    Refused(RefusalCode),
    /// Whoever began it gave it up.
    GivenUp,
    /// Its time ran out.
    RanOut,
    /// It could not be done; the log says why.
    Failed,
}

impl AttemptOutcome {
    /// The stable name, in snake case; that of a refusal is `refused`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::NotMatched => "not_matched",
            Self::Refused(_) => "refused",
            Self::GivenUp => "given_up",
            Self::RanOut => "ran_out",
            Self::Failed => "failed",
        }
    }

    /// The code of the rule that said no.
    pub const fn code(self) -> Option<RefusalCode> {
        match self {
            Self::Refused(code) => Some(code),
            Self::Accepted | Self::NotMatched | Self::GivenUp | Self::RanOut | Self::Failed => None,
        }
    }
}

/// One attempt.
///
/// # Privacy
/// Says of nobody who it was, holds no face, no similarity and no address; in memory alone, told for a day at most and gone within the
/// hour after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it ended.
    pub at: Timestamp,
    /// Of which kind.
    pub kind: RecognitionKind,
    /// What it came to.
    pub outcome: AttemptOutcome,
    /// Which checks for prints and replays failed, where they did.
    pub faults: Vec<LivenessFault>,
    /// From the act before a camera of the site to the person entering the screen's context, or to the answer that nobody does;
    /// nothing where pictures came from elsewhere.
    pub took: Option<Duration>,
}

/// The attempts of a day.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    noted: Mutex<Noted>,
}

/// Attempts by kind, each with its number: of several of one moment the greater number is the newer one.
#[derive(Debug, Default)]
struct Noted {
    of: BTreeMap<RecognitionKind, VecDeque<(u64, Attempt)>>,
    n_ever: u64,
}

impl Noted {
    /// Forgets those that are older than a day.
    fn tidy(&mut self, now: Timestamp) {
        for of_kind in self.of.values_mut() {
            of_kind.retain(|(_, attempt)| now.saturating_since(attempt.at) < REMEMBERED);
        }
    }
}

impl Attempts {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes one, and forgets those of a day before it: whoever runs the site may not look at them for months.
    pub(super) fn note(&self, attempt: Attempt) {
        let mut noted = self.noted();
        noted.tidy(attempt.at);
        noted.n_ever += 1;
        let number = noted.n_ever;
        let of_kind = noted.of.entry(attempt.kind).or_default();
        if of_kind.len() >= MAX_OF_KIND {
            of_kind.pop_front();
        }
        of_kind.push_back((number, attempt));
    }

    /// The last ones, the newest first.
    fn last(&self, n: usize, now: Timestamp) -> Vec<Attempt> {
        let mut noted = self.noted();
        noted.tidy(now);
        let mut all: Vec<&(u64, Attempt)> = noted.of.values().flatten().collect();
        all.sort_by_key(|(number, attempt)| Reverse((attempt.at, *number)));
        let newest = all.into_iter().take(n);
        newest.map(|(_, attempt)| attempt.clone()).collect()
    }
}

/// Most attempts that a program is told at once.
pub const MAX_ATTEMPTS_TOLD: usize = MAX_OF_KIND;

impl Recognizer {
    /// What attempts of the last day came to, the newest first, at most `n`.
    pub fn attempts(&self, n: usize) -> Vec<Attempt> {
        let now = self.now();
        self.tidy_goings(now);
        self.attempts.last(n, now)
    }

    /// Forgets attempts that are older than a day.
    pub(crate) fn forget_old_attempts(&self) {
        self.attempts.noted().tidy(self.now());
    }

    pub(super) fn note_attempt(
        &self,
        kind: RecognitionKind,
        outcome: AttemptOutcome,
        faults: &[LivenessFault],
    ) {
        self.attempts.note(Attempt {
            at: self.now(),
            kind,
            outcome,
            faults: faults.to_vec(),
            took: None,
        });
    }

    /// Notes what did not even begin.
    pub(super) fn begun_or_noted<T>(
        &self,
        kind: RecognitionKind,
        begun: Result<T, RecognitionError>,
    ) -> Result<T, RecognitionError> {
        if let Err(error) = &begun {
            self.note_attempt(kind, outcome_of(error), &[]);
        }
        begun
    }

    /// Notes what a go came to.
    pub(super) fn note_end(
        &self,
        kind: RecognitionKind,
        ended: &Result<CaptureOutcome, RecognitionError>,
        faults: &[LivenessFault],
    ) {
        let outcome = match ended {
            Ok(CaptureOutcome::Enrolled(_)) => AttemptOutcome::Accepted,
            Ok(CaptureOutcome::Verified(claim)) if claim.compared.is_match => {
                AttemptOutcome::Accepted
            }
            Ok(CaptureOutcome::Identified(visitor)) if visitor.consent.is_some() => {
                AttemptOutcome::Accepted
            }
            Ok(CaptureOutcome::Verified(_) | CaptureOutcome::Identified(_)) => {
                AttemptOutcome::NotMatched
            }
            Err(error) => outcome_of(error),
        };
        self.note_attempt(kind, outcome, faults);
    }
}

/// What an error means for the attempt. A token that does not open, or a wrong claim too many, is a claim that does not match.
pub(super) fn outcome_of(error: &RecognitionError) -> AttemptOutcome {
    use crate::custody::CustodyError;
    match error {
        RecognitionError::Refused(refusal)
        | RecognitionError::Custody(CustodyError::Refused(refusal)) => {
            AttemptOutcome::Refused(refusal.code)
        }
        RecognitionError::Custody(CustodyError::FaceToken(_))
        | RecognitionError::TooManyWrongClaims => AttemptOutcome::NotMatched,
        RecognitionError::UnknownCapture => AttemptOutcome::RanOut,
        _ => AttemptOutcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);

    fn attempt(kind: RecognitionKind, secs: u64) -> Attempt {
        Attempt {
            at: NOON.plus(Duration::from_secs(secs)),
            kind,
            outcome: AttemptOutcome::Refused(RefusalCode::ActMissing),
            faults: Vec::new(),
            took: None,
        }
    }

    #[test]
    fn a_day_is_remembered_and_no_more_than_there_is_room_for() {
        let attempts = Attempts::default();
        for secs in 0..(MAX_OF_KIND as u64 + 7) {
            attempts.note(attempt(RecognitionKind::Attested, secs));
        }
        attempts.note(attempt(RecognitionKind::Enroll, 3));
        let now = NOON.plus(Duration::from_secs(1_000));
        let last = attempts.last(usize::MAX, now);
        assert_eq!(last.len(), MAX_OF_KIND + 1, "of one kind the oldest went");
        assert!(last.is_sorted_by(|a, b| a.at >= b.at), "the newest first");
        // What services do in numbers pushes nobody else's attempts out.
        assert!(last.iter().any(|one| one.kind == RecognitionKind::Enroll
            && one.at == NOON.plus(Duration::from_secs(3))));
        assert_eq!(attempts.last(5, now).len(), 5);
        let next_day = NOON.plus(REMEMBERED + Duration::from_secs(3));
        let left = attempts.last(usize::MAX, next_day);
        assert!(
            left.iter()
                .all(|one| one.at > NOON.plus(Duration::from_secs(3)))
        );
        assert!(attempts.last(9, NOON.plus(3 * REMEMBERED)).is_empty());
    }

    #[test]
    fn a_day_is_remembered_also_where_nobody_looks() {
        let attempts = Attempts::default();
        let day = REMEMBERED.as_secs();
        for (kind, secs) in [
            (RecognitionKind::Enroll, 0),
            (RecognitionKind::Verify, 10),
            (RecognitionKind::Enroll, 20),
            (RecognitionKind::Verify, day + 10),
        ] {
            attempts.note(attempt(kind, secs));
        }
        let noted = attempts.noted();
        let left: Vec<Timestamp> = noted.of.values().flatten().map(|(_, one)| one.at).collect();
        let after = |secs| NOON.plus(Duration::from_secs(secs));
        assert_eq!(left, [after(20), after(day + 10)]);
    }

    #[test]
    fn of_one_moment_too_the_newest_is_first() {
        use RecognitionKind::{Enroll, Identify, Verify};
        let attempts = Attempts::default();
        let outcomes = [
            (Verify, AttemptOutcome::NotMatched),
            (Enroll, AttemptOutcome::Accepted),
            (Verify, AttemptOutcome::GivenUp),
            (Identify, AttemptOutcome::RanOut),
            (Enroll, AttemptOutcome::Failed),
        ];
        for (kind, outcome) in outcomes {
            attempts.note(Attempt {
                outcome,
                ..attempt(kind, 7)
            });
        }
        let now = NOON.plus(Duration::from_secs(7));
        let last = attempts.last(usize::MAX, now).into_iter();
        let last: Vec<_> = last.map(|one| (one.kind, one.outcome)).collect();
        assert!(last.iter().eq(outcomes.iter().rev()), "{last:?}");
        assert_eq!(attempts.last(2, now).len(), 2);
        assert_eq!(attempts.last(1, now)[0].outcome, AttemptOutcome::Failed);
    }

    #[test]
    fn a_refusal_keeps_its_code_and_a_foreign_token_is_a_claim_that_is_not_true() {
        use regard_commitments::{FaceTokenFault, Refusal};
        let refused = RecognitionError::Refused(Refusal::new(
            RefusalCode::ConsentExpired,
            "the consent has run out",
            "ask anew",
        ));
        let outcome = outcome_of(&refused);
        assert_eq!(outcome.code(), Some(RefusalCode::ConsentExpired));
        assert_eq!(outcome.as_str(), "refused");
        let foreign = crate::custody::CustodyError::FaceToken(FaceTokenFault::DoesNotOpen);
        assert_eq!(outcome_of(&foreign.into()), AttemptOutcome::NotMatched);
    }
}
