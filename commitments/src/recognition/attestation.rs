//! What the privacy officer puts their name to, so that a service may use a collection of faces.

use std::fmt;
use std::time::Duration;

use ed25519_dalek::{SigningKey, VerifyingKey};
use regard_domain::{ActId, GalleryId, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::access::TokenId;
use crate::commitments::{Custody, is_text};
use crate::digest::{Digest, canonical_json};
use crate::jws;
use crate::moment_text::UtcText;
use crate::signed::VerifiedCommitments;

/// Which form this is.
const SCHEMA: &str = "regard-attestation 1";

/// Type in the head of the signature, so that it can serve no other document.
const TYPE: &str = "regard-attestation";

/// Longest attestation read, in bytes: a few short texts.
const MAX_LEN: usize = 16 * 1024;

/// How long an attestation holds at most: 12 months, counted as 365 days.
pub const MAX_ATTESTATION_AGE: Duration = Duration::from_secs(365 * 86_400);

/// Where the pictures of a service come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestedSource {
    /// Files that somebody sends.
    Upload,
    /// A camera that sees whoever passes. Always refused.
    Camera,
}

/// What a service asks for under an attestation.
#[derive(Clone, Debug)]
pub struct AttestedCall {
    /// In which collection.
    pub collection: GalleryId,
    /// Where the pictures come from.
    pub source: AttestedSource,
    /// Whether the collection is searched: then an act has to be behind it.
    pub searches: bool,
    /// The act, where one was named.
    pub act: Option<ActId>,
}

/// A statement of the privacy officer about one collection of one service.
///
/// # Privacy
/// Names nobody whose face is compared; names the officer as the impact assessment does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// `regard-attestation 1`.
    pub schema_version: String,
    /// Random, 32 hexadecimal digits.
    pub id: String,
    /// The service that works under it.
    pub service: String,
    /// What the faces are compared for.
    pub purpose: String,
    /// The collection it is about.
    pub collection: GalleryId,
    /// Where the pictures come from, and on which ground they are held.
    pub lawful_source: String,
    /// Whether pictures that are sent are acts of the persons in them: then a search needs no other act.
    pub uploads_are_acts: bool,
    /// Always `controller`: the service holds the faces.
    pub custody: Custody,
    /// The impact assessment it stands on.
    pub dpia: String,
    /// Who attests it.
    pub signed_by: String,
    /// The token of the privacy officer with which it was made; nothing when it was made at the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<TokenId>,
    /// When.
    pub issued_at: UtcText,
    /// The instant from which it no longer holds.
    pub expires_at: UtcText,
    /// The commitments it was made under.
    pub commitments: Digest,
}

/// What an attestation is made from.
#[derive(Clone, Debug)]
pub struct AttestationTerms<'a> {
    /// Random number.
    pub number: u128,
    /// The service.
    pub service: &'a str,
    /// What the faces are compared for.
    pub purpose: &'a str,
    /// The collection.
    pub collection: GalleryId,
    /// Where the pictures come from.
    pub lawful_source: &'a str,
    /// Whether pictures that are sent are acts of the persons in them.
    pub uploads_are_acts: bool,
    /// Who attests it.
    pub signed_by: &'a str,
    /// With which token.
    pub officer: Option<TokenId>,
    /// For how long, at most [`MAX_ATTESTATION_AGE`].
    pub valid_for: Duration,
}

