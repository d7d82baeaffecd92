//! What a person takes home when they agree: who, what for, which data, for how long, how to take it back; signed.

use std::fmt;

use ed25519_dalek::{SigningKey, VerifyingKey};
use regard_domain::PersonId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::commitments::{Commitments, Custody, Language, Recipient};
use crate::consent::{Consent, ConsentPurpose, GivenBy, PersonalCategory};
use crate::digest::{Digest, canonical_json};
use crate::jws::{self, JwsFault};
use crate::moment_text::UtcText;
use crate::retention::DataKind;
use crate::signed::VerifiedCommitments;

/// Which layout this is; the number after it is ours.
pub const RECEIPT_SCHEMA: &str = "ISO/IEC TS 27560:2023; regard 1";

/// Type in the head of the signature, so that it can serve no other document.
const TYPE: &str = "regard-consent-receipt";

/// Longest receipt read, in bytes; real ones take three thousand.
const MAX_RECEIPT_LEN: usize = 64 * 1024;

/// A consent receipt, in the fields of ISO/IEC TS 27560.
///
/// # Privacy
/// Belongs to the person: the site keeps it sealed. Names no one; the principal is a random id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// [`RECEIPT_SCHEMA`].
    pub schema_version: String,
    /// Random, 32 hexadecimal digits.
    pub record_id: String,
    /// Random id of the person.
    pub pii_principal_id: PersonId,
    /// What is done.
    pub pii_processing: PiiProcessing,
    /// Who takes part.
    pub parties: Vec<Party>,
    /// What happened.
    pub events: Vec<ReceiptEvent>,
    /// The promise it stands on.
    pub commitments: ReceiptPromise,
}

/// What is done with which data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PiiProcessing {
    /// Where the notice is, on the server of the site.
    pub privacy_notice: String,
    /// In which language it was read.
    pub language: Language,
    /// One section for each purpose; ours have one.
    pub purposes: Vec<PurposeSection>,
}

/// One purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurposeSection {
    /// Its name.
    pub purpose: ConsentPurpose,
    /// The ground.
    pub lawful_basis: String,
    /// Which data.
    pub pii_information: Vec<PiiInformation>,
    /// Ids of the parties that answer for it.
    pub pii_controllers: Vec<String>,
    /// How it is collected.
    pub collection_method: String,
    /// How it is processed.
    pub processing_method: String,
    /// Where it lies.
    pub storage_locations: Vec<String>,
    /// For how long, at the most.
    pub retention_period: String,
    /// Whose law.
    pub jurisdiction: String,
    /// Who else receives it.
    pub recipient_third_parties: Vec<Recipient>,
    /// How it is taken back.
    pub withdrawal_method: String,
    /// The rights of the person.
    pub privacy_rights: Vec<String>,
}

/// One category of data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PiiInformation {
    /// The category.
    pub pii_type: PersonalCategory,
    /// Whether it is one of GDPR 9.
    pub special_pii_category: bool,
}

/// Someone who takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Id within this receipt.
    pub party_id: String,
    /// `pii_controller`, `pii_principal` or `guardian`.
    pub party_role: String,
    /// Name; of the controller only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_name: Option<String>,
    /// Where to write; of the controller only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_contact: Option<String>,
}

/// Something that happened to the consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptEvent {
    /// When.
    pub event_time: UtcText,
    /// The instant from which it no longer holds.
    pub valid_until: UtcText,
    /// Which party did it.
    pub entity_id: String,
    /// `explicit_consent`, and where the law of the place wants one `written_release`.
    pub event_type: String,
    /// `given`, `signed`.
    pub event_state: String,
    /// SHA-256 of the text that was signed, where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_sha256: Option<Digest>,
}

/// The commitments that the person read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptPromise {
    /// Their version.
    pub version: u32,
    /// Their hash.
    pub sha256: Digest,
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt(withheld)")
    }
}

