//! What was found of many participants, added up for the report of a study and for nothing else.

use std::fmt;

use rand::CryptoRng;
use regard_domain::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{MicroExpressions, StudyGate, StudyOnly};
use crate::consent::{ConsentPurpose, LiveConsent};
use crate::refusal::{Answer, Refusal};
use crate::seal::{DataKey, SealedAs};

impl<T: Serialize> StudyOnly<T> {
    /// What was found, sealed under a key of its participant, to be added up later; nothing where the sitting or the consent is
    /// over.
    pub fn seal(
        &self,
        key: &MicroExpressions,
        (data_key, place): (&DataKey, &SealedAs<'_>),
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Option<Vec<u8>> {
        let plain = Zeroizing::new(serde_json::to_vec(self.open(key, now)?).ok()?);
        Some(data_key.seal(place, &plain, rng))
    }
}

/// What was found of one participant, as it is kept.
///
/// # Privacy
/// Sealed; does not print.
pub struct SealedMovements<'a> {
    /// The consent under which it may be added to others.
    pub consent: &'a LiveConsent,
    /// The key of its participant.
    pub key: &'a DataKey,
    /// Where it was sealed for.
    pub place: SealedAs<'a>,
    /// The sealed bytes.
    pub body: &'a [u8],
}

impl fmt::Debug for SealedMovements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedMovements({} bytes withheld)", self.body.len())
    }
}

/// A sum over participants of what was found of them. For the report of the study alone: it is not serialized, converts into
/// nothing, and no room that decides or learns knows the word.
pub struct MovementSums<T>(T);

impl<T> fmt::Debug for MovementSums<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MovementSums(withheld)")
    }
}

impl<T> MovementSums<T> {
    /// The sum, to be drawn.
    pub const fn for_report(&self) -> &T {
        &self.0
    }
}

impl StudyGate {
    /// Adds up what was found of participants whose consent holds; nothing of fewer than the least number. What does not open
    /// is left out.
    ///
    /// # Errors
    /// As an answer: `ledger_unavailable`, `feature_not_in_profile`, `purpose_not_promised`.
    pub fn sum_movements<T: DeserializeOwned, R>(
        &self,
        sealed: &[SealedMovements<'_>],
        (least, now): (u32, Timestamp),
        add: impl FnOnce(&[T]) -> R,
    ) -> Answer<Option<MovementSums<R>>> {
        let may = || -> Result<(), Refusal> {
            self.rule_ledger()?;
            self.rule_movements()
        };
        if let Err(refusal) = may() {
            return Answer::Refused(refusal);
        }
        let held = sealed
            .iter()
            .filter(|one| one.consent.serves(ConsentPurpose::Research, now).is_ok());
        let opened = held.filter_map(|one| {
            let plain = one.key.open(&one.place, one.body).ok()?;
            serde_json::from_slice(&plain).ok()
        });
        let opened: Vec<T> = opened.collect();
        let is_enough = opened.len() >= least as usize;
        Answer::Granted(is_enough.then(|| MovementSums(add(&opened))))
    }
}