/// An attestation that cannot be made or is not to be believed.
#[derive(Debug, Error)]
pub enum AttestationFault {
    /// A text is missing or too long.
    #[error("{0} must be a text of 1 to 400 characters without control characters")]
    Text(&'static str),
    /// Longer than an attestation may hold, or not at all.
    #[error("an attestation holds for at most 12 months")]
    TooLong,
    /// The site does not hold templates itself.
    #[error("the commitments promise another custody than \"controller\"")]
    OtherCustody,
    /// The commitments name no impact assessment.
    #[error("the commitments name no impact assessment")]
    NoDpia,
    /// Not one of this site's, or changed.
    #[error("the attestation is not signed by the key of this site")]
    BadSignature,
    /// Signed, but not an attestation of this form.
    #[error("what is signed is not an attestation")]
    NotAttestation,
}

impl Attestation {
    /// The statement on these terms, under the commitments in force.
    ///
    /// # Errors
    /// [`AttestationFault`].
    pub fn issue(
        terms: AttestationTerms<'_>,
        promise: &VerifiedCommitments,
        now: Timestamp,
    ) -> Result<Self, AttestationFault> {
        let document = promise.document();
        for (name, text) in [
            ("service", terms.service),
            ("purpose", terms.purpose),
            ("lawful_source", terms.lawful_source),
            ("signed_by", terms.signed_by),
        ] {
            if !is_text(text) {
                return Err(AttestationFault::Text(name));
            }
        }
        if document.custody != Custody::Controller {
            return Err(AttestationFault::OtherCustody);
        }
        let dpia = document.dpia.as_ref().ok_or(AttestationFault::NoDpia)?;
        if terms.valid_for.is_zero() || terms.valid_for > MAX_ATTESTATION_AGE {
            return Err(AttestationFault::TooLong);
        }
        Ok(Self {
            schema_version: SCHEMA.to_owned(),
            id: format!("{:032x}", terms.number),
            service: terms.service.to_owned(),
            purpose: terms.purpose.to_owned(),
            collection: terms.collection,
            lawful_source: terms.lawful_source.to_owned(),
            uploads_are_acts: terms.uploads_are_acts,
            custody: Custody::Controller,
            dpia: dpia.reference.clone(),
            signed_by: terms.signed_by.to_owned(),
            officer: terms.officer,
            issued_at: UtcText::new(now),
            expires_at: UtcText::new(now.plus(terms.valid_for)),
            commitments: promise.digest(),
        })
    }

    /// The statement, signed.
    pub fn sign(&self, key: &SigningKey) -> SignedAttestation {
        let payload = canonical_json(self).expect("an attestation holds texts only");
        SignedAttestation(jws::sign(TYPE, payload.as_bytes(), key))
    }
}

/// A signed attestation: a JWS in compact form.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedAttestation(String);

impl SignedAttestation {
    /// From its text, which is checked by [`SignedAttestation::verify`] and not before.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The attestation, if this key signed it and it is of this form. Whether its time is over the gate looks.
    ///
    /// # Errors
    /// [`AttestationFault`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<VerifiedAttestation, AttestationFault> {
        let payload = jws::open(TYPE, &self.0, MAX_LEN, key);
        let payload = payload.map_err(|_| AttestationFault::BadSignature)?;
        let attestation: Attestation =
            serde_json::from_slice(&payload).map_err(|_| AttestationFault::NotAttestation)?;
        let canonical = canonical_json(&attestation);
        let age = attestation
            .expires_at
            .at()
            .saturating_since(attestation.issued_at.at());
        let is_sound = canonical.is_ok_and(|text| text.as_bytes() == payload)
            && attestation.schema_version == SCHEMA
            && attestation.custody == Custody::Controller
            && age <= MAX_ATTESTATION_AGE;
        if !is_sound {
            return Err(AttestationFault::NotAttestation);
        }
        Ok(VerifiedAttestation {
            digest: Digest::of(&[self.0.as_bytes()]),
            attestation,
        })
    }
}

impl fmt::Debug for SignedAttestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedAttestation(withheld)")
    }
}

/// An attestation whose signature was checked. The gate takes nothing less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedAttestation {
    attestation: Attestation,
    digest: Digest,
}

impl VerifiedAttestation {
    /// What is attested.
    pub fn attestation(&self) -> &Attestation {
        &self.attestation
    }

    /// The name by which the ledger knows it: the hash of its signed text.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether its time has come and is not over.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        (self.attestation.issued_at.at()..self.attestation.expires_at.at()).contains(&now)
    }
}
