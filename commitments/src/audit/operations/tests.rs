use regard_domain::Timestamp;
use serde_json::json;

use super::*;
use crate::ledger::{EntryBody, LedgerEntry};
use crate::{ConsentPurpose, Digest, EndReason};

const DAY: i64 = 86_400;

/// An instant as entries write it.
fn at(secs: i64) -> i64 {
    Timestamp::from_millis(secs * 1_000).as_micros()
}

/// A book that has heard these entries; what each biometric operation among them lacked.
fn heard(entries: &[Value]) -> Vec<Option<String>> {
    let mut book = OperationBook::new();
    let mut found = Vec::new();
    for entry in entries {
        let n = book.n_operations();
        let lacks = book.hear(&told(entry));
        if book.n_operations() > n {
            found.push(lacks);
        } else {
            assert_eq!(lacks, None, "{entry}");
        }
    }
    found
}

/// The bytes of an entry whose time stands among the fields of its body.
fn told(entry: &Value) -> Vec<u8> {
    let mut body = entry.clone();
    let at = body.as_object_mut().unwrap().remove("at").unwrap();
    json!({ "at": at, "body": body }).to_string().into_bytes()
}

fn given(receipt: &str, purpose: &str, subject: &str) -> Value {
    json!({ "at": at(0), "kind": "consent_given", "subject": subject, "purpose": purpose, "receipt": receipt,
        "commitments": "c", "until": at(30 * DAY) })
}

fn granted(secs: i64, kind: &str, more: &Value) -> Value {
    let mut entry = json!({ "at": at(secs), "kind": "recognition_granted", "recognition": kind, "number": "n",
        "until": at(secs + 60) });
    let fields = more.as_object().unwrap().clone();
    entry.as_object_mut().unwrap().extend(fields);
    entry
}

fn acted(secs: i64) -> Value {
    json!({ "at": at(secs), "kind": "acted", "act": "a", "by": "button" })
}

/// The one operation among the entries is in order, or lacks this.
fn check(entries: &[Value], lacks: Option<&str>) {
    let found = heard(entries);
    assert_eq!(found.last().unwrap().as_deref(), lacks, "{entries:#?}");
}

#[test]
fn a_verification_needs_the_live_consent_of_that_person_to_that() {
    let of = |receipts: Value| json!({ "subject": "s", "receipts": receipts });
    let verify = |secs| granted(secs, "verify", &of(json!(["r"])));
    check(&[given("r", "verify", "s"), verify(60)], None);
    let none = granted(60, "verify", &of(json!([])));
    let nobody = granted(60, "verify", &json!({ "receipts": ["r"] }));
    let aura = granted(60, "aura", &of(json!(["r"])));
    for (consent, operation, lacks) in [
        (None, verify(60), "its consent was never given"),
        (Some(("verify", "s")), none, "it names no consent"),
        (
            Some(("verify", "s")),
            granted(60, "verify", &json!({})),
            "it names no consent",
        ),
        (Some(("verify", "s")), nobody, "it names nobody's record"),
        (
            Some(("verify", "t")),
            verify(60),
            "its consent is somebody else's",
        ),
        (
            Some(("learn", "s")),
            verify(60),
            "its consent is to something else",
        ),
        (
            Some(("verify", "s")),
            verify(30 * DAY),
            "its consent had ended",
        ),
        (
            Some(("verify", "s")),
            verify(30 * DAY - 1),
            "it outlasts its consent",
        ),
        (
            Some(("verify", "s")),
            aura,
            "a kind of recognition that nothing is known of",
        ),
    ] {
        let consent = consent.map(|(purpose, subject)| given("r", purpose, subject));
        let entries: Vec<_> = consent.into_iter().chain([operation]).collect();
        check(&entries, Some(lacks));
    }
}

#[test]
fn a_verification_after_the_end_of_its_consent_is_found() {
    let verify = granted(60, "verify", &json!({ "subject": "s", "receipts": ["r"] }));
    let given = || given("r", "verify", "s");
    let withdrawn = || {
        json!({ "at": at(50), "kind": "consent_ended", "subject": "s", "purpose": "verify",
            "receipt": "r", "why": "withdrawn" })
    };
    let erased = json!({ "at": at(50), "kind": "erased", "subject": "s" });
    for between in [
        vec![withdrawn()],
        vec![erased],
        // Taken back and told of once more: it does not live again.
        vec![withdrawn(), given()],
    ] {
        let entries: Vec<_> = std::iter::once(given())
            .chain(between)
            .chain([verify.clone()])
            .collect();
        check(&entries, Some("its consent had ended"));
    }
}

#[test]
fn an_identification_needs_an_act_of_its_own() {
    let search = |secs| granted(secs, "identify", &json!({ "gallery": "g", "act": "a" }));
    check(&[acted(0), search(30)], None);
    check(&[search(30)], Some("its act never was"));
    check(
        &[acted(0), search(30), search(40)],
        Some("its act had been used up"),
    );
    check(&[acted(0), search(601)], Some("its act was too long ago"));
    let without = granted(30, "identify", &json!({ "gallery": "g" }));
    check(&[acted(0), without], Some("no act stood behind it"));
    let crowd = granted(30, "identify", &json!({ "act": "a" }));
    check(&[acted(0), crowd], Some("it names no gallery"));
}

