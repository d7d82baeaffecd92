//! What a site promises, and the gates that hold it to its word.
//!
//! In: signed commitments, a jurisdiction profile, questions ("may this camera be looked at?") and the
//! time. Out: grants and refusals, rows with a date to be gone by, the text of the notice, ledger
//! entries for others to write. This room never does I/O, never reads the clock, never sees a face,
//! and alone can make a [`Grant`] or a [`Kept`] row.
//!
//! # Examples
//! ```
//! use std::collections::BTreeSet;
//! use regard_commitments::*;
//! use regard_domain::{CameraId, ScreenId, Timestamp};
//!
//! let key = SiteKeys::from_seed(Zeroizing::new([7; 32])).commitments_key();
//! let promised = Commitments::demo().sign(&key).verify(&key.verifying_key())?;
//! let mut gate = SensingGate::new(promised, Profile::named("lab")?)?;
//! let (camera, screen) = (CameraId::new("webcam")?, ScreenId::new("demo")?);
//! gate.register(CameraSetup {
//!     camera: camera.clone(),
//!     screens: BTreeSet::from([screen.clone()]),
//!     masks_staff_zones: false,
//! });
//! let now = Timestamp::from_millis(1_780_315_200_000);
//! let shut = gate.ask(&camera, Scopes::AUDIENCE, now);
//! assert_eq!(shut.outcome.refusal().map(|r| r.code), Some(RefusalCode::NoticeMissing));
//! gate.heartbeat(&screen, gate.notice_hash(), now);
//! let opened = gate.ask(&camera, Scopes::AUDIENCE, now);
//! assert!(opened.outcome.granted().is_some_and(|grant| grant.expression().is_some()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod assertion;
mod audit;
mod budget;
mod change;
mod commitments;
mod consent;
mod cosignature;
mod date;
mod digest;
mod drill;
mod epsilon;
mod erasure;
mod face_token;
mod grant;
mod jws;
mod keys;
mod language_words;
mod law;
mod ledger;
mod library;
mod merkle;
mod moment_text;
mod note;
mod notice;
mod paper;
mod parse;
mod person_token;
mod personal;
mod place_code;
mod profile;
mod proof;
mod receipt;
mod recognition;
mod refusal;
mod release;
mod retention;
mod same;
mod scope;
mod seal;
mod sensing;
mod signed;
mod study;
mod tile;
mod told;
mod witness;
mod word;
mod written_release;

