//! The custodian on real files.

use std::time::{Duration, Instant};

use regard_commitments::{
    Answer, Commitments, ConsentPurpose, DataKind, EntryBody, GivenBy, RefusalCode, SignedReceipt,
    subject,
};
use regard_domain::Clock as _;

use super::{CustodyError, rotate};
use crate::conductor::Taken;
use crate::custody::{KeyPlace, SiteKeyFile};

mod attacks;
mod backups;
mod crashes;
pub(crate) mod crashing;
pub(crate) mod engine_crashes;
mod face_crashes;
mod face_oracle;
mod faces;
mod gallery_kinds;
mod gallery_secrets;
mod merge_crashes;
mod merge_oracle;
mod merges;
mod oracle;
mod releases;
mod rotation_crashes;
mod sittings;
mod sweep_crashes;
mod tokens;
pub(crate) mod world;

use crashing::Faults;
use world::{Run, VirtualClock, data, is_on_disk, site_key, site_keys};

const DAY: Duration = Duration::from_secs(86_400);
const LEARN: ConsentPurpose = ConsentPurpose::Learn;
const PERSONALIZE: ConsentPurpose = ConsentPurpose::Personalize;

#[tokio::test]
async fn a_consent_is_durable_with_its_receipt_before_it_is_acknowledged() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let one = run.enroll().await;
    assert_eq!(
        run.refused(one.person, LEARN).await,
        Some(RefusalCode::ConsentMissing)
    );
    let receipt = run.agree(&one, LEARN, Some(DAY * 10)).await.unwrap();
    assert_eq!(run.refused(one.person, LEARN).await, None);
    let digest = receipt.digest();
    let given = |body: &EntryBody| matches!(body, EntryBody::ConsentGiven { receipt, .. } if *receipt == digest);
    assert_eq!(run.says(given).await, 1);
    let said = receipt
        .verify(&site_keys().receipts_key().verifying_key())
        .unwrap();
    assert_eq!(said.pii_principal_id, one.person);
    run.end().await;

    let run = Run::begin(folder.path(), &clock).await;
    assert_eq!(run.refused(one.person, LEARN).await, None);
    let who = run.who(&one).await.unwrap();
    let export = serde_json::to_value(run.custodian.export(&who).await.unwrap()).unwrap();
    assert_eq!(export["receipts"], serde_json::json!([receipt.as_str()]));
    assert_eq!(export["consents"][0]["purpose"], "learn");
    assert_eq!(export["consents"][0]["is_live"], true);
    assert_eq!(export["consents"][0]["receipt"], digest.to_string());
    run.end().await;
}

#[tokio::test]
async fn withdrawing_destroys_the_key_within_a_second_everywhere() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let one = run.enroll().await;
    for purpose in [LEARN, PERSONALIZE] {
        run.agree(&one, purpose, None).await.unwrap();
    }
    let who = run.who(&one).await.unwrap();
    let likes = serde_json::json!({"language": "nl"});
    run.custodian.correct(&who, &likes).await.unwrap();
    let Answer::Granted(working) = run.custodian.ask(one.person, PERSONALIZE).await.unwrap() else {
        panic!("agreed");
    };
    let wrapped = run
        .keys
        .purpose_key(one.person, PERSONALIZE)
        .await
        .unwrap()
        .unwrap();
    assert!(is_on_disk(&data(folder.path()), &wrapped.key.bytes));
    let before = Instant::now();
    run.custodian
        .withdraw(one.person, PERSONALIZE)
        .await
        .unwrap();
    // Generous for a busy machine; what it takes is measured in the benches.
    assert!(before.elapsed() < Duration::from_secs(60));
    assert!(
        !working.is_live_at(clock.now()),
        "whoever works under it stops"
    );
    assert!(!is_on_disk(&data(folder.path()), &wrapped.key.bytes));
    assert_eq!(
        run.refused(one.person, PERSONALIZE).await,
        Some(RefusalCode::ConsentWithdrawn)
    );
    assert_eq!(
        run.refused(one.person, LEARN).await,
        None,
        "the other consent stays"
    );
    let export = run.custodian.export(&who).await.unwrap();
    assert_eq!(export.preferences, None);
    assert_eq!(
        export.receipts.len(),
        2,
        "what was agreed can still be shown"
    );
    assert_eq!(run.store.sealed_of(one.person).await.unwrap().len(), 2);
    // Once more changes nothing, and is said once.
    run.custodian
        .withdraw(one.person, PERSONALIZE)
        .await
        .unwrap();
    assert_eq!(
        run.says(|body| matches!(body, EntryBody::ConsentEnded { .. }))
            .await,
        1
    );
    let never = run
        .custodian
        .withdraw(one.person, ConsentPurpose::Research)
        .await;
    assert!(
        matches!(never, Err(CustodyError::Refused(r)) if r.code == RefusalCode::ConsentMissing)
    );
    run.end().await;
    let run = Run::begin(folder.path(), &clock).await;
    assert_eq!(
        run.refused(one.person, PERSONALIZE).await,
        Some(RefusalCode::ConsentWithdrawn)
    );
    run.end().await;
}

