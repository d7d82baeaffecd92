//! What is particular to the store on disk.

use std::{fs, path::Path};

use regard_backends::{
    Batch, DecisionRow, Integrity, OpenError, SqliteOptions, SqliteReader, SqliteStore, Store,
    StoreError,
};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    conformance::everything,
    fixtures::{Keeper, decision, fact, later, leaf, leaves, one_of_each, setting, signed},
};

async fn open(folder: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(folder, SqliteOptions::default()).await
}

/// The file behind the store's back.
async fn raw(folder: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(folder.join("regard.db"))
        .create_if_missing(true)
        .connect()
        .await
        .unwrap()
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(|_| ())
}

#[tokio::test]
async fn everything_is_there_after_closing_and_opening() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::new();
    let store = open(folder.path()).await.unwrap();
    store
        .commit(&one_of_each(&keeper, 1, later(9_999)))
        .await
        .unwrap();
    store.append_ledger(&leaves(&keeper, 0..3)).await.unwrap();
    store
        .put_setting(&keeper.long(setting("token", "hash")))
        .await
        .unwrap();
    store
        .put_commitments(1, &keeper.long(signed(1)))
        .await
        .unwrap();
    let before = everything(&store).await;
    store.vacuum().await.unwrap();
    assert_eq!(everything(&store).await, before);
    store.close().await;
    let store = open(folder.path()).await.unwrap();
    assert_eq!(everything(&store).await, before);
    assert_eq!(store.integrity_check().await.unwrap(), Integrity::Sound);
}

#[tokio::test]
async fn two_at_once_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).await.unwrap();
    assert!(matches!(
        open(folder.path()).await,
        Err(OpenError::InUse { .. })
    ));
    first.close().await;
    let second = open(folder.path()).await.unwrap();
    drop(second);
    open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn a_newer_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).await.unwrap().close().await;
    let mut connection = raw(folder.path()).await;
    run(&mut connection, "PRAGMA user_version = 77")
        .await
        .unwrap();
    connection.close().await.unwrap();
    let before = fs::read(folder.path().join("regard.db")).unwrap();
    match open(folder.path()).await {
        Err(OpenError::Newer {
            found: 77, known, ..
        }) => assert!(known < 77),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(folder.path().join("regard.db")).unwrap(), before);
}

#[tokio::test]
async fn plays_of_before_there_were_slots_are_read_and_taken_along() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    let keeper = Keeper::new();
    store
        .commit(&one_of_each(&keeper, 2, later(9_999)))
        .await
        .unwrap();
    let plays = store.plays_since(None, later(0)).await.unwrap();
    store.close().await;
    let mut connection = raw(folder.path()).await;
    for statement in [
        "ALTER TABLE plays DROP COLUMN slot",
        "PRAGMA user_version = 7",
    ] {
        run(&mut connection, statement).await.unwrap();
    }
    connection.close().await.unwrap();
    let reader = SqliteReader::open(folder.path()).await.unwrap();
    assert_eq!(reader.plays_since(None, later(0)).await.unwrap(), plays);
    reader.close().await;

    let store = open(folder.path()).await.unwrap();
    assert_eq!(store.plays_since(None, later(0)).await.unwrap(), plays);
    store
        .commit(&one_of_each(&keeper, 3, later(9_999)))
        .await
        .unwrap();
    let plays = store.plays_since(None, later(0)).await.unwrap();
    let slots: Vec<_> = plays.into_iter().map(|play| play.start.slot).collect();
    assert_eq!(slots, [None, Some("side".parse().unwrap())]);
}

#[tokio::test]
async fn a_file_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = raw(folder.path()).await;
    run(&mut connection, "CREATE TABLE theirs (x)")
        .await
        .unwrap();
    connection.close().await.unwrap();
    let before = fs::read(folder.path().join("regard.db")).unwrap();
    assert!(matches!(
        open(folder.path()).await,
        Err(OpenError::Foreign { .. })
    ));
    assert_eq!(fs::read(folder.path().join("regard.db")).unwrap(), before);
}

