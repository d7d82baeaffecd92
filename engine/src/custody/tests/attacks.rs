//! Attacks by name.

use std::fs;

use regard_backends::{KeyStore as _, SqliteKeys, SqliteOptions, SqliteStore, Store as _};
use regard_commitments::{
    EntryBody, GivenBy, HeldSiteKey, KeySlot, RefusalCode, SiteKeyring, Zeroizing,
};

use super::world::{Run, VirtualClock, copy_files, data, outside, site_key};
use super::{DAY, LEARN, PERSONALIZE};
use crate::custody::{CustodyError, SiteKeyFile};

#[tokio::test]
async fn replayed_consent() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let (one, other) = (run.enroll().await, run.enroll().await);
    let who = run.who(&one).await.unwrap();
    let offer = run.custodian.offer(one.person, LEARN).unwrap();
    run.custodian
        .agree(&who, offer.id, GivenBy::Person, None)
        .await
        .unwrap();
    run.custodian.withdraw(one.person, LEARN).await.unwrap();
    // The request that agreed is sent once more.
    let missing = |result: Result<_, CustodyError>| matches!(result, Err(CustodyError::Refused(r)) if r.code == RefusalCode::ConsentMissing);
    let again = run
        .custodian
        .agree(&who, offer.id, GivenBy::Person, None)
        .await;
    assert!(missing(again));
    // An offer of another person, and one that is too old.
    let theirs = run.custodian.offer(other.person, LEARN).unwrap();
    assert!(missing(
        run.custodian
            .agree(&who, theirs.id, GivenBy::Person, None)
            .await
    ));
    let old = run.custodian.offer(one.person, LEARN).unwrap();
    clock.wait(std::time::Duration::from_secs(600));
    assert!(missing(
        run.custodian
            .agree(&who, old.id, GivenBy::Person, None)
            .await
    ));
    assert_eq!(
        run.refused(one.person, LEARN).await,
        Some(RefusalCode::ConsentWithdrawn)
    );
    run.end().await;
}

#[tokio::test]
async fn replayed_files_bring_back_neither_consent_nor_person() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = Run::begin(folder.path(), &clock).await;
    let (one, other) = (run.enroll().await, run.enroll().await);
    for enrolled in [&one, &other] {
        run.agree(enrolled, LEARN, None).await.unwrap();
    }
    run.end().await;
    let kept = folder.path().join("kept");
    fs::create_dir(&kept).unwrap();
    fs::copy(data(folder.path()).join("keys.db"), kept.join("keys.db")).unwrap();

    let run = Run::begin(folder.path(), &clock).await;
    run.custodian.withdraw(one.person, LEARN).await.unwrap();
    run.custodian.erase(other.person).await.unwrap();
    run.end().await;
    // Somebody puts back the older file of keys.
    for name in ["keys.db-wal", "keys.db-shm"] {
        let _ = fs::remove_file(data(folder.path()).join(name));
    }
    fs::copy(kept.join("keys.db"), data(folder.path()).join("keys.db")).unwrap();

    let run = Run::begin(folder.path(), &clock).await;
    assert_eq!(
        run.refused(one.person, LEARN).await,
        Some(RefusalCode::ConsentWithdrawn)
    );
    assert!(matches!(
        run.who(&other).await,
        Err(CustodyError::UnknownToken)
    ));
    assert_eq!(
        run.refused(other.person, LEARN).await,
        Some(RefusalCode::ConsentMissing)
    );
    assert_eq!(run.keys.n_persons().await.unwrap(), 1);
    // Agreed anew it holds, and the older receipt stays dead.
    run.agree(&one, LEARN, Some(DAY)).await.unwrap();
    assert_eq!(run.refused(one.person, LEARN).await, None);
    run.end().await;
}

/// A person with something in every slot, and the folder of an installation that has stopped.
async fn installation(
    clock: &std::sync::Arc<VirtualClock>,
) -> (tempfile::TempDir, crate::custody::Enrolled) {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::begin(folder.path(), clock).await;
    let one = run.enroll().await;
    run.agree(&one, PERSONALIZE, None).await.unwrap();
    let who = run.who(&one).await.unwrap();
    let likes = serde_json::json!({"animal": "zebra finch"});
    run.custodian.correct(&who, &likes).await.unwrap();
    run.end().await;
    (folder, one)
}

