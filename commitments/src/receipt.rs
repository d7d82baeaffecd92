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
    /// Whether the person signed the release that the law of some places wants before a face is measured.
    pub is_released: bool,
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
            events: std::iter::once(("explicit_consent", "given"))
                .chain(terms.is_released.then_some(("written_release", "signed")))
                .map(|(event_type, event_state)| ReceiptEvent {
                    event_time: terms.given_at,
                    valid_until: terms.expires_at,
                    entity_id: entity.to_owned(),
                    event_type: event_type.to_owned(),
                    event_state: event_state.to_owned(),
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
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ed25519_dalek::Signer as _;
    use regard_domain::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::{SiteKeys, Zeroizing};

    const PERSON: PersonId = PersonId::from_bits(7);

    fn keys(byte: u8) -> SiteKeys {
        SiteKeys::from_seed(Zeroizing::new([byte; 32]))
    }

    fn promise() -> VerifiedCommitments {
        let key = keys(1).commitments_key();
        Commitments::demo()
            .sign(&key)
            .verify(&key.verifying_key())
            .unwrap()
    }

    fn receipt(given_by: GivenBy) -> Receipt {
        Receipt::issue(&ReceiptTerms {
            record: 9,
            person: PERSON,
            purpose: ConsentPurpose::Learn,
            given_by,
            given_at: UtcText::new(Timestamp::from_millis(1_780_315_200_000)),
            expires_at: UtcText::new(Timestamp::from_millis(1_780_401_600_000)),
            custody: Custody::InPersonsHands,
            is_released: false,
            promise: &promise(),
        })
    }

    fn resigned(head: &str, payload: &[u8], key: &SigningKey) -> SignedReceipt {
        let message = format!("{head}.{}", URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).to_bytes());
        SignedReceipt(format!("{message}.{signature}"))
    }

    #[test]
    fn a_receipt_has_the_fields_of_the_standard_and_says_what_was_agreed() {
        let json = serde_json::to_value(receipt(GivenBy::Person)).unwrap();
        assert_eq!(json["schema_version"], RECEIPT_SCHEMA);
        assert_eq!(json["pii_principal_id"], PERSON.to_string());
        let section = &json["pii_processing"]["purposes"][0];
        assert_eq!(section["purpose"], "learn");
        assert_eq!(section["retention_period"], "30 days");
        assert_eq!(section["jurisdiction"], "lab");
        assert_eq!(section["recipient_third_parties"], json!([]));
        assert!(
            section["withdrawal_method"]
                .as_str()
                .unwrap()
                .contains("/consents/learn")
        );
        assert_eq!(section["pii_information"][0]["pii_type"], "preferences");
        assert_eq!(
            json["events"][0]["event_time"],
            "2026-06-01T12:00:00.000000Z"
        );
        assert_eq!(
            json["events"][0]["valid_until"],
            "2026-06-02T12:00:00.000000Z"
        );
        assert_eq!(json["parties"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_guardian_stands_in_the_receipt_of_a_minor() {
        let json = serde_json::to_value(receipt(GivenBy::Guardian)).unwrap();
        assert_eq!(json["events"][0]["entity_id"], "guardian");
        assert_eq!(json["parties"][2]["party_role"], "guardian");
    }

    #[test]
    fn bipa_a_release_stands_in_the_receipt_and_where_the_face_is() {
        let promise = promise();
        let issue = |custody, is_released| {
            let receipt = Receipt::issue(&ReceiptTerms {
                record: 9,
                person: PERSON,
                purpose: ConsentPurpose::Verify,
                given_by: GivenBy::Person,
                given_at: UtcText::new(Timestamp::from_millis(1_780_315_200_000)),
                expires_at: UtcText::new(Timestamp::from_millis(1_780_401_600_000)),
                custody,
                is_released,
                promise: &promise,
            });
            serde_json::to_value(receipt).unwrap()
        };
        let json = issue(Custody::InPersonsHands, true);
        assert_eq!(json["events"][0]["event_type"], "explicit_consent");
        assert_eq!(json["events"][1]["event_type"], "written_release");
        assert_eq!(json["events"][1]["event_state"], "signed");
        assert_eq!(
            issue(Custody::Shared, false)["events"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        let places: std::collections::BTreeSet<String> = [
            Custody::InPersonsHands,
            Custody::Shared,
            Custody::Controller,
        ]
        .map(|custody| {
            issue(custody, false)["pii_processing"]["purposes"][0]["storage_locations"][0]
                .to_string()
        })
        .into();
        assert_eq!(places.len(), 3);
    }

    #[test]
    fn any_jws_reader_finds_head_payload_and_signature() {
        let key = keys(1).receipts_key();
        let signed = receipt(GivenBy::Person).sign(&key);
        let parts: Vec<&str> = signed.as_str().split('.').collect();
        let head: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
        assert_eq!(head["alg"], "EdDSA");
        assert_eq!(head["kid"], crate::keys::key_id(&key.verifying_key()));
        assert_eq!(URL_SAFE_NO_PAD.decode(parts[2]).unwrap().len(), 64);
        let back = signed.verify(&key.verifying_key()).unwrap();
        assert!(back == receipt(GivenBy::Person));
    }

    #[test]
    fn forged_receipt() {
        let key = keys(1).receipts_key();
        let public = key.verifying_key();
        let good = receipt(GivenBy::Person);
        let signed = good.sign(&key);
        // Another site signed it.
        let foreign = good.sign(&keys(2).receipts_key());
        assert!(matches!(
            foreign.verify(&public),
            Err(ReceiptFault::OtherHead)
        ));
        // It names our key and is signed with another.
        let payload = canonical_json(&good).unwrap();
        let forged = resigned(
            &jws::head(TYPE, &public),
            payload.as_bytes(),
            &keys(2).receipts_key(),
        );
        assert!(matches!(
            forged.verify(&public),
            Err(ReceiptFault::BadSignature)
        ));
        // "alg": "none" with no signature.
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let unsigned = SignedReceipt(format!("{none}.{}.", URL_SAFE_NO_PAD.encode(&payload)));
        assert!(matches!(
            unsigned.verify(&public),
            Err(ReceiptFault::OtherHead)
        ));
        // A longer validity put in.
        let longer = payload.replace("2026-06-02", "2036-06-02");
        let text = signed.as_str().replace(
            &URL_SAFE_NO_PAD.encode(&payload),
            &URL_SAFE_NO_PAD.encode(&longer),
        );
        assert_ne!(text, signed.as_str());
        assert!(matches!(
            SignedReceipt(text).verify(&public),
            Err(ReceiptFault::BadSignature)
        ));
        // Commitments signed by the site are no receipt.
        let other = resigned(&jws::head(TYPE, &public), b"{}", &key);
        assert!(matches!(
            other.verify(&public),
            Err(ReceiptFault::NotReceipt(_))
        ));
        let spaced = resigned(
            &jws::head(TYPE, &public),
            format!(" {payload}").as_bytes(),
            &key,
        );
        assert!(matches!(
            spaced.verify(&public),
            Err(ReceiptFault::NotCanonical)
        ));
        for bad in [
            "",
            ".",
            "..",
            "a.b",
            signed.as_str().trim_end_matches(|c| c != '.'),
        ] {
            assert!(
                SignedReceipt::from_text(bad).verify(&public).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_receipt_is_of_one_consent_of_one_person() {
        let receipt = receipt(GivenBy::Person);
        let consent = Consent {
            purpose: ConsentPurpose::Learn,
            given_by: GivenBy::Person,
            given_at: Timestamp::from_millis(1_780_315_200_000),
            expires_at: Timestamp::from_millis(1_780_401_600_000),
            version: 1,
            commitments: promise().digest(),
            receipt: Digest::of(&[]),
            is_released: false,
            ended: None,
        };
        assert!(receipt.is_of(PERSON, &consent));
        assert!(!receipt.is_of(PersonId::from_bits(8), &consent));
        for change in [
            |c: &mut Consent| c.purpose = ConsentPurpose::Research,
            |c: &mut Consent| c.expires_at = Timestamp::from_millis(1_880_401_600_000),
            |c: &mut Consent| c.given_at = Timestamp::from_millis(1_780_315_200_001),
            |c: &mut Consent| c.commitments = Digest::of(&[]),
        ] {
            let mut other = consent.clone();
            change(&mut other);
            assert!(!receipt.is_of(PERSON, &other));
        }
    }
}
