//! The laws of [`KeyStore`]. One suite; both kinds are run through it.

use std::path::Path;

use regard_backends::{
    HeldKey, KeyChange, KeyStore, MemoryKeys, PersonRow, PurposeKey, SiteSecret, SqliteKeys,
    StoreError,
};
use regard_commitments::{
    ConsentPurpose, Digest, EntryBody, KeySlot, LedgerEntry, PersonTokenHash, SiteKeyId, WrappedKey,
};
use regard_domain::{PersonId, Timestamp};

use crate::fixtures::{Keeper, later};

const OLD: SiteKeyId = SiteKeyId::from_bytes([1; 16]);
const NEW: SiteKeyId = SiteKeyId::from_bytes([2; 16]);

macro_rules! laws {
    ($($law:ident)+) => {
        mod memory {
            use super::*;
            $(#[tokio::test]
            async fn $law() {
                super::$law(&MemoryKeys::default()).await;
            })+
        }
        mod sqlite {
            use super::*;
            $(#[tokio::test]
            async fn $law() {
                let folder = tempfile::tempdir().unwrap();
                let keys = SqliteKeys::open(folder.path()).await.unwrap();
                super::$law(&keys).await;
            })+
        }
    };
}

laws! {
    what_was_put_in_is_read_back
    a_person_is_taken_in_once
    a_change_is_whole_and_nobody_comes_back_by_one
    what_is_over_is_found_in_order
    erasing_destroys_all_keys_and_says_so_once
    the_ledger_is_told_in_order_until_it_has_said_it
    a_retired_key_wraps_nothing_new
    rewrapping_brings_nothing_back
    secrets_of_the_site_are_kept_by_name_and_go_for_good
    closed_keys_say_so
}

fn person(n: u128) -> PersonId {
    PersonId::from_bits(n)
}

fn wrapped(by: SiteKeyId, text: &str) -> WrappedKey {
    WrappedKey {
        site_key: by,
        bytes: format!("wrapped key of {text} for a test").into_bytes(),
    }
}

fn row(n: u128) -> PersonRow {
    PersonRow {
        person: person(n),
        token: PersonTokenHash::from_bytes([7; 32]),
        key: wrapped(OLD, &format!("record {n}")),
        file: format!("file {n}").into_bytes(),
    }
}

fn told(n: u64) -> LedgerEntry {
    LedgerEntry {
        at: later(n),
        body: EntryBody::Corrected {
            subject: Digest::of(&[&n.to_be_bytes()]),
        },
    }
}

fn purpose_key(n: u128, purpose: ConsentPurpose, ends_at: Timestamp) -> PurposeKey {
    PurposeKey {
        person: person(n),
        purpose,
        key: wrapped(OLD, &format!("{purpose} {n}")),
        is_shared: purpose == ConsentPurpose::Learn,
        ends_at,
    }
}

fn change(n: u128) -> KeyChange {
    KeyChange {
        person: person(n),
        file: b"changed".to_vec(),
        keep_until: None,
        put: None,
        destroy: Vec::new(),
        tells: Vec::new(),
    }
}

async fn take_in(keys: &dyn KeyStore, n: u128, keep_until: Timestamp) {
    let kept = Keeper::new().until(row(n), keep_until);
    keys.create(&kept, &told(0)).await.unwrap();
}

async fn agree(keys: &dyn KeyStore, n: u128, purpose: ConsentPurpose, ends_at: Timestamp) {
    let put = Some(purpose_key(n, purpose, ends_at));
    let changed = keys.change(&KeyChange { put, ..change(n) }).await.unwrap();
    assert!(changed.was_there);
}

async fn what_was_put_in_is_read_back(keys: &dyn KeyStore) {
    take_in(keys, 7, later(100)).await;
    assert_eq!(keys.person(person(7)).await.unwrap(), Some(row(7)));
    assert_eq!(keys.person(person(8)).await.unwrap(), None);
    agree(keys, 7, ConsentPurpose::Learn, later(50)).await;
    let there = keys
        .purpose_key(person(7), ConsentPurpose::Learn)
        .await
        .unwrap();
    assert_eq!(
        there,
        Some(purpose_key(7, ConsentPurpose::Learn, later(50)))
    );
    let other = keys
        .purpose_key(person(7), ConsentPurpose::Verify)
        .await
        .unwrap();
    assert_eq!(other, None);
    assert_eq!(
        keys.person(person(7)).await.unwrap().unwrap().file,
        b"changed"
    );
    take_in(keys, 9, later(100)).await;
    assert_eq!(keys.n_persons().await.unwrap(), 2);
    assert_eq!(keys.persons(None, 9).await.unwrap(), [person(7), person(9)]);
    assert_eq!(keys.persons(None, 1).await.unwrap(), [person(7)]);
    assert_eq!(keys.persons(Some(person(7)), 9).await.unwrap(), [person(9)]);
}