#[tokio::test]
async fn stolen_disk_without_the_site_key() {
    let clock = VirtualClock::new();
    let (folder, one) = installation(&clock).await;
    let stolen = tempfile::tempdir().unwrap();
    copy_files(&data(folder.path()), &data(stolen.path()));
    // What is not sealed names nobody and says nothing.
    let token = one.token.reveal();
    for plain in ["zebra", "explicit_consent", "pii_principal", &token[36..]] {
        assert!(
            !super::is_on_disk(&data(stolen.path()), plain.as_bytes()),
            "{plain} is readable"
        );
    }
    // With every key but the right one, nothing opens.
    let keys = SqliteKeys::open(&data(stolen.path())).await.unwrap();
    let row = keys.person(one.person).await.unwrap().unwrap();
    for byte in 0..20 {
        let guess = std::sync::Arc::new(HeldSiteKey::new(Zeroizing::new([byte; 32])));
        let ring = SiteKeyring::new(guess);
        assert!(
            ring.unwrap((one.person, KeySlot::Record), &row.key, None)
                .is_err()
        );
        let mut named = row.key.clone();
        named.site_key = ring.current();
        assert!(
            ring.unwrap((one.person, KeySlot::Record), &named, None)
                .is_err()
        );
    }
    keys.close().await;
    // The program itself, started on the stolen disk, makes a key of its own and opens nothing with it.
    let run = Run::begin(stolen.path(), &clock).await;
    let opened = run.custodian.ask(one.person, PERSONALIZE).await;
    assert!(matches!(opened, Err(CustodyError::SiteKey(_))));
    run.end().await;
    // With the key it would have: the test can fail.
    fs::copy(outside(folder.path()), outside(stolen.path())).unwrap();
    let run = Run::begin(stolen.path(), &clock).await;
    assert_eq!(run.refused(one.person, PERSONALIZE).await, None);
    run.end().await;
}

#[tokio::test]
async fn forged_receipt() {
    let clock = VirtualClock::new();
    let (folder, one) = installation(&clock).await;
    let run = Run::begin(folder.path(), &clock).await;
    // A receipt that somebody signed with a key of their own gives no consent: consents are read from the
    // person's file, and receipts are only ever given out.
    let who = run.who(&one).await.unwrap();
    let export = run.custodian.export(&who).await.unwrap();
    let genuine = regard_commitments::SignedReceipt::from_text(export.receipts[0].clone());
    assert!(genuine.verify(&run.custodian.receipts_key()).is_ok());
    let key = regard_commitments::SiteKeys::from_seed(Zeroizing::new([9; 32])).receipts_key();
    let forged = genuine
        .verify(&run.custodian.receipts_key())
        .unwrap()
        .sign(&key);
    assert!(forged.verify(&run.custodian.receipts_key()).is_err());
    assert_eq!(
        run.refused(one.person, LEARN).await,
        Some(RefusalCode::ConsentMissing)
    );
    run.end().await;
}

#[tokio::test]
async fn stolen_backup() {
    let clock = VirtualClock::new();
    let (folder, one) = installation(&clock).await;
    let copy = folder.path().join("copy.db");
    SqliteStore::copy(&data(folder.path()), &copy)
        .await
        .unwrap();
    let run = Run::begin(folder.path(), &clock).await;
    run.custodian.erase(one.person).await.unwrap();
    run.end().await;
    // The older store is put back, with its older ledger that knows of no erasure.
    for name in ["regard.db-wal", "regard.db-shm"] {
        let _ = fs::remove_file(data(folder.path()).join(name));
    }
    fs::copy(&copy, data(folder.path()).join("regard.db")).unwrap();
    let store = SqliteStore::open(&data(folder.path()), SqliteOptions::default())
        .await
        .unwrap();
    assert!(
        !store.sealed_of(one.person).await.unwrap().is_empty(),
        "its rows are back"
    );
    store.close().await;
    let run = Run::begin(folder.path(), &clock).await;
    assert!(matches!(
        run.who(&one).await,
        Err(CustodyError::UnknownToken)
    ));
    assert_eq!(
        run.refused(one.person, PERSONALIZE).await,
        Some(RefusalCode::ConsentMissing)
    );
    assert!(
        run.store.sealed_of(one.person).await.unwrap().is_empty(),
        "and gone again"
    );
    assert_eq!(
        run.says(|body| matches!(body, EntryBody::Erased { .. }))
            .await,
        0
    );
    run.end().await;
    // Nor does the key of the site open them anywhere else: there is no key of theirs.
    let ring = SiteKeyFile::open(&site_key(folder.path()), &data(folder.path()))
        .unwrap()
        .ring();
    let keys = SqliteKeys::open(&data(folder.path())).await.unwrap();
    assert!(
        keys.wrapped_under(ring.current(), 9)
            .await
            .unwrap()
            .is_empty()
    );
    keys.close().await;
}
