//! A consent in use: it dies wherever it is held, the moment it is taken back.

use std::fmt;

use regard_domain::{PersonId, Timestamp};

use super::{Agreed, ConsentPurpose, missing};
use crate::digest::Digest;
use crate::grant::Lifeline;
use crate::refusal::{Refusal, RefusalCode};

/// That a person's consent to a purpose holds; dies at once when it is withdrawn, frozen or erased, wherever it is held.
///
/// # Privacy
/// Does not print whose it is.
#[derive(Clone)]
pub struct LiveConsent {
    person: PersonId,
    agreed: Agreed,
    lifeline: Lifeline,
}

impl LiveConsent {
    /// The consent that was found to hold, on the line that whoever ends it cuts.
    pub fn new(person: PersonId, agreed: Agreed, lifeline: Lifeline) -> Self {
        Self {
            person,
            agreed,
            lifeline,
        }
    }

    /// Whose.
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// To what.
    pub fn purpose(&self) -> ConsentPurpose {
        self.agreed.purpose()
    }

    /// The instant from which it no longer holds, if it is not taken back before.
    pub fn until(&self) -> Timestamp {
        self.agreed.until()
    }

    /// Hash of the receipt.
    pub fn receipt(&self) -> Digest {
        self.agreed.receipt()
    }

    /// Whether it still holds. Ask before each use.
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        self.lifeline.holds() && now < self.agreed.until()
    }

    /// Whether it is a consent to this, and still holds.
    ///
    /// # Errors
    /// `consent_missing`, `consent_withdrawn`, `consent_expired`.
    pub(crate) fn serves(&self, purpose: ConsentPurpose, now: Timestamp) -> Result<(), Refusal> {
        let again = |code, what: &str| {
            let reason = format!("the consent to {purpose} {what}");
            Err(Refusal::new(code, reason, "ask the person to agree anew"))
        };
        if self.purpose() != purpose {
            Err(missing(purpose))
        } else if !self.lifeline.holds() {
            again(RefusalCode::ConsentWithdrawn, "was withdrawn")
        } else if now >= self.until() {
            again(RefusalCode::ConsentExpired, "has run out")
        } else {
            Ok(())
        }
    }

    /// What ends when it ends.
    pub fn lifeline(&self) -> &Lifeline {
        &self.lifeline
    }
}

impl fmt::Debug for LiveConsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveConsent({}, rest withheld)", self.purpose())
    }
}