#[tokio::test]
async fn erasing_leaves_a_proof_and_nothing_else() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let (one, other) = (run.enroll().await, run.enroll().await);
    for enrolled in [&one, &other] {
        run.agree(enrolled, LEARN, None).await.unwrap();
    }
    let row = run.keys.person(one.person).await.unwrap().unwrap();
    let learn = run
        .keys
        .purpose_key(one.person, LEARN)
        .await
        .unwrap()
        .unwrap();
    let sealed = run.store.sealed_of(one.person).await.unwrap();
    let proof = run.custodian.erase(one.person).await.unwrap();
    for bytes in [&row.key.bytes, &learn.key.bytes, &row.file, &sealed[0].body] {
        assert!(!is_on_disk(&data(folder.path()), bytes));
    }
    assert!(matches!(
        run.who(&one).await,
        Err(CustodyError::UnknownToken)
    ));
    assert!(matches!(
        run.custodian.erase(one.person).await,
        Err(CustodyError::UnknownToken)
    ));
    let said = proof.verify(None).unwrap();
    assert_eq!(
        (said.at, said.ledger.as_str()),
        (clock.now(), "regard/ledger/demo")
    );
    let entries = run.entries().await;
    let tombstone = EntryBody::Erased {
        subject: subject(one.person),
    };
    assert_eq!(
        entries[usize::try_from(said.index).unwrap()].body,
        tombstone
    );
    // The ledger does not hold the id.
    assert!(!is_on_disk(
        &data(folder.path()),
        one.person.to_string().as_bytes()
    ));
    assert_eq!(run.refused(other.person, LEARN).await, None);
    run.end().await;
}

#[tokio::test]
async fn a_frozen_record_is_kept_and_never_used() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let one = run.enroll().await;
    run.agree(&one, PERSONALIZE, None).await.unwrap();
    let Answer::Granted(working) = run.custodian.ask(one.person, PERSONALIZE).await.unwrap() else {
        panic!("agreed");
    };
    run.custodian.count_visit(one.person).await.unwrap();
    let taken = Taken {
        person: one.person,
        creative: "coffee".parse().unwrap(),
    };
    run.custodian.count_taken(&taken).await.unwrap();
    run.custodian.freeze(one.person, true).await.unwrap();
    assert!(run.custodian.count_visit(one.person).await.is_err());
    assert!(!working.is_live_at(clock.now()));
    assert_eq!(
        run.refused(one.person, PERSONALIZE).await,
        Some(RefusalCode::ObjectionActive)
    );
    // It can be corrected, exported and lifted, and what was counted can be forgotten.
    let who = run.who(&one).await.unwrap();
    for counted in ["took.coffee", "visits"] {
        for is_there in [true, false] {
            let forgotten = run.custodian.forget_wish(&who, counted).await;
            assert_eq!(forgotten.unwrap(), is_there, "{counted}");
        }
    }
    let likes = serde_json::json!({"language": "fr"});
    run.custodian.correct(&who, &likes).await.unwrap();
    let export = run.custodian.export(&who).await.unwrap();
    assert!(export.frozen_at.is_some());
    assert_eq!(export.preferences, Some(likes));
    run.custodian.freeze(one.person, false).await.unwrap();
    assert_eq!(run.refused(one.person, PERSONALIZE).await, None);
    assert!(
        !working.is_live_at(clock.now()),
        "what was stopped stays stopped"
    );
    run.end().await;
}

#[tokio::test]
async fn preferences_need_consent_and_fit_a_page() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let one = run.enroll().await;
    let who = run.who(&one).await.unwrap();
    let likes = serde_json::json!({"language": "fr"});
    let refused = run.custodian.correct(&who, &likes).await;
    assert!(
        matches!(refused, Err(CustodyError::Refused(r)) if r.code == RefusalCode::ConsentMissing)
    );
    run.agree(&one, PERSONALIZE, None).await.unwrap();
    let long = serde_json::json!("x".repeat(20_000));
    let refused = run.custodian.correct(&who, &long).await;
    assert!(matches!(refused, Err(CustodyError::TooLarge { .. })));
    run.custodian.correct(&who, &likes).await.unwrap();
    // Agreed anew: what hangs on the older consent goes on under the newer.
    run.agree(&one, PERSONALIZE, None).await.unwrap();
    let export = run.custodian.export(&who).await.unwrap();
    assert_eq!(export.preferences, Some(likes));
    run.end().await;
}