pub use access::{Actor, AdminAct, BadRole, BadTokenId, Role, TokenId};
pub use assertion::{
    ASSERTION_TTL, Assertion, AssertionFault, AssertionFor, AssertionTerms, BadAssertionText,
    PublicJwk,
};
pub use audit::{
    AskedRefusal, AuditFault, AuditReport, AuditedSite, CheckLine, CheckState, Evidence, LawLine,
    LawRow, OBSERVED_ALLOWANCE_MILLIS, OperationBook, SWEEP_ALLOWANCE_SECS, SignedAudit,
    TableEvidence,
};
pub use budget::StatisticsTerms;
pub use change::{Change, Direction, NotAVersion};
pub use commitments::{
    AudienceKind, Category, Commitments, CommitmentsError, Controller, Custody, DayMinute,
    Declarations, Language, LegalBasis, NoticeTerms, ProcessingPurpose, Recipient, Site,
    StaffHours, StaffRule, StaffZone, VenueKind,
};
pub use consent::{
    Agreed, BadConsentPurpose, Consent, ConsentPurpose, Dpia, DpiaStanding, EndReason, Ending,
    GivenBy, LiveConsent, MergedInto, PersonFile, PersonalCategory, PromiseStanding,
};
pub use cosignature::{CosignatureVerifier, Cosigner};
pub use date::{BadDate, Date, civil_from_days};
pub use digest::{BadDigest, Digest, NotCanonical, canonical_json};
pub use drill::drill;
pub use ed25519_dalek::{SigningKey, VerifyingKey};
pub use epsilon::{BadEpsilon, Epsilon};
pub use erasure::{ErasureFault, ErasureProof, ProvenErasure, subject};
pub use face_token::{
    FACE_TOKEN_PREFIX, FaceToken, FaceTokenContent, FaceTokenFault, FaceTokenKey, FaceTokenMint,
    ShownFaceToken,
};
pub use grant::{
    Grant, GrantOrigin, Lifeline, LifelineWatch, Personalization, Purpose, Recognition, Retention,
    Scoped, Sensing,
};
pub use keys::{SiteKeys, key_id};
pub use law::{ATTACKS, Attack, FAULT_POINTS, FaultPoint, Keeping, Rule, Standing};
pub use ledger::{
    BadEntry, EntryBody, Leaf, Ledger, LedgerCheck, LedgerEntry, LedgerFault, LedgerReport,
    ProvenLeaf, SignedCheckpoint, verify_ledger,
};
pub use library::{LibraryDeclaration, ask_library, refuse_grouping};
pub use merkle::{
    MerkleTree, consistency_proof, inclusion_proof, leaf_hash, verify_consistency, verify_inclusion,
};
pub use moment_text::{BadUtcText, UtcText};
pub use note::{Checkpoint, NoteError, NoteSigner, NoteVerifier, ledger_origin};
pub use notice::{EasyText, Notice, NoticeText};
pub use paper::PaperKind;
pub use parse::Mistake;
pub use person_token::{BadPersonToken, PersonToken, PersonTokenHash};
pub use personal::Recognized;
pub use place_code::{PLACE_CODE_PERIOD, PlaceCodes, Presence};
pub use profile::{Authority, Profile, ProfileError, PromiseFault};
pub use proof::{ConsistencyProof, InclusionProof, LedgerProof, ProofFault};
pub use receipt::{
    Party, PiiInformation, PiiProcessing, PurposeSection, RECEIPT_SCHEMA, Receipt, ReceiptEvent,
    ReceiptFault, ReceiptPromise, ReceiptTerms, SignedReceipt,
};
pub use recognition::{
    Act, ActKind, Attestation, AttestationFault, AttestationTerms, AttestedCall, AttestedSource,
    AttestedUse, BadRecognitionKind, CompareKey, Enrollment, Evaluation, EvaluationKey,
    GALLERY_SETTING_PREFIX, Identification, LibrarySearch, Liveness, MAX_ATTESTATION_AGE,
    MayCompare, MayEnroll, MaySearch, NeedsLiveness, Presenting, RecognitionGate, RecognitionKey,
    RecognitionKind, RecognitionMarker, SearchKey, SignedAttestation, Verification,
    VerifiedAttestation, gallery_subject,
};
pub use refusal::{Answer, Refusal, RefusalCode};
pub use release::{
    BadDetail, Cell, Detail, MAX_ATTENTION_MILLIS, MAX_DWELL_MILLIS, MAX_LOOKS, MIN_CELL_VISITS,
    Noise, NoiseLevel, NoiseQuery, NoisedSums, Release, ReleasedCell, Spending, Statistic,
    VisitFacts, VisitSums,
};
pub use retention::{BadPeriod, DataKind, KeepFor, Kept, PROOF_PERIOD, Retained, RetentionGate};
pub use same::is_same_secret;
pub use scope::{
    AgeGuardScope, AttentionScope, CountScope, ExpressionScope, MicroExpressionScope, Scope,
    ScopeMarker, Scopes,
};
pub use seal::{
    BadSiteKeyId, DataKey, DoesNotOpen, HeldSiteKey, KeySlot, PersonSecret, SEAL_VERSION, SealedAs,
    SiteKey, SiteKeyFault, SiteKeyId, SiteKeyring, WrappedKey,
};
pub use sensing::{
    CameraSetup, Heartbeat, MAX_AGREEMENT, MAX_OBJECTION, NOTICE_HEARTBEAT_INTERVAL,
    NOTICE_HEARTBEAT_TTL, Revocation, Ruled, SENSING_TICK, SensingGate,
};
pub use signed::{SignatureFault, SignedCommitments, VerifiedCommitments};
pub use study::{
    BadInvitation, LONGEST_MOVEMENT, MeasuredRate, MicroExpressions, MovementClaim, MovementSums,
    SHORTEST_MOVEMENT, SealedMovements, StudyGate, StudyInvitation, StudyOnly,
};
pub use tile::{BadTile, TILE_WIDTH, Tile, consistency_proof_of_tiles};
pub use witness::{AddCheckpoint, BadRequest, Witness, WitnessFault};
pub use word::word;
pub use written_release::{ReleaseSignature, ReleaseText, WrittenRelease};
pub use zeroize::Zeroizing;
