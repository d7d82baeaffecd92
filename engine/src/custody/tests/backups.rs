//! Backups of real installations: what comes back, and what does not.

use std::fs;

use regard_backends::{SqliteOptions, SqliteStore, Store as _};
use regard_commitments::{EntryBody, RefusalCode, subject};
use regard_domain::Clock as _;

use super::world::{Run, VirtualClock, copy_files, data, is_on_disk, outside, site_key, site_keys};
use super::{LEARN, PERSONALIZE};
use crate::backup::{BackupError, back_up, restore};
use crate::config::SiteKeyConfig;
use crate::custody::{CustodyError, SiteKeyFile};
use crate::keys::write_new;

/// The file of the site's keys, as the program would read it.
fn key_file(folder: &std::path::Path) -> SiteKeyFile {
    SiteKeyFile::open_or_create(&site_key(folder), &data(folder)).unwrap()
}

/// An installation with the seed that signs its ledger in its folder, as the program keeps it.
async fn begin(folder: &std::path::Path, clock: &std::sync::Arc<VirtualClock>) -> Run {
    let run = Run::begin(folder, clock).await;
    let seed = data(folder).join(crate::keys::KEY_FILE);
    if !seed.exists() {
        write_new(&seed, &site_keys().seed()).unwrap();
    }
    run
}

#[tokio::test]
async fn after_an_erasure_an_old_backup_does_not_bring_the_person_back() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock).await;
    let (goes, stays) = (run.enroll().await, run.enroll().await);
    for enrolled in [&goes, &stays] {
        run.agree(enrolled, PERSONALIZE, None).await.unwrap();
        run.agree(enrolled, LEARN, None).await.unwrap();
        let who = run.who(enrolled).await.unwrap();
        let likes = serde_json::json!({"animal": "zebra finch"});
        run.custodian.correct(&who, &likes).await.unwrap();
    }
    // Online: the program runs.
    let file = folder.path().join("old.backup");
    let made = back_up(&data(folder.path()), &key_file(folder.path()), &file)
        .await
        .unwrap();
    assert_eq!(made.n_bytes, fs::metadata(&file).unwrap().len());
    run.custodian.erase(goes.person).await.unwrap();
    run.custodian
        .withdraw(stays.person, PERSONALIZE)
        .await
        .unwrap();
    let n_entries = run.entries().await.len();
    run.end().await;

    let restored = restore(
        &file,
        &data(folder.path()),
        &key_file(folder.path()),
        clock.now(),
    )
    .await;
    let restored = restored.unwrap();
    // Of the one who went two receipts and the preferences; of the one who stays the preferences.
    assert_eq!((restored.n_left_out, restored.n_sealed), (4, 2));
    assert!(restored.n_later_entries > 0);

    let run = begin(folder.path(), &clock).await;
    assert!(matches!(
        run.who(&goes).await,
        Err(CustodyError::UnknownToken)
    ));
    assert_eq!(
        run.refused(goes.person, LEARN).await,
        Some(RefusalCode::ConsentMissing)
    );
    assert!(run.store.sealed_of(goes.person).await.unwrap().is_empty());
    assert_eq!(
        run.refused(stays.person, PERSONALIZE).await,
        Some(RefusalCode::ConsentWithdrawn)
    );
    assert_eq!(run.refused(stays.person, LEARN).await, None);
    let who = run.who(&stays).await.unwrap();
    let export = run.custodian.export(&who).await.unwrap();
    assert_eq!((export.receipts.len(), export.preferences), (2, None));
    // The ledger forgets nothing that was said after the backup.
    let entries = run.entries().await;
    assert_eq!(entries.len(), n_entries + 1);
    let tombstone = EntryBody::Erased {
        subject: subject(goes.person),
    };
    assert!(entries.iter().any(|entry| entry.body == tombstone));
    assert!(matches!(
        entries.last().unwrap().body,
        EntryBody::Restored { n_left_out: 4, .. }
    ));
    run.end().await;
}

#[tokio::test]
async fn on_a_new_disk_everything_comes_back_but_what_belongs_to_persons() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock).await;
    let one = run.enroll().await;
    run.agree(&one, LEARN, None).await.unwrap();
    let n_entries = run.entries().await.len();
    let file = folder.path().join("backup");
    back_up(&data(folder.path()), &key_file(folder.path()), &file)
        .await
        .unwrap();
    run.end().await;

    let new = tempfile::tempdir().unwrap();
    fs::copy(outside(folder.path()), outside(new.path())).unwrap();
    let restored = restore(&file, &data(new.path()), &key_file(new.path()), clock.now())
        .await
        .unwrap();
    assert_eq!(
        (
            restored.n_left_out,
            restored.n_sealed,
            restored.n_later_entries
        ),
        (1, 0, 0)
    );
    let run = begin(new.path(), &clock).await;
    assert!(matches!(
        run.who(&one).await,
        Err(CustodyError::UnknownToken)
    ));
    assert_eq!(run.entries().await.len(), n_entries + 1);
    assert!(run.store.commitments(1).await.unwrap().is_some());
    let next = run.enroll().await;
    run.agree(&next, LEARN, None).await.unwrap();
    run.end().await;
}