#[tokio::test]
async fn a_minor_agrees_through_a_guardian() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let minor = run.custodian.enroll(true).await.unwrap();
    let who = run.who(&minor).await.unwrap();
    let offer = run.custodian.offer(minor.person, LEARN).unwrap();
    let alone = run
        .custodian
        .agree(&who, offer.id, GivenBy::Person, None)
        .await;
    assert!(
        matches!(alone, Err(CustodyError::Refused(r)) if r.code == RefusalCode::MinorProtection)
    );
    let offer = run.custodian.offer(minor.person, LEARN).unwrap();
    let receipt = run
        .custodian
        .agree(&who, offer.id, GivenBy::Guardian, None)
        .await
        .unwrap();
    let said = receipt.verify(&run.custodian.receipts_key()).unwrap();
    assert_eq!(said.events[0].entity_id, "guardian");
    assert_eq!(run.refused(minor.person, LEARN).await, None);
    run.end().await;
}

#[tokio::test]
async fn with_shared_custody_nothing_opens_without_the_person() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let mut document = Commitments::demo();
    document.custody = regard_commitments::Custody::Shared;
    let run = Run::begin_with(folder.path(), &clock, &document, &Faults::new(None))
        .await
        .unwrap();
    let one = run.enroll().await;
    run.agree(&one, PERSONALIZE, None).await.unwrap();
    let who = run.who(&one).await.unwrap();
    let likes = serde_json::json!({"language": "de"});
    run.custodian.correct(&who, &likes).await.unwrap();
    assert_eq!(
        run.custodian.export(&who).await.unwrap().preferences,
        Some(likes)
    );
    // The site with all its files and its key, but without the token.
    let held = run
        .keys
        .purpose_key(one.person, PERSONALIZE)
        .await
        .unwrap()
        .unwrap();
    assert!(held.is_shared);
    let slot = (
        one.person,
        regard_commitments::KeySlot::Purpose(PERSONALIZE),
    );
    let ring = SiteKeyFile::open(&site_key(folder.path()), &data(folder.path()))
        .unwrap()
        .ring();
    assert!(ring.unwrap(slot, &held.key, None).is_err());
    assert!(
        ring.unwrap(slot, &held.key, Some(&one.token.secret()))
            .is_ok()
    );
    run.end().await;
}

#[tokio::test]
async fn a_weakened_promise_does_not_reach_older_consents() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let one = run.enroll().await;
    run.agree(&one, LEARN, None).await.unwrap();
    run.end().await;
    let version = |number, period: &str| {
        let mut document = Commitments::demo();
        document.version = number;
        document
            .retention
            .insert(DataKind::Decision, period.parse().unwrap());
        document
    };
    for (document, expected) in [
        (version(2, "1 hour"), None),
        (version(3, "60 days"), Some(RefusalCode::PurposeNotPromised)),
    ] {
        let run = Run::begin_with(folder.path(), &clock, &document, &Faults::new(None))
            .await
            .unwrap();
        assert_eq!(
            run.refused(one.person, LEARN).await,
            expected,
            "version {}",
            document.version
        );
        if expected.is_some() {
            run.agree(&one, LEARN, None).await.unwrap();
            assert_eq!(run.refused(one.person, LEARN).await, None, "agreed anew");
        }
        run.end().await;
    }
}

#[tokio::test]
async fn a_year_goes_by_and_nothing_outlives_its_time() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let one = run.enroll().await;
    // Longer than the commitments keep persons: as long as they do.
    run.agree(&one, LEARN, Some(DAY * 400)).await.unwrap();
    run.agree(&one, PERSONALIZE, Some(DAY * 10)).await.unwrap();
    let mut ended = Vec::new();
    for day in 0..365 {
        let swept = run.custodian.sweep().await.unwrap();
        run.store.sweep(clock.now()).await.unwrap();
        if swept.total() > 0 {
            ended.push((day, swept.n_consents, swept.n_persons));
        }
        let now = clock.now();
        assert!(run.keys.ended(now, 9).await.unwrap().is_empty());
        assert!(run.keys.past(now, 9).await.unwrap().is_empty());
        clock.wait(DAY);
    }
    // The demonstration keeps persons for 30 days. Their last consent goes with them.
    assert_eq!(ended, [(10, 1, 0), (30, 0, 1)]);
    assert_eq!(run.keys.n_persons().await.unwrap(), 0);
    assert!(
        run.store
            .sealed_persons(None, None, 9)
            .await
            .unwrap()
            .is_empty()
    );
    let expired = |body: &EntryBody| {
        matches!(
            body,
            EntryBody::ConsentEnded {
                why: regard_commitments::EndReason::Expired,
                ..
            }
        )
    };
    assert_eq!(run.says(expired).await, 1);
    assert_eq!(
        run.says(|body| matches!(body, EntryBody::Erased { .. }))
            .await,
        1
    );
    run.end().await;
}

