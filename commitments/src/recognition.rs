//! The Recognition gate: whether a face may become an embedding, and what that may be compared with.
//!
//! Each kind of recognition has a key of its own type, and each key says in its value whom or which gallery it is about:
//! the key of a verification searches no gallery, and the key of one person compares with no other.

mod act;
mod attestation;
mod gate;
mod key;
mod kind;
#[cfg(test)]
mod tests;

pub use self::act::{Act, ActKind};
pub use self::attestation::{
    Attestation, AttestationFault, AttestationTerms, AttestedCall, AttestedSource,
    MAX_ATTESTATION_AGE, SignedAttestation, VerifiedAttestation,
};
pub use self::gate::{GALLERY_SETTING_PREFIX, RecognitionGate, gallery_subject};
pub(crate) use self::key::RecognitionTerms;
pub use self::key::{CompareKey, EvaluationKey, Presenting, RecognitionKey, SearchKey};
pub use self::kind::{
    AttestedUse, BadRecognitionKind, Enrollment, Evaluation, Identification, LibrarySearch,
    Liveness, MayCompare, MayEnroll, MaySearch, NeedsLiveness, RecognitionKind, RecognitionMarker,
    Verification,
};
