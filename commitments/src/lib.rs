//! What a site promises, and the gates that hold it to its word.
//!
//! In: signed commitments, a jurisdiction profile, questions ("may this camera be looked at?") and the
//! time. Out: grants and refusals, rows with a date to be gone by, the text of the notice, ledger
//! entries for others to write. This room never does I/O, never reads the clock, never sees a face,
//! and alone can make a [`Grant`] or a [`Kept`] row.

mod commitments;
mod date;
mod digest;
mod grant;
mod keys;
mod library;
mod parse;
mod profile;
mod refusal;
mod retention;
mod scope;
mod signed;

pub use commitments::{
    AudienceKind, Category, Commitments, CommitmentsError, Controller, Custody, DayMinute,
    Declarations, Language, LegalBasis, NoticeTerms, ProcessingPurpose, Recipient, Site,
    StaffHours, StaffRule, StaffZone, VenueKind,
};
pub use date::{BadDate, Date};
pub use digest::{BadDigest, Digest, NotCanonical, canonical_json};
pub use ed25519_dalek::{SigningKey, VerifyingKey};
pub use grant::Scoped;
pub use grant::{
    Grant, GrantOrigin, Personalization, Purpose, Recognition, Retention, Sensing,
    ask_personalization, ask_recognition,
};
pub use keys::{SiteKeys, key_id};
pub use library::{LibraryDeclaration, ask_library};
pub use parse::Mistake;
pub use profile::{Profile, ProfileError, PromiseFault};
pub use refusal::{Answer, Refusal, RefusalCode};
pub use retention::{BadPeriod, DataKind, KeepFor, Kept, PROOF_PERIOD, Retained, RetentionGate};
pub use scope::{
    AgeGuardScope, AttentionScope, CountScope, ExpressionScope, MicroExpressionScope, Scope,
    ScopeMarker, Scopes,
};
pub use signed::{SignatureFault, SignedCommitments, VerifiedCommitments};
pub use zeroize::Zeroizing;