/// What a receipt is made from.
#[derive(Clone, Copy)]
pub struct ReceiptTerms<'a> {
    /// Random number of the receipt.
    pub record: u128,
    /// Whose it is.
    pub person: PersonId,
    /// To what.
    pub purpose: ConsentPurpose,
    /// By whom.
    pub given_by: GivenBy,
    /// When.
    pub given_at: UtcText,
    /// The instant from which it no longer holds.
    pub expires_at: UtcText,
    /// Where the person's template is to be.
    pub custody: Custody,
    /// Hash of the release that was signed, where the law of the place wants one before a face is measured.
    pub release: Option<Digest>,
    /// The commitments in force, which the person read.
    pub promise: &'a VerifiedCommitments,
}

const CONTROLLER: &str = "controller";
const PRINCIPAL: &str = "principal";
const GUARDIAN: &str = "guardian";

impl Receipt {
    /// The receipt of a consent on these terms.
    pub fn issue(terms: &ReceiptTerms<'_>) -> Self {
        let document = terms.promise.document();
        let entity = match terms.given_by {
            GivenBy::Person => PRINCIPAL,
            GivenBy::Guardian => GUARDIAN,
        };
        Self {
            schema_version: RECEIPT_SCHEMA.to_owned(),
            record_id: format!("{:032x}", terms.record),
            pii_principal_id: terms.person,
            pii_processing: PiiProcessing {
                privacy_notice: document.notice.privacy_path.clone(),
                language: document
                    .notice
                    .languages
                    .first()
                    .copied()
                    .unwrap_or(Language::En),
                purposes: vec![section(terms.purpose, terms.custody, document)],
            },
            parties: parties(terms.given_by, document),
            events: std::iter::once(("explicit_consent", "given", None))
                .chain(
                    terms
                        .release
                        .map(|text| ("written_release", "signed", Some(text))),
                )
                .map(|(event_type, event_state, text_sha256)| ReceiptEvent {
                    event_time: terms.given_at,
                    valid_until: terms.expires_at,
                    entity_id: entity.to_owned(),
                    event_type: event_type.to_owned(),
                    event_state: event_state.to_owned(),
                    text_sha256,
                })
                .collect(),
            commitments: ReceiptPromise {
                version: document.version,
                sha256: terms.promise.digest(),
            },
        }
    }

    /// The receipt, signed.
    ///
    /// # Source
    /// RFC 7515 in compact form; EdDSA after RFC 8037.
    pub fn sign(&self, key: &SigningKey) -> SignedReceipt {
        let payload = canonical_json(self).expect("a receipt holds texts and integers only");
        SignedReceipt(jws::sign(TYPE, payload.as_bytes(), key))
    }

    /// Whether a consent is the one that this receipt is of.
    pub fn is_of(&self, person: PersonId, consent: &Consent) -> bool {
        let purposes = &self.pii_processing.purposes;
        self.pii_principal_id == person
            && self.commitments.sha256 == consent.commitments
            && purposes.iter().map(|s| s.purpose).eq([consent.purpose])
            && self.events.first().is_some_and(|event| {
                event.event_time == UtcText::new(consent.given_at)
                    && event.valid_until == UtcText::new(consent.expires_at)
            })
    }
}

/// Where what hangs on a purpose lies.
fn storage(purpose: ConsentPurpose, custody: Custody) -> &'static str {
    match (purpose.is_biometric(), custody) {
        (true, Custody::InPersonsHands) => {
            "the token of the person, encrypted; the computer of the site holds the key of that token and no template"
        }
        (true, Custody::Shared) => {
            "the computer of the site, sealed under a key that the person's secret is part of"
        }
        (true, Custody::Controller) | (false, _) => {
            "the computer of the site, sealed under a key of the person's own"
        }
    }
}