#[test]
fn a_template_needs_leave_to_enrol_that_person() {
    let enroll = granted(
        30,
        "enroll",
        &json!({ "subject": "s", "receipts": ["r"], "act": "a" }),
    );
    let made = |secs, more: Value| {
        let mut entry = json!({ "at": at(secs), "kind": "template_made", "subject": "s", "template": "t",
            "custody": "in_persons_hands", "number": "n", "until": at(30 * DAY) });
        entry
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        entry
    };
    let begin = vec![given("r", "verify", "s"), acted(0), enroll];
    let with = |last: Value| [begin.clone(), vec![last]].concat();
    check(&with(made(40, json!({}))), None);
    check(&begin, None);
    check(
        &[given("r", "verify", "s"), made(40, json!({}))],
        Some("leave for it was never given"),
    );
    check(
        &with(made(40, json!({ "subject": "x" }))),
        Some("its leave is about somebody else"),
    );
    check(&with(made(90, json!({}))), Some("its leave had ended"));
    check(
        &with(made(40, json!({ "until": at(31 * DAY) }))),
        Some("no consent to it was live, or it outlasts it"),
    );
    let erased = json!({ "at": at(35), "kind": "erased", "subject": "s" });
    check(
        &[begin.clone(), vec![erased, made(40, json!({}))]].concat(),
        Some("its person was erased"),
    );
    let verified = granted(30, "verify", &json!({ "subject": "s", "receipts": ["r"] }));
    check(
        &[given("r", "verify", "s"), verified, made(40, json!({}))],
        Some("its leave is for something else"),
    );
}

#[test]
fn a_service_needs_its_attestation() {
    let made = json!({ "at": at(0), "kind": "attestation_made", "attestation": "x", "collection": "c", "until": at(DAY) });
    let ended = json!({ "at": at(20), "kind": "attestation_ended", "attestation": "x" });
    let used = |secs| {
        granted(
            secs,
            "attested",
            &json!({ "attestation": "x", "gallery": "c" }),
        )
    };
    check(&[made.clone(), used(30)], None);
    check(
        &[used(30)],
        Some("its attestation is none, or was taken back"),
    );
    check(
        &[made.clone(), ended, used(30)],
        Some("its attestation is none, or was taken back"),
    );
    check(&[made, used(DAY)], Some("it outlasts its attestation"));
}

#[test]
fn a_sitting_of_a_study_needs_the_consent_of_its_participant() {
    let sits = |secs: i64, receipt: &str| json!({ "at": at(secs), "kind": "study_granted", "subject": "s", "receipt": receipt,
        "number": "n", "until": at(secs + 60) });
    check(&[given("r", "research", "s"), sits(60, "r")], None);
    for (consent, receipt, lacks) in [
        (given("r", "verify", "s"), "r", "its consent is to something else"),
        (given("r", "research", "t"), "r", "its consent is somebody else's"),
        (given("r", "research", "s"), "q", "its consent was never given"),
    ] {
        check(&[consent, sits(60, receipt)], Some(lacks));
    }
    let late = sits(30 * DAY, "r");
    check(&[given("r", "research", "s"), late], Some("its consent had ended"));
    // As the gate writes it.
    let (subject, receipt) = (Digest::of(&[b"s"]), Digest::of(&[b"r"]));
    let entry = LedgerEntry {
        at: Timestamp::from_micros(at(1)),
        body: EntryBody::StudyGranted {
            subject,
            receipt,
            number: Digest::of(&[b"n"]),
            until: Timestamp::from_micros(at(2)),
        },
    };
    let mut book = OperationBook::new();
    let lacks = book.hear(&entry.leaf_bytes());
    assert_eq!(lacks.as_deref(), Some("its consent was never given"));
    let consent = given(&receipt.to_string(), "research", &subject.to_string());
    let mut book = OperationBook::new();
    assert_eq!(book.hear(&told(&consent)), None);
    assert_eq!(book.hear(&entry.leaf_bytes()), None);
    assert_eq!(book.n_operations(), 1);
}

/// The names that are read are those that entries are written with.
#[test]
fn entries_of_this_program_are_read_by_their_names() {
    let (subject, receipt) = (Digest::of(&[b"s"]), Digest::of(&[b"r"]));
    let entry = |secs, body| LedgerEntry {
        at: Timestamp::from_micros(at(secs)),
        body,
    };
    let given = entry(
        0,
        EntryBody::ConsentGiven {
            subject,
            purpose: ConsentPurpose::Verify,
            receipt,
            commitments: Digest::of(&[b"c"]),
            until: Timestamp::from_micros(at(DAY)),
        },
    );
    let ended = entry(
        100,
        EntryBody::ConsentEnded {
            subject,
            purpose: ConsentPurpose::Verify,
            receipt,
            why: EndReason::Withdrawn,
        },
    );
    let erased = entry(100, EntryBody::Erased { subject });
    let verified = |secs| {
        let of = json!({ "subject": subject, "receipts": [receipt] });
        told(&granted(secs, "verify", &of))
    };
    for end in [ended, erased] {
        let mut book = OperationBook::new();
        assert_eq!(book.hear(&given.leaf_bytes()), None);
        assert_eq!(book.hear(&verified(50)), None);
        assert_eq!(book.hear(&end.leaf_bytes()), None);
        assert_eq!(
            book.hear(&verified(150)).as_deref(),
            Some("its consent had ended")
        );
        assert_eq!(book.n_operations(), 2);
    }
    for purpose in BIOMETRIC {
        let purpose: ConsentPurpose = purpose.parse().unwrap();
        assert!(purpose.is_biometric());
    }
}