#[tokio::test]
async fn the_key_of_the_site_is_rotated_while_the_program_runs() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let before = [run.enroll().await, run.enroll().await];
    run.agree(&before[0], LEARN, None).await.unwrap();
    let old = run
        .keys
        .person(before[0].person)
        .await
        .unwrap()
        .unwrap()
        .key;

    // Another program, with files of its own.
    let mut file = SiteKeyFile::open(&site_key(folder.path()), &data(folder.path())).unwrap();
    let keys = regard_backends::SqliteKeys::open(&data(folder.path()))
        .await
        .unwrap();
    let rotated = rotate(&keys, &mut file, &KeyPlace::File, clock.now())
        .await
        .unwrap();
    assert_eq!(rotated.n_keys, 3);
    let again = rotate(&keys, &mut file, &KeyPlace::File, clock.now())
        .await
        .unwrap();
    assert_ne!(again.to, rotated.to, "each rotation makes a fresh key");
    regard_backends::KeyStore::close(&keys).await;

    // This one goes on: what was wrapped opens, what is new is wrapped with the new key.
    assert_eq!(run.refused(before[0].person, LEARN).await, None);
    let after = run.enroll().await;
    run.agree(&after, LEARN, None).await.unwrap();
    let row = run.keys.person(after.person).await.unwrap().unwrap();
    assert_eq!(row.key.site_key, again.to);
    for enrolled in &before {
        assert!(run.who(enrolled).await.is_ok());
    }
    assert!(!is_on_disk(folder.path(), &old.bytes));
    assert_eq!(
        run.says(|body| matches!(body, EntryBody::SiteKeyRotated { .. }))
            .await,
        2
    );
    run.end().await;
}

#[tokio::test]
async fn a_rotation_that_was_broken_off_goes_on() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let one = run.enroll().await;
    let config = site_key(folder.path());
    let mut file = SiteKeyFile::open(&config, &data(folder.path())).unwrap();
    // It died after the fresh key was written.
    let fresh = file.add_fresh(&KeyPlace::File).unwrap();
    let mut file = SiteKeyFile::open(&config, &data(folder.path())).unwrap();
    let rotated = rotate(&*run.keys, &mut file, &KeyPlace::File, clock.now())
        .await
        .unwrap();
    assert_eq!((rotated.to, rotated.n_keys), (fresh, 1));
    assert_eq!(file.ring().ids(), [fresh]);
    assert!(run.who(&one).await.is_ok());
    assert!(
        run.custodian
            .export(&run.who(&one).await.unwrap())
            .await
            .is_ok()
    );
    run.end().await;
}

#[tokio::test]
async fn nobody_enrolls_where_nothing_is_promised() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let mut document = Commitments::demo();
    document.consent_purposes.clear();
    let run = Run::begin_with(folder.path(), &clock, &document, &Faults::new(None))
        .await
        .unwrap();
    let refused = run.custodian.enroll(false).await;
    assert!(
        matches!(refused, Err(CustodyError::Refused(r)) if r.code == RefusalCode::PurposeNotPromised)
    );
    for text in ["", "rgp_", "Bearer x"] {
        let unknown = run.custodian.authenticate(text).await;
        assert!(matches!(unknown, Err(CustodyError::UnknownToken)), "{text}");
    }
    assert!(
        SignedReceipt::from_text("")
            .verify(&run.custodian.receipts_key())
            .is_err()
    );
    run.end().await;
}

/// Rows whose person has no key are removed at start and those of everyone else stay, in whatever order ids lie.
#[tokio::test]
async fn sealed_rows_without_a_person_go_at_start_and_no_others() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let mut persons = Vec::new();
    for _ in 0..9 {
        let one = run.enroll().await;
        run.agree(&one, LEARN, None).await.unwrap();
        persons.push(one.person);
    }
    persons.sort();
    // Gone from the file of keys alone, as when the program died between the two files: the first, some in the middle, the last.
    let gone = [0, 3, 4, 8].map(|at| persons[at]);
    for person in gone {
        let tells = regard_commitments::LedgerEntry {
            at: clock.now(),
            body: EntryBody::Erased {
                subject: subject(person),
            },
        };
        run.keys.erase(person, &tells).await.unwrap();
    }
    run.end().await;
    let run = Run::begin(folder.path(), &clock).await;
    let left = run.store.sealed_persons(None, None, 100).await.unwrap();
    let expected: Vec<_> = persons
        .into_iter()
        .filter(|person| !gone.contains(person))
        .collect();
    assert_eq!(left, expected);
    run.end().await;
}