async fn a_person_is_taken_in_once(keys: &dyn KeyStore) {
    take_in(keys, 7, later(100)).await;
    let mut other = row(7);
    other.file = b"another".to_vec();
    let again = keys
        .create(&Keeper::new().until(other, later(200)), &told(1))
        .await;
    assert!(matches!(again, Err(StoreError::Taken)));
    assert_eq!(keys.person(person(7)).await.unwrap(), Some(row(7)));
    assert_eq!(keys.pending(9).await.unwrap().len(), 1);
}

async fn a_change_is_whole_and_nobody_comes_back_by_one(keys: &dyn KeyStore) {
    take_in(keys, 7, later(100)).await;
    agree(keys, 7, ConsentPurpose::Learn, later(50)).await;
    let withdrawn = KeyChange {
        destroy: vec![ConsentPurpose::Learn],
        keep_until: Some(later(90)),
        tells: vec![told(1), told(2)],
        ..change(7)
    };
    assert!(keys.change(&withdrawn).await.unwrap().was_there);
    let gone = keys
        .purpose_key(person(7), ConsentPurpose::Learn)
        .await
        .unwrap();
    assert_eq!(gone, None);
    assert_eq!(keys.pending(9).await.unwrap().len(), 3);
    // An end only moves away.
    assert_eq!(keys.past(later(90), 9).await.unwrap(), []);
    // Somebody who is not there does not come by a change, nor does a key of theirs.
    let put = Some(purpose_key(8, ConsentPurpose::Learn, later(50)));
    let stranger = KeyChange {
        put,
        tells: vec![told(3)],
        ..change(8)
    };
    assert!(!keys.change(&stranger).await.unwrap().was_there);
    assert_eq!(keys.person(person(8)).await.unwrap(), None);
    let none = keys
        .purpose_key(person(8), ConsentPurpose::Learn)
        .await
        .unwrap();
    assert_eq!(none, None);
    assert_eq!(keys.pending(9).await.unwrap().len(), 3);
}

async fn what_is_over_is_found_in_order(keys: &dyn KeyStore) {
    for (n, end) in [(1, 30), (2, 10), (3, 20)] {
        take_in(keys, n, later(end + 100)).await;
        agree(keys, n, ConsentPurpose::Learn, later(end)).await;
    }
    let ended = |at| async move {
        let ended = keys.ended(later(at), 9).await.unwrap();
        ended
            .iter()
            .map(|key| key.person.as_bits())
            .collect::<Vec<_>>()
    };
    assert_eq!(ended(9).await, [] as [u128; 0]);
    assert_eq!(ended(20).await, [2, 3]);
    assert_eq!(ended(99).await, [2, 3, 1]);
    assert_eq!(keys.ended(later(99), 1).await.unwrap().len(), 1);
    assert_eq!(
        keys.past(later(120), 9).await.unwrap(),
        [person(2), person(3)]
    );
}

async fn erasing_destroys_all_keys_and_says_so_once(keys: &dyn KeyStore) {
    for n in [7, 8] {
        take_in(keys, n, later(100)).await;
        agree(keys, n, ConsentPurpose::Learn, later(50)).await;
        agree(keys, n, ConsentPurpose::Personalize, later(50)).await;
    }
    let before = keys.pending(9).await.unwrap().len();
    let erased = keys.erase(person(7), &told(5)).await.unwrap();
    assert!(erased.was_there && erased.is_wiped);
    assert!(!keys.erase(person(7), &told(5)).await.unwrap().was_there);
    assert_eq!(keys.person(person(7)).await.unwrap(), None);
    for purpose in ConsentPurpose::ALL {
        assert_eq!(keys.purpose_key(person(7), *purpose).await.unwrap(), None);
    }
    assert_eq!(
        keys.ended(later(99), 9).await.unwrap().len(),
        2,
        "the other's"
    );
    let pending = keys.pending(9).await.unwrap();
    assert_eq!(pending.len(), before + 1);
    assert_eq!(pending.last().unwrap().entry, told(5));
}

