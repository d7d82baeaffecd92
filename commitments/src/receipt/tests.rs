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
        release: None,
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
    let text = Digest::of(&[b"the release"]);
    let issue = |custody, release| {
        let receipt = Receipt::issue(&ReceiptTerms {
            record: 9,
            person: PERSON,
            purpose: ConsentPurpose::Verify,
            given_by: GivenBy::Person,
            given_at: UtcText::new(Timestamp::from_millis(1_780_315_200_000)),
            expires_at: UtcText::new(Timestamp::from_millis(1_780_401_600_000)),
            custody,
            release,
            promise: &promise,
        });
        serde_json::to_value(receipt).unwrap()
    };
    let json = issue(Custody::InPersonsHands, Some(text));
    assert_eq!(json["events"][0]["event_type"], "explicit_consent");
    assert_eq!(json["events"][1]["event_type"], "written_release");
    assert_eq!(json["events"][1]["event_state"], "signed");
    assert_eq!(json["events"][1]["text_sha256"], text.to_string());
    assert!(json["events"][0].get("text_sha256").is_none());
    assert_eq!(
        issue(Custody::Shared, None)["events"]
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
        issue(custody, None)["pii_processing"]["purposes"][0]["storage_locations"][0].to_string()
    })
    .into();
    assert_eq!(places.len(), 3);
}

#[test]
fn any_jws_reader_finds_head_payload_and_signature() {
    let key = keys(1).receipts_key();
    let signed = receipt(GivenBy::Person).sign(&key);
    let parts: Vec<&str> = signed.as_str().split('.').collect();
    let head: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
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
