//! Leave for a person to enter the context of a decision.

use std::fmt;

use regard_domain::{PersonId, TrackId};

use crate::consent::LiveConsent;
use crate::grant::{Grant, Personalization};
use crate::recognition::{Identification, RecognitionKey, Verification};

/// What the gate puts into a personalization grant.
pub struct PersonalTerms {
    pub(crate) person: PersonId,
    pub(crate) track: TrackId,
}

impl fmt::Debug for PersonalTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("withheld")
    }
}

impl Grant<Personalization> {
    /// Who enters the context.
    ///
    /// # Privacy
    /// A random id that names one person.
    pub fn person(&self) -> PersonId {
        self.terms().person
    }

    /// For as long as this visitor is there.
    pub fn track(&self) -> TrackId {
        self.terms().track
    }
}

/// How somebody came to be recognised.
pub enum Recognized<'a> {
    /// Their face was that of the token they showed.
    Verified(&'a RecognitionKey<Verification>),
    /// They were found in a gallery, to which they agreed.
    Identified(&'a RecognitionKey<Identification>, &'a LiveConsent),
}