#[tokio::test]
async fn a_backup_opens_with_its_site_key_alone_and_only_whole() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock).await;
    let one = run.enroll().await;
    run.agree(&one, LEARN, None).await.unwrap();
    run.end().await;
    let file = folder.path().join("backup");
    back_up(&data(folder.path()), &key_file(folder.path()), &file)
        .await
        .unwrap();
    let bytes = fs::read(&file).unwrap();
    for plain in [
        b"SQLite format 3".as_slice(),
        b"ledger",
        b"own_premises",
        site_keys().seed().as_slice(),
    ] {
        assert!(!bytes.windows(plain.len()).any(|window| window == plain));
    }
    // No copy in the clear stays behind.
    let names: Vec<String> = fs::read_dir(data(folder.path()))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        !names.iter().any(|name| name.starts_with("backup")),
        "{names:?}"
    );

    let thief = tempfile::tempdir().unwrap();
    let other = SiteKeyFile::open_or_create(&SiteKeyConfig::default(), thief.path()).unwrap();
    let refused = restore(&file, &data(thief.path()), &other, clock.now()).await;
    assert!(matches!(refused, Err(BackupError::OtherKey { .. })));

    // Every sort of damage: changed, cut at a chunk and within one, made longer, two chunks in each other's place.
    let head = bytes.len() % 65_552;
    let mut damages: Vec<Vec<u8>> = Vec::new();
    for at in [70, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        damages.push(damaged);
    }
    for len in [107 + 65_552, bytes.len() - 1, bytes.len() - head.max(1)] {
        damages.push(bytes[..len.min(bytes.len() - 1)].to_vec());
    }
    damages.push([bytes.as_slice(), b"x"].concat());
    let mut swapped = bytes.clone();
    swapped[65..65 + 65_552].copy_from_slice(&bytes[65 + 65_552..65 + 2 * 65_552]);
    damages.push(swapped);
    let damaged_file = folder.path().join("damaged");
    let new = tempfile::tempdir().unwrap();
    for (number, damaged) in damages.into_iter().enumerate() {
        fs::write(&damaged_file, damaged).unwrap();
        let refused = restore(
            &damaged_file,
            &data(new.path()),
            &key_file(folder.path()),
            clock.now(),
        )
        .await;
        assert!(
            matches!(refused, Err(BackupError::Damaged { .. })),
            "{number}"
        );
        assert!(!data(new.path()).join("regard.db").exists());
    }
    fs::write(&damaged_file, b"not a backup").unwrap();
    let refused = restore(
        &damaged_file,
        &data(new.path()),
        &key_file(folder.path()),
        clock.now(),
    )
    .await;
    assert!(matches!(refused, Err(BackupError::NotBackup { .. })));
}

#[tokio::test]
async fn a_backup_goes_into_its_own_installation_or_a_new_one() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    begin(folder.path(), &clock).await.end().await;
    let file = folder.path().join("backup");
    back_up(&data(folder.path()), &key_file(folder.path()), &file)
        .await
        .unwrap();
    // While the program works in the folder, nothing is put back.
    let run = begin(folder.path(), &clock).await;
    let refused = restore(
        &file,
        &data(folder.path()),
        &key_file(folder.path()),
        clock.now(),
    )
    .await;
    assert!(matches!(refused, Err(BackupError::Open(_))));
    run.end().await;
    // Another installation.
    let other = tempfile::tempdir().unwrap();
    copy_files(&data(folder.path()), &data(other.path()));
    fs::remove_file(data(other.path()).join(crate::keys::KEY_FILE)).unwrap();
    write_new(&data(other.path()).join(crate::keys::KEY_FILE), &[9; 32]).unwrap();
    let refused = restore(
        &file,
        &data(other.path()),
        &key_file(folder.path()),
        clock.now(),
    )
    .await;
    assert!(matches!(refused, Err(BackupError::OtherSite { .. })));
    // One whose ledger went another way.
    let fork = tempfile::tempdir().unwrap();
    fs::create_dir_all(data(fork.path())).unwrap();
    fs::copy(
        data(folder.path()).join("site.key"),
        data(fork.path()).join("site.key"),
    )
    .unwrap();
    let run = begin(fork.path(), &clock).await;
    run.enroll().await;
    run.end().await;
    let long = folder.path().join("long.backup");
    let run = begin(folder.path(), &clock).await;
    run.enroll().await;
    run.end().await;
    back_up(&data(folder.path()), &key_file(folder.path()), &long)
        .await
        .unwrap();
    let refused = restore(
        &long,
        &data(fork.path()),
        &key_file(folder.path()),
        clock.now(),
    )
    .await;
    assert!(matches!(refused, Err(BackupError::OtherLedger { .. })));
    let store = SqliteStore::open(&data(fork.path()), SqliteOptions::default())
        .await
        .unwrap();
    assert_eq!(store.ledger_len().await.unwrap(), 1);
    store.close().await;
    assert!(!is_on_disk(fork.path(), b"regard-backup-v1"));
}