async fn the_ledger_is_told_in_order_until_it_has_said_it(keys: &dyn KeyStore) {
    take_in(keys, 7, later(100)).await;
    let tells = vec![told(3), told(1), told(2)];
    keys.change(&KeyChange { tells, ..change(7) })
        .await
        .unwrap();
    let pending = keys.pending(9).await.unwrap();
    let entries: Vec<_> = pending.iter().map(|one| one.entry.clone()).collect();
    assert_eq!(entries, [told(0), told(3), told(1), told(2)]);
    assert_eq!(keys.pending(2).await.unwrap(), pending[..2]);
    keys.settle(&[pending[0].number, pending[2].number])
        .await
        .unwrap();
    let left = keys.pending(9).await.unwrap();
    assert_eq!(left, [pending[1].clone(), pending[3].clone()]);
}

async fn a_retired_key_wraps_nothing_new(keys: &dyn KeyStore) {
    take_in(keys, 7, later(100)).await;
    agree(keys, 7, ConsentPurpose::Learn, later(50)).await;
    let before = keys.pending(9).await.unwrap().len();
    for _ in 0..2 {
        keys.retire(OLD, &told(4)).await.unwrap();
    }
    assert_eq!(
        keys.pending(9).await.unwrap().len(),
        before + 1,
        "said once"
    );
    let kept = Keeper::new().until(row(8), later(100));
    let refused = keys.create(&kept, &told(0)).await;
    assert!(matches!(refused, Err(StoreError::RetiredKey)));
    let put = Some(purpose_key(7, ConsentPurpose::Learn, later(99)));
    let refused = keys.change(&KeyChange { put, ..change(7) }).await;
    assert!(matches!(refused, Err(StoreError::RetiredKey)));
    // What it wrapped before is as it was, and can be destroyed.
    let there = keys
        .purpose_key(person(7), ConsentPurpose::Learn)
        .await
        .unwrap();
    assert_eq!(
        there,
        Some(purpose_key(7, ConsentPurpose::Learn, later(50)))
    );
    assert!(keys.erase(person(7), &told(5)).await.unwrap().was_there);
}

async fn rewrapping_brings_nothing_back(keys: &dyn KeyStore) {
    for n in [7, 8, 9] {
        take_in(keys, n, later(100)).await;
        agree(keys, n, ConsentPurpose::Learn, later(50)).await;
    }
    let held = keys.wrapped_under(OLD, 99).await.unwrap();
    assert_eq!(held.len(), 6);
    assert_eq!(held.iter().filter(|one| one.is_shared).count(), 3);
    let again = |held: &[HeldKey]| -> Vec<(HeldKey, WrappedKey)> {
        let new = |one: &HeldKey| wrapped(NEW, &format!("{} again", one.slot.as_str()));
        held.iter().map(|one| (one.clone(), new(one))).collect()
    };
    // Between the reading and the writing one goes, and one withdraws.
    keys.erase(person(7), &told(5)).await.unwrap();
    let destroy = vec![ConsentPurpose::Learn];
    keys.change(&KeyChange {
        destroy,
        ..change(8)
    })
    .await
    .unwrap();
    assert_eq!(keys.rewrap(&again(&held)).await.unwrap(), 3);
    assert_eq!(keys.person(person(7)).await.unwrap(), None);
    let gone = keys
        .purpose_key(person(8), ConsentPurpose::Learn)
        .await
        .unwrap();
    assert_eq!(gone, None);
    assert_eq!(keys.wrapped_under(OLD, 99).await.unwrap(), []);
    let moved = keys.wrapped_under(NEW, 99).await.unwrap();
    let slots: Vec<_> = moved
        .iter()
        .map(|one| (one.person.as_bits(), one.slot))
        .collect();
    let learn = KeySlot::Purpose(ConsentPurpose::Learn);
    for expected in [(8, KeySlot::Record), (9, KeySlot::Record), (9, learn)] {
        assert!(slots.contains(&expected), "{slots:?}");
    }
    // Once more finds nothing to do: what is there is not what was read.
    assert_eq!(keys.rewrap(&again(&held)).await.unwrap(), 0);
}