fn section(purpose: ConsentPurpose, custody: Custody, document: &Commitments) -> PurposeSection {
    let kept = document.retention.get(&DataKind::Person);
    PurposeSection {
        purpose,
        lawful_basis: purpose.legal_basis().to_owned(),
        pii_information: purpose
            .categories()
            .iter()
            .map(|&pii_type| PiiInformation {
                pii_type,
                special_pii_category: pii_type.is_special(),
            })
            .collect(),
        pii_controllers: vec![CONTROLLER.to_owned()],
        collection_method: "by an act of the person at the site".to_owned(),
        processing_method: "automated, on the computer of the site".to_owned(),
        storage_locations: vec![storage(purpose, custody).to_owned()],
        retention_period: kept.map_or_else(|| "not kept".to_owned(), ToString::to_string),
        jurisdiction: document.profile.clone(),
        recipient_third_parties: document.recipients.clone(),
        withdrawal_method: format!(
            "with the token shown when enrolling: DELETE /v1/persons/me/consents/{purpose}, or on the \
             page {}; effective within one second",
            document.notice.privacy_path
        ),
        privacy_rights: [
            "access",
            "rectification",
            "erasure",
            "restriction",
            "portability",
            "withdrawal",
            "complaint",
        ]
        .map(str::to_owned)
        .to_vec(),
    }
}

fn parties(given_by: GivenBy, document: &Commitments) -> Vec<Party> {
    let party = |id: &str, role: &str| Party {
        party_id: id.to_owned(),
        party_role: role.to_owned(),
        party_name: None,
        party_contact: None,
    };
    let mut parties = vec![
        Party {
            party_name: Some(document.controller.name.clone()),
            party_contact: Some(document.controller.contact.clone()),
            ..party(CONTROLLER, "pii_controller")
        },
        party(PRINCIPAL, "pii_principal"),
    ];
    if given_by == GivenBy::Guardian {
        parties.push(party(GUARDIAN, GUARDIAN));
    }
    parties
}

/// A signed receipt: a JWS in compact form.
///
/// # Privacy
/// Does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedReceipt(String);

/// A receipt that is not to be believed.
#[derive(Debug, Error)]
pub enum ReceiptFault {
    /// Not three parts, or not in their alphabet.
    #[error("not a receipt")]
    Malformed,
    /// Another key, another algorithm or another kind of document.
    #[error("the receipt is not signed by the key of this site")]
    OtherHead,
    /// The signature does not fit.
    #[error("the signature of the receipt does not verify")]
    BadSignature,
    /// Signed, but not a receipt of this form.
    #[error("what is signed is not a receipt")]
    NotReceipt(#[source] serde_json::Error),
    /// Signed, but not in canonical form.
    #[error("the signed receipt is not in canonical form")]
    NotCanonical,
}

impl SignedReceipt {
    /// From its text, which is checked by [`SignedReceipt::verify`] and not before.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the person.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its name in ledger and consent.
    pub fn digest(&self) -> Digest {
        Digest::of(&[self.0.as_bytes()])
    }

    /// The receipt, if this key signed it.
    ///
    /// # Errors
    /// [`ReceiptFault`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<Receipt, ReceiptFault> {
        let opened = jws::open(TYPE, &self.0, MAX_RECEIPT_LEN, key);
        let payload = opened.map_err(|fault| match fault {
            JwsFault::Malformed => ReceiptFault::Malformed,
            JwsFault::OtherHead => ReceiptFault::OtherHead,
            JwsFault::BadSignature => ReceiptFault::BadSignature,
        })?;
        let receipt: Receipt =
            serde_json::from_slice(&payload).map_err(ReceiptFault::NotReceipt)?;
        let canonical = canonical_json(&receipt).map_err(|_| ReceiptFault::NotCanonical)?;
        if canonical.as_bytes() == payload && receipt.schema_version == RECEIPT_SCHEMA {
            Ok(receipt)
        } else {
            Err(ReceiptFault::NotCanonical)
        }
    }
}

impl fmt::Debug for SignedReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedReceipt(withheld)")
    }
}

#[cfg(test)]
mod tests;