#[tokio::test]
async fn what_is_no_database_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("regard.db"), vec![7; 9_000]).unwrap();
    match open(folder.path()).await {
        Err(OpenError::Store {
            source: StoreError::Corrupt { .. },
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn damage_in_the_midst_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::new();
    let store = open(folder.path()).await.unwrap();
    for number in 0..200 {
        let batch = one_of_each(&keeper, number, later(9_999));
        store.commit(&batch).await.unwrap();
    }
    store.vacuum().await.unwrap();
    store.close().await;
    let path = folder.path().join("regard.db");
    let mut bytes = fs::read(&path).unwrap();
    let page = bytes.len() / 4096 / 2 * 4096;
    bytes[page..page + 64].fill(0xA5);
    fs::write(&path, bytes).unwrap();
    let store = open(folder.path()).await.unwrap();
    match store.integrity_check().await {
        Ok(Integrity::Damaged(lines)) => assert!(!lines.is_empty()),
        Err(StoreError::Corrupt { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_ledger_torn_behind_our_back_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::new();
    let store = open(folder.path()).await.unwrap();
    store.append_ledger(&leaves(&keeper, 0..5)).await.unwrap();
    store.close().await;
    let mut connection = raw(folder.path()).await;
    for refused in [
        "DELETE FROM ledger WHERE idx = 2",
        "UPDATE ledger SET bytes = x'00' WHERE idx = 2",
        "UPDATE ledger SET idx = 9 WHERE idx = 4",
        "INSERT INTO ledger VALUES (7, zeroblob(32), x'00', 0)",
    ] {
        assert!(run(&mut connection, refused).await.is_err(), "{refused}");
    }
    let torn = "DROP TRIGGER ledger_never_shrinks; DELETE FROM ledger WHERE idx = 2";
    run(&mut connection, torn).await.unwrap();
    connection.close().await.unwrap();
    let store = open(folder.path()).await.unwrap();
    let found = store.integrity_check().await.unwrap();
    assert_eq!(
        found,
        Integrity::Damaged(vec!["the ledger lacks 1 entries".to_owned()])
    );
}

#[tokio::test]
async fn a_full_disk_is_told_apart_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::new();
    let options = SqliteOptions {
        max_bytes: Some(600_000),
    };
    let store = SqliteStore::open(folder.path(), options).await.unwrap();
    let mut written = 0;
    let refused = loop {
        let mut batch = Batch::new();
        for _ in 0..50 {
            written += 1;
            let row = DecisionRow(decision(written, later(1), "summer", "a"));
            batch.decision(keeper.until(row, later(100)));
        }
        match store.commit(&batch).await {
            Ok(_) => assert!(written < 100_000, "never full"),
            Err(error) => break (error, batch),
        }
    };
    assert!(matches!(refused.0, StoreError::Full), "{:?}", refused.0);
    let kept = store.decisions(u32::MAX, None).await.unwrap().len();
    assert_eq!(kept as u128, written - 50, "all of a batch or nothing");
    assert!(fs::metadata(store.path()).unwrap().len() <= 600_000);
    // Retention goes on, and makes room again.
    store.sweep(later(100)).await.unwrap();
    store.commit(&refused.1).await.unwrap();
    assert_eq!(store.decisions(u32::MAX, None).await.unwrap().len(), 50);
}

#[tokio::test]
async fn what_was_swept_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::new();
    let store = open(folder.path()).await.unwrap();
    let mut batch = Batch::new();
    for number in 0..400 {
        let name = format!("needle-{number}");
        batch.fact(keeper.until(fact(&name, Some(1.0)), later(10)));
        batch.fact(keeper.until(fact(&format!("straw-{number}"), Some(1.0)), later(20)));
    }
    store.commit(&batch).await.unwrap();
    assert!(contains(folder.path(), b"needle-"));
    let report = store.sweep(later(10)).await.unwrap();
    assert_eq!(report.total(), 400);
    assert!(report.is_wiped);
    assert!(!contains(folder.path(), b"needle-"));
    assert!(contains(folder.path(), b"straw-"));
}

fn contains(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|w| w == needle)
    })
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a/b");
    let store = open(&folder).await.unwrap();
    store
        .append_ledger(&[Keeper::new().long(leaf(0))])
        .await
        .unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
        names.push(path.file_name().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(
        names,
        ["regard.db", "regard.db-shm", "regard.db-wal", "regard.lock"]
    );
}

#[tokio::test]
async fn a_commit_that_is_given_up_leaves_the_store_usable() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::new();
    let store = open(folder.path()).await.unwrap();
    for number in 0..30 {
        let batch = one_of_each(&keeper, number, later(9_999));
        let mut commit = Box::pin(store.commit(&batch));
        // Polled a few times, then dropped: now here, now there in the midst.
        for _ in 0..number {
            tokio::select! {
                biased;
                _ = &mut commit => break,
                () = tokio::task::yield_now() => {}
            }
        }
    }
    let batch = one_of_each(&keeper, 100, later(9_999));
    store.commit(&batch).await.unwrap();
    let decisions = store.decisions(u32::MAX, None).await.unwrap();
    let plays = store.plays_since(None, later(0)).await.unwrap();
    assert_eq!(decisions.len(), plays.len());
    assert_eq!(decisions.len(), store.facts().await.unwrap().len());
}