async fn secrets_of_the_site_are_kept_by_name_and_go_for_good(keys: &impl KeyStore) {
    let secret = |name: &str, by| SiteSecret {
        name: name.to_owned(),
        key: wrapped(by, name),
    };
    let names = ["gallery/main/1", "gallery/main/2", "gallery%", "webhook/1"];
    for name in names {
        keys.put_secret(&secret(name, OLD)).await.unwrap();
    }
    let again = keys.put_secret(&secret("webhook/1", NEW)).await;
    assert!(matches!(again, Err(StoreError::Taken)));
    let of = async |prefix: &str| -> Vec<String> {
        let found = keys.secrets(prefix).await.unwrap();
        found.into_iter().map(|secret| secret.name).collect()
    };
    assert_eq!(of("gallery/").await, names[..2]);
    assert_eq!(
        of("gallery%").await,
        names[2..3],
        "no character means anything"
    );
    assert_eq!(of("").await.len(), 4);
    // Wrapped again under another key of the site; what went meanwhile stays gone.
    let held = keys.secrets("").await.unwrap();
    let gone = keys
        .drop_secrets(&["webhook/1".to_owned()], &[told(1)])
        .await;
    assert!(gone.unwrap().was_there);
    let again: Vec<_> = held
        .into_iter()
        .map(|held| (held.clone(), wrapped(NEW, &format!("{} again", held.name))))
        .collect();
    assert_eq!(keys.rewrap_secrets(&again).await.unwrap(), 3);
    assert_eq!(keys.rewrap_secrets(&again).await.unwrap(), 0);
    let now = keys.secrets("gallery/main/1").await.unwrap();
    assert_eq!(now[0].key, wrapped(NEW, "gallery/main/1 again"));
    assert_eq!(keys.pending(9).await.unwrap()[0].entry, told(1));
    // What was not there is told of to nobody.
    let none = keys
        .drop_secrets(&["webhook/1".to_owned()], &[told(2)])
        .await;
    assert!(!none.unwrap().was_there);
    assert_eq!(keys.pending(9).await.unwrap().len(), 1);
    keys.retire(OLD, &told(3)).await.unwrap();
    let retired = keys.put_secret(&secret("webhook/2", OLD)).await;
    assert!(matches!(retired, Err(StoreError::RetiredKey)));
}

async fn closed_keys_say_so(keys: &dyn KeyStore) {
    keys.close().await;
    assert!(matches!(
        keys.person(person(1)).await,
        Err(StoreError::Closed)
    ));
    assert!(matches!(keys.pending(1).await, Err(StoreError::Closed)));
    assert!(matches!(
        keys.erase(person(1), &told(1)).await,
        Err(StoreError::Closed)
    ));
}

/// Whether these bytes are in any file of the folder.
fn is_on_disk(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let content = std::fs::read(entry.path()).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[tokio::test]
async fn a_destroyed_key_is_in_no_file_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let keys = SqliteKeys::open(folder.path()).await.unwrap();
    for n in 0..50 {
        take_in(&keys, n, later(100)).await;
        agree(&keys, n, ConsentPurpose::Learn, later(50)).await;
    }
    let record = wrapped(OLD, "record 7").bytes;
    let learn = wrapped(OLD, "learn 8").bytes;
    assert!(is_on_disk(folder.path(), &record) && is_on_disk(folder.path(), &learn));
    assert!(keys.erase(person(7), &told(5)).await.unwrap().is_wiped);
    assert!(!is_on_disk(folder.path(), &record));
    let destroy = vec![ConsentPurpose::Learn];
    let changed = keys
        .change(&KeyChange {
            destroy,
            ..change(8)
        })
        .await
        .unwrap();
    assert!(changed.is_wiped);
    assert!(!is_on_disk(folder.path(), &learn));
    assert!(
        is_on_disk(folder.path(), &wrapped(OLD, "learn 9").bytes),
        "the others' are there"
    );
    let gallery = SiteSecret {
        name: "gallery/main/1".to_owned(),
        key: wrapped(OLD, "gallery 1"),
    };
    keys.put_secret(&gallery).await.unwrap();
    assert!(is_on_disk(folder.path(), &gallery.key.bytes));
    let dropped = keys.drop_secrets(&[gallery.name], &[]).await.unwrap();
    assert!(dropped.is_wiped && !is_on_disk(folder.path(), &gallery.key.bytes));
    keys.close().await;
    // And what is there is there after a restart.
    let keys = SqliteKeys::open(folder.path()).await.unwrap();
    assert_eq!(keys.n_persons().await.unwrap(), 49);
    assert_eq!(
        keys.person(person(9)).await.unwrap().unwrap().person,
        person(9)
    );
}

#[tokio::test]
async fn the_file_of_keys_is_its_owners_alone_and_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let keys = SqliteKeys::open(folder.path()).await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(keys.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let path = keys.path().to_owned();
    keys.close().await;
    std::fs::rename(&path, folder.path().join("regard.db")).unwrap();
    let store = regard_backends::SqliteStore::open(folder.path(), Default::default()).await;
    assert!(matches!(
        store,
        Err(regard_backends::OpenError::Foreign { .. })
    ));
}
